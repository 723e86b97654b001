"""Requests about commands that go on: thread/backgroundTerminals/list, clean and terminate.

May import the history, the commands that run and the shared world. The invariant: a client sees and
ends the commands of the thread that it names, and of no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.dialect.other_ids import process_number

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Request
    from codex_fakes.app_server.requests.history import History
    from codex_fakes.app_server.threads.world import Connection, World
    from codex_fakes.app_server.tools.running import RunningCommands


class Terminals:
    """Handles the requests about commands that go on.

    Args:
        world: The shared part of the machine.
        history: Finds threads.
        running: The commands.
    """

    def __init__(self, world: World, history: History, running: RunningCommands) -> None:
        self._world = world
        self._history = history
        self._running = running

    def list(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/backgroundTerminals/list."""
        thread = self._history.loaded(params)
        page = self._running.page(thread, params.get("cursor"), params.get("limit"))
        self._world.respond(client.number, request.id, page)

    def clean(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/backgroundTerminals/clean."""
        thread = self._history.loaded(params)
        self._world.respond(client.number, request.id, {})
        self._running.clean(thread)

    def terminate(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/backgroundTerminals/terminate."""
        number = process_number(params["processId"])
        command = self._running.find(self._history.loaded(params), number)
        self._world.respond(client.number, request.id, {"terminated": command is not None})
        if command is not None:
            self._running.terminate(command)
