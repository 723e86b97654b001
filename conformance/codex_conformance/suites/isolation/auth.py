"""Checks of how a host binds the actor of a call to its caller.

May import the visits. The invariant: the users who are impersonated here need not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.talking import open_talk
from codex_conformance.suites.verdicts import Inconclusive, require, require_equal
from codex_conformance.suites.visiting import Guest
from codex_conformance.targets.deployment import Caller, HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit
    from codex_conformance.targets.deployment import Refusal

_FORBIDDEN = "E_AUTH_SESSION_FORBIDDEN"


def _as(visit: Visit, actor: dict[str, Any], caller: Caller) -> Guest:
    """Somebody who asks to act as an actor of their choice."""
    return Guest(visit, actor, caller, fresh=False)


async def _turned_away(guest: Guest) -> list[Refusal]:
    """Try to open and to read a conversation as the actor of one's choice."""
    name = guest.visit.name("conversation")
    return [
        await guest.cannot("ensureConversationBinding", _FORBIDDEN, conversationId=name),
        await guest.cannot_read("listPendingApprovals", _FORBIDDEN, paginationOpts=_ONE),
    ]


_ONE = {"numItems": 1, "cursor": None}


def _subject(guest: Guest) -> str:
    if guest.caller.user is None:
        raise Inconclusive("nobody is signed in")
    return guest.caller.user


@check("isolation.auth.other-user", HostCapability.BOUND_ACTORS)
async def nobody_acts_as_another_user(visit: Visit) -> None:
    """Signs in and asks to act as somebody else."""
    guest = visit.guest()
    await _turned_away(_as(visit, {"userId": visit.name("somebody-else")}, guest.caller))


@check("isolation.auth.signed-out", HostCapability.BOUND_ACTORS)
async def nobody_acts_as_a_user_unsigned(visit: Visit) -> None:
    """Asks to act as a user without being signed in."""
    await _turned_away(_as(visit, {"userId": visit.name("somebody")}, Caller()))


@check("isolation.auth.anonymous", HostCapability.BOUND_ACTORS)
async def users_do_not_act_anonymously(visit: Visit) -> None:
    """Signs in and asks to act as an anonymous actor."""
    guest = visit.guest()
    await _turned_away(_as(visit, {"anonymousId": visit.name("anonymous")}, guest.caller))


@check("isolation.auth.filled-in", HostCapability.BOUND_ACTORS)
async def an_actor_is_filled_in(visit: Visit) -> None:
    """Opens a conversation by name of the user, and reads it without naming anybody."""
    talk = await open_talk(visit.guest())
    unnamed = _as(visit, {}, talk.guest.caller)
    found = await unnamed.reads("threadSnapshotByConversation", conversationId=talk.conversation)
    require_equal(found["threadStatus"], "ok", "the status of one's own conversation")
    require_equal(found["data"]["threadId"], talk.thread, "the thread")


@check("isolation.auth.subject-unsaid", HostCapability.BOUND_ACTORS)
async def a_refusal_tells_no_subject(visit: Visit) -> None:
    """Signs in, asks to act as somebody else, and looks for the caller's own id in the answer."""
    guest = visit.guest()
    subject = _subject(guest)
    other = _as(visit, {"userId": visit.name("somebody-else")}, guest.caller)
    name = visit.name("conversation")
    refusal = await other.cannot("ensureConversationBinding", conversationId=name)
    require(subject not in refusal.text, "no word of the caller's id", refusal.text.strip())
