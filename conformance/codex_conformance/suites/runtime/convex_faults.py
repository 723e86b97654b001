"""Checks of what a runtime makes of a deployment that cannot be reached, or refuses.

May import the trials and the expected codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.runtime_fail_closed import EXPECTED_CODES
from codex_conformance.suites.runtime.imports import OLD, WORDS, brought, stored
from codex_conformance.suites.runtime.turns import accepted
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require_equal
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.door import Capability
from codex_fakes.script.steps import Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

BINDING: Final = "syncOpenConversationBinding"
"""The endpoint that binds a conversation."""

_ONE_TURN: Final = script(Say("x"))


async def _cannot_open(trial: Trial, requirement: str, trouble: Any) -> None:
    """Have opening a thread be refused because of the deployment, and the runtime go on."""
    runtime = await trial.connected()
    trial.line.fault(trouble, BINDING)
    doing = runtime.open_thread("start", persisted_conversation_id=trial.conversation)
    await trial.refused(doing, *EXPECTED_CODES.get(requirement, ()))
    require_equal((trial.state.phase, trial.state.running), ("running", True), "it is")


@check("fail_closed.convex.unreachable")
async def no_thread_without_the_deployment(trial: Trial) -> None:
    """Opens a thread while nobody listens at the deployment."""
    await _cannot_open(trial, "fail_closed.convex.unreachable", "unreachable")


@check("fail_closed.convex.token-expired")
async def an_expired_token_is_told(trial: Trial) -> None:
    """Opens a thread with a token that the deployment believes no more."""
    await _cannot_open(trial, "fail_closed.convex.token-expired", "token")


@check("fail_closed.convex.endpoint-missing")
async def a_missing_endpoint_is_told(trial: Trial) -> None:
    """Opens a thread where the endpoint for that is missing."""
    await _cannot_open(trial, "fail_closed.convex.endpoint-missing", "missing")


@check("fail_closed.convex.no-deployment")
async def another_server_is_told(trial: Trial) -> None:
    """Opens a thread where something else than a deployment answers."""
    await _cannot_open(trial, "fail_closed.convex.no-deployment", "page")


@check("fail_closed.convex.answer-malformed")
async def a_malformed_answer_is_believed_by_nobody(trial: Trial) -> None:
    """Has the deployment answer something else than the contract's, and sends a turn."""
    runtime = await trial.connected()
    trial.line.fault("instead", BINDING, value=lambda _: {"other": True})
    doing = runtime.open_thread("start", persisted_conversation_id=trial.conversation)
    await trial.refused(doing, *EXPECTED_CODES["fail_closed.convex.answer-malformed"])
    await trial.refused(runtime.send_turn("hello"))
    require_equal(trial.line.called("acceptTurnSend"), [], "turns that are accepted:")


@check("fail_closed.convex.unreachable-then-there", script=_ONE_TURN)
async def a_thread_is_bound_when_the_deployment_is_there(trial: Trial) -> None:
    """Opens a thread while nobody listens at the deployment, and again when somebody does."""
    runtime = await trial.connected()
    fault = trial.line.fault("unreachable")
    doing = runtime.open_thread("start", persisted_conversation_id=trial.conversation)
    await trial.refused(doing)
    trial.line.lift(fault)
    await trial.granted(trial.open(), "opening a thread")
    await trial.play_turn()
    await trial.says(("user", "hello"), ("assistant", "x"))


async def _never_given(trial: Trial, trouble: Any, endpoint: str, **how: Any) -> str:
    """Have sending a turn be refused because of the deployment, and the next one go on."""
    await trial.opened()
    fault = trial.line.fault(trouble, endpoint, **how)
    await trial.refused(trial.runtime.send_turn("never"))
    require_equal(trial.tap.said("runtime", "turn/start"), [], "turns that Codex is given:")
    require_equal(trial.state.turn_in_flight, False, "whether a turn is in flight:")
    trial.line.lift(fault)
    turn = await trial.play_turn()
    await trial.turn_ends(turn, "completed")
    return accepted(trial)


@check("fail_closed.convex.not-accepted", script=_ONE_TURN)
async def a_turn_that_is_not_accepted_is_not_given(trial: Trial) -> None:
    """Has the deployment refuse to accept a turn."""
    await _never_given(trial, "code", "acceptTurnSend", code="E_THREAD_NOT_FOUND")
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("fail_closed.convex.not-claimed", HostCapability.EXTENDED, script=_ONE_TURN)
async def a_turn_that_is_not_claimed_is_not_given(trial: Trial) -> None:
    """Has the deployment be out of reach when a turn that it has accepted is claimed."""
    turn = await _never_given(trial, "unreachable", "claimTurnDispatch")
    await trial.turn_ends(turn, "failed")


@check("fail_closed.convex.busy", script=_ONE_TURN)
async def a_busy_deployment_is_asked_again(trial: Trial) -> None:
    """Has the deployment refuse everything once because it is busy."""
    await trial.connected()
    trial.line.fault("busy", BINDING, times=1)
    await trial.granted(trial.open(), "opening a thread")
    trial.line.fault("busy", "acceptTurnSend", times=1)
    trial.line.fault("busy", "ingestBatch", times=1)
    await trial.granted(trial.send(), "sending a turn")
    await trial.at_rest()
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("fail_closed.convex.accept-lost", script=_ONE_TURN)
async def a_lost_acceptance_is_one_turn(trial: Trial) -> None:
    """Loses the deployment's answer that a turn was accepted."""
    await trial.opened()
    trial.line.fault("lost", "acceptTurnSend", times=1)
    turn = await trial.granted(trial.send(), "sending a turn")
    await trial.at_rest()
    await trial.turn_ends(turn, "completed")
    await trial.says(("user", "hello"), ("assistant", "x"))
    require_equal(len(trial.tap.said("runtime", "turn/start")), 1, "turns that Codex is given:")
    turns = (await trial.talk().snapshot()).get("turns", [])
    require_equal([row["turnId"] for row in turns], [turn], "durable turns:")


@check("fail_closed.convex.import-fails", Capability.RESTART, script=OLD)
async def an_import_that_is_broken_off_is_told(trial: Trial) -> None:
    """Has the deployment refuse a part of what is to be imported, and then take it."""
    thread = await stored(trial)
    runtime = await trial.connected()
    trial.guest.conversations.append(trial.conversation)
    fault = trial.line.fault(
        "code", "appendConversationSyncSourceChunk", code="E_SYNC_SOURCE_NOT_FOUND"
    )
    doing = runtime.import_local_thread_to_persistence(thread, conversation_id=trial.conversation)
    await trial.refused(doing, "E_SYNC_SOURCE_NOT_FOUND")
    trial.line.lift(fault)
    await brought(trial, thread)
    await trial.says(*WORDS)


@check("fail_closed.convex.import-not-verified", Capability.RESTART, script=OLD)
async def an_import_that_is_not_verified_is_not_synced(trial: Trial) -> None:
    """Has the deployment say that it could not find every message."""
    thread = await stored(trial)
    await trial.connected()
    failed = {"state": "failed", "lastErrorCode": "E_SYNC_VERIFY_TIMEOUT"}
    trial.line.fault(
        "altered", "getConversationSyncJob", value=lambda job: job and {**job, **failed}
    )
    result = await brought(trial, thread)
    found = (result.sync_job_state, result.sync_state)
    require_equal(found, ("failed", "partial"), "how it ended:")
