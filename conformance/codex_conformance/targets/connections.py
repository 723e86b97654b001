"""Connections to an app-server that listens: plain TCP, and a websocket frame by frame.

May import the wire's frames and records. The invariant: what comes is passed on as it came; a frame
is a line, and nothing is answered but the handshake.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from typing import Final

from codex_conformance.wire.frames import CLOSE, TEXT, Frame, FrameReader, encode_frame
from codex_conformance.wire.transcript import Ending
from codex_runtime.errors import AppServerError

CHUNK: Final = 1 << 16
"""Bytes read at once."""

HANDSHAKE_SECONDS: Final = 15.0
"""Seconds an app-server may take to open a websocket."""

_KEY: Final = base64.b64encode(bytes(16)).decode()

HANDSHAKE: Final = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {_KEY}",
)
"""The headers that turn a request into the beginning of a websocket."""


class TcpDoor:
    """One TCP connection; open one with :meth:`open`.

    Args:
        reader: What comes.
        writer: What goes.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, address: str) -> TcpDoor:
        """Connect.

        Args:
            address: ``HOST:PORT``.

        Raises:
            AppServerError: ``E_APP_SERVER_UNREACHABLE``.
        """
        host, _, port = address.rpartition(":")
        try:
            return cls(*await asyncio.open_connection(host, int(port)))
        except OSError as error:
            raise AppServerError("E_APP_SERVER_UNREACHABLE", f"{address}: {error}") from error

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`: a process does not tell."""
        return False

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        try:
            return await self._reader.read(CHUNK)
        except ConnectionError:
            return b""

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        return Ending(asked_for=True)


class WebSocketFrames:
    """One websocket, frame by frame; open one with :meth:`open`.

    Args:
        door: The connection, after the handshake.
        beginning: What came behind the handshake already.
    """

    def __init__(self, door: TcpDoor, beginning: bytes) -> None:
        self._door = door
        self._reader = FrameReader()
        self._early = beginning
        self._ended = False

    @classmethod
    async def open(cls, address: str) -> WebSocketFrames:
        """Connect, and shake hands.

        Args:
            address: ``HOST:PORT``.

        Raises:
            AppServerError: ``E_APP_SERVER_UNREACHABLE``.
        """
        door = await TcpDoor.open(address)
        lines = (f"GET / HTTP/1.1\r\nHost: {address}", *HANDSHAKE, "", "")
        await door.send("\r\n".join(lines).encode())
        said = b""
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            while b"\r\n\r\n" not in said and (data := await door.receive()):
                said += data
        head, _, beginning = said.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            await door.finish()
            shown = head.decode("utf-8", "replace").partition("\r\n")[0]
            raise AppServerError("E_APP_SERVER_UNREACHABLE", f"{address}: {shown or 'no answer'}")
        return cls(door, beginning)

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`: a process does not tell."""
        return False

    async def send_frame(self, frame: Frame) -> None:
        """See :meth:`codex_conformance.targets.launch.FrameDoor.send_frame`."""
        await self._door.send(encode_frame(frame))

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        await self.send_frame(Frame(TEXT, data.removesuffix(b"\n")))

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`; a frame is a line."""
        while not self._ended:
            data, self._early = self._early or await self._door.receive() or b"", b""
            frames = self._reader.feed(data)
            self._ended = not data or any(frame.opcode == CLOSE for frame in frames)
            if frames:
                return b"".join(frame.shown + b"\n" for frame in frames)
        return b""

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        with contextlib.suppress(ConnectionError):
            await self.send_frame(Frame(CLOSE, b""))
        return await self._door.finish()
