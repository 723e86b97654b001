"""Miniatures that accept turns wrongly, or hand them out wrongly.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

from typing import Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    answers,
    blind_to,
    given,
    host,
    instead,
    recoded,
    refused,
    seeing,
    store,
    without_schedule,
)
from codex_fakes.component.callers import caller_of
from codex_fakes.component.rows import one, select

_START: Final = "turns.start"
_CLAIM: Final = "dispatch.claimNext"
_MARKS: Final = ("dispatch.markStarted", "dispatch.markCompleted", "dispatch.markFailed")


def _at_work(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    where = {"userScope": caller_of(args).scope, "threadId": args["threadId"]}
    turn = one(ctx.db, "codex_turns", {**where, "turnId": answer["turnId"]})
    if turn is not None and turn["status"] == "queued":
        ctx.db.patch(turn["_id"], {"status": "inProgress"})
    return answer


def _another_key(ctx: Any, args: Args, inner: Inner) -> Any:
    return inner(ctx, {**args, "idempotencyKey": f"{args['idempotencyKey']}:{ctx.random()}"})


def _echoing(ctx: Any, args: Args, inner: Inner) -> Any:
    return {**inner(ctx, args), "turnId": args["turnId"]}


def _key_of_anywhere(ctx: Any, args: Args, inner: Inner) -> Any:
    scope = caller_of(args).scope
    for turn in ctx.db.query("codex_turns").collect():
        if turn["userScope"] == scope and turn["idempotencyKey"] == args["idempotencyKey"]:
            return {"turnId": turn["turnId"], "accepted": True, "dispatchId": turn["turnId"]}
    return inner(ctx, args)


def _accepted_again(args: Args, _code: str) -> Any:
    return {"turnId": args["turnId"], "accepted": True, "dispatchId": args["turnId"]}


def _interrupting(ctx: Any, args: Args, _inner: Inner) -> Any:
    told = {name: args[name] for name in ("actor", "threadId", "turnId", "reason")}
    ctx.run_mutation("turns:interrupt", told)


def _failing(ctx: Any, args: Args, _inner: Inner) -> Any:
    told = {name: args[name] for name in ("actor", "threadId", "turnId")}
    ctx.run_mutation("turns:fail", {**told, "reason": args.get("reason", "interrupted")})


ACCEPTING: Final[tuple[HostMiniature, ...]] = (
    store(
        "starts-what-it-accepts",
        "A turn that was accepted is in progress.",
        {_START: _at_work},
        "ingest.turn.started",
        "dispatch.accept.queued",
    ),
    store(
        "keys-unread",
        "A turn that is sent again is taken for another one.",
        {_START: _another_key},
        "dispatch.accept.once",
        "dispatch.accept.echo",
    ),
    host(
        "echoes-the-caller",
        "The answer names the turn that was asked for, whichever was accepted.",
        {"acceptTurnSend": _echoing},
        "dispatch.accept.echo",
    ),
    store(
        "keys-of-all-threads",
        "A key that was used in any thread makes no new turn.",
        {_START: _key_of_anywhere},
        "host_wiring.reads.of-others",
        "dispatch.accept.per-thread",
    ),
    store(
        "ids-used-again",
        "The id of a turn is accepted under another key.",
        {_START: refused("E_TURN_ID_REUSED", _accepted_again)},
        "dispatch.accept.id-once",
    ),
    store(
        "failed-sends-wait",
        "A turn that could not be dispatched stays queued.",
        {"turns.fail": instead()},
        "host_wiring.validate.tries-mutations",
        "isolation.others.thread-not-found",
        "dispatch.accept.fails",
        "dispatch.accept.fails-as-failed",
        "dispatch.state.settled-by-turn",
    ),
    store(
        "failed-sends-interrupted",
        "A turn that could not be dispatched ends as interrupted.",
        {"turns.fail": _interrupting},
        "host_wiring.validate.tries-mutations",
        "dispatch.accept.fails-as-failed",
    ),
    store(
        "interrupted-as-failed",
        "A turn that is interrupted ends as failed.",
        {"turns.interrupt": _failing},
        "dispatch.interrupt.ends",
    ),
    store(
        "interrupts-the-unknown",
        "Interrupting a turn that is not there is no mistake.",
        {"turns.interrupt": refused("E_TURN_NOT_FOUND", lambda _args, _code: None)},
        "deletion.turn.gone",
        "dispatch.interrupt.unknown",
    ),
)


def _wordless(claim: Any) -> Any:
    return None if claim is None else {**claim, "inputText": ""}


def _unleased(ctx: Any, args: Args, inner: Inner) -> Any:
    where = {"userScope": caller_of(args).scope, "threadId": args["threadId"]}
    for status in ("claimed", "started"):
        rows = select(ctx.db, "codex_turn_dispatches", {**where, "status": status}).collect()
        for row in rows:
            ctx.db.patch(row["_id"], {"leaseExpiresAt": 0})
    return inner(ctx, args)


def _present_token(ctx: Any, args: Args, inner: Inner) -> Any:
    where = {"userScope": caller_of(args).scope, "threadId": args["threadId"]}
    row = one(ctx.db, "codex_turn_dispatches", {**where, "dispatchId": args["dispatchId"]})
    if row is not None and "claimToken" in row:
        args = {**args, "claimToken": row["claimToken"]}
    return inner(ctx, args)


def _as_if_new(claim: Any) -> Any:
    return None if claim is None else {**claim, "status": "claimed"}


def _cancelled_anyway(args: Args, _code: str) -> Any:
    return {"dispatchId": args["dispatchId"], "turnId": "turn", "status": "cancelled"}


OUTBOX: Final[tuple[HostMiniature, ...]] = (
    store(
        "claims-without-words",
        "A claim does not say what the turn begins with.",
        {_CLAIM: answers(_wordless)},
        "dispatch.claim.first",
    ),
    store(
        "leases-hold-nothing",
        "What is claimed can be claimed by another at once.",
        {_CLAIM: _unleased},
        "dispatch.claim.one-at-a-time",
        "dispatch.claim.expires",
        "dispatch.claim.extended",
    ),
    store(
        "leases-without-end",
        "A claim holds for ten minutes, whatever was asked for.",
        {_CLAIM: given(lambda args: {**args, "leaseMs": 600_000})},
        "dispatch.claim.expires",
    ),
    store(
        "tokens-unread",
        "Whoever claimed first goes on after another has claimed.",
        dict.fromkeys(_MARKS, _present_token),
        "dispatch.claim.fenced",
    ),
    store(
        "started-as-new",
        "A turn that Codex has is handed out as if it had not.",
        {_CLAIM: answers(_as_if_new)},
        "dispatch.claim.started-again",
    ),
    store(
        "leases-unextended",
        "Saying that Codex has the turn gives the shortest lease.",
        {"dispatch.markStarted": given(lambda args: {**args, "leaseMs": 1_000})},
        "dispatch.claim.extended",
    ),
    store(
        "cancels-the-settled",
        "A dispatch that has ended can be cancelled.",
        {"dispatch.cancel": refused("E_DISPATCH_SETTLED", _cancelled_anyway)},
        "dispatch.state.table",
    ),
    store(
        "turns-do-not-follow",
        "A turn goes on when its dispatch is cancelled.",
        {"dispatch.cancel": seeing(without_schedule)},
        "dispatch.state.turn-follows",
    ),
    store(
        "dispatches-outlive-turns",
        "A dispatch stays open when its turn has ended.",
        {
            "turnsInternal.reconcileTerminalArtifacts": seeing(blind_to("codex_turn_dispatches")),
        },
        "dispatch.state.settled-by-turn",
    ),
    store(
        "newest-dispatch-first",
        "Open dispatches are listed with the newest one first.",
        {"dispatch.listOpen": answers(lambda rows: rows[::-1])},
        "dispatch.state.listed",
    ),
    store(
        "dispatches-by-another-code",
        "An unknown dispatch is refused as if the thread were unknown.",
        {
            name: recoded("E_DISPATCH_NOT_FOUND", "E_THREAD_NOT_FOUND")
            for name in (*_MARKS, "dispatch.cancel")
        },
        "dispatch.state.unknown",
    ),
)
