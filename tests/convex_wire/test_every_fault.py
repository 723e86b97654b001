"""Every fault by its name: a test can ask for it, and what its row says is what happens."""

from __future__ import annotations

import json

import httpx
import pytest

from codex_fakes.convex.wire import FAULTS
from codex_fakes.convex.wire.in_process import InProcessConvex
from support.convex_app import APP
from support.convex_sessions import SESSION, Talk, kinds

pytestmark = pytest.mark.anyio

HI = {"body": "hi"}


class Http:
    """A server, and calls of it over HTTP."""

    def __init__(self):
        self.convex = InProcessConvex(APP)
        self.inject = self.convex.inject

    async def send(self):
        """The status of a mutation; 0 when the connection was cut."""
        body = {"path": "messages:send", "args": HI}
        async with self.convex.client() as http:
            try:
                answer = await http.post("/api/mutation", json=body)
            except httpx.ReadError:
                return 0
        said = answer.json()
        return answer.status_code if said.get("status") != "error" else said["errorMessage"]

    @property
    def sent(self):
        return len(self.convex.backend.query("messages:list").unwrap())


class Socket(Talk):
    """A session that has begun."""

    def __init__(self):
        super().__init__()
        self.connect()
        self.inject = self.server.inject

    def send(self):
        return kinds(self.mutate("messages:send", HI))

    @property
    def sent(self):
        return len(self.backend.query("messages:list").unwrap())


async def drop_before_commit():
    http, socket = Http(), Socket()
    http.inject("drop_before_commit")
    socket.inject("drop_before_commit")
    assert (await http.send(), http.sent) == (0, 0)
    assert (socket.send(), socket.sent) == (["dropped"], 0)


async def drop_after_commit():
    http, socket = Http(), Socket()
    http.inject("drop_after_commit")
    socket.inject("drop_after_commit")
    assert (await http.send(), http.sent) == (0, 1)
    assert (socket.send(), socket.sent) == (["dropped"], 1)


async def drop_during_action():
    socket = Socket()
    socket.inject("drop_during_action", path="messages:relay")
    assert kinds(socket.act("messages:relay", HI)) == ["action", "dropped"]


async def drop_sockets():
    async with InProcessConvex(APP) as convex:
        socket = convex.connect()
        connect = {"type": "Connect", "sessionId": SESSION, "connectionCount": 0}
        await socket.send(json.dumps(connect))
        assert json.loads(await socket.receive()) == {"type": "Ping"}
        convex.inject("drop_sockets")
        assert tuple(await socket.receive()) == (1006, "")


async def delay():
    http, socket = Http(), Socket()
    http.inject("delay", milliseconds=1)
    socket.inject("delay", milliseconds=70)
    assert (await http.send(), http.sent) == (200, 1)
    assert socket.mutate("messages:send", HI) == [{"type": "wait", "milliseconds": 70}]
    assert socket.sent == 0
    assert kinds(socket.read(socket.session.waited())) == ["MutationResponse", "Transition"]
    assert socket.sent == 1


async def delay_reply():
    http, socket = Http(), Socket()
    http.inject("delay_reply", milliseconds=1)
    socket.inject("delay_reply", milliseconds=70)
    assert (await http.send(), http.sent) == (200, 1)
    assert socket.mutate("messages:send", HI) == [{"type": "wait", "milliseconds": 70}]
    assert socket.sent == 1
    assert kinds(socket.read(socket.session.waited())) == ["MutationResponse", "Transition"]


async def duplicate_response():
    socket = Socket()
    socket.inject("duplicate_response")
    assert socket.send() == ["MutationResponse", "MutationResponse", "Transition"]


async def conflict():
    http = Http()
    http.inject("conflict", times=5, table="messages")
    assert [await http.send(), await http.send()] == [503, 200]


async def time_out():
    http = Http()
    http.inject("time_out", path="messages:send")
    assert "Function execution timed out (maximum duration: 1s)" in await http.send()
    assert http.sent == 0
    assert (await http.send(), http.sent) == (200, 1)


async def expire_token():
    socket = Socket()
    socket.authenticate(socket.server.tokens.issue("ada"))
    socket.inject("expire_token")
    # The session of this test has no shell that the server could tell; it is asked directly.
    ended = socket.read(socket.session.expire_token())
    assert kinds(ended) == ["AuthError", "closed"]
    assert ended[0]["authUpdateAttempted"] is False


async def restart():
    async with InProcessConvex(APP) as convex:
        convex.backend.mutation("messages:send", HI).unwrap()
        before = convex.backend
        convex.inject("restart")
        assert convex.backend is not before
        assert len(convex.backend.query("messages:list").unwrap()) == 1


async def http_503():
    http = Http()
    http.inject("http_503")
    assert [await http.send(), await http.send()] == [503, 200]
    assert http.sent == 1


async def lost_reply():
    http = Http()
    http.inject("lost_reply")
    assert (await http.send(), http.sent) == (0, 1)


SCENES = {
    scene.__name__: scene
    for scene in (
        drop_before_commit,
        drop_after_commit,
        drop_during_action,
        drop_sockets,
        delay,
        delay_reply,
        duplicate_response,
        conflict,
        time_out,
        expire_token,
        restart,
        http_503,
        lost_reply,
    )
}


def test_every_fault_has_a_scene():
    assert list(SCENES) == list(FAULTS)


@pytest.mark.parametrize("name", SCENES)
async def test_a_fault_does_what_its_name_says(name):
    await SCENES[name]()
