"""The contract between a host, the component behind it, and everybody who uses either.

May import msgspec, :mod:`codex_runtime.values` and :mod:`codex_runtime.errors`; no IO. Declared
here and nowhere else: actors and their scopes, tables with their indexes, state tables, the
functions of the component, the endpoints of a host, limits. Validators, schemas, typed calls, the
TypeScript side, the reference pages and the suites are made of these declarations; codes are in
:mod:`codex_runtime.errors`.

Data flows one way: shapes → tables, states → functions → endpoints.
"""
