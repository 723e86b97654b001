"""Bytes in, messages out: framing and decoding in one step.

May import the framing and the messages. The invariant: one line gives exactly one entry, a message
or an error, in the order of the lines; a broken line costs only itself.
"""

from __future__ import annotations

from typing import TypeAlias

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.framing import MAX_LINE_BYTES, LineFramer
from codex_runtime.protocol.messages import Message, decode_message

Arrival: TypeAlias = Message | RemoteProtocolError
"""What a line turns out to be; a line that is no message is an error, as a value."""


class InboundStream:
    """Reads messages from a stream of bytes.

    Args:
        limit: The longest line that is read, in bytes.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._framer = LineFramer(limit)

    def feed(self, data: bytes) -> list[Arrival]:
        """Take the next chunk; returns what its lines are, in order."""
        return _decode_all(self._framer.feed(data))

    def end(self) -> list[Arrival]:
        """Say that the stream has ended; returns the message of a last line without line end."""
        return _decode_all(self._framer.end())


def _decode_all(lines: list[bytes | RemoteProtocolError]) -> list[Arrival]:
    arrivals: list[Arrival] = []
    for line in lines:
        if isinstance(line, bytes):
            try:
                arrivals.append(decode_message(line))
            except RemoteProtocolError as error:
                arrivals.append(error)
        else:
            arrivals.append(line)
    return arrivals
