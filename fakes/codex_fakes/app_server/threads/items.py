"""Thread items: their form on the wire, and their form in a rollout.

May import command lines and their actions. The invariant: every field is always there, in the
order of the wire, and turning an item into its rollout form and back gives the same item.
"""

from __future__ import annotations

import shlex
from typing import Any, Final, Literal, TypeAlias

from codex_fakes.app_server.threads.command_actions import command_actions
from codex_fakes.app_server.threads.command_lines import quoted_argv

Item: TypeAlias = dict[str, Any]

_SOURCES: Final = {"unifiedExecStartup": "unified_exec_startup", "agent": "agent"}
_SOURCES_BACK: Final = {stored: wire for wire, stored in _SOURCES.items()}
_FILE_SCHEME: Final = "file://"

NO_REVIEW: Final = "Reviewer failed to output a response."
"""What a review is shown to say that says nothing."""


PERSISTED_OUTPUT: Final = 1 << 16
"""Bytes of a command's output that history keeps."""

_TRUNCATED: Final = "\n... command output truncated for persistence ...\n"


def user_message(item_id: str, client_id: str | None, content: list[dict[str, Any]]) -> Item:
    """A message of the user; ``content`` is already normalised."""
    return {"type": "userMessage", "id": item_id, "clientId": client_id, "content": content}


def agent_message(item_id: str, text: str, phase: str | None) -> Item:
    """A message of the model."""
    return {
        "type": "agentMessage",
        "id": item_id,
        "text": text,
        "phase": phase,
        "memoryCitation": None,
        "delivery": None,
        "questions": None,
    }


def reasoning(item_id: str, summary: list[str], content: list[str]) -> Item:
    """What the model thought."""
    return {"type": "reasoning", "id": item_id, "summary": summary, "content": content}


def command_execution(item_id: str, command: str, cwd: str) -> Item:
    """A command that waits for consent; running and ending change the fields they know of."""
    return {
        "type": "commandExecution",
        "id": item_id,
        "pluginId": None,
        "scriptPath": None,
        "command": quoted_argv(command),
        "cwd": cwd,
        "processId": None,
        "source": "agent",
        "status": "inProgress",
        "commandActions": command_actions(command, cwd),
        "aggregatedOutput": None,
        "exitCode": None,
        "durationMs": None,
    }


def dynamic_tool_call(item_id: str, namespace: str | None, tool: str, arguments: Any) -> Item:
    """A call of a tool that the client brought along, not answered yet."""
    return {
        "type": "dynamicToolCall",
        "id": item_id,
        "namespace": namespace,
        "tool": tool,
        "arguments": arguments,
        "status": "inProgress",
        "contentItems": None,
        "success": None,
        "durationMs": None,
    }


def proposed_plan(item_id: str, text: str) -> Item:
    """The plan that the model proposes in plan mode."""
    return {"type": "plan", "id": item_id, "text": text}


def file_change(item_id: str, changes: list[dict[str, Any]], status: str) -> Item:
    """A patch, proposed or applied."""
    return {"type": "fileChange", "id": item_id, "changes": changes, "status": status}


def context_compaction(item_id: str) -> Item:
    """A summary that takes the place of a full context."""
    return {"type": "contextCompaction", "id": item_id}


def review_mode(change: Literal["entered", "exited"], item_id: str, review: str) -> Item:
    """That a review begins, with what it is told; or that it ends, with what it says."""
    return {"type": f"{change}ReviewMode", "id": item_id, "review": review}


def is_answer(item: Item) -> bool:
    """Whether an item answers the user: a message that says something and is no commentary."""
    return item["type"] == "agentMessage" and bool(item["text"]) and item["phase"] != "commentary"


def normalised_input(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the user's input the form that the server shows: every field, in its order.

    Args:
        elements: The ``input`` of turn/start or turn/steer, checked.

    Returns:
        The ``content`` of the user message.
    """
    return [_normalised(element) for element in elements]


def _normalised(element: dict[str, Any]) -> dict[str, Any]:
    kind = element["type"]
    if kind == "text":
        spans = element.get("text_elements", [])
        return {"type": kind, "text": element["text"], "text_elements": spans}
    normal: dict[str, Any] = {"type": kind}
    if kind == "localImage":
        normal["detail"] = element.get("detail")
    # Of the rest (a name, a place), what an element has to have is all it has.
    members = ("name", "url", "fileId", "path")
    normal.update({member: element[member] for member in members if member in element})
    if kind == "image":
        normal["detail"] = element.get("detail")
    return normal


def input_text(elements: list[dict[str, Any]]) -> str:
    """The text of the user's input, without images and the rest."""
    return "\n".join(element["text"] for element in elements if element["type"] == "text")


def persisted(item: Item) -> Item:
    """What history keeps of a completed item: of a long output, its beginning and its end."""
    output = item.get("aggregatedOutput")
    data = b"" if output is None else output.encode()
    if len(data) <= PERSISTED_OUTPUT:
        return item
    half = (PERSISTED_OUTPUT - len(_TRUNCATED)) // 2
    head, tail = data[:half].decode(errors="replace"), data[-half:].decode(errors="replace")
    return {**item, "aggregatedOutput": f"{head}{_TRUNCATED}{tail}"}


def to_rollout(item: Item) -> Item:
    """Turn an item into the form in which a rollout keeps it.

    Args:
        item: A completed item.

    Returns:
        The ``item`` of an ``item_completed`` event.
    """
    kind = item["type"]
    if kind == "userMessage":
        stored = {"type": "UserMessage", "id": item["id"], "content": item["content"]}
        if item["clientId"] is not None:
            stored["client_id"] = item["clientId"]
        return stored
    if kind == "agentMessage":
        stored = {
            "type": "AgentMessage",
            "id": item["id"],
            "content": [{"type": "Text", "text": item["text"]}],
        }
        if item["phase"] is not None:
            stored["phase"] = item["phase"]
        return stored
    if kind == "reasoning":
        return {
            "type": "Reasoning",
            "id": item["id"],
            "summary_text": item["summary"],
            "raw_content": item["content"],
        }
    if kind == "commandExecution":
        return _command_to_rollout(item)
    if kind == "contextCompaction":
        return {"type": "ContextCompaction", "id": item["id"]}
    if kind in {"enteredReviewMode", "exitedReviewMode"}:
        named = {"type": kind[0].upper() + kind[1:], "id": item["id"]}
        return {**named, **review_to_rollout(item)}
    if kind == "plan":
        return {"type": "Plan", "id": item["id"], "text": item["text"]}
    if kind == "dynamicToolCall":
        return _tool_call_to_rollout(item)
    return {
        "type": "FileChange",
        "id": item["id"],
        "changes": {change["path"]: change_to_rollout(change) for change in item["changes"]},
        "status": item["status"],
    }


def review_to_rollout(item: Item) -> dict[str, Any]:
    """What a rollout keeps of the item that a review begins or ends with."""
    if item["type"] == "enteredReviewMode":
        target = {"type": "custom", "instructions": item["review"]}
        return {"target": target, "user_facing_hint": item["review"]}
    return {
        "review_output": {
            "findings": [],
            "overall_correctness": "",
            "overall_explanation": item["review"],
            "overall_confidence_score": 0.0,
        }
    }


def review_from_rollout(kind: str, item_id: str, stored: dict[str, Any]) -> Item:
    """Read the item back that a review begins or ends with.

    Args:
        kind: The item's type.
        item_id: Its id.
        stored: What the rollout keeps of it.
    """
    if kind == "enteredReviewMode":
        return {"type": kind, "id": item_id, "review": stored["user_facing_hint"]}
    output = stored["review_output"]
    review = NO_REVIEW if output is None else output["overall_explanation"]
    return {"type": kind, "id": item_id, "review": review}


_MOVED: Final = "\n\nMoved to: "


def change_to_rollout(change: dict[str, Any]) -> dict[str, Any]:
    """One change of a fileChange item in the form in which a rollout keeps it."""
    kind = change["kind"]["type"]
    if kind != "update":
        return {"type": kind, "content": change["diff"]}
    move_path = change["kind"]["move_path"]
    diff = change["diff"]
    if move_path is not None:
        diff = diff.removesuffix(f"{_MOVED}{move_path}")
    return {"type": kind, "unified_diff": diff, "move_path": move_path}


def change_from_rollout(path: str, stored: dict[str, Any]) -> dict[str, Any]:
    """Read one change of a fileChange item back."""
    kind = stored["type"]
    if kind != "update":
        return {"path": path, "kind": {"type": kind}, "diff": stored["content"]}
    move_path = stored["move_path"]
    diff = stored["unified_diff"]
    if move_path is not None:
        diff += f"{_MOVED}{move_path}"
    return {"path": path, "kind": {"type": kind, "move_path": move_path}, "diff": diff}


def _tool_call_to_rollout(item: Item) -> Item:
    return {
        "type": "DynamicToolCall",
        "id": item["id"],
        "namespace": item["namespace"],
        "tool": item["tool"],
        "arguments": item["arguments"],
        "status": item["status"],
        "content_items": item["contentItems"],
        "success": item["success"],
        "duration": _duration_to_rollout(item["durationMs"]),
    }


def _tool_call_from_rollout(stored: Item) -> Item:
    name = stored["id"], stored.get("namespace"), stored["tool"]
    return {
        **dynamic_tool_call(*name, stored["arguments"]),
        "status": stored["status"],
        "contentItems": stored["content_items"],
        "success": stored["success"],
        "durationMs": _duration_from_rollout(stored["duration"]),
    }


def _duration_to_rollout(duration_ms: int | None) -> dict[str, int] | None:
    if duration_ms is None:
        return None
    return {"secs": duration_ms // 1000, "nanos": duration_ms % 1000 * 1_000_000}


def _duration_from_rollout(stored: dict[str, int] | None) -> int | None:
    return None if stored is None else stored["secs"] * 1000 + stored["nanos"] // 1_000_000


_ACTION_NAMES: Final = {"listFiles": "list_files"}
_ACTION_NAMES_BACK: Final = {stored: wire for wire, stored in _ACTION_NAMES.items()}


def _action_to_rollout(action: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in action.items() if name not in {"type", "command"}}
    kind = action["type"]
    return {"type": _ACTION_NAMES.get(kind, kind), "cmd": action["command"], **rest}


def _action_from_rollout(stored: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in stored.items() if name not in {"type", "cmd"}}
    kind = stored["type"]
    return {"type": _ACTION_NAMES_BACK.get(kind, kind), "command": stored["cmd"], **rest}


def _command_to_rollout(item: Item) -> Item:
    return {
        "type": "CommandExecution",
        "id": item["id"],
        "process_id": item["processId"],
        "command": shlex.split(item["command"]),
        "cwd": _FILE_SCHEME + item["cwd"],
        "parsed_cmd": [_action_to_rollout(action) for action in item["commandActions"]],
        "source": _SOURCES[item["source"]],
        "status": item["status"],
        "aggregated_output": item["aggregatedOutput"],
        "exit_code": item["exitCode"],
        "duration": _duration_to_rollout(item["durationMs"]),
    }


def from_rollout(stored: Item) -> Item | None:
    """Read an item back from a rollout.

    Args:
        stored: The ``item`` of an ``item_completed`` event.

    Returns:
        The item, or ``None`` for a kind that the simulation does not know.
    """
    kind = stored["type"]
    if kind == "UserMessage":
        return user_message(stored["id"], stored.get("client_id"), stored["content"])
    if kind == "AgentMessage":
        text = "".join(part["text"] for part in stored["content"])
        return agent_message(stored["id"], text, stored.get("phase"))
    if kind == "Reasoning":
        return reasoning(stored["id"], stored["summary_text"], stored["raw_content"])
    if kind == "CommandExecution":
        return _command_from_rollout(stored)
    if kind in {"EnteredReviewMode", "ExitedReviewMode"}:
        return review_from_rollout(kind[0].lower() + kind[1:], stored["id"], stored)
    if kind == "ContextCompaction":
        return context_compaction(stored["id"])
    if kind == "Plan":
        return proposed_plan(stored["id"], stored["text"])
    if kind == "DynamicToolCall":
        return _tool_call_from_rollout(stored)
    if kind == "FileChange":
        changes = [change_from_rollout(path, change) for path, change in stored["changes"].items()]
        return file_change(stored["id"], changes, stored["status"])
    return None


def _command_from_rollout(stored: Item) -> Item:
    item = command_execution(stored["id"], "", stored["cwd"].removeprefix(_FILE_SCHEME))
    item["command"] = quoted_argv(stored["command"][-1])
    item["commandActions"] = [_action_from_rollout(action) for action in stored["parsed_cmd"]]
    item["processId"] = stored["process_id"]
    item["source"] = _SOURCES_BACK[stored["source"]]
    item["status"] = stored["status"]
    item["aggregatedOutput"] = stored["aggregated_output"]
    item["exitCode"] = stored["exit_code"]
    item["durationMs"] = _duration_from_rollout(stored["duration"])
    return item
