"""What this client says on the sync protocol (FACTS §3.1): it reads, so three messages are all.

May import the modules of the core and msgspec. The invariant: versions written here are counted by
whoever sends them; a frame is compact JSON text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from codex_runtime.persistence.live_reads.core.versions import encode_ts

if TYPE_CHECKING:
    from collections.abc import Sequence


def connect(session_id: str, count: int, last_close_reason: str, observed_ts: int) -> str:
    """Write the first frame of a connection.

    Args:
        session_id: The client's session, the same on each of its connections.
        count: How many connections came before.
        last_close_reason: Why the last one ended.
        observed_ts: The latest timestamp seen, in nanoseconds; 0 for none.

    Returns:
        The frame.
    """
    message: dict[str, Any] = {
        "type": "Connect",
        "sessionId": session_id,
        "connectionCount": count,
        "lastCloseReason": last_close_reason,
        "clientTs": 0,
    }
    if observed_ts:
        message["maxObservedTimestamp"] = encode_ts(observed_ts)
    return _frame(message)


def modify_query_set(base: int, modifications: Sequence[dict[str, Any]]) -> str:
    """Write a change of the set of queries.

    Args:
        base: The version before; the one after is one more.
        modifications: What :func:`add` and :func:`remove` give.

    Returns:
        The frame.
    """
    return _frame(
        {
            "type": "ModifyQuerySet",
            "baseVersion": base,
            "newVersion": base + 1,
            "modifications": modifications,
        }
    )


def add(query_id: int, path: str, arguments: Any, journal: str | None) -> dict[str, Any]:
    """Describe a query to add.

    Args:
        query_id: Its number.
        path: The function, as the caller wrote it.
        arguments: Its arguments, encoded.
        journal: What the query recorded when it last ran, for it to go on with.

    Returns:
        The modification.
    """
    found = {"type": "Add", "queryId": query_id, "udfPath": path, "args": [arguments]}
    return found if journal is None else {**found, "journal": journal}


def remove(query_id: int) -> dict[str, Any]:
    """Describe a query to remove.

    Args:
        query_id: Its number.

    Returns:
        The modification.
    """
    return {"type": "Remove", "queryId": query_id}


def authenticate(base: int, token: str | None) -> str:
    """Write a change of identity.

    Args:
        base: The version before; the one after is one more.
        token: The user's token, or ``None`` to have no identity.

    Returns:
        The frame.
    """
    who = {"tokenType": "None"} if token is None else {"tokenType": "User", "value": token}
    return _frame({"type": "Authenticate", "baseVersion": base, **who})


def _frame(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
