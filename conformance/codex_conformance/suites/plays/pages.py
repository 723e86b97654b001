"""Plays of lists and their pages: threads, turns, items; and of threads that have none.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

QUESTIONS: Final = ("question one", "question two", "question three")
"""What the user says, in one thread or in three."""

FOREIGN_PROVIDER: Final = "conformance-no-such-provider"
"""A model provider that no thread has."""

# Cursors are times: answers that take some keep threads apart under a virtual clock as well.
_ANSWERS: Final = tuple(Say(text=("answer to ", question), pause_ms=5) for question in QUESTIONS)
_PAGES: Final = 5
"""Pages that are asked for at most; two more than there should be."""


async def _pages(stage: Stage, section: str, method: str, params: dict[str, Any]) -> None:
    """Ask for page after page, each in the section ``SECTION N``, until there are no more."""
    cursor: Any = None
    for number in range(1, _PAGES + 1):
        here = params if cursor is None else {**params, "cursor": cursor}
        answer = await stage.ask(f"{section} {number}", method, here)
        cursor = at(answer, "result", "nextCursor")
        if cursor is None:
            return


@play("paged-threads", script(*_ANSWERS))
async def paged_threads(stage: Stage) -> None:
    """Three threads are listed in pages, through filters, and by cursors that are none."""
    await stage.start()
    for question in QUESTIONS:
        await stage.whole_turn(await stage.thread(), question)
    await _pages(stage, "page", "thread/list", {"limit": 1, "sortKey": "updated_at"})
    asked: dict[str, dict[str, Any]] = {
        "ascending": {"sortKey": "updated_at", "sortDirection": "asc"},
        "limit 0": {"limit": 0},
        "bad cursor": {"cursor": "garbage"},
        "other folder": {"cwd": "/no/such/folder"},
        "this folder": {"cwd": stage.folder},
        "other provider": {"modelProviders": [FOREIGN_PROVIDER]},
        "any provider": {"modelProviders": []},
        "search": {"searchTerm": QUESTIONS[1]},
    }
    for section, params in asked.items():
        await stage.ask(section, "thread/list", params)
    await stage.ask("loaded", "thread/loaded/list", {})
    await _pages(stage, "loaded page", "thread/loaded/list", {"limit": 2})


@play("paged-turns", script(*_ANSWERS))
async def paged_turns(stage: Stage) -> None:
    """The turns and the items of a thread are listed, in one go and in pages."""
    await stage.start()
    thread = await stage.thread()
    for question in QUESTIONS:
        await stage.whole_turn(thread, question)
    named = {"threadId": thread}
    await stage.ask("turns", "thread/turns/list", named)
    await stage.ask("turns ascending", "thread/turns/list", {**named, "sortDirection": "asc"})
    for view in ("full", "notLoaded"):
        await stage.ask(f"turns {view}", "thread/turns/list", {**named, "itemsView": view})
    await _pages(stage, "turns page", "thread/turns/list", {**named, "limit": 1})
    await stage.ask("bad cursor", "thread/turns/list", {**named, "cursor": "garbage"})
    await stage.ask("items", "thread/items/list", named)
    await _pages(stage, "items page", "thread/items/list", {**named, "limit": 3})


@play("unused-threads", script(Say(text="answer")))
async def unused_threads(stage: Stage) -> None:
    """Turns are asked of a thread that has none, and of an ephemeral one."""
    await stage.start()
    unused = await stage.thread()
    named = {"threadId": unused}
    await stage.ask("read", "thread/read", named)
    await stage.ask("read with turns", "thread/read", {**named, "includeTurns": True})
    await stage.ask("turns", "thread/turns/list", named)
    await stage.ask("resume", "thread/resume", named)
    await stage.ask("resume without turns", "thread/resume", {**named, "excludeTurns": True})
    ephemeral = await stage.thread(ephemeral=True)
    await stage.whole_turn(ephemeral, "go")
    named = {"threadId": ephemeral}
    await stage.ask("ephemeral with turns", "thread/read", {**named, "includeTurns": True})
    await stage.ask("ephemeral turns", "thread/turns/list", named)
    await stage.ask("list", "thread/list", {})
