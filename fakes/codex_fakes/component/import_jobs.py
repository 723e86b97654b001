"""``threads``: imports as their readers see them; queueing, cancelling and ending them (spec 03).

May import the callers, bindings, rows, long texts and the contract's states. The invariant: a job
that has ended stays ended, its chunks are dropped, and its binding hears of it only while it tracks
this job.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.bindings import sync_state
from codex_fakes.component.callers import binding_of, caller_of, given
from codex_fakes.component.declared import implements
from codex_fakes.component.rows import one, select
from codex_runtime.contract.limits import (
    SYNC_JOBS_DEFAULT,
    SYNC_JOBS_MOST,
    SYNC_JOBS_SCANNED,
    SYNC_LEASE,
)
from codex_runtime.contract.states import PUBLIC_JOB_STATE, SYNC_JOB
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row

RUN: Final = "threads:runConversationSyncJob"
WATCH: Final = "threads:watchConversationSyncJob"
DROP: Final = "threads:dropConversationSyncChunks"

_LISTED = (
    "jobId",
    "startedAt",
    "updatedAt",
    "completedAt",
    "retryCount",
    "processedMessageCount",
    "totalChunks",
    "processedChunkIndex",
    "lastErrorCode",
)
_WHOLE = (
    "conversationId",
    "threadId",
    "runtimeConversationId",
    "policyVersion",
    "lastCursor",
    "lastErrorMessage",
)


def queue_step(ctx: Any, caller: Caller, job: Row, delay: float) -> None:
    """Have the next step of a job run, and somebody look whether it did.

    Args:
        ctx: The function's context.
        caller: Whose it is.
        job: The job; its lease is a new one afterwards.
        delay: In how many milliseconds.
    """
    lease = job["leaseVersion"] + 1
    expires = ctx.now() + delay + SYNC_LEASE
    ctx.db.patch(job["_id"], {"leaseVersion": lease, "leaseExpiresAt": expires})
    args = {"actor": caller.actor, "jobId": job["jobId"], "leaseVersion": lease}
    ctx.scheduler.run_after(delay, RUN, args)
    ctx.scheduler.run_after(delay + SYNC_LEASE, WATCH, args)


def find_job(ctx: Any, scope: str, job_id: str) -> Row | None:
    """Find a job of a scope."""
    return one(ctx.db, "codex_sync_import_jobs", {"userScope": scope, "jobId": job_id})


def move_job(ctx: Any, job: Row, event: str, changes: Row) -> str:
    """Move a job by its table.

    Args:
        ctx: The function's context.
        job: The job.
        event: What happens.
        changes: What else changes with it.

    Returns:
        Its state after it.
    """
    state = SYNC_JOB.move(job["state"], event, f"Sync job {job['jobId']}")
    ctx.db.patch(job["_id"], {**changes, "state": state, "updatedAt": ctx.now()})
    return state


def tell_binding(ctx: Any, caller: Caller, job: Row, event: str, changes: Row) -> None:
    """Tell a job's binding what has become of it, if it tracks this job."""
    binding = binding_of(ctx, caller, job["conversationId"])
    if binding is not None and binding.get("syncJobId") == job["jobId"]:
        now = ctx.now()
        if "lastSyncedCursor" in changes:
            reached = max(changes["lastSyncedCursor"], binding.get("lastSyncedCursor", 0))
            changes = {**changes, "lastSyncedCursor": reached}
        ctx.db.patch(
            binding["_id"],
            {
                "syncState": sync_state(binding, event),
                "syncJobUpdatedAt": now,
                "updatedAt": now,
                **changes,
            },
        )


def fail_job(ctx: Any, caller: Caller, job: Row, code: str, message: str) -> None:
    """End a job as failed."""
    now = ctx.now()
    told = {"lastErrorCode": code, "lastErrorMessage": message}
    move_job(ctx, job, "fail", {**told, "completedAt": now, "leaseExpiresAt": UNDEFINED})
    tell_binding(
        ctx,
        caller,
        job,
        "fail",
        {
            "syncJobState": "failed",
            "syncJobErrorCode": code,
            "lastErrorCode": code,
            "lastErrorAt": now,
            "syncJobLastCursor": job["lastCursor"],
        },
    )
    drop_chunks_soon(ctx, caller, job)


def drop_chunks_soon(ctx: Any, caller: Caller, ended: Row) -> None:
    """Drop the chunks of a job or source that has ended: they hold whole conversations."""
    args = {"actor": caller.actor, "sourceId": ended["sourceId"]}
    ctx.scheduler.run_after(0, DROP, args)


def open_jobs(ctx: Any, scope: str, conversation: str) -> list[Row]:
    """Find the jobs of a conversation that have not ended."""
    where = {"userScope": scope, "conversationId": conversation}
    going = [state for state in SYNC_JOB.states if state not in SYNC_JOB.terminal]
    return [
        job
        for state in going
        for job in select(ctx.db, "codex_sync_import_jobs", {**where, "state": state})
    ]


def cancel_open_jobs(ctx: Any, caller: Caller, conversation: str) -> None:
    """Cancel the jobs of a conversation that have not ended: a newer one takes their place."""
    for job in open_jobs(ctx, caller.scope, conversation):
        move_job(
            ctx,
            job,
            "cancel",
            {
                "completedAt": ctx.now(),
                "leaseExpiresAt": UNDEFINED,
                "lastErrorCode": "E_SYNC_JOB_CANCELLED_REPLACED",
                "lastErrorMessage": "Cancelled because a newer sync source was sealed.",
            },
        )
        drop_chunks_soon(ctx, caller, job)


def verify_again(ctx: Any, scope: str, thread_ref: str) -> None:
    """Let the imports of a thread look for all their messages again: some were deleted.

    Args:
        ctx: The function's context.
        scope: Whose they are.
        thread_ref: The thread.
    """
    where = {"userScope": scope, "conversationRef": thread_ref}
    for binding in select(ctx.db, "codex_thread_bindings", where):
        for job in open_jobs(ctx, scope, binding["conversationId"]):
            if job["verifiedEntries"]:
                ctx.db.patch(job["_id"], {"verifiedEntries": 0})


@implements("threads.cancelConversationSyncJob")
def cancel_job(ctx: Any, args: Row) -> Row:
    """Cancel an import that has not ended."""
    caller = caller_of(args)
    job = find_job(ctx, caller.scope, args["jobId"])
    if job is None:
        raise ContractError("E_SYNC_JOB_NOT_FOUND", f"Sync job not found: {args['jobId']}")
    state = public_state(job)
    if job["state"] in SYNC_JOB.terminal:
        return {"jobId": args["jobId"], "state": state, "cancelled": False}
    now = ctx.now()
    told = {
        name: value
        for name, value in (
            ("lastErrorCode", args.get("errorCode")),
            ("lastErrorMessage", args.get("errorMessage")),
        )
        if value is not None
    }
    move_job(ctx, job, "cancel", {**told, "completedAt": now, "leaseExpiresAt": UNDEFINED})
    changes = {"syncJobState": "cancelled", "syncJobLastCursor": job["lastCursor"]}
    if "errorCode" in args:
        code = args["errorCode"]
        changes |= {"syncJobErrorCode": code, "lastErrorCode": code, "lastErrorAt": now}
    tell_binding(ctx, caller, job, "cancel", changes)
    drop_chunks_soon(ctx, caller, job)
    return {"jobId": args["jobId"], "state": "cancelled", "cancelled": True}


@implements("threads.getConversationSyncJob")
def get_job(ctx: Any, args: Row) -> Row | None:
    """One of the newest jobs of a conversation."""
    wanted = args.get("jobId")
    newest = _newest(ctx, args, 1 if wanted is None else SYNC_JOBS_SCANNED)
    for job in newest:
        if wanted in (None, job["jobId"]):
            listed = _listed(ctx, job)
            return None if listed is None else {**listed, **given(job, *_WHOLE)}
    return None


@implements("threads.listConversationSyncJobs")
def list_jobs(ctx: Any, args: Row) -> list[Row]:
    """The newest jobs of a conversation."""
    limit = args.get("limit", SYNC_JOBS_DEFAULT)
    if not math.isfinite(limit):
        limit = SYNC_JOBS_DEFAULT
    newest = _newest(ctx, args, max(1, min(math.floor(limit), SYNC_JOBS_MOST)))
    listed = [_listed(ctx, job) for job in newest]
    return [job for job in listed if job is not None]


def _newest(ctx: Any, args: Row, most: int) -> list[Row]:
    where = {**caller_of(args).owner, "conversationId": args["conversationId"]}
    jobs = select(ctx.db, "codex_sync_import_jobs", where, "startedAt").order("desc")
    return jobs.take(most)


def _listed(ctx: Any, job: Row) -> Row | None:
    source = ctx.db.get(job["sourceRef"])
    if source is None:
        return None
    return {
        **given(job, *_LISTED),
        "state": public_state(job),
        "sourceState": source["state"],
        **given(source, "expectedMessageCount"),
    }


def public_state(job: Row) -> str:
    """Say what readers are told of a job's state.

    Raises:
        ContractError: ``E_SYNC_JOB_INVALID``: the stored state is none that is known.
    """
    state = PUBLIC_JOB_STATE.get(job["state"])
    if state is None:
        raise ContractError("E_SYNC_JOB_INVALID", f"Unknown import job state: {job['state']}")
    return state
