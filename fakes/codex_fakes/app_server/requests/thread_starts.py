"""Requests that begin and end a client's part in a thread: thread/start and thread/unsubscribe.

May import settings, dynamic tools, rollout paths, threads and the shared world. The invariant: a
thread that was started is loaded, followed by its client, and announced behind the answer.
"""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.configuration.ignored_settings import ignored_names, ignored_text
from codex_fakes.app_server.configuration.settings import unstable_features_warning
from codex_fakes.app_server.dialect.dynamic_tools import check_tools, tool_names
from codex_fakes.app_server.dialect.other_ids import unknown_project
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.storage.rollout import rollout_path
from codex_fakes.app_server.threads.thread import Thread
from codex_fakes.app_server.threads.thread_settings import new_settings, tier_warning

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Request
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread_settings import ThreadSettings
    from codex_fakes.app_server.threads.world import Connection, World


class ThreadStarts:
    """Handles the requests that begin and end a client's part in a thread.

    Args:
        world: The shared part of the machine.
        shelf: Keeps what is known of threads.
    """

    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf

    def start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/start."""
        # Starting a thread takes the real server a while, in which it answers other requests: one
        # that is already here is answered first (recording 13h).
        cwd = absolute(self._world, self._shelf.home, params.get("cwd") or "")
        settings = new_settings(self._world.settings, cwd, params)
        if params.get("projectId") is not None:
            raise unknown_project(params["projectId"])
        specs = params.get("dynamicTools") or []
        check_tools(specs)
        self._world.defer(partial(self._begin, client, request, params, settings, specs))

    def _begin(
        self,
        client: Connection,
        request: Request,
        params: dict[str, Any],
        settings: ThreadSettings,
        specs: list[Any],
    ) -> None:
        mode = params.get("historyMode") or self._world.settings.history_mode
        thread = new_thread(self._world, self._shelf.home, client, settings, mode)
        thread.ephemeral = bool(params.get("ephemeral"))
        thread.tools, thread.tool_specs = tool_names(specs), specs
        thread.source, thread.daybreak = params.get("threadSource"), params.get("daybreakEnabled")
        if thread.daybreak is not None:
            self._shelf.remember(thread)
        load(self._world, thread, client)
        shown = thread.on_wire()
        ignored = ignored_names(params.get("config"))
        if ignored:
            notice = {"summary": ignored_text(ignored), "details": None}
            self._world.tell(client.number, "configWarning", notice)
        self._world.respond(client.number, request.id, thread.session_on_wire(shown))
        self._world.tell_all("thread/started", {"thread": shown})
        if ignored:
            self._world.warn(thread, ignored_text(ignored))
        tier = tier_warning(settings, params)
        if tier is not None:
            self._world.warn(thread, tier)
        features = settings.unstable_features(self._world.settings)
        if features:
            self._world.warn(thread, unstable_features_warning(features, self._shelf.home))

    def unsubscribe(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/unsubscribe."""
        thread = self._world.threads.get(parse_thread_id(params["threadId"]))
        if thread is None:
            status = "notLoaded"
        elif client.number in thread.subscribers:
            thread.subscribers.discard(client.number)
            status = "unsubscribed"
        else:
            status = "notSubscribed"
        self._world.respond(client.number, request.id, {"status": status})


def absolute(world: World, home: str, cwd: str) -> str:
    """Name a folder as threads do, whose relative folders are seen from the server's own.

    Args:
        world: The shared part of the machine.
        home: The server's home, absolute.
        cwd: The folder.
    """
    base = world.settings.cwd or posixpath.dirname(home)
    return posixpath.normpath(posixpath.join(base, cwd))


def new_thread(
    world: World, home: str, client: Connection, settings: ThreadSettings, history_mode: str
) -> Thread:
    """Make a thread that nobody knows of yet.

    Args:
        world: The shared part of the machine.
        home: The server's home, absolute.
        client: Who wants it.
        settings: What it runs with.
        history_mode: How its history is kept.
    """
    now_ms, thread_id = world.clock.now_ms(), world.ids.uuid7()
    return Thread(
        id=thread_id,
        path=rollout_path(home, thread_id, now_ms),
        originator=client.name or "",
        settings=settings,
        created_ms=now_ms,
        updated_ms=now_ms,
        recency_ms=now_ms,
        history_mode=history_mode,
    )


def load(world: World, thread: Thread, client: Connection) -> None:
    """Let the server know a new thread, and who wanted it follow it."""
    thread.subscribers.add(client.number)
    world.threads[thread.id] = thread
