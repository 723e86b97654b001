"""The first request of every client, ``initialize`` (FACTS §5): the one that starts are timed by.

May import the checks of params, the settings and the shared world; nothing of threads or turns, so
that a server that was just started can answer before the rest of it is imported. The invariant: a
connection is introduced once, and what it may do afterwards is what it said then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.settings import BUBBLEWRAP_WARNING
from codex_fakes.app_server.dialect.messages import Refusal, Request
from codex_fakes.app_server.dialect.params import checked_params
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from codex_fakes.app_server.threads.world import Connection, World

_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_INSTALLATION: Final = "installation_id"


class Reception:
    """Introduces clients.

    Args:
        world: The shared part of the machine.
        home: The server's home, absolute.
    """

    def __init__(self, world: World, home: str) -> None:
        self._world = world
        self._home = home

    def answer(self, client: Connection, request: Request) -> None:
        """Answer ``initialize``, and tell what every client is told then.

        Args:
            client: The connection it came on.
            request: The request.
        """
        try:
            self._introduce(client, request)
        except Refusal as refusal:
            self._world.refuse(client.number, request.id, refusal)
        else:
            self._tell_surroundings(client)

    def _introduce(self, client: Connection, request: Request) -> None:
        params = checked_params(request)
        if client.name is not None:
            raise Refusal("Already initialized")
        info = params["clientInfo"]
        name = info["name"]
        if not _HEADER_VALUE.fullmatch(name) or "\x7f" in name:
            raise Refusal(f"Invalid clientInfo.name: '{name}'. Must be a valid HTTP header value.")
        capabilities: dict[str, Any] = params.get("capabilities") or {}
        client.name = name
        client.experimental = bool(capabilities.get("experimentalApi"))
        client.opted_out = frozenset(capabilities.get("optOutNotificationMethods") or ())
        settings = self._world.settings
        self._world.respond(
            client.number,
            request.id,
            {
                "userAgent": _user_agent(
                    name,
                    info["version"],
                    settings.user_agent_host,
                    settings.user_agent_terminal,
                ),
                "codexHome": self._home,
                "platformFamily": "unix",
                "platformOs": "linux",
            },
        )

    def _tell_surroundings(self, client: Connection) -> None:
        settings = self._world.settings
        for warning in settings.config_warnings:
            self._world.tell(client.number, "configWarning", warning)
        if settings.bubblewrap_warning and settings.sandbox != "danger-full-access":
            self._world.tell(
                client.number, "configWarning", {"summary": BUBBLEWRAP_WARNING, "details": None}
            )
        self._world.tell(
            client.number,
            "remoteControl/status/changed",
            {
                "status": "disabled",
                "serverName": settings.server_name,
                "installationId": self._installation_id(),
                "environmentId": None,
            },
        )

    def _installation_id(self) -> str:
        """The id of this home; made up the first time it is asked for."""
        path = f"{self._home}/{_INSTALLATION}"
        found = self._world.files.read(path)
        if found is not None:
            return found.decode().strip()
        made = self._world.ids.uuid4()
        self._world.files.write(path, made.encode())
        return made


def _user_agent(name: str, version: str, host: str, terminal: str) -> str:
    # The server trims what it puts together, which shows when the version is empty.
    inner = f"{name}; {version}".strip()
    return f"{name}/{PROTOCOL_VERSION} ({host}) {terminal} ({inner})"
