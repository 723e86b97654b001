"""HTTP that fails on the client's side of a server: no connection, no answer, an answer lost.

May import httpx and respx. The invariant: a failure happens as often as it was asked for and every
other request reaches the server, so that a test sees exactly the failure that it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_fakes.convex.wire.in_process import InProcessConvex

    Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]

ANY_CALL: Final = r"^/api/"
"""The paths that a failure is for unless told otherwise."""


class FailingHttp:
    """The way to a server, with failures on it.

    Attributes:
        router: The routes, for more of one's own; what matches none goes to the server.
        transport: What an :class:`httpx.AsyncClient` is given.

    Args:
        convex: The server behind it.
    """

    def __init__(self, convex: InProcessConvex) -> None:
        self._convex = convex
        self._way = convex.transport
        self.router = respx.MockRouter(assert_all_called=False)
        self.transport = httpx.MockTransport(self._handle)

    def client(self) -> httpx.AsyncClient:
        """Make a client of it.

        Returns:
            A client whose base URL is the deployment's; an async context manager.
        """
        return httpx.AsyncClient(transport=self.transport, base_url=self._convex.url)

    def refuse(self, path: str = ANY_CALL, *, times: int = 1) -> None:
        """Have nobody listen.

        Args:
            path: A regular expression for the path of the URL.
            times: How often.
        """

        async def fail(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("connection refused", request=request)

        self._route(path, times, fail)

    def time_out(self, path: str = ANY_CALL, *, times: int = 1, carried_out: bool = False) -> None:
        """Have no answer come in time.

        Args:
            path: A regular expression for the path of the URL.
            times: How often.
            carried_out: Whether the server got the request.
        """

        async def fail(request: httpx.Request) -> httpx.Response:
            if carried_out:
                await self._way.handle_async_request(request)
            raise httpx.ReadTimeout("no answer in time", request=request)

        self._route(path, times, fail)

    def lose_reply(self, path: str = ANY_CALL, *, times: int = 1) -> None:
        """Have the server do what it is asked, and its answer get lost.

        Args:
            path: A regular expression for the path of the URL.
            times: How often.
        """

        async def fail(request: httpx.Request) -> httpx.Response:
            await self._way.handle_async_request(request)
            raise httpx.ReadError("the connection was cut", request=request)

        self._route(path, times, fail)

    def answer_503(self, path: str = ANY_CALL, *, times: int = 1) -> None:
        """Have something before the server answer that it is not there.

        Args:
            path: A regular expression for the path of the URL.
            times: How often.
        """

        async def fail(request: httpx.Request) -> httpx.Response:
            del request
            return httpx.Response(503, text="upstream connect error")

        self._route(path, times, fail)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.router.async_handler(request)
        except (AllMockedAssertionError, PassThrough):
            return await self._way.handle_async_request(request)

    def _route(self, path: str, times: int, fail: Answer) -> None:
        left = times

        async def happen(request: httpx.Request) -> httpx.Response | None:
            nonlocal left
            if not left:
                # To respx: this route does not match; the next one may.
                return None
            left -= 1
            return await fail(request)

        self.router.route(path__regex=path).mock(side_effect=happen)
