"""Random peers and random clients: every request is settled once, and nothing is lost or hangs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from codex_runtime.app_server.connection import AppServerConnection
from codex_runtime.app_server.events import ConnectionEnded
from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.errors import CodexRuntimeError, RemoteProtocolError
from codex_runtime.protocol.answers import CommandApproval
from codex_runtime.protocol.correlation import LateAnswer
from codex_runtime.protocol.messages import Notification, Request
from support.peer import Peer, connected

BOUND = 20.0
INDEX = st.integers(min_value=0, max_value=5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.just(0)),
        st.tuples(st.just("give up"), INDEX),
        st.tuples(st.just("answer"), INDEX),
        st.tuples(st.just("refuse"), INDEX),
        st.tuples(st.just("stray"), INDEX),
        st.tuples(st.just("notify"), INDEX),
        st.tuples(st.just("request"), INDEX),
        st.tuples(st.just("resolve"), INDEX),
        st.tuples(st.just("decide"), INDEX),
        st.tuples(st.just("garbage"), INDEX),
    ),
    max_size=40,
)
ENDS = st.sampled_from(["hang up", "cut", "stop"])
SPLITS = st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=5)


class Program:
    """One random client and its random peer."""

    def __init__(self, server: AppServerConnection, peer: Peer, splits: list[int]) -> None:
        self.server = server
        self.peer = peer
        self.splits = splits
        self.asked: list[asyncio.Task[Any]] = []
        self.ids: list[int] = []
        self.answered: dict[int, str] = {}
        self.given_up: set[int] = set()
        self.said: list[str] = []
        self.decided: list[int] = []

    async def say(self, message: object) -> None:
        """Send a message in pieces of odd sizes."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        sizes = iter(self.splits * len(data))
        while data:
            size = next(sizes)
            await self.peer.say_raw(data[:size])
            data = data[size:]

    async def ask(self, _: int) -> None:
        """The client makes a request, and the peer hears it."""
        self.asked.append(asyncio.create_task(self.server.request("model/list", {})))
        self.ids.append((await self.peer.heard())["id"])

    async def give_up(self, index: int) -> None:
        """The client gives a request up."""
        if index < len(self.asked):
            self.asked[index].cancel()
            self.given_up.add(index)
            await asyncio.wait([self.asked[index]])

    async def answer(self, index: int) -> None:
        """The peer answers a request, perhaps not for the first time."""
        if index < len(self.ids):
            self.answered.setdefault(index, "result")
            await self.say({"id": self.ids[index], "result": index})
            await self.fence()

    async def refuse(self, index: int) -> None:
        """The peer refuses a request, perhaps not for the first time."""
        if index < len(self.ids):
            self.answered.setdefault(index, "error")
            error = {"code": -32600, "message": str(index)}
            await self.say({"id": self.ids[index], "error": error})
            await self.fence()

    async def stray(self, index: int) -> None:
        """The peer answers what was never asked."""
        await self.say({"id": f"never-{index}", "result": {}})

    async def notify(self, index: int) -> None:
        """The peer says something."""
        self.said.append(f"note {index} {len(self.said)}")
        await self.say({"method": "warning", "params": {"message": self.said[-1]}})

    async def request(self, index: int) -> None:
        """The peer asks something, perhaps under an id that waits already."""
        method = "item/commandExecution/requestApproval"
        self.said.append(f"asks {index} {len(self.said)}")
        await self.say({"id": index, "method": method, "params": {"note": self.said[-1]}})
        await self.fence()

    async def resolve(self, index: int) -> None:
        """The peer waits for an answer no longer."""
        await self.say({"method": "serverRequest/resolved", "params": {"requestId": index}})
        await self.fence()

    async def decide(self, index: int) -> None:
        """The client answers one of the peer's requests, where one waits."""
        waiting = {request.id: request for request in self.server.pending_requests}
        if index in waiting:
            await self.server.answer(waiting[index], CommandApproval(decision="accept"))
            assert await self.peer.heard() == {"id": index, "result": {"decision": "accept"}}

    async def garbage(self, index: int) -> None:
        """The peer writes what is no message."""
        await self.say([b"\n", b"{\n", b"[]\n", b"\xff\n", b'{"id":true}\n', b"null\n"][index])

    async def fence(self) -> None:
        """Wait until everything the peer has said has been taken in."""
        asking = asyncio.create_task(self.server.request("model/list", {"cursor": "fence"}))
        asked = await self.peer.heard()
        await self.say({"id": asked["id"], "result": "fence"})
        assert await asking == "fence"


async def run(steps: list[tuple[str, int]], end: str, splits: list[int]) -> None:
    async with connected(ConnectionOptions(stop_timeout=0.01)) as (server, peer):
        program = Program(server, peer, splits)
        for name, index in steps:
            act: Callable[[int], Any] = getattr(program, name.replace(" ", "_"))
            await act(index)
        await program.fence()
        if end == "stop":
            await server.stop()
        elif end == "cut":
            peer.transport.abort()
        else:
            await peer.hang_up()
        results = await asyncio.gather(*program.asked, return_exceptions=True)
        events = [event async for event in server.events()]
    check_results(program, results)
    assert isinstance(events[-1], ConnectionEnded)
    assert events[-1].requested is (end == "stop")
    assert not any(isinstance(event, ConnectionEnded) for event in events[:-1])
    heard = [
        json.loads(event.raw)["params"]
        for event in events
        if isinstance(event, Notification | Request) and event.method != "serverRequest/resolved"
    ]
    assert [params.get("message") or params.get("note") for params in heard] == program.said
    assert all(
        isinstance(event, Notification | Request | RemoteProtocolError | LateAnswer)
        for event in events[:-1]
    )
    assert server.pending_requests == ()


def check_results(program: Program, results: list[Any]) -> None:
    for index, result in enumerate(results):
        answered = program.answered.get(index)
        if isinstance(result, asyncio.CancelledError):
            assert index in program.given_up
        elif isinstance(result, CodexRuntimeError):
            expected = "E_APP_SERVER_REQUEST_FAILED" if answered == "error" else "E_APP_SERVER_GONE"
            assert result.code == expected
            assert (answered is None) is (expected == "E_APP_SERVER_GONE")
        else:
            assert (result, answered) == (index, "result")


@settings(deadline=None, max_examples=60)
@given(steps=STEPS, end=ENDS, splits=SPLITS)
def test_whatever_both_sides_do_everything_is_settled_once(
    steps: list[tuple[str, int]], end: str, splits: list[int]
) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(BOUND):
            await run(steps, end, splits)

    asyncio.run(bounded())
