"""Miniatures that send turns wrongly.

May import what alters runtimes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_conformance.miniatures.runtimes.altering import (
    RuntimeMiniature,
    built,
    calls,
    does,
    showing,
    shows,
    skipped,
    speaks,
    wired,
    with_params,
    with_state,
)
from codex_conformance.targets.convex_line import success
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from codex_conformance.miniatures.runtimes.altering import Around, Carry, Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message

_replace: Final = msgspec.structs.replace
_IN_FLIGHT: Final = "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
_LOOK_SECONDS: Final = 0.005


def told(args: dict[str, Any]) -> Any:
    """What is answered to whoever says what has become of something; it is not written down."""
    if "turnId" in args or "dispatchId" not in args:
        return None
    return {"dispatchId": args["dispatchId"], "turnId": "turn", "status": "started"}


async def _misnamed(inner: HostRuntime, text: str) -> Any:
    return _replace(await inner.send_turn(text), turn_id="another")


def _accepting_afterwards() -> Mapping[str, Around]:
    waiting: list[tuple[dict[str, Any], Carry]] = []

    async def accept(args: dict[str, Any], carry: Carry) -> httpx.Response:
        waiting.append((args, carry))
        dispatch = args.get("dispatchId", args["turnId"])
        return success({"turnId": args["turnId"], "dispatchId": dispatch, "accepted": True})

    async def claim(_args: dict[str, Any], _carry: Carry) -> httpx.Response:
        if not waiting:
            return success(None)
        args = waiting[-1][0]
        return success(
            {
                "dispatchId": args.get("dispatchId", args["turnId"]),
                "turnId": args["turnId"],
                "idempotencyKey": args["idempotencyKey"],
                "inputText": args["inputText"],
                "claimToken": "claimed",
                "leaseExpiresAt": 2.0**52,
                "attemptCount": 1.0,
                "status": "claimed",
            }
        )

    async def started(args: dict[str, Any], _carry: Carry) -> httpx.Response:
        while waiting:
            accepted, carry = waiting.pop(0)
            await carry(accepted)
        return success(told(args))

    return {
        "acceptTurnSend": accept,
        "claimTurnDispatch": claim,
        "markTurnDispatchStarted": started,
    }


def _wordier(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "input": [*params["input"], {"type": "text", "text": ""}]}


def _nameless(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "clientUserMessageId"}


def _named_by_codex(state: Any) -> Any:
    return _replace(state, turn_id="of-codex") if state.turn_id is not None else state


def _named_late(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    sending: list[str] = []

    async def send(inner: HostRuntime, text: str) -> Any:
        sending.append(text)
        try:
            return await inner.send_turn(text)
        finally:
            sending.pop()

    def change(state: Any) -> Any:
        return _named_by_codex(state) if sending else state

    return surroundings, {"send_turn": send, **showing(change)}


def _sending_once(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    sent: list[str] = []

    async def send(inner: HostRuntime, text: str) -> Any:
        if sent:
            raise CodexRuntimeError("E_RUNTIME_STOPPED", "one turn is enough")
        result = await inner.send_turn(text)
        sent.append(text)
        return result

    return surroundings, {"send_turn": send}


async def _queued(inner: HostRuntime, text: str) -> Any:
    while True:
        try:
            return await inner.send_turn(text)
        except CodexRuntimeError as error:
            if error.code != _IN_FLIGHT:
                raise
        await asyncio.sleep(_LOOK_SECONDS)


def _interrupting_later(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    asked: list[bool] = []

    async def interrupt(inner: HostRuntime) -> None:
        if not inner.get_state().turn_in_flight:
            asked.append(True)
        await inner.interrupt()

    async def send(inner: HostRuntime, text: str) -> Any:
        result = await inner.send_turn(text)
        if asked:
            asked.clear()
            await inner.interrupt()
        return result

    return surroundings, {"interrupt": interrupt, "send_turn": send}


def _only_the_named(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    named: list[bool] = []

    def note(message: Message) -> tuple[Message]:
        named.append(True)
        return (message,)

    async def interrupt(inner: HostRuntime) -> None:
        if named:
            await inner.interrupt()

    return wired(surroundings, incoming={"turn/started": note}), {"interrupt": interrupt}


def _speechless(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "input": [{**one, "text": "…"} for one in params["input"]]}


SENDING: Final[tuple[RuntimeMiniature, ...]] = (
    does(
        "turns-misnamed",
        "The turn that is returned is another one.",
        {"send_turn": _misnamed},
        "lifecycle.dispatch.accepted",
        "lifecycle.dispatch.shown",
        "lifecycle.dispatch.shown-early",
        "lifecycle.dispatch.completed",
        "lifecycle.dispatch.interrupted",
        "lifecycle.dispatch.failed",
        "lifecycle.dispatch.start-refused",
        "lifecycle.dispatch.again",
        "lifecycle.dispatch.will-retry",
        "lifecycle.dispatch.own-end",
        "lifecycle.dispatch.end-malformed",
        "lifecycle.dispatch.interrupt-early",
        "lifecycle.dispatch.interrupt-idle",
        "lifecycle.dispatch.steer",
        "lifecycle.dispatch.outbox",
        "lifecycle.dispatch.exit",
        "lifecycle.dispatch.stop",
        "lifecycle.kept.turn-id",
        "lifecycle.kept.usage",
        "lifecycle.kept.window",
        "lifecycle.import.beside-a-turn",
        "fail_closed.convex.not-accepted",
        "fail_closed.convex.not-claimed",
        "fail_closed.convex.accept-lost",
        "fail_closed.convex.ingest-lost",
        "fail_closed.convex.ingest-rejected",
        "fail_closed.convex.usage-fails",
        "fail_closed.convex.request-not-kept",
    ),
    calls(
        "accepts-afterwards",
        "Codex is given a turn before the deployment has heard of it.",
        _accepting_afterwards,
        "lifecycle.dispatch.accepted",
        "lifecycle.dispatch.accepted-first",
        "lifecycle.dispatch.end-malformed",
        "lifecycle.dispatch.outbox",
        "lifecycle.dispatch.exit",
        "fail_closed.convex.not-accepted",
        "fail_closed.convex.not-claimed",
    ),
    speaks(
        "adds-a-text",
        "Codex is given an empty text behind what the user says.",
        lambda: {"turn/start": with_params(_wordier)},
        "lifecycle.dispatch.asked",
    ),
    speaks(
        "turns-nameless",
        "Codex is told no name of a turn.",
        lambda: {"turn/start": with_params(_nameless)},
        "lifecycle.dispatch.named",
        "lifecycle.dispatch.completed",
        "lifecycle.dispatch.start-refused",
        "lifecycle.dispatch.again",
        "lifecycle.dispatch.will-retry",
        "lifecycle.dispatch.own-end",
        "lifecycle.dispatch.interrupt-idle",
        "lifecycle.dispatch.steer",
        "lifecycle.kept.turn-id",
        "lifecycle.kept.usage",
        "lifecycle.kept.window",
        "lifecycle.import.beside-a-turn",
        "fail_closed.convex.not-accepted",
        "fail_closed.convex.not-claimed",
        "fail_closed.convex.accept-lost",
        "fail_closed.convex.ingest-lost",
        "fail_closed.convex.ingest-fails",
        "fail_closed.convex.ingest-recovers",
        "fail_closed.convex.ingest-rejected",
        "fail_closed.convex.session-lost",
        "fail_closed.convex.usage-fails",
        "fail_closed.convex.request-not-kept",
    ),
    shows(
        "shows-codexs-turn",
        "The state shows Codex's id of the turn.",
        _named_by_codex,
        "lifecycle.dispatch.shown",
        "lifecycle.dispatch.shown-early",
        "lifecycle.dispatch.will-retry",
        "lifecycle.dispatch.own-end",
    ),
    built(
        "shows-late",
        "Until the turn is sent, the state shows Codex's id of it.",
        _named_late,
        "lifecycle.dispatch.shown-early",
    ),
    built(
        "sends-once",
        "A second turn is refused.",
        _sending_once,
        "lifecycle.dispatch.again",
        "fail_closed.turn.in-flight",
    ),
    does(
        "queues-turns",
        "A turn waits for the one that is in flight.",
        {"send_turn": _queued},
        "lifecycle.dispatch.one-slot",
        "fail_closed.turn.in-flight",
    ),
    built(
        "interrupts-later",
        "An interrupt while nothing runs ends the next turn.",
        _interrupting_later,
        "lifecycle.dispatch.interrupt-idle",
    ),
    built(
        "interrupts-the-named-only",
        "An interrupt before Codex has named the turn is forgotten.",
        _only_the_named,
        "lifecycle.dispatch.interrupt-early",
    ),
    speaks(
        "steers-speechless",
        "What is steered does not reach Codex.",
        lambda: {"turn/steer": with_params(_speechless)},
        "lifecycle.dispatch.steer",
    ),
    calls(
        "starts-untold",
        "The outbox does not hear that Codex has the turn.",
        lambda: {"markTurnDispatchStarted": skipped(told)},
        "lifecycle.dispatch.outbox",
    ),
    shows(
        "outbox-claimed",
        "The state always says that there is an outbox.",
        with_state(outbox=True),
        "lifecycle.dispatch.outbox-shown",
    ),
)
