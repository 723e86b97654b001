"""Checks of what a conversation says of its sync: marks, rebinds, and what follows from imports.

May import the visits, conversations and imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.sync_verification.importing import Import, marked, start_import
from codex_conformance.suites.talking import open_talk
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.talking import Talk
    from codex_conformance.suites.visiting import Visit

_MARK: Final = "markConversationSyncProgress"
_CANCEL: Final = "cancelConversationSyncJob"


async def _mark(talk: Talk, cursor: int, **args: Any) -> Any:
    return await talk.guest.does(_MARK, conversationId=talk.conversation, cursor=cursor, **args)


async def _fed(talk: Talk) -> Import:
    source = await start_import(talk)
    await source.feed()
    return source


@check("sync_verification.progress.marked")
async def progress_is_written_down(visit: Visit) -> None:
    """Marks a conversation as synced, and as drifted with an error."""
    talk = await open_talk(visit.guest())
    answer = await _mark(talk, 5)
    found = (answer["syncState"], answer["lastSyncedCursor"], answer["staleIgnored"])
    require_equal(found, ("synced", 5, False), "the answer")
    await _mark(talk, 6, syncState="drifted", errorCode="E_CONFORMANCE")
    state = await marked(talk)
    require_equal((state["syncState"], state["lastSyncedCursor"]), ("drifted", 6), "afterwards")


@check("sync_verification.progress.stale")
async def stale_marks_are_ignored(visit: Visit) -> None:
    """Marks a conversation for an import that it does not track."""
    talk = await open_talk(visit.guest())
    await _mark(talk, 5)
    answer = await _mark(talk, 9, syncState="drifted", expectedSyncJobId="no-such-import")
    found = (answer["syncState"], answer["lastSyncedCursor"], answer["staleIgnored"])
    require_equal(found, ("synced", 5, True), "the answer")
    state = await marked(talk)
    require_equal((state["syncState"], state["lastSyncedCursor"]), ("synced", 5), "afterwards")


@check("sync_verification.progress.forwards")
async def cursors_move_forwards(visit: Visit) -> None:
    """Marks a conversation at 9 and then at 4."""
    talk = await open_talk(visit.guest())
    await _mark(talk, 9)
    answer = await _mark(talk, 4)
    require_equal(answer["lastSyncedCursor"], 9, "the cursor")


@check("sync_verification.progress.as-written")
async def the_answer_is_what_was_written(visit: Visit) -> None:
    """Marks a conversation with an error of its import, and then without."""
    talk = await open_talk(visit.guest())
    answer = await _mark(talk, 1, syncState="drifted", syncJobErrorCode="E_CONFORMANCE")
    require_equal(answer.get("syncJobErrorCode"), "E_CONFORMANCE", "the error")
    answer = await _mark(talk, 2)
    require_equal(answer.get("syncJobErrorCode"), None, "the error that was cleared:")
    require_equal((await marked(talk)).get("syncJobErrorCode"), None, "the error afterwards:")


@check("sync_verification.progress.not-by-others", HostCapability.VIRTUAL_CLOCK)
async def nobody_runs_ahead_of_an_import(visit: Visit) -> None:
    """Marks a conversation as synced while its import is under way."""
    talk = await open_talk(visit.guest())
    source = await _fed(talk)
    job = await source.seal()
    answer = await _mark(talk, 1)
    require(answer["syncState"] != "synced", "a conversation that is not synced", answer)
    ended = await source.ended(job)
    require_equal(ended["state"], "synced", "the import ends as")
    require_equal((await marked(talk))["syncState"], "synced", "then, the conversation is")


@check("sync_verification.progress.follows", HostCapability.VIRTUAL_CLOCK)
async def a_conversation_follows_its_import(visit: Visit) -> None:
    """Lets imports succeed, fail and be cancelled, and reads the conversation before and after."""
    talk = await open_talk(visit.guest())
    for end, state, job_state in (
        ("succeed", "synced", "synced"),
        ("fail", "drifted", "failed"),
        ("cancel", "drifted", "cancelled"),
    ):
        source = await _fed(talk)
        if end == "fail":
            source.manifest[0] = {"turnId": "t-missing", "messageId": "m-missing"}
        job = await source.seal()
        found = await marked(talk)
        shown = (found["syncState"], found["syncJobState"], found["syncJobId"])
        require_equal(shown, ("syncing", "syncing", job), f"before it {end}s:")
        if end == "cancel":
            await talk.guest.mutate(_CANCEL, jobId=job)
        await source.ended(job, needed=True)
        found = await marked(talk)
        shown = (found["syncState"], found["syncJobState"], found["syncJobId"])
        require_equal(shown, (state, job_state, job), f"after it {end}s:")


@check("sync_verification.progress.own-job", HostCapability.VIRTUAL_CLOCK)
async def a_conversation_follows_no_other_import(visit: Visit) -> None:
    """Cancels an import after the conversation was told to begin a new one."""
    talk = await open_talk(visit.guest())
    job = await (await _fed(talk)).seal()
    await start_import(talk)
    before = await marked(talk)
    await talk.guest.mutate(_CANCEL, jobId=job, errorCode="E_CONFORMANCE")
    after = await marked(talk)
    for name in ("syncState", "syncJobState", "syncJobErrorCode"):
        require_equal(after.get(name), before.get(name), f"{name} afterwards:")


@check("sync_verification.rebind.counted")
async def rebinds_are_counted(visit: Visit) -> None:
    """Rebinds a conversation twice to one runtime thread, then opens it with another."""
    talk = await open_talk(visit.guest())
    name = {"conversationId": talk.conversation}
    for count in (1, 2):
        answer = await talk.guest.does(
            "forceRebindConversationSync", **name, runtimeConversationId="r1"
        )
        expected = {
            "threadId": talk.thread,
            **name,
            "runtimeConversationId": "r1",
            "syncState": "syncing",
            "rebindCount": count,
        }
        require_equal(answer, expected, "the answer")
    for runtime, applied in (("r1", False), ("r2", True)):
        answer = await talk.guest.does(
            "syncOpenConversationBinding", **name, runtimeConversationId=runtime
        )
        require_equal(answer["rebindApplied"], applied, f"rebound by opening with {runtime}:")
    again = await talk.guest.does("forceRebindConversationSync", **name, runtimeConversationId="r2")
    require_equal(again["rebindCount"], 4, "the count")
