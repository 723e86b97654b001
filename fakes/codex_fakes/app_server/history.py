"""Requests that read: thread/read, thread/resume and the lists of threads, turns and items.

May import the shelf, rollouts, threads and the shared world. The invariant: reading changes
nothing, save that resuming loads the thread and subscribes who asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server import dialect
from codex_fakes.app_server.dialect import NOT_SUPPORTED, Refusal, Request, not_simulated
from codex_fakes.app_server.rollout import timestamp
from codex_fakes.app_server.thread_ids import parse_thread_id
from codex_fakes.app_server.thread_settings import override_thread, sandbox_policy

if TYPE_CHECKING:
    from codex_fakes.app_server.shelf import Shelf
    from codex_fakes.app_server.threads import ItemsView, StoredItem, Thread, TurnRecord
    from codex_fakes.app_server.world import Connection, World

_FULL_READ: Final = (
    "Full-history hydration is deprecated for paginated threads; omit `includeTurns` or set it "
    "to `false`, then page with `thread/turns/list` and `thread/items/list`."
)
_FULL_RESUME: Final = (
    "Full-history hydration is deprecated for paginated threads; use `excludeTurns: true`, then "
    "page with `thread/turns/list` and `thread/items/list`."
)
_PAGE: Final = 25
_SORT_KEYS: Final = {
    "created_at": "created_ms",
    "updated_at": "updated_ms",
    "recency_at": "recency_ms",
}
_SOURCE: Final = "vscode"


class History:
    """Finds threads, loaded or stored.

    Args:
        world: The shared part of the machine.
        shelf: Finds stored threads.
    """

    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf

    def known(self, thread_id: str) -> Thread | None:
        """A thread that is loaded or stored."""
        return self._world.threads.get(thread_id) or self._shelf.find(thread_id)

    def load(self, thread_id: str, path: str | None) -> tuple[Thread, bool]:
        """Find a thread for thread/resume.

        Args:
            thread_id: Its id.
            path: Its rollout, which counts for more than the id when it is given.

        Returns:
            The thread, and whether it has to be loaded.

        Raises:
            Refusal: There is no such thread.
        """
        if path is not None:
            named = self._shelf.open(path)
            if named is None:
                raise Refusal(f"failed to resolve rollout path `{path}`: file does not exist")
            thread_id = named.id
        loaded = self._world.threads.get(thread_id)
        if loaded is not None:
            return loaded, False
        stored = self._shelf.find(thread_id)
        if stored is None:
            raise Refusal(f"no rollout found for thread id {thread_id}")
        return stored, True

    def listed(self) -> list[Thread]:
        """Every thread that has a rollout; loaded ones as they are now."""
        stored = {thread.id: thread for thread in self._shelf.stored()}
        loaded = {i: t for i, t in self._world.threads.items() if t.stored}
        return list({**stored, **loaded}.values())


class HistoryPages:
    """Handles the requests that read.

    Args:
        world: The shared part of the machine.
        history: Finds threads.
    """

    def __init__(self, world: World, history: History) -> None:
        self._world = world
        self._history = history

    # --- one thread ----------------------------------------------------------------------------

    def read(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/read."""
        thread = self._find(params)
        turns = None
        if params.get("includeTurns"):
            _need_turns(thread)
            self._deprecated(client, thread, _FULL_READ)
            turns = thread.turns_on_wire()
        result = {"thread": thread.on_wire(turns=turns), "readState": thread.read_state()}
        self._world.respond(client.number, request.id, result)

    def resume(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/resume."""
        thread_id = parse_thread_id(params["threadId"], kind="session")
        full = not params.get("excludeTurns")
        thread, cold = self._history.load(thread_id, params.get("path"))
        if not (thread.stored or (full and thread.asked_for_turns)):
            raise Refusal(f"no rollout found for thread id {thread_id}")
        if full:
            self._deprecated(client, thread, _FULL_RESUME)
            _need_turns(thread)
        thread_id = thread.id
        if cold:
            self._world.threads[thread_id] = thread
            _override_loaded(thread, params)
            thread.status = "idle"
            self._world.set_status(thread)
        thread.subscribers.add(client.number)
        turns = thread.turns_on_wire(rejoined=True) if full else None
        page = params.get("initialTurnsPage")
        result = {
            **thread.session_on_wire(thread.on_wire(turns=turns), resumed=True),
            "initialTurnsPage": None if page is None else _turns_page(thread, page),
            "turnsBackwardsCursor": _turn_cursor(thread, thread.record),
            "itemsBackwardsCursor": _newest_item_cursor(thread),
        }
        self._world.respond(client.number, request.id, result)
        if full and thread.usage_turn is not None:
            window = self._world.settings.model_context_window
            usage = thread.token_usage(window)
            self._world.tell(client.number, "thread/tokenUsage/updated", usage)
        self._world.tell(client.number, "thread/goal/cleared", {"threadId": thread_id})
        for pending in list(self._world.requests.values()):
            if pending.thread is thread:
                self._world.send(client.number, pending.line)

    def turns(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/turns/list."""
        thread = self._find(params)
        if not (thread.stored or thread.asked_for_turns):
            raise Refusal(
                f"thread {thread.id} is not materialized yet; thread/turns/list is unavailable "
                "before first user message"
            )
        _need_turns(thread)
        self._world.respond(client.number, request.id, _turns_page(thread, params))

    def items(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/items/list."""
        thread_id = parse_thread_id(params["threadId"])
        thread = self._history.known(thread_id)
        if thread is None or thread.history_mode != "paginated" or not thread.stored:
            raise Refusal("thread/items/list is not supported yet", code=NOT_SUPPORTED)
        self._world.respond(client.number, request.id, _items_page(thread, params))

    def _find(self, params: dict[str, Any]) -> Thread:
        thread_id = parse_thread_id(params["threadId"])
        thread = self._history.known(thread_id)
        if thread is None:
            raise Refusal(f"thread not loaded: {thread_id}")
        return thread

    def _deprecated(self, client: Connection, thread: Thread, summary: str) -> None:
        if thread.history_mode == "paginated":
            notice = {"summary": summary, "details": None}
            self._world.tell(client.number, "deprecationNotice", notice)

    # --- lists of threads ----------------------------------------------------------------------

    def loaded(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/loaded/list."""
        ids = list(self._world.threads)
        cursor = params.get("cursor")
        if cursor is not None:
            if cursor not in ids:
                raise Refusal(f"invalid cursor: {cursor}")
            ids = ids[ids.index(cursor) + 1 :]
        limit = params.get("limit")
        page = ids if limit is None else ids[: max(limit, 1)]
        following = page[-1] if len(page) < len(ids) else None
        self._world.respond(client.number, request.id, {"data": page, "nextCursor": following})

    def threads(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/list.

        Paging by creation time drops the rest of a second, as the real server does (FACTS §7).
        """
        key = params.get("sortKey") or "created_at"
        if key not in _SORT_KEYS:
            raise not_simulated(f"thread/list sorted by {key}")
        attribute = _SORT_KEYS[key]
        ascending = params.get("sortDirection") == "asc"
        rows = [row for row in self._history.listed() if _listed(row, params)]
        rows.sort(key=lambda row: (getattr(row, attribute), row.id), reverse=not ascending)
        cursor = params.get("cursor")
        if cursor is not None:
            edge = _moment(cursor)
            rows = [
                row
                for row in rows
                if (getattr(row, attribute) > edge) == ascending and getattr(row, attribute) != edge
            ]
        limit = max(_PAGE if params.get("limit") is None else params["limit"], 1)
        page = rows[:limit]
        result: dict[str, Any] = {
            "data": [row.on_wire(listed=True) for row in page],
            "readStates": {row.id: row.read_state() for row in page},
            "nextCursor": None,
            "backwardsCursor": None,
        }
        if page:
            result["backwardsCursor"] = timestamp(getattr(page[0], attribute))
        if len(page) < len(rows):
            last_ms = getattr(page[-1], attribute)
            result["nextCursor"] = _seconds(last_ms) if key == "created_at" else timestamp(last_ms)
        self._world.respond(client.number, request.id, result)


def _need_turns(thread: Thread) -> None:
    if not thread.stored:
        thread.asked_for_turns = True
        raise Refusal("list_turns is not supported yet", code=NOT_SUPPORTED)


def _override_loaded(thread: Thread, params: dict[str, Any]) -> None:
    """Apply what thread/resume says otherwise; a thread that is loaded keeps its settings."""
    settings = thread.settings
    override_thread(settings, params)
    if params.get("cwd") is not None:
        settings.cwd = params["cwd"]
    if params.get("sandbox") is not None:
        settings.sandbox = sandbox_policy(params["sandbox"])


def _listed(row: Thread, params: dict[str, Any]) -> bool:
    """Whether a thread passes the filters of thread/list."""
    if params.get("archived"):
        return False
    providers = params.get("modelProviders")
    if providers and row.settings.model_provider not in providers:
        return False
    originators = params.get("originators")
    if originators and row.originator not in originators:
        return False
    folders = params.get("cwd")
    if folders is not None:
        wanted = [folders] if isinstance(folders, str) else folders
        if row.settings.cwd not in wanted:
            return False
    if row.id in (params.get("excludedThreadIds") or ()):
        return False
    kinds = params.get("sourceKinds")
    if kinds and _SOURCE not in kinds:
        return False
    term = params.get("searchTerm")
    return term is None or term.lower() in f"{row.name or ''}\n{row.preview}".lower()


def _seconds(moment_ms: int) -> str:
    return timestamp(moment_ms).partition(".")[0] + "Z"


def _moment(cursor: str) -> int:
    try:
        moment = datetime.fromisoformat(cursor)
    except ValueError:
        raise Refusal(f"invalid cursor: {cursor}") from None
    if moment.tzinfo is None:
        raise Refusal(f"invalid cursor: {cursor}")
    return round(moment.timestamp() * 1000)


def _cursor(thread: Thread, ordinal: int, scope: str, *, anchor: bool) -> str:
    value = {
        "requestedThreadId": thread.id,
        "rolloutOrdinal": ordinal,
        "includeAnchor": anchor,
        "scope": {"kind": scope},
    }
    return dialect.encode(value).decode()


_TURNS: Final = "turns"
_ITEMS: Final = "itemsByCreatedAtOrdinal"


def _turn_cursor(thread: Thread, record: TurnRecord) -> str:
    return _cursor(thread, record.ordinal, _TURNS, anchor=True)


def _newest_item_cursor(thread: Thread) -> str | None:
    ordinals = [stored.ordinal for record in thread.records for stored in record.items]
    return _cursor(thread, max(ordinals), _ITEMS, anchor=True) if ordinals else None


def _window(
    ordinals: list[int], thread: Thread, params: dict[str, Any], scope: str
) -> tuple[list[int], str | None, str | None]:
    """Cut a page out of rows that are sorted the way they are asked for.

    Returns:
        The ordinals on the page, the cursor behind it, and the cursor back.
    """
    ascending = ordinals == sorted(ordinals)
    cursor = params.get("cursor")
    if cursor is not None:
        anchor, included = _read_cursor(cursor, thread, scope)
        ordinals = [
            ordinal
            for ordinal in ordinals
            if (ordinal > anchor) == ascending or (included and ordinal == anchor)
        ]
        if not included:
            ordinals = [ordinal for ordinal in ordinals if ordinal != anchor]
    limit = max(_PAGE if params.get("limit") is None else params["limit"], 1)
    page = ordinals[:limit]
    following = None
    if len(page) < len(ordinals):
        following = _cursor(thread, page[-1], scope, anchor=False)
    back = _cursor(thread, page[0], scope, anchor=True) if page else None
    return page, following, back


def _read_cursor(cursor: str, thread: Thread, scope: str) -> tuple[int, bool]:
    try:
        value = dialect.decode(cursor.encode())
        if value["requestedThreadId"] == thread.id and value["scope"]["kind"] == scope:
            return int(value["rolloutOrdinal"]), bool(value["includeAnchor"])
    except (ValueError, KeyError, TypeError):
        raise Refusal(f"invalid cursor: {cursor}") from None
    raise Refusal(f"invalid cursor: {cursor}")


def _turns_page(thread: Thread, params: dict[str, Any]) -> dict[str, Any]:
    records = {record.ordinal: record for record in thread.records}
    ordinals = sorted(records, reverse=params.get("sortDirection") != "asc")
    page, following, back = _window(ordinals, thread, params, _TURNS)
    view: ItemsView = params.get("itemsView") or "summary"
    return {
        "data": [records[ordinal].on_wire(view) for ordinal in page],
        "nextCursor": following,
        "backwardsCursor": back,
    }


def _items_page(thread: Thread, params: dict[str, Any]) -> dict[str, Any]:
    only = params.get("turnId")
    rows: dict[int, tuple[str, StoredItem]] = {
        stored.ordinal: (record.id, stored)
        for record in thread.records
        if only is None or record.id == only
        for stored in record.items
    }
    ordinals = sorted(rows, reverse=params.get("sortDirection") == "desc")
    page, following, back = _window(ordinals, thread, params, _ITEMS)
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
