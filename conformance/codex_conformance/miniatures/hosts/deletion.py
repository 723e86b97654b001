"""Miniatures that delete too little, too much, or at the wrong time.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    answers,
    blind_to,
    given,
    host,
    refusal,
    refused,
    store,
)
from codex_fakes.component.rows import one

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK: Final = "sessions.runDeletionJobChunk"
_SCHEDULE: Final = "threads.scheduleDeleteCascade"


def _job(ctx: Any, args: Args) -> Any:
    where = {"userScope": args["userScope"], "deletionJobId": args["deletionJobId"]}
    return one(ctx.db, "codex_deletion_jobs", where)


def _for_targets(kind: str, around: Any) -> Any:
    """Deletions of one kind of target go otherwise."""

    def chosen(ctx: Any, args: Args, inner: Inner) -> Any:
        job = _job(ctx, args)
        if job is not None and job["targetKind"] == kind:
            return around(ctx, args, inner)
        return inner(ctx, args)

    return {_CHUNK: chosen}


def _sparing(kind: str, *tables: str) -> Any:
    def around(ctx: Any, args: Args, inner: Inner) -> Any:
        return inner(blind_to(*tables)(ctx), args)

    return _for_targets(kind, around)


def _raging(kind: str, of: Callable[[Any, Any], bool]) -> Any:
    """Deletions of one kind take messages with them that are not theirs."""

    def around(ctx: Any, args: Args, inner: Inner) -> Any:
        job = _job(ctx, args)
        for row in ctx.db.query("codex_messages").collect():
            if of(row, job):
                ctx.db.delete(row["_id"])
        return inner(ctx, args)

    return _for_targets(kind, around)


def _same_scope(row: Any, job: Any) -> bool:
    return bool(row["userScope"] == job["userScope"])


def _same_thread(row: Any, job: Any) -> bool:
    return _same_scope(row, job) and bool(row["threadId"] == job["threadId"])


def _done_without(ctx: Any, args: Args, _inner: Inner) -> None:
    changes = {"status": "completed", "completedAt": ctx.now(), "updatedAt": ctx.now()}
    ctx.db.patch(_job(ctx, args)["_id"], changes)


_IMPORTS: Final = (
    "codex_sync_import_sources",
    "codex_sync_import_source_chunks",
    "codex_sync_import_jobs",
)


def _uncounted(state: Any) -> Any:
    if state is None:
        return None
    counts = [row for row in state["deletedCountsByTable"] if row["tableName"] != "codex_messages"]
    return {**state, "deletedCountsByTable": counts}


def _some_job(_args: Args, _code: str) -> Any:
    return {"deletionJobId": "no-such-deletion"}


def _at_once(ctx: Any, args: Args, inner: Inner) -> Any:
    scheduled = inner(ctx, args)
    told = {"actor": args["actor"], "deletionJobId": scheduled["deletionJobId"]}
    ctx.run_mutation("threads:forceRunScheduledDeletion", told)
    return scheduled


def _known_only(state: Any) -> Any:
    if state is None:
        raise refusal("E_THREAD_NOT_FOUND")
    return state


def _whole(args: Args) -> Args:
    return {**args, "batchSize": args["batchSize"] // 1} if "batchSize" in args else args


def _said(name: str, value: Any) -> Any:
    return answers(lambda answer: {**answer, name: value})


REMOVALS: Final[tuple[HostMiniature, ...]] = (
    store(
        "threads-stay",
        "The deletion of a thread is completed without deleting anything.",
        _for_targets("thread", _done_without),
        "deletion.thread.gone",
        "deletion.thread.leaves-nothing",
        "deletion.thread.opened-anew",
        "deletion.thread.counted",
        "deletion.thread.import-ends",
        "deletion.job.due",
    ),
    store(
        "bindings-stay",
        "A deleted conversation keeps its binding.",
        _sparing("thread", "codex_thread_bindings"),
        "deletion.thread.leaves-nothing",
        "deletion.thread.opened-anew",
        "deletion.thread.import-ends",
    ),
    store(
        "imports-survive",
        "A deleted thread keeps its imports.",
        _sparing("thread", *_IMPORTS),
        "deletion.thread.leaves-nothing",
        "deletion.thread.import-ends",
    ),
    store(
        "deletes-other-threads",
        "Deleting a thread deletes the messages of all threads of its user.",
        _raging("thread", _same_scope),
        "deletion.thread.others-stay",
        "deletion.thread.counted",
    ),
    host(
        "never-created",
        "No opening of a conversation says that it was created.",
        {"ensureConversationBinding": _said("created", False)},
        "host_wiring.binding.same-thread",
        "deletion.thread.opened-anew",
    ),
    store(
        "messages-uncounted",
        "The messages that a deletion has deleted are not counted.",
        {"threads.getDeletionJobStatus": answers(_uncounted)},
        "deletion.thread.counted",
    ),
    store(
        "turns-keep-messages",
        "A deleted turn keeps its messages.",
        _sparing("turn", "codex_messages"),
        "deletion.turn.gone",
        "deletion.turn.others-stay",
        "deletion.turn.leaves-nothing",
    ),
    store(
        "deletes-other-turns",
        "Deleting a turn deletes the messages of its thread.",
        _raging("turn", _same_thread),
        "deletion.turn.others-stay",
    ),
    store(
        "turns-keep-checkpoints",
        "A deleted turn keeps the checkpoints of its streams.",
        _sparing("turn", "codex_stream_checkpoints"),
        "deletion.turn.leaves-nothing",
    ),
    store(
        "deletes-unknown-turns",
        "Deleting a turn that is not there is no mistake.",
        {
            "turns.deleteCascade": refused("E_TURN_NOT_FOUND", _some_job),
        },
        "deletion.turn.unknown",
    ),
    store(
        "purges-keep-threads",
        "A purged actor keeps their conversations.",
        _sparing("actor", "codex_threads", "codex_thread_bindings"),
        "deletion.purge.gone",
        "deletion.purge.leaves-nothing",
    ),
    store(
        "purges-keep-imports",
        "A purged actor's imports are kept.",
        _sparing("actor", *_IMPORTS),
        "deletion.purge.leaves-nothing",
    ),
    store(
        "purges-everybody",
        "A purge deletes the messages of all actors.",
        _raging("actor", lambda _row, _job: True),
        "deletion.purge.others-stay",
    ),
)

SCHEDULE: Final[tuple[HostMiniature, ...]] = (
    store(
        "another-delay",
        "A deletion for which nothing was asked waits a minute.",
        {_SCHEDULE: given(lambda args: {"delayMs": 60_000, **args})},
        "deletion.job.delay",
    ),
    store(
        "never-waits",
        "A deletion that was scheduled begins at once.",
        {_SCHEDULE: _at_once},
        "host_wiring.validate.tries-mutations",
        "isolation.others.deletions",
        "deletion.job.delay",
        "deletion.job.due",
        "deletion.job.cancel",
        "deletion.job.force",
    ),
    store(
        "cancels-always",
        "Every cancellation of a deletion is said to have worked.",
        {"threads.cancelScheduledDeletion": _said("cancelled", True)},
        "isolation.others.deletions",
        "deletion.job.cancel",
        "deletion.job.ended",
        "deletion.job.unknown",
    ),
    store(
        "forces-never",
        "Forcing a deletion is said not to have worked.",
        {"threads.forceRunScheduledDeletion": _said("forced", False)},
        "deletion.job.force",
    ),
    store(
        "unknown-deletions-throw",
        "The status of an unknown deletion is refused.",
        {"threads.getDeletionJobStatus": answers(_known_only)},
        "isolation.others.deletions",
        "deletion.job.unknown",
    ),
    store(
        "batch-sizes-rounded",
        "A batch size that is no whole number is rounded.",
        {"threads.deleteCascade": given(_whole), _SCHEDULE: given(_whole)},
        "deletion.job.batch-size",
    ),
)
