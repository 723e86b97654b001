"""Miniatures that end turns wrongly, or not at all.

May import what alters runtimes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.runtimes.altering import (
    TAKEN,
    RuntimeMiniature,
    built,
    called,
    calls,
    dropped,
    hears,
    skipped,
    wired,
    with_params,
)
from codex_conformance.miniatures.runtimes.turns import told
from codex_conformance.targets.convex_line import success

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from codex_conformance.miniatures.runtimes.altering import Carry, Change, Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message

_ENDS: Final = (
    "cancelTurnDispatch",
    "markTurnDispatchFailed",
    "failAcceptedTurnSend",
    "resolvePendingServerRequest",
)


def _ends_as(was: str, status: str) -> Callable[[], Mapping[str, Change]]:
    def change(params: dict[str, Any]) -> dict[str, Any]:
        turn = params.get("turn") or {}
        if turn.get("status") != was:
            return params
        return {**params, "turn": {**turn, "status": status, "error": None}}

    return lambda: {"turn/completed": with_params(change)}


def _well_in_any_case() -> Mapping[str, Change]:
    return {**_ends_as("failed", "completed")(), "error": dropped}


def _ending_at_errors() -> Mapping[str, Change]:
    turns: list[Any] = []

    def note(message: Message) -> tuple[Message]:
        turns[:] = [message["params"]]
        return (message,)

    def end(_message: Message) -> tuple[Message]:
        params = turns[-1] if turns else {}
        turn = {**params.get("turn", {}), "status": "failed"}
        return ({"method": "turn/completed", "params": {**params, "turn": turn}},)

    return {"turn/started": note, "error": end}


def _ending_at_any_end() -> Mapping[str, Change]:
    turns: list[Any] = []

    def note(message: Message) -> tuple[Message]:
        turns[:] = [message["params"]]
        return (message,)

    def end(message: Message) -> tuple[Message]:
        params = message["params"]
        if not turns:
            return (message,)
        turn = {**params.get("turn", {}), "id": turns[-1]["turn"]["id"]}
        return ({**message, "params": {"threadId": turns[-1]["threadId"], "turn": turn}},)

    return {"turn/started": note, "turn/completed": end}


def _well_meaning(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "turn": {"status": "completed", **(params.get("turn") or {})}}


def _silent_once(surroundings: Surroundings, over: list[bool]) -> Surroundings:
    """Give surroundings in which nothing more is written down once something is over."""

    async def untold(args: dict[str, Any], carry: Carry) -> httpx.Response:
        return success(told(args)) if over else await carry(args)

    async def lost(args: dict[str, Any], carry: Carry) -> httpx.Response:
        return success(TAKEN) if over else await carry(args)

    return called(surroundings, {**dict.fromkeys(_ENDS, untold), "ingestBatch": lost})


def _going_with_codex(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    gone: list[bool] = []
    return wired(_silent_once(surroundings, gone), ended=lambda: gone.append(True)), {}


def _abandoning(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    stopping: list[bool] = []

    async def stop(inner: HostRuntime) -> None:
        stopping.append(True)
        await inner.stop()

    return _silent_once(surroundings, stopping), {"stop": stop}


ENDINGS: Final[tuple[RuntimeMiniature, ...]] = (
    hears(
        "completed-as-failed",
        "A turn that Codex completes has failed.",
        _ends_as("completed", "failed"),
        "lifecycle.dispatch.completed",
        "lifecycle.dispatch.start-refused",
        "lifecycle.dispatch.again",
        "lifecycle.dispatch.will-retry",
        "lifecycle.dispatch.own-end",
        "lifecycle.dispatch.interrupt-idle",
        "lifecycle.dispatch.steer",
        "lifecycle.import.beside-a-turn",
        "fail_closed.convex.not-accepted",
        "fail_closed.convex.not-claimed",
        "fail_closed.convex.accept-lost",
        "fail_closed.convex.ingest-lost",
        "fail_closed.convex.ingest-rejected",
        "fail_closed.convex.usage-fails",
        "fail_closed.convex.request-not-kept",
    ),
    hears(
        "interrupted-as-completed",
        "A turn that is interrupted is completed.",
        _ends_as("interrupted", "completed"),
        "lifecycle.dispatch.interrupted",
        "lifecycle.dispatch.interrupt-early",
    ),
    hears(
        "failed-as-completed",
        "A turn that fails is completed.",
        _well_in_any_case,
        "lifecycle.dispatch.failed",
    ),
    calls(
        "failures-untold",
        "The deployment does not hear that a turn could not be started.",
        lambda: dict.fromkeys(("failAcceptedTurnSend", "markTurnDispatchFailed"), skipped(told)),
        "lifecycle.dispatch.start-refused",
        "lifecycle.dispatch.end-malformed",
        "lifecycle.dispatch.exit",
        "fail_closed.convex.not-claimed",
    ),
    hears(
        "ends-at-errors",
        "Every error ends the turn.",
        _ending_at_errors,
        "lifecycle.dispatch.will-retry",
    ),
    hears(
        "ends-at-any-end",
        "The end of any turn ends the one in flight.",
        _ending_at_any_end,
        "lifecycle.dispatch.own-end",
    ),
    hears(
        "well-meaning",
        "An end that says nothing is taken for a good one.",
        lambda: {"turn/completed": with_params(_well_meaning)},
        "lifecycle.dispatch.end-malformed",
    ),
    built(
        "goes-with-codex",
        "When the app-server ends, nothing more is written down.",
        _going_with_codex,
        "lifecycle.dispatch.exit",
        "fail_closed.codex.ends-midway",
        "fail_closed.convex.stop-unkept",
    ),
    built(
        "abandons",
        "When it stops, nothing more is written down.",
        _abandoning,
        "lifecycle.dispatch.stop",
        "lifecycle.server-request.stop",
        "fail_closed.codex.start-unanswered",
        "fail_closed.convex.stop-unkept",
    ),
)
