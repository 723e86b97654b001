"""Bytes in, lines out: the framing of the app-server's stdio.

May import the error catalogue only. The invariant: whatever the chunks, the same bytes give the
same lines; a line up to the limit arrives whole, a longer one is reported once and skipped, and the
stream goes on behind it (FACTS §3; DESIGN "Choices made").
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors import RemoteProtocolError

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""The longest line that arrives, in bytes, its line end not counted."""

EXCERPT_BYTES: Final = 2048
"""How much of an offending line an error carries, in bytes."""


class LineFramer:
    r"""Cuts a stream of bytes into lines.

    Lines end in ``\\n`` or ``\\r\\n``; neither is part of the line. An empty line is a line.

    Args:
        limit: The longest line that arrives, in bytes.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False

    @property
    def buffered(self) -> int:
        """Bytes of the unfinished line that are held; never more than the limit and one chunk."""
        return self._size

    def feed(self, data: bytes) -> list[bytes | RemoteProtocolError]:
        """Take the next chunk.

        Args:
            data: Any bytes, also none.

        Returns:
            The lines it completes, in order. In the place of a line that is too long stands a
            :class:`RemoteProtocolError` (``E_PROTOCOL_LINE_TOO_LONG``), as soon as it is known to
            be too long.
        """
        rows = data.split(b"\n")
        rest = rows.pop()
        lines: list[bytes | RemoteProtocolError] = []
        for row in rows:
            self._finish(row, lines)
        if rest:
            self._keep(rest, lines)
        return lines

    def end(self) -> list[bytes | RemoteProtocolError]:
        """Say that the stream has ended.

        Returns:
            The last line, when it had no line end; nothing otherwise.
        """
        lines: list[bytes | RemoteProtocolError] = []
        if self._size or self._skipping:
            self._finish(b"", lines)
        return lines

    def _finish(self, row: bytes, lines: list[bytes | RemoteProtocolError]) -> None:
        if self._skipping:
            self._skipping = False
            return
        if self._parts:
            self._parts.append(row)
            row = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
        if row.endswith(b"\r"):
            row = row[:-1]
        lines.append(row if len(row) <= self._limit else self._too_long(row))

    def _keep(self, rest: bytes, lines: list[bytes | RemoteProtocolError]) -> None:
        if self._skipping:
            return
        self._parts.append(rest)
        self._size += len(rest)
        # One byte more may still be the first half of a line end.
        if self._size > self._limit + 1 or (self._size > self._limit and rest[-1:] != b"\r"):
            head = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._skipping = True
            lines.append(self._too_long(head))

    def _too_long(self, head: bytes) -> RemoteProtocolError:
        return RemoteProtocolError(
            "E_PROTOCOL_LINE_TOO_LONG",
            f"a line from the codex app-server is longer than {self._limit} bytes; it was skipped",
            raw=head[:EXCERPT_BYTES],
        )
