"""The requirements about ingest: what events make of turns, messages and streams.

May import the definition of a requirement. The invariant: the rows say what an application's host
does, in words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_BATCHES: Final = (
    must(
        "ingest.batch.taken",
        "A batch that is taken in is answered with ok and how far each stream has come.",
        "spec 02 §9",
    ),
    must(
        "ingest.batch.empty",
        "An empty batch is refused.",
        "spec 05 §5",
    ),
    must(
        "ingest.batch.lifecycle",
        "A host refuses events that belong to no stream.",
        "spec 05 §5",
    ),
    must(
        "ingest.batch.one-event",
        "ingestEvent takes in one event as ingestBatch does.",
        "spec 05 §5",
    ),
    must(
        "ingest.batch.malformed",
        "A payload that is not what its kind says is rejected with UNKNOWN, and is not "
        "recoverable.",
        "spec 02 §5",
    ),
    must(
        "ingest.batch.turn-mismatch",
        "An event whose payload names another turn is rejected with TURN_ID_MISMATCH.",
        "spec 02 §5",
    ),
    should(
        "ingest.batch.all-or-nothing",
        "A batch that is rejected has written nothing.",
        "spec 02 §9",
    ),
    must(
        "ingest.session.recovered",
        "A batch of an unknown session is taken in, and the answer says that the session was "
        "bound.",
        "spec 02 §9",
    ),
    must(
        "ingest.session.moved",
        "A batch of a session that is bound to another thread is taken in, and the session moves.",
        "spec 02 §9",
    ),
)

_CURSORS: Final = (
    must(
        "ingest.cursor.empty-range",
        "An event that ends where it begins is rejected.",
        "spec 02 §10",
    ),
    must(
        "ingest.cursor.gap",
        "An event behind a gap is taken in, and the batch is partial.",
        "spec 02 §10",
    ),
    must(
        "ingest.cursor.out-of-order",
        "A new event before the end of its stream is rejected with OUT_OF_ORDER.",
        "spec 02 §10",
    ),
    should(
        "ingest.cursor.contiguous",
        "A batch that goes on where the last one ended is ok, stored or not.",
        "spec 02 §10",
    ),
    must(
        "ingest.stream.collision",
        "A stream of one turn cannot be used for another.",
        "spec 02 §10",
    ),
    must(
        "ingest.delivery.again",
        "Delivering the same stored events again is ok and changes nothing.",
        "spec 02 §10",
    ),
    should(
        "ingest.delivery.text-once",
        "Delivering the same text deltas again does not double the text.",
        "spec 02 §8",
    ),
)

_EFFECTS: Final = (
    must(
        "ingest.message.text",
        "The deltas of a message join to its text, and its completion has the last word.",
        "spec 02 §8",
    ),
    should(
        "ingest.message.late-start",
        "A start that comes late wipes no text, and opens no message that is complete.",
        "spec 02 §8",
    ),
    must(
        "ingest.message.endings",
        "A completed message can still fail, and a failed one stays failed.",
        "spec 02 §8",
    ),
    must(
        "ingest.turn.started",
        "turn/started makes a turn that is in progress.",
        "spec 02 §7",
    ),
    must(
        "ingest.turn.endings",
        "How a turn ends moves from completed to interrupted to failed, and never back.",
        "spec 04 §8",
    ),
    must(
        "ingest.turn.error-first",
        "An error and a completion in one batch end the turn as failed.",
        "spec 02 §7",
    ),
    must(
        "ingest.turn.settles-messages",
        "When a turn ends, the messages that still stream end with it.",
        "spec 04 §7",
    ),
    should(
        "ingest.turn.settles-waiting",
        "When a turn ends, no approval and no server request of it waits any more.",
        "spec 04 §7",
    ),
    must(
        "ingest.approval.asked",
        "A request for approval is listed as waiting, with its reason.",
        "spec 02 §8",
    ),
    must(
        "ingest.approval.decided-at-once",
        "What is asked and done in one batch does not wait.",
        "spec 02 §8",
    ),
    should(
        "ingest.approval.colons",
        "Approvals of turns and items with colons in their ids are kept as they are.",
        "spec 02 §8",
    ),
    must(
        "ingest.reasoning.summary",
        "Each piece of a reasoning summary is kept once.",
        "spec 02 §8",
    ),
    must(
        "ingest.reasoning.raw",
        "Raw reasoning is kept only when it is to be exposed, and listed only when asked for.",
        "spec 02 §8",
    ),
)

_REPLAY: Final = (
    should(
        "ingest.replay.whole",
        "A reader who asks from the beginning gets everything that is stored.",
        "spec 02 §11",
    ),
    must(
        "ingest.replay.rebased",
        "A reader who asks before the first stored event is told that the window is rebased.",
        "spec 02 §11",
    ),
    must(
        "ingest.replay.budget",
        "A replay gives no more events than a request may have.",
        "spec 02 §11",
    ),
    must(
        "ingest.replay.text-stored",
        "Text deltas can be replayed exactly when that was asked for.",
        "spec 02 §10",
    ),
    should(
        "ingest.replay.checkpoint",
        "Only the consumer moves its checkpoint, and only forwards.",
        "spec 02 §11",
    ),
    must(
        "ingest.stream.cleaned-up",
        "A stream whose turn has ended is removed after a while, and a marker says so.",
        "spec 02 §10",
    ),
    should(
        "ingest.stream.delay",
        "How long an ended stream stays is as long as was asked for.",
        "spec 01 §7",
    ),
    should(
        "ingest.stream.expiry",
        "Stored events expire after a day on a busy deployment, too.",
        "spec 02 §10",
    ),
)

INGEST: Final[tuple[Requirement, ...]] = (*_BATCHES, *_CURSORS, *_EFFECTS, *_REPLAY)
"""The requirements of the suite ``ingest``."""
