"""How a check says what it found: a violation, or that it cannot tell.

May import the wire. The invariant: a check that neither raises here nor finds anything to judge
does not exist: :func:`some` turns "nothing to judge" into an unknown outcome, never into a pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from codex_conformance.requirements.expectations import ORDERS
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn

_T = TypeVar("_T")

EVIDENCE_LINES: Final = 8
"""Lines of a transcript that a violation shows."""


class Violation(Exception):  # noqa: N818 - the verdict of a check, not an error of ours
    """A requirement is broken.

    Args:
        expected: What the rule wants.
        found: What there was instead.
        evidence: The messages that show it, in order.
    """

    def __init__(self, expected: str, found: str, evidence: Iterable[Entry] = ()) -> None:
        super().__init__(f"expected {expected}; found {found}")
        self.expected = expected
        self.found = found
        self.evidence = tuple(entry.shown() for entry in evidence)[-EVIDENCE_LINES:]


class Inconclusive(Exception):  # noqa: N818 - the verdict of a check, not an error of ours
    """Whether a requirement holds cannot be told.

    Args:
        reason: Why.
    """


def violated(expected: str, found: object, *evidence: Entry | None) -> NoReturn:
    """Say that the rule is broken.

    Args:
        expected: What the rule wants.
        found: What there was instead.
        evidence: The messages that show it.

    Raises:
        Violation: Always.
    """
    raise Violation(expected, str(found), (entry for entry in evidence if entry is not None))


def require(holds: bool, expected: str, found: object, *evidence: Entry | None) -> None:
    """Say that the rule is broken unless something holds."""
    if not holds:
        violated(expected, found, *evidence)


def require_equal(found: object, expected: object, what: str, *evidence: Entry | None) -> None:
    """Say that the rule is broken unless two JSON values are the same."""
    if found != expected:
        violated(f"{what} {expected!r}", repr(found), *evidence)


def require_order(requirement: str, *places: Entry) -> None:
    """Say that the rule is broken unless messages come in the order that is expected.

    Args:
        requirement: The requirement whose order it is, see
            :data:`codex_conformance.requirements.expectations.ORDERS`.
        places: The messages, in that order.
    """
    labels = ORDERS[requirement]
    found = sorted(zip(places, labels, strict=True), key=lambda pair: pair[0].index)
    came = tuple(label for _, label in found)
    if came != labels:
        violated(", then ".join(labels), ", then ".join(came), *(entry for entry, _ in found))


def some(things: Iterable[_T], what: str) -> tuple[_T, ...]:
    """Take the things a check judges; there must be some.

    Args:
        things: The things.
        what: What they are, for the reason.

    Raises:
        Inconclusive: There are none.
    """
    found = tuple(things)
    if not found:
        raise Inconclusive(f"the scene shows no {what}")
    return found


def present(thing: _T | None, what: str) -> _T:
    """Take the one thing a check judges; it must be there.

    Raises:
        Inconclusive: It is not.
    """
    if thing is None:
        raise Inconclusive(f"the scene shows no {what}")
    return thing


def turns_in(scene: Scene) -> tuple[Turn, ...]:
    """The turns of a scene; there must be some.

    Raises:
        Inconclusive: There are none.
    """
    return some(scene.turns, "turn")


def turn_at(scene: Scene, place: int) -> Turn:
    """One turn of a scene.

    Args:
        scene: The scene.
        place: Which turn, from 0.

    Raises:
        Inconclusive: There are fewer.
    """
    turns = scene.turns
    if place >= len(turns):
        raise Inconclusive(f"the scene shows {len(turns)} turns and needs {place + 1}")
    return turns[place]


def section_of(scene: Scene, name: str) -> tuple[Entry, ...]:
    """A named section of a scene.

    Raises:
        Inconclusive: The scene never came there.
    """
    return present(scene.section(name), f"section {name!r}")


def final_status(turn: Turn) -> object:
    """How a turn ended; ``None`` for one that did not."""
    completed = turn.first("turn/completed")
    return at(completed.message, "params", "turn", "status") if completed else None


def ended_well(turn: Turn) -> None:
    """Judge that a turn was completed.

    Raises:
        Inconclusive: It did not end.
        Violation: It ended otherwise.
    """
    completed = present(turn.first("turn/completed"), "turn/completed")
    require_equal(
        at(completed.message, "params", "turn", "status"),
        "completed",
        "a turn that ends as",
        completed,
    )
