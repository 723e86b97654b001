"""An event loop whose time passes only when nothing else is left to do.

Whoever sleeps, or waits with a bound, is woken as soon as everybody waits: an hour costs nothing,
and two runs of the same program happen in the same order.
"""

from __future__ import annotations

import asyncio
import selectors

THREAD_SECONDS = 5.0
"""How long to really wait for another thread or a file, when no timer is left to jump to."""


class _Jumping(selectors.DefaultSelector):
    """A selector that lets time pass in the place of waiting."""

    passed = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(THREAD_SECONDS)
            if not ready:
                raise RuntimeError("everybody waits, and nothing will ever happen")
            return ready
        self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a virtual clock."""

    def __init__(self):
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.passed
