"""Checks of identities that look alike: they are kept apart, or are one, as the rule says.

May import the visits, conversations and events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.suites.visiting import Guest
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit


async def _apart(talk: Talk, other: Guest) -> None:
    """Judge that another actor neither finds the thread by name nor by its id."""
    name = {"conversationId": talk.conversation}
    found = await other.reads("threadSnapshotByConversation", **name)
    require_equal(found["threadStatus"], "missing_thread", "for the other, the conversation is")
    await other.cannot("acceptTurnSend", "E_THREAD_NOT_FOUND", **talk.send("t"))
    opened = await open_talk(other, talk.conversation)
    require(opened.thread != talk.thread, "a thread of the other's own", opened.thread)


@check("isolation.identity.trimmed", HostCapability.ACTORS)
async def blanks_make_no_other_user(visit: Visit) -> None:
    """Opens a conversation as a user, and reads it with blanks around the user's id."""
    talk = await open_talk(visit.guest())
    subject = talk.guest.actor["userId"]
    blank = Guest(visit, {"userId": f"  {subject}\t"}, talk.guest.caller, fresh=False)
    found = await blank.reads("threadSnapshotByConversation", conversationId=talk.conversation)
    require_equal(found["threadStatus"], "ok", "with blanks, the conversation is")
    opened = await blank.does("ensureConversationBinding", conversationId=talk.conversation)
    require_equal(opened["threadId"], talk.thread, "the thread")


@check("isolation.identity.anonymous", HostCapability.ACTORS)
async def users_are_no_anonymous_actors(visit: Visit) -> None:
    """Lets an anonymous actor open a conversation, and users look for it whose ids look alike."""
    name = visit.name("someone")
    talk = await open_talk(visit.anonymous(name))
    for subject in (f"anon:{name}", f"user:anon:{name}", name):
        await _apart(talk, visit.user(subject))


@check("isolation.identity.nobody", HostCapability.ACTORS)
async def users_are_not_nobody(visit: Visit) -> None:
    """Lets an actor without an id open a conversation, and a user look whose id looks like it."""
    talk = await open_talk(visit.anonymous())
    for subject in ("__anonymous__", "user:__anonymous__"):
        await _apart(talk, visit.user(subject))


@check("isolation.identity.exact", HostCapability.ACTORS)
async def ids_are_compared_exactly(visit: Visit) -> None:
    """Lets users look for each other's conversation whose ids differ in a letter's form."""
    name = visit.name("ren\u00e9")
    talk = await open_talk(visit.user(name))
    decomposed = name.replace("\u00e9", "e\u0301")
    for subject in (decomposed, name.upper(), name.replace("\u00e9", "e"), f"{name}\u200b"):
        await _apart(talk, visit.user(subject))


@check("isolation.identity.anonymous-apart")
async def anonymous_actors_are_apart(visit: Visit) -> None:
    """Lets two anonymous actors, and one without an id, look for each other's conversation."""
    talk = await open_talk(visit.anonymous(visit.name("someone")))
    for anonymous_id in (visit.name("someone"), None):
        await _apart(talk, visit.anonymous(anonymous_id))
