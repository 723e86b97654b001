"""How httpx reaches a server in its own process.

May import httpx and the web application. The invariant: what happens on a network happens here too:
a connection that a fault cuts is the error that httpx raises for a connection that was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from codex_fakes.convex.wire.web import ConnectionCut

if TYPE_CHECKING:
    from codex_fakes.convex.wire.server import ConvexServer


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands requests to a server's web application.

    Args:
        server: The server.
    """

    def __init__(self, server: ConvexServer) -> None:
        self._inner = httpx.ASGITransport(app=server.asgi)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Have a request answered.

        Raises:
            httpx.ReadError: A fault cut the connection.
        """
        try:
            return await self._inner.handle_async_request(request)
        except ConnectionCut as cut:
            raise httpx.ReadError(str(cut), request=request) from None
