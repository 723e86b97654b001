"""``threads``: opening, marking and forcing the sync of a conversation (spec 03 §3-5).

May import the callers, bindings and the contract's states. The invariant: the cursor of a binding
moves forwards, and while an import runs nobody but the import says that it is done.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.component.bindings import bind, rebound, sync_state
from codex_fakes.component.callers import (
    Caller,
    binding_of,
    bound,
    caller_of,
    given,
    new_id,
)
from codex_fakes.component.declared import implements
from codex_fakes.component.rows import Row, one
from codex_fakes.component.touching import touch
from codex_runtime.contract.states import SYNC_JOB
from codex_runtime.values import UNDEFINED

_MARKS: Final = {
    "unsynced": "markUnsynced",
    "syncing": "markSyncing",
    "synced": "markSynced",
    "drifted": "markDrifted",
}

_TRACKED: Final = (
    "runtimeConversationId",
    "syncJobId",
    "syncJobState",
    "syncJobPolicyVersion",
    "syncJobStartedAt",
)

_SHOWN: Final = (
    "runtimeConversationId",
    "syncJobId",
    "syncJobState",
    "syncJobPolicyVersion",
    "syncJobStartedAt",
    "syncJobUpdatedAt",
    "syncJobLastCursor",
    "syncJobErrorCode",
)


def job_runs(ctx: Any, caller: Caller, binding: Row) -> bool:
    """Tell whether the import that a binding tracks is still going on."""
    job_id = binding.get("syncJobId")
    if job_id is None:
        return False
    job = one(ctx.db, "codex_sync_import_jobs", {"userScope": caller.scope, "jobId": job_id})
    return job is not None and job["state"] not in SYNC_JOB.terminal


@implements("threads.syncOpenBinding")
def sync_open_binding(ctx: Any, args: Row) -> Row:
    """Bind a conversation to the thread of the local Codex that it goes on in."""
    caller = caller_of(args)
    conversation, runtime_id = args["conversationId"], args["runtimeConversationId"]
    settings = {**given(args, "model", "cwd"), "localThreadId": runtime_id}
    now = ctx.now()
    session = {"lastSessionId": args["sessionId"]} if "sessionId" in args else {}
    binding = binding_of(ctx, caller, conversation)
    if binding is None:
        thread = touch(ctx, caller, new_id(ctx), settings, listed=True)
        made = bind(ctx, caller, thread, conversation, runtime_id)
        ctx.db.patch(
            made["_id"],
            {"syncJobState": "idle", "syncJobUpdatedAt": now, "lastSyncedCursor": 0, **session},
        )
        applied = False
    else:
        thread = touch(ctx, caller, binding["threadId"], settings, listed=True)
        applied = binding.get("runtimeConversationId") != runtime_id
        # An import that runs is not hidden by whoever opens the conversation meanwhile.
        state = "syncing" if job_runs(ctx, caller, binding) else "idle"
        rebound(
            ctx,
            binding,
            thread,
            runtime_id,
            syncJobState=state,
            syncJobUpdatedAt=now,
            rebindCount=binding.get("rebindCount", 0) + applied,
            **session,
        )
    return {
        "threadId": thread["threadId"],
        "conversationId": conversation,
        "runtimeConversationId": runtime_id,
        "created": binding is None,
        "rebindApplied": applied,
        "syncState": "syncing",
    }


@implements("threads.markSyncProgress")
def mark_sync_progress(ctx: Any, args: Row) -> Row:
    """Write down how far a conversation is in step."""
    caller = caller_of(args)
    binding = bound(ctx, caller, args["conversationId"])
    expected = args.get("expectedSyncJobId")
    if expected is not None and expected != binding.get("syncJobId"):
        return _shown(binding, stale=True)
    now = ctx.now()
    cursor = args["cursor"]
    if args.get("reset") is not True:
        cursor = max(cursor, binding.get("lastSyncedCursor", 0))
    event = _MARKS[args.get("syncState", "synced")]
    tracked = given(args, *_TRACKED)
    if job_runs(ctx, caller, binding):
        # What an import comes to is said by its worker alone.
        event = "markSyncing" if event == "markSynced" else event
        tracked = given(args, "runtimeConversationId")
    changes = {
        **tracked,
        "lastSyncedCursor": cursor,
        "syncState": sync_state(binding, event),
        "syncJobLastCursor": cursor,
        "syncJobUpdatedAt": args.get("syncJobUpdatedAt", now),
        "lastErrorCode": args.get("errorCode", UNDEFINED),
        "lastErrorAt": now if "errorCode" in args else UNDEFINED,
        "syncJobErrorCode": args.get("syncJobErrorCode", UNDEFINED),
        "updatedAt": now,
    }
    if "sessionId" in args:
        changes["lastSessionId"] = args["sessionId"]
    ctx.db.patch(binding["_id"], changes)
    after = {**binding, **changes}
    return _shown(
        {name: value for name, value in after.items() if value is not UNDEFINED}, stale=False
    )


@implements("threads.forceRebindSync")
def force_rebind_sync(ctx: Any, args: Row) -> Row:
    """Bind a conversation anew."""
    binding = bound(ctx, caller_of(args), args["conversationId"])
    now = ctx.now()
    count = binding.get("rebindCount", 0) + 1
    changes = {
        "runtimeConversationId": args["runtimeConversationId"],
        "syncState": sync_state(binding, "rebind"),
        "rebindCount": count,
        "updatedAt": now,
    }
    if "reasonCode" in args:
        changes |= {"lastErrorCode": args["reasonCode"], "lastErrorAt": now}
    ctx.db.patch(binding["_id"], changes)
    return {
        "threadId": binding["threadId"],
        "conversationId": args["conversationId"],
        "runtimeConversationId": args["runtimeConversationId"],
        "syncState": "syncing",
        "rebindCount": count,
    }


def _shown(binding: Row, *, stale: bool) -> Row:
    return {
        "threadId": binding["threadId"],
        "conversationId": binding["conversationId"],
        "syncState": binding.get("syncState", "unsynced"),
        "lastSyncedCursor": binding.get("lastSyncedCursor", 0),
        "staleIgnored": stale,
        **given(binding, *_SHOWN),
    }
