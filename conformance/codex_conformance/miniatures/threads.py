"""Miniatures that break threads: starting, their status, listing them.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.faults import Fault, Passing, answer
from codex_conformance.miniatures.miniature import Miniature, broken_by, miniature

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing


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
        if not data:
            return None
        data[:0] = [{**copy.deepcopy(data[0]), "id": id_, "preview": ""} for id_ in unused]
        return [passing.message]

    return Fault(out)


THREADS: Final[tuple[Miniature, ...]] = (
    broken_by(
        "thread-started-first",
        "thread/started comes before the response to thread/start.",
        "late=thread/start[result]:thread/started",
        "lifecycle.thread.response-first",
    ),
    broken_by(
        "thread-started-twice",
        "thread/started comes twice.",
        "duplicate=thread/started",
        "lifecycle.thread.started-once",
        "lifecycle.fork.order",
    ),
    broken_by(
        "session-of-its-own",
        "A new thread has a session id that is not the thread id.",
        'put=thread/start[result]:result.thread.sessionId="01a201df-0000-7000-8000-000000000000"',
        "lifecycle.thread.ids",
    ),
    broken_by(
        "starts-not-loaded",
        "A new thread is notLoaded.",
        'put=thread/start[result]:result.thread.status={"type":"notLoaded"}',
        "lifecycle.thread.starts-idle",
    ),
    broken_by(
        "leaves-nulls-out",
        "The result of thread/start leaves serviceTier out when it is null.",
        "omit=thread/start[result]:result.serviceTier",
        "lifecycle.thread.start-result",
    ),
    broken_by(
        "idle-twice",
        "That a thread is idle is reported twice.",
        "duplicate=thread/status/changed[params.status.type=idle]",
        "lifecycle.thread.status-steps",
    ),
    miniature(
        "lists-unused-threads",
        "thread/list gives threads that never had a turn.",
        _lists_unused_threads,
        "lifecycle.thread.list-used-only",
    ),
)
"""Miniatures of threads."""
