"""The model's tools, on the real binary and on the simulated app-server.

Each program is played against the real binary, whose model is the scripted one; the client's part
of it is then played to the simulation with the same script, and all that both say is compared.
"""

from __future__ import annotations

import pytest

from codex_fakes.app_server import SystemClock
from codex_fakes.script.steps import (
    Ask,
    CallTool,
    Drop,
    Option,
    Patch,
    Question,
    Response,
    Run,
    Say,
    Script,
    TypeInto,
)
from support.binary import agree_once, machine_of, record
from support.recorded_cases import Process
from support.replaying import Comparison, Replay

pytestmark = [pytest.mark.anyio, pytest.mark.real]

COMMAND = "item/commandExecution/requestApproval"
FILES = "item/fileChange/requestApproval"
TOOL = "item/tool/call"
QUESTION = "item/tool/requestUserInput"
PERMISSIONS = "item/permissions/requestApproval"
UNTRUSTED = {"approvalPolicy": "untrusted"}
SCHEMA = {"type": "object", "properties": {}}
LOOKUP = {"type": "function", "name": "lookup", "description": "d", "inputSchema": SCHEMA}
OFFERED = {"dynamicTools": [LOOKUP]}
PLAN_MODE = {"collaborationMode": {"mode": "plan", "settings": {"model": "gpt-5.5"}}}
FREE = {"approval_policy": "never", "sandbox_mode": "danger-full-access"}
ASKS = {"features": {"default_mode_request_user_input": True}}
GRANTS = {"features": {"request_permissions_tool": True}}
PLANS = {"extra": {"tools": {"update_plan": {"enabled": True}}}}
OK = Say(text="ok")
FOUND = {"result": {"contentItems": [{"type": "inputText", "text": "found"}], "success": True}}
COLOUR = Question(id="c", header="C", question="Which?", options=(Option("Red", "warm"),))


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows))


def decided(decision):
    return {"result": {"decision": decision}}


def amended(*words):
    return decided({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": list(words)}})


def lookup(call_id="d1", **more):
    return CallTool(tool="lookup", call_id=call_id, **more)


def patch(*lines):
    return Patch(patch="\n".join(["*** Begin Patch", *lines, "*** End Patch\n"]))


class Client:
    """What the client of a program does, step by step."""

    def __init__(self, *steps, thread=None):
        self._steps = steps
        self._thread = thread or {}
        self._seen = {}

    async def __call__(self, dial):
        self._seen.clear()
        thread = await dial.thread(**self._thread)
        turn = ""
        for kind, *rest in self._steps:
            if kind == "turn":
                turn = await dial.turn(thread, **(rest[0] if rest else {}))
            elif kind == "answer":
                asked = await self._next(dial, rest[0])
                await dial.send({"id": asked["id"], **rest[1]})
            elif kind == "until":
                await self._next(dial, rest[0])
            elif kind == "steer":
                more = [{"type": "text", "text": "more"}]
                params = {"threadId": thread, "expectedTurnId": turn, "input": more}
                await dial.ask("steer", "turn/steer", params)
            elif kind == "interrupt":
                params = {"threadId": thread, "turnId": turn}
                await dial.ask("interrupt", "turn/interrupt", params)
            else:
                await dial.ask(kind, kind, {"threadId": thread, **rest[0]})
        await dial.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})

    async def _next(self, dial, method):
        self._seen[method] = self._seen.get(method, 0) + 1
        return await dial.notified(method, self._seen[method])


TURN, END = ("turn",), ("until", "turn/completed")
STARTED = ("until", "item/started")
LIST, CLEAN = (f"thread/backgroundTerminals/{verb}" for verb in ("list", "clean"))
SLEEPER = Run(
    command="echo s; sleep 0.6; echo e", output=("s\n", "e\n"), duration_ms=600, call_id="r1"
)
CAT = Run(
    # Without its echo, what is typed comes back once, in one piece.
    command="stty -echo; echo a; cat",
    output=("a\r\n", ""),
    duration_ms=60_000,
    tty=True,
    yield_ms=300,
    call_id="r1",
)
ADD = patch("*** Add File: x.txt", "+a", "+b", "+c", "+d", "+e")

PROGRAMS = {
    "a tool of the client": (
        script(lookup(), OK),
        Client(TURN, ("answer", TOOL, FOUND), END, thread=OFFERED),
        {},
    ),
    "a tool that answers with an image": (
        script(lookup(), OK),
        Client(
            TURN,
            (
                "answer",
                TOOL,
                {
                    "result": {
                        "contentItems": [{"type": "inputImage", "imageUrl": "data:,", "x": 1}],
                        "success": True,
                    }
                },
            ),
            END,
            thread=OFFERED,
        ),
        {},
    ),
    "a tool called with something that is no JSON": (
        script(lookup(arguments="{x"), OK),
        Client(TURN, END, thread=OFFERED),
        {},
    ),
    "a tool called with a list": (
        script(lookup(arguments="[1]"), OK),
        Client(TURN, ("answer", TOOL, FOUND), END, thread=OFFERED),
        {},
    ),
    "a tool that waits for a command": (
        script((SLEEPER, lookup()), OK),
        Client(TURN, ("answer", TOOL, FOUND), END, thread=OFFERED),
        FREE,
    ),
    "two tools, one after the other": (
        script((lookup("d1"), lookup("d2")), OK),
        Client(TURN, ("answer", TOOL, FOUND), ("answer", TOOL, FOUND), END, thread=OFFERED),
        {},
    ),
    "two tools, interrupted": (
        script((lookup("d1"), lookup("d2"))),
        Client(TURN, ("until", TOOL), ("interrupt",), END, thread=OFFERED),
        {},
    ),
    "a tool, steered": (
        script(lookup(), OK),
        Client(TURN, STARTED, STARTED, ("steer",), ("answer", TOOL, FOUND), END, thread=OFFERED),
        {},
    ),
    "a tool, and the stream breaks": (
        script((lookup(), Drop()), OK),
        Client(TURN, ("answer", TOOL, FOUND), END, thread=OFFERED),
        {"stream_max_retries": 1},
    ),
    "a question in plan mode": (
        script(Ask(questions=(COLOUR,)), OK),
        Client(("turn", PLAN_MODE), ("answer", QUESTION, {"result": {"answers": {}}}), END),
        {},
    ),
    "a question that nobody offers": (
        script(Ask(questions=(COLOUR,)), OK),
        Client(TURN, END),
        {},
    ),
    "two questions": (
        script((Ask(questions=(COLOUR,), call_id="q1"), Ask(questions=(COLOUR,))), OK),
        Client(
            TURN,
            ("answer", QUESTION, {"result": {"nonsense": 1}}),
            ("answer", QUESTION, {"error": {"code": 1, "message": "no"}}),
            END,
        ),
        ASKS,
    ),
    "a question, interrupted": (
        script(Ask(questions=(COLOUR,)), OK),
        Client(TURN, ("until", QUESTION), ("interrupt",), END),
        ASKS,
    ),
    "permissions for files": (
        script(
            CallTool(
                tool="request_permissions",
                arguments={"permissions": {"file_system": {"read": ["/a"], "write": ["b/c"]}}},
            ),
            OK,
        ),
        Client(TURN, ("answer", PERMISSIONS, {"result": {"permissions": {}}}), END),
        GRANTS,
    ),
    "no permissions at all": (
        script(CallTool(tool="request_permissions", arguments={"permissions": {}}), OK),
        Client(TURN, END),
        GRANTS,
    ),
    "a plan, well and badly made": (
        script(
            (
                CallTool(
                    tool="update_plan", arguments={"plan": [{"step": "a", "status": "completed"}]}
                ),
                CallTool(tool="update_plan", arguments={"plan": [], "more": 1}),
            ),
            OK,
        ),
        Client(TURN, END),
        PLANS,
    ),
    "a proposed plan": (
        script(
            (
                Say(text=("before\n<prop", "osed_plan>\n- a\n</proposed_plan>\nafter")),
                CallTool(tool="nope"),
            ),
            Say(text="<proposed_plan>\nb\n</proposed_plan>"),
        ),
        Client(("turn", PLAN_MODE), END),
        {},
    ),
    "typing into a command": (
        script(
            CAT,
            TypeInto(into="r1", text="x\n", output=("x\r\n",)),
            TypeInto(into="r1", text="\x04", exit_code=0),
            OK,
        ),
        Client(TURN, END, (LIST, {})),
        FREE,
    ),
    "commands that go on, cleaned away": (
        script(CAT, OK),
        Client(TURN, END, (LIST, {"limit": 0}), (CLEAN, {}), ("until", "item/completed")),
        FREE,
    ),
    "a command that is interrupted and goes on": (
        script(SLEEPER),
        Client(TURN, STARTED, STARTED, ("interrupt",), END, *[("until", "item/completed")] * 2),
        FREE,
    ),
    "a command, steered": (
        script(SLEEPER, OK),
        Client(TURN, STARTED, STARTED, ("steer",), END),
        FREE,
    ),
    "a message that new input does not cut": (
        script(Say(text=tuple("abcdefgh"), pause_ms=200), OK),
        Client(TURN, ("until", "item/agentMessage/delta"), ("steer",), END),
        {"features": {"instant_interrupt": False}},
    ),
    "a rule for commands": (
        script(
            Run(command="touch a"),
            OK,
            Run(command="touch a b"),
            OK,
            Run(command="touch a && touch b"),
            OK,
        ),
        Client(
            TURN,
            ("answer", COMMAND, amended("touch", "a")),
            END,
            TURN,
            END,
            TURN,
            ("answer", COMMAND, decided("decline")),
            END,
            thread=UNTRUSTED,
        ),
        {},
    ),
    "an empty rule": (
        script(Run(command="touch a"), OK),
        Client(TURN, ("answer", COMMAND, amended()), END, thread=UNTRUSTED),
        {},
    ),
    "consent for the session holds in its folder": (
        script(Run(command="true"), OK, Run(command="true"), OK),
        Client(
            TURN,
            ("answer", COMMAND, decided("acceptForSession")),
            END,
            ("turn", {"cwd": "/"}),
            ("answer", COMMAND, decided("decline")),
            END,
            thread=UNTRUSTED,
        ),
        {},
    ),
    "hunks, moved lines, and back": (
        script(
            ADD,
            OK,
            patch("*** Update File: x.txt", "@@", "-b", "+B", "@@", " d", "-e"),
            patch("*** Update File: x.txt", "*** Move to: y.txt", "@@", " a"),
            patch("*** Delete File: y.txt"),
            OK,
        ),
        Client(TURN, END, TURN, END),
        {},
    ),
    "a file added and deleted in one turn": (
        script(ADD, patch("*** Delete File: x.txt"), OK),
        Client(TURN, END),
        {},
    ),
    "a move onto another file": (
        script(
            (ADD, patch("*** Add File: y.txt", "+y")),
            OK,
            patch("*** Update File: x.txt", "*** Move to: y.txt", "@@", "-a", "+A"),
            OK,
        ),
        Client(TURN, END, TURN, END),
        {},
    ),
    "a patch that nobody decides about": (
        script(ADD, OK),
        Client(TURN, ("answer", FILES, {"result": {"nonsense": 1}}), END, thread=UNTRUSTED),
        {},
    ),
    "a patch shown while it is written": (
        script(ADD, OK),
        Client(TURN, END),
        {"features": {"apply_patch_streaming_events": True}},
    ),
}
"""A script, what the client does, and the binary's settings."""
CAUGHT_RUNNING = {
    "a command that is interrupted and goes on",
    "a command, steered",
    "a message that new input does not cut",
}
"""Programs whose client acts in the middle of something, so that both clocks are the machine's."""


def simulated_settings(rows, settings):
    """The binary's settings in the words of the simulation."""
    given = dict(settings)
    features = given.pop("features", {})
    plans = "extra" in given and bool(given.pop("extra"))
    if "sandbox_mode" in given:
        given["sandbox"] = given.pop("sandbox_mode")
    return {
        **machine_of(rows),
        "features": frozenset(name for name, on in features.items() if on),
        "instant_interrupt": features.get("instant_interrupt", True),
        "plan_tool": plans,
        **given,
    }


@pytest.mark.parametrize("name", PROGRAMS)
async def test_tools_say_the_same_on_both(name, simulated, tmp_path):
    answers, client, settings = PROGRAMS[name]

    async def attempt(folder):
        rows = await record(answers, client, folder, **settings)
        home, work = folder / "home", folder / "work"
        comparison = Comparison(home, work)
        real_time = name in CAUGHT_RUNNING
        clock = {"clock": SystemClock()} if real_time else {}
        described = {**simulated_settings(rows, settings), "cwd": str(work)}
        async with simulated(answers, settings=described, home=home, **clock) as server:
            process = Process(answers, real_time=real_time)
            await Replay(server, process, comparison).play(rows)
        return [
            # The prompt that comes with a mode is not simulated, only its first line.
            difference
            for difference in comparison.differences
            if "developer_instructions" not in difference
        ]

    await agree_once(attempt, tmp_path)
