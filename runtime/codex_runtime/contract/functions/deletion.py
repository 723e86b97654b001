"""The functions that delete: threads, turns, everything of an actor.

May import the shapes of functions and tables. The invariant: what is deleted is gone from every
table, and nothing else is (spec 04 §1-6, "Better").
"""

from __future__ import annotations

from typing import Final

from codex_runtime.contract.functions.function import ActorArgs, internal, mutation, query
from codex_runtime.contract.functions.threads import ThreadArgs
from codex_runtime.contract.functions.turns import TurnArgs
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.work import DeletionStatus, DeletionTarget


class DeleteThreadArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.deleteCascade``."""

    reason: str | UnsetType = UNSET
    batch_size: float | UnsetType = UNSET


class ScheduleDeleteThreadArgs(DeleteThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.scheduleDeleteCascade``."""

    delay_ms: float | UnsetType = UNSET


class DeleteTurnArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``turns.deleteCascade``."""

    reason: str | UnsetType = UNSET
    batch_size: float | UnsetType = UNSET


class ScheduleDeleteTurnArgs(DeleteTurnArgs, frozen=True, kw_only=True):
    """Arguments of ``turns.scheduleDeleteCascade``."""

    delay_ms: float | UnsetType = UNSET


class PurgeArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.purgeActorData``."""

    reason: str | UnsetType = UNSET
    batch_size: float | UnsetType = UNSET


class SchedulePurgeArgs(PurgeArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.schedulePurgeActorData``."""

    delay_ms: float | UnsetType = UNSET


class DeletionStarted(Record, frozen=True, kw_only=True):
    """A deletion that has been set going."""

    deletion_job_id: str


class DeletionScheduled(DeletionStarted, frozen=True, kw_only=True):
    """A deletion that waits for its time."""

    scheduled_for: float


class DeletionJobArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of functions about one deletion."""

    deletion_job_id: str


class DeletionCancelled(DeletionStarted, frozen=True, kw_only=True):
    """Whether a deletion was cancelled by this call."""

    cancelled: bool


class DeletionForced(DeletionStarted, frozen=True, kw_only=True):
    """Whether a deletion was set going by this call."""

    forced: bool


class DeletedCount(Record, frozen=True, kw_only=True):
    """How many rows of a table are gone."""

    table_name: str
    deleted: int


class DeletionState(Record, frozen=True, kw_only=True):
    """A deletion as a reader sees it."""

    deletion_job_id: str
    status: DeletionStatus
    target_kind: DeletionTarget
    thread_id: str | UnsetType = UNSET
    turn_id: str | UnsetType = UNSET
    batch_size: int | UnsetType = UNSET
    scheduled_for: float | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    phase: str | UnsetType = UNSET
    deleted_counts_by_table: list[DeletedCount]
    error_code: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET
    created_at: float
    started_at: float | UnsetType = UNSET
    completed_at: float | UnsetType = UNSET
    cancelled_at: float | UnsetType = UNSET
    updated_at: float


class WatchDeletionArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``sessions.watchDeletionJob``."""

    user_scope: str
    deletion_job_id: str


class RunDeletionArgs(WatchDeletionArgs, frozen=True, kw_only=True):
    """Arguments of ``sessions.runDeletionJobChunk``."""

    batch_size: float | UnsetType = UNSET


_SIZES: Final = ("E_DELETE_ARGUMENT_INVALID",)

DELETION_FUNCTIONS: Final = (
    mutation(
        "threads.deleteCascade",
        DeleteThreadArgs,
        DeletionStarted,
        "Delete a thread and everything that belongs to it.",
        "E_THREAD_NOT_FOUND",
        *_SIZES,
    ),
    mutation(
        "threads.scheduleDeleteCascade",
        ScheduleDeleteThreadArgs,
        DeletionScheduled,
        "Delete a thread after a while.",
        "E_THREAD_NOT_FOUND",
        *_SIZES,
    ),
    mutation(
        "turns.deleteCascade",
        DeleteTurnArgs,
        DeletionStarted,
        "Delete a turn and everything that belongs to it.",
        "E_THREAD_NOT_FOUND",
        "E_TURN_NOT_FOUND",
        *_SIZES,
    ),
    mutation(
        "turns.scheduleDeleteCascade",
        ScheduleDeleteTurnArgs,
        DeletionScheduled,
        "Delete a turn after a while.",
        "E_THREAD_NOT_FOUND",
        "E_TURN_NOT_FOUND",
        *_SIZES,
    ),
    mutation(
        "threads.purgeActorData",
        PurgeArgs,
        DeletionStarted,
        "Delete everything of an actor.",
        *_SIZES,
    ),
    mutation(
        "threads.schedulePurgeActorData",
        SchedulePurgeArgs,
        DeletionScheduled,
        "Delete everything of an actor after a while.",
        *_SIZES,
    ),
    mutation(
        "threads.cancelScheduledDeletion",
        DeletionJobArgs,
        DeletionCancelled,
        "Cancel a deletion that has not begun.",
    ),
    mutation(
        "threads.forceRunScheduledDeletion",
        DeletionJobArgs,
        DeletionForced,
        "Begin a scheduled deletion now.",
    ),
    query(
        "threads.getDeletionJobStatus",
        DeletionJobArgs,
        DeletionState | None,
        "How far a deletion has come; null when there is none of this id.",
    ),
    internal(
        "sessions.runDeletionJobChunk",
        "mutation",
        RunDeletionArgs,
        None,
        "One batch of a deletion.",
    ),
    internal(
        "sessions.watchDeletionJob",
        "mutation",
        WatchDeletionArgs,
        None,
        "Look whether a batch of a deletion has died, and run it again.",
    ),
)
