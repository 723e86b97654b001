"""Which persisted turn a turn of Codex's is, told by what Codex itself keeps of it.

May import nothing of the project. The runtime names a turn before Codex does, and gives Codex the
name of its dispatch as ``clientUserMessageId``, which Codex keeps with the user's message in both
kinds of history. The invariant: from what ``thread/read`` says alone, whoever reads a thread later
(after a crash, or to import it) finds every turn that was sent by a runtime under the id it is
persisted with, and every other turn under Codex's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DISPATCH: Final = "-dispatch"


def dispatch_of(turn_id: str) -> str:
    """Name the dispatch of a turn that this runtime sends.

    Args:
        turn_id: The persisted id of the turn.

    Returns:
        The id of its dispatch.
    """
    return turn_id + _DISPATCH


def turn_of(dispatch_id: str | None) -> str | None:
    """Give the turn of a dispatch.

    Args:
        dispatch_id: What Codex keeps with the first message of a turn.

    Returns:
        The persisted id of the turn; ``None`` where no runtime has sent it.
    """
    if dispatch_id is None or not dispatch_id.endswith(_DISPATCH):
        return None
    return dispatch_id.removesuffix(_DISPATCH) or None


def dispatch_in(items: Iterable[Any]) -> str | None:
    """Find what the first message of a turn was sent as.

    Args:
        items: The items of the turn, as ``thread/read`` gives them.

    Returns:
        The dispatch; ``None`` where the client gave none. What a steer gave does not count.
    """
    for item in items:
        if isinstance(item, dict) and item.get("type") == "userMessage":
            client_id = item.get("clientId")
            return client_id if isinstance(client_id, str) else None
    return None


def persisted_ids(turns: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give the persisted id of every turn of a thread.

    Args:
        turns: The turns, as ``thread/read`` gives them; each has an id.

    Returns:
        The persisted ids by Codex's own, no two of them the same. A turn whose dispatch an earlier
        one has already had, or that names another turn of Codex's, keeps Codex's id.
    """
    found: dict[str, str] = {}
    taken = {turn["id"] for turn in turns}
    for turn in turns:
        runtime_id = turn["id"]
        items = turn.get("items")
        named = turn_of(dispatch_in(items if isinstance(items, list | tuple) else ()))
        if named is None or named in taken:
            named = runtime_id
        taken.add(named)
        found[runtime_id] = named
    return found
