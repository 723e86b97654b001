"""Threads: what a server knows of each, finished turns included, and how responses show them.

May import the version, items, goals, and as types settings and turns. The invariant: a thread
object always has every field, in the order of the wire, whatever the thread has been through.

Threads with ``legacy`` history show their turns in another way: what has no event of its own in
such a rollout (a command) is missing, and items are numbered through the thread on every read.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from codex_fakes.app_server.threads.goals import GoalMeter
from codex_fakes.app_server.threads.items import is_answer
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.dynamic_tools import ToolName
    from codex_fakes.app_server.dialect.messages import Request, RpcId
    from codex_fakes.app_server.threads.items import Item
    from codex_fakes.app_server.threads.thread_settings import ThreadSettings
    from codex_fakes.app_server.threads.turn import Turn

ItemsView: TypeAlias = Literal["full", "summary", "notLoaded"]
Row: TypeAlias = Literal["file", "database"]
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
        root: The turn it is a part of; ``None`` for one that is a part of no other.
    """

    id: str
    started_at: int
    ordinal: int
    items: list[StoredItem] = field(default_factory=list)
    status: str = "inProgress"
    error: dict[str, Any] | None = None
    completed_at: int | None = None
    duration_ms: int | None = None
    root: str | None = None

    def add(self, stored: StoredItem) -> None:
        """Add an item; one that has the id of an earlier one takes its place."""
        for place, earlier in enumerate(self.items):
            if earlier.item["id"] == stored.item["id"]:
                self.items[place] = stored._replace(ordinal=earlier.ordinal)
                return
        self.items.append(stored)

    def on_wire(self, view: ItemsView, items: list[Item] | None = None) -> dict[str, Any]:
        """Show the turn.

        Args:
            view: Which items to show.
            items: All its items as they are shown, where that is not how they are kept.
        """
        if items is None:
            items = [stored.item for stored in self.items]
        return {
            "id": self.id,
            "rootTurnId": self.root or self.id,
            "items": self._viewed(view, items),
            "itemsView": view,
            "status": self.status,
            "error": self.error,
            "startedAt": self.started_at,
            "completedAt": self.completed_at,
            "durationMs": self.duration_ms,
        }

    def _viewed(self, view: ItemsView, items: list[Item]) -> list[Item]:
        if view == "notLoaded":
            return []
        if view == "full":
            return items
        first = next((item for item in items if item["type"] == "userMessage"), None)
        ended = self.status != "inProgress"
        last = next((item for item in reversed(items) if ended and is_answer(item)), None)
        return [item for item in (first, last) if item is not None]


_RENUMBERED: Final = frozenset({"userMessage", "agentMessage", "reasoning"})
_NUMBERED: Final = _RENUMBERED | {
    "contextCompaction",
    "enteredReviewMode",
    "exitedReviewMode",
}
_IN_LEGACY: Final = _NUMBERED | {"fileChange"}


def _renumbered(items: list[Item]) -> list[Item]:
    """Number the items of a turn that a client rejoins, where they have no stable ids yet."""
    return [
        {**item, "id": f"item-{number}"} if item["type"] in _RENUMBERED else item
        for number, item in enumerate(items, 1)
    ]


def _legacy_items(items: list[Item], number: int) -> tuple[list[Item], int]:
    """Show the items of a turn with legacy history.

    Args:
        items: The items.
        number: How many of the thread have been numbered before.

    Returns:
        The items that are shown, and how many have been numbered now.
    """
    shown: list[Item] = []
    for item in items:
        if item["type"] in _NUMBERED:
            number += 1
            shown.append({**item, "id": f"item-{number}"})
        elif item["type"] in _IN_LEGACY:
            shown.append(item)
    return shown, number


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
        touched_ms: When its name or the like was last changed.
        history_mode: How its history is kept.
        ephemeral: Whether it is never written down.
        forked_from: The thread it was forked from.
        preview: The text of the first user message.
        own_preview: The same, so far as the newest rollout file alone tells: a fork and a thread
            that was reverted begin without one, and thread/list goes by that.
        opening: The text of the first user message of the whole history, a fork's origin included.
        git: The repository it works in, as ``gitInfo`` shows it.
        source: What its client called the source of it.
        daybreak: What thread/metadata/update set ``daybreakEnabled`` to.
        goal: Its goal, as the wire shows it.
        meter: What is counted for the goal already.
        name: The name the user gave it.
        status: What ``thread/status/changed`` last said.
        waiting: How many approvals its running turn waits for.
        asking: Whether its running turn waits for the user's input.
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
        kept: Whether it was found in the home, or something was changed that is kept there: its
            turns can then be listed, whether or not it has any.
        stray_error: The failure of a review that could not begin; it is told as that of the turn
            that ends next.
        torn: Whether the last line of its rollout was torn by a crash.
        rate_limits: What the model API said last of its rate limits.
        compacts: Whether its context is full, so that the next turn compacts it first.
        reverted: Whether it was reverted since it was loaded, which its service tier shows.
        context_model: The model for which its context was made; ``None`` before there is one.
        tools: The tools its client brought along.
        tool_specs: How the client described them.
        approved_commands: Commands that need no consent any more in this session: the line, its
            folder, whether it has a terminal, whether it leaves the sandbox.
        writable: Files and folders that the user lets the model write in this session.
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
    ephemeral: bool = False
    forked_from: str | None = None
    touched_ms: int = 0
    preview: str = ""
    own_preview: str = ""
    opening: str = ""
    git: dict[str, Any] | None = None
    source: str | None = None
    daybreak: bool | None = None
    goal: dict[str, Any] | None = None
    meter: GoalMeter = field(default_factory=GoalMeter)
    name: str | None = None
    status: Status = "idle"
    waiting: int = 0
    asking: bool = False
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
    kept: bool = False
    stray_error: dict[str, Any] | None = None
    torn: bool = False
    rate_limits: dict[str, Any] | None = None
    compacts: bool = False
    context_model: str | None = None
    reverted: bool = False
    tools: frozenset[ToolName] = frozenset()
    tool_specs: list[Any] = field(default_factory=list)
    approved_commands: set[tuple[str, str, bool, bool]] = field(default_factory=set)
    writable: set[str] = field(default_factory=set)
    approved_files: set[str] = field(default_factory=set)

    @property
    def stored(self) -> bool:
        """Whether the thread has a rollout: it has since its first turn, or since it was asked."""
        return self.ordinal > 0 and not self.ephemeral

    @property
    def of_user(self) -> bool:
        """Whether a user started it, whose it is to read (seen on the binary)."""
        return self.source in {None, "user"}

    @property
    def paginated(self) -> bool:
        """Whether its history is kept in the paginated way."""
        return self.history_mode == "paginated"

    @property
    def blank(self) -> bool:
        """Whether it is loaded and nothing has happened in it: its turns cannot be listed."""
        return self.status != "notLoaded" and self.ordinal <= 1 and not self.kept

    @property
    def record(self) -> TurnRecord:
        """The newest turn."""
        return self.records[-1]

    def record_of(self, turn_id: str) -> TurnRecord:
        """A turn that was started, by its id."""
        return next(record for record in reversed(self.records) if record.id == turn_id)

    def preview_of_row(self, row: Row | None) -> str:
        """Its preview, by what the row of a list comes from."""
        if self.ephemeral:
            return ""
        return self.own_preview if row == "file" else self.preview

    def updated_ms_of_row(self, row: Row | None) -> int:
        """When it was last changed, by what the row of a list comes from."""
        return self.updated_ms if row == "file" else max(self.updated_ms, self.touched_ms)

    def status_on_wire(self) -> dict[str, Any]:
        """The thread's status."""
        if self.status != "active":
            return {"type": self.status}
        flags = ["waitingOnApproval"] if self.waiting else []
        if self.asking:
            flags.append("waitingOnUserInput")
        return {"type": "active", "activeFlags": flags}

    def read_state(self) -> dict[str, Any] | None:
        """What the user has not seen; ``None`` before the first turn, or if it is nobody's."""
        if not self.stored or not self.of_user:
            return None
        unread = self.first_unread
        return {
            "firstUnread": None if unread is None else {"type": "turn", "turnId": unread},
            "revision": self.revision or f"initial:{self.id}",
        }

    def token_usage(
        self, window: int, pending: Tokens | None = None, *, rejoined: bool = False
    ) -> dict[str, Any]:
        """The params of ``thread/tokenUsage/updated``.

        Args:
            window: Tokens that the model can see.
            pending: The tokens of a response whose calls have not finished.
            rejoined: Whether this is for a client that comes back to a loaded thread: it is told
                that the tokens are those of the newest turn that is over.
        """
        total = self.total if pending is None else self.total.plus(pending)
        last = self.last if pending is None else pending
        turn_id = self.usage_turn or self.record.id
        over = [record.id for record in self.records if not self._is_current(record)]
        if rejoined and self.paginated and over:
            turn_id = over[-1]
        return {
            "threadId": self.id,
            "turnId": turn_id,
            "tokenUsage": {
                "total": total.on_wire(),
                "last": last.on_wire(),
                "modelContextWindow": window,
            },
        }

    def shown_turns(self, *, rejoined: bool = False) -> list[tuple[TurnRecord, list[Item]]]:
        """Every turn with its items as they are shown, oldest first.

        Args:
            rejoined: Whether this is for a client that comes back to a running turn, whose
                messages and reasoning have no stable ids yet (FACTS §13).
        """
        shown: list[tuple[TurnRecord, list[Item]]] = []
        number = 0
        for record in self.records:
            items = [stored.item for stored in record.items]
            if rejoined and self._is_current(record):
                items = _renumbered(items)
            elif not self.paginated:
                items, number = _legacy_items(items, number)
            shown.append((record, items))
        return shown

    def _is_current(self, record: TurnRecord) -> bool:
        """Whether the server takes a turn for one that goes on (FACTS §10)."""
        return record.status == "inProgress" or record.id == self.ghost

    def turns_on_wire(self, *, rejoined: bool = False) -> list[dict[str, Any]]:
        """Every turn with all its items, oldest first; see :meth:`shown_turns`."""
        shown = self.shown_turns(rejoined=rejoined)
        return [record.on_wire("full", items) for record, items in shown]

    def on_wire(
        self,
        *,
        turns: list[dict[str, Any]] | None = None,
        row: Row | None = None,
    ) -> dict[str, Any]:
        """Show the thread.

        Args:
            turns: The turns to include.
            row: Whether this is a row of thread/list, which says neither where the thread was
                forked from nor whether it takes input, and where the row comes from.
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
            "forkedFromId": None if row else self.forked_from,
            "parentThreadId": None,
            "preview": self.preview_of_row(row),
            "ephemeral": self.ephemeral,
            "section": None,
            "sectionEnteredAt": None,
            "projectId": None,
            "historyMode": self.history_mode,
            "modelProvider": settings.model_provider,
            "model": settings.model or None,
            "reasoningEffort": settings.effort,
            "createdAt": self.created_ms // 1000,
            "updatedAt": self.updated_ms_of_row(row) // 1000,
            "recencyAt": self.recency_ms // 1000,
            "status": self.status_on_wire(),
            "path": None if self.ephemeral else self.path,
            "cwd": settings.cwd,
            "cliVersion": PROTOCOL_VERSION,
            "originator": self.originator,
            "source": "vscode",
            "canAcceptDirectInput": True if loaded and row is None else None,
            "threadSource": None if row else self.source,
            "agentNickname": None,
            "agentRole": None,
            "gitInfo": self.git,
            "name": self.name,
            "daybreakEnabled": self.daybreak,
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
            "serviceTier": settings.service_tier or ("default" if self.reverted else None),
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
