"""Threads: what a server knows of each, finished turns included, and how responses show them.

May import the version, items, and as types settings and turns. The invariant: a thread object
always has every field, in the order of the wire, whatever the thread has been through.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from codex_fakes.app_server.items import is_answer
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect import Request, RpcId
    from codex_fakes.app_server.items import Item
    from codex_fakes.app_server.thread_settings import ThreadSettings
    from codex_fakes.app_server.turns import Turn

ItemsView: TypeAlias = Literal["full", "summary", "notLoaded"]
Status: TypeAlias = Literal["notLoaded", "idle", "active", "systemError"]


class Tokens(NamedTuple):
    """Token counts in the order of the wire."""

    total: int = 0
    input: int = 0
    cached: int = 0
    cache_written: int = 0
    output: int = 0
    reasoning: int = 0

    def plus(self, more: Tokens) -> Tokens:
        """Add two counts up."""
        return Tokens(*(mine + theirs for mine, theirs in zip(self, more, strict=True)))

    def on_wire(self) -> dict[str, int]:
        """The counts as a ``TokenUsageBreakdown``."""
        return {
            "totalTokens": self.total,
            "inputTokens": self.input,
            "cachedInputTokens": self.cached,
            "cacheWriteInputTokens": self.cache_written,
            "outputTokens": self.output,
            "reasoningOutputTokens": self.reasoning,
        }


NO_TOKENS: Final = Tokens()


class StoredItem(NamedTuple):
    """A completed item, with its place in the rollout."""

    item: Item
    started_ms: int
    completed_ms: int
    ordinal: int


@dataclass(slots=True)
class TurnRecord:
    """A turn as history knows it.

    Attributes:
        id: The turn's id.
        started_at: Seconds.
        ordinal: Where the rollout says that it started.
        items: Its completed items.
        status: ``inProgress`` until it ended.
        error: Why it failed.
        completed_at: Seconds; ``None`` while it runs and when the server crashed in it.
        duration_ms: The same.
    """

    id: str
    started_at: int
    ordinal: int
    items: list[StoredItem] = field(default_factory=list)
    status: str = "inProgress"
    error: dict[str, Any] | None = None
    completed_at: int | None = None
    duration_ms: int | None = None

    def on_wire(self, view: ItemsView, *, rejoined: bool = False) -> dict[str, Any]:
        """Show the turn.

        Args:
            view: Which items to show.
            rejoined: Whether a client rejoins the turn while it runs: then messages and reasoning
                have no stable ids yet (FACTS §13).
        """
        items = self._items(view)
        if rejoined:
            items = _renumbered(items)
        return {
            "id": self.id,
            "rootTurnId": self.id,
            "items": items,
            "itemsView": view,
            "status": self.status,
            "error": self.error,
            "startedAt": self.started_at,
            "completedAt": self.completed_at,
            "durationMs": self.duration_ms,
        }

    def _items(self, view: ItemsView) -> list[Item]:
        if view == "notLoaded":
            return []
        items = [stored.item for stored in self.items]
        if view == "full":
            return items
        first = next((item for item in items if item["type"] == "userMessage"), None)
        ended = self.status != "inProgress"
        last = next((item for item in reversed(items) if ended and is_answer(item)), None)
        return [item for item in (first, last) if item is not None]


_RENUMBERED: Final = frozenset({"userMessage", "agentMessage", "reasoning"})


def _renumbered(items: list[Item]) -> list[Item]:
    return [
        {**item, "id": f"item-{number}"} if item["type"] in _RENUMBERED else item
        for number, item in enumerate(items, 1)
    ]


@dataclass(slots=True)
class Thread:
    """A thread.

    Attributes:
        id: The thread's id.
        path: Where its rollout is, or will be.
        originator: The name of the client that started it.
        settings: What its turns run with.
        created_ms: When it was started, in milliseconds.
        updated_ms: When its rollout last grew.
        recency_ms: When its newest turn started.
        history_mode: How its history is kept.
        preview: The text of the first user message.
        name: The name the user gave it.
        status: What ``thread/status/changed`` last said.
        waiting: How many approvals its running turn waits for.
        subscribers: The connections that see its turns.
        turn: The turn that starts or runs.
        ghost: The last turn's id, when that turn was interrupted: the server goes on taking it
            for the current one (FACTS §10).
        hanging: Interrupts of the ghost, answered when the next turn ends.
        parked: Requests that wait until the turn has started.
        total: Tokens of the whole thread.
        last: Tokens of the newest response.
        usage_turn: The turn of the newest response.
        first_unread: The turn the user has not seen.
        revision: The revision of the read state.
        records: Every turn that was started, oldest first.
        ordinal: The number of lines in the rollout.
        torn: Whether the last line of its rollout was torn by a crash.
        compacts: Whether its context is full, so that the next turn compacts it first.
        asked_for_turns: Whether its turns were asked for before there were any, which changes
            what thread/resume says (recording 08b).
        approved_commands: Commands that need no consent any more in this session.
        approved_files: Files that may be patched without consent in this session.
    """

    id: str
    path: str
    originator: str
    settings: ThreadSettings
    created_ms: int
    updated_ms: int
    recency_ms: int
    history_mode: str
    preview: str = ""
    name: str | None = None
    status: Status = "idle"
    waiting: int = 0
    subscribers: set[int] = field(default_factory=set)
    turn: Turn | None = None
    ghost: str | None = None
    hanging: list[tuple[int, RpcId]] = field(default_factory=list)
    parked: deque[tuple[int, Request]] = field(default_factory=deque)
    total: Tokens = NO_TOKENS
    last: Tokens = NO_TOKENS
    usage_turn: str | None = None
    first_unread: str | None = None
    revision: str | None = None
    records: list[TurnRecord] = field(default_factory=list)
    ordinal: int = 0
    torn: bool = False
    compacts: bool = False
    asked_for_turns: bool = False
    approved_commands: set[str] = field(default_factory=set)
    approved_files: set[str] = field(default_factory=set)

    @property
    def stored(self) -> bool:
        """Whether the thread has a rollout: it has since its first turn."""
        return self.ordinal > 0

    @property
    def record(self) -> TurnRecord:
        """The newest turn."""
        return self.records[-1]

    def status_on_wire(self) -> dict[str, Any]:
        """The thread's status."""
        if self.status != "active":
            return {"type": self.status}
        flags = ["waitingOnApproval"] if self.waiting else []
        return {"type": "active", "activeFlags": flags}

    def read_state(self) -> dict[str, Any] | None:
        """What the user has not seen; ``None`` before the first turn."""
        if not self.stored:
            return None
        unread = self.first_unread
        return {
            "firstUnread": None if unread is None else {"type": "turn", "turnId": unread},
            "revision": self.revision or f"initial:{self.id}",
        }

    def token_usage(self, window: int) -> dict[str, Any]:
        """The params of ``thread/tokenUsage/updated``."""
        return {
            "threadId": self.id,
            "turnId": self.usage_turn,
            "tokenUsage": {
                "total": self.total.on_wire(),
                "last": self.last.on_wire(),
                "modelContextWindow": window,
            },
        }

    def turns_on_wire(self, *, rejoined: bool = False) -> list[dict[str, Any]]:
        """Every turn with all its items, oldest first.

        Args:
            rejoined: Whether this is for a client that resumes the thread.
        """
        return [
            record.on_wire("full", rejoined=rejoined and record.status == "inProgress")
            for record in self.records
        ]

    def on_wire(
        self, *, turns: list[dict[str, Any]] | None = None, listed: bool = False
    ) -> dict[str, Any]:
        """Show the thread.

        Args:
            turns: The turns to include.
            listed: Whether this is a row of thread/list, which does not say whether the thread
                takes input.
        """
        loaded = self.status != "notLoaded"
        settings = self.settings
        environment = {
            "environmentId": "local",
            "cwd": settings.cwd,
            "runtimeWorkspaceRoots": [settings.cwd],
        }
        return {
            "id": self.id,
            "environments": [environment] if loaded else None,
            "extra": None,
            "sessionId": self.id,
            "forkedFromId": None,
            "parentThreadId": None,
            "preview": self.preview,
            "ephemeral": False,
            "section": None,
            "sectionEnteredAt": None,
            "projectId": None,
            "historyMode": self.history_mode,
            "modelProvider": settings.model_provider,
            "model": settings.model,
            "reasoningEffort": settings.effort,
            "createdAt": self.created_ms // 1000,
            "updatedAt": self.updated_ms // 1000,
            "recencyAt": self.recency_ms // 1000,
            "status": self.status_on_wire(),
            "path": self.path,
            "cwd": settings.cwd,
            "cliVersion": PROTOCOL_VERSION,
            "originator": self.originator,
            "source": "vscode",
            "canAcceptDirectInput": True if loaded and not listed else None,
            "threadSource": None,
            "agentNickname": None,
            "agentRole": None,
            "gitInfo": None,
            "name": self.name,
            "daybreakEnabled": None,
            "turns": turns or [],
        }

    def session_on_wire(self, thread: dict[str, Any], *, resumed: bool = False) -> dict[str, Any]:
        """The response of thread/start, and most of that of thread/resume.

        Args:
            thread: The thread object.
            resumed: Whether this is for thread/resume, which tells the collaboration mode too.
        """
        settings = self.settings
        collaboration = {"collaborationMode": settings.collaboration_mode()} if resumed else {}
        return {
            "thread": thread,
            "model": settings.model,
            "modelProvider": settings.model_provider,
            "serviceTier": settings.service_tier,
            "disabledPluginIds": settings.disabled_plugins,
            "cwd": settings.cwd,
            "runtimeWorkspaceRoots": [settings.cwd],
            "instructionSources": [],
            "approvalPolicy": settings.approval_policy,
            "approvalsReviewer": settings.approvals_reviewer,
            "sandbox": settings.sandbox,
            "activePermissionProfile": settings.permission_profile,
            "reasoningEffort": settings.effort,
            **collaboration,
            "multiAgentMode": "explicitRequestOnly",
        }
