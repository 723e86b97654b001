"""Miniatures that break threads: starting, reading, listing, and going on after a restart.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.faults import (
    Fault,
    Passing,
    after,
    answer,
    both,
    changed,
    computed,
    doubled,
    ending,
    late,
    named,
    put,
    refusal,
    removed,
    status,
)
from codex_conformance.miniatures.miniature import Miniature, miniature
from codex_conformance.suites.plays.dialect import UNKNOWN_THREAD
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing


def _with_turns(passing: Passing) -> bool:
    return answer("thread/read")(passing) and bool(at(passing.request, "params", "includeTurns"))


def _without_turns(passing: Passing) -> bool:
    return answer("thread/read")(passing) and not _with_turns(passing)


def _several_listed(passing: Passing) -> bool:
    return answer("thread/list")(passing) and len(passing.at("result", "data")) > 1


def _lists_unused_threads() -> Fault:
    started: list[str] = []
    used: set[str] = set()

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        if answer("thread/start")(passing):
            started.append(passing.at("result", "thread", "id"))
        if passing.method == "turn/started":
            used.add(passing.at("params", "threadId"))
        unused = [id_ for id_ in started if id_ not in used]
        if not answer("thread/list")(passing) or not unused:
            return None
        data = passing.at("result", "data")
        data[:0] = [{**copy.deepcopy(data[0]), "id": id_, "preview": ""} for id_ in unused]
        return [passing.message]

    return Fault(out)


def _without_previews(passing: Passing) -> None:
    for listed in passing.at("result", "data"):
        listed["preview"] = ""


def _known_thread(passing: Passing) -> bool:
    return UNKNOWN_THREAD not in str(passing.at("error", "message"))


def _without_what_the_model_said(passing: Passing) -> None:
    for turn in passing.at("result", "thread", "turns"):
        for item in turn["items"]:
            if item["type"] == "agentMessage":
                item["text"] = ""


def _drops_restored_usage() -> Fault:
    resumed = False

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        nonlocal resumed
        resumed = (resumed or answer("thread/resume")(passing)) and not passing.running
        restored = resumed and passing.method == "thread/tokenUsage/updated"
        return [] if restored else None

    return Fault(out)


THREADS: Final[tuple[Miniature, ...]] = (
    miniature(
        "thread-started-first",
        "thread/started comes before the response to thread/start.",
        late(answer("thread/start"), named("thread/started")),
        "lifecycle.thread.response-first",
    ),
    miniature(
        "thread-started-twice",
        "thread/started comes twice.",
        doubled(named("thread/started")),
        "lifecycle.thread.started-once",
    ),
    miniature(
        "session-of-its-own",
        "A new thread has a session id that is not the thread id.",
        changed(answer("thread/start"), put(UNKNOWN_THREAD, "result", "thread", "sessionId")),
        "lifecycle.thread.ids",
    ),
    miniature(
        "starts-not-loaded",
        "A new thread is notLoaded.",
        changed(answer("thread/start"), put({"type": "notLoaded"}, "result", "thread", "status")),
        "lifecycle.thread.starts-idle",
    ),
    miniature(
        "leaves-nulls-out",
        "The result of thread/start leaves serviceTier out when it is null.",
        changed(answer("thread/start"), removed("result", "serviceTier")),
        "lifecycle.thread.start-result",
    ),
    miniature(
        "idle-twice",
        "That a thread is idle is reported twice.",
        doubled(status("idle")),
        "lifecycle.thread.status-steps",
    ),
    miniature(
        "reads-with-turns",
        "thread/read gives turns that nobody asked for.",
        changed(_without_turns, put([{"id": "turn", "items": []}], "result", "thread", "turns")),
        "lifecycle.thread.read-without-turns",
    ),
    miniature(
        "reads-turns-backwards",
        "thread/read gives the newest turn first.",
        changed(_with_turns, computed(lambda turns: turns[::-1], "result", "thread", "turns")),
        "lifecycle.thread.read-turns",
    ),
    miniature(
        "lists-one-thread",
        "thread/list gives the newest thread only.",
        changed(_several_listed, computed(lambda data: data[:1], "result", "data")),
        "lifecycle.thread.list-complete",
    ),
    miniature(
        "lists-oldest-first",
        "thread/list gives the oldest thread first.",
        changed(_several_listed, computed(lambda data: data[::-1], "result", "data")),
        "lifecycle.thread.list-newest-first",
    ),
    miniature(
        "lists-unused-threads",
        "thread/list gives threads that never had a turn.",
        _lists_unused_threads,
        "lifecycle.thread.list-used-only",
    ),
    miniature(
        "lists-without-previews",
        "The previews in thread/list are empty.",
        changed(answer("thread/list"), _without_previews),
        "lifecycle.thread.list-preview",
    ),
)


def _second_process(passing: Passing) -> bool:
    return not passing.started_here


RESTARTS: Final[tuple[Miniature, ...]] = (
    miniature(
        "forgets-the-list",
        "After a restart no thread is listed.",
        changed(both(answer("thread/list"), _second_process), put([], "result", "data")),
        "lifecycle.restart.listed",
    ),
    miniature(
        "reads-as-loaded",
        "A thread that is not loaded reads as idle.",
        changed(
            lambda p: (
                answer("thread/read")(p)
                and p.at("result", "thread", "status", "type") == "notLoaded"
            ),
            put({"type": "idle"}, "result", "thread", "status"),
        ),
        "lifecycle.restart.not-loaded",
    ),
    miniature(
        "vague-about-unloaded-threads",
        "turn/start does not say that the thread is not loaded.",
        changed(both(refusal("thread not found: "), _known_thread), put("no", "error", "message")),
        "lifecycle.restart.resume-needed",
    ),
    miniature(
        "resumes-without-the-last-turn",
        "thread/resume leaves the last turn out.",
        changed(
            answer("thread/resume"),
            computed(lambda turns: turns[:-1], "result", "thread", "turns"),
        ),
        "lifecycle.restart.resume-turns",
    ),
    miniature(
        "resumes-without-texts",
        "In the turns of thread/resume the model has said nothing.",
        changed(answer("thread/resume"), _without_what_the_model_said),
        "lifecycle.restart.resume-texts",
    ),
    miniature(
        "fails-after-resume",
        "Turns of a resumed thread fail.",
        after(
            answer("thread/resume"), ending("completed"), put("failed", "params", "turn", "status")
        ),
        "lifecycle.restart.goes-on",
    ),
    miniature(
        "forgets-usage",
        "Token usage is not reported on resuming.",
        _drops_restored_usage,
        "lifecycle.restart.usage-restored",
    ),
    miniature(
        "vague-about-lost-threads",
        "Resuming a thread that was lost fails without a reason.",
        changed(
            both(refusal("no rollout found for thread id"), _known_thread),
            put("internal error", "error", "message"),
        ),
        "lifecycle.restart.unused-lost",
    ),
)
