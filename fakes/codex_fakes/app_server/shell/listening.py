"""The simulated app-server on a websocket, as ``codex app-server --listen ws://`` does (FACTS §15).

May import websockets; imported when there is a websocket. Every connection of the websocket is a
connection of the server: one message per text frame, binary frames are ignored. The invariant: a
client that is slow, silent or gone costs the turns and the other clients nothing.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import logging
from collections import deque
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.server import serve, unix_serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from codex_fakes.app_server.dialect.intake import Intake
from codex_fakes.app_server.shell.slow_clients import UNREAD_LIMIT
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    from websockets.asyncio.server import Server, ServerConnection

    from codex_fakes.app_server.shell.server import SimulatedAppServer
    from codex_runtime.app_server.memory import MemoryTransport

MAX_UNFRAGMENTED: Final = 1 << 24
"""What the header of a handshake on a unix socket says about the size of a frame."""

# Rejected handshakes and cut connections are a part of the simulation, not something to report.
_SILENT: Final = logging.getLogger("codex_fakes.app_server.shell.listening")
_SILENT.setLevel(logging.CRITICAL + 1)


def digest_of(token: bytes) -> str:
    """The digest by which a capability token is known."""
    return hashlib.sha256(token).hexdigest()


class SimulatedWebSocket:
    """A websocket in front of a simulated app-server.

    Use it as an async context manager that gives its URL; leaving it cuts every connection without
    a close frame, as the end of the real server does, and leaves the simulated one running.

    Args:
        server: The server, started.
        host: The address to listen on.
        port: The port; 0 for any free one.
        path: The path of a unix socket, to listen there instead.
        token_sha256: The digest of the token that clients have to show; ``None`` for none.
        lossy: Whether what a flood has too much is lost instead of refused.

    Raises:
        ConfigurationError: ``E_FAKE_PORT_BUSY``, on entering.
    """

    def __init__(
        self,
        server: SimulatedAppServer,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str | None = None,
        token_sha256: str | None = None,
        lossy: bool = False,
    ) -> None:
        self._server = server
        self._host = host
        self._port = port
        self._path = path
        self._digest = token_sha256
        self._lossy = lossy
        self._connections: set[ServerConnection] = set()
        self._stack = AsyncExitStack()
        self.url = ""

    async def __aenter__(self) -> str:
        try:
            listening: Server = await self._stack.enter_async_context(self._listen())
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            reason = "the address is in use" if busy else error.strerror or error
            where = self._path or f"{self._host}:{self._port}"
            raise ConfigurationError("E_FAKE_PORT_BUSY", f"{where}: {reason}") from error
        if self._path is not None:
            _only_for_the_owner(self._path)
            self.url = f"ws+unix://{self._path}"
        else:
            port = listening.sockets[0].getsockname()[1]
            host = f"[{self._host}]" if ":" in self._host else self._host
            self.url = f"ws://{host}:{port}"
        return self.url

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in list(self._connections):
            connection.transport.abort()
        await self._stack.aclose()
        if self._path is not None:
            _take_away(self._path)

    def _listen(self) -> AbstractAsyncContextManager[Server]:
        options: dict[str, Any] = {
            "process_request": self._refusal,
            "compression": None,
            "max_size": None,
            "ping_interval": None,
            "server_header": None,
            "close_timeout": 1,
            "logger": _SILENT,
        }
        if self._path is None:
            return serve(self._serve, self._host, self._port, **options)
        return unix_serve(self._serve, self._path, process_response=_say_frame_limit, **options)

    # --- the handshake -------------------------------------------------------------------------

    def _refusal(self, _connection: ServerConnection, request: Request) -> Response | None:
        """What a request gets that is not let through to the websocket."""
        headers = request.headers
        if "Origin" in headers:
            return _response(403, "Forbidden")
        if request.path.partition("?")[0] in {"/readyz", "/healthz"}:
            return _response(200, "OK")
        if not _names(headers, "Connection", "upgrade"):
            return _response(400, "Bad Request", "Connection header did not include 'upgrade'")
        if not _names(headers, "Upgrade", "websocket"):
            return _response(400, "Bad Request", "`Upgrade` header did not include 'websocket'")
        if headers.get("Sec-WebSocket-Version") != "13":
            return _response(
                400, "Bad Request", "`Sec-WebSocket-Version` header did not include '13'"
            )
        if "Sec-WebSocket-Key" not in headers:
            return _response(400, "Bad Request", "`Sec-WebSocket-Key` header missing")
        return None if self._digest is None else _unauthorized(headers, self._digest)

    # --- one connection ------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            transport = self._server.connect()
        except ConnectionError:
            connection.transport.abort()
            return
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as group:
                sender = _Sender(connection)
                collecting = group.create_task(sender.collect(transport))
                sending = group.create_task(sender.send())
                await _Receiver(connection, transport, Intake(lossy=self._lossy), sender).receive()
                collecting.cancel()
                sending.cancel()
        finally:
            self._connections.discard(connection)
            await transport.close()


class _Receiver:
    """Takes the frames of a client to the server.

    Args:
        connection: Where they come from.
        transport: Where they go.
        intake: How many are let in at a time.
        sender: Says what is refused.
    """

    def __init__(
        self,
        connection: ServerConnection,
        transport: MemoryTransport,
        intake: Intake,
        sender: _Sender,
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._intake = intake
        self._sender = sender
        self._waiting: list[bytes] = []

    async def receive(self) -> None:
        """Receive until the client is gone."""
        loop = asyncio.get_running_loop()
        try:
            async for frame in self._connection:
                if isinstance(frame, bytes):
                    continue
                # A newline in a frame is a blank between tokens: two messages stay one line, which
                # holds no message then.
                line = frame.replace("\r", " ").replace("\n", " ").encode() + b"\n"
                if not self._waiting:
                    loop.call_soon(self._pass_on)
                self._waiting.append(line)
        except ConnectionClosed:
            # Gone without a close frame.
            return

    def _pass_on(self) -> None:
        """Hand over what has come since the server last had its turn."""
        waiting, self._waiting = self._waiting, []
        admitted, refused = self._intake.admit(b"".join(waiting))
        for line in refused:
            self._sender.put(line)
        if not self._transport.outgoing.ended:
            self._transport.outgoing.feed(admitted)


class _Sender:
    """Takes what the server says to a client, and cuts off one that does not read.

    Args:
        connection: Where it goes.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._ended = False

    def put(self, line: bytes) -> None:
        """Send a line when those before it are sent."""
        self._lines.append(line)
        self._size += len(line)
        self._more.set()

    async def collect(self, transport: MemoryTransport) -> None:
        """Take lines from the server until it has ended."""
        rest = b""
        while data := await transport.receive():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.put(line)
            if self._size > UNREAD_LIMIT:
                self._connection.transport.abort()
                return
        self._ended = True
        self._more.set()

    async def send(self) -> None:
        """Send until the server has ended, and cut the connection then."""
        with suppress(ConnectionClosed):
            while True:
                while self._lines:
                    line = self._lines.popleft()
                    self._size -= len(line)
                    await self._connection.send(line.rstrip(b"\n"), text=True)
                if self._ended:
                    break
                self._more.clear()
                await self._more.wait()
        self._connection.transport.abort()


# --- what a handshake gets ------------------------------------------------------------------------


def _names(headers: Headers, header: str, word: str) -> bool:
    words = ",".join(headers.get_all(header)).lower().split(",")
    return word in {each.strip() for each in words}


def _unauthorized(headers: Headers, digest: str) -> Response | None:
    shown = headers.get("Authorization")
    if shown is None:
        return _response(401, "Unauthorized", "missing websocket bearer token")
    scheme, _, token = shown.partition(" ")
    if scheme.lower() != "bearer":
        return _response(401, "Unauthorized", "invalid authorization header")
    if not hmac.compare_digest(digest_of(token.strip().encode()), digest.lower()):
        return _response(401, "Unauthorized", "invalid websocket bearer token")
    return None


def _response(status: int, reason: str, text: str = "") -> Response:
    headers = Headers()
    if text:
        headers["content-type"] = "text/plain; charset=utf-8"
    headers["content-length"] = str(len(text))
    headers["connection"] = "close"
    headers["date"] = formatdate(usegmt=True)
    return Response(status, reason, headers, text.encode())


def _say_frame_limit(
    _connection: ServerConnection, _request: Request, response: Response
) -> Response:
    response.headers["x-codex-websocket-max-unfragmented-message-bytes"] = str(MAX_UNFRAGMENTED)
    return response


def _only_for_the_owner(path: str) -> None:
    Path(path).chmod(0o600)


def _take_away(path: str) -> None:
    Path(path).unlink(missing_ok=True)
