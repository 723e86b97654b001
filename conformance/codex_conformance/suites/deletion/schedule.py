"""Checks of deletions that wait: when they are due, and who can still change that.

May import the visits, conversations and the moves of deletions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.deletion.removals import over
from codex_conformance.suites.host_registry import check
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_SECOND: Final = 1_000
_DELAYS: Final[tuple[tuple[dict[str, Any], int], ...]] = (
    ({}, 600 * _SECOND),
    ({"delayMs": 10}, _SECOND),
    ({"delayMs": 5_000}, 5_000),
    ({"delayMs": 10**12}, 7 * 24 * 60 * 60 * _SECOND),
)


async def _schedule(talk: Talk, **args: Any) -> dict[str, Any]:
    scheduled = await talk.guest.does(
        "scheduleDeleteThread", conversationId=talk.conversation, **args
    )
    return {"deletionJobId": scheduled["deletionJobId"]}


async def _status(talk: Talk, job: dict[str, Any]) -> Any:
    return await talk.guest.reads("getDeletionStatus", **job)


@check("deletion.job.delay")
async def delays_have_bounds(visit: Visit) -> None:
    """Schedules deletions with no delay, a short, a fitting and a very long one."""
    talk = await open_talk(visit.guest())
    for args, delay in _DELAYS:
        scheduled = await talk.guest.does(
            "scheduleDeleteThread", conversationId=talk.conversation, **args
        )
        job = {"deletionJobId": scheduled["deletionJobId"]}
        found = await _status(talk, job)
        require_equal(found["status"], "scheduled", "the deletion is")
        require_equal(found["scheduledFor"], scheduled["scheduledFor"], "when it is due:")
        require_equal(found["scheduledFor"] - found["createdAt"], delay, f"the delay for {args}:")
        await talk.guest.mutate("cancelDeletion", **job)


@check("deletion.job.due")
async def a_deletion_is_done_when_due(visit: Visit) -> None:
    """Schedules a deletion in a second, and looks at once and afterwards."""
    talk = await open_talk(visit.guest())
    job = await _schedule(talk, delayMs=_SECOND)
    found = await _status(talk, job)
    require_equal(found["status"], "scheduled", "before its time, the deletion is")
    require_equal((await talk.snapshot())["threadStatus"], "active", "the thread is")
    ended = await over(talk.guest, job["deletionJobId"])
    require_equal(ended["status"], "completed", "afterwards, the deletion is")
    gone = await talk.guest.reads("threadSnapshotByConversation", conversationId=talk.conversation)
    require_equal(gone["threadStatus"], "missing_thread", "the conversation is")


@check("deletion.job.cancel")
async def a_deletion_is_cancelled_once(visit: Visit) -> None:
    """Cancels a deletion that waits, twice, and tries to force it."""
    talk = await open_talk(visit.guest())
    job = await _schedule(talk)
    for expected in (True, False):
        answer = await talk.guest.does("cancelDeletion", **job)
        require_equal(answer, {**job, "cancelled": expected}, "the answer")
    forced = await talk.guest.does("forceRunDeletion", **job)
    require_equal(forced, {**job, "forced": False}, "the answer to forcing")
    found = await _status(talk, job)
    require_equal(found["status"], "cancelled", "the deletion is")
    require_equal(found.get("scheduledFor"), None, "when it is due:")
    require_equal((await talk.snapshot())["threadStatus"], "active", "the thread is")


@check("deletion.job.force")
async def a_deletion_is_forced(visit: Visit) -> None:
    """Forces a deletion that would wait for days."""
    talk = await open_talk(visit.guest())
    job = await _schedule(talk, delayMs=10**12)
    answer = await talk.guest.does("forceRunDeletion", **job)
    require_equal(answer, {**job, "forced": True}, "the answer")
    ended = await over(talk.guest, job["deletionJobId"])
    require_equal(ended["status"], "completed", "the deletion ends as")


@check("deletion.job.ended")
async def an_ended_deletion_stays_ended(visit: Visit) -> None:
    """Cancels and forces a deletion that is completed."""
    talk = await open_talk(visit.guest())
    begun = await talk.guest.does("deleteThread", conversationId=talk.conversation)
    job = {"deletionJobId": begun["deletionJobId"]}
    await over(talk.guest, job["deletionJobId"])
    cancelled = await talk.guest.does("cancelDeletion", **job)
    require_equal(cancelled, {**job, "cancelled": False}, "the answer to cancelling")
    forced = await talk.guest.does("forceRunDeletion", **job)
    require_equal(forced, {**job, "forced": False}, "the answer to forcing")
    require_equal((await _status(talk, job))["status"], "completed", "the deletion is")


@check("deletion.job.unknown")
async def unknown_deletions_are_nothing(visit: Visit) -> None:
    """Asks for, cancels and forces a deletion that is not there."""
    guest = visit.guest()
    job = {"deletionJobId": visit.name("deletion")}
    require_equal(await guest.reads("getDeletionStatus", **job), None, "the status")
    cancelled = await guest.does("cancelDeletion", **job)
    require_equal(cancelled, {**job, "cancelled": False}, "the answer to cancelling")
    forced = await guest.does("forceRunDeletion", **job)
    require_equal(forced, {**job, "forced": False}, "the answer to forcing")


@check("deletion.job.batch-size")
async def batch_sizes_are_whole(visit: Visit) -> None:
    """Deletes with half a row at a time, and reads the conversation afterwards."""
    talk = await open_talk(visit.guest())
    args = {"conversationId": talk.conversation, "batchSize": 2.5}
    await talk.guest.cannot("deleteThread", "E_DELETE_ARGUMENT_INVALID", **args)
    await talk.guest.cannot("scheduleDeleteThread", "E_DELETE_ARGUMENT_INVALID", **args)
    require_equal((await talk.snapshot())["threadStatus"], "active", "the thread is")
