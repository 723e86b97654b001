"""Checks of the outbox: who may work on a turn, for how long, and what becomes of it.

May import the visits, conversations, events and the expected states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.states import EXPECTED_STATES
from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import Inconclusive, require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_EXTENDED: Final = HostCapability.EXTENDED
_SHORT: Final = 1_000
"""The shortest lease there is, in milliseconds."""


async def _claim(talk: Talk, owner: str = "first", lease: int | None = None) -> Any:
    more = {} if lease is None else {"leaseMs": lease}
    return await talk.guest.does(
        "claimTurnDispatch", threadId=talk.thread, claimOwner=owner, **more
    )


async def _claimed(talk: Talk, owner: str = "first", lease: int | None = None) -> dict[str, Any]:
    """Claim what there must be, and give what the claim's owner shows."""
    claim = await _claim(talk, owner, lease)
    if claim is None:
        raise Inconclusive("there is nothing to claim")
    return {
        "threadId": talk.thread,
        "dispatchId": claim["dispatchId"],
        "claimToken": claim["claimToken"],
    }


async def _sent(visit: Visit, turns: int = 1) -> tuple[Talk, list[str]]:
    """A conversation with turns that were accepted, one after the other."""
    talk = await open_talk(visit.guest())
    names = [visit.name("turn") for _ in range(turns)]
    for name in names:
        await talk.accept(name, text=f"text of {name}")
        await visit.pass_time(2)
    return talk, names


@check("dispatch.claim.first", _EXTENDED)
async def the_first_turn_is_claimed_first(visit: Visit) -> None:
    """Claims and completes three turns, one after the other."""
    talk, turns = await _sent(visit, 3)
    for turn in turns:
        claim = await _claim(talk)
        require(claim is not None, "a claim", claim)
        found = (claim["turnId"], claim["inputText"], claim["status"], claim["attemptCount"])
        require_equal(found, (turn, f"text of {turn}", "claimed", 1), "the claim")
        owned = {name: claim[name] for name in ("dispatchId", "claimToken")}
        await talk.guest.does("markTurnDispatchCompleted", threadId=talk.thread, **owned)
    require_equal(await _claim(talk), None, "a claim of nothing")


@check("dispatch.claim.one-at-a-time", _EXTENDED)
async def one_turn_at_a_time(visit: Visit) -> None:
    """Claims twice in a thread with two turns, and once in another thread."""
    talk, turns = await _sent(visit, 2)
    first = await _claim(talk)
    require_equal(first["turnId"], turns[0], "the first claim")
    require_equal(await _claim(talk, "second"), None, "the second claim")
    other = await open_talk(talk.guest)
    turn = visit.name("turn")
    await other.accept(turn)
    require_equal((await _claim(other))["turnId"], turn, "the other thread's claim")


@check("dispatch.claim.expires", _EXTENDED)
async def claims_expire(visit: Visit) -> None:
    """Claims with the shortest lease, and again before and after it has run out."""
    talk, turns = await _sent(visit)
    first = await _claim(talk, "first", _SHORT)
    require_equal(await _claim(talk, "second"), None, "the claim before")
    await visit.pass_time(_SHORT + 200)
    second = await _claim(talk, "second")
    require(second is not None, "a claim after the lease", second)
    found = (second["turnId"], second["attemptCount"])
    require_equal(found, (turns[0], 2), "the second claim")
    require(second["claimToken"] != first["claimToken"], "a token of its own", "the first one")


@check("dispatch.claim.fenced", _EXTENDED)
async def late_owners_are_fenced(visit: Visit) -> None:
    """Lets a claim run out, claims again, and lets the first owner go on."""
    talk, _ = await _sent(visit)
    late = await _claimed(talk, "first", _SHORT)
    await visit.pass_time(_SHORT + 200)
    owner = await _claimed(talk, "second")
    for endpoint, more in (
        ("markTurnDispatchStarted", {}),
        ("markTurnDispatchCompleted", {}),
        ("markTurnDispatchFailed", {"code": "X", "reason": "late"}),
    ):
        await talk.guest.cannot(endpoint, "E_DISPATCH_FENCED", **late, **more)
    done = await talk.guest.does("markTurnDispatchCompleted", **owner)
    require_equal(done["status"], "completed", "for the present owner, it is")


@check("dispatch.claim.started-again", _EXTENDED)
async def a_started_turn_is_claimed_as_started(visit: Visit) -> None:
    """Starts a turn, falls silent, and claims it as another."""
    talk, _ = await _sent(visit)
    owner = await _claimed(talk, "first", _SHORT)
    ids = {"runtimeThreadId": "thread", "runtimeTurnId": "turn"}
    await talk.guest.does("markTurnDispatchStarted", **owner, **ids, leaseMs=_SHORT)
    await visit.pass_time(_SHORT + 200)
    claim = await _claim(talk, "second")
    require(claim is not None, "a claim after the lease", claim)
    found = {name: claim.get(name) for name in ("status", *ids)}
    require_equal(found, {"status": "started", **ids}, "the claim")


@check("dispatch.claim.extended", _EXTENDED)
async def leases_are_extended(visit: Visit) -> None:
    """Claims with the shortest lease, says that the turn has started, and lets the lease pass."""
    talk, _ = await _sent(visit)
    owner = await _claimed(talk, "first", _SHORT)
    started = await talk.guest.does("markTurnDispatchStarted", **owner, leaseMs=60_000)
    require_equal(started["status"], "started", "it is")
    await visit.pass_time(_SHORT + 200)
    require_equal(await _claim(talk, "second"), None, "the claim of another")
    again = await talk.guest.does("markTurnDispatchStarted", **owner, leaseMs=90_000)
    later = again["leaseExpiresAt"] - started["leaseExpiresAt"]
    require(later > 0, "a lease that ends later", f"{later} ms later")


_WAYS: Final[dict[str, tuple[str, ...]]] = {
    "queued": (),
    "claimed": ("claim",),
    "started": ("claim", "started"),
    "completed": ("claim", "completed"),
    "failed": ("claim", "failed"),
    "cancelled": ("claim", "cancel"),
}
"""How a dispatch gets into each state, with a claim where that is possible."""

_MARKS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "started": ("markTurnDispatchStarted", {}),
    "completed": ("markTurnDispatchCompleted", {}),
    "failed": ("markTurnDispatchFailed", {"code": "X", "reason": "why"}),
}


async def _move(talk: Talk, owned: dict[str, Any], event: str) -> Any:
    """Have an event happen to a dispatch; give the reply."""
    if event == "cancel":
        named = {name: owned[name] for name in ("threadId", "dispatchId")}
        return await talk.guest.call("mutation", "cancelTurnDispatch", named)
    endpoint, more = _MARKS[event]
    return await talk.guest.call("mutation", endpoint, {**owned, **more})


async def _in_state(visit: Visit, state: str) -> tuple[Talk, dict[str, Any]]:
    """A dispatch in a certain state, and what its owner shows."""
    talk, turns = await _sent(visit)
    owned = {"threadId": talk.thread, "dispatchId": turns[0], "claimToken": "no-claim"}
    for event in _WAYS[state]:
        if event == "claim":
            owned = await _claimed(talk)
            continue
        reply = await _move(talk, owned, event)
        if reply.refusal is not None or reply.value["status"] != state:
            raise Inconclusive(f"a dispatch did not become {state}")
    return talk, owned


@check("dispatch.state.table", _EXTENDED)
async def a_dispatch_moves_by_its_table(visit: Visit) -> None:
    """Brings dispatches into every state, and has every event but a claim happen to them."""
    for state, row in EXPECTED_STATES["turn dispatch"].items():
        for event, expected in row.items():
            if event == "claim":
                continue
            talk, owned = await _in_state(visit, state)
            reply = await _move(talk, owned, event)
            found = reply.refusal.code if reply.refusal is not None else reply.value["status"]
            wanted = state if expected == "=" else expected
            require_equal(found, wanted, f"{event} of a dispatch that is {state}:")


@check("dispatch.state.turn-follows", _EXTENDED)
async def a_turn_follows_its_dispatch(visit: Visit) -> None:
    """Starts a turn by its dispatch, and ends turns in every way."""
    for event, expected in (
        ("started", "inProgress"),
        ("completed", "completed"),
        ("failed", "failed"),
        ("cancel", "interrupted"),
    ):
        talk, turns = await _sent(visit)
        owned = await _claimed(talk)
        reply = await _move(talk, owned, event)
        require(reply.refusal is None, f"that {event} is granted", reply.refusal)
        await talk.turn_becomes(turns[0], expected)


async def _open(talk: Talk) -> list[Any]:
    return list(await talk.guest.reads("listOpenTurnDispatches", threadId=talk.thread))


@check("dispatch.state.settled-by-turn", _EXTENDED)
async def a_dispatch_follows_its_turn(visit: Visit) -> None:
    """Ends turns by an event, by an interruption and by a failed send; lists what is open."""
    talk, turns = await _sent(visit, 3)
    await talk.begin_session()
    stream = Stream(turns[0])
    await talk.takes(stream.started(), stream.ended())
    await talk.guest.mutate(
        "interruptTurn", conversationId=talk.conversation, turnId=turns[1], reason="enough"
    )
    await talk.guest.mutate(
        "failAcceptedTurnSend", threadId=talk.thread, turnId=turns[2], reason="why"
    )
    await visit.until(lambda: _open(talk), lambda found: not found, "that nothing is open")


@check("dispatch.state.listed", _EXTENDED)
async def open_dispatches_are_listed(visit: Visit) -> None:
    """Lists the open dispatches of a thread with a claimed, a cancelled and a queued turn."""
    talk, turns = await _sent(visit, 3)
    await _claimed(talk, "me")
    await talk.guest.mutate("cancelTurnDispatch", threadId=talk.thread, dispatchId=turns[1])
    rows = await _open(talk)
    found = [(row["turnId"], row["status"], row.get("claimOwner")) for row in rows]
    expected = [(turns[0], "claimed", "me"), (turns[2], "queued", None)]
    require_equal(found, expected, "what is open:")


@check("dispatch.state.unknown", _EXTENDED)
async def unknown_dispatches_are_refused(visit: Visit) -> None:
    """Marks and cancels a dispatch that is not there."""
    talk, _ = await _sent(visit)
    named = {"threadId": talk.thread, "dispatchId": visit.name("dispatch")}
    owned = {**named, "claimToken": "no-claim"}
    not_found = "E_DISPATCH_NOT_FOUND"
    await talk.guest.cannot("cancelTurnDispatch", not_found, **named)
    for endpoint, more in _MARKS.values():
        await talk.guest.cannot(endpoint, not_found, **owned, **more)
