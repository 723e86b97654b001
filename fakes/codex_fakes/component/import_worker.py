"""The worker of imports: one bounded step after the other (spec 03 §8, "Better").

May import the import jobs, long texts, manifests, rows and the contract. The invariant: a step is
one transaction that knows where the last one stopped; a step that is not the present one does
nothing; and a job is said to be synced only when every message of its manifest was found.
"""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.callers import Caller, caller_of, thread_to_write
from codex_fakes.component.declared import implements
from codex_fakes.component.dropping import Budget
from codex_fakes.component.import_jobs import (
    DROP,
    drop_chunks_soon,
    fail_job,
    find_job,
    move_job,
    queue_step,
    tell_binding,
)
from codex_fakes.component.import_sources import MANIFEST, find_source
from codex_fakes.component.long_texts import beside, bytes_of, whole
from codex_fakes.component.manifests import page_in
from codex_fakes.component.rows import one, select
from codex_runtime.contract.functions.ingest import LifecycleEvent, StreamDelta
from codex_runtime.contract.limits import (
    DELETE_BATCH_DEFAULT,
    MANIFEST_PAGE,
    READ_BYTES_MOST,
    SYNC_ATTEMPTS,
    SYNC_EVENTS_PER_STEP,
    SYNC_INGEST_BATCH,
    SYNC_RETRY_BACKOFF,
    SYNC_VERIFY_BATCH,
)
from codex_runtime.contract.shapes import Record, validator_of
from codex_runtime.contract.states import SYNC_JOB
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED, InvalidValue, ValidationFailed, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.component.manifests import Entry
    from codex_fakes.component.rows import Row

_EVENTS: Final[dict[str, type[Record]]] = {
    "stream_delta": StreamDelta,
    "lifecycle_event": LifecycleEvent,
}


class _RejectedError(Exception):
    """A batch of a chunk was rejected."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@implements("threads.runConversationSyncJob")
def run_job(ctx: Any, args: Row) -> None:
    """One step of an import: a part of a chunk, or a part of the verification."""
    caller = caller_of(args)
    job = _present(ctx, caller, args)
    if job is None:
        return
    source = find_source(ctx, caller.scope, job["sourceId"])
    if source is None or source["state"] != "sealed":
        return
    state = move_job(ctx, job, "step", {"nextRunAt": UNDEFINED})
    job = {**job, "state": state}
    try:
        thread_to_write(ctx, caller, job["threadId"])
        if job["processedChunkIndex"] < job["totalChunks"]:
            _take_in(ctx, caller, job, source)
        else:
            _verify(ctx, caller, job, source)
    except ContractError as error:
        fail_job(ctx, caller, job, error.code, error.text)
    except _RejectedError as rejected:
        _retry(ctx, caller, job, rejected.code, rejected.message)


@implements("threads.watchConversationSyncJob")
def watch_job(ctx: Any, args: Row) -> None:
    """Look whether a step of an import has died, and begin it again."""
    caller = caller_of(args)
    job = _present(ctx, caller, args)
    if job is not None:
        _retry(ctx, caller, job, "E_SYNC_JOB_STALLED", "A step of the import died.")


def _present(ctx: Any, caller: Caller, args: Row) -> Row | None:
    """Find the job, if the step that asks is its present one."""
    job = find_job(ctx, caller.scope, args["jobId"])
    if job is None or job["state"] in SYNC_JOB.terminal:
        return None
    return job if job["leaseVersion"] == args["leaseVersion"] else None


def _take_in(ctx: Any, caller: Caller, job: Row, source: Row) -> None:
    index = job["processedChunkIndex"]
    where = {"userScope": caller.scope, "sourceRef": source["_id"], "chunkIndex": index}
    chunk = one(ctx.db, "codex_sync_import_source_chunks", where)
    if chunk is None:
        raise ContractError("E_SYNC_SOURCE_CHUNK_INDEX_GAP", f"Missing chunk {index:g}.")
    chunk = whole(ctx, chunk)
    if hashlib.sha256(chunk["payloadJson"].encode()).hexdigest() != chunk["digest"]:
        raise ContractError(
            "E_SYNC_SOURCE_DIGEST_MISMATCH", f"Chunk {index:g} is not what was appended."
        )
    events = events_in(chunk["payloadJson"])
    begin = int(job["processedEventIndex"])
    taken = _room(events[begin:])
    cursor = _ingest(ctx, caller, job, events[begin : begin + taken])
    done = begin + taken >= len(events)
    reached = max(job["lastCursor"], cursor)
    changes = {
        "processedChunkIndex": index + 1 if done else index,
        "processedEventIndex": 0 if done else begin + taken,
        "processedMessageCount": job["processedMessageCount"]
        + (chunk["messageCount"] if done else 0),
        "lastCursor": reached,
        "retryCount": 0,
        "lastErrorCode": UNDEFINED,
        "lastErrorMessage": UNDEFINED,
    }
    state = move_job(ctx, job, "chunk", changes)
    cursors = {"lastSyncedCursor": reached, "syncJobLastCursor": reached}
    tell_binding(ctx, caller, job, "chunk", {**cursors, "syncJobState": "syncing"})
    queue_step(ctx, caller, {**job, **changes, "state": state}, 0)


def _room(events: list[Row]) -> int:
    """Say how many events fit into one step: by their number, and by what they weigh."""
    weight = 0
    for count, event in enumerate(events[:SYNC_EVENTS_PER_STEP]):
        weight += len(event["payloadJson"].encode(errors="surrogatepass"))
        # The first one is taken whatever it weighs, or nothing would ever go on.
        if count and weight > READ_BYTES_MOST // 4:
            return count
    return min(len(events), SYNC_EVENTS_PER_STEP)


def events_in(payload_json: str) -> list[Row]:
    """Read the events of a chunk.

    Raises:
        ContractError: ``E_SYNC_SOURCE_INVALID`` or ``E_SYNC_JOB_CHUNK_PAYLOAD_INVALID``.
    """
    try:
        events = json.loads(payload_json)
    except (ValueError, RecursionError) as error:
        raise ContractError(
            "E_SYNC_SOURCE_INVALID", f"Chunk payload is no JSON: {error}"
        ) from error
    if not isinstance(events, list):
        raise ContractError(
            "E_SYNC_SOURCE_INVALID",
            "[E_SYNC_JOB_CHUNK_PAYLOAD_INVALID] Chunk payload must be an array.",
        )
    for place, event in enumerate(events):
        problem = _event_problem(event)
        if problem is not None:
            raise ContractError(
                "E_SYNC_SOURCE_INVALID", f"Event {place} of the chunk is invalid: {problem}"
            )
    return events


def _event_problem(event: Any) -> str | None:
    """Say why something is no event that can be ingested; ``None`` for one that is."""
    if not isinstance(event, dict):
        return "it is no object"
    shape = _EVENTS.get(str(event.get("type")))
    if shape is None:
        return "it is of no known type"
    try:
        validator_of(shape).check(canonical(event))
    except (InvalidValue, ValidationFailed) as error:
        return str(error)
    return None


def _ingest(ctx: Any, caller: Caller, job: Row, events: list[Row]) -> float:
    """Take events in batch by batch; give how far their streams have come."""
    reached = 0.0
    for begin in range(0, len(events), SYNC_INGEST_BATCH):
        batch = events[begin : begin + SYNC_INGEST_BATCH]
        result = ctx.run_mutation(
            "sync:ingestSafe",
            {
                "actor": caller.actor,
                "sessionId": f"sync-job:{job['jobId']}",
                "threadId": job["threadId"],
                "streamDeltas": [one for one in batch if one["type"] == "stream_delta"],
                "lifecycleEvents": [one for one in batch if one["type"] == "lifecycle_event"],
            },
        )
        if result["status"] == "rejected":
            error = result["errors"][0]
            # A code that says nothing gives way to the one behind it.
            code = error["cause"] if error["code"] == "UNKNOWN" else error["code"]
            raise _RejectedError(code, error["message"])
        for stream in result["ackedStreams"]:
            reached = max(reached, stream["ackCursorEnd"])
    return reached


def _retry(ctx: Any, caller: Caller, job: Row, code: str, message: str) -> None:
    attempts = int(job["retryCount"]) + 1
    wait = SYNC_RETRY_BACKOFF[min(attempts, SYNC_ATTEMPTS) - 1]
    changes = {
        "retryCount": attempts,
        "nextRunAt": ctx.now() + wait,
        "lastErrorCode": code,
        "lastErrorMessage": message,
    }
    if attempts >= SYNC_ATTEMPTS:
        ctx.db.patch(job["_id"], changes)
        fail_job(ctx, caller, {**job, **changes}, code, message)
        return
    if job["state"] in ("running", "verifying"):
        move_job(ctx, job, "retry", changes)
    else:
        ctx.db.patch(job["_id"], {**changes, "updatedAt": ctx.now()})
    queue_step(ctx, caller, job, wait)


def _verify(ctx: Any, caller: Caller, job: Row, source: Row) -> None:
    """Look for the next part of the manifest among the messages; end the job after the last one."""
    begin = int(job["verifiedEntries"])
    if begin == 0:
        _check_chunks(ctx, caller, source)
    looked = 0
    read = 0
    for turn_id, message_id in islice(_entries(ctx, source, begin), SYNC_VERIFY_BATCH):
        where = {
            "userScope": caller.scope,
            "threadId": job["threadId"],
            "turnId": turn_id,
            "messageId": message_id,
        }
        message = one(ctx.db, "codex_messages", where)
        if message is None:
            raise ContractError(
                "E_SYNC_MANIFEST_SET_MISMATCH",
                "Expected manifest does not match persisted messages.",
            )
        looked += 1
        read += bytes_of(message, "text", "payloadJson")
        if read > READ_BYTES_MOST // 2:
            break
    verified = begin + looked
    if looked and verified < source["expectedMessageCount"]:
        changes = {"verifiedEntries": verified, "retryCount": 0}
        state = move_job(ctx, job, "verify", changes)
        queue_step(ctx, caller, {**job, **changes, "state": state}, 0)
        return
    if verified != source["expectedMessageCount"]:
        raise ContractError(
            "E_SYNC_MANIFEST_INVALID", "expectedMessageCount does not match expected manifest."
        )
    _succeed(ctx, caller, job, verified)


def _entries(ctx: Any, source: Row, begin: int) -> Iterator[Entry]:
    """Give the entries of a source's manifest from one on, page by page."""
    index, first = divmod(begin, MANIFEST_PAGE)
    while (page := beside(ctx, source, MANIFEST, index)) is not None:
        yield from page_in(page)[first:]
        index, first = index + 1, 0


def _check_chunks(ctx: Any, caller: Caller, source: Row) -> None:
    chunks = messages = size = 0
    where = {"userScope": caller.scope, "sourceRef": source["_id"]}
    for chunk in select(ctx.db, "codex_sync_import_source_chunks", where, "chunkIndex"):
        chunks += 1
        messages += int(chunk["messageCount"])
        size += int(chunk["byteSize"])
    if source["expectedChecksum"] != f"{chunks}:{messages}:{size}":
        raise ContractError(
            "E_SYNC_SOURCE_CHECKSUM_MISMATCH",
            "Stored source checksum no longer matches source chunks.",
        )


def _succeed(ctx: Any, caller: Caller, job: Row, verified: int) -> None:
    now = ctx.now()
    verifying = move_job(ctx, job, "verify", {"verifiedEntries": verified})
    ended = {"completedAt": now, "leaseExpiresAt": UNDEFINED}
    move_job(ctx, {**job, "state": verifying}, "succeed", ended)
    cursor = job["lastCursor"]
    tell_binding(
        ctx,
        caller,
        job,
        "verified",
        {
            "lastSyncedCursor": cursor,
            "syncJobLastCursor": cursor,
            "syncJobState": "synced",
            "syncJobErrorCode": UNDEFINED,
        },
    )
    key = {"userScope": caller.scope, "threadId": job["threadId"]}
    thread = one(ctx.db, "codex_threads", key)
    if thread is not None:
        ctx.db.patch(thread["_id"], {"updatedAt": now})
    drop_chunks_soon(ctx, caller, job)


@implements("threads.dropConversationSyncChunks")
def drop_chunks(ctx: Any, args: Row) -> None:
    """Drop the chunks of a source whose import has ended."""
    caller = caller_of(args)
    source = find_source(ctx, caller.scope, args["sourceId"])
    if source is None:
        return
    budget = Budget(ctx, DELETE_BATCH_DEFAULT)
    where = {"userScope": caller.scope, "sourceRef": source["_id"]}
    budget.drop_found("codex_sync_import_source_chunks", where)
    if budget.is_spent():
        ctx.scheduler.run_after(0, DROP, args)
