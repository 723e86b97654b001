"""What a target is to the suites: a venue with a scripted model, and doors that carry bytes.

May import the script language and the wire's records. The invariant: a door carries bytes and
knows no message, so that a broken app-server is seen as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from codex_conformance.targets.launch import Launch, Process
    from codex_conformance.wire.transcript import Ending
    from codex_fakes.script.steps import Script


class Capability(Enum):
    """Something a target may or may not be able to do."""

    SCRIPTED_MODEL = "scripted-model"
    """The model behind the app-server plays the script it is given."""
    RESTART = "restart"
    """A second app-server can be started on what the first one kept."""
    EXIT = "exit"
    """The end of the app-server can be seen, and how it ended."""
    CLIENTS = "clients"
    """Several clients can be connected at the same time."""
    PROCESS = "process"
    """It is a process: it takes codex's arguments and configuration, and hears signals."""
    HTTP = "http"
    """Told to listen on a port, the process answers HTTP there."""


@dataclass(frozen=True, slots=True)
class StageSettings:
    """How the app-server of a scene is configured.

    Attributes:
        request_max_retries: How often a refused model request is repeated.
        stream_max_retries: How often a model stream that broke is repeated.
        joined: Whether a second client connects to the same app-server.
        requires_openai_auth: Whether the model provider wants a login with OpenAI.
        sandbox: What commands may touch.
        stream_idle_timeout_ms: After how many silent milliseconds a model stream is broken.
        strict_config: Whether an unknown key of the configuration ends the start.
    """

    request_max_retries: int = 0
    stream_max_retries: int = 0
    joined: bool = False
    requires_openai_auth: bool = False
    sandbox: Literal["workspace-write", "danger-full-access"] = "workspace-write"
    stream_idle_timeout_ms: int = 20_000
    strict_config: bool = True


class Door(Protocol):
    """One connection to an app-server, as bytes."""

    @property
    def knows_rest(self) -> bool:
        """Whether :meth:`receive` can tell that nothing more comes."""

    async def send(self, data: bytes) -> None:
        """Write bytes.

        Raises:
            ConnectionError: The connection has ended.
        """

    async def receive(self) -> bytes | None:
        """Wait for the next bytes, in any split.

        Returns:
            At least one byte; ``b""`` when the connection has ended; ``None`` when it is certain
            that nothing more comes before something is sent or a gate is opened.
        """

    async def finish(self) -> Ending:
        """Close the client's side and wait for the end of the other; idempotent."""


class Venue(Protocol):
    """Where one scene takes place: a home for the app-server's state, and a scripted model."""

    @property
    def folder(self) -> Path:
        """The working folder of the scene's threads."""

    async def start(self) -> Door:
        """Start an app-server on the home, and connect to it.

        Raises:
            CodexRuntimeError: It cannot be started.
        """

    async def join(self) -> Door:
        """Connect a second client to the app-server that was started last.

        Raises:
            CodexRuntimeError: It cannot be reached.
        """

    async def launch(self, how: Launch) -> Process:
        """Launch a process in a way of the play's own; needs the capability ``process``.

        Raises:
            CodexRuntimeError: It cannot be launched.
            RuntimeError: It is no process; a mistake in the play.
        """

    @property
    def history(self) -> str | None:
        """The history mode the scene's threads are started with; the default's when ``None``."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What the scripted model could not play, or was asked against the rules; usually none."""

    def open_gate(self, name: str) -> None:
        """Let the model pass a gate of the script.

        Raises:
            ConfigurationError: ``E_SCRIPT_GATE_UNKNOWN``.
        """


class Target(Protocol):
    """Something the suites can be run against."""

    @property
    def name(self) -> str:
        """How the user wrote it."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""

    @property
    def jobs(self) -> int:
        """How many scenes it plays at once, unless told otherwise."""

    @property
    def patience(self) -> float:
        """Seconds after which something awaited counts as not coming."""

    async def preflight(self) -> str:
        """Find out whether it can be reached at all, before any check runs.

        Returns:
            What was found, in words, for the report's header.

        Raises:
            CodexRuntimeError: It cannot; the code says why.
        """

    def open(self, script: Script, settings: StageSettings) -> AbstractAsyncContextManager[Venue]:
        """Prepare a venue of its own for one scene.

        Args:
            script: What the model does.
            settings: How the app-server is configured.
        """
