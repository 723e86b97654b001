"""The app-server's version, which it says in its user agent and nowhere else (FACTS §5).

May import the method tables' version and the error catalogue. The invariant: a version that cannot
be read is not taken for the right one.
"""

from __future__ import annotations

import re

from codex_runtime.errors import AppServerError
from codex_runtime.protocol.methods import PROTOCOL_VERSION


def version_in(user_agent: str, client_name: str) -> str:
    """Read the version in a user agent.

    Args:
        user_agent: ``<client's name>/<version> (…)``.
        client_name: The client's name, which may have spaces and slashes in it.

    Returns:
        The version; empty when there is none behind that name.
    """
    found = re.match(re.escape(client_name) + r"/(\S+)", user_agent)
    return found.group(1) if found else ""


def check_version(user_agent: str, client_name: str) -> None:
    """Check that an app-server speaks the protocol of this package.

    Args:
        user_agent: The user agent it reports.
        client_name: The client's name.

    Raises:
        AppServerError: ``E_APP_SERVER_VERSION_UNSUPPORTED``.
    """
    version = version_in(user_agent, client_name)
    if version != PROTOCOL_VERSION:
        raise AppServerError(
            "E_APP_SERVER_VERSION_UNSUPPORTED",
            f"the app-server is version {version or 'unknown'}; this protocol is that of "
            f"{PROTOCOL_VERSION}",
        )
