"""The websocket transport: an app-server that listens on ``ws://`` (FACTS §15).

May import the transport's definition and the error catalogue; websockets is imported when a
connection is opened. The invariant: one line is one text frame, in both directions; the frame's end
is the line's end, so that framing is the same as on stdio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.app_server.transport import TransportEnd
from codex_runtime.errors import AppServerError, ConfigurationError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

MAX_FRAME_BYTES: Final = 256 * 1024 * 1024
"""The longest frame that is taken, in bytes; a longer one ends the connection.

It is larger than the longest line, so that a line that is too long costs only itself.
"""

CLOSE_SECONDS: Final = 5.0
"""How long the closing handshake may take; the app-server often answers none."""

UNAUTHORIZED: Final = 401


class WebSocketTransport:
    """A websocket to an app-server; open one with :meth:`open`.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls, url: str, *, token: str | None = None, timeout: float = 10.0
    ) -> WebSocketTransport:
        """Open a websocket to an app-server.

        Args:
            url: ``ws://HOST:PORT``.
            token: The capability token that the app-server was started with.
            timeout: Seconds that opening may take.

        Returns:
            The transport to it.

        Raises:
            ConfigurationError: ``E_APP_SERVER_URL_INVALID``.
            AppServerError: ``E_APP_SERVER_UNAUTHORIZED`` or ``E_APP_SERVER_UNREACHABLE``.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            connection = await connect(
                url,
                additional_headers=headers,
                open_timeout=timeout,
                close_timeout=CLOSE_SECONDS,
                max_size=MAX_FRAME_BYTES,
                compression=None,
                proxy=None,
            )
        except InvalidURI as error:
            raise ConfigurationError("E_APP_SERVER_URL_INVALID", str(error)) from None
        except InvalidStatus as error:
            status = error.response.status_code
            if status == UNAUTHORIZED:
                raise AppServerError(
                    "E_APP_SERVER_UNAUTHORIZED", f"{url} refused the capability token"
                ) from None
            raise _unreachable(url, f"it answered with HTTP status {status}") from None
        except TimeoutError:
            raise _unreachable(url, f"it did not answer within {timeout:g} s") from None
        except (OSError, InvalidHandshake) as error:
            raise _unreachable(url, str(error)) from None
        return cls(connection)

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.send`."""
        from websockets.exceptions import ConnectionClosed

        try:
            for line in data.removesuffix(b"\n").split(b"\n"):
                await self._connection.send(line, text=True)
        except ConnectionClosed as error:
            raise ConnectionResetError(str(error)) from None

    async def receive(self) -> bytes:
        """See :meth:`codex_runtime.app_server.transport.Transport.receive`."""
        from websockets.exceptions import ConnectionClosed

        try:
            frame = await self._connection.recv(decode=False)
        except ConnectionClosed:
            return b""
        return frame + b"\n"

    async def close(self) -> TransportEnd:
        """See :meth:`codex_runtime.app_server.transport.Transport.close`."""
        await self._connection.close()
        return TransportEnd(
            f"the websocket was closed (code {self._connection.close_code}"
            f"{': ' + self._connection.close_reason if self._connection.close_reason else ''})"
        )

    def abort(self) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.abort`."""
        self._connection.transport.abort()


def _unreachable(url: str, why: str) -> AppServerError:
    return AppServerError("E_APP_SERVER_UNREACHABLE", f"no app-server at {url}: {why}")
