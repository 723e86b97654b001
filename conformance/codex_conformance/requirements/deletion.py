"""The requirements about deletion: what is deleted is gone, and nothing else is.

May import the definition of a requirement. The invariant: the rows say what an application's host
does, in words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_THREADS: Final = (
    must(
        "deletion.thread.gone",
        "A deleted conversation is bound to nothing, and its thread is not found.",
        "spec 04 §5",
    ),
    should(
        "deletion.thread.leaves-nothing",
        "Of a deleted thread no row is left in any table, its imports included.",
        "spec 04 §6",
    ),
    must(
        "deletion.thread.others-stay",
        "Deleting a conversation changes nothing of another.",
        "spec 04 §5",
    ),
    must(
        "deletion.thread.opened-anew",
        "A conversation that was deleted can be opened again, and has a new thread.",
        "spec 04 §6",
    ),
    must(
        "deletion.thread.counted",
        "A deletion says how many rows of each table it has deleted, batch by batch or at once.",
        "spec 04 §3",
    ),
    should(
        "deletion.thread.import-ends",
        "An import into a thread that was deleted does not bring it back.",
        "spec 04 §6",
    ),
)

_TURNS: Final = (
    must(
        "deletion.turn.gone",
        "A deleted turn is not found, and its messages are gone.",
        "spec 04 §5",
    ),
    must(
        "deletion.turn.others-stay",
        "Deleting a turn leaves the other turns, the thread and the conversation alone.",
        "spec 04 §5",
    ),
    should(
        "deletion.turn.leaves-nothing",
        "Of a deleted turn no row is left, the checkpoints of its streams included.",
        "spec 04 §6",
    ),
    must(
        "deletion.turn.unknown",
        "Deleting a turn that is not there is refused with E_TURN_NOT_FOUND.",
        "spec 04 §2",
    ),
)

_PURGES: Final = (
    must(
        "deletion.purge.gone",
        "After a purge every conversation of the actor is bound to nothing.",
        "spec 04 §5",
    ),
    should(
        "deletion.purge.leaves-nothing",
        "After a purge nothing of the actor is left but the record of the purge.",
        "spec 04 §6",
    ),
    must(
        "deletion.purge.others-stay",
        "A purge changes nothing of another user.",
        "spec 04 §5",
    ),
)

_JOBS: Final = (
    must(
        "deletion.job.delay",
        "A deletion waits as long as was asked for: at least a second, at most seven days, ten "
        "minutes when nothing was asked for.",
        "spec 04 §1",
    ),
    must(
        "deletion.job.due",
        "A scheduled deletion is done when its time has come, and not before.",
        "spec 04 §3",
    ),
    must(
        "deletion.job.cancel",
        "A deletion that waits can be cancelled, once; a cancelled one cannot be forced.",
        "spec 04 §3",
    ),
    must(
        "deletion.job.force",
        "A deletion that waits can be begun at once.",
        "spec 04 §3",
    ),
    must(
        "deletion.job.ended",
        "A deletion that has ended cannot be cancelled or forced.",
        "spec 04 §3",
    ),
    must(
        "deletion.job.unknown",
        "An unknown deletion has no status, and is neither cancelled nor forced.",
        "spec 04 §3",
    ),
    should(
        "deletion.job.batch-size",
        "A batch size that is no whole number is refused before anything is deleted.",
        "spec 13 §2",
    ),
)

DELETION: Final[tuple[Requirement, ...]] = (*_THREADS, *_TURNS, *_PURGES, *_JOBS)
"""The requirements of the suite ``deletion``."""
