"""The URL of a deployment: what a person configures, and every Convex client takes.

May import the standard library only. The invariant: one place says what such a URL is; who uses it
says with which code another one is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Container
    from urllib.parse import SplitResult


def split_deployment_url(url: str, schemes: Container[str]) -> SplitResult:
    """Split the URL of a deployment into its parts.

    Args:
        url: The URL.
        schemes: The schemes it may have.

    Returns:
        Its parts.

    Raises:
        ValueError: It is no URL of a deployment; the text says why.
    """
    parts = urlsplit(url)
    # Reading the port is what checks it.
    host, _port = parts.hostname, parts.port
    if parts.scheme not in schemes or not host or parts.query or parts.fragment:
        raise ValueError("it is no URL of a deployment")
    return parts
