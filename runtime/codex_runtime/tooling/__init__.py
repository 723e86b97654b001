"""The command ``codex-runtime``: tools for those who build hosts, and for those who keep this lock.

May import the rest of the runtime and click. The invariant: nothing of the runtime imports a tool.
"""
