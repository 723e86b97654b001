"""Rollouts: what is written down while a thread works.

May import the dialect's encoder, items, repositories, threads, and the forms of legacy events and
of settings. A rollout is a file of lines ``{timestamp, ordinal, type, payload}`` (FACTS §13),
written as items finish; the first one says whose it is, and for a branch (a fork, a thread that was
reverted) where the lines before it are. It has what another server needs to go on with the thread.
The invariant: lines are only ever appended, and ordinals count on from those of the branch's base.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.storage.legacy_history import fold_legacy_event, legacy_events
from codex_fakes.app_server.storage.settings_records import settings_to_rollout, turn_context
from codex_fakes.app_server.surroundings.repositories import git_info
from codex_fakes.app_server.threads.items import Item, persisted, to_rollout
from codex_fakes.app_server.threads.thread import StoredItem, Thread, Tokens, TurnRecord
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.threads.world import World

SESSIONS: Final = "sessions"
TOKEN_NAMES: Final = (
    "total_tokens",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)


def timestamp(now_ms: int) -> str:
    """A moment as rollouts and cursors write it."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03}Z"


def rollout_path(home: str, thread_id: str, now_ms: int) -> str:
    """Where the rollout of a thread that is started now belongs."""
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone()
    return f"{home}/{SESSIONS}/{local:%Y/%m/%d}/rollout-{local:%Y-%m-%dT%H-%M-%S}-{thread_id}.jsonl"


@dataclass(frozen=True, slots=True)
class HistoryBase:
    """Where the lines before those of a branch are.

    Attributes:
        thread_id: The thread they belong to.
        rollout: The name of the file they are in.
        end: The ordinal of the first line that does not belong to the branch any more.
    """

    thread_id: str
    rollout: str
    end: int


def _tokens(tokens: Tokens) -> dict[str, int]:
    return dict(zip(TOKEN_NAMES, tokens, strict=True))


class RolloutWriter:
    """Writes the rollouts of all threads.

    Args:
        world: The shared part of the machine.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def materialize(self, thread: Thread) -> None:
        """Bring the file of a thread about, if it is not there yet."""
        if thread.ordinal == 0:
            self._find_repository(thread)
            self._write(thread, "session_meta", _session(thread))

    def begin_branch(self, thread: Thread, base: HistoryBase) -> None:
        """Begin the file of a thread whose history goes on from lines of another file.

        Args:
            thread: The thread; its ordinal becomes that of the base's end.
            base: Where the history comes from.
        """
        thread.ordinal = base.end
        self._find_repository(thread)
        origin = {"forked_from_ordinal_exclusive": base.end} if thread.id != base.thread_id else {}
        self._write(
            thread,
            "session_meta",
            {
                **_session(thread),
                **origin,
                "history_base": {
                    "thread_id": base.thread_id,
                    "rollout": base.rollout,
                    "end_ordinal_exclusive": base.end,
                },
            },
        )
        self._apply_settings(thread)

    def begin_copy(self, thread: Thread, lines: list[dict[str, Any]]) -> None:
        """Begin the file of a fork with legacy history, which repeats the lines of its origin.

        Args:
            thread: The thread.
            lines: The lines of the origin behind its first one.
        """
        self.materialize(thread)
        for line in lines:
            thread.ordinal = line["ordinal"]
            self._append(thread, line)
            thread.ordinal += 1
        self._apply_settings(thread)

    def begin_turn(self, thread: Thread, turn_id: str, root: str | None = None) -> None:
        """Write down that a turn starts; the first one brings the file about.

        Args:
            thread: The thread.
            turn_id: The turn.
            root: The turn it is a part of, if it is a part of another.
        """
        now_ms = self._world.clock.now_ms()
        self.materialize(thread)
        thread.records.append(TurnRecord(turn_id, now_ms // 1000, thread.ordinal, root=root))
        self._event(
            thread,
            "task_started",
            turn_id=turn_id,
            root_turn_id=root or turn_id,
            started_at=now_ms // 1000,
            model_context_window=self._world.settings.model_context_window,
            collaboration_mode_kind=thread.settings.collaboration_mode()["mode"],
        )
        context = turn_context(turn_id, root or turn_id, thread.settings)
        self._write(thread, "turn_context", context)
        self._apply_settings(thread)

    def complete_item(
        self, thread: Thread, turn_id: str, item: Item, started_ms: int, completed_ms: int
    ) -> None:
        """Write a completed item down, in the file and in memory."""
        if item["type"] == "userMessage":
            thread.own_preview = thread.own_preview or preview_of(item["content"])
            thread.opening = thread.opening or thread.own_preview
        message = _for_the_model(item)
        if message is not None:
            self._write(thread, "response_item", message)
        if not thread.paginated:
            for event in legacy_events(turn_id, item):
                fold_legacy_event(thread, thread.ordinal, event, completed_ms)
                self._write(thread, "event_msg", event)
            return
        item = persisted(item)
        record = thread.record_of(turn_id)
        record.add(StoredItem(item, started_ms, completed_ms, thread.ordinal))
        self._event(
            thread,
            "item_completed",
            thread_id=thread.id,
            turn_id=turn_id,
            item=to_rollout(item),
            started_at_ms=started_ms,
            completed_at_ms=completed_ms,
        )

    def count_tokens(self, thread: Thread, turn_id: str) -> None:
        """Write the token counts down."""
        self._event(
            thread,
            "token_count",
            turn_id=turn_id,
            info={
                "total_token_usage": _tokens(thread.total),
                "last_token_usage": _tokens(thread.last),
                "model_context_window": self._world.settings.model_context_window,
            },
        )

    def end_turn(self, thread: Thread, record: TurnRecord, last_message: str | None) -> None:
        """Write down how a turn ended.

        Args:
            thread: The thread.
            record: The turn.
            last_message: The text of the model's last message.
        """
        if record.status == "interrupted":
            self._event(
                thread,
                "turn_aborted",
                root_turn_id=record.root or record.id,
                turn_id=record.id,
                reason="interrupted",
                started_at=record.started_at,
                completed_at=record.completed_at,
                duration_ms=record.duration_ms,
            )
            return
        self._event(
            thread,
            "task_complete",
            root_turn_id=record.root or record.id,
            turn_id=record.id,
            last_agent_message=last_message,
            **({} if record.error is None else {"error": _error_to_rollout(record.error)}),
            started_at=record.started_at,
            completed_at=record.completed_at,
            duration_ms=record.duration_ms,
        )

    def _find_repository(self, thread: Thread) -> None:
        if thread.git is None:
            thread.git = git_info(self._world.files, thread.settings.cwd)

    def _apply_settings(self, thread: Thread) -> None:
        self._event(
            thread,
            "thread_settings_applied",
            thread_id=thread.id,
            thread_settings=settings_to_rollout(thread.settings),
        )

    def _event(self, thread: Thread, kind: str, **payload: Any) -> None:
        self._write(thread, "event_msg", {"type": kind, **payload})

    def _write(self, thread: Thread, kind: str, payload: dict[str, Any]) -> None:
        now_ms = self._world.clock.now_ms()
        line = {"timestamp": timestamp(now_ms), "type": kind, "payload": payload}
        self._append(thread, line)
        thread.ordinal += 1
        thread.updated_ms = now_ms

    def _append(self, thread: Thread, line: dict[str, Any]) -> None:
        if thread.ephemeral:
            return
        # Only lines of a paginated history are numbered.
        number = {"ordinal": thread.ordinal} if thread.paginated else {}
        rest = {name: value for name, value in line.items() if name != "ordinal"}
        line = {"timestamp": rest.pop("timestamp"), **number, **rest}
        before = b"\n" if thread.torn else b""
        thread.torn = False
        self._world.files.append(thread.path, before + dialect.encode(line) + b"\n")


def _session(thread: Thread) -> dict[str, Any]:
    git = thread.git or {}
    return {
        "session_id": thread.id,
        "id": thread.id,
        **({} if thread.forked_from is None else {"forked_from_id": thread.forked_from}),
        "timestamp": timestamp(thread.created_ms),
        "cwd": thread.settings.cwd,
        "runtime_workspace_roots": [thread.settings.cwd],
        "originator": thread.originator,
        "cli_version": PROTOCOL_VERSION,
        "source": "vscode",
        **({} if thread.source is None else {"thread_source": thread.source}),
        "model_provider": thread.settings.model_provider,
        "history_mode": thread.history_mode,
        "git": {GIT_NAMES[name]: value for name, value in git.items()} or None,
        **({"dynamic_tools": thread.tool_specs} if thread.tool_specs else {}),
    }


GIT_NAMES: Final = {"sha": "commit_hash", "branch": "branch", "originUrl": "repository_url"}
"""How a rollout calls the members of ``gitInfo``."""


def _error_to_rollout(error: dict[str, Any]) -> dict[str, Any]:
    return {
        "message": error["message"],
        "codex_error_info": respelt(error["codexErrorInfo"], _to_snake),
    }


def respelt(info: Any, spell: Callable[[str], str]) -> Any:
    """Give the names in a ``codexErrorInfo`` another spelling.

    Args:
        info: The information, as the wire or a rollout has it.
        spell: Gives one name the other spelling.
    """
    if isinstance(info, dict):
        return {spell(name): respelt(value, spell) for name, value in info.items()}
    return spell(info) if isinstance(info, str) else info


def _to_snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _for_the_model(item: Item) -> dict[str, Any] | None:
    """A message as a server that resumes the thread tells it to its model."""
    if item["type"] == "userMessage":
        content = [
            {"type": "input_text", "text": part["text"]}
            for part in item["content"]
            if part["type"] == "text"
        ]
        return {"type": "message", "role": "user", "content": content}
    if item["type"] == "agentMessage":
        content = [{"type": "output_text", "text": item["text"]}]
        return {"type": "message", "role": "assistant", "content": content}
    return None


def preview_of(content: list[dict[str, Any]]) -> str:
    """The preview that a user message gives its thread."""
    return "".join(part["text"] for part in content if part["type"] == "text")
