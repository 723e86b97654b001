"""Targets: what the suites can be run against, written as ``kind`` or ``kind:params``.

May import the fakes and the transports of :mod:`codex_runtime.app_server` (bytes only). The
invariant: a target declares what it can do before anything runs, and what it does not declare is
never asked of it.
"""
