"""What is wanted of an import, how far it has come, and what became of it.

May import the contract by type. The invariant: a record is immutable; what is not known yet is
nought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.functions.imports import Job


class ImportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import has come.

    Attributes:
        conversation_id: The conversation.
        state: ``reading``, ``sending``, ``verifying``, then how it ended; ``cancelling`` from when
            nobody wants it any more until what is under way has been answered.
        sent_chunks: How many chunks the deployment has been sent.
        sent_messages: How many messages those hold.
        processed_chunks: How many chunks the deployment has taken into the conversation.
        processed_messages: How many messages those hold.
        total_chunks: How many chunks there are; 0 until the last one was sent.
        message_count: How many messages there are; 0 while the thread is being read.
    """

    conversation_id: str
    state: Literal["reading", "sending", "verifying", "cancelling", "synced", "failed", "cancelled"]
    sent_chunks: int = 0
    sent_messages: int = 0
    processed_chunks: int = 0
    processed_messages: int = 0
    total_chunks: int = 0
    message_count: int = 0


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import (spec 06 §12).

    Attributes:
        conversation_id: The conversation.
        thread_id: The persisted thread.
        sync_job_id: The deployment's job.
        sync_job_policy_version: Under which rules it was made.
        sync_job_state: How the job ended.
        last_cursor: How far the streams of its turns have come.
        imported_turn_count: How many turns there are.
        imported_message_count: How many messages there are.
        sync_state: ``synced`` when every message was found in the conversation.
        resumed: Whether it was set going by an earlier call, and was only waited for.
        warnings: What was mended or left out, as ``W_…:<count>``, and why it was not synced, as
            ``<code>:<text>``.
        error_code: Why it was not synced.
    """

    conversation_id: str
    thread_id: str
    sync_job_id: str
    sync_job_policy_version: int
    sync_job_state: Literal["syncing", "synced", "failed", "cancelled"]
    last_cursor: float
    imported_turn_count: int
    imported_message_count: int
    sync_state: Literal["synced", "partial"]
    resumed: bool = False
    warnings: tuple[str, ...] = ()
    error_code: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ImportOrder:
    """What somebody wants imported.

    Attributes:
        handle: The thread of the local Codex.
        conversation_id: The conversation; one of the thread's own id when left out.
        session_id: The session that brings it; a new one when left out.
        tell: Called whenever it has come further.
    """

    handle: str
    conversation_id: str | None
    session_id: str | None
    tell: Callable[[ImportProgress], None]


def imported_by(
    job: Job, *, turns: int, messages: int, warnings: tuple[str, ...], resumed: bool
) -> Imported:
    """Say what a job that has ended has made of an import.

    Args:
        job: The job.
        turns: How many turns were to be imported.
        messages: How many messages those have.
        warnings: What was mended or left out.
        resumed: Whether the job was set going by an earlier call.

    Returns:
        What became of the import.
    """
    synced = job.state == "synced"
    code = job.last_error_code or None
    failure = () if synced else (f"{code or 'UNKNOWN'}:{job.last_error_message or ''}",)
    return Imported(
        conversation_id=job.conversation_id,
        thread_id=job.thread_id,
        sync_job_id=job.job_id,
        sync_job_policy_version=job.policy_version,
        sync_job_state=job.state,
        last_cursor=job.last_cursor,
        imported_turn_count=turns,
        imported_message_count=messages,
        sync_state="synced" if synced else "partial",
        resumed=resumed,
        warnings=(*warnings, *failure),
        error_code=None if synced else code,
    )
