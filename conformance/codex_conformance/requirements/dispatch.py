"""The requirements about dispatch: turns that were accepted, and the outbox they wait in.

May import the definition of a requirement. The invariant: the rows say what an application's host
does, in words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_ACCEPTING: Final = (
    must(
        "dispatch.accept.queued",
        "A turn that was accepted is queued.",
        "spec 04 §8",
    ),
    must(
        "dispatch.accept.once",
        "The same idempotency key makes one turn, however often it is sent.",
        "spec 01 §5",
    ),
    should(
        "dispatch.accept.echo",
        "The answer names the turn of the first call with this key.",
        "spec 05 §5",
    ),
    should(
        "dispatch.accept.per-thread",
        "The same key in another thread makes another turn.",
        "spec 01 §5",
    ),
    should(
        "dispatch.accept.id-once",
        "The id of a turn that was accepted is refused under another key: E_TURN_ID_REUSED.",
        "spec 01 §5",
    ),
    must(
        "dispatch.accept.fails",
        "A turn that could not be dispatched ends.",
        "spec 05 §5",
    ),
    should(
        "dispatch.accept.fails-as-failed",
        "A turn that could not be dispatched ends as failed, not as interrupted.",
        "spec 04 §10",
    ),
    must(
        "dispatch.interrupt.ends",
        "interruptTurn ends a turn as interrupted.",
        "spec 01 §5",
    ),
    must(
        "dispatch.interrupt.unknown",
        "Interrupting a turn that is not there is refused with E_TURN_NOT_FOUND.",
        "spec 01 §5",
    ),
)

_OUTBOX: Final = (
    should(
        "dispatch.claim.first",
        "Turns are claimed in the order in which they were accepted, each with its text.",
        "spec 04 §10",
    ),
    should(
        "dispatch.claim.one-at-a-time",
        "While a claim holds, nothing else of its thread can be claimed.",
        "spec 04 §10",
    ),
    should(
        "dispatch.claim.expires",
        "What was claimed can be claimed by another when the lease has run out.",
        "spec 04 §10",
    ),
    should(
        "dispatch.claim.fenced",
        "Who claimed first is refused with E_DISPATCH_FENCED after another has claimed.",
        "spec 04 §10",
    ),
    should(
        "dispatch.claim.started-again",
        "A turn that Codex has is claimed as started, so that nobody starts it twice.",
        "spec 04 §10",
    ),
    should(
        "dispatch.claim.extended",
        "Saying again that Codex has the turn extends the lease.",
        "spec 04 §10",
    ),
    should(
        "dispatch.state.table",
        "A dispatch moves as its table says: queued, claimed, started, completed, failed, "
        "cancelled.",
        "spec 04 §10",
    ),
    should(
        "dispatch.state.turn-follows",
        "A turn starts, completes, fails and is interrupted with its dispatch.",
        "spec 04 §10",
    ),
    should(
        "dispatch.state.settled-by-turn",
        "When a turn has ended, its dispatch is not open any more.",
        "spec 04 §10",
    ),
    should(
        "dispatch.state.listed",
        "The open dispatches of a thread are listed, the oldest first.",
        "spec 04 §10",
    ),
    should(
        "dispatch.state.unknown",
        "An unknown dispatch is refused with E_DISPATCH_NOT_FOUND.",
        "spec 04 §10",
    ),
)

DISPATCH: Final[tuple[Requirement, ...]] = (*_ACCEPTING, *_OUTBOX)
"""The requirements of the suite ``dispatch``."""
