"""Checks of deletions: of threads, of turns, of everything of an actor.

May import the visits, conversations, events and imports. The invariant: what remains is judged by
what its owner reads, and where an operator can look, by the rows there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.sync_verification.importing import Import, start_import
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Guest, Visit

_RECORD: Final = "codex_deletion_jobs"
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


async def furnished(guest: Guest, stream: Stream) -> Talk:
    """Open a conversation with something of everything in it."""
    talk = await open_talk(guest)
    await talk.begin_session()
    await talk.takes(
        stream.started(),
        stream.closes("m1", "text"),
        stream.adds("m2", "text"),
        stream.asks("i1"),
        stream.thinks("r1", "hm"),
    )
    await talk.accept(guest.visit.name("turn"))
    turn = {"threadId": talk.thread, "turnId": stream.turn}
    await guest.mutate(
        "upsertPendingServerRequest",
        **turn,
        requestId=1,
        itemId="i2",
        method="item/tool/call",
        payloadJson="{}",
        requestedAt=1,
    )
    return talk


async def over(guest: Guest, job: str) -> Any:
    """Wait until a deletion has ended, and give it."""
    return await guest.visit.until(
        lambda: guest.query("getDeletionStatus", deletionJobId=job),
        lambda found: found is not None and found["status"] in _ENDED,
        "the end of the deletion",
    )


async def completed(guest: Guest, endpoint: str, **args: Any) -> Any:
    """Delete something, and wait until that is completed."""
    begun = await guest.does(endpoint, **args)
    ended = await over(guest, begun["deletionJobId"])
    require_equal(ended["status"], "completed", "the deletion ends as")
    return ended


async def _is_gone(talk: Talk) -> None:
    found = await talk.guest.reads("threadSnapshotByConversation", conversationId=talk.conversation)
    require_equal(found["threadStatus"], "missing_thread", "the conversation is")
    await talk.guest.cannot("acceptTurnSend", "E_THREAD_NOT_FOUND", **talk.send("t"))


async def _import_in(talk: Talk) -> Import:
    source = await start_import(talk)
    await source.feed()
    return source


async def _fresh(visit: Visit) -> tuple[Talk, Stream]:
    stream = Stream(visit.name("turn"))
    return await furnished(visit.guest(), stream), stream


@check("deletion.thread.gone")
async def a_deleted_conversation_is_gone(visit: Visit) -> None:
    """Deletes a conversation, and looks for it and its thread."""
    talk, _ = await _fresh(visit)
    ended = await completed(
        talk.guest, "deleteThread", conversationId=talk.conversation, reason="why"
    )
    found = (ended["targetKind"], ended.get("threadId"), ended.get("reason"))
    require_equal(found, ("thread", talk.thread, "why"), "the deletion")
    await _is_gone(talk)


@check("deletion.thread.leaves-nothing", HostCapability.AUDIT)
async def a_deleted_thread_leaves_nothing(visit: Visit) -> None:
    """Deletes a conversation that has everything, imports included, and counts what is left."""
    talk, _ = await _fresh(visit)
    done = await _import_in(talk)
    await done.ended(await done.seal(), needed=True)
    await _import_in(talk)
    await completed(talk.guest, "deleteThread", conversationId=talk.conversation)
    rows, orphans = await visit.rows_of(talk.guest)
    require_equal(rows, {_RECORD: 1}, "the rows")
    require_equal(orphans, [], "the orphans")


@check("deletion.thread.others-stay")
async def other_conversations_stay(visit: Visit) -> None:
    """Deletes one of a user's two conversations."""
    talk, _ = await _fresh(visit)
    kept = await furnished(talk.guest, Stream(visit.name("turn")))
    before = await kept.everything()
    await completed(talk.guest, "deleteThread", conversationId=talk.conversation)
    require_equal(await kept.everything(), before, "the other conversation")


@check("deletion.thread.opened-anew")
async def a_deleted_conversation_begins_anew(visit: Visit) -> None:
    """Deletes a conversation, and opens it again."""
    talk, _ = await _fresh(visit)
    await completed(talk.guest, "deleteThread", conversationId=talk.conversation)
    again = await talk.guest.does("ensureConversationBinding", conversationId=talk.conversation)
    require_equal(again.get("created"), True, "created:")
    require(again["threadId"] != talk.thread, "a new thread", again["threadId"])
    new = Talk(talk.guest, talk.conversation, again["threadId"])
    require_equal(await new.messages(), [], "the messages")


@check("deletion.thread.counted")
async def what_is_deleted_is_counted(visit: Visit) -> None:
    """Deletes two conversations of one content, at once and row by row."""
    counts = []
    for batch in ({}, {"batchSize": 1}):
        talk, _ = await _fresh(visit)
        ended = await completed(
            talk.guest, "deleteThread", conversationId=talk.conversation, **batch
        )
        rows = ended["deletedCountsByTable"]
        counts.append({row["tableName"]: row["deleted"] for row in rows})
    for table, least in (("codex_messages", 2), ("codex_turns", 2), ("codex_threads", 1)):
        require_equal(counts[0].get(table), least, f"rows of {table}:")
    require_equal(counts[1], counts[0], "the rows one by one, as at once:")


@check("deletion.thread.import-ends", HostCapability.AUDIT, HostCapability.VIRTUAL_CLOCK)
async def imports_do_not_outlive_their_thread(visit: Visit) -> None:
    """Deletes a thread while an import into it is under way, and counts what is left later."""
    talk, _ = await _fresh(visit)
    source = await _import_in(talk)
    await source.seal()
    await completed(talk.guest, "deleteThread", conversationId=talk.conversation)
    await visit.pass_time(120_000)
    rows, _ = await visit.rows_of(talk.guest)
    require_equal(rows, {_RECORD: 1}, "the rows")


@check("deletion.turn.gone")
async def a_deleted_turn_is_gone(visit: Visit) -> None:
    """Deletes a turn, and looks for it and its messages."""
    talk, stream = await _fresh(visit)
    name = {"conversationId": talk.conversation}
    ended = await completed(talk.guest, "deleteTurn", **name, turnId=stream.turn)
    require_equal((ended["targetKind"], ended.get("turnId")), ("turn", stream.turn), "the deletion")
    require_equal(await talk.turn(stream.turn), None, "the turn:")
    require_equal(await talk.messages(), [], "the messages")
    require_equal(await talk.approvals(), [], "the approvals")
    await talk.guest.cannot("interruptTurn", "E_TURN_NOT_FOUND", **name, turnId=stream.turn)


@check("deletion.turn.others-stay")
async def other_turns_stay(visit: Visit) -> None:
    """Deletes one of two turns."""
    talk, stream = await _fresh(visit)
    kept = Stream(visit.name("turn"))
    await talk.takes(kept.started(), kept.closes("m9", "kept"))
    await completed(talk.guest, "deleteTurn", conversationId=talk.conversation, turnId=stream.turn)
    require_equal(await talk.turn_status(kept.turn), "inProgress", "the other turn is")
    require_equal([row["text"] for row in await talk.messages()], ["kept"], "the messages")
    opened = await talk.guest.mutate("ensureConversationBinding", conversationId=talk.conversation)
    require_equal(opened["threadId"], talk.thread, "the thread")


@check("deletion.turn.leaves-nothing", HostCapability.AUDIT, HostCapability.EXTENDED)
async def a_deleted_turn_leaves_nothing(visit: Visit) -> None:
    """Counts the rows of a thread before a turn came, and after it was deleted."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    before, _ = await visit.rows_of(talk.guest)
    stream = Stream(visit.name("turn"))
    await talk.takes(
        stream.started(), stream.closes("m1", "text"), stream.asks("i1"), stream.thinks("r1", "hm")
    )
    where = {"threadId": talk.thread, "streamId": stream.id}
    await talk.guest.mutate("acknowledgeStream", **where, cursor=1)
    await completed(talk.guest, "deleteTurn", conversationId=talk.conversation, turnId=stream.turn)
    after, orphans = await visit.rows_of(talk.guest)
    after.pop(_RECORD, None)
    require_equal(after, before, "the rows, as before:")
    require_equal(orphans, [], "the orphans")


@check("deletion.turn.unknown")
async def unknown_turns_are_not_deleted(visit: Visit) -> None:
    """Deletes a turn that is not there, now and later."""
    talk = await open_talk(visit.guest())
    args = {"conversationId": talk.conversation, "turnId": visit.name("turn")}
    await talk.guest.cannot("deleteTurn", "E_TURN_NOT_FOUND", **args)
    await talk.guest.cannot("scheduleDeleteTurn", "E_TURN_NOT_FOUND", **args)


@check("deletion.purge.gone", HostCapability.ACTORS)
async def a_purged_actor_has_nothing(visit: Visit) -> None:
    """Purges a user with two conversations."""
    talk, _ = await _fresh(visit)
    other = await open_talk(talk.guest)
    await completed(talk.guest, "purgeActorData")
    for gone in (talk, other):
        await _is_gone(gone)


@check("deletion.purge.leaves-nothing", HostCapability.ACTORS, HostCapability.AUDIT)
async def a_purge_leaves_nothing(visit: Visit) -> None:
    """Purges a user who has everything, imports and older deletions included; counts the rest."""
    talk, _ = await _fresh(visit)
    done = await _import_in(talk)
    await done.ended(await done.seal(), needed=True)
    await _import_in(talk)
    await talk.guest.mutate("scheduleDeleteThread", conversationId=talk.conversation)
    await completed(talk.guest, "purgeActorData")
    rows, orphans = await visit.rows_of(talk.guest)
    require_equal(rows, {_RECORD: 1}, "the rows")
    require_equal(orphans, [], "the orphans")


@check("deletion.purge.others-stay", HostCapability.ACTORS)
async def a_purge_is_for_one_actor(visit: Visit) -> None:
    """Purges one of two users whose conversations have one name."""
    talk, _ = await _fresh(visit)
    kept = await open_talk(visit.guest(), talk.conversation)
    await kept.begin_session()
    await kept.takes(Stream(visit.name("turn")).closes("m1", "kept"))
    before = await kept.everything()
    await completed(talk.guest, "purgeActorData")
    require_equal(await kept.everything(), before, "the other user's conversation")
