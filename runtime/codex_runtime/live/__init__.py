"""A conversation as a person sees it while it happens: pure functions for any user interface.

May import :mod:`codex_runtime.protocol`. Data flows one way: stored deltas become an overlay
(:mod:`.overlay`), the overlay is merged with the stored messages (:mod:`.messages`), and reasoning
is put together from its segments (:mod:`.reasoning`).
"""
