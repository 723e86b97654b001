"""Deleting threads, turns and everything of an actor (spec 04, "Better").

May import the callers, rows, the budget, the imports, the plan and the contract's states. The
invariant: a deletion takes no more than its batch in one transaction, what it deletes takes no
writes meanwhile, and it ends: when a whole pass has found nothing, or as failed, never unheard of.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.callers import (
    caller_of,
    given,
    new_id,
    thread_of,
    turn_of,
)
from codex_fakes.component.cleaning import clamped
from codex_fakes.component.declared import implements
from codex_fakes.component.deletion_plan import PLANS, Step
from codex_fakes.component.dropping import Budget
from codex_fakes.component.import_jobs import verify_again
from codex_fakes.component.rows import Row, one
from codex_runtime.contract.limits import (
    DELETE_ATTEMPTS,
    DELETE_BATCH_DEFAULT,
    DELETE_BATCH_MOST,
    DELETE_DELAY_DEFAULT,
    DELETE_DELAY_LEAST,
    DELETE_DELAY_MOST,
    DELETE_LEASE,
    ERROR_TEXT_MOST,
)
from codex_runtime.contract.states import DELETION, THREAD
from codex_runtime.contract.tables import SCOPE, TABLES
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN: Final = "sessions:runDeletionJobChunk"
WATCH: Final = "sessions:watchDeletionJob"

_SHOWN = (
    "deletionJobId",
    "status",
    "targetKind",
    "threadId",
    "turnId",
    "batchSize",
    "scheduledFor",
    "reason",
    "phase",
    "errorCode",
    "errorMessage",
    "createdAt",
    "startedAt",
    "completedAt",
    "cancelledAt",
    "updatedAt",
)


@implements("threads.deleteCascade")
def delete_thread(ctx: Any, args: Row) -> Row:
    """Delete a thread and everything that belongs to it."""
    return _begin(ctx, args, _thread_target(ctx, args), None)


@implements("threads.scheduleDeleteCascade")
def schedule_delete_thread(ctx: Any, args: Row) -> Row:
    """Delete a thread after a while."""
    return _begin(ctx, args, _thread_target(ctx, args), _delay(args))


@implements("turns.deleteCascade")
def delete_turn(ctx: Any, args: Row) -> Row:
    """Delete a turn and everything that belongs to it."""
    return _begin(ctx, args, _turn_target(ctx, args), None)


@implements("turns.scheduleDeleteCascade")
def schedule_delete_turn(ctx: Any, args: Row) -> Row:
    """Delete a turn after a while."""
    return _begin(ctx, args, _turn_target(ctx, args), _delay(args))


@implements("threads.purgeActorData")
def purge_actor_data(ctx: Any, args: Row) -> Row:
    """Delete everything of an actor."""
    return _begin(ctx, args, {"targetKind": "actor"}, None)


@implements("threads.schedulePurgeActorData")
def schedule_purge_actor_data(ctx: Any, args: Row) -> Row:
    """Delete everything of an actor after a while."""
    return _begin(ctx, args, {"targetKind": "actor"}, _delay(args))


def _thread_target(ctx: Any, args: Row) -> Row:
    thread = thread_of(ctx, caller_of(args), args["threadId"])
    return {"targetKind": "thread", "threadId": thread["threadId"], "threadRef": thread["_id"]}


def _turn_target(ctx: Any, args: Row) -> Row:
    target = _thread_target(ctx, args)
    turn = turn_of(ctx, caller_of(args), args["threadId"], args["turnId"])
    return {**target, "targetKind": "turn", "turnId": turn["turnId"], "turnRef": turn["_id"]}


def _delay(args: Row) -> float:
    delay = args.get("delayMs", DELETE_DELAY_DEFAULT)
    if math.isnan(delay):
        raise ContractError("E_DELETE_ARGUMENT_INVALID", "delayMs is not a number.")
    return float(math.floor(max(DELETE_DELAY_LEAST, min(delay, DELETE_DELAY_MOST))))


def _begin(ctx: Any, args: Row, target: Row, delay: float | None) -> Row:
    batch = args.get("batchSize")
    if batch is not None and not float(batch).is_integer():
        raise ContractError("E_DELETE_ARGUMENT_INVALID", "batchSize is not a whole number.")
    caller = caller_of(args)
    now = ctx.now()
    job_id = new_id(ctx)
    row = {
        **caller.identity,
        **target,
        **given(args, "reason", "batchSize"),
        "deletionJobId": job_id,
        "status": "queued" if delay is None else "scheduled",
        "deletedCountsJson": "{}",
        "createdAt": now,
        "updatedAt": now,
    }
    if delay is not None:
        row["scheduledFor"] = now + delay
    reference = ctx.db.insert("codex_deletion_jobs", row)
    scheduled = _run_after(ctx, row, delay or 0)
    _watch_after(ctx, row, (delay or 0) + DELETE_LEASE)
    if delay is None:
        _mark(ctx, row)
        return {"deletionJobId": job_id}
    ctx.db.patch(reference, {"scheduledFnId": scheduled})
    return {"deletionJobId": job_id, "scheduledFor": now + delay}


def _run_after(ctx: Any, job: Row, delay: float) -> str:
    args = given(job, "userScope", "deletionJobId", "batchSize")
    scheduled: str = ctx.scheduler.run_after(delay, RUN, args)
    return scheduled


def _watch_after(ctx: Any, job: Row, delay: float) -> None:
    ctx.scheduler.run_after(delay, WATCH, given(job, "userScope", "deletionJobId"))


@implements("threads.cancelScheduledDeletion")
def cancel_deletion(ctx: Any, args: Row) -> Row:
    """Cancel a deletion that has not begun."""
    job = _find(ctx, caller_of(args).scope, args["deletionJobId"])
    cancelled = job is not None and job["status"] == "scheduled"
    if job is not None and cancelled:
        ctx.scheduler.cancel(job["scheduledFnId"])
        now = ctx.now()
        _move(ctx, job, "cancel", {**_UNSCHEDULED, "cancelledAt": now, "completedAt": now})
    return {"deletionJobId": args["deletionJobId"], "cancelled": cancelled}


@implements("threads.forceRunScheduledDeletion")
def force_run_deletion(ctx: Any, args: Row) -> Row:
    """Begin a scheduled deletion now."""
    job = _find(ctx, caller_of(args).scope, args["deletionJobId"])
    forced = job is not None and job["status"] == "scheduled"
    if job is not None and forced:
        ctx.scheduler.cancel(job["scheduledFnId"])
        _mark(ctx, _move(ctx, job, "forceRun", _UNSCHEDULED))
        _run_after(ctx, job, 0)
        _watch_after(ctx, job, DELETE_LEASE)
    return {"deletionJobId": args["deletionJobId"], "forced": forced}


_UNSCHEDULED = {"scheduledFor": UNDEFINED, "scheduledFnId": UNDEFINED}


@implements("threads.getDeletionJobStatus")
def get_deletion_job_status(ctx: Any, args: Row) -> Row | None:
    """How far a deletion has come."""
    job = _find(ctx, caller_of(args).scope, args["deletionJobId"])
    if job is None:
        return None
    counts = sorted(_counts(job).items())
    return {
        **given(job, *_SHOWN),
        "deletedCountsByTable": [
            {"tableName": table, "deleted": deleted} for table, deleted in counts
        ],
    }


@implements("sessions.runDeletionJobChunk")
def run_deletion_job_chunk(ctx: Any, args: Row) -> None:
    """One batch of a deletion."""
    job = _find(ctx, args["userScope"], args["deletionJobId"])
    if job is None or job["status"] in DELETION.terminal:
        return
    now = ctx.now()
    if job["status"] == "scheduled":
        if job["scheduledFor"] > now:
            return
        job = _move(ctx, job, "due", _UNSCHEDULED)
    begun = {} if "startedAt" in job else {"startedAt": now}
    job = _move(ctx, job, "chunk", {**begun, "stalls": UNDEFINED})
    target = _mark(ctx, job)
    batch = clamped(job.get("batchSize"), DELETE_BATCH_DEFAULT, DELETE_BATCH_MOST)
    budget = Budget(ctx, batch)
    try:
        # What took the place of a target that is gone is no part of it.
        if target is not None or job["targetKind"] == "actor":
            _delete(ctx, job, budget)
    except Exception as error:  # noqa: BLE001 - whatever the reason, the job says that it failed
        _fail(ctx, _counted(ctx, job, budget.counts), str(error))
        return
    if not budget.counts:
        _unmark(ctx, job)
        _move(ctx, job, "drained", {"completedAt": now})
        return
    if job["targetKind"] == "turn":
        verify_again(ctx, job["userScope"], job["threadRef"])
    _counted(ctx, job, budget.counts)
    _run_after(ctx, {**job, "batchSize": batch}, 0)


@implements("sessions.watchDeletionJob")
def watch_deletion_job(ctx: Any, args: Row) -> None:
    """Look whether a batch of a deletion has died, and run it again."""
    job = _find(ctx, args["userScope"], args["deletionJobId"])
    if job is None or job["status"] in DELETION.terminal:
        return
    now = ctx.now()
    since = max(job["updatedAt"], job.get("scheduledFor", 0))
    if now - since < DELETE_LEASE:
        _watch_after(ctx, job, since + DELETE_LEASE - now)
        return
    stalls = job.get("stalls", 0) + 1
    if stalls >= DELETE_ATTEMPTS:
        _fail(ctx, job, f"{stalls} batches in a row have died.")
        return
    ctx.db.patch(job["_id"], {"stalls": stalls, "updatedAt": now})
    _run_after(ctx, job, 0)
    _watch_after(ctx, job, DELETE_LEASE)


def _fail(ctx: Any, job: Row, why: str) -> None:
    _unmark(ctx, job)
    told = {
        "errorCode": "E_DELETE_JOB_FAILED",
        "errorMessage": why[:ERROR_TEXT_MOST],
        "completedAt": ctx.now(),
    }
    # A batch that never came to run has left the job waiting for it.
    waiting = job["status"] == "scheduled"
    job = _move(ctx, job, "due", _UNSCHEDULED) if waiting else job
    _move(ctx, job, "error", told)


def _mark(ctx: Any, job: Row) -> Row | None:
    """Let what is being deleted take no writes any more, and give it."""
    row = _target(ctx, job)
    if row is not None and "deletionJobId" not in row:
        if job["targetKind"] == "thread":
            THREAD.move(row["status"], "delete", f"Thread {row['threadId']}")
        ctx.db.patch(row["_id"], {"deletionJobId": job["deletionJobId"]})
    return row


def _unmark(ctx: Any, job: Row) -> None:
    """Let what could not be deleted take writes again."""
    row = _target(ctx, job)
    if row is not None and row.get("deletionJobId") == job["deletionJobId"]:
        ctx.db.patch(row["_id"], {"deletionJobId": UNDEFINED})


def _target(ctx: Any, job: Row) -> Row | None:
    if job["targetKind"] == "actor":
        return None
    reference = job["turnRef"] if job["targetKind"] == "turn" else job["threadRef"]
    row: Row | None = ctx.db.get(reference)
    return row


def _delete(ctx: Any, job: Row, budget: Budget) -> None:
    """Delete as many rows as the budget allows."""
    for step in PLANS[job["targetKind"]]:
        for row in _rows(ctx, job, step, budget):
            for table in step.before:
                budget.drop_found(table, {SCOPE: job["userScope"], "streamRef": row["_id"]})
            if not budget.is_spent():
                budget.drop(step.table, row)
            if budget.is_spent():
                return


def _rows(ctx: Any, job: Row, step: Step, budget: Budget) -> Iterator[Row]:
    if step.by is None:
        yield from _all_of(ctx, job, step.table)
        return
    field, source = step.by
    if field == "_id":
        row = ctx.db.get(job[source])
        yield from () if row is None else (row,)
        return
    yield from budget.found(step.table, {SCOPE: job["userScope"], field: job[source]})


def _all_of(ctx: Any, job: Row, table: str) -> Iterator[Row]:
    index = next(one.name for one in TABLES[table].indexes if one.fields[0] == SCOPE)
    rows = ctx.db.query(table).with_index(index, lambda q: q.eq(SCOPE, job["userScope"]))
    # The record of this very deletion is what remains of it.
    return (row for row in rows if row["_id"] != job["_id"])


def _counted(ctx: Any, job: Row, counts: dict[str, int]) -> Row:
    """Add what a batch has deleted to the job's counts."""
    if not counts:
        return job
    total = _counts(job)
    for table, deleted in counts.items():
        total[table] = total.get(table, 0) + deleted
    told = {"deletedCountsJson": json.dumps(total), "phase": list(counts)[-1]}
    return _move(ctx, job, "chunk", told)


def _move(ctx: Any, job: Row, event: str, changes: Row) -> Row:
    status = DELETION.move(job["status"], event, f"Deletion {job['deletionJobId']}")
    after = {**changes, "status": status, "updatedAt": ctx.now()}
    ctx.db.patch(job["_id"], after)
    moved = {**job, **after}
    return {name: value for name, value in moved.items() if value is not UNDEFINED}


def _find(ctx: Any, scope: str, job_id: str) -> Row | None:
    return one(ctx.db, "codex_deletion_jobs", {"userScope": scope, "deletionJobId": job_id})


def _counts(job: Row) -> dict[str, int]:
    counts: dict[str, int] = json.loads(job["deletedCountsJson"])
    return counts
