"""Checks of what a runtime refuses its caller.

May import the trials and the expected codes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.runtime_fail_closed import EXPECTED_CODES
from codex_conformance.suites.runtime.identities import SOME_THREAD
from codex_conformance.suites.runtime.server_requests import ASKING, COMMAND, accept, asked
from codex_conformance.suites.runtime.turns import GATED, HeldStart
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require_equal
from codex_fakes.script.steps import Say, script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_conformance.suites.runtime.trial import Trial
    from codex_conformance.targets.runtimes import HostRuntime

_OPENING: Final = ("thread/start", "thread/resume", "thread/fork")

_OPENS: Final[tuple[Callable[[HostRuntime, str], Awaitable[Any]], ...]] = (
    lambda runtime, _: runtime.open_thread(),
    lambda runtime, thread: runtime.resume_thread(thread),
    lambda runtime, thread: runtime.fork_thread(thread),
)
_CHANGES: Final[tuple[Callable[[HostRuntime, str], Awaitable[Any]], ...]] = (
    lambda runtime, thread: runtime.archive_thread(thread),
    lambda runtime, thread: runtime.unarchive_thread(thread),
    lambda runtime, thread: runtime.set_thread_name(thread, "a name"),
    lambda runtime, thread: runtime.compact_thread(thread),
    lambda runtime, thread: runtime.rollback_thread(thread, 1),
)
_READS: Final[tuple[Callable[[HostRuntime, str], Awaitable[Any]], ...]] = (
    lambda runtime, thread: runtime.read_thread(thread),
    lambda runtime, _: runtime.list_threads(),
)


async def _refuses(trial: Trial, requirement: str, *doings: Callable[[], Awaitable[Any]]) -> None:
    """Have everything be refused, with the codes that the catalogue has for the requirement."""
    for do in doings:
        await trial.refused(do(), *EXPECTED_CODES.get(requirement, ()))


def _all(
    doings: tuple[Callable[[HostRuntime, str], Awaitable[Any]], ...], trial: Trial, thread: str
) -> list[Callable[[], Awaitable[Any]]]:
    """What is done with a thread, to be done one after the other."""
    return [partial(do, trial.runtime, thread) for do in doings]


def _methods(trial: Trial) -> list[str | None]:
    """What the runtime has asked of Codex."""
    return [one.method for one in trial.tap.spoken if one.side == "runtime" and not one.answers]


@check("fail_closed.unconnected.threads")
async def threads_need_a_connection(trial: Trial) -> None:
    """Tries everything about threads without having connected."""
    await trial.make()
    doings = _all((*_OPENS, *_CHANGES, *_READS), trial, SOME_THREAD)
    await _refuses(trial, "fail_closed.unconnected.threads", *doings)


@check("fail_closed.unconnected.turns")
async def turns_need_a_connection(trial: Trial) -> None:
    """Sends and steers without having connected."""
    runtime = await trial.make()
    doings = (partial(runtime.send_turn, "hello"), partial(runtime.steer_turn, "more"))
    await _refuses(trial, "fail_closed.unconnected.turns", *doings)


@check("fail_closed.unconnected.answers")
async def answers_need_a_connection(trial: Trial) -> None:
    """Answers without having connected."""
    runtime = await trial.make()
    doings = (
        partial(runtime.respond_command_approval, 0, "accept"),
        partial(runtime.respond_file_change_approval, 0, "accept"),
    )
    await _refuses(trial, "fail_closed.unconnected.answers", *doings)


@check("fail_closed.unconnected.import")
async def imports_need_a_connection(trial: Trial) -> None:
    """Imports without having connected."""
    runtime = await trial.make()
    doing = partial(runtime.import_local_thread_to_persistence, SOME_THREAD)
    await _refuses(trial, "fail_closed.unconnected.import", doing)


@check("fail_closed.unconnected.interrupt")
async def an_unconnected_interrupt_does_nothing(trial: Trial) -> None:
    """Interrupts without having connected."""
    runtime = await trial.make()
    before = trial.state
    await trial.granted(runtime.interrupt(), "interrupting")
    require_equal((trial.state.phase, trial.state.last_error), (before.phase, None), "it is")


@check("fail_closed.unconnected.after-stop")
async def a_stopped_runtime_is_not_connected(trial: Trial) -> None:
    """Opens a thread, stops, and goes on."""
    thread = await trial.opened()
    await trial.stop()
    doings = _all((*_OPENS, *_CHANGES, *_READS), trial, thread)
    send = partial(trial.runtime.send_turn, "hello")
    await _refuses(trial, "fail_closed.unconnected.after-stop", *doings, send)


@check("fail_closed.locked.open", script=GATED)
async def no_other_thread_is_opened_during_a_turn(trial: Trial) -> None:
    """Tries to open threads in every way while a turn is in flight."""
    thread = await trial.opened()
    await trial.running_turn()
    asked_before = len(_methods(trial))
    doings = _all(_OPENS, trial, thread)
    await _refuses(trial, "fail_closed.locked.open", *doings)
    require_equal(_methods(trial)[asked_before:], [], "what Codex is asked meanwhile:")
    require_equal(trial.state.runtime_conversation_id, thread, "the thread that is open:")


@check("fail_closed.locked.change", script=GATED)
async def no_thread_is_changed_during_a_turn(trial: Trial) -> None:
    """Tries to change the open thread in every way while a turn is in flight."""
    thread = await trial.opened()
    await trial.running_turn()
    asked_before = len(_methods(trial))
    doings = _all(_CHANGES, trial, thread)
    await _refuses(trial, "fail_closed.locked.change", *doings)
    require_equal(_methods(trial)[asked_before:], [], "what Codex is asked meanwhile:")


@check("fail_closed.locked.read", script=GATED)
async def threads_are_read_during_a_turn(trial: Trial) -> None:
    """Reads and lists threads while a turn is in flight."""
    thread = await trial.opened()
    await trial.running_turn()
    read = await trial.granted(trial.runtime.read_thread(thread), "reading a thread")
    require_equal(read.thread.id, thread, "the thread that is read:")
    await trial.granted(trial.runtime.list_threads(), "listing threads")


@check("fail_closed.thread.unnamed")
async def an_old_thread_has_to_be_named(trial: Trial) -> None:
    """Resumes and forks without saying which thread."""
    runtime = await trial.connected()
    for strategy in ("resume", "fork"):
        for named in (None, "  "):
            doing = partial(runtime.open_thread, strategy, conversation_id=named)
            await _refuses(trial, "fail_closed.thread.unnamed", doing)


@check("fail_closed.thread.no-uuid")
async def an_old_thread_has_a_uuid(trial: Trial) -> None:
    """Resumes and forks a thread whose id is no UUID."""
    runtime = await trial.connected()
    await _refuses(
        trial,
        "fail_closed.thread.no-uuid",
        partial(runtime.resume_thread, "my thread"),
        partial(runtime.fork_thread, "my thread"),
    )
    found = [name for name in _methods(trial) if name in _OPENING]
    require_equal(found, [], "what Codex is asked:")


@check("fail_closed.thread.unknown")
async def an_old_thread_is_known_to_codex(trial: Trial) -> None:
    """Resumes a thread that Codex does not know."""
    runtime = await trial.connected()
    await _refuses(trial, "fail_closed.thread.unknown", partial(runtime.resume_thread, SOME_THREAD))
    require_equal(trial.state.runtime_conversation_id, None, "the thread that is open:")


@check("fail_closed.turn.no-thread")
async def a_turn_needs_a_thread(trial: Trial) -> None:
    """Sends a turn before a thread is open."""
    runtime = await trial.connected()
    await _refuses(trial, "fail_closed.turn.no-thread", partial(runtime.send_turn, "hello"))


@check("fail_closed.turn.in-flight", script=GATED)
async def a_turn_waits_for_no_other(trial: Trial) -> None:
    """Sends a turn while another is in flight."""
    await trial.opened()
    await trial.running_turn()
    await _refuses(trial, "fail_closed.turn.in-flight", partial(trial.runtime.send_turn, "two"))
    trial.open_gate("g")
    await trial.at_rest()
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("fail_closed.steer.no-turn", script=script(Say("x")))
async def steering_needs_a_turn(trial: Trial) -> None:
    """Steers before a turn, and behind one."""
    await trial.opened()
    await _refuses(trial, "fail_closed.steer.no-turn", partial(trial.runtime.steer_turn, "more"))
    await trial.play_turn()
    await _refuses(trial, "fail_closed.steer.no-turn", partial(trial.runtime.steer_turn, "more"))


@check("fail_closed.steer.other-turn", script=GATED)
async def steering_is_meant_for_the_turn_in_flight(trial: Trial) -> None:
    """Steers another turn than the one in flight."""
    await trial.opened()
    await trial.running_turn()
    doing = partial(trial.runtime.steer_turn, "more", expected_turn_id="another")
    await _refuses(trial, "fail_closed.steer.other-turn", doing)
    require_equal(trial.tap.said("runtime", "turn/steer"), [], "what Codex is told:")


@check("fail_closed.steer.unnamed", script=GATED)
async def steering_needs_the_turns_name(trial: Trial) -> None:
    """Steers before Codex has named the turn."""
    await trial.opened()
    held = HeldStart(trial, told=False)
    sending = trial.begin(trial.send())
    try:
        await held.wait()
        await trial.until(lambda: trial.state.turn_in_flight, "a turn in flight")
        await _refuses(
            trial, "fail_closed.steer.unnamed", partial(trial.runtime.steer_turn, "more")
        )
    finally:
        held.release()
        await sending


@check("fail_closed.answer.unknown", script=ASKING)
async def only_a_request_that_waits_is_answered(trial: Trial) -> None:
    """Answers a request that never was, while another one waits."""
    request = await asked(trial)
    other = str(request) if isinstance(request, int) else 4_711
    doing = partial(trial.runtime.respond_command_approval, other, "accept")
    await _refuses(trial, "fail_closed.answer.unknown", doing)
    await trial.heard()
    require_equal(trial.tap.said("runtime", answers=True), [], "what Codex is answered:")


@check("fail_closed.answer.twice", script=ASKING)
async def a_request_is_answered_once(trial: Trial) -> None:
    """Answers a request twice."""
    request = await asked(trial)
    await accept(trial, request)
    doing = partial(trial.runtime.respond_command_approval, request, "decline")
    await _refuses(trial, "fail_closed.answer.twice", doing)
    await trial.at_rest()
    answers = trial.tap.said("runtime", COMMAND, answers=True)
    require_equal(len(answers), 1, "answers that Codex has:")


@check("fail_closed.answer.other-kind", script=ASKING)
async def a_request_is_answered_as_what_it_is(trial: Trial) -> None:
    """Answers a command's request as one about files, then as what it is."""
    request = await asked(trial)
    doing = partial(trial.runtime.respond_file_change_approval, request, "accept")
    await _refuses(trial, "fail_closed.answer.other-kind", doing)
    await trial.granted(trial.runtime.respond_command_approval(request, "accept"), "answering")


@check("fail_closed.import.unnamed")
async def an_import_has_to_be_named(trial: Trial) -> None:
    """Imports without saying which thread."""
    runtime = await trial.connected()
    doing = partial(runtime.import_local_thread_to_persistence, "  ")
    await _refuses(trial, "fail_closed.import.unnamed", doing)


@check("fail_closed.import.no-uuid")
async def an_imported_thread_has_a_uuid(trial: Trial) -> None:
    """Imports a thread whose id is no UUID."""
    runtime = await trial.connected()
    doing = partial(runtime.import_local_thread_to_persistence, "my thread")
    await _refuses(trial, "fail_closed.import.no-uuid", doing)
    require_equal(trial.line.calls, [], "what the deployment hears:")


@check("fail_closed.import.unreadable")
async def an_imported_thread_can_be_read(trial: Trial) -> None:
    """Imports a thread that Codex does not know."""
    runtime = await trial.connected()
    doing = partial(runtime.import_local_thread_to_persistence, SOME_THREAD)
    await _refuses(trial, "fail_closed.import.unreadable", doing)
    require_equal(trial.line.calls, [], "what the deployment hears:")


@check("fail_closed.import.nowhere", script=script(Say("x")))
async def nothing_is_imported_nowhere(trial: Trial) -> None:
    """Imports a thread where nothing is kept."""
    thread = await trial.opened(durable=False)
    await trial.play_turn()
    doing = partial(trial.runtime.import_local_thread_to_persistence, thread)
    await _refuses(trial, "fail_closed.import.nowhere", doing)
