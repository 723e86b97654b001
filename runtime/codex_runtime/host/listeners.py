"""Who hears of the runtime: the handlers it was made with, and whoever subscribes later.

May import asyncio, the common parts and the phases. The invariant: whatever a listener does, the
runtime goes on; a listener that raises is logged and hears of the next thing as before.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from codex_runtime.host.common import Emit, HostError, Report, Tell

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from codex_runtime.host.phases import HostState

_log = logging.getLogger("codex_runtime.host")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHandlers:
    """Who hears of what; plain functions, called in the loop. One that raises is logged.

    Attributes:
        on_state: Every state.
        on_event: Every message of a conversation.
        on_global_message: Every message that is nobody's in particular.
        on_request: Every request of the app-server that waits for an answer.
        on_protocol_error: Everything that went wrong and was survived: what, and where.
    """

    on_state: Callable[[HostState], None] | None = None
    on_event: Callable[[Any], None] | None = None
    on_global_message: Callable[[Any], None] | None = None
    on_request: Callable[[Any], None] | None = None
    on_protocol_error: Callable[[str, str], None] | None = None


class Listeners:
    """The handlers and the subscribers of a runtime.

    Args:
        handlers: The handlers it was made with.
        state: The state it begins with.

    Raises:
        HostError: ``E_RUNTIME_CONFIG_INVALID``: a handler is no plain function.
    """

    def __init__(self, handlers: HostHandlers, state: HostState) -> None:
        for field in fields(handlers):
            handler = getattr(handlers, field.name)
            if handler is not None:
                _check_plain(field.name, handler)
        self._handlers = handlers
        self._subscribed: list[Callable[[HostState], None]] = []
        self.state = state

    def subscribe(self, listener: Callable[[HostState], None]) -> Callable[[], None]:
        """Let somebody hear of every state, beginning with the last one.

        Args:
            listener: A plain function.

        Returns:
            A function that ends it; calling it again does nothing.

        Raises:
            HostError: ``E_RUNTIME_CONFIG_INVALID``: it is no plain function.
        """
        _check_plain("a listener", listener)
        # The same function may be subscribed twice; each is ended by its own.
        entry: list[Callable[[HostState], None]] = [listener]

        def heard(state: HostState) -> None:
            for one in entry:
                one(state)

        self._subscribed.append(heard)
        self.safely(heard, self.state)

        def unsubscribe() -> None:
            if entry:
                entry.clear()
                self._subscribed.remove(heard)

        return unsubscribe

    async def states(self) -> AsyncGenerator[HostState, None]:
        """Take every state, beginning with the last one."""
        states: asyncio.Queue[HostState] = asyncio.Queue()
        unsubscribe = self.subscribe(states.put_nowait)
        try:
            while True:
                yield await states.get()
        finally:
            unsubscribe()

    def hear(self, effect: Emit | Report | Tell) -> None:
        """Tell whom it concerns.

        Args:
            effect: A state, a message of the app-server, or something that went wrong.
        """
        handlers = self._handlers
        match effect:
            case Emit(state):
                self.state = state
                for listener in (handlers.on_state, *self._subscribed):
                    if listener is not None:
                        self.safely(listener, state)
            case Report(message, line):
                if handlers.on_protocol_error is not None:
                    self.safely(handlers.on_protocol_error, message, line)
            case Tell(kind, message):
                hears = {
                    "event": handlers.on_event,
                    "global": handlers.on_global_message,
                    "request": handlers.on_request,
                }[kind]
                if hears is not None:
                    self.safely(hears, message)

    def safely(self, listener: Callable[..., None], *args: Any) -> None:
        """Call a listener, whatever it raises.

        Args:
            listener: The listener.
            *args: What it hears.
        """
        try:
            listener(*args)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - whatever a listener raises
            # A future that a listener looks into may have been cancelled: that is not the
            # runtime's own cancellation.
            _log.exception("a listener of the runtime raised")


def _check_plain(name: str, listener: Any) -> None:
    if not callable(listener) or inspect.iscoroutinefunction(listener):
        raise HostError(
            "E_RUNTIME_CONFIG_INVALID",
            f"{name} must be a plain function: what it returns is not awaited.",
        )
