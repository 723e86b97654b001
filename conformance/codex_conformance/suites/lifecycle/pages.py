"""Checks of lists and their pages: threads, turns, items; and of threads that have none.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.requirements.expectations import (
    MILLISECONDS_FROM,
    MILLISECONDS_TO,
    UNSUPPORTED,
)
from codex_conformance.suites.plays.pages import (
    QUESTIONS,
    paged_threads,
    paged_turns,
    unused_threads,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import data_in, history_of, result_in, said_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import require, require_equal, some, turn_at, turns_in
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def _pages(scene: Scene, name: str, method: str) -> tuple[list[Entry], list[list[Any]]]:
    """The answers with the pages of a list, and what is on each page."""
    names = [
        section for section in scene.transcript.section_names if section.startswith(f"{name} ")
    ]
    pages = [data_in(scene, section, method) for section in some(names, f"page of {method}")]
    return [answer for answer, _ in pages], [data for _, data in pages]


def _judge_pages(scene: Scene, name: str, method: str, whole: list[Any], size: int) -> None:
    """Judge that pages are as large as they were asked for, and give the whole list."""
    answers, pages = _pages(scene, name, method)
    found = [row for page in pages for row in page]
    ids = [_id(row) for row in found]
    require_equal(ids, [_id(row) for row in whole], "all pages together", *answers)
    sizes = [len(page) for page in pages]
    fits = all(length == size for length in sizes[:-1]) and sizes[-1] <= size
    require(fits, f"pages of {size}", sizes, *answers)


def _id(row: Any) -> object:
    return row if isinstance(row, str) else at(row, "item", "id") or at(row, "id")


# --- threads --------------------------------------------------------------------------------------


def _threads(scene: Scene, section: str) -> tuple[Entry, list[object]]:
    answer, data = data_in(scene, section, "thread/list")
    return answer, [at(thread, "id") for thread in data]


def _made(scene: Scene) -> list[object]:
    """The ids of the threads, the oldest first."""
    return [turn.thread_id for turn in turns_in(scene)]


@check("lifecycle.list.pages", on=(paged_threads,))
async def lists_of_threads_have_pages(scene: Scene) -> None:
    """Compares all pages together with the threads, the newest first."""
    whole = [{"id": id_} for id_ in reversed(_made(scene))]
    _judge_pages(scene, "page", "thread/list", whole, 1)


@check("lifecycle.list.ascending", on=(paged_threads,))
async def lists_of_threads_can_ascend(scene: Scene) -> None:
    """Compares the list with the threads, the oldest first."""
    answer, found = _threads(scene, "ascending")
    require_equal(found, _made(scene), "the threads", answer)


@check("lifecycle.list.limit-zero", on=(paged_threads,))
async def a_limit_of_zero_is_one(scene: Scene) -> None:
    """Counts the threads in the answer."""
    answer, found = _threads(scene, "limit 0")
    require_equal(len(found), 1, "the number of threads", answer)


@check("lifecycle.list.bad-cursor", on=(paged_threads, paged_turns))
async def cursors_that_are_none_are_refused(scene: Scene) -> None:
    """Reads the answer to a cursor that no list has given."""
    judge_refusal(scene, "bad cursor", "invalid cursor: ")


@check("lifecycle.list.folder", on=(paged_threads,))
async def lists_can_be_of_one_folder(scene: Scene) -> None:
    """Compares the lists of the scene's folder and of another one."""
    answer, found = _threads(scene, "this folder")
    require_equal(sorted(map(str, found)), sorted(map(str, _made(scene))), "the threads", answer)
    answer, found = _threads(scene, "other folder")
    require_equal(found, [], "the threads", answer)


@check("lifecycle.list.providers", on=(paged_threads,))
async def lists_can_be_of_some_providers(scene: Scene) -> None:
    """Compares the lists of another provider and of any."""
    answer, found = _threads(scene, "other provider")
    require_equal(found, [], "the threads", answer)
    answer, found = _threads(scene, "any provider")
    require_equal(sorted(map(str, found)), sorted(map(str, _made(scene))), "the threads", answer)


@check("lifecycle.list.search", on=(paged_threads,))
async def lists_can_be_searched(scene: Scene) -> None:
    """Compares the list with the one thread in which the term was said."""
    answer, found = _threads(scene, "search")
    require_equal(found, [turn_at(scene, 1).thread_id], "the threads", answer)


@check("lifecycle.loaded.listed", on=(paged_threads,))
async def loaded_threads_are_listed(scene: Scene) -> None:
    """Compares the list with the threads, the oldest first."""
    answer, found = data_in(scene, "loaded", "thread/loaded/list")
    require_equal(found, _made(scene), "the threads", answer)


@check("lifecycle.loaded.pages", on=(paged_threads,))
async def lists_of_loaded_threads_have_pages(scene: Scene) -> None:
    """Compares all pages together with the threads, and the cursor with the last id."""
    _judge_pages(scene, "loaded page", "thread/loaded/list", _made(scene), 2)
    answer, first = data_in(scene, "loaded page 1", "thread/loaded/list")
    cursor = at(answer.message, "result", "nextCursor")
    require_equal(cursor, some(first, "loaded thread")[-1], "the cursor", answer)


# --- turns and items ------------------------------------------------------------------------------


@check("lifecycle.turns.newest-first", on=(paged_turns,))
async def turns_are_listed_newest_first(scene: Scene) -> None:
    """Compares the list with the turns, and the ascending list with them the other way round."""
    made = [turn.turn_id for turn in turns_in(scene)]
    for section, expected in (("turns", made[::-1]), ("turns ascending", made)):
        answer, data = data_in(scene, section, "thread/turns/list")
        found = [at(turn, "id") for turn in data]
        require_equal(found, expected, f"the turns ({section})", answer)


@check("lifecycle.turns.pages", on=(paged_turns,))
async def lists_of_turns_have_pages(scene: Scene) -> None:
    """Compares all pages together with the turns, the newest first."""
    whole = [{"id": turn.turn_id} for turn in reversed(turns_in(scene))]
    _judge_pages(scene, "turns page", "thread/turns/list", whole, 1)


@check("lifecycle.turns.views", on=(paged_turns,))
async def turns_are_shown_in_views(scene: Scene) -> None:
    """Reads the view and the messages of each turn in each list."""
    said = [(question, f"answer to {question}") for question in reversed(QUESTIONS)]
    nothing = [(None, None)] * len(QUESTIONS)
    for section, view, expected in (
        ("turns", "summary", said),
        ("turns full", "full", said),
        ("turns notLoaded", "notLoaded", nothing),
    ):
        answer, data = data_in(scene, section, "thread/turns/list")
        views = [at(turn, "itemsView") for turn in data]
        require_equal(views, [view] * len(QUESTIONS), f"itemsView ({section})", answer)
        found = [said_in(turn) for turn in data]
        require_equal(found, expected, f"the messages ({section})", answer)


@check("lifecycle.items.rows", on=(paged_turns,))
async def items_are_listed(scene: Scene) -> None:
    """Reads turn, times and text of each row."""
    if history_of(scene) != "paginated":
        judge_refusal(
            scene, "items", "thread/items/list is not supported yet", expected_code=UNSUPPORTED
        )
        return
    answer, rows = data_in(scene, "items", "thread/items/list")
    found = [(at(row, "turnId"), _text(row)) for row in rows]
    expected = [
        (turn.turn_id, text)
        for turn in turns_in(scene)
        for text in (turn.text, f"answer to {turn.text}")
    ]
    require_equal(found, expected, "the rows", answer)
    times = [at(row, name) for row in rows for name in ("startedAtMs", "completedAtMs")]
    fits = all(type(time) is int and MILLISECONDS_FROM <= time <= MILLISECONDS_TO for time in times)
    require(fits, "times in milliseconds since 1970", times, answer)


def _text(row: Any) -> object:
    return at(row, "item", "text") or at(row, "item", "content", 0, "text")


@check("lifecycle.items.pages", on=(paged_turns,))
async def lists_of_items_have_pages(scene: Scene) -> None:
    """Compares all pages together with the whole list."""
    if history_of(scene) != "paginated":
        judge_refusal(scene, "items page 1", "thread/items/list is not supported yet", UNSUPPORTED)
        return
    _, whole = data_in(scene, "items", "thread/items/list")
    _judge_pages(scene, "items page", "thread/items/list", whole, 3)


# --- threads without turns ------------------------------------------------------------------------


@check("lifecycle.unused.no-turns", on=(unused_threads,))
async def unused_threads_have_no_turns(scene: Scene) -> None:
    """Reads the answers to reading and listing turns that were never there."""
    _, result = result_in(scene, "read", "thread/read")
    paginated = at(result, "thread", "historyMode") == "paginated"
    thread = at(result, "thread", "id")
    for section in ("read with turns", "turns"):
        if paginated:
            judge_refusal(scene, section, "list_turns is not supported yet", UNSUPPORTED)
        else:
            judge_refusal(scene, section, f"thread {thread} is not materialized yet")


@check("lifecycle.unused.not-resumed", on=(unused_threads,))
async def unused_threads_are_not_resumed(scene: Scene) -> None:
    """Reads the answers to thread/resume, with and without turns."""
    for section in ("resume", "resume without turns"):
        if history_of(scene) == "paginated":
            judge_refusal(scene, section, "list_turns is not supported yet", UNSUPPORTED)
        else:
            judge_refusal(scene, section, "no rollout found for thread id ")


@check("lifecycle.ephemeral.no-turns", on=(unused_threads,))
async def ephemeral_threads_have_no_turns(scene: Scene) -> None:
    """Reads the answers to reading and listing turns of an ephemeral thread."""
    text = "ephemeral threads do not support "
    judge_refusal(scene, "ephemeral with turns", f"{text}includeTurns")
    judge_refusal(scene, "ephemeral turns", f"{text}thread/turns/list")


@check("lifecycle.ephemeral.not-listed", on=(unused_threads,))
async def ephemeral_threads_are_not_listed(scene: Scene) -> None:
    """Looks for the ephemeral thread, which had a turn, in the list."""
    thread = turn_at(scene, 0).thread_id
    answer, found = _threads(scene, "list")
    require(thread not in found, "no ephemeral thread", found, answer)
