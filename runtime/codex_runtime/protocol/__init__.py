"""The app-server wire as pure functions and state machines: no IO, no clock, no tasks.

May import :mod:`codex_runtime.errors` and msgspec. Data flows one way through the modules: bytes
(:mod:`.framing`) become messages (:mod:`.messages`, :mod:`.inbound`), messages are told apart
(:mod:`.classification`, :mod:`.methods`) and read (:mod:`.terminal`, :mod:`.items`,
:mod:`.payloads`); what goes out is typed (:mod:`.params`, :mod:`.results`, :mod:`.answers`),
checked (:mod:`.outbound`) and matched with what comes back (:mod:`.correlation`).
"""
