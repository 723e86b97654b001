"""What host endpoints answer that the component does not: safe reads, statistics, wiring checks.

May import the shapes and functions. The invariant: a safe read of a conversation that is not there,
or not the caller's, has the shape of one that is there and empty, and says why (spec 05 §6).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from codex_runtime.contract.functions.ingest import (
    ReplayedDelta,
    StreamCursor,
    StreamListed,
    StreamWindow,
)
from codex_runtime.contract.functions.reading import Message, ReasoningSegment
from codex_runtime.contract.functions.threads import ThreadState
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.conversations import MessageRole, MessageStatus

ThreadReadStatus: TypeAlias = Literal[
    "ok", "missing_thread", "forbidden_thread", "forbidden_session"
]
ThreadReadCode: TypeAlias = Literal[
    "E_THREAD_NOT_FOUND", "E_AUTH_THREAD_FORBIDDEN", "E_AUTH_SESSION_FORBIDDEN"
]


class SafeRead(Record, frozen=True, kw_only=True):
    """What every safe read says.

    Attributes:
        thread_status: Whether there is something to read.
        code: Why not.
        message: Why not, in words.
    """

    thread_status: ThreadReadStatus
    code: ThreadReadCode | UnsetType = UNSET
    message: str | UnsetType = UNSET


class SafeSnapshot(SafeRead, frozen=True, kw_only=True):
    """A thread at a glance, when there is one."""

    data: ThreadState | UnsetType = UNSET


class PersistenceStats(SafeRead, frozen=True, kw_only=True):
    """How much of a conversation streams."""

    stream_count: int
    delta_count: int
    latest_cursor_by_stream: list[StreamCursor]


class LatestMessage(Record, frozen=True, kw_only=True):
    """One of the latest messages."""

    message_id: str
    turn_id: str
    role: MessageRole
    status: MessageStatus
    text: str


class DurableHistoryStats(SafeRead, frozen=True, kw_only=True):
    """What of a conversation is kept."""

    message_count_in_page: int
    latest: list[LatestMessage]


class DataHygiene(SafeRead, frozen=True, kw_only=True):
    """Whether stats are left of streams that are gone."""

    scanned_stream_stats: int
    stream_stat_orphans: int
    orphan_stream_ids: list[str]


class StreamList(Record, frozen=True, kw_only=True, tag_field="kind", tag="list"):
    """The streams of a thread."""

    streams: list[StreamListed]


class StreamDeltas(Record, frozen=True, kw_only=True, tag_field="kind", tag="deltas"):
    """What the streams of a thread still hold."""

    streams: list[StreamListed]
    deltas: list[ReplayedDelta]
    stream_windows: list[StreamWindow]
    next_checkpoints: list[StreamCursor]


class SafeMessages(SafeRead, frozen=True, kw_only=True):
    """A page of messages, with the streams that were asked for."""

    page: list[Message]
    is_done: bool
    continue_cursor: str
    streams: StreamList | StreamDeltas | UnsetType = UNSET


class SafeTurnMessages(SafeRead, frozen=True, kw_only=True):
    """The messages of a turn."""

    data: list[Message]


class SafeReasoning(SafeRead, frozen=True, kw_only=True):
    """A page of reasoning."""

    page: list[ReasoningSegment]
    is_done: bool
    continue_cursor: str


class WiringCheck(Record, frozen=True, kw_only=True):
    """One thing that was tried of the wiring.

    Attributes:
        code: The code of what is wrong.
        error: What is wrong, in words.
    """

    name: str
    ok: bool
    code: str | UnsetType = UNSET
    error: str | UnsetType = UNSET


class WiringReport(Record, frozen=True, kw_only=True):
    """Whether a host is wired right."""

    ok: bool
    checks: list[WiringCheck]
