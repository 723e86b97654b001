"""Ends of processes and of the network, models that name nothing, and threads without a turn."""

from __future__ import annotations

from codex_fakes.script import Patch, Response, Run, Say, Script, Stall, Think, script
from support.programs import NEVER, Await, Call, Program, Restart, interrupt, read, start, turn

ECHO = script(otherwise="echo")
HELD = (Say(text="p", left_open=True), Stall())
RUN_ON = Run(command="sleep 2", duration_ms=2_000)
ADD = "*** Begin Patch\n*** Add File: new.txt\n+line one\n+line two\n*** End Patch\n"
UPDATE = "*** Begin Patch\n*** Update File: new.txt\n@@\n-line one\n+line 1\n*** End Patch\n"
DELETE = "*** Begin Patch\n*** Delete File: new.txt\n*** End Patch\n"


def ask(method, thread="$t", saves="", **params) -> Call:
    """A request about a thread."""
    return Call(method, {"threadId": thread, **params}, saves=saves)


READ = (
    read(),
    ask("thread/turns/list"),
    ask("thread/items/list"),
    ask("thread/resume", excludeTurns=True),
    ask("thread/fork", saves="fork"),
    read(),
)
"""What can be read of a thread, with and without a turn."""


def blank(*changes, **params) -> Program:
    """A thread without a turn that is changed, and read."""
    return Program(ECHO, (start(**params), *changes, *READ))


def refused(method, *several, threads=("$t", NEVER)) -> Program:
    """A method with each of several params, on a thread that is known and on one that is not."""
    calls = (ask(method, thread, **params) for thread in threads for params in several)
    return Program(ECHO, (start(), turn(), *calls))


PROGRAMS = {
    "04e four patches in a repository": Program(
        script(*(each for p in (ADD, UPDATE, DELETE) for each in (Patch(patch=p), Say(text="ok")))),
        (start(), turn("a"), turn("b"), turn("c"), read()),
        repository=True,
    ),
    "05i a command goes on behind its turn": Program(
        script(RUN_ON),
        (
            start(approvalPolicy="never", sandbox="danger-full-access"),
            turn(until="answer"),
            Await("item/started", 2),
            interrupt(until="answer"),
            Await("turn/completed"),
            # Behind the user's message.
            Await("item/completed", 2),
        ),
        real_time=True,
    ),
    "09g SIGINT, idle": Program(ECHO, (start(), turn(), Restart("int"), read())),
    "09h SIGHUP, idle": Program(ECHO, (start(), turn(), Restart("hup"), read())),
    "09i SIGINT in the middle of a message": Program(
        script(HELD), (start(), turn(), Restart("int"), read(), ask("thread/resume"))
    ),
    "12t nobody listens": Program(
        Script(otherwise="unreachable"),
        (
            start(),
            turn(until="answer"),
            Await("error"),
            interrupt(until="answer"),
            Await("turn/completed"),
        ),
        real_time=True,
    ),
    "12u nobody listens any more": Program(
        Script(responses=(Response(steps=(Say(text="x"),)),), otherwise="unreachable"),
        (
            start(),
            turn(until="answer"),
            Await("turn/completed"),
            turn("later", until="answer"),
            Await("error"),
            interrupt("$later", until="answer"),
            Await("turn/completed", 2),
        ),
        real_time=True,
    ),
    "16p items that the model does not name": Program(
        script(
            (
                Think(summary=("a",), anonymous=True),
                Say(text=("a", "b"), anonymous=True),
                Run(command="true"),
            ),
            Say(text="c", anonymous=True),
            Say(text="d", anonymous=True),
        ),
        (start(), turn("one"), turn("two"), read(), Restart(), read()),
    ),
    "a thread without a turn is read": blank(),
    "a thread without a turn is named": blank(ask("thread/name/set", name="n")),
    "a thread without a turn gets a branch": blank(
        ask("thread/metadata/update", gitInfo={"branch": "b"})
    ),
    "a thread without a turn gets a goal": blank(
        ask("thread/goal/set", objective="o", status="paused")
    ),
    "a thread without a turn loses its goal": blank(
        ask("thread/goal/set", objective="o", status="paused"), ask("thread/goal/clear")
    ),
    "metadata that is refused": refused(
        "thread/metadata/update",
        {"daybreakEnabled": True},
        {"daybreakEnabled": False},
        {"projectId": ""},
        {"projectId": "odd"},
        {"projectId": None},
        {"gitInfo": {}},
        {"gitInfo": {"branch": ""}},
        {"gitInfo": {"branch": None}},
        {"gitInfo": {"branch": "b"}, "projectId": ""},
    ),
    "goals that are refused": refused(
        "thread/goal/set",
        {"objective": ""},
        {"objective": " "},
        {},
        {"status": "paused"},
        {"objective": "o", "status": "paused", "tokenBudget": 0},
        {"objective": "o", "status": "paused", "tokenBudget": -5},
        {"objective": "o" * 4001, "status": "paused"},
        {"tokenBudget": 5},
    ),
    "process ids that are refused": refused(
        "thread/backgroundTerminals/terminate",
        *({"processId": each} for each in ("1", "-1", "+1", "", "99999999999", " 1", "1.0")),
        threads=("$t", NEVER, "odd"),
    ),
    "cursors that are refused": refused(
        "thread/items/list",
        {"cursor": "odd"},
        {"cursor": ""},
        {"cursor": {"type": "item", "itemId": "odd"}},
        {"cursor": {"type": "item", "itemId": "odd"}, "turnId": "$turn"},
        {"cursor": {"type": "item", "itemId": "msg_echo_0"}, "turnId": "$turn"},
        {
            "cursor": {"type": "item", "itemId": "msg_echo_0"},
            "turnId": "$turn",
            "sortDirection": "desc",
        },
        {"turnId": "odd"},
        {"limit": 0},
    ),
    "rollouts that are not there": Program(
        ECHO,
        (
            start(),
            turn(),
            *(
                ask(method, path=path)
                for method in ("thread/resume", "thread/fork")
                for path in ("odd", "/", "sessions", ".")
            ),
            *(
                Call("getConversationSummary", {"rolloutPath": path})
                for path in ("odd", "", "/", "sessions", "../x")
            ),
        ),
    ),
    "cursors of loaded threads": Program(
        ECHO,
        (
            Call("thread/loaded/list", {"cursor": "odd"}),
            start(),
            start("u"),
            *(
                Call("thread/loaded/list", params)
                for params in (
                    {"cursor": "odd"},
                    {"cursor": NEVER},
                    {"limit": 0},
                    {"limit": 1},
                    {"cursor": "$t"},
                    {"cursor": "$u", "limit": 1},
                )
            ),
        ),
    ),
    "service tiers": Program(
        ECHO,
        tuple(
            start(f"t{number}", serviceTier=tier)
            for number, tier in enumerate((None, "", "odd", "default", "fast", "flex", "auto"))
        ),
    ),
    "a source and a daybreak": Program(
        ECHO,
        (
            start(daybreakEnabled=True, threadSource="odd"),
            turn(),
            ask("thread/fork", saves="f"),
            ask("thread/fork", saves="g", threadSource="fork"),
            Restart(),
            read(turns=False),
            ask("thread/resume"),
        ),
    ),
}
