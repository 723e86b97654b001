"""The command ``codex-runtime chat``: a terminal host, on the runtime's public API only.

May import the runtime, persistence, the app-server client and the group of commands; nothing
imports it but the command line. What a line of input means and what is shown of a conversation is
decided without IO; a shell reads, writes and calls the runtime. The invariant: whatever Codex, the
model or a deployment says reaches the terminal as text, never as a control sequence.
"""
