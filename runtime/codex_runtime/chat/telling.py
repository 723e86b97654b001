"""What is shown of what Codex says.

May import the effects, what is printable and the protocol. The invariant: an event that is not
known shows nothing, and no event of the protocol stops the chat.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.chat.effects import Line, Stream
from codex_runtime.printable import one_line
from codex_runtime.protocol.items import text_of
from codex_runtime.protocol.messages import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from codex_runtime.host.import_records import Imported, ImportProgress
    from codex_runtime.host.phases import HostState
    from codex_runtime.host.runtime import ListedThreads
    from codex_runtime.protocol.messages import Notification

    Item: TypeAlias = Mapping[str, Any]

_BAR: Final = 24
"""How many characters the bar of an import has."""
_ENDED: Final = frozenset({"synced", "failed", "cancelled"})
_PREVIEW: Final = 48
"""How much of a thread's beginning a list shows."""


def params_of(message: Notification) -> dict[str, Any]:
    """Read the params of a notification."""
    params = None if message.params is None else decode_json(message.params)
    return params if isinstance(params, dict) else {}


def item_of(message: Notification) -> dict[str, Any]:
    """Read the item that a notification carries; an empty one when it carries none."""
    item = params_of(message).get("item")
    return item if isinstance(item, dict) else {}


def delta_of(message: Notification) -> tuple[str, Stream] | None:
    """Read the piece of a growing text that a notification carries.

    Args:
        message: The notification.

    Returns:
        What the text is known by, and the piece; ``None`` when it carries none.
    """
    match message.method:
        case "item/agentMessage/delta":
            params = params_of(message)
            return str(params.get("itemId")), Stream(str(params.get("delta", "")))
        case "item/reasoning/summaryTextDelta":
            params = params_of(message)
            part = f"{params.get('itemId')} {params.get('summaryIndex')}"
            return part, Stream(str(params.get("delta", "")), "dim")
    return None


def started_line(item: Mapping[str, Any]) -> Line | None:
    """Say that Codex has begun to do something."""
    match item.get("type"):
        case "commandExecution":
            return Line(f"$ {one_line(str(item.get('command', '')))}", "dim")
        case "mcpToolCall" | "dynamicToolCall":
            return Line(f"calls {one_line(str(item.get('tool', '')))}", "dim")
        case "webSearch":
            return Line(f"searches for {one_line(str(item.get('query', '')))}", "dim")
    return None


def completed_lines(item: Mapping[str, Any]) -> tuple[Line, ...]:
    """Say what has become of something that Codex did."""
    match item.get("type"):
        case "commandExecution":
            return (Line(f"  {_outcome(item)}", "dim"),)
        case "fileChange":
            status = one_line(str(item.get("status", "")))
            return tuple(Line(f"{change}  {status}", "dim") for change in changes_of(item))
    return ()


def _outcome(item: Mapping[str, Any]) -> str:
    code = item.get("exitCode")
    if item.get("status") == "declined" or code is None:
        return one_line(str(item.get("status", "ended")))
    return f"exit code {code}"


def changes_of(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Say which files an item changes, and how."""
    changes = item.get("changes")
    return tuple(
        f"{_kind_of(change)} {one_line(str(change.get('path', '')))}"
        for change in (changes if isinstance(changes, list) else [])
        if isinstance(change, dict)
    )


def _kind_of(change: Mapping[str, Any]) -> str:
    kind = change.get("kind")
    return one_line(str(kind.get("type") if isinstance(kind, dict) else kind))


def retry_line(message: Notification) -> Line | None:
    """Say that Codex tries again after an error; ``None`` for any other message."""
    if message.method != "error":
        return None
    params = params_of(message)
    error = params.get("error")
    if not params.get("willRetry") or not isinstance(error, dict):
        return None
    return Line(f"tries again: {one_line(str(error.get('message', '')))}", "dim")


def history_lines(turns: Iterable[Any]) -> tuple[Line, ...]:
    """Show the last turn of a thread that is resumed."""
    known = list(turns)
    count = f"{len(known)} turn{'' if len(known) == 1 else 's'}"
    lines = [Line(f"The thread has {count}.", "notice")]
    for item in known[-1].items if known else ():
        match item.get("type"):
            case "userMessage":
                lines.append(Line(f"> {text_of(item)}", "dim"))
            case "agentMessage":
                lines.append(Line(text_of(item)))
    return tuple(lines)


def thread_lines(threads: ListedThreads, open_id: str | None) -> tuple[Line, ...]:
    """Show a page of threads, the open one marked."""
    lines = tuple(
        Line(
            f"{'*' if thread.thread_id == open_id else ' '} {one_line(thread.thread_id)}"
            f"  {_date(thread.updated_at)}  {thread.message_count:>4}"
            f"  {one_line(thread.preview, _PREVIEW)}"
        )
        for thread in threads.data
    )
    more = () if threads.next_cursor is None else (Line("There are older ones.", "notice"),)
    return (*lines, *more) or (Line("There are no threads."),)


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return f"{'?':<16}"


def state_lines(state: HostState, kept_in: str, actor: str) -> tuple[Line, ...]:
    """Show how the runtime is doing."""
    metrics = state.ingest_metrics
    rows = {
        "phase": f"{state.phase} ({state.source})",
        "thread": state.runtime_conversation_id or "none",
        "conversation": state.conversation_id or "none",
        "turn": state.turn_id if state.turn_in_flight else "none in flight",
        "waiting": f"{metrics.waiting_event_count} to be written, {metrics.waiting_bytes} bytes",
        "kept or waiting": f"{metrics.enqueued_event_count} events",
        "passed over": f"{metrics.skipped_event_count} events",
        "requests": f"{state.pending_server_request_count} wait for an answer",
        "kept in": kept_in,
        "actor": actor,
        "turns survive a crash": "yes" if state.outbox else "no",
        "last error": _error_of(state),
    }
    return tuple(Line(f"{name:>21}: {one_line(str(value))}") for name, value in rows.items())


def _error_of(state: HostState) -> str:
    if state.last_error is None:
        return "none"
    return coded(state.last_error_code, state.last_error)


def coded(code: str | None, text: str) -> str:
    """Put a code before a text, if there is one and it is not there already."""
    return text if code is None or text.startswith("[") else f"[{code}] {text}"


def progress_text(progress: ImportProgress) -> tuple[str, bool]:
    """Say how far an import has come.

    Args:
        progress: How far.

    Returns:
        A bar with words, and whether it has ended.
    """
    ended = progress.state in _ENDED
    count = progress.message_count
    # Each message has two ways to go: to the deployment, and there into the conversation.
    part = (progress.sent_messages + progress.processed_messages) / (2 * count) if count else 0.0
    bar = ("#" * int(part * _BAR)).ljust(_BAR, ".")
    return f"[{bar}] {progress.processed_messages}/{count} messages: {progress.state}", ended


def imported_lines(imported: Imported) -> tuple[Line, ...]:
    """Say what has become of an import."""
    synced = imported.sync_job_state == "synced"
    outcome = Line(
        f"{imported.imported_message_count} messages of {imported.imported_turn_count} turns "
        f"are in conversation {one_line(imported.conversation_id)}."
    )
    failure = Line(coded(imported.error_code, f"The import is {imported.sync_job_state}."), "error")
    warnings = (Line(f"! {one_line(text)}", "notice") for text in imported.warnings)
    return (outcome if synced else failure, *warnings)
