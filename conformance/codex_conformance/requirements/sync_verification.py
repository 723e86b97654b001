"""The requirements about durable imports: nothing is called synced that is not there.

May import the definition of a requirement. The invariant: the rows say what an application's host
does, in words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_SOURCES: Final = (
    must(
        "sync_verification.source.append-again",
        "The same chunk again is no second one; another chunk under its index is refused with "
        "E_SYNC_SOURCE_CHUNK_CONFLICT.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.source.arguments",
        "Indexes and counts that are no whole numbers from 0 are refused with "
        "E_SYNC_SOURCE_INVALID.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.source.closed",
        "A sealed source takes no chunk: E_SYNC_SOURCE_NOT_COLLECTING.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.source.unbound",
        "A source of a conversation that is bound to nothing is refused with "
        "E_CONVERSATION_NOT_FOUND.",
        "spec 03 §6",
    ),
    should(
        "sync_verification.source.other-thread",
        "A source for another thread than the conversation's is refused with "
        "E_CONVERSATION_THREAD_MISMATCH.",
        "spec 03 §6",
    ),
    should(
        "sync_verification.source.abandoned",
        "A source that nobody feeds expires: the conversation is drifted, and sealing is refused "
        "with E_SYNC_SOURCE_EXPIRED.",
        "spec 03 §9",
    ),
)

_SEALING: Final = (
    must(
        "sync_verification.seal.gap",
        "Chunks with a gap are not sealed: E_SYNC_SOURCE_CHUNK_INDEX_GAP.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.seal.checksum",
        "Chunks that are not as many or as large as expected are not sealed: "
        "E_SYNC_SOURCE_CHECKSUM_MISMATCH.",
        "spec 03 §6",
    ),
    should(
        "sync_verification.seal.digest",
        "Chunks with another content than expected are not sealed: E_SYNC_SOURCE_DIGEST_MISMATCH.",
        "spec 03 §2",
    ),
    must(
        "sync_verification.seal.manifest",
        "A manifest that is no array of distinct entries, or has another number of them than "
        "expected, is refused with E_SYNC_MANIFEST_INVALID.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.seal.repair",
        "A source whose sealing was refused can be repaired and sealed.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.seal.again",
        "Sealing a sealed source again sets nothing going, and names the import.",
        "spec 03 §6",
    ),
    should(
        "sync_verification.seal.own-job",
        "Sealing an older source again names that source's import, not the conversation's newest.",
        "spec 03 §6",
    ),
)

_JOBS: Final = (
    must(
        "sync_verification.job.synced",
        "An import ends as synced, with every message of its manifest there and the counts of all "
        "its chunks.",
        "spec 03 §8",
    ),
    must(
        "sync_verification.job.nothing",
        "An import of nothing ends as synced.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.job.extra",
        "Messages beyond the manifest are no mismatch.",
        "spec 03 §8",
    ),
    must(
        "sync_verification.job.missing",
        "An import whose manifest names a message that is not there fails with "
        "E_SYNC_MANIFEST_SET_MISMATCH.",
        "spec 03 §8",
    ),
    must(
        "sync_verification.job.unreadable",
        "An import with a chunk that is no array of events fails with E_SYNC_SOURCE_INVALID.",
        "spec 03 §8",
    ),
    must(
        "sync_verification.job.rejected",
        "An import whose events are rejected again and again fails, with the code of the "
        "rejection.",
        "spec 03 §8",
    ),
    should(
        "sync_verification.job.anonymous",
        "An anonymous actor's import ends as synced.",
        "spec 03 §8",
    ),
    must(
        "sync_verification.job.replaced",
        "Sealing a newer source cancels the older import with E_SYNC_JOB_CANCELLED_REPLACED.",
        "spec 03 §6",
    ),
    must(
        "sync_verification.job.cancel",
        "An import that has not ended can be cancelled, once, and does not go on.",
        "spec 03 §7",
    ),
    must(
        "sync_verification.job.unknown",
        "Cancelling an unknown import is refused with E_SYNC_JOB_NOT_FOUND.",
        "spec 03 §7",
    ),
    must(
        "sync_verification.job.newest",
        "Without an id the newest import is given, and the list has the newest first, as many as "
        "were asked for and at least one.",
        "spec 03 §10",
    ),
    should(
        "sync_verification.job.chunks-dropped",
        "When an import has ended, its chunks are dropped.",
        "spec 03 §13",
    ),
)

_BINDINGS: Final = (
    must(
        "sync_verification.progress.marked",
        "markConversationSyncProgress writes down how far a conversation is in step.",
        "spec 03 §4",
    ),
    must(
        "sync_verification.progress.stale",
        "What is marked for an import that the conversation does not track is ignored.",
        "spec 03 §4",
    ),
    should(
        "sync_verification.progress.forwards",
        "The cursor of a conversation does not move backwards.",
        "spec 03 §4",
    ),
    should(
        "sync_verification.progress.as-written",
        "The answer is what was written: an error that was cleared is not told any more.",
        "spec 03 §4",
    ),
    should(
        "sync_verification.progress.not-by-others",
        "While an import runs, nobody but the import makes the conversation synced.",
        "spec 03 §4",
    ),
    must(
        "sync_verification.progress.follows",
        "A conversation is syncing while its import runs, and synced, drifted or drifted when that "
        "has succeeded, failed or was cancelled.",
        "spec 03 §11",
    ),
    must(
        "sync_verification.rebind.counted",
        "Each rebind is counted, and opening with another runtime thread is one.",
        "spec 03 §5",
    ),
    should(
        "sync_verification.progress.own-job",
        "Cancelling an import that the conversation does not track leaves the conversation alone.",
        "spec 03 §7",
    ),
)

SYNC_VERIFICATION: Final[tuple[Requirement, ...]] = (*_SOURCES, *_SEALING, *_JOBS, *_BINDINGS)
"""The requirements of the suite ``sync_verification``."""
