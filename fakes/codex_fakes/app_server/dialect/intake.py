"""How much of a flood is let in: what lies beyond the queue is refused (FACTS §16).

May import the dialect. The real server's queue holds some 128 messages; requests that find it full
are refused with ``-32001``, or lost when there is no room for the refusal either. Notifications and
answers are never refused. The invariant: what is admitted is passed on in its order and unchanged.
"""

from __future__ import annotations

from typing import Final

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.messages import Refusal, Request

QUEUE: Final = 128
"""Messages that wait to be handled, of one connection."""

OVERLOADED: Final = Refusal("Server overloaded; retry later.", code=-32001)
"""What a request beyond the queue is answered with; it has no ``data``."""


class Intake:
    """The queue of one connection.

    Args:
        lossy: Whether requests beyond the queue are always lost, never refused.
    """

    def __init__(self, *, lossy: bool = False) -> None:
        self._lossy = lossy

    def admit(
        self, data: bytes, *, waiting: int = 0, way_out: bool = True
    ) -> tuple[bytes, list[bytes]]:
        """Take what has arrived.

        Args:
            data: Bytes in any split.
            waiting: How many messages that were let in before are not handled yet.
            way_out: Whether there is room for refusals.

        Returns:
            What is let in, and the lines that answer what is not.
        """
        room = max(QUEUE - waiting, 0)
        if data.count(b"\n") <= room:
            return data, []
        # What precedes the first newline may be the rest of a line that was let in already, and
        # what follows the last one the beginning of another: both belong to lines in the queue.
        first, *lines, rest = data.split(b"\n")
        admitted, refused = [first, *lines[: max(room - 1, 0)]], []
        for line in lines[max(room - 1, 0) :]:
            try:
                message = dialect.read_line(line)
            except UnicodeDecodeError:
                message = None
            if not isinstance(message, Request):
                admitted.append(line)
            elif way_out and not self._lossy:
                refused.append(dialect.refusal_line(message.id, OVERLOADED))
        return b"\n".join([*admitted, rest]), refused
