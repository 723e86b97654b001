"""The states of what a conversation is made of: threads, turns, messages, streams, sessions.

May import the machine. The invariant: what has ended never begins again; of several endings of one
turn or message the worst is kept (spec 02 §8.1, 04 §7-§11).
"""

from __future__ import annotations

from typing import Final

from codex_runtime.contract.states.machine import STAY, Machine, Refuse, table_of

_THREAD_EVENTS: Final = ("open", "write", "archive", "unarchive", "delete")
_GOING: Final = Refuse("E_THREAD_DELETING")

THREAD: Final = Machine(
    "thread",
    states=("active", "archived", "failed", "deleting"),
    events=_THREAD_EVENTS,
    table=table_of(
        _THREAD_EVENTS,
        {
            #            open   write  archive     unarchive  delete
            "active": (STAY, STAY, "archived", "active", "deleting"),
            "archived": (STAY, STAY, "archived", "active", "deleting"),
            "failed": (STAY, STAY, "archived", "active", "deleting"),
            "deleting": (_GOING, _GOING, _GOING, _GOING, STAY),
        },
    ),
)
"""A thread. Opening does not bring it back from the archive, and the archive stops nothing.

``deleting`` is no status a reader is shown: it is a thread whose row names a deletion that runs.
"""

_TURN_EVENTS: Final = ("queued", "started", "completed", "interrupted", "failed")

TURN: Final = Machine(
    "turn",
    states=("queued", "inProgress", "completed", "interrupted", "failed"),
    events=_TURN_EVENTS,
    terminal=frozenset({"completed", "interrupted", "failed"}),
    table=table_of(
        _TURN_EVENTS,
        {
            #              queued started      completed    interrupted    failed
            "queued": (STAY, "inProgress", "completed", "interrupted", "failed"),
            "inProgress": (STAY, STAY, "completed", "interrupted", "failed"),
            "completed": (STAY, STAY, STAY, "interrupted", "failed"),
            "interrupted": (STAY, STAY, STAY, STAY, "failed"),
            "failed": (STAY, STAY, STAY, STAY, STAY),
        },
    ),
)
"""A turn. Of completed, interrupted and failed the later in this order stands."""

_MESSAGE_EVENTS: Final = ("started", "delta", "completed", "interrupted", "failed")

MESSAGE: Final = Machine(
    "message",
    states=("streaming", "completed", "interrupted", "failed"),
    events=_MESSAGE_EVENTS,
    terminal=frozenset({"completed", "interrupted", "failed"}),
    table=table_of(
        _MESSAGE_EVENTS,
        {
            #             started delta        completed    interrupted    failed
            "streaming": (STAY, "streaming", "completed", "interrupted", "failed"),
            "completed": (STAY, STAY, "completed", "interrupted", "failed"),
            "interrupted": (STAY, STAY, "interrupted", "interrupted", "failed"),
            "failed": (STAY, STAY, "failed", "failed", "failed"),
        },
    ),
)
"""A message. To stay is to leave the text alone: a late start or delta never overwrites it. To
enter the same state again is to take the newer text."""

_STREAM_EVENTS: Final = ("delta", "finish", "abort")

STREAM: Final = Machine(
    "stream",
    states=("streaming", "finished", "aborted"),
    events=_STREAM_EVENTS,
    terminal=frozenset({"finished", "aborted"}),
    table=table_of(
        _STREAM_EVENTS,
        {
            "streaming": ("streaming", "finished", "aborted"),
            "finished": (STAY, STAY, STAY),
            "aborted": (STAY, STAY, STAY),
        },
    ),
)
"""A stream. Deltas that come after its end are kept, and leave it ended."""

_SESSION_EVENTS: Final = ("open", "heartbeat", "ingest", "silence")

SESSION: Final = Machine(
    "session",
    states=("starting", "active", "stale", "ended", "failed"),
    events=_SESSION_EVENTS,
    table=table_of(
        _SESSION_EVENTS,
        {
            #            open      heartbeat ingest    silence
            "starting": ("active", "active", "active", "stale"),
            "active": ("active", "active", "active", "stale"),
            "stale": ("active", "active", "active", STAY),
            "ended": ("active", "active", "active", STAY),
            "failed": ("active", "active", "active", STAY),
        },
    ),
)
"""A session. Whoever is heard from is active again; nothing of the silence is left on the row."""
