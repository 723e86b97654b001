"""Carries the actions of a response out on a connection.

May import the actions, the gates, and the types of ASGI. The invariant: whatever a response waits
for, it also ends when the client leaves or the server stops, and it leaves no task behind.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from codex_fakes.responses.actions import (
    Action,
    AwaitGate,
    OpenStream,
    Pause,
    Refuse,
    Send,
    StaySilent,
)
from codex_fakes.responses.exchange import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive
    from starlette.types import Send as AsgiSend

    from codex_fakes.script.playing import Gates

_CHUNK: Final = 64 * 1024
"""Events with nothing between them are sent together, in writes of about this many bytes."""


async def carry_out(
    actions: Sequence[Action],
    *,
    gates: Gates,
    stopping: asyncio.Event,
    receive: Receive,
    send: AsgiSend,
) -> Outcome:
    """Carry actions out, in order, until they are done, the client leaves or the server stops.

    Args:
        actions: What to do.
        gates: The gates that actions may wait at.
        stopping: Set when the server stops.
        receive: Where ASGI says that the client left.
        send: Where the response goes.

    Returns:
        How it ended.
    """
    answer = _Answer(gates, send)
    playing = asyncio.create_task(answer.play(actions))
    leaving = asyncio.create_task(_client_left(receive))
    closing = asyncio.create_task(stopping.wait())
    tasks = (playing, leaving, closing)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # Their results are looked at below; here they only have to be over.
        await asyncio.wait(tasks)
    if not playing.cancelled():
        return playing.result()
    if not stopping.is_set():
        leaving.result()
        return Outcome.LEFT
    if leaving.cancelled():
        await answer.give_up()
    return Outcome.STOPPED


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Answer:
    def __init__(self, gates: Gates, send: AsgiSend) -> None:
        self._gates = gates
        self._send = send
        self._started = False

    async def play(self, actions: Sequence[Action]) -> Outcome:
        unsent = bytearray()
        for action in actions:
            if isinstance(action, Send):
                unsent += action.data
                if len(unsent) >= _CHUNK:
                    await self._flush(unsent)
                continue
            await self._flush(unsent)
            match action:
                case OpenStream():
                    await self._start(200, action.headers, "text/event-stream")
                case Refuse():
                    await self._start(action.status, action.headers, "application/json")
                    await self._body(action.body, more=False)
                    return Outcome.REFUSED
                case Pause():
                    # What the script asks for: a model that takes its time.
                    await asyncio.sleep(action.milliseconds / 1000)
                case AwaitGate():
                    await self._gates.passed(action.gate)
                case StaySilent():
                    await asyncio.get_running_loop().create_future()
        await self._flush(unsent)
        await self._body(b"", more=False)
        return Outcome.SENT

    async def give_up(self) -> None:
        if not self._started:
            await self._start(503, {}, "application/json")
        await self._body(b"", more=False)

    async def _start(self, status: int, headers: Mapping[str, str], kind: str) -> None:
        self._started = True
        lines = {"content-type": kind, "cache-control": "no-store", **headers}
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in lines.items()],
            }
        )

    async def _flush(self, unsent: bytearray) -> None:
        if unsent:
            data = bytes(unsent)
            unsent.clear()
            await self._body(data, more=True)
            # Writing to a client that has left returns at once; let that be noticed in between.
            await asyncio.sleep(0)

    async def _body(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
