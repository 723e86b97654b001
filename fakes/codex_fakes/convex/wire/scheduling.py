"""Scheduled functions by the machine's clock.

May import asyncio and the engine's backend, by type. The invariant: a function that is due is
started without anybody asking, and one that takes long holds up no other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codex_fakes.convex.engine.backend import Backend


async def drive_schedule(
    backend: Backend,
    changed: asyncio.Event,
    spawn: Callable[[Coroutine[Any, Any, Any]], None],
) -> None:
    """Run what is due, when it is due, until cancelled.

    Args:
        backend: Whose schedule.
        changed: Set after every commit: there may be something new to do.
        spawn: Starts a task that the server looks after.
    """
    while True:
        changed.clear()
        due, now = backend.next_due(), backend.clock.now_ms()
        if due is not None and due <= now:
            spawn(backend.run_due())
            # It runs up to where it waits for actions before this goes on.
            await asyncio.sleep(0)
            left = backend.next_due()
            if left is not None and left <= now:
                # As many run as may; the commit that ends one of them is the time to look again.
                await changed.wait()
            continue
        try:
            async with asyncio.timeout(None if due is None else (due - now) / 1000):
                await changed.wait()
        except TimeoutError:
            continue
