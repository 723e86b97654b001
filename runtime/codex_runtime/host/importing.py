"""Importing a thread of the local Codex into its conversation (spec 06 §12, "Better").

May import the common parts, the steps, the plan, the protocol and the contract. The invariant: an
import is said to be synced only when the deployment says so; one that fails on the way leaves
nothing that goes on by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from codex_runtime.app_server import requests
from codex_runtime.contract.endpoints.runtime_owned import OpenBindingArgs
from codex_runtime.contract.functions.imports import (
    AppendChunkArgs,
    GetJobArgs,
    SealSourceArgs,
    StartSourceArgs,
)
from codex_runtime.contract.functions.ingest import SessionArgs
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.import_plan import plan_import
from codex_runtime.host.steps import Ask, Keep
from codex_runtime.persistence.failures import PersistenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.functions.imports import Job
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow


class ImportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import has come.

    Attributes:
        conversation_id: The conversation.
        state: ``reading``, ``sending``, ``verifying``, then how it ended.
        sent_chunks: How many chunks were sent.
        total_chunks: How many there are.
        message_count: How many messages they hold.
    """

    conversation_id: str
    state: Literal["reading", "sending", "verifying", "synced", "failed", "cancelled"]
    sent_chunks: int = 0
    total_chunks: int = 0
    message_count: int = 0


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an import (spec 06 §12)."""

    conversation_id: str
    thread_id: str
    sync_job_id: str
    sync_job_policy_version: int
    sync_job_state: Literal["syncing", "synced", "failed", "cancelled"]
    last_cursor: float
    imported_turn_count: int
    imported_message_count: int
    sync_state: Literal["synced", "partial"]
    warnings: tuple[str, ...] = ()
    error_code: str | None = None


def import_thread(
    common: Common,
    handle: str,
    conversation_id: str | None,
    session_id: str | None,
    tell: Callable[[ImportProgress], None],
) -> Flow:
    """Import a thread of the local Codex.

    Args:
        common: What the parts of the runtime share.
        handle: The thread.
        conversation_id: The conversation; one of the thread's own id when left out.
        session_id: The session that brings it; a new one when left out.
        tell: Called whenever it has come further.

    Returns:
        The :class:`Imported`.
    """
    settings = common.settings
    if settings is None or common.lifecycle not in ("running", "troubled"):
        raise HostError(
            "E_IMPORT_THREAD_BRIDGE_NOT_READY", "Bridge not started. Connect runtime first."
        )
    runtime_id = handle.strip()
    if not runtime_id:
        raise HostError("E_IMPORT_THREAD_HANDLE_REQUIRED", "runtimeThreadHandle is required.")
    if not common.durable:
        raise PersistenceError(
            "E_PERSISTENCE_DISABLED",
            "Durable sync/import APIs are unavailable when runtime mode is codex-only.",
        )
    conversation = (conversation_id or "").strip() or runtime_id
    session = (session_id or "").strip() or f"thread-import-{common.outside.new_id()}"
    tell(ImportProgress(conversation_id=conversation, state="reading"))
    try:
        read = yield Ask(requests.thread_read(runtime_id, include_turns=True))
    except CodexRuntimeError as error:
        raise HostError("E_IMPORT_THREAD_READ_FAILED", error.text) from error
    thread: Any = msgspec.to_builtins(read.thread)
    plan = plan_import(thread, conversation, common.outside.now_ms())
    actor = settings.actor
    opened = yield Keep(
        "ensure_thread",
        OpenBindingArgs(
            actor=actor, conversation_id=conversation, runtime_conversation_id=runtime_id
        ),
    )
    yield Keep(
        "ensure_session",
        SessionArgs(
            actor=actor,
            session_id=session,
            thread_id=opened.thread_id,
            last_event_cursor=0,
        ),
    )
    source = yield Keep(
        "start_source",
        StartSourceArgs(
            actor=actor, conversation_id=conversation, runtime_conversation_id=runtime_id
        ),
    )
    total, messages = len(plan.chunks), len(plan.manifest)
    for chunk in plan.chunks:
        yield Keep(
            "append_chunk",
            AppendChunkArgs(
                actor=actor,
                source_id=source.source_id,
                chunk_index=chunk.index,
                payload_json=chunk.payload_json,
                message_count=chunk.message_count,
                byte_size=chunk.byte_size,
            ),
        )
        tell(
            ImportProgress(
                conversation_id=conversation,
                state="sending",
                sent_chunks=chunk.index + 1,
                total_chunks=total,
                message_count=messages,
            )
        )
    sealed = yield Keep(
        "seal_source",
        SealSourceArgs(
            actor=actor,
            source_id=source.source_id,
            expected_manifest_json=plan.manifest_json,
            expected_checksum=plan.checksum,
            expected_message_count=messages,
            expected_digest=plan.digest,
        ),
    )
    sent = ImportProgress(
        conversation_id=conversation,
        state="verifying",
        sent_chunks=total,
        total_chunks=total,
        message_count=messages,
    )
    tell(sent)
    job: Job = yield Keep(
        "wait_for_job",
        GetJobArgs(actor=actor, conversation_id=conversation, job_id=sealed.job_id),
    )
    ended: Any = job.state
    tell(msgspec.structs.replace(sent, state=ended))
    synced = job.state == "synced"
    code = job.last_error_code or None
    failure = () if synced else (f"{code}:{job.last_error_message or ''}",)
    return Imported(
        conversation_id=conversation,
        thread_id=opened.thread_id,
        sync_job_id=job.job_id,
        sync_job_policy_version=job.policy_version,
        sync_job_state=job.state,
        last_cursor=job.last_cursor,
        imported_turn_count=plan.turn_count,
        imported_message_count=messages,
        sync_state="synced" if synced else "partial",
        warnings=(*plan.warnings, *failure),
        error_code=None if synced else code,
    )
