"""Checks of connections and of listeners: what is said first, and what is told.

May import the trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.runtime.phases import GARBAGE
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.door import Capability
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial


@check("lifecycle.connect.handshake")
async def the_handshake_comes_first(trial: Trial) -> None:
    """Connects, and asks something."""
    await trial.connected()
    await trial.within(trial.runtime.list_threads(), "listing threads")
    methods = [one.method for one in trial.tap.spoken if one.side == "runtime"]
    require_equal(methods[:2], ["initialize", "initialized"], "what is said first:")
    for name in ("name", "version"):
        named = at(trial.tap.said("runtime", "initialize")[0], "params", "clientInfo", name)
        require(isinstance(named, str) and bool(named), f"a {name} of the client", named)
    opening = [name for name in methods if name in ("thread/start", "thread/resume", "thread/fork")]
    require_equal(opening, [], "threads that are opened:")


async def _session(trial: Trial) -> str:
    """The session that the open thread is fed by."""
    return str(trial.line.called("ensureSession")[-1].args["sessionId"])


@check("lifecycle.connect.session-named")
async def a_session_has_its_name(trial: Trial) -> None:
    """Connects with a name for the session, and opens a thread."""
    await trial.make()
    await trial.connect(session_id="mine")
    await trial.open()
    found = await _session(trial)
    require(found.startswith("mine-") and len(found) > len("mine-"), "mine-…", found)


@check("lifecycle.connect.session-new", Capability.RESTART)
async def every_connection_has_its_session(trial: Trial) -> None:
    """Connects twice with the same name for the session, and opens a thread each time."""
    found = []
    await trial.make()
    for _ in range(2):
        await trial.connect(session_id="mine")
        await trial.open()
        found.append(await _session(trial))
        await trial.stop()
    require(found[0] != found[1], "two sessions", found)


@check("lifecycle.connect.afresh", Capability.RESTART, script=script(Say("x")))
async def connecting_again_begins_afresh(trial: Trial) -> None:
    """Plays a turn, has the app-server end, and connects again."""
    await trial.opened()
    await trial.play_turn()
    trial.tap.line.break_off(1)
    await trial.until(lambda: not trial.state.running, "that nothing runs")
    await trial.connect()
    state = trial.state
    ids = (state.runtime_conversation_id, state.conversation_id, state.turn_id)
    require_equal(ids, (None, None, None), "the ids:")
    require_equal((state.last_error_code, state.last_error), (None, None), "the error:")
    require_equal(state.ingest_metrics.enqueued_event_count, 0, "events counted:")


@check("lifecycle.listener.at-once")
async def a_listener_hears_at_once(trial: Trial) -> None:
    """Listens to a runtime that runs, then stops it."""
    await trial.connected()
    heard: list[str] = []
    trial.runtime.subscribe_lifecycle(lambda state: heard.append(state.phase))
    require_equal(heard, ["running"], "what is heard at once:")
    await trial.stop()
    require_equal(list(dict.fromkeys(heard)), ["running", "stopping", "stopped"], "what is heard:")


@check("lifecycle.listener.ends")
async def a_listener_can_be_taken_away(trial: Trial) -> None:
    """Takes a listener away, then stops the runtime."""
    await trial.connected()
    heard: list[Any] = []
    unsubscribe = trial.runtime.subscribe_lifecycle(heard.append)
    unsubscribe()
    unsubscribe()
    await trial.stop()
    require_equal(len(heard), 1, "states that are heard:")


@check("lifecycle.listener.isolated", script=script(Say("x")))
async def a_listener_that_raises_hurts_nobody(trial: Trial) -> None:
    """Has a listener raise at every state, before another one, while a turn is played."""

    def raises(_state: Any) -> None:
        raise LookupError("a listener's own mistake")

    heard: list[str] = []
    await trial.make()
    trial.runtime.subscribe_lifecycle(raises)
    trial.runtime.subscribe_lifecycle(lambda state: heard.append(state.phase))
    await trial.connect()
    await trial.open()
    await trial.play_turn()
    require(heard[-1:] == ["running"], "that the other listener hears on", heard)
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("lifecycle.listener.snapshot")
async def the_snapshot_is_what_was_heard_last(trial: Trial) -> None:
    """Looks at the lifecycle's state after each change."""
    await trial.make()
    for change in (trial.connect, _troubles(trial), trial.stop):
        await change()
        require_equal(trial.runtime.get_lifecycle_state(), trial.states[-1], "the state heard last")


def _troubles(trial: Trial) -> Any:
    async def trouble() -> None:
        await trial.heard()
        trial.tap.line.say(GARBAGE)
        await trial.phase("error")

    return trouble
