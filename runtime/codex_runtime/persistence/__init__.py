"""How what Codex does is kept and read: the runtime's side of a Convex deployment.

May import :mod:`codex_runtime.values` and :mod:`codex_runtime.errors`. :mod:`.live_reads` reads;
nothing here knows who asks.
"""
