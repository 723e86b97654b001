"""What a deletion reaches: which rows of which tables, in which order (spec 04 §5-6, "Better").

May import the contract's tables. The invariant: every table stands in every plan that can own rows
of it, children before their parents and the target itself last, so that it is gone only when
everything of it is; one test compares the plans with the contract's tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Step:
    """Rows of one table that a deletion reaches.

    Attributes:
        table: The table.
        by: The field that says whose they are, and the field of the job that holds its value;
            ``None`` for all rows of the scope.
        before: Tables whose rows name a row of this one by ``streamRef``; they go before it.
    """

    table: str
    by: tuple[str, str] | None = None
    before: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables the step reaches, in order."""
        return (*self.before, self.table)


_THREAD: Final = ("threadRef", "threadRef")
_THREAD_ID: Final = ("threadId", "threadId")
_TURN: Final = ("turnRef", "turnRef")
_STREAM_ROWS: Final = (
    "codex_stream_deltas_ttl",
    "codex_stream_receipts",
    "codex_stream_stats",
    "codex_stream_checkpoints",
)

PLANS: Final[Mapping[str, tuple[Step, ...]]] = {
    "thread": (
        Step("codex_streams", _THREAD, before=_STREAM_ROWS),
        Step("codex_server_requests", _THREAD),
        Step("codex_approvals", _THREAD),
        Step("codex_items", _THREAD),
        Step("codex_messages", _THREAD),
        Step("codex_reasoning_segments", _THREAD),
        Step("codex_token_usage", _THREAD),
        Step("codex_event_summaries", _THREAD),
        Step("codex_lifecycle_events", _THREAD),
        Step("codex_stream_checkpoints", _THREAD),
        Step("codex_sessions", _THREAD),
        Step("codex_turn_dispatches", _THREAD),
        Step("codex_turns", _THREAD),
        Step("codex_sync_import_source_chunks", _THREAD_ID),
        Step("codex_sync_import_jobs", _THREAD_ID),
        Step("codex_sync_import_sources", _THREAD_ID),
        Step("codex_payload_parts", _THREAD_ID),
        Step("codex_thread_bindings", ("conversationRef", "threadRef")),
        Step("codex_threads", ("_id", "threadRef")),
    ),
    "turn": (
        Step("codex_streams", _TURN, before=_STREAM_ROWS),
        Step("codex_server_requests", _TURN),
        Step("codex_approvals", _TURN),
        Step("codex_items", _TURN),
        Step("codex_messages", _TURN),
        Step("codex_reasoning_segments", _TURN),
        Step("codex_token_usage", _TURN),
        Step("codex_event_summaries", _TURN),
        Step("codex_lifecycle_events", _TURN),
        Step("codex_turn_dispatches", _TURN),
        Step("codex_turns", ("_id", "turnRef")),
    ),
    "actor": tuple(
        Step(table)
        for table in (
            *_STREAM_ROWS,
            "codex_server_requests",
            "codex_approvals",
            "codex_items",
            "codex_messages",
            "codex_reasoning_segments",
            "codex_token_usage",
            "codex_event_summaries",
            "codex_lifecycle_events",
            "codex_sessions",
            "codex_turn_dispatches",
            "codex_streams",
            "codex_turns",
            "codex_sync_import_source_chunks",
            "codex_sync_import_jobs",
            "codex_sync_import_sources",
            "codex_payload_parts",
            "codex_thread_bindings",
            "codex_threads",
            "codex_deletion_jobs",
        )
    ),
}
"""The steps of each kind of target, in order."""
