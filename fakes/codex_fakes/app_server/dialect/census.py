"""Which of the requests that the real server knows the simulation plays.

May import the protocol's table of methods, which has their names, their order and their gates. The
invariant: a request is simulated or it is answered with ``E_FAKE_NOT_SIMULATED``, and this table
alone says which.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.protocol.methods import CLIENT_METHODS

SIMULATED: Final[frozenset[str]] = frozenset(
    {
        "initialize",
        "thread/start",
        "thread/resume",
        "thread/read",
        "thread/fork",
        "thread/archive",
        "thread/unarchive",
        "thread/delete",
        "thread/revert",
        "thread/metadata/update",
        "thread/goal/set",
        "thread/goal/get",
        "thread/goal/clear",
        "thread/compact/start",
        "review/start",
        "account/read",
        "account/rateLimits/read",
        "account/usage/read",
        "account/login/start",
        "account/login/cancel",
        "account/logout",
        "getAuthStatus",
        "model/list",
        "getConversationSummary",
        "gitDiffToRemote",
        "fuzzyFileSearch",
        "thread/list",
        "thread/loaded/list",
        "thread/name/set",
        "thread/unsubscribe",
        "thread/turns/list",
        "thread/items/list",
        "turn/start",
        "turn/steer",
        "turn/interrupt",
        "thread/backgroundTerminals/list",
        "thread/backgroundTerminals/clean",
        "thread/backgroundTerminals/terminate",
    }
)
"""Requests that the simulation plays; all others are refused with a coded error."""


def unknown_method_text(name: str) -> str:
    """The error text for a request that the server does not have.

    Args:
        name: The method that was asked for.

    Returns:
        serde's wording, with every name there is.
    """
    return f"Invalid request: unknown variant `{name}`, expected one of " + ", ".join(
        f"`{method}`" for method in CLIENT_METHODS
    )
