"""A whole Convex in the test's own process and event loop, for httpx and for sockets in memory.

May import the engine and the server; httpx is imported when it is asked for. The invariant: it
belongs to no event loop until it is used in one, nothing listens on any port, and time stands still
unless the test moves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.app import App
from codex_fakes.convex.engine.backend import Backend
from codex_fakes.convex.wire.server import ConvexServer
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import httpx

    from codex_fakes.convex.engine.clock import Clock
    from codex_fakes.convex.engine.limits import Limits
    from codex_fakes.convex.wire.memory import MemorySocket

URL: Final = "http://convex.test"
"""The deployment's URL, which only :attr:`InProcessConvex.transport` knows."""


class InProcessConvex:
    """A backend and its server, without a network.

    Args:
        app: What is deployed; an app without functions by default.
        clock: The time; a virtual clock by default.
        seed: Where chance begins.
        limits: What functions may use; Convex's own limits by default.
        options: What :class:`ConvexServer` takes.
    """

    def __init__(
        self,
        app: App | None = None,
        *,
        clock: Clock | None = None,
        seed: int | str = 0,
        limits: Limits | None = None,
        **options: Any,
    ) -> None:
        self.server = ConvexServer(
            Backend(App() if app is None else app, clock=clock, seed=seed, limits=limits),
            **options,
        )
        self.url = URL

    async def __aenter__(self) -> Self:
        """Use it until the block ends; only sockets need that."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cut every socket and end every action."""
        await self.server.aclose()

    @property
    def backend(self) -> Backend:
        """The data and the functions; another one after a restart."""
        return self.server.backend

    @property
    def admin_key(self) -> str:
        """The key of administrators."""
        return self.server.admin_key

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        """What an :class:`httpx.AsyncClient` reaches it through.

        Raises:
            ConfigurationError: ``E_EXTRA_MISSING`` when httpx is not installed.
        """
        try:
            from codex_fakes.convex.wire.transport import InProcessTransport
        except ImportError as error:
            raise ConfigurationError(
                "E_EXTRA_MISSING",
                f"reaching the fake Convex in-process needs {error.name}",
                advice="pip install 'codex-runtime[fakes]'",
            ) from None
        return InProcessTransport(self.server)

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Make an HTTP client of it.

        Args:
            options: What :class:`httpx.AsyncClient` takes.

        Returns:
            A client whose base URL is the deployment's; an async context manager.
        """
        import httpx

        return httpx.AsyncClient(transport=self.transport, base_url=self.url, **options)

    def connect(self, client: str = "npm-1.48.0") -> MemorySocket:
        """Open a socket of the sync protocol, as :meth:`ConvexServer.connect` does."""
        return self.server.connect(client)

    def token(self, subject: str = "user", *, expires_in: float = 3600.0, **claims: Any) -> str:
        """Issue a token that it believes.

        Args:
            subject: Who it is about.
            expires_in: Seconds until it expires.
            claims: More claims.

        Returns:
            The token.
        """
        return self.server.tokens.issue(subject, expires_in=expires_in, claims=claims)

    def inject(self, name: str, /, **options: Any) -> None:
        """Have something go wrong, as :meth:`ConvexServer.inject` does."""
        self.server.inject(name, **options)

    async def advance(self, milliseconds: float) -> int:
        """Let virtual time pass, and run each scheduled function when it is due.

        Args:
            milliseconds: How much time.

        Returns:
            How many functions were run.
        """
        return await self.backend.advance(milliseconds)

    async def run_until_idle(self) -> int:
        """Let virtual time pass until nothing is scheduled any more.

        Returns:
            How many functions were run.
        """
        return await self.backend.run_until_idle()
