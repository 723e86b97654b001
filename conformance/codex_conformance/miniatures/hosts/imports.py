"""Miniatures that import wrongly, or say wrongly how far a conversation is in step.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

import json
from typing import Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    answers,
    blind_to,
    calling,
    given,
    host,
    instead,
    recoded,
    refusal,
    refused,
    seeing,
    store,
)
from codex_fakes.component.callers import caller_of
from codex_fakes.component.rows import one, select

_START: Final = "threads.startConversationSyncSource"
_APPEND: Final = "threads.appendConversationSyncSourceChunk"
_SEAL: Final = "threads.sealConversationSyncSource"
_CANCEL: Final = "threads.cancelConversationSyncJob"
_GET: Final = "threads.getConversationSyncJob"
_RUN: Final = "threads.runConversationSyncJob"
_MARK: Final = "threads.markSyncProgress"


def _not_appended(args: Args, _code: str) -> Any:
    return {"sourceId": args["sourceId"], "chunkIndex": args["chunkIndex"], "appended": False}


def _rounded(args: Args) -> Args:
    names = ("chunkIndex", "messageCount", "byteSize")
    return {**args, **{name: max(0, args[name] // 1) for name in names}}


def _bound_first(ctx: Any, args: Args, inner: Inner) -> Any:
    told = {"actor": args["actor"], "conversationId": args["conversationId"]}
    ctx.run_mutation("threads:resolve", told)
    return inner(ctx, args)


def _own_thread(args: Args) -> Args:
    return {name: value for name, value in args.items() if name != "threadId"}


SOURCES: Final[tuple[HostMiniature, ...]] = (
    store(
        "first-chunk-wins",
        "Another chunk under a known index is dropped.",
        {_APPEND: refused("E_SYNC_SOURCE_CHUNK_CONFLICT", _not_appended)},
        "sync_verification.source.append-again",
    ),
    store(
        "counts-are-rounded",
        "Broken and negative counts are rounded.",
        {_APPEND: given(_rounded)},
        "sync_verification.source.arguments",
    ),
    store(
        "sealed-sources-are-fed",
        "A chunk for a sealed source is dropped.",
        {_APPEND: refused("E_SYNC_SOURCE_NOT_COLLECTING", _not_appended)},
        "sync_verification.source.closed",
    ),
    store(
        "sources-bind",
        "A source makes the conversation it does not find.",
        {_START: _bound_first},
        "host_wiring.safe.mutations",
        "sync_verification.source.unbound",
    ),
    store(
        "any-thread-for-a-source",
        "The thread that a source is meant for is not compared with the conversation's.",
        {_START: given(_own_thread)},
        "sync_verification.source.other-thread",
    ),
    store(
        "sources-wait-for-ever",
        "A source that nobody feeds never expires.",
        {"threads.expireConversationSyncSource": instead()},
        "sync_verification.source.abandoned",
    ),
)


def _source(ctx: Any, args: Args) -> Any:
    where = {"userScope": caller_of(args).scope, "sourceId": args["sourceId"]}
    return one(ctx.db, "codex_sync_import_sources", where)


def _true_checksum(ctx: Any, args: Args, inner: Inner) -> Any:
    source = _source(ctx, args)
    where = {"userScope": caller_of(args).scope, "sourceRef": source["_id"]}
    rows = select(ctx.db, "codex_sync_import_source_chunks", where).collect()
    messages = sum(int(row["messageCount"]) for row in rows)
    size = sum(int(row["byteSize"]) for row in rows)
    return inner(ctx, {**args, "expectedChecksum": f"{len(rows)}:{messages}:{size}"})


def _undigested(args: Args) -> Args:
    return {name: value for name, value in args.items() if name != "expectedDigest"}


def _some_manifest(ctx: Any, args: Args, inner: Inner) -> Any:
    taken = refused(
        "E_SYNC_MANIFEST_INVALID",
        lambda args, _: inner(ctx, {**args, "expectedManifestJson": "[]", **_NO_COUNT}),
    )
    return taken(ctx, args, inner)


_NO_COUNT: Final = {"expectedMessageCount": 0}


def _sealed_once(ctx: Any, args: Args, inner: Inner) -> Any:
    source = _source(ctx, args)
    if source is not None and source["state"] == "sealed":
        raise refusal("E_SYNC_SOURCE_NOT_COLLECTING")
    return inner(ctx, args)


def _newest_job(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    source = _source(ctx, args)
    caller = caller_of(args)
    where = {**caller.owner, "conversationId": source["conversationId"]}
    rows = select(ctx.db, "codex_sync_import_jobs", where, "startedAt").order("desc")
    newest = rows.first()
    return {**answer, "jobId": "" if newest is None else newest["jobId"]}


SEALING: Final[tuple[HostMiniature, ...]] = (
    store(
        "gaps-by-another-code",
        "Chunks with a gap are refused as if their checksum were wrong.",
        {_SEAL: recoded("E_SYNC_SOURCE_CHUNK_INDEX_GAP", "E_SYNC_SOURCE_CHECKSUM_MISMATCH")},
        "sync_verification.seal.gap",
    ),
    store(
        "checksums-unchecked",
        "The checksum that is expected is not compared.",
        {_SEAL: _true_checksum},
        "isolation.others.imports",
        "sync_verification.seal.checksum",
        "sync_verification.seal.repair",
    ),
    store(
        "digests-unchecked",
        "The digest that is expected is not compared.",
        {_SEAL: given(_undigested)},
        "sync_verification.seal.digest",
    ),
    store(
        "any-manifest-will-do",
        "A manifest that is none is taken for an empty one.",
        {_SEAL: _some_manifest},
        "sync_verification.seal.manifest",
    ),
    store(
        "counts-one-chunk",
        "Every source that is sealed is said to have one chunk.",
        {_SEAL: answers(lambda answer: {**answer, "totalChunks": 1})},
        "sync_verification.seal.repair",
    ),
    store(
        "sealed-once",
        "Sealing a sealed source again is refused.",
        {_SEAL: _sealed_once},
        "sync_verification.seal.again",
        "sync_verification.seal.own-job",
    ),
    store(
        "names-the-newest-import",
        "Sealing again names the newest import of the conversation.",
        {_SEAL: _newest_job},
        "sync_verification.seal.own-job",
    ),
)


def _one_more(job: Any) -> Any:
    if job is None:
        return None
    return {**job, "processedMessageCount": job["processedMessageCount"] + 1}


def _something_needed(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    if answer["totalChunks"] == 0:
        raise refusal("E_SYNC_SOURCE_INVALID")
    return answer


def _exactly(ctx: Any, args: Args, inner: Inner) -> Any:
    """An import is called failed when there are more messages than its manifest has."""
    job = inner(ctx, args)
    if job is None or job["state"] != "synced":
        return job
    where = {"userScope": caller_of(args).scope, "threadId": job["threadId"]}
    there = len(select(ctx.db, "codex_messages", where).collect())
    return job if there <= job["expectedMessageCount"] else {**job, "state": "failed"}


def _nothing_expected(args: Args) -> Args:
    if not json.loads(args["expectedManifestJson"]):
        return args
    return {**args, "expectedManifestJson": "[]", **_NO_COUNT}


def _unreadable_dropped(args: Args) -> Args:
    try:
        readable = isinstance(json.loads(args["payloadJson"]), list)
    except ValueError:
        readable = False
    return args if readable else {**args, "payloadJson": "[]"}


def _never_rejected(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    return {**answer, "status": "ok"} if answer["status"] == "rejected" else answer


def _without_anonymous_id(args: Args) -> Args:
    actor = {name: value for name, value in args["actor"].items() if name != "anonymousId"}
    return {**args, "actor": actor}


def _as_if_cancelled(args: Args) -> Any:
    return {"jobId": args["jobId"], "state": "cancelled", "cancelled": True}


def _not_cancelled(args: Args, _code: str) -> Any:
    return {"jobId": args["jobId"], "state": "cancelled", "cancelled": False}


JOBS: Final[tuple[HostMiniature, ...]] = (
    store(
        "counts-one-message-more",
        "An import says that it has processed a message more than it has.",
        {_GET: answers(_one_more)},
        "sync_verification.job.synced",
    ),
    store(
        "imports-something-only",
        "A source without chunks is not sealed.",
        {_SEAL: _something_needed},
        "host_wiring.validate.tries-mutations",
        "sync_verification.job.nothing",
    ),
    store(
        "exactly-the-manifest",
        "An import fails where there are messages beyond its manifest.",
        {_GET: _exactly},
        "sync_verification.job.extra",
    ),
    store(
        "manifests-unread",
        "The manifest is not compared with the messages.",
        {_SEAL: given(_nothing_expected)},
        "sync_verification.seal.manifest",
        "sync_verification.job.synced",
        "sync_verification.job.missing",
        "sync_verification.progress.follows",
    ),
    store(
        "unreadable-is-empty",
        "A chunk that cannot be read is taken for an empty one.",
        {_APPEND: given(_unreadable_dropped)},
        "sync_verification.job.unreadable",
    ),
    store(
        "rejected-is-imported",
        "Events that are rejected are left out of an import.",
        {_RUN: seeing(calling("sync:ingestSafe", _never_rejected))},
        "sync_verification.job.rejected",
    ),
    store(
        "imports-forget-who",
        "The worker does not know the id of an anonymous actor.",
        {_RUN: seeing(calling("sync:ingestSafe", given(_without_anonymous_id)))},
        "sync_verification.job.anonymous",
    ),
    store(
        "imports-side-by-side",
        "Sealing a newer source leaves the older import alone.",
        {_SEAL: seeing(blind_to("codex_sync_import_jobs"))},
        "sync_verification.job.replaced",
    ),
    store(
        "cancels-nothing",
        "An import that is said to be cancelled goes on.",
        {_CANCEL: instead(_as_if_cancelled)},
        "host_wiring.validate.tries-mutations",
        "isolation.others.imports",
        "sync_verification.job.cancel",
        "sync_verification.job.unknown",
        "sync_verification.progress.follows",
    ),
    store(
        "cancels-the-unknown",
        "Cancelling an unknown import is no mistake.",
        {_CANCEL: refused("E_SYNC_JOB_NOT_FOUND", _not_cancelled)},
        "isolation.others.imports",
        "sync_verification.job.unknown",
    ),
    store(
        "oldest-import-first",
        "Imports are listed with the oldest one first.",
        {"threads.listConversationSyncJobs": answers(lambda rows: rows[::-1])},
        "sync_verification.job.newest",
    ),
    store(
        "keeps-chunks",
        "The chunks of an import that has ended are kept.",
        {"threads.dropConversationSyncChunks": instead()},
        "sync_verification.job.chunks-dropped",
    ),
)


def _binding(ctx: Any, args: Args) -> Any:
    where = {**caller_of(args).owner, "conversationId": args["conversationId"]}
    return one(ctx.db, "codex_thread_bindings", where)


def _unasked(args: Args) -> Args:
    return {name: value for name, value in args.items() if name != "expectedSyncJobId"}


def _as_before(ctx: Any, args: Args, inner: Inner) -> Any:
    before = _binding(ctx, args)
    answer = inner(ctx, args)
    code = None if before is None else before.get("syncJobErrorCode")
    return answer if code is None else {"syncJobErrorCode": code, **answer}


def _drifting(ctx: Any, args: Args, inner: Inner) -> Any:
    where = {"userScope": caller_of(args).scope, "jobId": args["jobId"]}
    job = one(ctx.db, "codex_sync_import_jobs", where)
    answer = inner(ctx, args)
    if job is not None:
        binding = _binding(ctx, {**args, "conversationId": job["conversationId"]})
        ctx.db.patch(binding["_id"], {"syncState": "drifted", "syncJobState": "cancelled"})
    return answer


PROGRESS: Final[tuple[HostMiniature, ...]] = (
    host(
        "progress-untold",
        "A conversation says that it is at 0.",
        {"markConversationSyncProgress": answers(lambda answer: {**answer, "lastSyncedCursor": 0})},
        "sync_verification.progress.marked",
        "sync_verification.progress.stale",
        "sync_verification.progress.forwards",
    ),
    store(
        "stale-marks-count",
        "What is marked for an import that is not tracked is written down.",
        {_MARK: given(_unasked)},
        "sync_verification.source.abandoned",
        "sync_verification.progress.marked",
        "sync_verification.progress.stale",
        "sync_verification.progress.follows",
    ),
    store(
        "cursors-go-back",
        "The cursor of a conversation moves backwards.",
        {_MARK: given(lambda args: {**args, "reset": True})},
        "sync_verification.progress.forwards",
    ),
    store(
        "tells-cleared-errors",
        "An error that was cleared is told once more.",
        {_MARK: _as_before},
        "sync_verification.progress.as-written",
    ),
    store(
        "synced-too-early",
        "A conversation whose import runs can be marked as synced by anybody.",
        {_MARK: seeing(blind_to("codex_sync_import_jobs"))},
        "sync_verification.progress.not-by-others",
    ),
    store(
        "cancelled-unnoticed",
        "A conversation does not notice that its import was cancelled.",
        {_CANCEL: seeing(blind_to("codex_thread_bindings"))},
        "sync_verification.progress.follows",
    ),
    store(
        "any-cancellation-drifts",
        "A conversation drifts when any of its imports is cancelled.",
        {_CANCEL: _drifting},
        "sync_verification.progress.own-job",
    ),
    store(
        "rebinds-count-double",
        "A rebind counts as two.",
        {
            "threads.forceRebindSync": answers(
                lambda answer: {**answer, "rebindCount": 2 * answer["rebindCount"]}
            )
        },
        "sync_verification.rebind.counted",
    ),
)
