"""A websocket to a deployment.

May import the exceptions; websockets is imported when a connection is opened. The invariant: its
failures are ours, with a code that says whether anything is there and whether it is a Convex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.persistence.live_reads.failures import LiveReadsError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

MAX_FRAME_BYTES: Final = 256 * 1024 * 1024
"""The longest frame that is taken, in bytes: 16 MiB of values grow when they are encoded."""

_CLOSE_SECONDS: Final = 2.0
_SERVER_ERRORS: Final = 500


class Socket:
    """An open websocket.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> Socket:
        """Open a websocket; whoever waits for it bounds the wait.

        Args:
            url: Its URL.

        Returns:
            The websocket.

        Raises:
            LiveReadsError: ``E_LIVE_UNREACHABLE`` or ``E_LIVE_NOT_CONVEX``.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus

        try:
            connection = await connect(
                url,
                open_timeout=None,
                close_timeout=_CLOSE_SECONDS,
                # The deployment pings, and silence is noticed by the machine.
                ping_interval=None,
                max_size=MAX_FRAME_BYTES,
                compression=None,
                proxy=None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            code = "E_LIVE_UNREACHABLE" if status >= _SERVER_ERRORS else "E_LIVE_NOT_CONVEX"
            raise LiveReadsError(code, f"{url} answered with HTTP status {status}") from None
        except InvalidHandshake as error:
            raise LiveReadsError("E_LIVE_NOT_CONVEX", f"no websocket at {url}: {error}") from None
        except OSError as error:
            raise LiveReadsError("E_LIVE_UNREACHABLE", f"nothing at {url}: {error}") from None
        return cls(connection)

    async def send(self, text: str) -> None:
        """Send a frame.

        Args:
            text: The frame.

        Raises:
            LiveReadsError: ``E_LIVE_DISCONNECTED``.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise _disconnected(error) from None

    async def receive(self) -> str | bytes:
        """Wait for a frame.

        Returns:
            The frame.

        Raises:
            LiveReadsError: ``E_LIVE_DISCONNECTED``.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise _disconnected(error) from None

    async def close(self) -> None:
        """Close the websocket; it takes two seconds at most."""
        await self._connection.close()


def _disconnected(error: Exception) -> LiveReadsError:
    return LiveReadsError("E_LIVE_DISCONNECTED", f"the connection ended: {error}")
