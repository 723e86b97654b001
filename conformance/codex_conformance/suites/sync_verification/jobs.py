"""Checks of imports: how they end, and what readers are told of them.

May import the visits, conversations, events and imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.sync_verification.importing import ENDED, Import, start_import
from codex_conformance.suites.talking import open_talk
from codex_conformance.suites.verdicts import Inconclusive, require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.talking import Talk
    from codex_conformance.suites.visiting import Visit

_CANCEL: Final = "cancelConversationSyncJob"


async def _import(visit: Visit, chunks: int = 1) -> Import:
    """A source with some chunks."""
    source = await start_import(await open_talk(visit.guest()))
    for _ in range(chunks):
        await source.feed()
    return source


async def _found(source: Import) -> set[tuple[str, str]]:
    """The messages of the conversation."""
    return {(row["turnId"], row["messageId"]) for row in await source.talk.messages()}


def _expected(source: Import) -> set[tuple[str, str]]:
    return {(entry["turnId"], entry["messageId"]) for entry in source.manifest}


@check("sync_verification.job.synced")
async def an_import_ends_as_synced(visit: Visit) -> None:
    """Imports three chunks, and reads the import and the messages."""
    source = await _import(visit, 3)
    job = await source.ended(await source.seal(expectedMessageCount=6))
    shown = (
        "state",
        "sourceState",
        "totalChunks",
        "processedChunkIndex",
        "processedMessageCount",
        "expectedMessageCount",
        "retryCount",
    )
    found = {name: job.get(name) for name in shown}
    expected = dict(zip(shown, ("synced", "sealed", 3, 3, 6, 6, 0), strict=True))
    require_equal(found, expected, "the import")
    require_equal(await _found(source), _expected(source), "the messages")


@check("sync_verification.job.nothing")
async def nothing_can_be_imported(visit: Visit) -> None:
    """Imports a source without a chunk, and one with a chunk of nothing."""
    for payloads in ((), ("[]",)):
        source = await _import(visit, 0)
        for payload in payloads:
            await source.feed_payload(payload, 0)
        sealed = await source.talk.guest.does("sealConversationSyncSource", **source.seal_args())
        job = await source.ended(sealed["jobId"])
        require_equal(job["state"], "synced", f"the import of {len(payloads)} chunks ends as")


@check("sync_verification.job.extra")
async def messages_beyond_the_manifest_are_fine(visit: Visit) -> None:
    """Imports into a conversation that has a message, with a manifest that names one of two."""
    source = await _import(visit)
    await source.talk.begin_session()
    await source.talk.takes(Stream(visit.name("turn")).closes("live", "text"))
    source.manifest.pop()
    job = await source.ended(await source.seal())
    require_equal(job["state"], "synced", "the import ends as")


@check("sync_verification.job.missing")
async def a_missing_message_is_noticed(visit: Visit) -> None:
    """Imports with a manifest that names a message of another turn, and of no turn."""
    for missing in ({"messageId": "m-missing"}, {"turnId": "t-missing"}):
        source = await _import(visit)
        source.manifest[-1] = {**source.manifest[-1], **missing}
        job = await source.ended(await source.seal())
        found = (job["state"], job.get("lastErrorCode"))
        require_equal(found, ("failed", "E_SYNC_MANIFEST_SET_MISMATCH"), "the import ends as")


@check("sync_verification.job.unreadable")
async def unreadable_chunks_fail(visit: Visit) -> None:
    """Imports chunks that are no JSON, and no array."""
    for payload in ("{no json", "{}"):
        source = await _import(visit, 0)
        await source.feed_payload(payload, 0)
        job = await source.ended(await source.seal())
        found = (job["state"], job.get("lastErrorCode"))
        require_equal(found, ("failed", "E_SYNC_SOURCE_INVALID"), "the import ends as")


@check("sync_verification.job.rejected", HostCapability.VIRTUAL_CLOCK)
async def rejected_events_fail_at_last(visit: Visit) -> None:
    """Imports an event that every attempt rejects."""
    source = await _import(visit)
    bad = {**Stream(visit.name("turn")).adds("m1", "text"), "turnId": "another"}
    await source.feed_events([bad])
    job = await source.ended(await source.seal())
    found = (job["state"], job.get("lastErrorCode"))
    require_equal(found, ("failed", "TURN_ID_MISMATCH"), "the import ends as")
    require(job["retryCount"] > 1, "more than one attempt", job["retryCount"])


@check("sync_verification.job.anonymous")
async def anonymous_actors_import(visit: Visit) -> None:
    """Imports two chunks as an anonymous actor."""
    source = await start_import(await open_talk(visit.anonymous(visit.name("someone"))))
    await source.feed()
    await source.feed()
    job = await source.ended(await source.seal())
    found = (job["state"], job.get("lastErrorCode"))
    require_equal(found, ("synced", None), "the import ends as")
    require_equal(await _found(source), _expected(source), "the messages")


@check("sync_verification.job.replaced", HostCapability.VIRTUAL_CLOCK)
async def a_newer_source_replaces_an_import(visit: Visit) -> None:
    """Seals a source while the import of another is under way."""
    first = await _import(visit)
    job = await first.seal()
    second = await start_import(first.talk)
    await second.feed()
    newest = await second.seal()
    replaced = await first.job(job)
    found = (replaced["state"], replaced.get("lastErrorCode"))
    require_equal(found, ("cancelled", "E_SYNC_JOB_CANCELLED_REPLACED"), "the older import is")
    ended = await second.ended(newest)
    require_equal(ended["state"], "synced", "the newer import ends as")


@check("sync_verification.job.cancel", HostCapability.VIRTUAL_CLOCK)
async def an_import_is_cancelled_once(visit: Visit) -> None:
    """Cancels an import before its first step, twice, and lets time pass."""
    source = await _import(visit)
    job = {"jobId": await source.seal()}
    guest = source.talk.guest
    why = {"errorCode": "E_CONFORMANCE", "errorMessage": "why"}
    answer = await guest.does(_CANCEL, **job, **why)
    require_equal(answer, {**job, "state": "cancelled", "cancelled": True}, "the answer")
    again = await guest.does(_CANCEL, **job)
    require_equal(again, {**job, "state": "cancelled", "cancelled": False}, "the second answer")
    await visit.pass_time(120_000)
    found = await source.job(job["jobId"])
    shown = (found["state"], found.get("lastErrorCode"), found["processedChunkIndex"])
    require_equal(shown, ("cancelled", "E_CONFORMANCE", 0), "the import afterwards")
    require_equal(await source.talk.messages(), [], "the messages")


@check("sync_verification.job.unknown")
async def unknown_imports_are_not_cancelled(visit: Visit) -> None:
    """Cancels an import that is not there."""
    await visit.guest().cannot(_CANCEL, "E_SYNC_JOB_NOT_FOUND", jobId=visit.name("import"))


@check("sync_verification.job.newest")
async def the_newest_import_comes_first(visit: Visit) -> None:
    """Imports three times, and lists the imports with several limits."""
    talk = await open_talk(visit.guest())
    ids: list[str] = []
    for _ in range(3):
        source = await start_import(talk)
        await source.feed()
        ids.insert(0, await source.seal())
        await source.ended(ids[0], needed=True)
        await visit.pass_time(1)
    name = {"conversationId": talk.conversation}
    newest = await talk.guest.reads("getConversationSyncJob", **name)
    require_equal(newest["jobId"], ids[0], "the newest import")
    for limit, expected in (({}, ids), ({"limit": 2}, ids[:2]), ({"limit": 0}, ids[:1])):
        rows = await talk.guest.reads("listConversationSyncJobs", **name, **limit)
        require_equal([row["jobId"] for row in rows], expected, f"the imports with {limit}:")
    unknown = await talk.guest.reads("getConversationSyncJob", **name, jobId="no-such-import")
    require_equal(unknown, None, "an unknown import")


@check("sync_verification.job.chunks-dropped", HostCapability.AUDIT, HostCapability.VIRTUAL_CLOCK)
async def chunks_are_dropped(visit: Visit) -> None:
    """Counts the chunks of an actor whose imports have succeeded, failed and were cancelled."""
    talk = await open_talk(visit.guest())
    for spoil in (_leave, _misname, _cancel):
        source = await start_import(talk)
        await source.feed()
        await spoil(talk, source)
    await visit.pass_time(1_000)
    rows, _ = await visit.rows_of(talk.guest)
    chunks = {name: count for name, count in rows.items() if "chunk" in name}
    require_equal(chunks, {}, "the chunks")


async def _leave(_: Talk, source: Import) -> None:
    await _is(source, await source.seal(), "synced")


async def _misname(_: Talk, source: Import) -> None:
    source.manifest[0] = {"turnId": "t-missing", "messageId": "m-missing"}
    await _is(source, await source.seal(), "failed")


async def _cancel(talk: Talk, source: Import) -> None:
    job = await source.seal()
    await talk.guest.mutate(_CANCEL, jobId=job)
    await _is(source, job, "cancelled")


async def _is(source: Import, job: str, state: str) -> None:
    found: Any = await source.ended(job, needed=True)
    if found["state"] != state or state not in ENDED:
        raise Inconclusive(f"the import ended as {found['state']} and not as {state}")
