"""The functions of an app: how they are declared, found, run and told what went wrong.

May import :mod:`codex_runtime.values`, :mod:`codex_runtime.errors` and the store of the engine; no
asyncio. The invariant: a query or a mutation runs to its end without letting anything else run, in
one transaction with everything it calls.
"""
