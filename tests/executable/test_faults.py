"""Faults on request: each does what it says, to the messages it names, and to no others."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from codex_fakes.app_server import FAULTS, Fault, SimulatedAppServer, VirtualClock, parse_faults
from codex_fakes.app_server.shell.fault_language import SLOW_READ_MS, Condition
from codex_fakes.app_server.shell.faults import GARBAGE, FaultyConnection
from codex_fakes.script import script
from codex_runtime.errors import ConfigurationError
from support.dial import Dial

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


class Tolerant(Dial):
    """A client that takes lines which are no JSON, too."""

    async def _read(self):
        while data := await self._transport.receive():
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.lines.extend(lines)
            for line in lines:
                try:
                    self.messages.append(json.loads(line))
                except ValueError:
                    self.messages.append({"garbage": line})
            self._changed.set()
        self.closed = True
        self._changed.set()


async def heard_in_a_turn(home, *faults):
    """What a client hears of a turn, up to the turn's end and all that belongs to it."""
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        dial = Tolerant(server.connect())
        await dial.hello()
        await dial.turn(await dial.thread())
        await server.settle()
        await dial.ask("fence", "thread/loaded/list", {})
        await dial.close()
        return [m for m in dial.messages if "method" in m or "garbage" in m]


def methods(messages):
    return [m.get("method", "garbage") for m in messages]


async def test_a_message_is_dropped(home):
    assert "turn/started" not in methods(await heard_in_a_turn(home, "drop=turn/started"))


async def test_a_message_is_said_twice(home):
    messages = await heard_in_a_turn(home, "duplicate=item/completed#1")
    completed = [m for m in messages if m["method"] == "item/completed"]
    assert [m["params"]["item"]["type"] for m in completed] == [
        "userMessage",
        "userMessage",
        "agentMessage",
    ]
    assert completed[0] == completed[1]


async def test_a_message_comes_behind_the_next_one(home):
    plain = methods(await heard_in_a_turn(home))
    swapped = methods(await heard_in_a_turn(home, "reorder=turn/started"))
    place = plain.index("turn/started")
    expected = [*plain[:place], plain[place + 1], "turn/started", *plain[place + 2 :]]
    assert swapped == expected


async def test_a_line_of_garbage_comes_before_a_message(home):
    messages = await heard_in_a_turn(home, "garbage=turn/completed")
    assert messages[-2] == {"garbage": GARBAGE.rstrip(b"\n")}
    assert messages[-1]["method"] == "turn/completed"


async def test_faults_add_up(home):
    faults = ("drop=thread/status/changed", "duplicate=turn/completed")
    heard = methods(await heard_in_a_turn(home, *faults))
    assert "thread/status/changed" not in heard
    assert heard[-2:] == ["turn/completed"] * 2


async def test_no_fault_changes_nothing(home):
    plain = methods(await heard_in_a_turn(home))
    assert methods(await heard_in_a_turn(home, "drop=there/is/none")) == plain


async def test_a_request_is_never_answered_and_not_carried_out(home):
    faults = ["never-answer=thread/start#1"]
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        dial = Dial(server.connect())
        await dial.hello()
        await dial.send({"id": "lost", "method": "thread/start", "params": {}})
        second = await dial.thread()
        loaded = await dial.ask("loaded", "thread/loaded/list", {})
        assert loaded["result"]["data"] == [second]
        assert not [m for m in dial.messages if m.get("id") == "lost"]
        await dial.close()


async def test_an_overloaded_server_refuses_what_it_is_told_to(home):
    faults = ["overload=thread/start#2"]
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        dial = Dial(server.connect())
        await dial.hello()
        answers = [await dial.ask(n, "thread/start", {}) for n in range(3)]
        refusals = [a.get("error") for a in answers]
        refused = {"code": -32001, "message": "Server overloaded; retry later."}
        assert refusals == [None, refused, None]
        await dial.close()


async def test_an_overloaded_server_still_says_hello(home):
    async with SimulatedAppServer(
        script(otherwise="echo"), home=home, faults=["overload"]
    ) as server:
        dial = Dial(server.connect())
        assert "result" in await dial.hello()
        assert "error" in await dial.ask(1, "thread/loaded/list", {})
        await dial.close()


async def test_a_crash_mid_item_is_behind_the_first_delta(home):
    faults = ["crash-mid-item"]
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        dial = Dial(server.connect())
        await dial.hello()
        await dial.turn(await dial.thread())
        await dial.until_closed()
        assert dial.methods()[-1] == "item/agentMessage/delta"
        assert server.crashed


@pytest.mark.parametrize("fault", ["crash-now=turn/start", "crash-now=turn/started"])
async def test_a_crash_comes_at_the_message_it_names(home, fault):
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=[fault]) as server:
        dial = Dial(server.connect())
        await dial.hello()
        thread = await dial.thread()
        params = {"threadId": thread, "input": [{"type": "text", "text": "go"}]}
        await dial.send({"id": "t", "method": "turn/start", "params": params})
        await dial.until_closed()
        answered = [m for m in dial.messages if m.get("id") == "t"]
        assert len(answered) == (fault == "crash-now=turn/started")
        assert "turn/started" not in dial.methods()


async def test_a_hung_server_says_nothing_and_hears_nothing(home):
    faults = ["hang=turn/started"]
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        dial = Dial(server.connect())
        await dial.hello()
        await dial.turn(await dial.thread())
        await server.until(lambda: server.hung)
        await server.settle()
        before = len(dial.messages)
        await dial.send({"id": "deaf", "method": "thread/loaded/list", "params": {}})
        await server.settle()
        assert len(dial.messages) == before
        assert not dial.closed
        await dial.close()


async def test_a_slow_reader_takes_its_time_for_every_line(home):
    clock = VirtualClock()
    began = clock.now_ms()
    async with SimulatedAppServer(
        script(otherwise="echo"), home=home, clock=clock, faults=["slow-reader"]
    ) as server:
        dial = Dial(server.connect())
        await dial.hello()
        lines = [{"id": n, "method": "thread/loaded/list", "params": {}} for n in range(9)]
        await dial.send_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        await dial.answer(8)
        assert clock.now_ms() - began == 10 * SLOW_READ_MS
        await dial.close()


async def test_each_connection_counts_its_own_messages(home):
    faults = ["never-answer=thread/loaded/list#1"]
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        for _ in range(2):
            dial = Dial(server.connect())
            await dial.hello()
            await dial.send({"id": "lost", "method": "thread/loaded/list", "params": {}})
            assert "result" in await dial.ask("second", "thread/loaded/list", {})
            assert not [m for m in dial.messages if m.get("id") == "lost"]
            await dial.close()


def through(text, *lines, asked=()):
    """What a client gets of some messages of the server."""
    connection = FaultyConnection(parse_faults(text))
    for message in asked:
        connection.heard(json.dumps(message).encode() + b"\n")
    written = [json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines]
    return [json.loads(line) for line in connection.said(written)]


def told(method, **params):
    return {"method": method, "params": params}


def test_a_field_gets_another_value_where_the_conditions_hold():
    text = "put=a[params.n=1]:params.n=2"
    assert through(text, told("a", n=1), told("a", n=3)) == [told("a", n=2), told("a", n=3)]


def test_a_field_can_be_left_out_of_a_message_and_of_a_list():
    assert through("omit=a:params.n", told("a", n=1)) == [told("a")]
    assert through("omit=a:params.n.-1", told("a", n=[1, 2])) == [told("a", n=[1])]


def test_a_path_that_leads_nowhere_changes_nothing():
    text = "put=a:params.no.such=1, omit=a:params.n.5, put=a:params.n.x=1"
    assert through(text, told("a", n=[1])) == [told("a", n=[1])]


def test_an_answer_is_known_by_its_request():
    asked = [{"id": 1, "method": "read", "params": {"all": True}}, {"id": 2, "method": "read"}]
    text = "put=read[request.params.all=true]:result=changed"
    answers = [{"id": 1, "result": "r"}, {"id": 2, "result": "r"}]
    assert through(text, *answers, asked=asked) == [{"id": 1, "result": "changed"}, answers[1]]


def test_a_message_is_inserted_with_what_stands_in_the_one_before_it():
    text = 'insert=a:{"method":"b","params":{"of":["@params.n","@params.none"]}}'
    assert through(text, told("a", n=7)) == [told("a", n=7), told("b", of=[7, None])]


def test_a_late_message_comes_behind_the_one_it_waits_for():
    lines = [told("a", n=1), told("b"), told("a", n=2), told("c"), told("b")]
    assert through("late=a[params.n=1]:c", *lines) == [
        lines[1],
        lines[2],
        lines[3],
        lines[0],
        lines[4],
    ]


def test_any_message_can_be_meant():
    assert through("put=*[params]:x=1", told("a"), {"id": 1, "result": 2}) == [
        {**told("a"), "x": 1},
        {"id": 1, "result": 2},
    ]


async def test_a_request_can_be_refused_with_a_text(home):
    faults = ("refuse=thread/start[params.ephemeral=true]:not today",)
    async with SimulatedAppServer(script(otherwise="echo"), home=home, faults=faults) as server:
        dial = Dial(server.connect())
        await dial.hello()
        answer = await dial.ask(7, "thread/start", {"ephemeral": True})
        assert answer == {"id": 7, "error": {"code": -32600, "message": "not today"}}
        assert "result" in await dial.ask(8, "thread/start", {})
        await dial.close()


# --- how they are named ---------------------------------------------------------------------------


def test_faults_are_named_with_a_method_and_a_number():
    text = " drop=turn/started#2, crash-mid-item ,overload=thread/start"
    assert parse_faults(text) == (
        Fault("drop", "turn/started", 2),
        Fault("crash-mid-item", None, 1),
        Fault("overload", "thread/start", None),
    )
    assert parse_faults("") == ()


def test_conditions_and_arguments_may_hold_what_separates_faults():
    text = (
        "drop=item/started[params.item.type=plan][params.text^=a:b,c]#2, "
        'put=a[b!=null]:c.0={"d":[1,2]},insert=e:{"method":"f, g"}, refuse=h:no'
    )
    assert parse_faults(text) == (
        Fault(
            "drop",
            "item/started",
            2,
            where=(
                Condition(("params", "item", "type"), "=", "plan"),
                Condition(("params", "text"), "^=", "a:b,c"),
            ),
        ),
        Fault(
            "put", "a", where=(Condition(("b",), "!=", None),), path=("c", "0"), value={"d": [1, 2]}
        ),
        Fault("insert", "e", value={"method": "f, g"}),
        Fault("refuse", "h", text="no"),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("explode", "there is no such fault; there are: crash-now,"),
        ("drop", "say which message"),
        ("never-answer", "say which message"),
        ("drop=turn/started#0", "is not the number of a message"),
        ("drop=turn/started#x", "is not the number of a message"),
        ("slow-reader=turn/start", "is not about one message"),
        ("drop=turn/started#2[params]", "the number stands behind the conditions"),
        ("drop=turn/started[params", "a condition is written as"),
        ("drop=turn/started[=3]", "a condition is written as"),
        ("drop=turn/started:params", "takes nothing behind a colon"),
        ("late=turn/started", "needs :METHOD"),
        ("put=turn/started:params", "say which field gets which value"),
        ("insert=turn/started:[1]", "the message is a JSON object"),
    ],
)
def test_a_fault_that_cannot_be_understood_is_refused(text, why):
    with pytest.raises(ConfigurationError, match=why) as refused:
        parse_faults(text)
    assert refused.value.code == "E_FAKE_FAULT_UNKNOWN"


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_leaves_other_messages_as_they_are(name):
    kind = FAULTS[name]
    fault = Fault(name, None if kind.side == "none" else "some/other", 1)
    connection = FaultyConnection([fault])
    asked = b'{"id":1,"method":"thread/start","params":{}}\n'
    said = [b'{"id":1,"result":{}}\n', b'{"method":"turn/started","params":{},"emittedAtMs":1}\n']
    assert connection.heard(asked) == ([asked], [])
    assert connection.said(said) == said
    assert connection.fate is None


# --- the executable -------------------------------------------------------------------------------


async def test_the_executable_dies_as_if_killed(simulated, websocket_of):
    simulated.extra["CODEX_SIMULATED_FAULTS"] = "crash-mid-item"
    async with simulated.dialled() as dial:
        await dial.hello()
        await dial.turn(await dial.thread())
        await dial.until_closed()
        assert dial.methods()[-1] == "item/agentMessage/delta"
        await dial.close()
        assert dial.transport.exit_code == -signal.SIGKILL
    async with websocket_of(simulated) as dial:
        await dial.hello()
        await dial.turn(await dial.thread())
        await dial.until_closed()
        assert dial.methods()[-1] == "item/agentMessage/delta"
        async with asyncio.timeout(20):
            assert await dial.process.wait() == -signal.SIGKILL


def test_a_hung_executable_does_not_heed_sigterm(simulated):
    simulated.extra["CODEX_SIMULATED_FAULTS"] = "hang=thread/started"
    process = simulated.popen("app-server")
    hello = {"clientInfo": {"name": "tester", "version": "1"}}
    for request_id, method, params in ((1, "initialize", hello), (2, "thread/start", {})):
        line = json.dumps({"id": request_id, "method": method, "params": params})
        process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()
    # The answer is the last thing it says: thread/started would come behind it.
    for line in process.stdout:
        if json.loads(line).get("id") == 2:
            break
    process.stdin.close()
    process.send_signal(signal.SIGTERM)
    assert process.poll() is None
    process.kill()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=20) == -signal.SIGKILL


def test_a_slow_executable_lets_the_pipe_fill(simulated):
    simulated.extra["CODEX_SIMULATED_FAULTS"] = "slow-reader"
    process = simulated.popen("app-server")
    hello = {"clientInfo": {"name": "tester", "version": "1"}}
    lines = [{"id": 1, "method": "initialize", "params": hello}]
    lines += [{"id": n, "method": "thread/loaded/list", "params": {}} for n in range(2, 9)]
    process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    process.stdin.flush()
    answered = []
    for line in process.stdout:
        answered.append(json.loads(line).get("id"))
        if answered[-1] == 8:
            break
    process.communicate(timeout=20)
    assert [each for each in answered if each] == list(range(1, 9))


def test_a_flood_is_lost_on_request(simulated):
    simulated.extra["CODEX_SIMULATED_FAULTS"] = "lost-overload"
    process = simulated.popen("app-server")
    hello = {"clientInfo": {"name": "tester", "version": "1"}}
    flood = [{"id": n, "method": "thread/loaded/list", "params": {}} for n in range(2, 1_002)]
    lines = [{"id": 1, "method": "initialize", "params": hello}, *flood]
    process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    process.stdin.flush()
    fence = {"id": "fence", "method": "thread/loaded/list", "params": {}}
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if said[-1].get("id") == 1:
            process.stdin.write(json.dumps(fence).encode() + b"\n")
            process.stdin.flush()
        if said[-1].get("id") == "fence":
            break
    process.communicate(timeout=20)
    assert not [m for m in said if "error" in m]
    assert 0 < len([m for m in said if isinstance(m.get("id"), int)]) < len(flood)
