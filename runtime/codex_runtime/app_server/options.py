"""How a connection behaves.

May import the typed params and the limits of the events. The invariant: every wait of a connection
has its bound here, and every bound has a default that a healthy app-server keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from codex_runtime import __version__
from codex_runtime.app_server.events import EVENT_BYTES
from codex_runtime.protocol.params import ClientInfo

MAX_OUTSTANDING: Final = 64
"""Requests that may wait for an answer at a time; beyond 130 the server loses some (FACTS §16)."""


def default_client() -> ClientInfo:
    """Say who we are where the caller does not."""
    return ClientInfo(name="codex_runtime", title="codex-runtime", version=__version__)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How a connection behaves; times in seconds.

    Attributes:
        client: Who we are; the server keeps the name as the threads' originator.
        experimental_api: Whether experimental methods and fields are used.
        start_timeout: From opening the transport to the answer of ``initialize``.
        request_timeout: From sending a request to its answer, where the caller says nothing else.
        stop_timeout: How long stopping waits for answers that are still due; the server drops what
            is in flight when its input ends.
        max_outstanding: Requests that may wait for an answer at a time.
        event_bytes: Bytes of events that may wait for their consumer.
        allow_any_version: Whether a server of another version than the protocol's is accepted.
    """

    client: ClientInfo = field(default_factory=default_client)
    experimental_api: bool = False
    start_timeout: float = 30.0
    request_timeout: float = 60.0
    stop_timeout: float = 1.0
    max_outstanding: int = MAX_OUTSTANDING
    event_bytes: int = EVENT_BYTES
    allow_any_version: bool = False
