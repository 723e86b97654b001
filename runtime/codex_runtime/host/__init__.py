"""The host runtime: what owns a Codex process and keeps Convex true.

May import the app-server client, the protocol, persistence and the contract; never a fake. The
decisions are plain state machines and values, without IO; one shell runs them.
"""
