"""More threads: forks, reverts, archives, pages, names, goals, ids, in other orders."""

from __future__ import annotations

from codex_fakes.script import Say, script
from support.programs import (
    HELLO,
    NEVER,
    Call,
    Program,
    Restart,
    Tell,
    read,
    start,
    turn,
)

DONE = Say(text="done")
ECHO = script(otherwise="echo")
SPELLINGS = (
    NEVER.upper(),
    "urn:uuid:" + NEVER,
    "{" + NEVER + "}",
    NEVER.replace("-", ""),
    NEVER[:-1],
    NEVER + "0",
    "urn:uuid:",
    "",
    "-",
    " " + NEVER,
    "g" * 36,
)
"""Ways to write the id of a thread that nobody knows, good and bad."""


def ask(method, thread="$t", saves="", **params) -> Call:
    """A request about a thread."""
    return Call(method, {"threadId": thread, **params}, saves=saves)


def spelled(method, **params) -> tuple[Call, ...]:
    return tuple(Call(method, {"threadId": spelling, **params}) for spelling in SPELLINGS)


PROGRAMS = {
    "fork of a fork": Program(
        ECHO,
        (
            start(),
            turn("a"),
            ask("thread/fork", saves="f"),
            turn("b", "b", "$f"),
            ask("thread/fork", "$f", saves="g"),
            turn("c", "c", "$g"),
            ask("thread/fork", "$g", saves="h", lastTurnId="$a"),
            ask("thread/fork", "$g", saves="i", beforeTurnId="$c"),
            read("$g"),
            read("$h"),
            read("$i"),
            ask("thread/delete"),
            ask("thread/delete", "$f"),
            Restart(),
            read("$g"),
            ask("thread/resume", "$h"),
        ),
    ),
    "revert and fork": Program(
        ECHO,
        (
            start(),
            turn("a"),
            turn("b"),
            turn("c"),
            ask("thread/revert", beforeTurnId="$b"),
            ask("thread/fork", saves="f"),
            turn("d"),
            ask("thread/revert", beforeTurnId="$a"),
            read(),
            ask("thread/turns/list"),
            Restart(),
            ask("thread/resume"),
            read("$f"),
        ),
    ),
    "archive orders": Program(
        ECHO,
        (
            start(),
            turn("a"),
            ask("thread/name/set", name="n"),
            ask("thread/archive"),
            ask("thread/name/set", name="m"),
            ask("thread/fork"),
            ask("thread/revert", beforeTurnId="$a"),
            ask("thread/turns/list"),
            ask("thread/items/list"),
            ask("thread/metadata/update", gitInfo={"branch": "b"}),
            ask("thread/unsubscribe"),
            ask("thread/unarchive"),
            ask("thread/resume"),
            turn("b"),
            ask("thread/archive"),
            ask("thread/delete"),
            ask("thread/unarchive"),
        ),
    ),
    "resume overrides": Program(
        ECHO,
        (
            start(),
            turn("a"),
            Restart(),
            ask(
                "thread/resume",
                model="gpt-5.4",
                cwd="/var",
                approvalPolicy="never",
                sandbox="read-only",
                excludeTurns=True,
            ),
            turn("b"),
            ask("thread/resume", model="gpt-5.5", excludeTurns=True),
            Restart(),
            ask("thread/resume", excludeTurns=True),
        ),
    ),
    "legacy orders": Program(
        ECHO,
        (
            start(historyMode="legacy"),
            turn("a"),
            ask("thread/name/set", name="n"),
            ask("thread/fork", saves="f"),
            turn("b", "b", "$f"),
            read("$f"),
            ask("thread/turns/list"),
            ask("thread/items/list"),
            ask("thread/revert", beforeTurnId="$a"),
            ask("thread/archive"),
            read(),
            ask("thread/unarchive"),
            Restart(),
            ask("thread/resume"),
            read("$f"),
            ask("thread/resume", "$f", excludeTurns=True, initialTurnsPage={"limit": 1}),
        ),
    ),
    "ephemeral orders": Program(
        ECHO,
        (
            start(ephemeral=True),
            turn("a"),
            ask("thread/name/set", name="n"),
            ask("thread/goal/set", objective="o", status="paused"),
            ask("thread/goal/get"),
            ask("thread/fork"),
            ask("thread/fork", excludeTurns=True),
            ask("thread/revert", beforeTurnId="$a"),
            ask("thread/items/list"),
            ask("thread/delete"),
            ask("thread/unarchive"),
            ask("thread/unsubscribe"),
            turn("b"),
            ask("thread/compact/start"),
        ),
    ),
    "pages": Program(
        ECHO,
        (
            start(),
            *(turn(x, x) for x in "abcde"),
            ask("thread/turns/list", limit=2, saves="c1"),
            ask("thread/turns/list", limit=2, cursor="$c1", saves="c2"),
            ask("thread/turns/list", limit=2, cursor="$c2"),
            ask("thread/turns/list", limit=3, sortDirection="asc", saves="c3"),
            ask("thread/turns/list", cursor="$c3", sortDirection="asc"),
            ask("thread/turns/list", cursor="$c3"),
            ask("thread/items/list", limit=3, saves="c4"),
            ask("thread/items/list", cursor="$c4", limit=3),
            ask("thread/items/list", cursor="$c4", sortDirection="desc"),
            ask("thread/turns/list", cursor="$c4"),
        ),
    ),
    "goals": Program(
        ECHO,
        (
            start(),
            ask("thread/goal/get"),
            ask("thread/goal/clear"),
            ask("thread/goal/set", status="paused"),
            ask("thread/goal/set", objective="  o  ", status="paused", tokenBudget=10),
            ask("thread/goal/set", objective="p"),
            ask("thread/goal/set", status="blocked"),
            turn("a"),
            ask("thread/goal/get"),
            ask("thread/fork", saves="f", excludeTurns=True),
            ask("thread/goal/get", "$f"),
            Restart(),
            ask("thread/goal/get"),
            ask("thread/resume", excludeTurns=True),
            ask("thread/goal/clear"),
            ask("thread/goal/get"),
        ),
    ),
    "names": Program(
        ECHO,
        (
            start(),
            turn("a"),
            *(ask("thread/name/set", name=n) for n in ("x" * 500, "a\nb", " \t", "☃", "n")),
            Call("thread/list", {"searchTerm": "n"}),
            Call("thread/list", {"searchTerm": ""}),
            Call("thread/list", {"limit": 1}),
            Restart(),
            read(turns=False),
        ),
    ),
    "spelled ids": Program(
        ECHO,
        tuple(
            x
            for m, p in (
                ("thread/read", {}),
                ("thread/resume", {}),
                ("thread/archive", {}),
                ("thread/name/set", {"name": "x"}),
                ("turn/interrupt", {"turnId": ""}),
                ("turn/start", {"input": []}),
                ("thread/unsubscribe", {}),
                ("thread/goal/get", {}),
            )
            for x in spelled(m, **p)
        ),
    ),
    "hello again": Program(
        ECHO,
        (
            Call("initialize", HELLO),
            Call("initialize", {"clientInfo": {"name": "x", "version": "1"}}),
            Call("initialize", None),
            Tell({"method": "initialized", "params": {"x": 1}}),
            Call("thread/loaded/list"),
        ),
    ),
    "ids": Program(
        ECHO,
        tuple(
            Call("thread/loaded/list", id=i)
            for i in (
                -1,
                "0",
                "01",
                " ",
                "☃",
                10**18,
                -(2**63),
                2**63 - 1,
                "x" * 300,
                0.0,
                -0.0,
                1e3,
                2**64,
                "1.5",
            )
        ),
    ),
    **{
        f"sandboxes of forks, and behind a restart: {own}, configured {configured}": Program(
            ECHO,
            (
                start(sandbox=own, approvalPolicy="never"),
                turn("a"),
                ask("thread/fork", saves="f", excludeTurns=True),
                Restart(),
                ask("thread/fork", saves="g"),
                ask("thread/resume", excludeTurns=True),
                turn("b", sandboxPolicy={"type": "workspaceWrite", "networkAccess": True}),
                ask("thread/fork", saves="h", excludeTurns=True),
                Restart(),
                ask("thread/resume", excludeTurns=True),
            ),
            {"sandbox": configured},
        )
        for own, configured in (
            ("read-only", "workspace-write"),
            ("workspace-write", "read-only"),
            ("danger-full-access", "read-only"),
        )
    },
    "compact idle": Program(
        script(DONE, Say(text="S"), DONE),
        (start(), turn("a"), ask("thread/compact/start"), turn("b"), read(turns=False)),
    ),
    "compact empty": Program(
        script(Say(text="S"), DONE), (start(), ask("thread/compact/start"), turn("b"))
    ),
    "review": Program(
        script(DONE, Say(text="R")),
        (
            start(),
            turn("a"),
            ask("review/start", target={"type": "custom", "instructions": " look "}),
            ask("review/start", target={"type": "custom", "instructions": " "}),
            read(),
        ),
    ),
}
