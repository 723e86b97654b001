"""What is shown of a patch while the model still writes it.

May import nothing. Only with the feature ``apply_patch_streaming_events``. The real server tells
the first file as soon as it is named, and from then on at most twice a second; what is told last is
the whole patch. Nothing is looked up: paths are as the model wrote them. The invariant: what is not
the text of a patch shows nothing.
"""

from __future__ import annotations

from typing import Any, Final

FEATURE: Final = "apply_patch_streaming_events"

_BEGIN: Final = "*** Begin Patch"
_ADD: Final = "*** Add File: "
_DELETE: Final = "*** Delete File: "
_UPDATE: Final = "*** Update File: "
_MOVE: Final = "*** Move to: "
_MARKS: Final = ("*** End Patch", "*** End of File")


def drafts(patch: str) -> list[list[dict[str, Any]]]:
    """Say what is shown of a patch while it is written.

    Args:
        patch: The patch.

    Returns:
        The ``changes`` of each ``item/fileChange/patchUpdated``, in order.
    """
    first, *lines = patch.strip().split("\n")
    if first.strip() != _BEGIN:
        return []
    changes: list[dict[str, Any]] = []
    for line in lines:
        _take(line, changes)
    if not changes:
        return []
    beginning = [{**changes[0], "diff": ""}]
    if changes[0]["kind"].get("move_path") is not None:
        beginning[0]["kind"] = {**changes[0]["kind"], "move_path": None}
    return [beginning] if beginning == changes else [beginning, changes]


def _take(line: str, changes: list[dict[str, Any]]) -> None:
    if line.startswith(_ADD):
        changes.append(_change(line.removeprefix(_ADD), {"type": "add"}))
    elif line.startswith(_DELETE):
        changes.append(_change(line.removeprefix(_DELETE), {"type": "delete"}))
    elif line.startswith(_UPDATE):
        kind = {"type": "update", "move_path": None}
        changes.append(_change(line.removeprefix(_UPDATE), kind))
    elif not changes or line.strip() in _MARKS:
        return
    elif line.startswith(_MOVE):
        changes[-1]["kind"]["move_path"] = line.removeprefix(_MOVE).strip()
    elif changes[-1]["kind"]["type"] == "add":
        changes[-1]["diff"] += f"{line.removeprefix('+')}\n"
    elif changes[-1]["kind"]["type"] == "update":
        changes[-1]["diff"] += f"{line}\n"


def _change(path: str, kind: dict[str, Any]) -> dict[str, Any]:
    return {"path": path.strip(), "kind": kind, "diff": ""}
