"""Checks of threads: starting, reading and listing them.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from codex_conformance.requirements.expectations import STATUS_STEPS, THREAD_START_RESULT
from codex_conformance.suites.plays.groups import GOOD_TURNS, TURNS
from codex_conformance.suites.plays.history import FIRST_QUESTION, listing, restart
from codex_conformance.suites.plays.turns import plain_turns, two_threads
from codex_conformance.suites.reading import result_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import CLIENT_NAME
from codex_conformance.suites.verdicts import (
    Inconclusive,
    require,
    require_equal,
    require_order,
    some,
    violated,
)
from codex_conformance.wire.messages import array_at, at, keyed

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def _new_threads(scene: Scene) -> tuple[tuple[Entry, Entry, Any], ...]:
    """The thread/start requests of the first connection: request, response, thread."""
    found = []
    for request in scene.transcript.requests():
        answers = scene.transcript.answers_to(request)
        thread = at(answers[0].message, "result", "thread") if answers else None
        if request.method == "thread/start" and isinstance(thread, dict):
            found.append((request, answers[0], thread))
    return some(found, "new thread")


def _started(scene: Scene, thread: Any) -> tuple[Entry, ...]:
    return tuple(
        entry
        for entry in scene.transcript.from_server()
        if entry.method == "thread/started"
        and at(entry.message, "params", "thread", "id") == thread.get("id")
    )


@check("lifecycle.thread.response-first", on=(plain_turns, two_threads))
async def the_response_comes_before_thread_started(scene: Scene) -> None:
    """Compares the places of the response and of thread/started."""
    for _, response, thread in _new_threads(scene):
        for started in some(_started(scene, thread), "thread/started"):
            require_order("lifecycle.thread.response-first", response, started)


@check("lifecycle.thread.started-once", on=(plain_turns, two_threads))
async def thread_started_comes_once(scene: Scene) -> None:
    """Counts thread/started for each new thread."""
    for _, response, thread in _new_threads(scene):
        started = _started(scene, thread)
        require_equal(len(started), 1, "the number of thread/started", response, *started)


@check("lifecycle.thread.ids", on=(plain_turns, two_threads))
async def thread_ids_are_uuids(scene: Scene) -> None:
    """Reads the id of each new thread, and compares it with its session id."""
    for _, response, thread in _new_threads(scene):
        require(_is_uuid(thread.get("id")), "a UUID", repr(thread.get("id")), response)
        require_equal(thread.get("sessionId"), thread.get("id"), "the session id", response)


def _is_uuid(text: object) -> bool:
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


@check("lifecycle.thread.origin", on=(plain_turns, two_threads))
async def new_threads_name_the_client(scene: Scene) -> None:
    """Reads originator and source of each new thread."""
    for _, response, thread in _new_threads(scene):
        found = (thread.get("originator"), thread.get("source"))
        require_equal(found, (CLIENT_NAME, "vscode"), "originator and source", response)


@check("lifecycle.thread.starts-idle", on=(plain_turns, two_threads))
async def new_threads_are_idle_and_empty(scene: Scene) -> None:
    """Reads status and turns of each new thread."""
    for _, response, thread in _new_threads(scene):
        require_equal(thread.get("status"), {"type": "idle"}, "the status", response)
        require_equal(thread.get("turns"), [], "the turns", response)


@check("lifecycle.thread.start-result", on=GOOD_TURNS)
async def thread_start_gives_every_field(scene: Scene) -> None:
    """Compares the members of each result of thread/start."""
    for _, response, _ in _new_threads(scene):
        found = frozenset(at(response.message, "result"))
        missing, added = THREAD_START_RESULT - found, found - THREAD_START_RESULT
        require(
            not missing and not added,
            f"the members {', '.join(sorted(THREAD_START_RESULT))}",
            f"missing: {sorted(missing)}, unexpected: {sorted(added)}",
            response,
        )


@check("lifecycle.thread.status-steps", on=(*TURNS, restart))
async def statuses_change_step_by_step(scene: Scene) -> None:
    """Follows the reported statuses of each thread through the table of steps."""
    reports = [entry for entry in scene.entries if entry.method == "thread/status/changed"]
    some(reports, "report of a status")
    for transcript in scene.transcripts:
        before: dict[str, tuple[str, Entry]] = {}
        for entry in transcript.from_server():
            if entry.method != "thread/status/changed":
                continue
            thread = keyed(at(entry.message, "params", "threadId"))
            status = _status_name(entry)
            last, last_entry = before.get(thread, (None, None))
            allowed = STATUS_STEPS[last]
            expected = f"{' or '.join(sorted(allowed))} after {last or 'the beginning'}"
            require(status in allowed, expected, status, last_entry, entry)
            before[thread] = (status, entry)


def _status_name(entry: Entry) -> str:
    status = at(entry.message, "params", "status")
    flags = " ".join(sorted(str(flag) for flag in array_at(status, "activeFlags")))
    return f"{at(status, 'type')} {flags}".strip()


@check("lifecycle.thread.read-without-turns", on=(listing,))
async def reading_leaves_turns_out(scene: Scene) -> None:
    """Reads a thread with turns and looks for them in the answer."""
    answer, result = result_in(scene, "read", "thread/read")
    require_equal(at(result, "thread", "turns"), [], "the turns", answer)


@check("lifecycle.thread.read-turns", on=(listing,))
async def reading_gives_turns_in_order(scene: Scene) -> None:
    """Reads a thread with two turns and compares what was said in them, and their order."""
    answer, result = result_in(scene, "read with turns", "thread/read")
    turns = at(result, "thread", "turns")
    require(isinstance(turns, list), "a list of turns", repr(turns), answer)
    found = [(_said(turn, "userMessage"), _said(turn, "agentMessage")) for turn in turns]
    expected = [(FIRST_QUESTION, "answer one"), ("second question", "answer two")]
    require_equal(found, expected, "the turns", answer)


def _said(turn: Any, kind: str) -> object:
    for item in array_at(turn, "items"):
        if at(item, "type") == kind:
            return at(item, "text") if kind == "agentMessage" else at(item, "content", 0, "text")
    return None


def _listed(scene: Scene) -> tuple[Entry, list[Any]]:
    answer, result = result_in(scene, "list", "thread/list")
    data = at(result, "data")
    if not isinstance(data, list):
        violated("a list of threads", repr(data), answer)
    return answer, data


def _used_and_unused(scene: Scene) -> tuple[list[Any], list[Any]]:
    """The ids of the threads that had a turn, newest first, and of those that had none."""
    # A list, because what an app-server gives as an id may be anything.
    used = [turn.thread_id for turn in scene.turns]
    if not used:
        raise Inconclusive("no thread had a turn")
    created = [thread.get("id") for _, _, thread in _new_threads(scene)]
    return [id_ for id_ in reversed(created) if id_ in used], [
        id_ for id_ in created if id_ not in used
    ]


@check("lifecycle.thread.list-complete", on=(listing,))
async def used_threads_are_listed(scene: Scene) -> None:
    """Looks for every thread that had a turn in the list."""
    answer, data = _listed(scene)
    used, _ = _used_and_unused(scene)
    missing = [id_ for id_ in used if id_ not in [at(thread, "id") for thread in data]]
    require(not missing, "every thread that had a turn", f"missing: {missing}", answer)


@check("lifecycle.thread.list-newest-first", on=(listing,))
async def the_newest_thread_is_listed_first(scene: Scene) -> None:
    """Compares the creation times of listed threads, and the order of those in the same second."""
    answer, data = _listed(scene)
    times = [at(thread, "createdAt") for thread in data]
    require(all(type(time) is int for time in times), "createdAt in seconds", times, answer)
    require(times == sorted(times, reverse=True), "falling times of creation", times, answer)
    used, _ = _used_and_unused(scene)
    found = [at(thread, "id") for thread in data if at(thread, "id") in used]
    expected = [id_ for id_ in used if id_ in found]
    require_equal(found, expected, "the order", answer)


@check("lifecycle.thread.list-used-only", on=(listing,))
async def unused_threads_are_not_listed(scene: Scene) -> None:
    """Looks for a thread without a turn in the list."""
    answer, data = _listed(scene)
    _, unused = _used_and_unused(scene)
    some(unused, "thread without a turn")
    found = [at(thread, "id") for thread in data if at(thread, "id") in unused]
    require(not found, "no thread without a turn", found, answer)


@check("lifecycle.thread.list-preview", on=(listing,))
async def the_preview_is_the_first_message(scene: Scene) -> None:
    """Compares the preview of each listed thread with the text of its first turn."""
    answer, data = _listed(scene)
    first = {keyed(turn.thread_id): turn.text for turn in reversed(scene.turns)}
    texts = [(thread, first.get(keyed(at(thread, "id")))) for thread in data]
    known = [(thread, text) for thread, text in texts if text is not None]
    for thread, text in some(known, "listed thread with a turn"):
        require_equal(at(thread, "preview"), text, "the preview", answer)
