"""Checks of what becomes of Codex's words where the deployment cannot, or will not, keep them.

May import the trials.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.runtime_fail_closed import EXPECTED_CODES
from codex_conformance.suites.runtime.keeping import deltas
from codex_conformance.suites.runtime.server_requests import ASKING, COMMAND, accept
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require, require_equal
from codex_fakes.script.steps import Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

INGEST: Final = "ingestBatch"
"""The endpoint that takes events."""

_ONE_TURN: Final = script(Say("x"))
_FAILED: Final = EXPECTED_CODES["fail_closed.convex.ingest-fails"]


async def _unkept(trial: Trial) -> Any:
    """Play a turn while the deployment takes no events; give the fault that makes it so."""
    await trial.opened()
    fault = trial.line.fault("unreachable", INGEST)
    await trial.send()
    await trial.until(lambda: bool(trial.tap.said("codex", "turn/completed")), "turn/completed")
    await trial.until(lambda: not trial.state.turn_in_flight, "that the turn is over")
    await trial.until(lambda: bool(trial.reports), "a report of what cannot be kept")
    return fault


@check("fail_closed.convex.ingest-fails", script=_ONE_TURN)
async def what_cannot_be_kept_is_reported(trial: Trial) -> None:
    """Plays a turn while the deployment takes no events."""
    await _unkept(trial)
    await trial.until(lambda: trial.state.last_error_code in _FAILED, f"{_FAILED} in the state")


@check("fail_closed.convex.ingest-recovers", script=_ONE_TURN)
async def what_could_not_be_kept_is_kept_later(trial: Trial) -> None:
    """Plays a turn while the deployment takes no events, and lets it take them afterwards."""
    fault = await _unkept(trial)
    trial.line.lift(fault)
    await trial.at_rest()
    await trial.says(("user", "hello"), ("assistant", "x"))
    await trial.until(lambda: trial.state.last_error is None, "no error in the state")


@check("fail_closed.convex.ingest-lost", script=_ONE_TURN)
async def a_lost_acknowledgement_doubles_nothing(trial: Trial) -> None:
    """Loses the acknowledgement of two batches."""
    await trial.opened()
    trial.line.fault("lost", INGEST, times=2)
    turn = await trial.play_turn()
    await trial.says(("user", "hello"), ("assistant", "x"))
    await trial.turn_ends(turn, "completed")
    events: dict[tuple[str, float], str] = {}
    for one in deltas(trial):
        place = (one["streamId"], one["cursorStart"])
        same = events.setdefault(place, one["eventId"])
        require_equal(one["eventId"], same, f"the event at {place}, delivered again:")


def _rejected(*, recoverable: bool) -> dict[str, Any]:
    code = "SESSION_NOT_FOUND" if recoverable else "REPLAY_GAP"
    error = {"code": code, "message": f"[{code}] by the suite", "recoverable": recoverable}
    return {
        "status": "rejected",
        "ingestStatus": "partial",
        "ackedStreams": [],
        "errors": [error],
    }


@check("fail_closed.convex.ingest-rejected", script=script((Say("x"), Say("y"))))
async def a_rejected_event_is_reported_alone(trial: Trial) -> None:
    """Has the deployment reject every batch with a certain event in it."""
    await trial.opened()

    def is_it(args: dict[str, Any]) -> bool:
        payloads = [json.loads(one["payloadJson"]) for one in args["deltas"]]
        items = [payload.get("params", {}).get("item") or {} for payload in payloads]
        return any(item.get("text") == "x" for item in items)

    trial.line.fault("instead", INGEST, picks=is_it, value=lambda _: _rejected(recoverable=False))
    turn = await trial.play_turn()
    await trial.turn_ends(turn, "completed")
    require(bool(trial.reports), "a report", "none")
    kept = [(role, text) for role, text, _ in await trial.texts()]
    for expected in (("user", "hello"), ("assistant", "y")):
        require(expected in kept, f"{expected} kept", kept)


@check("fail_closed.convex.session-lost", script=_ONE_TURN)
async def a_lost_session_is_replaced(trial: Trial) -> None:
    """Has the deployment not know the session that delivers."""
    await trial.opened()
    first = trial.line.called("ensureSession")[-1].args["sessionId"]
    trial.line.fault(
        "instead",
        INGEST,
        picks=lambda args: args["sessionId"] == first,
        value=lambda _: _rejected(recoverable=True),
    )
    await trial.play_turn()
    await trial.says(("user", "hello"), ("assistant", "x"))
    require_equal(trial.state.last_error, None, "the error in the state:")


@check("fail_closed.convex.usage-fails", script=_ONE_TURN)
async def tokens_that_are_not_kept_harm_nothing(trial: Trial) -> None:
    """Has the deployment refuse to keep tokens."""
    await trial.opened()
    trial.line.fault("code", "upsertTokenUsage", code="E_TURN_NOT_FOUND")
    turn = await trial.play_turn()
    await trial.until(lambda: bool(trial.reports), "a report")
    await trial.turn_ends(turn, "completed")
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("fail_closed.convex.request-not-kept", script=ASKING)
async def a_request_that_is_not_kept_is_answered(trial: Trial) -> None:
    """Has the deployment refuse to keep a request, and answers it."""
    await trial.connected()
    trial.line.fault("code", "upsertPendingServerRequest", code="E_THREAD_NOT_FOUND")
    await trial.open(asks=True)
    turn = await trial.send()
    request = await trial.asked(COMMAND)
    await trial.until(lambda: trial.state.pending_server_request_count == 1, "the request")
    await trial.until(lambda: bool(trial.reports), "a report")
    await trial.granted(accept(trial, request["id"]), "answering")
    await trial.at_rest()
    await trial.turn_ends(turn, "completed")


@check("fail_closed.convex.stop-unkept", script=_ONE_TURN)
async def a_stop_says_what_is_not_kept(trial: Trial) -> None:
    """Stops while the deployment takes no events."""
    await _unkept(trial)
    codes = EXPECTED_CODES["fail_closed.convex.stop-unkept"]
    await trial.refused(trial.runtime.stop(), *codes)
    require_equal((trial.state.phase, trial.state.running), ("stopped", False), "it is")


@check("fail_closed.convex.stop-hanging", script=_ONE_TURN)
async def a_stop_waits_for_what_is_being_kept(trial: Trial) -> None:
    """Stops while the deployment is slow to acknowledge."""
    # Nothing is delivered before the turn's end, so that everything is in the batch that is slow.
    await trial.opened(flush_ms=60_000)
    held = trial.line.fault("held", INGEST)
    await trial.send()
    await trial.until(lambda: bool(trial.tap.said("codex", "turn/completed")), "turn/completed")
    await trial.until(lambda: not trial.state.turn_in_flight, "that the turn is over")
    await trial.until(lambda: bool(trial.line.called(INGEST)), "a batch")
    stopping = trial.begin(trial.stop())
    await trial.phase("stopping")
    trial.line.lift(held)
    await stopping
    await trial.says(("user", "hello"), ("assistant", "x"))
