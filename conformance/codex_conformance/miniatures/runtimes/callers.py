"""Miniatures that grant their caller what is to be refused.

May import what alters runtimes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.runtimes.altering import RuntimeMiniature, does
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.miniatures.runtimes.altering import Method, Methods
    from codex_conformance.targets.runtimes import HostRuntime

_THREADS: Final = (
    "open_thread",
    "resume_thread",
    "fork_thread",
    "archive_thread",
    "unarchive_thread",
    "set_thread_name",
    "compact_thread",
    "rollback_thread",
)
_READS: Final = ("read_thread", "list_threads")
_OTHERS: Final = (
    "send_turn",
    "steer_turn",
    "interrupt",
    "respond_command_approval",
    "respond_file_change_approval",
    "import_local_thread_to_persistence",
)


def _each(names: tuple[str, ...], make: Callable[[str], Method]) -> Methods:
    return {name: make(name) for name in names}


def _connecting(name: str) -> Method:
    async def do(inner: HostRuntime, *args: Any, **how: Any) -> Any:
        if inner.get_state().phase in ("idle", "stopped"):
            await inner.connect(actor=None)
        return await getattr(inner, name)(*args, **how)

    return do


async def _free(inner: HostRuntime) -> None:
    """Wait until no turn is in flight."""
    free = asyncio.Event()

    def look(state: Any) -> None:
        if not state.turn_in_flight:
            free.set()

    unsubscribe = inner.subscribe_lifecycle(look)
    await free.wait()
    unsubscribe()


def _making_way(name: str) -> Method:
    async def do(inner: HostRuntime, *args: Any, **how: Any) -> Any:
        if inner.get_state().turn_in_flight:
            await inner.interrupt()
        await _free(inner)
        return await getattr(inner, name)(*args, **how)

    return do


def _locked(name: str) -> Method:
    async def do(inner: HostRuntime, *args: Any, **how: Any) -> Any:
        if inner.get_state().turn_in_flight:
            raise CodexRuntimeError("E_RUNTIME_THREAD_LOCKED", "a turn is in flight")
        return await getattr(inner, name)(*args, **how)

    return do


def _unmoved(*codes: str) -> Callable[[str], Method]:
    def make(name: str) -> Method:
        async def do(inner: HostRuntime, *args: Any, **how: Any) -> Any:
            try:
                return await getattr(inner, name)(*args, **how)
            except CodexRuntimeError as error:
                if codes and error.code not in codes:
                    raise
                return None

        return do

    return make


async def _sending_anywhere(inner: HostRuntime, text: str) -> Any:
    if inner.get_state().phase == "running" and inner.get_state().runtime_conversation_id is None:
        await inner.open_thread()
    return await inner.send_turn(text)


async def _sending_instead(inner: HostRuntime, text: str, **how: Any) -> Any:
    state = inner.get_state()
    if state.phase == "running" and not state.turn_in_flight:
        return await inner.send_turn(text)
    return await inner.steer_turn(text, **how)


async def _any_turn(inner: HostRuntime, text: str, **_how: Any) -> None:
    await inner.steer_turn(text)


async def _as_a_command(inner: HostRuntime, request: Any, decision: Any) -> None:
    await inner.respond_command_approval(request, decision)


async def _shrugging(inner: HostRuntime) -> None:
    if inner.get_state().phase == "idle":
        raise CodexRuntimeError("E_RUNTIME_NOT_CONNECTED", "there is nothing to interrupt")
    await inner.interrupt()


_ANSWERS: Final = ("respond_command_approval", "respond_file_change_approval")

CALLERS: Final[tuple[RuntimeMiniature, ...]] = (
    does(
        "connects-by-itself",
        "Whatever is asked of it, it connects first.",
        _each((*_THREADS, *_READS, *_OTHERS), _connecting),
        "fail_closed.unconnected.threads",
        "fail_closed.unconnected.turns",
        "fail_closed.unconnected.answers",
        "fail_closed.unconnected.import",
        "fail_closed.unconnected.interrupt",
        "fail_closed.unconnected.after-stop",
    ),
    does(
        "interrupts-are-errors",
        "An interrupt of a runtime that is not connected is refused.",
        {"interrupt": _shrugging},
        "fail_closed.unconnected.interrupt",
    ),
    does(
        "makes-way",
        "The turn in flight is interrupted where a thread is opened or changed.",
        _each(_THREADS, _making_way),
        "fail_closed.locked.open",
        "fail_closed.locked.change",
    ),
    does(
        "reads-locked",
        "While a turn is in flight no thread can be read.",
        _each(_READS, _locked),
        "fail_closed.locked.read",
    ),
    does(
        "sends-anywhere",
        "Where no thread is open, sending a turn opens one.",
        {"send_turn": _sending_anywhere},
        "fail_closed.turn.no-thread",
    ),
    does(
        "sends-instead",
        "Where nothing can be steered, a turn is sent.",
        {"steer_turn": _sending_instead},
        "fail_closed.steer.no-turn",
    ),
    does(
        "steers-any-turn",
        "Whatever turn is meant is steered.",
        {"steer_turn": _any_turn},
        "fail_closed.steer.other-turn",
    ),
    does(
        "steers-unsaid",
        "Steering a turn without a name does nothing.",
        _each(("steer_turn",), _unmoved("E_RUNTIME_TURN_ID_UNKNOWN")),
        "fail_closed.steer.unnamed",
    ),
    does(
        "answers-unsaid",
        "An answer to nothing is nothing.",
        _each(_ANSWERS, _unmoved("E_RUNTIME_SERVER_REQUEST_UNKNOWN")),
        "fail_closed.answer.unknown",
        "fail_closed.answer.twice",
    ),
    does(
        "answers-are-one",
        "Every answer is one about a command.",
        {"respond_file_change_approval": _as_a_command},
        "fail_closed.answer.other-kind",
    ),
)
