"""Requests that list threads: thread/list and thread/loaded/list.

May import the shelf, threads and the shared world. The real server has two ways to list, and so has
this one: it looks through the rollout files, each of which is a row by what it alone says; for
archived threads and for a search it asks its database, which has one row for each thread. The
invariant: a page and its cursors together pass every row once, save what created_at drops.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect.messages import INVALID_PARAMS, Refusal, Request
from codex_fakes.app_server.dialect.other_ids import unknown_project
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.requests.turn_pages import PAGE

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread import Row, Thread
    from codex_fakes.app_server.threads.world import Connection, World

_SOURCE: Final = "vscode"


@dataclass(frozen=True, slots=True)
class _Order:
    """How the rows of one request are sorted, and what its cursors look like."""

    key: str
    ascending: bool
    row: Row

    @property
    def _by_second(self) -> bool:
        # The name of a file says when its thread was created, but only the second.
        return self.key == "created_at" and self.row == "file"

    def moment(self, row: Thread) -> int:
        """The moment that counts for the order, in milliseconds."""
        if self.key == "updated_at":
            return row.updated_ms_of_row(self.row)
        return row.created_ms if self.key == "created_at" else row.recency_ms

    def sorted(self, rows: list[Thread]) -> list[Thread]:
        """Sort rows."""
        return sorted(
            rows, key=lambda row: (self.moment(row), row.id, row.path), reverse=not self.ascending
        )

    def behind(self, row: Thread, cursor: tuple[int, str | None]) -> bool:
        """Whether a row comes after a cursor."""
        edge, edge_id = cursor
        moment = self.moment(row) // 1000 * 1000 if self._by_second else self.moment(row)
        if moment == edge:
            if edge_id is None or row.id == edge_id:
                return False
            return (row.id > edge_id) == self.ascending
        return (moment > edge) == self.ascending

    def cursor_behind(self, row: Thread) -> str:
        """The cursor of what comes after a row."""
        moment = self.moment(row)
        if self._by_second:
            return _rfc3339(moment // 1000 * 1000)
        return _rfc3339(moment) + (f"|{row.id}" if self.key == "recency_at" else "")

    def cursor_before(self, row: Thread, *, searched: bool) -> str:
        """The cursor for going back from a row, the row included."""
        moment = self.moment(row)
        if searched and self.key == "created_at":
            moment = moment // 1000 * 1000
        return _rfc3339(moment + (1 if self.ascending else -1))


class ThreadLists:
    """Handles the requests that list threads.

    Args:
        world: The shared part of the machine.
        shelf: Finds stored threads.
    """

    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf

    def loaded(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/loaded/list."""
        ids = sorted(self._world.threads)
        cursor = params.get("cursor")
        # Where nothing is loaded, nobody looks at the cursor.
        if cursor is not None and ids:
            try:
                after = parse_thread_id(cursor)
            except Refusal:
                raise Refusal(f"invalid cursor: {cursor}") from None
            ids = [thread_id for thread_id in ids if thread_id > after]
        limit = params.get("limit")
        page = ids if limit is None else ids[: max(limit, 1)]
        following = page[-1] if len(page) < len(ids) else None
        self._world.respond(client.number, request.id, {"data": page, "nextCursor": following})

    def threads(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/list.

        Paging by creation time drops the rest of a second, as the real server does (FACTS §7).
        """
        _refuse_impossible(params)
        searched = bool(params.get("searchTerm"))
        from_files = not (searched or params.get("archived"))
        order = _Order(
            params.get("sortKey") or "created_at",
            params.get("sortDirection") == "asc",
            "file" if from_files else "database",
        )
        archived = bool(params.get("archived"))
        found = self._files() if from_files else self._database(archived=archived)
        provider = self._world.settings.model_provider
        rows = order.sorted([row for row in found if _passes(row, params, provider)])
        cursor = params.get("cursor")
        if cursor is not None:
            edge = _read_cursor(cursor)
            rows = [row for row in rows if order.behind(row, edge)]
        page = rows[: max(PAGE if params.get("limit") is None else params["limit"], 1)]
        result: dict[str, Any] = {
            "data": [row.on_wire(row=order.row) for row in page],
            "readStates": {row.id: row.read_state() for row in page},
            "nextCursor": order.cursor_behind(page[-1]) if len(page) < len(rows) else None,
            "backwardsCursor": order.cursor_before(page[0], searched=searched) if page else None,
        }
        self._world.respond(client.number, request.id, result)

    def _files(self) -> list[Thread]:
        rows = (self._as_loaded(row) for row in self._shelf.stored())
        return [row for row in rows if row.own_preview]

    def _database(self, *, archived: bool) -> list[Thread]:
        newest = {row.id: row for row in self._shelf.stored(archived=archived)}
        rows = (self._as_loaded(row) for row in newest.values())
        return [row for row in rows if row.preview or archived]

    def _as_loaded(self, row: Thread) -> Thread:
        """Show a thread as it is now, if it is loaded."""
        loaded = self._world.threads.get(row.id)
        if loaded is None:
            return row
        if loaded.path == row.path:
            return loaded
        row.status, row.waiting = loaded.status, loaded.waiting
        return row


def _refuse_impossible(params: dict[str, Any]) -> None:
    if params.get("sortKey") == "section_position" and params.get("sectionId") is None:
        raise Refusal("section-position sorting requires a section filter")
    if params.get("originators"):
        raise Refusal(
            "originator filtering is not supported by the local app-server", code=INVALID_PARAMS
        )
    for excluded in params.get("excludedThreadIds") or ():
        try:
            parse_thread_id(excluded, kind="excluded thread")
        except Refusal as refusal:
            raise Refusal(refusal.message, code=INVALID_PARAMS) from None
    if params.get("projectId") is not None:
        raise unknown_project(params["projectId"], code=INVALID_PARAMS)
    parent, ancestor = params.get("parentThreadId"), params.get("ancestorThreadId")
    if parent is not None and ancestor is not None:
        raise Refusal("parentThreadId and ancestorThreadId are mutually exclusive")
    for relation, thread_id in (("parent", parent), ("ancestor", ancestor)):
        if thread_id is not None:
            parse_thread_id(thread_id, kind=f"{relation} thread")


def _passes(row: Thread, params: dict[str, Any], provider: str) -> bool:
    """Whether a thread passes the filters of thread/list."""
    of_nobody = ("sectionId", "parentThreadId", "ancestorThreadId")
    if any(params.get(name) is not None for name in of_nobody):
        # No thread is in a section, and none was started by another.
        return False
    providers = params.get("modelProviders")
    if providers is None:
        providers = [provider]
    if providers and row.settings.model_provider not in providers:
        return False
    folders = params.get("cwd")
    if folders is not None:
        wanted = [folders] if isinstance(folders, str) else folders
        if row.settings.cwd not in {posixpath.normpath(folder) for folder in wanted}:
            return False
    excluded = params.get("excludedThreadIds") or ()
    if row.id in {parse_thread_id(thread_id) for thread_id in excluded}:
        return False
    kinds = params.get("sourceKinds")
    if kinds and _SOURCE not in kinds:
        return False
    term = params.get("searchTerm") or ""
    return term in row.preview or term in (row.name or "")


def _rfc3339(moment_ms: int) -> str:
    """A moment as cursors write it: no more digits than it needs."""
    moment = datetime.fromtimestamp(moment_ms // 1000, UTC)
    fraction = f".{moment_ms % 1000:03}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _read_cursor(cursor: str) -> tuple[int, str | None]:
    text, _, thread_id = cursor.partition("|")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"invalid cursor: {cursor}") from None
    if moment.tzinfo is None:
        raise Refusal(f"invalid cursor: {cursor}")
    return round(moment.timestamp() * 1000), thread_id or None
