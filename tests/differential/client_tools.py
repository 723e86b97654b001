"""Tools of the client, questions to the user, plans and permissions: every kind of answer."""

from __future__ import annotations

from codex_fakes.script import Ask, CallTool, Option, Question, Run, Say, script
from support.programs import (
    Call,
    Program,
    Reply,
    Restart,
    decide,
    interrupt,
    read,
    start,
    steer,
    turn,
)

DONE = Say(text="done")
UNTRUSTED = start(approvalPolicy="untrusted")
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
LOOK = {"type": "function", "name": "lookup", "description": "d", "inputSchema": SCHEMA}
TOOL = "item/tool/call"
ASK = "item/tool/requestUserInput"
ASKS = {"features": {"default_mode_request_user_input": True}}
PERMISSIONS = "item/permissions/requestApproval"
PERMITS = {"features": {"request_permissions_tool": True}}
PLANS = {"config": {"tools": {"update_plan": {"enabled": True}}}}
PLAN_MODE = {
    "mode": "plan",
    "settings": {"model": "gpt-5.5", "reasoning_effort": None, "developer_instructions": None},
}
FIRST = Question(id="a", header="A", question="A?", options=(Option("x", "dx"), Option("y", "dy")))
SECOND = Question(id="b", header="B", question="B?", options=(Option("z", "dz"), Option("w", "dw")))


def ask(method, thread="$t", **params) -> Call:
    """A request about a thread."""
    return Call(method, {"threadId": thread, **params})


def look(q="x") -> CallTool:
    return CallTool(tool="lookup", arguments={"q": q})


def said(text) -> dict:
    return {"type": "inputText", "text": text}


def questions(*asked) -> Ask:
    return Ask(questions=asked)


def plan(**arguments) -> CallTool:
    return CallTool(tool="update_plan", arguments=arguments)


def step(name, status) -> dict:
    return {"step": name, "status": status}


def permissions(**wanted) -> CallTool:
    arguments = {"reason": "r", "permissions": wanted}
    return CallTool(tool="request_permissions", arguments=arguments)


PROGRAMS = {
    **{
        f"tool result {n}": Program(
            script(look(), DONE), (start(dynamicTools=[LOOK]), turn(), Reply(TOOL, r), read())
        )
        for n, r in {
            "several items": {"contentItems": [said("a"), said("b")], "success": True},
            "empty items": {"contentItems": [], "success": True},
            "image": {
                "contentItems": [{"type": "inputImage", "imageUrl": "data:image/png;base64,AAAA"}],
                "success": True,
            },
            "no success": {"contentItems": [said("a")]},
            "success string": {"contentItems": [said("a")], "success": "yes"},
            "extra": {"contentItems": [said("a")], "success": True, "more": 1},
            "unknown item": {"contentItems": [{"type": "odd"}], "success": True},
            "null": None,
            "list": [],
            "string": "x",
            "no items": {"success": True},
            "empty text": {"contentItems": [said("")], "success": False},
            "number text": {"contentItems": [{"type": "inputText", "text": 5}], "success": True},
        }.items()
    },
    "tool two at once": Program(
        script((look("a"), look("b")), DONE),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            Reply(TOOL, {"contentItems": [said("1")], "success": True}, nth=0),
            Reply(TOOL, {"contentItems": [said("2")], "success": True}, nth=1),
        ),
    ),
    "tool bad json": Program(
        script(CallTool(tool="lookup", arguments="{bad"), DONE),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            Reply(TOOL, {"contentItems": [said("1")], "success": True}),
            read(),
        ),
    ),
    "tool wrong args": Program(
        script(CallTool(tool="lookup", arguments={"z": [1, None, {"a": 1.5}]}), DONE),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            Reply(TOOL, {"contentItems": [said("1")], "success": True}),
            read(),
        ),
    ),
    "tool empty args": Program(
        script(
            CallTool(tool="lookup", arguments=""),
            CallTool(tool="lookup", arguments="[]"),
            CallTool(tool="lookup", arguments="5"),
            DONE,
        ),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            *(Reply(TOOL, {"contentItems": [said("1")], "success": True}),) * 3,
            read(),
        ),
    ),
    "tool steered": Program(
        script(look(), DONE),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            steer("more"),
            Reply(TOOL, {"contentItems": [said("1")], "success": True}),
            read(),
        ),
    ),
    "tool late answer": Program(
        script(look(), DONE),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            interrupt(),
            Reply(TOOL, {"contentItems": [said("1")], "success": True}),
            turn("b"),
            read(),
        ),
    ),
    "tool after resume": Program(
        script(look(), DONE, look(), DONE),
        (
            start(dynamicTools=[LOOK]),
            turn(),
            Reply(TOOL, {"contentItems": [said("1")], "success": True}),
            Restart(),
            ask("thread/resume", excludeTurns=True),
            turn("b"),
            Reply(TOOL, {"contentItems": [said("2")], "success": True}),
            read(),
        ),
    ),
    **{
        f"question {n}": Program(
            script(questions(FIRST, SECOND), DONE), (start(), turn(), Reply(ASK, r), read()), ASKS
        )
        for n, r in {
            "both": {"answers": {"a": {"answers": ["x"]}, "b": {"answers": ["z", "w"]}}},
            "one": {"answers": {"a": {"answers": ["x"]}}},
            "none": {"answers": {}},
            "unknown": {"answers": {"zz": {"answers": ["x"]}}},
            "empty list": {"answers": {"a": {"answers": []}}},
            "nonsense": {"odd": 1},
            "null": None,
            "string": {"answers": "x"},
        }.items()
    },
    "question steered": Program(
        script(questions(FIRST), DONE, DONE),
        (
            start(),
            turn(),
            steer("more"),
            Reply(ASK, {"answers": {"a": {"answers": ["x"]}}}),
            read(),
        ),
        ASKS,
    ),
    "question interrupted": Program(
        script(questions(FIRST), DONE),
        (start(), turn(), interrupt(), Reply(ASK, {"answers": {}}), read()),
        ASKS,
    ),
    "question and command": Program(
        script(questions(FIRST), Run(command="touch x"), DONE),
        (
            UNTRUSTED,
            turn(),
            Reply(ASK, {"answers": {"a": {"answers": ["x"]}}}),
            decide("accept"),
            read(),
        ),
        ASKS,
    ),
    "question in plan mode": Program(
        script(questions(FIRST), DONE),
        (
            start(),
            turn(collaborationMode=PLAN_MODE),
            Reply(ASK, {"answers": {"a": {"answers": ["x"]}}}),
            read(),
        ),
    ),
    "plan mode text": Program(
        script(Say(text=("Here:\n<proposed_plan>\n# P", "lan\n- a\n</proposed_plan>\nbye"))),
        (start(), turn(collaborationMode=PLAN_MODE), read()),
    ),
    "plan updates": Program(
        script(
            plan(plan=[step("a", "in_progress"), step("b", "pending")]),
            plan(explanation="e", plan=[step("a", "completed"), step("b", "in_progress")]),
            plan(plan=[]),
            plan(plan=[step("a", "odd")]),
            plan(),
            DONE,
        ),
        (start(**PLANS), turn(), read()),
    ),
    **{
        f"permissions {n}": Program(
            script(permissions(network={"enabled": True}), DONE),
            (start(), turn(), Reply(PERMISSIONS, r), read()),
            PERMITS,
        )
        for n, r in {
            "session": {"permissions": "$asked.permissions", "scope": "session"},
            "none": {"permissions": {}, "scope": "turn"},
            "nonsense": {"x": 1},
            "no scope": {"permissions": "$asked.permissions"},
            "strict": {
                "permissions": "$asked.permissions",
                "scope": "turn",
                "strictAutoReview": True,
            },
        }.items()
    },
    "permissions error": Program(
        script(permissions(network={"enabled": True}), DONE),
        (start(), turn(), Reply(PERMISSIONS, error={"code": 1, "message": "m"}), read()),
        PERMITS,
    ),
    "permissions files": Program(
        script(permissions(file_system={"write": ["/var/tmp/x"], "read": ["/etc"]}), DONE),
        (
            start(),
            turn(),
            Reply(PERMISSIONS, {"permissions": "$asked.permissions", "scope": "turn"}),
            read(),
        ),
        PERMITS,
    ),
    "permissions empty": Program(
        script(permissions(), DONE),
        (start(), turn(), Reply(PERMISSIONS, {"permissions": {}, "scope": "turn"}), read()),
        PERMITS,
    ),
    "permissions never": Program(
        script(permissions(network={"enabled": True}), DONE),
        (start(approvalPolicy="never"), turn(), read()),
        PERMITS,
    ),
}
