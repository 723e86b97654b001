"""The wire as the suites see it: bytes and the standard library's JSON, nothing else.

May import the standard library and the targets' definition of a door. The invariant: nothing here
uses :mod:`codex_runtime.protocol` or the runtime's client, so that what judges an app-server and
what talks to it in production cannot be wrong together.
"""
