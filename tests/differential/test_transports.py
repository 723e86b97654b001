"""What cannot be said in programs: frames, floods, readers that wait, starts that fail.

Each is done to the real binary and to the executable, and both are observed to do the same.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from websockets.asyncio.client import connect

from codex_fakes.script import Say, Script, script
from support.programs import HELLO, Program, text
from support.servers import PATIENCE, executable, real

pytestmark = [pytest.mark.anyio, pytest.mark.real]

LISTS = {"method": "thread/loaded/list", "params": {}}
FLOOD = 1_500
PIECES, PIECE = 100, 400
MANY = Script(responses=script(Say(text=("y" * PIECE,) * PIECES)).responses * 20)


def encoded(message) -> str:
    return json.dumps(message)


async def heard(socket, done, seen):
    """Read until a message is the one that is waited for."""
    async with asyncio.timeout(PATIENCE):
        while not seen or not done(seen[-1]):
            seen.append(json.loads(await socket.recv()))
    return seen


async def greeted(url, **options):
    socket = await connect(url, max_size=None, compression=None, **options)
    await socket.send(encoded({"id": "hello", "method": "initialize", "params": HELLO}))
    await heard(socket, lambda m: m.get("method") == "remoteControl/status/changed", [])
    return socket


async def ask(socket, request_id, message, seen=None):
    await socket.send(encoded({"id": request_id, **message}))
    seen = [] if seen is None else seen
    await heard(socket, lambda m: m.get("id") == request_id and "method" not in m, seen)
    return seen[-1]


async def frames(server):
    """15b: frames that are no message."""
    observed = {}
    whole = encoded({"id": 50, **LISTS})
    for name, frame in {
        "no JSON": "{not json",
        "a list": "[]",
        "two messages": f"{whole}\n{whole}",
        "a blank one": "",
        "bytes": whole.encode(),
        "fragments": [whole[:10], whole[10:]],
        "blanks around": f"  {whole}\n",
    }.items():
        socket = await greeted(server.url)
        await socket.send(frame)
        seen = []
        # Answers come in any order; whoever answers the second has answered the frame.
        await ask(socket, 77, LISTS, seen)
        await ask(socket, 78, LISTS, seen)
        observed[name] = sorted(message["id"] for message in seen)
        await socket.close()
    return observed


async def flood(server):
    """15e: more requests than the queue holds."""
    socket = await greeted(server.url)
    sends = asyncio.ensure_future(
        asyncio.gather(*(socket.send(encoded({"id": n, **LISTS})) for n in range(FLOOD)))
    )
    answers = {}
    async with asyncio.timeout(PATIENCE):
        while len(answers) < FLOOD:
            message = json.loads(await socket.recv())
            answers[message["id"]] = message
    await sends
    refused = {encoded(m["error"]) for m in answers.values() if "error" in m}
    after = await ask(socket, "after", LISTS)
    await socket.close()
    return {"answered": len(answers), "refusals": sorted(refused), "after": "result" in after}


async def turn_of(socket):
    begun = await ask(socket, "start", {"method": "thread/start", "params": {}})
    thread = begun["result"]["thread"]["id"]
    params = {"threadId": thread, "input": text()}
    await socket.send(encoded({"id": "turn", "method": "turn/start", "params": params}))
    return thread


async def slow_websocket(server):
    """15g: a client that does not read for a while, and one that does."""
    slow, other = await greeted(server.url, max_queue=1), await greeted(server.url)
    thread = await turn_of(slow)
    ended = {"type": "idle"}
    async with asyncio.timeout(PATIENCE):
        while True:
            message = json.loads(await other.recv())
            if message.get("method") == "thread/status/changed":
                status = message["params"]["status"]
                if status == ended:
                    break
    served = await ask(other, "read", {"method": "thread/read", "params": {"threadId": thread}})
    seen = await heard(slow, lambda m: m.get("method") == "turn/completed", [])
    await slow.close()
    await other.close()
    return {"served": "result" in served, "deltas": deltas(seen)}


def deltas(seen):
    return sum(m.get("method") == "item/agentMessage/delta" for m in seen)


async def slow_pipe(server):
    """15h: stdout is not read while more is said than a pipe holds."""
    process = server.process
    for message in (
        {"id": 0, "method": "initialize", "params": HELLO},
        {"id": 1, "method": "thread/start", "params": {}},
    ):
        process.stdin.write(encoded(message).encode() + b"\n")
    thread = None
    async with asyncio.timeout(PATIENCE):
        while thread is None:
            message = json.loads(await process.stdout.readline())
            if message.get("id") == 1:
                thread = message["result"]["thread"]["id"]
    turn = {"id": 2, "method": "turn/start", "params": {"threadId": thread, "input": text()}}
    process.stdin.write(encoded(turn).encode() + b"\n")
    seen = []
    async with asyncio.timeout(PATIENCE):
        while not seen or seen[-1].get("method") != "turn/completed":
            seen.append(json.loads(await process.stdout.readline()))
    return {"deltas": deltas(seen)}


async def doors(server):
    """15a: plain requests beside the websocket."""

    def get(path, headers):
        url = "http" + server.url.removeprefix("ws") + path
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    asked = [(path, {}) for path in ("/readyz", "/healthz", "/", "/nope")]
    asked += [(path, {"Origin": "http://evil"}) for path in ("/readyz", "/")]
    return [await asyncio.to_thread(get, *each) for each in asked]


QUIET = Script(otherwise="echo")
PROGRAMS = {
    "15a plain requests beside a websocket": (doors, Program(QUIET, (), websocket=True)),
    "15b frames that are no message": (frames, Program(QUIET, (), websocket=True)),
    "15e a flood over a websocket": (flood, Program(QUIET, (), websocket=True)),
    "15g a slow reader of a websocket": (slow_websocket, Program(MANY, (), websocket=True)),
    "15h a slow reader of stdout": (slow_pipe, Program(MANY, ())),
    "15j a websocket for everybody, without a token": (None, Program(QUIET, (), websocket=True)),
}


async def observed(make, program, folder, what):
    async with make(program, folder).running() as server:
        return await what(server)


@pytest.mark.parametrize("name", [name for name, (what, _) in PROGRAMS.items() if what])
async def test_both_are_observed_to_do_the_same(name, tmp_path):
    what, program = PROGRAMS[name]
    theirs = await observed(real, program, tmp_path / "real", what)
    ours = await observed(executable, program, tmp_path / "executable", what)
    assert theirs == ours
    assert theirs


async def test_a_websocket_for_everybody_needs_a_token(tmp_path):
    said = []
    for make in (real, executable):
        _, program = PROGRAMS["15j a websocket for everybody, without a token"]
        server = make(program, tmp_path / make.__name__)
        said.append(await server.fails_to_listen("ws://0.0.0.0:54321"))
    assert said[0] == said[1]
    assert said[0][0] == 1
