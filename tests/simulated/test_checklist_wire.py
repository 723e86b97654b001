"""The checklist of FACTS §19, line by line: framing, introductions, transports.

Each test is named after its line, which stands in its docstring. A scenario that is named here is
played to both app-servers in ``tests/differential``, which compares all that is said; a program
that is written here is compared here. What remains to be shown is that the line is in it.

Lines that are about frames, floods and ends of processes cannot be said in programs. They are shown
by tests of their own, elsewhere: :data:`SHOWN_ELSEWHERE`.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re

import pytest

from codex_fakes.script import FailHttp, Run, Say, script
from codex_runtime.protocol.methods import CLIENT_METHODS
from differential.wire import IDS
from simulated.heard import SCENARIOS, heard
from support.programs import HELLO, Call, Program, Restart, Tell, start, turn
from support.servers import Simulated, executable, real
from support.two_servers import Player

pytestmark = [pytest.mark.anyio, pytest.mark.real]

STANDARD_IO = "executable/test_standard_io.py"
WEBSOCKET = "executable/test_websocket.py"
TRANSPORTS = "differential/test_transports.py"
SHOWN_ELSEWHERE = {
    "-32001 without data under flood": (
        (TRANSPORTS, "test_both_are_observed_to_do_the_same"),
        (STANDARD_IO, "test_a_flood_is_refused_beyond_the_queue_and_every_request_is_answered"),
    ),
    "option: lost responses": (("executable/test_faults.py", "test_a_flood_is_lost_on_request"),),
    "defaults of section 7": (
        (
            "executable/test_configuration.py",
            "test_a_thread_is_what_the_real_one_makes_of_the_configuration",
        ),
    ),
    "ws text frames only, Origin 403, readyz/healthz": (
        (TRANSPORTS, "test_both_are_observed_to_do_the_same"),
    ),
    "bearer 401": (
        (WEBSOCKET, "test_without_the_token_the_handshake_is_refused"),
        (WEBSOCKET, "test_with_the_token_it_is_let_through"),
        (TRANSPORTS, "test_a_websocket_for_everybody_needs_a_token"),
    ),
    "unix = websocket": (
        (WEBSOCKET, "test_a_unix_socket_speaks_websocket_and_is_the_owner_s_only"),
    ),
}
"""Lines of the checklist, and the tests that show them."""

KEYS = (
    ["id", "result"],
    ["error", "id"],
    ["method", "params", "emittedAtMs"],
    ["method", "id", "params"],
)
"""The members of messages, in their order: answers, errors, notifications, requests."""
SERVERS = {"real": real, "simulated": executable}


@pytest.mark.parametrize("line", SHOWN_ELSEWHERE)
def test_what_is_shown_elsewhere_is(line, request):
    for file, name in SHOWN_ELSEWHERE[line]:
        source = (request.config.rootpath / "tests" / file).read_text(encoding="utf-8")
        nodes = ast.walk(ast.parse(source))
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert name in {node.name for node in nodes if isinstance(node, functions)}


# --- framing -------------------------------------------------------------------------------------

LINES = [
    {"id": 0, "method": "initialize", "params": HELLO},
    {"id": 1, "method": "nope"},
    {"id": 2, "method": "thread/start", "params": {"approvalPolicy": "untrusted"}},
]


@pytest.mark.parametrize("which", SERVERS)
async def test_lines_are_compact_and_their_members_in_order(which, tmp_path):
    """Compact JSON + newline, no jsonrpc key, key sets/order of section 4, emittedAtMs in ms."""
    program = Program(script(Run(command="touch 'ünïcode'")), ())
    lines = []
    async with SERVERS[which](program, tmp_path / which).running() as server:
        pipes = server.process
        for message in LINES:
            pipes.stdin.write(json.dumps(message).encode() + b"\n")
        async with asyncio.timeout(20):
            while not (lines and b"requestApproval" in lines[-1]):
                lines.append(await pipes.stdout.readline())
                message = json.loads(lines[-1])
                if message.get("id") == 2:
                    told = {"threadId": message["result"]["thread"]["id"], "input": []}
                    told["input"] = [{"type": "text", "text": "go"}]
                    asked = {"id": 3, "method": "turn/start", "params": told}
                    pipes.stdin.write(json.dumps(asked).encode() + b"\n")
    seen = []
    for line in lines:
        message = json.loads(line)
        again = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        assert line.decode() == again + "\n"
        assert list(message) in KEYS
        seen.append(list(message))
        if "emittedAtMs" in message:
            assert re.fullmatch(r"\d{13}", str(message["emittedAtMs"]))
    assert all(keys in seen for keys in KEYS)


async def test_requests_of_the_server_are_counted_from_0_in_each_process(the_same, tmp_path):
    """Integer server request ids from 0 per process."""
    ask = Run(command="touch x")
    again = Call("thread/resume", {"threadId": "$t", "excludeTurns": True})
    untrusted = start(approvalPolicy="untrusted")
    other = start("u", approvalPolicy="untrusted")
    program = Program(
        script(ask, ask, ask),
        (untrusted, turn("a"), other, turn("b", thread="$u"), Restart(), again, turn("c")),
    )
    await the_same(program)
    ids = [
        [message["id"] for message in part[""].messages if {"id", "method"} <= message.keys()]
        for part in await heard(program, tmp_path)
    ]
    assert ids == [[0, 1], [0]]


async def test_string_and_int64_ids_are_echoed_and_lines_with_others_ignored(played):
    """Echo string/int64 ids; ignore lines with other ids."""
    said = await played("13d request ids")
    (_, *rest) = [message["id"] for message in said.messages if "id" in message]
    kept = [each for each in IDS if isinstance(each, str) or type(each) is int]
    assert rest == [each for each in kept if isinstance(each, str) or each < 2**63]


async def test_what_is_no_message_is_met_with_silence(played):
    """Silence on unparseable lines."""
    program = SCENARIOS["13g answers that nobody waits for"]
    assert sum(isinstance(step, Tell) for step in program.steps) == 10
    said = await played("13g answers that nobody waits for")
    behind = said.titles[said.titles.index("remoteControl/status/changed") + 1 :]
    assert behind == ["answer to thread/loaded/list"]


@pytest.mark.parametrize("which", SERVERS)
async def test_a_line_that_is_not_utf_8_ends_the_process_with_0(which, tmp_path):
    """Exit 0 on non-UTF-8 input."""
    async with SERVERS[which](Program(script(), ()), tmp_path / which).running() as server:
        server.process.stdin.write(b'{"id":1,"method":"\xff"}\n')
        async with asyncio.timeout(20):
            assert await server.process.wait() == 0


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("09a the end of stdin, idle", 0),
        ("09e SIGTERM in the middle of a message", 0),
        ("09g SIGINT, idle", -2),
        ("09h SIGHUP, idle", -1),
    ],
)
async def test_each_end_has_its_exit_code(name, code, tmp_path):
    """Exit 0 on EOF/SIGTERM, signal death on SIGINT/SIGHUP."""
    program = SCENARIOS[name]
    followed = await Player(Simulated(program, tmp_path / "guide", {}), program).play()
    played = await Player(executable(program, tmp_path / "it"), program, followed).play()
    assert not played.stuck
    assert played.exit_codes[0] == code


async def test_unknown_members_are_ignored_and_wrong_ones_refused(played):
    """Unknown fields ignored, missing/mistyped -> -32600 with serde wording."""
    said = await played("13e wrong methods and params")
    errors = said.errors("thread/start") + said.errors("turn/start")
    texts = [text for code, text in errors if code == -32600]
    assert "Invalid request: invalid type: integer `5`, expected a string" in texts
    assert "Invalid request: missing field `input`" in texts
    assert "Invalid request: missing field `params`" in texts
    assert any(text.startswith("Invalid request: unknown variant `bogus`") for text in texts)
    unknown = SCENARIOS["13e wrong methods and params"].steps[5]
    assert "unknownField" in unknown.params
    assert "result" in said.answers("thread/start")[3]


async def test_an_unknown_method_is_told_all_names(played):
    """Unknown method text with all names, even before initialize."""
    said = await played("13a before initialize")
    ((code, text),) = said.errors("bogus/method")
    names = re.findall("`([^`]+)`", text)
    assert (code, names) == (-32600, ["bogus/method", *CLIENT_METHODS])
    assert said.titles.index("answer to bogus/method") < said.titles.index("configWarning")


async def test_a_client_introduces_itself_once_and_first(played):
    """Not initialized / Already initialized; `initialized` optional."""
    said = await played("13a before initialize")
    assert said.errors("thread/start") == [(-32600, "Not initialized")]
    assert said.errors("initialize")[-1] == (-32600, "Already initialized")
    steps = SCENARIOS["13a before initialize"].steps
    hello, begun = (
        next(n for n, step in enumerate(steps) if getattr(step, "method", "") == method)
        for method in ("initialize", "turn/start")
    )
    told = [step.message for step in steps[hello:begun] if isinstance(step, Tell)]
    assert told == []
    assert said.told("turn/completed")[0]["turn"]["status"] == "completed"


async def test_requests_on_one_thread_keep_their_order(played):
    """Per-thread order."""
    said = await played("13h pipelined on one thread")
    answers = [title for title in said.titles if title.startswith("answer to t")]
    ordered = ("thread/start", "turn/start", "thread/name/set", "thread/read", "turn/interrupt")
    assert answers == [f"answer to {method}" for method in ordered]


async def test_other_requests_overtake_the_start_of_a_thread(played_alike):
    """Cross-thread concurrency."""
    steps = (Call("thread/start", until="nothing"), Call("thread/loaded/list"))
    said = await played_alike(Program(script(), steps))
    assert said.comes_before("answer to thread/loaded/list", "answer to thread/start")
    assert said.results("thread/loaded/list")[0]["data"] == []


# --- introductions -------------------------------------------------------------------------------


async def test_the_first_answer_has_four_members_and_the_agent_s_form(played):
    """The userAgent form, 4 result keys."""
    said = await played("01 hello")
    (result,) = said.results("initialize")
    assert list(result) == ["userAgent", "codexHome", "platformFamily", "platformOs"]
    form = r"tester/0\.163\.0 \(.+; x86_64\) \S+ \(tester; 1\)"
    assert re.fullmatch(form, result["userAgent"])


async def test_warnings_and_the_remote_control_are_told_at_once(played):
    """`configWarning`*, `remoteControl/status/changed` unsolicited, without `initialized`."""
    said = await played("13a before initialize")
    place = said.titles.index("configWarning")
    assert said.titles[place - 1 : place + 2] == [
        "answer to initialize",
        "configWarning",
        "remoteControl/status/changed",
    ]
    (told,) = said.told("remoteControl/status/changed")
    assert (told["status"], told["environmentId"]) == ("disabled", None)


def introduced(**capabilities):
    return {"clientInfo": HELLO["clientInfo"], "capabilities": capabilities}


async def test_notifications_that_a_client_has_opted_out_of_do_not_come(played_alike):
    """OptOut: exact names; unknown names are ignored."""
    out = ["turn/started", "item/agentMessage/delta", "thread/", "nope", "turn/*"]
    hello = introduced(experimentalApi=True, optOutNotificationMethods=out)
    said = await played_alike(Program(script(Say(text="x")), (start(), turn()), hello=hello))
    assert {"turn/started", "item/agentMessage/delta"}.isdisjoint(said.titles)
    assert {"thread/started", "turn/completed", "item/started agentMessage"} <= set(said.titles)


async def test_what_is_experimental_is_refused_to_others_by_its_name(played):
    """Experimental gating incl. field-level messages."""
    said = await played("01b without experimental methods")
    texts = {text for method in ("thread/start", "turn/start") for _, text in said.errors(method)}
    assert {
        "thread/start.mockExperimentalField requires experimentalApi capability",
        "thread/start.dynamicTools requires experimentalApi capability",
        "turn/start.collaborationMode requires experimentalApi capability",
    } <= texts
    assert said.errors("mock/experimentalMethod") == [
        (-32600, "mock/experimentalMethod requires experimentalApi capability")
    ]


async def test_others_miss_two_notifications_and_nothing_else(the_same, tmp_path):
    """Suppress only readState/settings notifications."""
    titles = []
    for experimental in (True, False):
        program = Program(
            script(Say(text="x"), FailHttp(status=500)),
            (start(), turn("a", effort="high"), turn("b")),
            hello=introduced(experimentalApi=experimental),
        )
        if not experimental:
            await the_same(program)
        titles.append((await heard(program, tmp_path))[0][""].titles)
    hidden = {"thread/readState/changed", "thread/settings/updated"}
    assert hidden <= set(titles[0])
    assert titles[1] == [title for title in titles[0] if title not in hidden]
