"""Miniatures that give events back wrongly, or keep them too long.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

from typing import Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    answers,
    instead,
    store,
    with_options,
)
from codex_fakes.component.callers import caller_of
from codex_fakes.component.rows import one, select


def _from_the_end(ctx: Any, args: Args, inner: Inner) -> Any:
    """Replay begins where ingest has come to, as if every reader had come there too."""
    scope = caller_of(args).scope
    wanted = []
    for asked in args["streamCursorsById"]:
        where = {"userScope": scope, "streamId": asked["streamId"]}
        stats = one(ctx.db, "codex_stream_stats", where)
        reached = 0 if stats is None else stats["receivedCursor"]
        wanted.append({**asked, "cursor": max(asked.get("cursor", 0), reached)})
    return inner(ctx, {**args, "streamCursorsById": wanted})


def _never_rebased(answer: Any) -> Any:
    windows = [{**window, "status": "ok"} for window in answer["streamWindows"]]
    return {**answer, "streamWindows": windows}


def _acknowledging(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    for stream in answer["ackedStreams"]:
        told = {"streamId": stream["streamId"], "cursor": stream["ackCursorEnd"]}
        place = {"actor": args["actor"], "threadId": args["threadId"]}
        where = {"userScope": caller_of(args).scope, "streamId": stream["streamId"]}
        if select(ctx.db, "codex_streams", where).first() is not None:
            ctx.run_mutation("sync:upsertCheckpoint", {**place, **told})
    return answer


def _undelayed(runtime: Args) -> Args:
    return {name: value for name, value in runtime.items() if name != "finishedStreamDeleteDelayMs"}


_KEPT: Final = {"deletedDeltas": 0, "streamDeleted": False, "hasMore": False}

REPLAY: Final[tuple[HostMiniature, ...]] = (
    store(
        "replays-nothing",
        "Replay begins behind what was delivered.",
        {"sync.replay": _from_the_end},
        "isolation.threads.streams",
        "ingest.replay.whole",
        "ingest.replay.rebased",
        "ingest.replay.budget",
        "ingest.replay.text-stored",
    ),
    store(
        "never-rebased",
        "A window that begins late is said to be ok.",
        {"sync.replay": answers(_never_rebased)},
        "ingest.replay.rebased",
    ),
    store(
        "replays-without-end",
        "Replay gives as much as there is.",
        with_options(lambda _: {}, "sync.replay"),
        "ingest.replay.budget",
    ),
    store(
        "stores-all-text",
        "Text deltas are stored whether that was asked for or not.",
        with_options(lambda runtime: {**runtime, "saveStreamDeltas": True}, "sync.ingest"),
        "ingest.replay.text-stored",
        "ingest.stream.expiry",
    ),
    store(
        "ingest-acknowledges",
        "Ingest moves the consumer's checkpoint.",
        {"sync.ingest": _acknowledging},
        "host_wiring.validate.tries-mutations",
        "ingest.replay.checkpoint",
    ),
    store(
        "streams-stay",
        "Streams are never removed.",
        {"streams.cleanupFinishedStream": instead(_KEPT)},
        "ingest.stream.cleaned-up",
        "ingest.stream.delay",
    ),
    store(
        "delay-ignored",
        "How long an ended stream stays cannot be chosen.",
        with_options(_undelayed, "sync.ingest"),
        "ingest.stream.delay",
    ),
    store(
        "nothing-expires",
        "Stored events never expire.",
        {"streams.cleanupExpiredDeltas": instead({"deleted": 0, "hasMore": False})},
        "ingest.stream.expiry",
    ),
)
