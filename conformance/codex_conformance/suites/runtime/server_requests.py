"""Checks of the app-server's requests: kept while they wait, answered once, ended with their turn.

May import the trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require_equal
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Patch, Run, Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

COMMAND: Final = "item/commandExecution/requestApproval"
FILES: Final = "item/fileChange/requestApproval"

ASKING: Final = script(Run("echo hello", output="hello\n"), Say("done"))
"""The model runs a command, for which Codex asks."""

PATCHING: Final = script(
    Patch("*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch\n"), Say("done")
)
"""The model changes a file, for which Codex asks."""


async def asked(trial: Trial, method: str = COMMAND) -> Any:
    """Play a turn until Codex asks; give the request's id."""
    await trial.opened(asks=True)
    await trial.send()
    request = await trial.asked(method)
    await trial.until(
        lambda: trial.state.pending_server_request_count == 1, "one request in the state"
    )
    return request["id"]


async def _pending(trial: Trial, count: int) -> list[Any]:
    """Wait until so many requests wait durably; give them."""
    return await trial.durably(
        lambda: trial.talk().requests(),
        lambda found: len(found) == count,
        f"{count} server requests that wait durably",
    )


async def accept(trial: Trial, request: Any) -> None:
    """Let the command run."""
    await trial.within(trial.runtime.respond_command_approval(request, "accept"), "answering")


@check("lifecycle.server-request.kept", script=ASKING)
async def a_request_waits_durably(trial: Trial) -> None:
    """Has Codex ask, and looks at what waits."""
    request = await asked(trial)
    (row,) = await _pending(trial, 1)
    found = (row["requestId"], row["method"], row["status"])
    require_equal(found, (request, COMMAND, "pending"), "what waits:")


@check("lifecycle.server-request.counted", script=ASKING)
async def requests_are_counted(trial: Trial) -> None:
    """Has Codex ask, answers, and looks at the state each time."""
    request = await asked(trial)
    await accept(trial, request)
    require_equal(trial.state.pending_server_request_count, 0, "requests that wait:")


@check("lifecycle.server-request.answered", script=ASKING)
async def an_answer_reaches_codex(trial: Trial) -> None:
    """Has Codex ask, and answers."""
    request = await asked(trial)
    await _pending(trial, 1)
    await accept(trial, request)
    await _pending(trial, 0)
    answers = trial.tap.said("runtime", COMMAND, answers=True)
    expected = [{"id": request, "result": {"decision": "accept"}}]
    require_equal(answers, expected, "what Codex is answered:")
    await trial.at_rest()


@check("lifecycle.server-request.declined", script=ASKING)
async def a_command_is_declined(trial: Trial) -> None:
    """Has Codex ask, and declines."""
    request = await asked(trial)
    await _pending(trial, 1)
    await trial.within(trial.runtime.respond_command_approval(request, "decline"), "answering")
    await trial.at_rest()
    answers = trial.tap.said("runtime", COMMAND, answers=True)
    expected = [{"id": request, "result": {"decision": "decline"}}]
    require_equal(answers, expected, "what Codex is answered:")
    (ended,) = trial.tap.said("codex", "turn/completed")
    require_equal(at(ended, "params", "turn", "status"), "completed", "how the turn has ended:")


@check("lifecycle.server-request.files", script=PATCHING)
async def a_change_of_files_is_answered(trial: Trial) -> None:
    """Has Codex ask whether a file may be added, and answers."""
    request = await asked(trial, FILES)
    (row,) = await _pending(trial, 1)
    require_equal(row["method"], FILES, "what waits:")
    await trial.within(trial.runtime.respond_file_change_approval(request, "accept"), "answering")
    await _pending(trial, 0)
    answers = trial.tap.said("runtime", FILES, answers=True)
    expected = [{"id": request, "result": {"decision": "accept"}}]
    require_equal(answers, expected, "what Codex is answered:")
    await trial.at_rest()


@check("lifecycle.server-request.answered-first", script=ASKING)
async def codex_is_answered_first(trial: Trial) -> None:
    """Answers while the deployment keeps nobody's answer, and looks whether Codex has it."""
    request = await asked(trial)
    await _pending(trial, 1)
    held = trial.line.fault("held", "resolvePendingServerRequest")
    answering = trial.begin(accept(trial, request))
    try:
        await trial.until(
            lambda: bool(trial.tap.said("runtime", COMMAND, answers=True)), "the answer at Codex"
        )
    finally:
        trial.line.lift(held)
        await answering


@check("lifecycle.server-request.turn-ends", script=ASKING)
async def a_request_ends_with_its_turn(trial: Trial) -> None:
    """Interrupts a turn while Codex waits for an answer."""
    await asked(trial)
    await _pending(trial, 1)
    await trial.within(trial.runtime.interrupt(), "interrupting")
    await trial.at_rest()
    await trial.until(
        lambda: trial.state.pending_server_request_count == 0, "no request in the state"
    )
    await _pending(trial, 0)


@check("lifecycle.server-request.stop", script=ASKING)
async def a_request_ends_with_the_runtime(trial: Trial) -> None:
    """Stops while Codex waits for an answer."""
    await asked(trial)
    await _pending(trial, 1)
    await trial.stop()
    await _pending(trial, 0)


@check("lifecycle.server-request.retried", script=ASKING)
async def a_request_waits_for_its_turn(trial: Trial) -> None:
    """Has the deployment be slow to take in the turn of a request."""
    await trial.opened(asks=True)
    unknown = trial.line.fault("code", "upsertPendingServerRequest", code="E_TURN_NOT_FOUND")
    slow = trial.line.fault("held", "ingestBatch")
    await trial.send()
    request = await trial.asked(COMMAND)
    await trial.heard()
    trial.line.lift(unknown)
    trial.line.lift(slow)
    (row,) = await _pending(trial, 1)
    require_equal(row["requestId"], request["id"], "what waits:")
