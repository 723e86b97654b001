"""Miniatures that show wrong phases, connect wrongly, or treat listeners badly.

May import what alters runtimes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_conformance.miniatures.runtimes.altering import (
    RuntimeMiniature,
    built,
    called,
    does,
    dropped,
    given,
    showing,
    shows,
    speaks,
)
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.miniatures.runtimes.altering import Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings

_replace: Final = msgspec.structs.replace


def _never_idle(state: Any) -> Any:
    return _replace(state, phase="stopped") if state.phase == "idle" else state


def _in_good_health(state: Any) -> Any:
    return _replace(state, phase="running") if state.source == "protocol_error" else state


def _ill_for_ever(state: Any) -> Any:
    if state.source != "bridge_event":
        return state
    return _replace(state, phase="error", source="protocol_error")


def _by_hearsay(state: Any) -> Any:
    return _replace(state, source="runtime") if state.source == "process_exit" else state


def _still_running(state: Any) -> Any:
    return _replace(state, running=True) if state.phase == "error" else state


def _half_stopped(state: Any) -> Any:
    return _replace(state, phase="stopping") if state.phase == "stopped" else state


def _at_once(inner: HostRuntime, listener: Callable[[Any], None]) -> Any:
    def heard(state: Any) -> None:
        if state.phase != "starting":
            listener(state)

    return inner.subscribe_lifecycle(heard)


def _gives_up(_: Surroundings) -> tuple[Surroundings, Methods]:
    failed: list[CodexRuntimeError] = []

    async def connect(inner: HostRuntime, **how: Any) -> Any:
        if failed:
            return inner.get_state()
        try:
            return await inner.connect(**how)
        except CodexRuntimeError as error:
            failed.append(error)
            raise

    return _, {"connect": connect}


async def _stop_when_up(inner: HostRuntime) -> None:
    if inner.get_state().phase != "starting":
        await inner.stop()


def _heeding_late_ends(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    listeners: list[Callable[[Any], None]] = []

    def subscribe(inner: HostRuntime, listener: Callable[[Any], None]) -> Any:
        listeners.append(listener)
        return inner.subscribe_lifecycle(listener)

    async def connect(inner: HostRuntime, **how: Any) -> Any:
        state = inner.get_state()
        if state.phase == "stopped":
            for listener in listeners:
                listener(_replace(state, phase="error", source="process_exit"))
        return await inner.connect(**how)

    return surroundings, {"subscribe_lifecycle": subscribe, "connect": connect}


PHASES: Final[tuple[RuntimeMiniature, ...]] = (
    shows(
        "never-idle",
        "A new runtime is shown as stopped.",
        _never_idle,
        "lifecycle.phase.created",
    ),
    does(
        "starts-in-silence",
        "Nobody hears that it is starting.",
        {"subscribe_lifecycle": _at_once},
        "lifecycle.phase.connect",
        "lifecycle.phase.late-exit",
    ),
    shows(
        "never-quite-stopped",
        "A stopped runtime is shown as stopping.",
        _half_stopped,
        "lifecycle.phase.stop",
        "lifecycle.phase.stop-starting",
        "lifecycle.listener.at-once",
        "fail_closed.codex.stop-hanging",
        "fail_closed.convex.stop-unkept",
    ),
    shows(
        "in-good-health",
        "An error of the protocol is shown as running.",
        _in_good_health,
        "lifecycle.phase.connect",
        "lifecycle.phase.stop",
        "lifecycle.phase.protocol-error",
        "lifecycle.phase.recovers",
        "lifecycle.phase.exit",
        "lifecycle.listener.snapshot",
    ),
    shows(
        "ill-for-ever",
        "After an error of the protocol it stays in error.",
        _ill_for_ever,
        "lifecycle.phase.recovers",
        "fail_closed.codex.garbage",
    ),
    shows(
        "exits-unexplained",
        "The end of the app-server has the source runtime.",
        _by_hearsay,
        "lifecycle.phase.exit",
    ),
    shows(
        "runs-in-error",
        "In error something is shown to run, always.",
        _still_running,
        "lifecycle.phase.exit",
        "lifecycle.phase.start-failed",
        "lifecycle.connect.afresh",
        "fail_closed.codex.start-refused",
        "fail_closed.codex.start-ends",
        "fail_closed.codex.start-hangs",
        "fail_closed.codex.other-version",
    ),
    built(
        "gives-up",
        "After a start that failed, connecting does nothing.",
        _gives_up,
        "lifecycle.phase.start-retried",
    ),
    does(
        "stops-only-when-up",
        "Stopping while it starts does nothing.",
        {"stop": _stop_when_up},
        "lifecycle.phase.stop-starting",
    ),
    built(
        "heeds-late-ends",
        "The end of an app-server that was stopped is told as an error later.",
        _heeding_late_ends,
        "lifecycle.phase.connect",
        "lifecycle.phase.late-exit",
    ),
)


async def _connect_nameless(inner: HostRuntime, **how: Any) -> Any:
    return await inner.connect(**{**how, "session_id": None})


def _one_session(args: dict[str, Any]) -> dict[str, Any]:
    named = str(args.get("sessionId", ""))
    return {**args, "sessionId": "mine-for-ever"} if named.startswith("mine") else args


def _with_sessions(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    return called(surroundings, {"*": given(_one_session)}), {}


def _remembering(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    kept: list[str] = []

    def change(state: Any) -> Any:
        if state.last_error is not None:
            kept[:] = [state.last_error]
        return _replace(state, last_error=kept[0]) if kept else state

    return surroundings, showing(change)


def _not_at_once(inner: HostRuntime, listener: Callable[[Any], None]) -> Any:
    first: list[Any] = []

    def heard(state: Any) -> None:
        if first:
            listener(state)
        first.append(state)

    return inner.subscribe_lifecycle(heard)


def _for_ever(inner: HostRuntime, listener: Callable[[Any], None]) -> Any:
    inner.subscribe_lifecycle(listener)
    return lambda: None


def _letting_raise(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    raised: list[Exception] = []

    def subscribe(inner: HostRuntime, listener: Callable[[Any], None]) -> Any:
        def heard(state: Any) -> None:
            try:
                listener(state)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is thrown at the caller
                raised.append(error)

        return inner.subscribe_lifecycle(heard)

    async def connect(inner: HostRuntime, **how: Any) -> Any:
        state = await inner.connect(**how)
        for error in raised:
            raise error
        return state

    return surroundings, {"subscribe_lifecycle": subscribe, "connect": connect}


def _once_and_for_all(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    first: list[Any] = []

    def snapshot(inner: HostRuntime) -> Any:
        first.append(inner.get_lifecycle_state())
        return first[0]

    return surroundings, {"get_lifecycle_state": snapshot}


CONNECTING: Final[tuple[RuntimeMiniature, ...]] = (
    speaks(
        "never-initialized",
        "It does not say initialized.",
        lambda: {"initialized": dropped},
        "lifecycle.connect.handshake",
    ),
    does(
        "sessions-unnamed",
        "The session has no name.",
        {"connect": _connect_nameless},
        "lifecycle.connect.session-named",
    ),
    built(
        "one-session",
        "Sessions of one name are one session.",
        _with_sessions,
        "lifecycle.connect.session-new",
    ),
    built(
        "bears-grudges",
        "An error is shown for ever.",
        _remembering,
        "lifecycle.phase.recovers",
        "lifecycle.connect.afresh",
        "fail_closed.convex.ingest-recovers",
    ),
    does(
        "silent-at-once",
        "A listener does not hear the present state.",
        {"subscribe_lifecycle": _not_at_once},
        "lifecycle.phase.connect",
        "lifecycle.phase.stop",
        "lifecycle.listener.at-once",
        "lifecycle.listener.ends",
    ),
    does(
        "listened-to-for-ever",
        "A listener that was taken away hears on.",
        {"subscribe_lifecycle": _for_ever},
        "lifecycle.listener.ends",
    ),
    built(
        "lets-listeners-raise",
        "What a listener raises comes out of connect.",
        _letting_raise,
        "lifecycle.listener.isolated",
    ),
    built(
        "looks-once",
        "The lifecycle's state is the one of the first look.",
        _once_and_for_all,
        "lifecycle.listener.snapshot",
    ),
)
