"""Requests that page through a thread: thread/turns/list and thread/items/list.

May import threads and the dialect. Cursors are opaque to clients and differ with the
mode of the history: a paginated one anchors them to a line of the rollout, a legacy one to a turn.
The invariant: a cursor is taken only by the list, and for the thread, that it was made for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.messages import INVALID_PARAMS, NOT_SUPPORTED, Refusal, Request
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id

if TYPE_CHECKING:
    from codex_fakes.app_server.requests.history import History
    from codex_fakes.app_server.threads.items import Item
    from codex_fakes.app_server.threads.thread import ItemsView, StoredItem, Thread, TurnRecord
    from codex_fakes.app_server.threads.world import Connection, World

PAGE: Final = 25
"""Rows on a page, unless the client says how many."""

_TURNS: Final = "turns"
_ITEMS: Final = "itemsByCreatedAtOrdinal"


class TurnPages:
    """Handles the requests that page through a thread.

    Args:
        world: The shared part of the machine.
        history: Finds threads.
    """

    def __init__(self, world: World, history: History) -> None:
        self._world = world
        self._history = history

    def turns(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/turns/list."""
        thread = self._history.existing(params)
        if thread.ephemeral:
            raise Refusal("ephemeral threads do not support thread/turns/list")
        if not thread.stored:
            raise Refusal(
                f"thread {thread.id} is not materialized yet; thread/turns/list is unavailable "
                "before first user message"
            )
        need_turns(thread)
        page = turns_page(thread, params, rejoined=not thread.paginated)
        self._world.respond(client.number, request.id, page)

    def items(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/items/list."""
        if isinstance(params.get("cursor"), dict) and params.get("turnId") is None:
            raise Refusal("turnId is required when cursor is an item anchor", code=INVALID_PARAMS)
        thread = self._history.known(parse_thread_id(params["threadId"]))
        if thread is None or not thread.paginated or not thread.stored or thread.blank:
            raise Refusal("thread/items/list is not supported yet", code=NOT_SUPPORTED)
        self._world.respond(client.number, request.id, _items_page(thread, params))


def need_turns(thread: Thread) -> None:
    """Refuse to list the turns of a thread in which nothing has happened yet.

    Raises:
        Refusal: In the words of the real server.
    """
    if thread.blank:
        raise Refusal("list_turns is not supported yet", code=NOT_SUPPORTED)


def turn_cursor(thread: Thread) -> str | None:
    """The cursor of the newest turn, as thread/resume tells it; ``None`` without turns."""
    if not thread.records or not thread.paginated:
        return None
    return _cursor(thread, thread.record.ordinal, _TURNS, anchor=True)


def item_cursor(thread: Thread) -> str | None:
    """The cursor of the newest item, as thread/resume tells it; ``None`` without items."""
    ordinals = [stored.ordinal for record in thread.records for stored in record.items]
    if not ordinals or not thread.paginated:
        return None
    return _cursor(thread, max(ordinals), _ITEMS, anchor=True)


def turns_page(thread: Thread, params: dict[str, Any], *, rejoined: bool = False) -> dict[str, Any]:
    """Cut a page of turns.

    Args:
        thread: The thread.
        params: What thread/turns/list or the ``initialTurnsPage`` of thread/resume asks for.
        rejoined: See :meth:`Thread.shown_turns`.

    Returns:
        The page.

    Raises:
        Refusal: The cursor is none of this list.
    """
    shown = thread.shown_turns(rejoined=rejoined)
    descending = params.get("sortDirection") != "asc"
    view: ItemsView = params.get("itemsView") or "summary"
    if not thread.paginated:
        return _legacy_turns_page(shown, params, view, descending=descending)
    rows = {record.ordinal: (record, items) for record, items in shown}
    page, following, back = _window(
        sorted(rows, reverse=descending), thread, params, _TURNS, ascending=not descending
    )
    return {
        "data": [rows[ordinal][0].on_wire(view, rows[ordinal][1]) for ordinal in page],
        "nextCursor": following,
        "backwardsCursor": back,
    }


def _limit(params: dict[str, Any]) -> int:
    return max(PAGE if params.get("limit") is None else params["limit"], 1)


# --- paginated history ---------------------------------------------------------------------------


def _cursor(thread: Thread, ordinal: int, scope: str, *, anchor: bool) -> str:
    value = {
        "requestedThreadId": thread.id,
        "rolloutOrdinal": ordinal,
        "includeAnchor": anchor,
        "scope": {"kind": scope},
    }
    return dialect.encode(value).decode()


def _window(
    ordinals: list[int], thread: Thread, params: dict[str, Any], scope: str, *, ascending: bool
) -> tuple[list[int], str | None, str | None]:
    """Cut a page out of rows that are sorted the way they are asked for.

    Returns:
        The ordinals on the page, the cursor behind it, and the cursor back.
    """
    cursor = params.get("cursor")
    if cursor is not None:
        anchor, included = _read_cursor(cursor, thread, scope, params.get("turnId"))
        ordinals = [
            ordinal
            for ordinal in ordinals
            if (ordinal > anchor) == ascending or (included and ordinal == anchor)
        ]
        if not included:
            ordinals = [ordinal for ordinal in ordinals if ordinal != anchor]
    page = ordinals[: _limit(params)]
    following = None
    if len(page) < len(ordinals):
        following = _cursor(thread, page[-1], scope, anchor=False)
    back = _cursor(thread, page[0], scope, anchor=True) if page else None
    return page, following, back


def _read_cursor(cursor: Any, thread: Thread, scope: str, turn_id: str | None) -> tuple[int, bool]:
    """Read a cursor; the one that names an item, the item of a turn, ends a page."""
    if isinstance(cursor, dict):
        for record in thread.records:
            for stored in record.items:
                if (record.id, stored.item["id"]) == (turn_id, cursor["itemId"]):
                    return stored.ordinal, False
        raise Refusal(
            "cursor.itemId does not identify an item in the requested history scope",
            code=INVALID_PARAMS,
        )
    try:
        value = dialect.decode(cursor.encode())
        if value["requestedThreadId"] == thread.id and value["scope"]["kind"] == scope:
            return int(value["rolloutOrdinal"]), bool(value["includeAnchor"])
    except (ValueError, KeyError, TypeError):
        raise Refusal(f"invalid cursor: {cursor}") from None
    raise Refusal(f"invalid cursor: {cursor}")


def _items_page(thread: Thread, params: dict[str, Any]) -> dict[str, Any]:
    only = params.get("turnId")
    rows: dict[int, tuple[str, StoredItem]] = {
        stored.ordinal: (record.id, stored)
        for record in thread.records
        if only is None or record.id == only
        for stored in record.items
    }
    ascending = params.get("sortDirection") != "desc"
    page, following, back = _window(
        sorted(rows, reverse=not ascending), thread, params, _ITEMS, ascending=ascending
    )
    return {
        "data": [_item_row(*rows[ordinal]) for ordinal in page],
        "nextCursor": following,
        "backwardsCursor": back,
    }


def _item_row(turn_id: str, stored: StoredItem) -> dict[str, Any]:
    return {
        "turnId": turn_id,
        "item": stored.item,
        "startedAtMs": stored.started_ms,
        "completedAtMs": stored.completed_ms,
    }


# --- legacy history ------------------------------------------------------------------------------


def _legacy_turns_page(
    shown: list[tuple[TurnRecord, list[Item]]],
    params: dict[str, Any],
    view: ItemsView,
    *,
    descending: bool,
) -> dict[str, Any]:
    rows = shown[::-1] if descending else shown
    cursor = params.get("cursor")
    if cursor is not None:
        anchor, included = _read_legacy_cursor(cursor)
        places = [place for place, (record, _) in enumerate(rows) if record.id == anchor]
        if not places:
            raise Refusal("invalid cursor: anchor turn is no longer present")
        rows = rows[places[0] if included else places[0] + 1 :]
    page = rows[: _limit(params)]
    more = len(page) < len(rows)
    return {
        "data": [record.on_wire(view, items) for record, items in page],
        "nextCursor": _legacy_cursor(page[-1][0], anchor=False) if more else None,
        "backwardsCursor": _legacy_cursor(page[0][0], anchor=True) if page else None,
    }


def _legacy_cursor(record: TurnRecord, *, anchor: bool) -> str:
    return dialect.encode({"turnId": record.id, "includeAnchor": anchor}).decode()


def _read_legacy_cursor(cursor: str) -> tuple[str, bool]:
    try:
        value = dialect.decode(cursor.encode())
        return str(value["turnId"]), bool(value["includeAnchor"])
    except (ValueError, KeyError, TypeError):
        raise Refusal(f"invalid cursor: {cursor}") from None
