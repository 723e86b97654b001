"""In which order the calls of one response are taken up.

May import the standard library only. Commands run side by side; every other tool waits until the
calls before it are done, and lets those behind it wait. The invariant: calls are taken up in the
order the model made them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class CallOrder:
    """The calls of a turn that are not done."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[bool, Callable[[], None]]] = deque()
        self._under_way = 0
        self._alone = False

    def add(self, take_up: Callable[[], None], *, alone: bool) -> None:
        """Put a call in line.

        Args:
            take_up: Takes it up; called now or when its turn comes.
            alone: Whether nothing else may be under way meanwhile.
        """
        self._waiting.append((alone, take_up))
        self._go_on()

    def done(self) -> None:
        """A call that was taken up is done."""
        self._under_way -= 1
        self._alone = False
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and not self._alone:
            alone, take_up = self._waiting[0]
            if alone and self._under_way:
                return
            self._waiting.popleft()
            self._under_way += 1
            self._alone = alone
            take_up()
