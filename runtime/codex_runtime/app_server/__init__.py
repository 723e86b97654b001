"""The client side of an app-server: how it is reached, asked and answered.

May import :mod:`codex_runtime.protocol` and :mod:`codex_runtime.errors`; websockets is imported
when a websocket is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_runtime.app_server.binary import (
        AppServerCommand,
        check_codex_home,
        codex_command,
        find_codex,
    )
    from codex_runtime.app_server.connection import AppServerConnection
    from codex_runtime.app_server.events import ConnectionEnded, Event
    from codex_runtime.app_server.memory import MemoryTransport, memory_pair
    from codex_runtime.app_server.options import ConnectionOptions
    from codex_runtime.app_server.requests import Call
    from codex_runtime.app_server.stdio import StdioTransport, StopTimeouts
    from codex_runtime.app_server.transport import Transport, TransportEnd
    from codex_runtime.app_server.websocket import WebSocketTransport

_MODULES: Final = {
    "AppServerCommand": "binary",
    "AppServerConnection": "connection",
    "Call": "requests",
    "ConnectionEnded": "events",
    "ConnectionOptions": "options",
    "Event": "events",
    "MemoryTransport": "memory",
    "StdioTransport": "stdio",
    "StopTimeouts": "stdio",
    "Transport": "transport",
    "TransportEnd": "transport",
    "WebSocketTransport": "websocket",
    "check_codex_home": "binary",
    "codex_command": "binary",
    "find_codex": "binary",
    "memory_pair": "memory",
}
"""Where each name is defined; its module is imported when the name is first used."""

__all__ = [
    "AppServerCommand",
    "AppServerConnection",
    "Call",
    "ConnectionEnded",
    "ConnectionOptions",
    "Event",
    "MemoryTransport",
    "StdioTransport",
    "StopTimeouts",
    "Transport",
    "TransportEnd",
    "WebSocketTransport",
    "check_codex_home",
    "codex_command",
    "find_codex",
    "memory_pair",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
