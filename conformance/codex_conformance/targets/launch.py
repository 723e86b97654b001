"""What a process is to the suites: how it is launched, and what can be done with it.

May import the definition of a door and the wire's frames. The invariant: a process that was
launched is ended by its target when the scene is over, whatever the play did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from codex_conformance.targets.door import Door

if TYPE_CHECKING:
    from codex_conformance.wire.frames import Frame

HomeState = Literal["ready", "missing", "file"]


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is launched.

    Attributes:
        arguments: What stands behind the usual command line.
        config: What config.toml says; what the scene's model needs when ``None``.
        added: Lines before everything else in config.toml.
        home: What ``CODEX_HOME`` names: the scene's home, nothing at all, or a file.
    """

    arguments: tuple[str, ...] = ()
    config: str | None = None
    added: str = ""
    home: HomeState = "ready"

    @property
    def listens(self) -> bool:
        """Whether it is told to listen on a websocket."""
        return any(argument.startswith("ws://") for argument in self.arguments)


class FrameDoor(Door, Protocol):
    """One connection of a websocket, frame by frame; :meth:`send` sends a text."""

    async def send_frame(self, frame: Frame) -> None:
        """Send one frame.

        Raises:
            ConnectionError: The connection has ended.
        """


class Process(Protocol):
    """A process that was launched."""

    @property
    def door(self) -> Door:
        """Its stdin and stdout; finishing it ends the process."""

    async def address(self) -> str:
        """Where it listens, ``HOST:PORT``, once it does.

        Raises:
            CodexRuntimeError: ``E_APP_SERVER_START_FAILED`` or ``E_APP_SERVER_START_TIMEOUT``.
        """

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""

    async def tcp(self) -> Door:
        """Connect to where it listens, as plain TCP.

        Raises:
            CodexRuntimeError: It cannot be reached.
        """

    async def websocket(self) -> FrameDoor:
        """Connect to where it listens, as a websocket.

        Raises:
            CodexRuntimeError: It cannot be reached.
        """
