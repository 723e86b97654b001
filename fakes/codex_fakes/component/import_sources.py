"""``threads``: collecting what is to be imported, and sealing it (spec 03 §6, "Better").

May import the callers, bindings, rows, long texts, manifests and the contract's states. The
invariant: a source is sealed only when it is whole; until then it can be repaired, and when nobody
feeds it any more it is given up.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from codex_fakes.component.bindings import bind, sync_state
from codex_fakes.component.callers import (
    Caller,
    binding_of,
    caller_of,
    new_id,
    thread_to_write,
)
from codex_fakes.component.declared import implements
from codex_fakes.component.import_jobs import cancel_open_jobs, drop_chunks_soon, queue_step
from codex_fakes.component.long_texts import insert, lay_beside
from codex_fakes.component.manifests import pages_of, parsed
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.limits import (
    CHUNK_BYTES_MOST,
    POLICY_VERSION,
    SOURCE_CHUNKS_MOST,
    SOURCE_EXPIRES_AFTER,
)
from codex_runtime.contract.states import SYNC_SOURCE
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

EXPIRE = "threads:expireConversationSyncSource"

MANIFEST: Final = "expectedManifestJson"
"""The field of a source whose pages lie beside it."""


@implements("threads.startConversationSyncSource")
def start_source(ctx: Any, args: Row) -> Row:
    """Begin to collect what is to be imported into a conversation."""
    caller = caller_of(args)
    conversation = args["conversationId"]
    binding = binding_of(ctx, caller, conversation)
    if binding is None and "threadId" not in args:
        raise ContractError("E_CONVERSATION_NOT_FOUND", f"Conversation not found: {conversation}")
    thread_id = str(args["threadId"] if binding is None else binding["threadId"])
    if args.get("threadId", thread_id) != thread_id:
        raise ContractError(
            "E_CONVERSATION_THREAD_MISMATCH",
            f"Conversation {conversation} is not bound to thread {args['threadId']}",
        )
    thread = thread_to_write(ctx, caller, thread_id)
    now = ctx.now()
    if binding is None:
        runtime_id = str(args.get("runtimeConversationId", conversation))
        binding = bind(ctx, caller, thread, conversation, runtime_id)
        ctx.db.patch(thread["_id"], {"bound": True})
    _track_collecting(ctx, binding, args, now)
    source_id = new_id(ctx)
    row = {
        **caller.identity,
        "sourceId": source_id,
        "conversationId": conversation,
        "threadId": thread_id,
        "runtimeConversationId": args.get("runtimeConversationId", UNDEFINED),
        "state": "collecting",
        "policyVersion": POLICY_VERSION,
        "createdAt": now,
        "updatedAt": now,
        "lastChunkAt": now,
        "totalChunks": 0,
        "totalMessageCount": 0,
        "totalByteSize": 0,
    }
    reference = ctx.db.insert("codex_sync_import_sources", row)
    _expire_later(ctx, caller, {**row, "_id": reference}, SOURCE_EXPIRES_AFTER)
    return {
        "sourceId": source_id,
        "conversationId": conversation,
        "threadId": thread_id,
        "sourceState": "collecting",
        "policyVersion": POLICY_VERSION,
        "createdAt": now,
        "updatedAt": now,
    }


def _track_collecting(ctx: Any, binding: Row, args: Row, now: float) -> None:
    changes = {
        "syncState": sync_state(binding, "collect"),
        "syncJobId": UNDEFINED,
        "syncJobState": "syncing",
        "syncJobPolicyVersion": UNDEFINED,
        "syncJobStartedAt": UNDEFINED,
        "syncJobErrorCode": UNDEFINED,
        "syncJobUpdatedAt": now,
        "updatedAt": now,
    }
    if "runtimeConversationId" in args:
        changes["runtimeConversationId"] = args["runtimeConversationId"]
    ctx.db.patch(binding["_id"], changes)


@implements("threads.appendConversationSyncSourceChunk")
def append_chunk(ctx: Any, args: Row) -> Row:
    """Add a chunk, in any order; the same chunk again changes nothing."""
    caller = caller_of(args)
    index = _whole_number(args["chunkIndex"], "chunkIndex must be a non-negative integer.")
    wrong = "messageCount and byteSize must be non-negative integers."
    messages = _whole_number(args["messageCount"], wrong)
    size = _whole_number(args["byteSize"], wrong)
    if index >= SOURCE_CHUNKS_MOST:
        raise ContractError(
            "E_SYNC_SOURCE_INVALID", f"chunkIndex must be less than {SOURCE_CHUNKS_MOST}."
        )
    source = _source(ctx, caller, args["sourceId"])
    if source["state"] != "collecting":
        raise ContractError(
            "E_SYNC_SOURCE_NOT_COLLECTING", f"Sync source {args['sourceId']} is not collecting."
        )
    payload = args["payloadJson"]
    content = payload.encode()
    if len(content) > CHUNK_BYTES_MOST:
        raise ContractError(
            "E_SYNC_SOURCE_CHUNK_TOO_LARGE",
            f"Chunk {index} has {len(content)} bytes; a chunk has at most {CHUNK_BYTES_MOST}.",
        )
    thread_to_write(ctx, caller, source["threadId"])
    digest = hashlib.sha256(content).hexdigest()
    where = {"userScope": caller.scope, "sourceRef": source["_id"], "chunkIndex": index}
    told = {"messageCount": messages, "byteSize": size, "digest": digest}
    known = one(ctx.db, "codex_sync_import_source_chunks", where)
    if known is not None:
        if {name: known[name] for name in told} != told:
            raise ContractError(
                "E_SYNC_SOURCE_CHUNK_CONFLICT",
                f"Conflicting payload for source {args['sourceId']} chunk {index}.",
            )
        return {"sourceId": args["sourceId"], "chunkIndex": index, "appended": False}
    now = ctx.now()
    row = {
        **where,
        **told,
        "threadId": source["threadId"],
        "payloadJson": payload,
        "createdAt": now,
    }
    insert(ctx, "codex_sync_import_source_chunks", row, "payloadJson", beside=True)
    ctx.db.patch(source["_id"], {"lastChunkAt": now, "updatedAt": now})
    return {"sourceId": args["sourceId"], "chunkIndex": index, "appended": True}


def _whole_number(value: float, wrong: str) -> int:
    if not (value >= 0 and float(value).is_integer()):
        raise ContractError("E_SYNC_SOURCE_INVALID", wrong)
    return int(value)


@implements("threads.sealConversationSyncSource")
def seal_source(ctx: Any, args: Row) -> Row:
    """Close a source, hold it to what the importer expects, and set the import going."""
    caller = caller_of(args)
    source = _source(ctx, caller, args["sourceId"])
    what = f"Sync source {args['sourceId']}"
    if SYNC_SOURCE.move(source["state"], "seal", what) == source["state"]:
        return _sealed(source, source["jobId"], scheduled=False)
    thread_to_write(ctx, caller, source["threadId"])
    manifest = parsed(args["expectedManifestJson"])
    count = args.get("expectedMessageCount", len(manifest))
    if count != len(manifest):
        raise ContractError(
            "E_SYNC_MANIFEST_INVALID", "expectedMessageCount must match manifest entry count."
        )
    totals = _held_to(ctx, caller, source, args)
    now = ctx.now()
    job_id = new_id(ctx)
    changes = {
        **totals,
        "state": "sealed",
        "updatedAt": now,
        "sealedAt": now,
        "expectedManifestJson": "",
        "longFields": [MANIFEST],
        "expectedMessageCount": len(manifest),
        "expectedChecksum": args["expectedChecksum"],
        "expectedDigest": args.get("expectedDigest", UNDEFINED),
        "jobId": job_id,
    }
    ctx.db.patch(source["_id"], changes)
    lay_beside(ctx, source, MANIFEST, pages_of(manifest))
    cancel_open_jobs(ctx, caller, source["conversationId"])
    sealed = {**source, **changes}
    queue_step(ctx, caller, _new_job(ctx, caller, sealed), 0)
    binding = binding_of(ctx, caller, source["conversationId"])
    if binding is not None:
        ctx.db.patch(
            binding["_id"],
            {
                "syncState": sync_state(binding, "seal"),
                "syncJobId": job_id,
                "syncJobState": "syncing",
                "syncJobPolicyVersion": POLICY_VERSION,
                "syncJobStartedAt": now,
                "syncJobUpdatedAt": now,
                "syncJobErrorCode": UNDEFINED,
                "updatedAt": now,
            },
        )
    return _sealed(sealed, job_id, scheduled=True)


def _held_to(ctx: Any, caller: Caller, source: Row, args: Row) -> Row:
    """Hold what was collected to what the importer expects; give the totals."""
    where = {"userScope": caller.scope, "sourceRef": source["_id"]}
    digests = hashlib.sha256()
    chunks = messages = size = 0
    for chunk in select(ctx.db, "codex_sync_import_source_chunks", where, "chunkIndex"):
        if chunk["chunkIndex"] != chunks:
            raise ContractError(
                "E_SYNC_SOURCE_CHUNK_INDEX_GAP",
                "Sync source chunks must be contiguous starting from 0: "
                f"expected chunk {chunks} but found {chunk['chunkIndex']:g}.",
            )
        chunks += 1
        messages += int(chunk["messageCount"])
        size += int(chunk["byteSize"])
        digests.update(bytes.fromhex(chunk["digest"]))
    if args["expectedChecksum"] != f"{chunks}:{messages}:{size}":
        raise ContractError("E_SYNC_SOURCE_CHECKSUM_MISMATCH", "Seal checksum mismatch.")
    if args.get("expectedDigest", digests.hexdigest()) != digests.hexdigest():
        raise ContractError("E_SYNC_SOURCE_DIGEST_MISMATCH", "Seal digest mismatch.")
    return {"totalChunks": chunks, "totalMessageCount": messages, "totalByteSize": size}


def _new_job(ctx: Any, caller: Caller, source: Row) -> Row:
    now = ctx.now()
    row = {
        **caller.identity,
        "jobId": source["jobId"],
        "sourceRef": source["_id"],
        "sourceId": source["sourceId"],
        "conversationId": source["conversationId"],
        "threadId": source["threadId"],
        "runtimeConversationId": source.get("runtimeConversationId", UNDEFINED),
        "policyVersion": POLICY_VERSION,
        "state": "queued",
        "startedAt": now,
        "updatedAt": now,
        "processedChunkIndex": 0,
        "processedEventIndex": 0,
        "processedMessageCount": 0,
        "verifiedEntries": 0,
        "totalChunks": source["totalChunks"],
        "retryCount": 0,
        "lastCursor": 0,
        "leaseVersion": 0,
    }
    return {**row, "_id": ctx.db.insert("codex_sync_import_jobs", row)}


def _sealed(source: Row, job_id: str, *, scheduled: bool) -> Row:
    return {
        "sourceId": source["sourceId"],
        "sourceState": source["state"],
        "totalChunks": source["totalChunks"],
        "jobId": job_id,
        "scheduled": scheduled,
    }


@implements("threads.expireConversationSyncSource")
def expire_source(ctx: Any, args: Row) -> None:
    """Give up a source that nobody feeds any more."""
    caller = caller_of(args)
    source = find_source(ctx, caller.scope, args["sourceId"])
    if source is None or source["state"] != "collecting":
        return
    now = ctx.now()
    quiet = now - source["lastChunkAt"]
    if quiet < SOURCE_EXPIRES_AFTER:
        _expire_later(ctx, caller, source, SOURCE_EXPIRES_AFTER - quiet)
        return
    state = SYNC_SOURCE.move(source["state"], "expire", f"Sync source {source['sourceId']}")
    code = "E_SYNC_SOURCE_EXPIRED"
    ctx.db.patch(
        source["_id"],
        {
            "state": state,
            "updatedAt": now,
            "lastErrorCode": code,
            "lastErrorMessage": "Nobody fed the source for too long.",
        },
    )
    drop_chunks_soon(ctx, caller, source)
    binding = binding_of(ctx, caller, source["conversationId"])
    if binding is not None and _is_latest(ctx, caller, source):
        ctx.db.patch(
            binding["_id"],
            {
                "syncState": sync_state(binding, "expire"),
                "syncJobState": "failed",
                "syncJobErrorCode": code,
                "lastErrorCode": code,
                "lastErrorAt": now,
                "syncJobUpdatedAt": now,
                "updatedAt": now,
            },
        )


def _is_latest(ctx: Any, caller: Caller, source: Row) -> bool:
    """Tell whether no newer source of the conversation speaks for its binding."""
    where = {**caller.owner, "conversationId": source["conversationId"]}
    sources = select(ctx.db, "codex_sync_import_sources", where, "createdAt").order("desc")
    latest = sources.first()
    return latest is not None and latest["_id"] == source["_id"]


def _expire_later(ctx: Any, caller: Caller, source: Row, after: float) -> None:
    args = {"actor": caller.actor, "sourceId": source["sourceId"]}
    ctx.db.patch(source["_id"], {"expiryFnId": ctx.scheduler.run_after(after, EXPIRE, args)})


def find_source(ctx: Any, scope: str, source_id: str) -> Row | None:
    """Find a source of a scope."""
    return one(ctx.db, "codex_sync_import_sources", {"userScope": scope, "sourceId": source_id})


def _source(ctx: Any, caller: Caller, source_id: str) -> Row:
    source = find_source(ctx, caller.scope, source_id)
    if source is None:
        raise ContractError("E_SYNC_SOURCE_NOT_FOUND", f"Sync source not found: {source_id}")
    return source
