"""What a host runtime is to the suites: something with the public methods of ours.

May import the tap, the line and the contract's actors; our own runtime is imported when it is made.
The invariant: a runtime reaches its neighbours through what it is given here and in no other way,
so that the suites see everything it does.
"""

from __future__ import annotations

import difflib
import importlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from codex_runtime.app_server.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a runtime is given.

    Attributes:
        open_app_server: Starts an app-server and opens the way to it, as bytes.
        convex_url: The deployment's URL; ``None`` when nothing is to be kept anywhere.
        convex_module: The module of the host's endpoints there.
        convex_transport: What carries requests there, credentials included: an httpx transport.
        outbox: Whether that deployment offers the manifest ``runtimeExtended``.
        start_seconds: How long the app-server may take to answer ``initialize``.
        request_seconds: How long it may take to answer any other request.
        pause: Waits, in seconds, where the deployment's time decides.
        report: Is told of everything that went wrong and was survived: what, and where.
        tools: Python functions that the model may call, by name.
    """

    open_app_server: Callable[[], Awaitable[Transport]]
    convex_url: str | None = None
    convex_module: str = "chat"
    convex_transport: Any = None
    outbox: bool = True
    start_seconds: float = 10.0
    request_seconds: float = 10.0
    pause: Callable[[float], Awaitable[None]]
    report: Callable[[str, str], None]
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


class HostRuntime(Protocol):
    """The methods that the suites use, as in :class:`codex_runtime.host.facade.CodexHostRuntime`.

    What is refused is refused with a :class:`~codex_runtime.errors.CodexRuntimeError`.
    """

    async def connect(
        self, *, actor: Any, session_id: str | None = ..., flush_ms: float = ...
    ) -> Any:
        """Start the app-server and connect to it."""
        ...

    async def stop(self) -> None:
        """Stop."""
        ...

    async def open_thread(
        self,
        strategy: Any = ...,
        *,
        conversation_id: str | None = ...,
        persisted_conversation_id: str | None = ...,
        settings: Any = ...,
    ) -> Any:
        """Open a thread."""
        ...

    async def resume_thread(self, thread_id: str) -> Any:
        """Open an old thread."""
        ...

    async def fork_thread(self, thread_id: str) -> Any:
        """Open a copy of an old thread."""
        ...

    async def archive_thread(self, thread_id: str) -> None:
        """Put a thread into the archive."""
        ...

    async def unarchive_thread(self, thread_id: str) -> Any:
        """Take a thread out of the archive."""
        ...

    async def set_thread_name(self, thread_id: str, name: str) -> None:
        """Name a thread."""
        ...

    async def compact_thread(self, thread_id: str) -> None:
        """Have a thread summed up."""
        ...

    async def rollback_thread(self, thread_id: str, num_turns: int) -> Any:
        """Take the last turns of a thread back."""
        ...

    async def read_thread(self, thread_id: str, *, include_turns: bool = ...) -> Any:
        """Read a thread."""
        ...

    async def list_threads(self) -> Any:
        """List threads."""
        ...

    async def read_account(self) -> Any:
        """Say who is logged in."""
        ...

    async def send_turn(self, text: str) -> Any:
        """Send a turn."""
        ...

    async def steer_turn(self, text: str, *, expected_turn_id: str | None = ...) -> None:
        """Say more in the turn in flight."""
        ...

    async def interrupt(self) -> None:
        """Interrupt the turn in flight."""
        ...

    async def import_local_thread_to_persistence(
        self,
        runtime_thread_handle: str,
        *,
        conversation_id: str | None = ...,
        on_progress: Callable[[Any], None] | None = ...,
    ) -> Any:
        """Import a thread."""
        ...

    async def respond_command_approval(self, request_id: str | int, decision: Any) -> None:
        """Answer whether a command may run."""
        ...

    async def respond_file_change_approval(self, request_id: str | int, decision: Any) -> None:
        """Answer whether files may be changed."""
        ...

    def get_state(self) -> Any:
        """Give the state as it is now."""
        ...

    def get_lifecycle_state(self) -> Any:
        """Give the state that listeners heard last."""
        ...

    def subscribe_lifecycle(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Hear of every state; what is returned ends that."""
        ...


class RuntimeTarget(Protocol):
    """A runtime that the suites can be run against."""

    @property
    def name(self) -> str:
        """How the user wrote it."""

    def prepare(self) -> str:
        """Find out whether it is there at all, before any check runs.

        Returns:
            What was found, in words, for the report's header.

        Raises:
            ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``.
        """

    def make(self, surroundings: Surroundings) -> AbstractAsyncContextManager[HostRuntime]:
        """Make a runtime that is not connected; whatever it needs is let go at the end."""


def actor_of(user: str | None) -> Any:
    """The actor of a user, as a runtime is told; somebody anonymous for ``None``."""
    from codex_runtime.contract.actors import Actor

    return Actor(anonymous_id="conformance") if user is None else Actor(user_id=user)


def settings_of(**settings: Any) -> Any:
    """What a thread is opened with, as a runtime is told; by the protocol's names, in Python."""
    from codex_runtime.protocol.params import ThreadSettings

    return ThreadSettings(**settings)


class OwnRuntime:
    """This project's runtime."""

    name = "codex-runtime"

    def prepare(self) -> str:
        """See :meth:`RuntimeTarget.prepare`."""
        from codex_runtime import __version__

        return f"the host runtime of codex-runtime {__version__}"

    @asynccontextmanager
    async def make(self, surroundings: Surroundings) -> AsyncIterator[HostRuntime]:
        """See :meth:`RuntimeTarget.make`."""
        from codex_runtime.app_server.options import ConnectionOptions
        from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
        from codex_runtime.persistence.convex_adapter import ConvexPersistence
        from codex_runtime.persistence.convex_http import ConvexHttp
        from codex_runtime.persistence.host_client import HostClient

        given = surroundings
        http: ConvexHttp | None = None
        persistence: ConvexPersistence | None = None
        if given.convex_url is not None:
            http = ConvexHttp(
                given.convex_url, transport=given.convex_transport, pause=_no_pause, attempts=3
            )
            persistence = ConvexPersistence(
                HostClient(http, given.convex_module), outbox=given.outbox, pause=given.pause
            )
        runtime = create_codex_host_runtime(
            opener=given.open_app_server,
            options=ConnectionOptions(
                start_timeout=given.start_seconds,
                request_timeout=given.request_seconds,
            ),
            persistence=persistence,
            handlers=HostHandlers(on_protocol_error=given.report),
            tools=given.tools,
        )
        try:
            yield runtime
        finally:
            if http is not None:
                await http.aclose()


async def _no_pause(_seconds: float) -> None:
    """A call that is sent again is sent again at once: the deployment is no other after a pause."""


@dataclass(frozen=True, slots=True)
class PythonRuntime:
    """Somebody else's runtime: a Python function that makes one.

    Attributes:
        name: How the user wrote it.
        module: The module the function is in.
        function: Its name; it takes :class:`Surroundings` and gives an async context manager of a
            :class:`HostRuntime`.
    """

    name: str
    module: str
    function: str

    def prepare(self) -> str:
        """See :meth:`RuntimeTarget.prepare`."""
        self._found()
        return f"{self.function} of {self.module}"

    def _found(self) -> Any:
        try:
            found = getattr(importlib.import_module(self.module), self.function, None)
        except ImportError as error:
            raise _invalid(f"{self.name!r}: {self.module} cannot be imported: {error}") from error
        if not callable(found):
            raise _invalid(f"{self.name!r}: {self.module} has no function {self.function}")
        return found

    def make(self, surroundings: Surroundings) -> AbstractAsyncContextManager[HostRuntime]:
        """See :meth:`RuntimeTarget.make`."""
        made: AbstractAsyncContextManager[HostRuntime] = self._found()(surroundings)
        return made


PUBLIC_RUNTIMES: Final = ("codex-runtime", "python")
"""The kinds of runtimes for users; ``miniature`` is for demonstration."""


def parse_runtime(text: str) -> RuntimeTarget:
    """Make the runtime that the user means.

    Args:
        text: ``codex-runtime``, ``python:MODULE:FUNCTION`` or ``miniature:NAME``.

    Returns:
        The runtime; nothing is imported yet.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``.
    """
    kind, _, params = text.partition(":")
    if text == OwnRuntime.name:
        return OwnRuntime()
    if kind == "python":
        module, colon, function = params.partition(":")
        if not (module and colon and function):
            raise _invalid(f"{text!r}: python takes a function, as in python:my_host:make_runtime")
        return PythonRuntime(text, module, function)
    if kind == "miniature":
        return _miniature(text, params)
    near = difflib.get_close_matches(kind, PUBLIC_RUNTIMES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise _invalid(f"{text!r} is no kind of runtime ({', '.join(PUBLIC_RUNTIMES)}){hint}")


def _miniature(text: str, params: str) -> RuntimeTarget:
    from codex_conformance.miniatures.runtimes import RUNTIME_MINIATURES
    from codex_conformance.miniatures.runtimes.altering import MiniatureRuntime

    found = RUNTIME_MINIATURES.get(params)
    if found is None:
        near = difflib.get_close_matches(params, RUNTIME_MINIATURES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _invalid(f"{text!r}: there is no miniature of that name{hint}")
    return MiniatureRuntime(found, text)


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_CONFORMANCE_TARGET_INVALID", text)
