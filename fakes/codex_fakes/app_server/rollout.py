"""Rollouts: what is written down while a thread works, and reading it back.

May import the dialect's encoder, failures, items and threads. A rollout is a file of lines
``{timestamp, ordinal, type, payload}`` (FACTS §13), written as items finish. The invariant: every
line is complete or is not there; a line that a crash tore is passed over, and a turn whose end was
never written reads as interrupted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.app_server import dialect
from codex_fakes.app_server.failures import turn_error
from codex_fakes.app_server.items import Item, from_rollout, to_rollout
from codex_fakes.app_server.thread_settings import ThreadSettings
from codex_fakes.app_server.threads import StoredItem, Thread, Tokens, TurnRecord
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.world import World

SESSIONS: Final = "sessions"
_TOKEN_NAMES: Final = (
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


def _tokens(tokens: Tokens) -> dict[str, int]:
    return dict(zip(_TOKEN_NAMES, tokens, strict=True))


def _tokens_back(stored: dict[str, int]) -> Tokens:
    return Tokens(*(stored[name] for name in _TOKEN_NAMES))


class RolloutWriter:
    """Writes the rollouts of all threads.

    Args:
        world: The shared part of the machine.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def begin_turn(self, thread: Thread, turn_id: str) -> None:
        """Write down that a turn starts; the first one brings the file about."""
        now_ms = self._world.clock.now_ms()
        if not thread.stored:
            self._write(thread, "session_meta", self._session(thread))
        thread.records.append(TurnRecord(turn_id, now_ms // 1000, thread.ordinal))
        self._event(
            thread,
            "task_started",
            turn_id=turn_id,
            root_turn_id=turn_id,
            started_at=now_ms // 1000,
            model_context_window=self._world.settings.model_context_window,
            collaboration_mode_kind=thread.settings.collaboration_mode()["mode"],
        )
        self._event(
            thread,
            "thread_settings_applied",
            thread_id=thread.id,
            thread_settings=_settings_to_rollout(thread.settings),
        )

    def complete_item(
        self, thread: Thread, turn_id: str, item: Item, started_ms: int, completed_ms: int
    ) -> None:
        """Write a completed item down, in the file and in memory."""
        record = next(record for record in thread.records if record.id == turn_id)
        record.items.append(StoredItem(item, started_ms, completed_ms, thread.ordinal))
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
                root_turn_id=record.id,
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
            root_turn_id=record.id,
            turn_id=record.id,
            last_agent_message=last_message,
            **({} if record.error is None else {"error": _error_to_rollout(record.error)}),
            started_at=record.started_at,
            completed_at=record.completed_at,
            duration_ms=record.duration_ms,
        )

    def _session(self, thread: Thread) -> dict[str, Any]:
        return {
            "session_id": thread.id,
            "id": thread.id,
            "timestamp": timestamp(thread.created_ms),
            "cwd": thread.settings.cwd,
            "runtime_workspace_roots": [thread.settings.cwd],
            "originator": thread.originator,
            "cli_version": PROTOCOL_VERSION,
            "source": "vscode",
            "model_provider": thread.settings.model_provider,
            "history_mode": thread.history_mode,
        }

    def _event(self, thread: Thread, kind: str, **payload: Any) -> None:
        self._write(thread, "event_msg", {"type": kind, **payload})

    def _write(self, thread: Thread, kind: str, payload: dict[str, Any]) -> None:
        now_ms = self._world.clock.now_ms()
        line = {
            "timestamp": timestamp(now_ms),
            "ordinal": thread.ordinal,
            "type": kind,
            "payload": payload,
        }
        before = b"\n" if thread.torn else b""
        thread.torn = False
        self._world.files.append(thread.path, before + dialect.encode(line) + b"\n")
        thread.ordinal += 1
        thread.updated_ms = now_ms


def _error_to_rollout(error: dict[str, Any]) -> dict[str, Any]:
    return {
        "message": error["message"],
        "codex_error_info": _renamed(error["codexErrorInfo"], _to_snake),
    }


def _error_from_rollout(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    return turn_error(stored["message"], _renamed(stored["codex_error_info"], _to_camel), None)


def _renamed(info: Any, rename: Callable[[str], str]) -> Any:
    """Give the names in a ``codexErrorInfo`` the other spelling."""
    if isinstance(info, dict):
        return {rename(name): _renamed(value, rename) for name, value in info.items()}
    return rename(info) if isinstance(info, str) else info


def _to_snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _to_camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _settings_to_rollout(settings: ThreadSettings) -> dict[str, Any]:
    return {
        "model": settings.model,
        "model_provider_id": settings.model_provider,
        "approval_policy": settings.approval_policy,
        "approvals_reviewer": settings.approvals_reviewer,
        "sandbox_policy": settings.sandbox,
        "permission_profile": settings.permission_profile,
        "cwd": settings.cwd,
        "effort": settings.effort,
        "summary": settings.summary,
        "service_tier": settings.service_tier,
        "personality": settings.personality,
        "collaboration_mode": settings.collaboration_mode(),
        "disabled_plugin_ids": settings.disabled_plugins,
    }


def _settings_from_rollout(stored: dict[str, Any]) -> ThreadSettings:
    return ThreadSettings(
        cwd=stored["cwd"],
        approval_policy=stored["approval_policy"],
        sandbox=stored["sandbox_policy"],
        model=stored["model"],
        model_provider=stored["model_provider_id"],
        approvals_reviewer=stored["approvals_reviewer"],
        effort=stored["effort"],
        summary=stored["summary"],
        service_tier=stored["service_tier"],
        personality=stored["personality"],
        permission_profile=stored["permission_profile"],
        disabled_plugins=stored["disabled_plugin_ids"],
    )


def read_rollout(path: str, data: bytes) -> Thread | None:
    """Read a thread back.

    Args:
        path: Where the rollout is.
        data: Its content.

    Returns:
        The thread, not loaded; ``None`` when the file does not begin with a session.
    """
    lines = _complete_lines(data)
    if not lines or lines[0]["type"] != "session_meta":
        return None
    thread = _session_back(path, lines[0])
    thread.torn = not data.endswith(b"\n")
    for line in lines[1:]:
        thread.ordinal = line["ordinal"] + 1
        thread.updated_ms = _milliseconds(line["timestamp"])
        if line["type"] == "event_msg":
            _fold(thread, line["ordinal"], line["payload"], thread.updated_ms)
    for record in thread.records:
        if record.status == "inProgress":
            record.status = "interrupted"
    return thread


def _complete_lines(data: bytes) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for raw in data.split(b"\n")[:-1]:
        try:
            lines.append(msgspec.json.decode(raw, type=dict[str, Any]))
        except msgspec.DecodeError:
            # A line that a crash tore; a server that came later went on behind it.
            continue
    return lines


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _session_back(path: str, line: dict[str, Any]) -> Thread:
    meta = line["payload"]
    created_ms = _milliseconds(meta["timestamp"])
    return Thread(
        id=meta["id"],
        path=path,
        originator=meta["originator"],
        settings=ThreadSettings(
            cwd=meta["cwd"],
            approval_policy="on-request",
            sandbox={},
            model="",
            model_provider=meta["model_provider"],
        ),
        created_ms=created_ms,
        updated_ms=_milliseconds(line["timestamp"]),
        recency_ms=created_ms,
        history_mode=meta["history_mode"],
        status="notLoaded",
        ordinal=line["ordinal"] + 1,
    )


def _fold(thread: Thread, ordinal: int, event: dict[str, Any], now_ms: int) -> None:
    """Let one event of a rollout happen again."""
    kind = event["type"]
    if kind == "task_started":
        thread.records.append(TurnRecord(event["turn_id"], event["started_at"], ordinal))
        thread.recency_ms = now_ms
    elif kind == "thread_settings_applied":
        thread.settings = _settings_from_rollout(event["thread_settings"])
    elif kind == "item_completed":
        _fold_item(thread, ordinal, event)
    elif kind == "token_count":
        thread.total = _tokens_back(event["info"]["total_token_usage"])
        thread.last = _tokens_back(event["info"]["last_token_usage"])
        thread.usage_turn = event["turn_id"]
    elif kind in {"task_complete", "turn_aborted"}:
        record = next(record for record in thread.records if record.id == event["turn_id"])
        record.error = _error_from_rollout(event.get("error"))
        record.completed_at = event["completed_at"]
        record.duration_ms = event["duration_ms"]
        record.status = _ended(kind, record.error)


def _ended(kind: str, error: object) -> str:
    if kind == "turn_aborted":
        return "interrupted"
    return "completed" if error is None else "failed"


def _fold_item(thread: Thread, ordinal: int, event: dict[str, Any]) -> None:
    item = from_rollout(event["item"])
    if item is None:
        return
    record = next(record for record in thread.records if record.id == event["turn_id"])
    record.items.append(StoredItem(item, event["started_at_ms"], event["completed_at_ms"], ordinal))
    if item["type"] == "userMessage" and not thread.preview:
        thread.preview = preview_of(item["content"])


def preview_of(content: list[dict[str, Any]]) -> str:
    """The preview that a user message gives its thread."""
    return "\n".join(part["text"] for part in content if part["type"] == "text")
