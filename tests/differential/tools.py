"""Tools: commands, patches, the client's own tools, questions to the user."""

from __future__ import annotations

from codex_fakes.script import (
    Ask,
    CallTool,
    Option,
    Patch,
    Question,
    Run,
    Say,
    TypeInto,
    script,
)
from support.programs import (
    COMMAND,
    FILES,
    Await,
    Call,
    Program,
    Reply,
    Tell,
    decide,
    interrupt,
    read,
    start,
    turn,
)

DONE = Say(text="done")
MADE = Run(command="touch made.txt && echo made", output="made\n")
TOUCH = Run(command="touch x")
ADD = "*** Begin Patch\n*** Add File: new.txt\n+line one\n+line two\n*** End Patch\n"
UPDATE = (
    "*** Begin Patch\n*** Update File: new.txt\n@@\n-line one\n+line 1\n line two\n*** End Patch\n"
)
MOVE = (
    "*** Begin Patch\n*** Update File: new.txt\n*** Move to: moved.txt\n@@\n-line 1\n+line uno\n"
    " line two\n*** End Patch\n"
)
DELETE = "*** Begin Patch\n*** Delete File: moved.txt\n*** End Patch\n"
NO_SUCH_FILE = "*** Begin Patch\n*** Update File: nope.txt\n@@\n-x\n+y\n*** End Patch\n"
UNTRUSTED = start(approvalPolicy="untrusted")
AMENDED = {
    "acceptWithExecpolicyAmendment": {"execpolicy_amendment": "$asked.proposedExecpolicyAmendment"}
}
SCHEMA = {"type": "object", "properties": {}}
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "look a thing up",
    "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
}
SAID = {"contentItems": [{"type": "inputText", "text": "value-42"}], "success": True}
NOT_SAID = {"contentItems": [{"type": "inputText", "text": "no such"}], "success": False}
TOOL = "item/tool/call"
QUESTION = Ask(
    questions=(
        Question(
            id="color",
            header="Color",
            question="Which color?",
            options=(Option("Red", "warm"), Option("Blue", "cold")),
        ),
    )
)
PERMISSIONS = CallTool(
    tool="request_permissions",
    arguments={"reason": "need net", "permissions": {"network": {"enabled": True}}},
)
PLAN = CallTool(
    tool="update_plan",
    arguments={
        "explanation": "why",
        "plan": [{"step": "a", "status": "in_progress"}, {"step": "b", "status": "pending"}],
    },
)


def deciding(model, method, *answers, **more) -> Program:
    """A turn on an untrusted thread in which the client is asked."""
    return Program(script(*model), (UNTRUSTED, turn(), *answers, read()), **more)


def spec(name, **changed):
    return {"type": "function", "name": name, "description": "d", "inputSchema": SCHEMA, **changed}


def looks_up(q):
    return CallTool(tool="lookup", arguments={"q": q})


PROGRAMS = {
    "03a accept a command": deciding((MADE, DONE), COMMAND, decide("accept")),
    "03b decline a command": deciding((MADE, DONE), COMMAND, decide("decline")),
    "03c cancel a command": deciding((MADE, DONE), COMMAND, decide("cancel")),
    "03d accept a command for the session": deciding(
        (MADE, DONE, MADE, DONE), COMMAND, decide("acceptForSession"), turn("again")
    ),
    "03e accept a command with an amendment": deciding(
        (Run(command="touch made.txt"), DONE, Run(command="touch made.txt"), DONE),
        COMMAND,
        decide(AMENDED),
        turn("again"),
    ),
    "03f accept a command that leaves the sandbox": Program(
        script(Run(command="touch made.txt", escalate="May I?"), DONE),
        (start(), turn(), decide("accept"), read()),
    ),
    "03g decline a command that leaves the sandbox": Program(
        script(Run(command="touch made.txt", escalate="May I?"), DONE),
        (start(), turn(), decide("decline"), read()),
    ),
    "03h a command in the sandbox": Program(
        script(
            Run(
                command="echo out; sleep 1.5; echo more; exit 3",
                output=("out\n", "more\n"),
                exit_code=3,
                duration_ms=1_500,
            ),
            DONE,
        ),
        (start(), turn(), read()),
    ),
    "03i never, and leaving the sandbox": Program(
        script(Run(command="touch made.txt", escalate="May I?"), DONE),
        (start(approvalPolicy="never"), turn(), read()),
    ),
    "03j a command without a sandbox": Program(
        script(
            Run(
                command="printf 'a\\n'; sleep 1.5; printf 'b\\n'",
                output=("a\n", "b\n"),
                duration_ms=1_500,
            ),
            DONE,
        ),
        (start(), turn(), read()),
        {"approval_policy": "never", "sandbox": "danger-full-access"},
    ),
    "03k a command that the sandbox refuses": Program(
        script(
            Run(
                command="touch /etc/should_fail",
                output="touch: cannot touch '/etc/should_fail': Read-only file system\n",
                exit_code=1,
            ),
            DONE,
        ),
        (start(), turn(), read()),
    ),
    "03m an approval answered with an error": deciding(
        (TOUCH, DONE),
        COMMAND,
        Tell({"id": 999999, "result": {"decision": "accept"}}),
        Reply(COMMAND, error={"code": -32000, "message": "client cannot"}),
    ),
    "03n an approval answered with a wrong id": deciding(
        (TOUCH, DONE),
        COMMAND,
        decide("accept", wrong_id=True),
        decide("accept"),
        decide("accept"),
    ),
    # The order of the two is open, and so is that in which they are read.
    "03o two approvals at once": Program(
        script((TOUCH, Run(command="touch x")), DONE),
        (UNTRUSTED, turn(), decide("accept", nth=0), decide("accept", nth=1)),
    ),
    "03p a terminal in the background": Program(
        script(
            Run(
                command="echo start; read x; echo got $x; sleep 30",
                output=("start\r\n", ""),
                tty=True,
                yield_ms=500,
                duration_ms=30_000,
                call_id="one",
            ),
            TypeInto(
                into="one",
                text="hello\n",
                output=("hello\r\n", "got hello\r\n"),
                yield_ms=500,
            ),
            Say(text="left it running"),
        ),
        (
            start(),
            turn(until="answer"),
            Await("turn/completed"),
            Call("thread/backgroundTerminals/list", {"threadId": "$t"}),
            Call("thread/backgroundTerminals/clean", {"threadId": "$t"}),
            # Behind the user's message and the model's.
            Await("item/completed", 3),
        ),
        {"approval_policy": "never", "sandbox": "danger-full-access"},
        real_time=True,
    ),
    **{
        f"03q a command that fails at once: {run.command}": Program(
            script(run, Say(text="ok")), (start(), turn(), read())
        )
        for run in (
            Run(command="touch /etc/nope", output="Read-only file system\n", exit_code=1),
            Run(
                command="echo 'Permission denied' >&2; exit 1",
                output="Permission denied\n",
                exit_code=1,
            ),
            Run(command="echo fine; exit 1", output="fine\n", exit_code=1),
        )
    },
    "04a accept a patch": deciding((Patch(patch=ADD), DONE), FILES, decide("accept", FILES)),
    "04b decline a patch": deciding((Patch(patch=ADD), DONE), FILES, decide("decline", FILES)),
    "04c cancel a patch": deciding((Patch(patch=ADD), DONE), FILES, decide("cancel", FILES)),
    "04d accept a patch for the session": deciding(
        (Patch(patch=ADD), DONE, Patch(patch=UPDATE), DONE),
        FILES,
        decide("acceptForSession", FILES),
        turn("again"),
    ),
    "04e four patches": Program(
        script(*(s for p in (ADD, UPDATE, MOVE, DELETE) for s in (Patch(patch=p), DONE))),
        (start(), turn("a"), turn("b"), turn("c"), turn("d"), read()),
    ),
    "04f a patch in a read-only sandbox": Program(
        script(Patch(patch=ADD), DONE),
        (start(sandbox="read-only"), turn(), decide("accept", FILES), read()),
    ),
    "04g patches that are wrong": Program(
        script(Patch(patch=NO_SUCH_FILE), DONE, Patch(patch="not a patch"), DONE),
        (start(), turn("one"), turn("two"), read()),
    ),
    "04h a patch that is streamed": Program(
        script(Patch(patch=ADD), DONE),
        (start(), turn()),
        {"features": {"apply_patch_streaming_events": True}},
    ),
    "10a a tool of the client": Program(
        script(
            *(s for q in ("abc", "fail", "err", "bad") for s in (looks_up(q), DONE)),
            looks_up("int"),
        ),
        (
            start(dynamicTools=[LOOKUP]),
            turn("one"),
            Reply(TOOL, SAID),
            turn("two"),
            Reply(TOOL, NOT_SAID),
            turn("three"),
            Reply(TOOL, error={"code": -32000, "message": "tool crashed"}),
            turn("four"),
            Reply(TOOL, {"oops": 1}),
            turn("five"),
            interrupt("$five"),
            read(),
        ),
    ),
    "10b tools that are described wrongly": Program(
        script(CallTool(tool="t1", namespace="ns"), DONE),
        (
            start("a", dynamicTools=[{"name": "old", "description": "d", "inputSchema": SCHEMA}]),
            start("b", dynamicTools=[spec("bad name!")]),
            start("c", dynamicTools=[spec("exec_command")]),
            start("d", dynamicTools=[spec("dup"), spec("dup")]),
            start("e", dynamicTools=[spec("x", inputSchema="nope")]),
            start(
                dynamicTools=[
                    {"type": "namespace", "name": "ns", "description": "d", "tools": [spec("t1")]}
                ]
            ),
            turn(),
            Reply(TOOL, SAID),
            read(),
        ),
    ),
    "10d a question in the default mode": Program(
        script(QUESTION, Say(text="ok")),
        (
            start(),
            turn(),
            Reply("item/tool/requestUserInput", error={"code": -32601, "message": "no"}),
            read(),
        ),
        {"features": {"default_mode_request_user_input": True}},
    ),
    "10d a question that is not allowed": Program(
        script(QUESTION, Say(text="ok")), (start(), turn(), read())
    ),
    "10d a question that is answered": Program(
        script(QUESTION, Say(text="ok")),
        (
            start(),
            turn(),
            Reply("item/tool/requestUserInput", {"answers": {"color": {"answers": ["Red"]}}}),
            read(),
        ),
        {"features": {"default_mode_request_user_input": True}},
    ),
    "10e a plan that is not allowed": Program(
        script(PLAN, Say(text="ok")), (start(), turn(), read())
    ),
    "10g a request for permissions": Program(
        script(PERMISSIONS, Say(text="ok")),
        (
            start(),
            turn(),
            Reply(
                "item/permissions/requestApproval",
                {"permissions": "$asked.permissions", "scope": "turn"},
            ),
            read(),
        ),
        {"features": {"request_permissions_tool": True}},
    ),
    "an unknown tool": Program(script(CallTool(tool="nope"), DONE), (start(), turn(), read())),
}
