"""Conformance suites: whether an app-server keeps the promises the runtime builds on.

May import :mod:`codex_fakes` and :mod:`codex_runtime`; nothing imports this package.
"""
