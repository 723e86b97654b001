"""Persistence in front of another that does what it is told: nothing, or harm."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial

from codex_runtime.errors import CodexRuntimeError
from codex_runtime.persistence.failures import PersistenceError

MOODS = ("well", "down", "hangs", "loses replies", "runs late")


class DisturbedPersistence:
    """Passes every call on, as its mood allows.

    Attributes:
        mood: ``down`` refuses every call; ``hangs`` holds it back until the mood is another;
            ``loses replies`` carries it out and says that nobody knows; ``runs late`` carries it
            out although whoever called has given up long ago.
        streams: What was taken in, by stream and event, in the order in which it first came.
    """

    def __init__(self, inner):
        self.inner = inner
        self.mood = "well"
        self._changed = asyncio.Event()
        self._late = set()
        self.streams = {}

    def change(self, mood):
        """Be in another mood; what was held back is looked at again."""
        self.mood = mood
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def durable(self):
        return self.inner.durable

    @property
    def outbox(self):
        return self.inner.outbox

    def __getattr__(self, name):
        operation = getattr(self.inner, name)
        return partial(self._call, operation) if inspect.ismethod(operation) else operation

    async def _call(self, operation, *args):
        if self.mood == "down":
            raise PersistenceError("E_PERSISTENCE_UNREACHABLE", "it is down")
        while self.mood == "hangs":
            await self._changed.wait()
        if self.mood == "runs late":
            late = asyncio.ensure_future(self._run_late(operation, *args))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            raise PersistenceError("E_PERSISTENCE_OUTCOME_UNKNOWN", "it takes too long")
        result = await self._run(operation, *args)
        if self.mood == "loses replies":
            raise PersistenceError("E_PERSISTENCE_OUTCOME_UNKNOWN", "the reply was lost")
        return result

    async def _run(self, operation, *args):
        result = await operation(*args)
        if operation.__name__ == "ingest" and result.status != "rejected":
            for delta in args[0].deltas:
                stream = self.streams.setdefault(delta.stream_id, {})
                before = stream.setdefault(delta.event_id, delta)
                assert before == delta, "an event came again as another one"
        return result

    async def _run_late(self, operation, *args):
        await asyncio.sleep(1)
        try:
            await self._run(operation, *args)
        except CodexRuntimeError:
            # Nobody is there any more to hear of it.
            return
