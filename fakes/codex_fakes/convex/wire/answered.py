"""The mutations that were answered, so that one that is sent again is not run again.

May import the messages. The invariant: a mutation that succeeded under a session and a request
number is answered with the first result and the first timestamp; one that failed is not kept. Only
the last ones are kept, so that a long life does not fill the memory.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codex_fakes.convex.wire.server_messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT: Final = 10_000
"""How many answers are kept."""


class Committed(NamedTuple):
    """A mutation that succeeded."""

    answer: Answer
    ts: int


class AnsweredMutations:
    """The answers of the last mutations, by session and request.

    Args:
        kept: How many are kept.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._answers: OrderedDict[tuple[str, int], Committed] = OrderedDict()
        self._new = 0

    def find(self, session_id: str | None, request_id: int) -> Committed | None:
        """Look an answer up.

        Args:
            session_id: The client's session; ``None`` when it named none.
            request_id: Its number of the request.

        Returns:
            What it was answered, or ``None`` when it was not yet.
        """
        return None if session_id is None else self._answers.get((session_id, request_id))

    def keep(self, session_id: str | None, request_id: int, committed: Committed) -> None:
        """Keep an answer.

        Args:
            session_id: The client's session; nothing is kept for ``None``.
            request_id: Its number of the request.
            committed: What it is answered.
        """
        if session_id is None:
            return
        self._answers[session_id, request_id] = committed
        self._new += 1
        if len(self._answers) > self._kept:
            self._answers.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        self._answers.clear()
        self._new = 0

    def rows(self) -> list[list[Any]]:
        """Give what is kept, for a snapshot.

        Returns:
            A row for each answer: session, request, value, log lines, timestamp.
        """
        return [_row(*item) for item in self._answers.items()]

    def new_rows(self) -> list[list[Any]]:
        """Give what was kept since this was called last.

        Returns:
            The rows, in the order in which they came.
        """
        count, self._new = self._new, 0
        newest = list(islice(reversed(self._answers.items()), count))
        return [_row(*item) for item in reversed(newest)]

    def restore(self, rows: Iterable[list[Any]]) -> None:
        """Take up what a snapshot and the changes since kept.

        Args:
            rows: What :meth:`rows` and :meth:`new_rows` gave.
        """
        self.clear()
        for session, request, value, log_lines, ts in rows:
            self.keep(
                session, request, Committed(Answer(True, value, log_lines=tuple(log_lines)), ts)
            )


def _row(key: tuple[str, int], kept: Committed) -> list[Any]:
    session, request = key
    return [session, request, kept.answer.value, list(kept.answer.log_lines), kept.ts]
