"""Threads: what is kept of them, listed, forked, reverted, archived, deleted."""

from __future__ import annotations

from codex_fakes.script import Run, Say, Stall, Think, Usage, Wait, script
from support.programs import NEVER, Call, Open, Program, Restart, decide, read, start, turn

ECHO = Run(command="echo ran", output="ran\n")
TWO = (Say(text="answer one"), ECHO, Say(text="answer two"))
TWO_TURNS = (start(), turn("one", "first question"), turn("two", "second question"))
HELD = (Say(text="partial ", left_open=True), Stall())
GATED = (Say(text="partial ", left_open=True), Wait(gate="go"))


def ask(method, saves="", thread="$t", **params) -> Call:
    return Call(method, {"threadId": thread, **params}, saves=saves)


def listing(**params) -> Call:
    return Call("thread/list", params)


UNKNOWN = tuple(
    ask(method, thread=NEVER, **params)
    for method, params in (
        ("thread/resume", {}),
        ("thread/resume", {"path": "/nonexistent/rollout.jsonl"}),
        ("thread/read", {}),
        ("thread/read", {"includeTurns": True}),
        ("turn/start", {"input": [{"type": "text", "text": "x"}]}),
        ("thread/fork", {}),
        ("thread/archive", {}),
        ("thread/unarchive", {}),
        ("thread/name/set", {"name": "x"}),
        ("thread/compact/start", {}),
        ("thread/turns/list", {}),
        ("thread/items/list", {}),
        ("thread/unsubscribe", {}),
        ("thread/delete", {}),
    )
)
BUSY = (start(), turn("first", "first"), turn("long", "long"))

PROGRAMS = {
    "08a resume after a restart": Program(
        script(*TWO, Say(text="answer three")),
        (
            *TWO_TURNS,
            Restart(),
            Call("thread/loaded/list"),
            read(turns=False),
            ask("thread/resume"),
            Call("thread/loaded/list"),
            turn("three", "third question"),
            ask("thread/resume"),
            ask("thread/resume", excludeTurns=True),
            ask("thread/resume", excludeTurns=True, initialTurnsPage={}),
        ),
    ),
    "08b unknown threads": Program(
        script(),
        (
            *UNKNOWN,
            ask("thread/resume", thread="bogus"),
            Call("thread/resume", {}),
            ask("thread/read", thread="bogus"),
            turn("x", thread="bogus"),
        ),
    ),
    "08b a thread without a turn": Program(
        script(),
        (
            start(),
            read(turns=False),
            read(),
            ask("thread/turns/list"),
            ask("thread/resume"),
            ask("thread/fork"),
            ask("thread/archive"),
        ),
    ),
    "08d fork": Program(
        script(*TWO, Say(text="forked answer")),
        (
            *TWO_TURNS,
            ask("thread/fork", "f"),
            turn("three", "fork question", "$f"),
            ask("thread/fork", "g", lastTurnId="$one"),
            ask("thread/fork", "h", beforeTurnId="$one"),
            ask("thread/fork", beforeTurnId="$two", lastTurnId="$one"),
            ask("thread/fork", lastTurnId="nope"),
            ask("thread/fork", "i", excludeTurns=True),
            ask("thread/fork", ephemeral=True),
            read(turns=False),
        ),
    ),
    "08e list, read, name": Program(
        script(*TWO, Say(text="other")),
        (
            *TWO_TURNS,
            start("u"),
            turn("three", "another thread", "$u"),
            # Both threads together are not listed: their order within a second is open.
            listing(cursor="garbage"),
            listing(modelProviders=["openai"]),
            listing(cwd="/nowhere"),
            listing(searchTerm="another"),
            listing(sourceKinds=["cli"]),
            listing(archived=True),
            Call("thread/loaded/list"),
            Call("thread/loaded/list", {"limit": 1}),
            read(turns=False),
            read(),
            ask("thread/turns/list"),
            ask("thread/turns/list", limit=1, sortDirection="asc", itemsView="full"),
            ask("thread/turns/list", itemsView="notLoaded"),
            ask("thread/items/list"),
            ask("thread/items/list", turnId="$two", limit=2),
            ask("thread/name/set", name="  My  name "),
            ask("thread/name/set", name=""),
            read(turns=False),
            ask("thread/metadata/update", gitInfo={"branch": "feature"}),
            ask("thread/unsubscribe", thread="$u"),
            ask("thread/unsubscribe", thread="$u"),
            Call("thread/loaded/list"),
            ask("thread/delete", thread="$u"),
            read("$u", turns=False),
        ),
    ),
    "08e archive": Program(
        script(*TWO),
        (
            *TWO_TURNS,
            ask("thread/archive"),
            listing(archived=True),
            listing(),
            Call("thread/loaded/list"),
            read(turns=False),
            turn("x", "to archived"),
            ask("thread/resume"),
            ask("thread/archive"),
            ask("thread/unarchive"),
            ask("thread/unarchive"),
            listing(),
        ),
    ),
    "08g automatic compaction": Program(
        script(
            (Say(text="answer one"), Usage(input=600, cached=0, output=20, reasoning=0)),
            Say(text="SUMMARY"),
            (Say(text="answer two"), Usage(input=100, cached=0, output=20, reasoning=0)),
        ),
        (start(), turn("one", "first"), turn("two", "second")),
        {"auto_compact_token_limit": 500, "model_context_window": 2000},
        worked_out={"model_context_window": 1_900},
    ),
    "08h revert": Program(
        script(*TWO, Say(text="after revert")),
        (
            *TWO_TURNS,
            ask("thread/rollback", numTurns=1),
            ask("thread/revert", beforeTurnId="nope"),
            ask("thread/revert", beforeTurnId="$two"),
            read(),
            turn("three", "replacement question"),
            read(),
        ),
    ),
    "08i legacy history": Program(
        script(*TWO),
        (
            start(historyMode="legacy"),
            turn("one", "first question"),
            turn("two", "second question"),
            read(),
            ask("thread/items/list"),
            ask("thread/revert", beforeTurnId="$two"),
            Restart(),
            ask("thread/resume"),
            read(),
        ),
    ),
    "08j an ephemeral thread": Program(
        script(Say(text="a")),
        (
            start(ephemeral=True),
            turn("one", "hi"),
            read(turns=False),
            read(),
            ask("thread/turns/list"),
            listing(),
            ask("thread/archive"),
            ask("thread/resume"),
        ),
    ),
    "08k SIGKILL in the middle of a turn": Program(
        script(
            Say(text="answer one"),
            (Think(summary=("thinking",)), Say(text="I will run it"), Run(command="touch before")),
            HELD,
            Say(text="answer three"),
        ),
        (
            start(approvalPolicy="untrusted"),
            turn("one", "first question"),
            turn("two", "second question"),
            decide("accept"),
            Restart("kill"),
            read(),
            ask("thread/resume"),
            ask("thread/turns/list", itemsView="full", sortDirection="asc"),
            turn("three", "third question", approvalPolicy="never"),
            read(),
        ),
    ),
    "16a2 compact while a turn runs": Program(
        script(Say(text="first"), HELD, Say(text="summary")), (*BUSY, ask("thread/compact/start"))
    ),
    "16a3 review while a turn runs": Program(
        script(Say(text="first"), HELD, Say(text="reviewed")),
        (*BUSY, ask("review/start", target={"type": "custom", "instructions": "x"})),
    ),
    "16b archive while a turn runs": Program(
        script(Say(text="first"), HELD), (*BUSY, ask("thread/archive"), read())
    ),
    "16b delete while a turn runs": Program(
        script(Say(text="first"), HELD), (*BUSY, ask("thread/delete"), read())
    ),
    "16k unsubscribe while a turn runs": Program(
        script(Say(text="first"), GATED, Say(text="second"), Say(text="ok")),
        (
            *BUSY,
            ask("thread/unsubscribe"),
            Open("go"),
            turn("unheard", "q"),
            read(turns=False),
            ask("thread/resume", excludeTurns=True),
            turn("again", "again"),
        ),
    ),
}
