"""Checks of what a runtime makes of an app-server that refuses, hangs, ends or talks nonsense.

May import the trials and the expected codes.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.runtime_fail_closed import EXPECTED_CODES
from codex_conformance.suites.runtime.identities import SOME_THREAD
from codex_conformance.suites.runtime.keeping import deltas
from codex_conformance.suites.runtime.phases import GARBAGE
from codex_conformance.suites.runtime.server_requests import COMMAND
from codex_conformance.suites.runtime.turns import GATED, STREAMING, accepted
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Say, script
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codex_conformance.suites.runtime.trial import Trial
    from codex_conformance.wire.messages import Message

_SOON: Final = 1.0
"""Seconds after which an answer counts as not coming, where the rule is that it never comes."""

_FLOOD: Final = 1_000
"""Deltas of a flood."""

_NO_MESSAGES: Final = (GARBAGE, b"[]", b'{"method":5}', b'{"id":1,"result":', b"\xff\xfe")
"""Lines that are no message."""


def _nothing(_message: Message) -> tuple[()]:
    return ()


async def _cannot_connect(trial: Trial, requirement: str) -> None:
    """Have connecting be refused, and nothing be left running."""
    await trial.refused(trial.runtime.connect(actor=None), *EXPECTED_CODES.get(requirement, ()))
    shown = (trial.state.phase, trial.state.running)
    require_equal(shown, ("error", False), "phase, and whether anything runs:")


@check("fail_closed.codex.start-refused")
async def a_refused_start_is_told(trial: Trial) -> None:
    """Has the app-server refuse initialize."""
    await trial.make()

    def refusal(message: Message) -> tuple[Message]:
        return ({"id": message["id"], "error": {"code": -32600, "message": "not you"}},)

    trial.tap.rule("codex", "initialize", refusal, answers=True)
    await _cannot_connect(trial, "fail_closed.codex.start-refused")


@check("fail_closed.codex.start-ends")
async def an_early_end_is_told(trial: Trial) -> None:
    """Has the app-server end instead of answering initialize."""
    await trial.make()

    def end(_message: Message) -> tuple[()]:
        trial.tap.line.break_off(1)
        return ()

    trial.tap.rule("runtime", "initialize", end)
    await _cannot_connect(trial, "fail_closed.codex.start-ends")


@check("fail_closed.codex.start-hangs")
async def a_start_without_an_answer_is_given_up(trial: Trial) -> None:
    """Has the app-server never answer initialize."""
    await trial.make(start_seconds=_SOON)
    trial.tap.rule("runtime", "initialize", _nothing)
    await _cannot_connect(trial, "fail_closed.codex.start-hangs")


@check("fail_closed.codex.other-version")
async def another_version_is_refused(trial: Trial) -> None:
    """Has the app-server say that it is of another version."""
    await trial.make()

    def older(message: Message) -> tuple[Message]:
        named, _, rest = str(at(message, "result", "userAgent")).partition("/")
        told = f"{named}/0.1.0 {rest.partition(' ')[2]}"
        return ({**message, "result": {**message["result"], "userAgent": told}},)

    trial.tap.rule("codex", "initialize", older, answers=True)
    await _cannot_connect(trial, "fail_closed.codex.other-version")


@check("fail_closed.codex.refuses")
async def a_refusal_of_codex_is_told(trial: Trial) -> None:
    """Has Codex refuse to name a thread that it does not know."""
    runtime = await trial.connected()
    refused = await trial.refused(runtime.set_thread_name(SOME_THREAD, "a name"))
    told = at(trial.tap.said("codex", "thread/name/set", answers=True)[0], "error", "message")
    require(str(told) in str(refused), f"what Codex says: {told}", refused)
    require_equal(trial.state.phase, "running", "the phase:")


@asynccontextmanager
async def _waiting(trial: Trial, requirement: str) -> AsyncIterator[None]:
    """Wait for an answer that never comes, while something else is done; it must be refused."""
    trial.tap.rule("runtime", "account/read", _nothing)
    reading = trial.begin(trial.runtime.read_account())
    await trial.until(lambda: bool(trial.tap.said("runtime", "account/read")), "account/read")
    yield
    await trial.refused(reading, *EXPECTED_CODES[requirement])


@check("fail_closed.codex.ends-unasked")
async def whoever_waits_is_told_of_the_end(trial: Trial) -> None:
    """Has the app-server end while an answer is waited for."""
    await trial.connected()
    async with _waiting(trial, "fail_closed.codex.ends-unasked"):
        trial.tap.line.break_off(3)


@check("fail_closed.codex.stop-waiting")
async def whoever_waits_is_told_of_the_stop(trial: Trial) -> None:
    """Stops while an answer is waited for."""
    await trial.connected()
    async with _waiting(trial, "fail_closed.codex.stop-waiting"):
        await trial.stop()


@check("fail_closed.codex.never-answers")
async def an_answer_that_never_comes_is_given_up(trial: Trial) -> None:
    """Has Codex never answer, and asks something else behind it."""
    await trial.connected(request_seconds=_SOON)
    async with _waiting(trial, "fail_closed.codex.never-answers"):
        pass
    await trial.granted(trial.runtime.list_threads(), "listing threads")


@check("fail_closed.codex.start-unanswered", script=script(Say("x")))
async def a_turn_whose_start_is_unanswered_ends(trial: Trial) -> None:
    """Has Codex never answer the start of a turn, and never run it; then stops."""
    await trial.opened()
    trial.tap.rule("runtime", "turn/start", _nothing)
    trial.begin(trial.send())
    await trial.until(lambda: bool(trial.tap.said("runtime", "turn/start")), "turn/start")
    await trial.granted(trial.runtime.stop(), "stopping")
    await trial.turn_ends(accepted(trial), "failed", "interrupted")
    require_equal(len(trial.tap.said("runtime", "turn/start")), 1, "starts that Codex was sent:")


@check("fail_closed.codex.answer-malformed")
async def a_malformed_answer_is_told(trial: Trial) -> None:
    """Has Codex answer that a thread was opened, without saying which."""
    runtime = await trial.connected()

    def other(message: Message) -> tuple[Message]:
        return ({**message, "result": {"thread": 5}},)

    trial.tap.rule("codex", "thread/start", other, answers=True)
    codes = EXPECTED_CODES["fail_closed.codex.answer-malformed"]
    await trial.refused(runtime.open_thread(), *codes)
    require_equal(trial.state.runtime_conversation_id, None, "the thread that is open:")


async def _goes_on(trial: Trial, *lines: Message | bytes) -> None:
    """Have the runtime hear something during a turn, and everything else be kept as ever."""
    trial.tap.line.say(*lines)
    await trial.heard()
    trial.open_gate("g")
    await trial.at_rest()
    await trial.says(("user", "hello"), ("assistant", "x"))
    require_equal(trial.state.phase, "running", "the phase:")


@check("fail_closed.codex.stray-answers", script=GATED)
async def stray_answers_are_ignored(trial: Trial) -> None:
    """Has Codex answer what nobody asked, and once more what it has answered before."""
    await trial.opened()
    await trial.running_turn()
    again = trial.tap.said("codex", "thread/start", answers=True)[0]
    await _goes_on(trial, {"id": 4_711, "result": {}}, {"id": "other", "result": {}}, again)


@check("fail_closed.codex.garbage", script=GATED)
async def garbage_is_reported(trial: Trial) -> None:
    """Has the app-server write lines that are no messages in the middle of a turn."""
    await trial.opened()
    await trial.running_turn()
    await _goes_on(trial, *_NO_MESSAGES)
    # Bytes that are no text cannot be shown as they are; that there was something can.
    require(len(trial.reports) >= len(_NO_MESSAGES), "a report of each", trial.reports)


@check("fail_closed.codex.unknown-notification", script=GATED)
async def unknown_notifications_harm_nothing(trial: Trial) -> None:
    """Has Codex tell of something that nobody knows, in the thread and beside it."""
    thread = await trial.opened()
    await trial.running_turn()
    where = {"threadId": thread, "turnId": await trial.turn_of_codex()}
    await _goes_on(
        trial,
        {"method": "thread/somethingNew", "params": where},
        {"method": "somethingNew", "params": {"x": 1}},
        {"method": "somethingElse"},
    )


@check("fail_closed.codex.unknown-request", script=GATED)
async def unknown_requests_are_refused(trial: Trial) -> None:
    """Has Codex ask something that nobody knows, in the thread and beside it."""
    thread = await trial.opened()
    await trial.running_turn()
    where = {"threadId": thread, "turnId": await trial.turn_of_codex()}
    # Codex has not asked, and is not to be answered.
    trial.tap.rule("runtime", "something/new", _nothing, answers=True)
    asked = [
        {"id": "new-1", "method": "something/new", "params": where},
        {"id": "new-2", "method": "something/new", "params": {}},
    ]
    await _goes_on(trial, *asked)
    await trial.until(
        lambda: len(trial.tap.said("runtime", "something/new", answers=True)) == len(asked),
        "an answer to each",
    )
    for answer in trial.tap.said("runtime", "something/new", answers=True):
        require("error" in answer, "an error", answer)


@check("fail_closed.codex.request-malformed", script=GATED)
async def malformed_requests_are_reported(trial: Trial) -> None:
    """Has Codex ask whether a command may run, without saying in which turn."""
    thread = await trial.opened()
    await trial.running_turn()
    trial.tap.rule("runtime", COMMAND, _nothing, answers=True)
    await _goes_on(trial, {"id": "bad", "method": COMMAND, "params": {"threadId": thread}})
    refused = [one for one in trial.tap.said("runtime", COMMAND, answers=True) if "error" in one]
    require(bool(refused or trial.reports), "a report, or a refusal", "neither")


@check(
    "fail_closed.codex.flood",
    script=script((Say(tuple(f"{n} " for n in range(_FLOOD))),)),
)
async def a_flood_is_kept(trial: Trial) -> None:
    """Has the model write a thousand deltas at once."""
    await trial.opened()
    await trial.play_turn()
    expected = "".join(f"{n} " for n in range(_FLOOD))
    streamed = "".join(
        str(at(json.loads(one["payloadJson"]), "params", "delta"))
        for one in deltas(trial)
        if one["kind"] == "item/agentMessage/delta"
    )
    require_equal(len(streamed), len(expected), "characters that were streamed:")
    require(streamed == expected, "the words in their order", streamed[:200])
    await trial.says(("user", "hello"), ("assistant", expected))


@check("fail_closed.codex.ends-midway", script=STREAMING)
async def what_was_said_before_the_end_is_kept(trial: Trial) -> None:
    """Has the app-server end in the middle of the model's answer."""
    await trial.opened()
    await trial.send()
    await trial.until(
        lambda: len(trial.tap.said("codex", "item/agentMessage/delta")) >= len("ab"),
        "the beginning of the answer",
    )
    trial.tap.line.break_off(9)

    async def words() -> list[tuple[str, str]]:
        return [(role, text) for role, text, _ in await trial.texts()]

    expected = [("user", "hello"), ("assistant", "ab")]
    await trial.durably(words, lambda found: found == expected, f"a conversation of {expected}")


@check("fail_closed.codex.stop-hanging", script=STREAMING)
async def a_runtime_with_a_hanging_app_server_stops(trial: Trial) -> None:
    """Has the app-server hang in the middle of a turn, and stops."""
    await trial.opened()
    await trial.running_turn()
    trial.tap.line.hang()
    stopping: Any = trial.runtime.stop()
    try:
        await trial.within(stopping, "stopping")
    except CodexRuntimeError as error:
        # It may say what it could not do.
        require(bool(error.code), "a code", error)
    require_equal((trial.state.phase, trial.state.running), ("stopped", False), "it is")
