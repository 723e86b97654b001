"""The kinds of change between two locks, and which of them break what is built on the first.

May import nothing of the project. The invariant: the verdict on every kind, for each side that may
say a thing, stands in one table.

A lock is used from both ends. The runtime *says* what a client says and *hears* what a server says;
the simulated app-server does the reverse; recordings of both are kept. So what matters is not only
that a new reader understands an old writer:

* Of what the **client says** (params of its requests, its answers): when the server takes less
  than before, our builders make messages it refuses. When it takes more, nothing breaks.
* Of what the **server says** (its notifications and requests, its results): when it may say more
  kinds of value than before, or leave a member out, our readers meet what they do not expect. When
  it promises less variety, no reader breaks, but what we recorded and what we simulate would no
  longer be messages of the protocol.

So a narrowing is fatal on both sides, and a widening on the server's side only. An addition (a
method, a member that may be left out, one more value of an enumeration, one more variant) is what a
protocol grows by: it is reported and never fatal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Speaker(Enum):
    """Who says what a schema describes."""

    CLIENT = "the client says"
    SERVER = "the server says"


class ChangeKind(Enum):
    """What has become of something."""

    METHOD_REMOVED = "method removed"
    METHOD_ADDED = "method added"
    METHOD_GATED = "method became experimental"
    METHOD_RELEASED = "method is experimental no more"
    FIELD_REMOVED = "field removed"
    FIELD_ADDED = "field added"
    REQUIRED_FIELD_ADDED = "required field added"
    FIELD_REQUIRED = "field made required"
    FIELD_OPTIONAL = "field made optional"
    TYPE_NARROWED = "type narrowed"
    TYPE_WIDENED = "type widened"
    VALUE_REMOVED = "enum value removed"
    VALUE_ADDED = "enum value added"
    VARIANT_REMOVED = "variant removed"
    VARIANT_ADDED = "variant added"
    DEFAULT_CHANGED = "default changed"


_K = ChangeKind

BREAKS: Final[dict[Speaker, frozenset[ChangeKind]]] = {
    Speaker.CLIENT: frozenset(
        {
            _K.METHOD_REMOVED,
            _K.METHOD_GATED,
            _K.FIELD_REMOVED,
            _K.REQUIRED_FIELD_ADDED,
            _K.FIELD_REQUIRED,
            _K.TYPE_NARROWED,
            _K.VALUE_REMOVED,
            _K.VARIANT_REMOVED,
            _K.DEFAULT_CHANGED,
        }
    ),
    Speaker.SERVER: frozenset(
        {
            _K.METHOD_REMOVED,
            _K.METHOD_GATED,
            _K.FIELD_REMOVED,
            _K.FIELD_REQUIRED,
            _K.FIELD_OPTIONAL,
            _K.TYPE_NARROWED,
            _K.TYPE_WIDENED,
            _K.VALUE_REMOVED,
            _K.VARIANT_REMOVED,
        }
    ),
}
"""What is fatal, by who says the thing; everything else is reported only."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two locks.

    Attributes:
        kind: What has become of it.
        speaker: Who says what it is part of.
        where: The method, and the way to the member: ``turn/start params.input[].text``.
        detail: What it was and what it is; empty when the kind says it all.
    """

    kind: ChangeKind
    speaker: Speaker
    where: str
    detail: str = ""

    @property
    def breaks(self) -> bool:
        """Whether something that is built on the first lock breaks."""
        return self.kind in BREAKS[self.speaker]

    def __str__(self) -> str:
        """Say it in one line."""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.kind.value}: {self.where}{detail} ({self.speaker.value} it)"
