"""A Codex with a scripted model, real or simulated, behind our own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings
from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import Gates, Script
from codex_runtime.app_server import (
    AppServerCommand,
    AppServerConnection,
    ConnectionEnded,
    ConnectionOptions,
    Event,
    StdioTransport,
    Transport,
    find_codex,
    requests,
)
from codex_runtime.protocol import (
    Notification,
    Request,
    decode_json,
    thread_and_turn_of,
)
from codex_runtime.protocol.params import ThreadStartParams

Kind = Literal["simulated", "real"]
WAIT = 30.0
DEADLINE = "what the test waits for did not come"


@dataclass
class Conversation:
    """One connection, and everything it has heard so far."""

    server: AppServerConnection
    heard: list[Event] = field(default_factory=list)
    _events: AsyncIterator[list[Event]] | None = None
    _seen: int = 0

    def __post_init__(self) -> None:
        self._events = self.server.event_batches()

    async def until(self, wanted: Callable[[Notification | Request], bool]) -> Any:
        """The next message, from where the last wait ended, that is wanted."""
        assert self._events is not None
        async with asyncio.timeout(WAIT):
            while True:
                while self._seen < len(self.heard):
                    event = self.heard[self._seen]
                    self._seen += 1
                    if isinstance(event, Notification | Request) and wanted(event):
                        return event
                batch = await anext(self._events, None)
                assert batch is not None, f"{DEADLINE}; the connection has ended"
                self.heard += batch

    async def ended(self) -> ConnectionEnded:
        """Take everything that is left; returns how the connection ended."""
        assert self._events is not None
        async for batch in self._events:
            self.heard += batch
        last = self.heard[-1]
        assert isinstance(last, ConnectionEnded)
        return last

    async def until_method(self, method: str) -> Any:
        """The next message of a method."""
        return await self.until(lambda message: message.method == method)

    async def turn_ends(self, turn_id: str) -> dict[str, Any]:
        """Wait for a turn's end; returns the turn."""
        ended = await self.until(
            lambda m: m.method == "turn/completed" and thread_and_turn_of(m)[1] == turn_id
        )
        turn: dict[str, Any] = decode_json(ended.params)["turn"]
        return turn

    async def start_thread(self, **settings: Any) -> str:
        """Start a thread; returns its id."""
        opened = await self.server.call(requests.thread_start(ThreadStartParams(**settings)))
        return opened.thread.id

    async def start_turn(self, thread_id: str, text: str) -> str:
        """Start a turn; returns its id."""
        started = await self.server.call(requests.turn_start_text(thread_id, text))
        return started.turn.id

    def of_turn(self, turn_id: str) -> list[Notification | Request]:
        """What has been heard of a turn, in order."""
        return [
            event
            for event in self.heard
            if isinstance(event, Notification | Request) and thread_and_turn_of(event)[1] == turn_id
        ]

    def methods(self, turn_id: str) -> list[str]:
        """The methods that have been heard of a turn, in order."""
        return [message.method for message in self.of_turn(turn_id)]


def params(message: Notification | Request) -> dict[str, Any]:
    """A message's params as plain values."""
    plain: dict[str, Any] = decode_json(message.params or b"{}")
    return plain


class Codex:
    """A Codex to be connected to, as often as its home lasts."""

    def __init__(self, kind: Kind, script: Script, folder: Path, **settings: Any) -> None:
        self.kind = kind
        self.cwd = folder / "work"
        self.cwd.mkdir()
        self._home = folder / "home"
        self._script = script
        self._settings = settings
        self._stack = AsyncExitStack()
        self._model: ResponsesServer | None = None
        self._simulated: SimulatedAppServer | None = None
        self.pid = 0

    async def __aenter__(self) -> Self:
        if self.kind == "real":
            self._model = await self._stack.enter_async_context(ResponsesServer(self._script))
        else:
            self._home.mkdir()
            self._simulated = self._simulate()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()
        if self._model is not None:
            assert list(self._model.problems) == []

    @property
    def gates(self) -> Gates:
        """The script's gates."""
        player = self._model or self._simulated
        assert player is not None
        return player.gates

    @asynccontextmanager
    async def connected(self, **options: Any) -> AsyncIterator[Conversation]:
        """Start it, and connect; ended, it can be started again."""
        connection = AppServerConnection(self.open, ConnectionOptions(**options))
        async with connection:
            yield Conversation(connection)

    async def open(self) -> Transport:
        """Open a transport to it; where it has ended, it is started again."""
        if self._model is not None:
            settings = CodexSettings(**self._settings)
            home = CodexHome.create(self._home, base_url=self._model.base_url, settings=settings)
            argv = home.command(find_codex())
            command = AppServerCommand(argv, home.env, str(self.cwd))
            transport = await StdioTransport.start(command)
            self.pid = transport.pid
            return transport
        assert self._simulated is not None
        if self._simulated.ended:
            self._simulated = self._simulated.successor()
        server = await self._stack.enter_async_context(self._simulated)
        return server.connect()

    def _simulate(self) -> SimulatedAppServer:
        settings = SimulatedSettings(cwd=str(self.cwd), **self._settings)
        return SimulatedAppServer(
            self._script, home=self._home, settings=settings, single_connection=True
        )
