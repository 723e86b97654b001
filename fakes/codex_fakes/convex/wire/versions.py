"""The versions of one socket: what the client has said, what it was told.

May import the messages and the refusals. The invariant: every change names the version it is
based on and is refused when that is not the latest; each Transition starts where the last one
ended; the time never goes back.
"""

from __future__ import annotations

from typing import NoReturn

from codex_fakes.convex.wire.refusals import bad_request, internal
from codex_fakes.convex.wire.server_messages import StateVersion


class Versions:
    """Counts the versions of one socket."""

    def __init__(self) -> None:
        self._query_set = 0
        self._identity = 0
        self.told = StateVersion()
        """The end of the last Transition."""

    def change_query_set(self, base: int, new: int) -> None:
        """Take a change of the set of queries.

        Args:
            base: The version it is based on.
            new: The version it makes.

        Raises:
            Refusal: ``BaseVersionMismatch``, or the version does not grow.
        """
        if base != self._query_set:
            _mismatch(base, self._query_set)
        if new <= base:
            raise internal()
        self._query_set = new

    def change_identity(self, base: int) -> None:
        """Take a change of who is speaking.

        Args:
            base: The version it is based on.

        Raises:
            Refusal: ``BaseVersionMismatch``.
        """
        if base != self._identity:
            _mismatch(base, self._identity)
        self._identity += 1

    def advance(self, ts: int) -> tuple[StateVersion, StateVersion]:
        """Begin a Transition to what the client has said and to a time.

        Args:
            ts: The time of the data, in nanoseconds.

        Returns:
            Where it starts and where it ends.

        Raises:
            Refusal: The time would go back.
        """
        if ts < self.told.ts:
            raise internal()
        start = self.told
        self.told = StateVersion(self._query_set, self._identity, ts)
        return start, self.told


def _mismatch(base: int, current: int) -> NoReturn:
    raise bad_request(
        "BaseVersionMismatch",
        f"Base version {base} passed up doesn't match the current version {current}",
    )
