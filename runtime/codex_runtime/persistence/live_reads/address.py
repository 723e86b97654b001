"""The address of a deployment's sync protocol.

May import the exceptions and what a deployment's URL is. The invariant: what a person configures is
that URL, the one every Convex client takes; the rest follows from it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlunsplit

from codex_runtime.persistence.deployment_url import split_deployment_url
from codex_runtime.persistence.live_reads.failures import LiveReadsError

_SCHEMES: Final = {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}
_PATH: Final = "/api/sync"


def sync_url(url: str) -> str:
    """Make the URL of the sync protocol.

    Args:
        url: The deployment's URL.

    Returns:
        The websocket URL.

    Raises:
        LiveReadsError: ``E_LIVE_URL_INVALID``.
    """
    try:
        parts = split_deployment_url(url, _SCHEMES)
    except ValueError as error:
        raise LiveReadsError("E_LIVE_URL_INVALID", f"{url!r}: {error}") from None
    return urlunsplit(
        (_SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/") + _PATH, "", "")
    )
