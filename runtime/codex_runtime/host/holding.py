"""Messages that wait until an answer tells whose they are.

May import nothing of the project. The answer to ``thread/start`` names the thread, and the answer
to ``turn/start`` names the turn; on the wire it comes before anything of that thread or turn, but
answers and messages reach the mailbox by two ways. The invariant: while such an answer is awaited
nothing of any thread is taken, and afterwards everything is, in the order of the wire.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable


HELD_MOST: Final = 10_000
"""How many messages are held back at most; whoever waits longer than these gets them unordered."""


class Holding:
    """Holds messages back.

    Args:
        take: Takes a message whose time has come.
    """

    def __init__(self, take: Callable[[Any], None]) -> None:
        self._take = take
        self._waiting: deque[Any] = deque()
        self._awaited = 0
        self._taking = False

    @property
    def waiting(self) -> tuple[Any, ...]:
        """What is held back, in the order of the wire."""
        return tuple(self._waiting)

    def begin(self) -> None:
        """Hold back from now on: an answer is awaited."""
        self._awaited += 1

    def end(self) -> None:
        """Take what was held back, unless another answer is awaited still."""
        self._awaited = max(0, self._awaited - 1)
        self._take_all()

    def put(self, message: Any) -> None:
        """Take a message, or hold it back."""
        self._waiting.append(message)
        if len(self._waiting) > HELD_MOST:
            self._awaited = 0
        self._take_all()

    def release(self) -> None:
        """Take everything now: no answer will come any more."""
        self._awaited = 0
        self._take_all()

    def _take_all(self) -> None:
        if self._taking:
            # Taking one message has led here; the others are taken where that began.
            return
        self._taking = True
        try:
            while self._waiting and not self._awaited:
                self._take(self._waiting.popleft())
        finally:
            self._taking = False
