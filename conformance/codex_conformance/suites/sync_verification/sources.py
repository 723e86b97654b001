"""Checks of sources: collecting chunks, and sealing them.

May import the visits, conversations and imports.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.sync_verification.importing import Import, marked, start_import
from codex_conformance.suites.talking import open_talk
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_APPEND: Final = "appendConversationSyncSourceChunk"
_SEAL: Final = "sealConversationSyncSource"
_DAY: Final = 24 * 60 * 60 * 1_000


async def _source(visit: Visit) -> Import:
    return await start_import(await open_talk(visit.guest()))


@check("sync_verification.source.append-again")
async def chunks_are_known_by_their_index(visit: Visit) -> None:
    """Appends a chunk twice, and then another one under its index."""
    source = await _source(visit)
    args = await source.feed()
    guest = source.talk.guest
    again = await guest.does(_APPEND, **args)
    expected = {"sourceId": source.source, "chunkIndex": 0, "appended": False}
    require_equal(again, expected, "the second answer")
    other = source.chunk(0, json.dumps([]), 0)
    for changes in (other, {**args, "messageCount": 7}, {**args, "byteSize": 7}):
        await guest.cannot(_APPEND, "E_SYNC_SOURCE_CHUNK_CONFLICT", **changes)


@check("sync_verification.source.arguments")
async def counts_are_whole_numbers(visit: Visit) -> None:
    """Appends chunks with negative and with broken numbers."""
    source = await _source(visit)
    good = source.chunk(0, "[]", 0)
    for name in ("chunkIndex", "messageCount", "byteSize"):
        for value in (-1, 0.5):
            changed = {**good, name: value}
            await source.talk.guest.cannot(_APPEND, "E_SYNC_SOURCE_INVALID", **changed)


@check("sync_verification.source.closed")
async def sealed_sources_take_nothing(visit: Visit) -> None:
    """Appends a chunk to a source that is sealed, and one to a source that is not there."""
    source = await _source(visit)
    await source.feed()
    await source.seal()
    guest = source.talk.guest
    chunk = source.chunk(1, "[]", 0)
    await guest.cannot(_APPEND, "E_SYNC_SOURCE_NOT_COLLECTING", **chunk)
    nowhere = {**chunk, "sourceId": visit.name("source")}
    await guest.cannot(_APPEND, "E_SYNC_SOURCE_NOT_FOUND", **nowhere)


@check("sync_verification.source.unbound")
async def sources_need_a_conversation(visit: Visit) -> None:
    """Begins to collect for a conversation that nobody has opened."""
    await visit.guest().cannot(
        "startConversationSyncSource",
        "E_CONVERSATION_NOT_FOUND",
        conversationId=visit.name("unopened"),
    )


@check("sync_verification.source.other-thread")
async def sources_are_for_the_conversations_thread(visit: Visit) -> None:
    """Begins to collect for a conversation, and names the thread of another."""
    guest = visit.guest()
    talk, other = await open_talk(guest), await open_talk(guest)
    await guest.cannot(
        "startConversationSyncSource",
        "E_CONVERSATION_THREAD_MISMATCH",
        conversationId=talk.conversation,
        threadId=other.thread,
    )


@check("sync_verification.source.abandoned", HostCapability.VIRTUAL_CLOCK)
async def abandoned_sources_expire(visit: Visit) -> None:
    """Feeds a source once, and comes back a day later."""
    source = await _source(visit)
    await source.feed()
    await visit.pass_time(_DAY)
    state = await marked(source.talk)
    require_equal(state["syncState"], "drifted", "the conversation is")
    await source.talk.guest.cannot(_SEAL, "E_SYNC_SOURCE_EXPIRED", **source.seal_args())


@check("sync_verification.seal.gap")
async def chunks_have_no_gap(visit: Visit) -> None:
    """Seals a source with the chunks 0 and 2."""
    source = await _source(visit)
    await source.feed()
    await source.talk.guest.mutate(_APPEND, **source.chunk(2, "[]", 0))
    args = source.seal_args(expectedChecksum=f"2:2:{len(source.payloads[0]) + 2}")
    await source.talk.guest.cannot(_SEAL, "E_SYNC_SOURCE_CHUNK_INDEX_GAP", **args)


@check("sync_verification.seal.checksum")
async def chunks_are_counted(visit: Visit) -> None:
    """Seals a source as if it had a chunk, a message or a byte more."""
    source = await _source(visit)
    await source.feed()
    size = len(source.payloads[0])
    for wrong in (f"2:2:{size}", f"1:3:{size}", f"1:2:{size + 1}", "", "nonsense"):
        args = source.seal_args(expectedChecksum=wrong)
        await source.talk.guest.cannot(_SEAL, "E_SYNC_SOURCE_CHECKSUM_MISMATCH", **args)


@check("sync_verification.seal.digest")
async def contents_are_compared(visit: Visit) -> None:
    """Seals a source with the digest of another content, and then with its own."""
    source = await _source(visit)
    await source.feed()
    await source.feed()
    guest = source.talk.guest
    wrong = source.seal_args(expectedDigest="0" * 64)
    await guest.cannot(_SEAL, "E_SYNC_SOURCE_DIGEST_MISMATCH", **wrong)
    sealed = await guest.does(_SEAL, **source.seal_args(expectedDigest=source.digest))
    require_equal(sealed["scheduled"], True, "set going:")


@check("sync_verification.seal.manifest")
async def manifests_are_checked(visit: Visit) -> None:
    """Seals a source with manifests that are none, and with another count than they have."""
    source = await _source(visit)
    await source.feed()
    entry = source.manifest[0]
    bad: tuple[dict[str, Any], ...] = (
        {"expectedManifestJson": "{no json"},
        {"expectedManifestJson": "{}"},
        {"expectedManifestJson": json.dumps([entry, entry])},
        {"expectedManifestJson": json.dumps([{"turnId": "t"}])},
        {"expectedManifestJson": json.dumps([7])},
        {"expectedMessageCount": 3},
    )
    for changes in bad:
        args = source.seal_args(**changes)
        await source.talk.guest.cannot(_SEAL, "E_SYNC_MANIFEST_INVALID", **args)


@check("sync_verification.seal.repair")
async def refused_sources_can_be_repaired(visit: Visit) -> None:
    """Seals a source that lacks a chunk, appends the chunk, and seals it again."""
    source = await _source(visit)
    await source.feed()
    guest = source.talk.guest
    await guest.cannot(_SEAL, **source.seal_args(expectedChecksum="2:2:2"))
    await source.feed()
    sealed = await guest.does(_SEAL, **source.seal_args())
    require_equal((sealed["sourceState"], sealed["totalChunks"]), ("sealed", 2), "the source")
    job = await source.ended(sealed["jobId"])
    require_equal(job["state"], "synced", "the import ends as")


@check("sync_verification.seal.again")
async def sealing_again_sets_nothing_going(visit: Visit) -> None:
    """Seals a source twice."""
    source = await _source(visit)
    await source.feed()
    job = await source.seal()
    again = await source.talk.guest.does(_SEAL, **source.seal_args())
    expected = {
        "sourceId": source.source,
        "sourceState": "sealed",
        "totalChunks": 1,
        "jobId": job,
        "scheduled": False,
    }
    require_equal(again, expected, "the second answer")


@check("sync_verification.seal.own-job")
async def a_source_knows_its_import(visit: Visit) -> None:
    """Seals a source, then another of the same conversation, then the first again."""
    first = await _source(visit)
    await first.feed()
    job = await first.seal()
    second = await start_import(first.talk)
    await second.feed()
    newest = await second.seal()
    require(job != newest, "two imports", newest)
    again = await first.talk.guest.does(_SEAL, **first.seal_args())
    require_equal(again["jobId"], job, "the first source's import")
