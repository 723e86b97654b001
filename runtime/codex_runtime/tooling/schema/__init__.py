"""The protocol lock's tools: make it from a source, compare it with one, hold messages to it.

May import :mod:`codex_runtime.protocol` and :mod:`codex_runtime.app_server`. Data flows one way:
a source (:mod:`.source`, :mod:`.typescript`) is made plain (:mod:`.normalising`,
:mod:`.result_types`), then written (:mod:`.layout`, :mod:`.writing`) or compared (:mod:`.shapes`,
:mod:`.comparing`, :mod:`.changes`); messages (:mod:`.messages`, :mod:`.samples`,
:mod:`.simulated`) are held to a lock by :mod:`.verifying`.
"""
