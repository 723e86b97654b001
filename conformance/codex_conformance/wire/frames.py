"""WebSocket frames: how the probe writes its own, and reads the app-server's.

May import the standard library only. The invariant: what an app-server wrote is taken apart as it
came; frames are put together to messages nowhere but in the reader, and nothing is answered here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

TEXT: Final = 0x1
"""A message that is text, or its first part."""

BINARY: Final = 0x2
"""A message that is bytes."""

CLOSE: Final = 0x8
"""The end of the connection."""

PING: Final = 0x9
"""A question whether the other side is there."""

PONG: Final = 0xA
"""The answer to it."""

CONTINUATION: Final = 0x0
"""A further part of a message."""

_NAMES: Final = {BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        opcode: What it is.
        payload: What it carries.
        final: Whether the message ends with it.
    """

    opcode: int
    payload: bytes
    final: bool = True

    @property
    def shown(self) -> bytes:
        """How it stands in a transcript: a text as it is, anything else with its name."""
        if self.opcode == TEXT and self.final:
            return self.payload
        name = _NAMES.get(self.opcode, "part of a text")
        return b"<%s> %s" % (name.encode(), self.payload)


def encode_frame(frame: Frame) -> bytes:
    """Write a frame as a client does; the mask is zero, which leaves the payload readable."""
    size = len(frame.payload)
    head = bytes([(_FINAL if frame.final else 0) | frame.opcode])
    if size < _TWO_BYTES:
        head += bytes([_MASKED | size])
    elif size < 1 << 16:
        head += struct.pack("!BH", _MASKED | _TWO_BYTES, size)
    else:
        head += struct.pack("!BQ", _MASKED | _EIGHT_BYTES, size)
    return head + bytes(4) + frame.payload


class FrameReader:
    """Takes the frames of an app-server out of bytes in any split."""

    def __init__(self) -> None:
        self._unread = b""
        self._parts: list[bytes] = []
        self._opcode = TEXT

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes.

        Args:
            data: The bytes.

        Returns:
            The messages and control frames that are complete now, in order.
        """
        self._unread += data
        found: list[Frame] = []
        while (frame := self._next()) is not None:
            if frame.opcode >= CLOSE:
                found.append(frame)
                continue
            if frame.opcode != CONTINUATION:
                self._opcode = frame.opcode
            self._parts.append(frame.payload)
            if frame.final:
                found.append(Frame(self._opcode, b"".join(self._parts)))
                self._parts.clear()
        return found

    def _next(self) -> Frame | None:
        size_at, unread = 2, self._unread
        if len(unread) < size_at:
            return None
        size = unread[1] & (_MASKED - 1)
        width = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(size, 0)
        begin = size_at + width
        if width:
            if len(unread) < begin:
                return None
            size = int.from_bytes(unread[size_at:begin], "big")
        if len(unread) < begin + size:
            return None
        self._unread = unread[begin + size :]
        opcode, final = unread[0] & 0xF, bool(unread[0] & _FINAL)
        return Frame(opcode, unread[begin : begin + size], final)
