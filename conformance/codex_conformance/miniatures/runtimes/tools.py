"""Miniatures that offer, call or answer tools wrongly.

May import what alters runtimes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.runtimes.altering import (
    RuntimeMiniature,
    built,
    speaks,
    with_params,
    with_result,
)

if TYPE_CHECKING:
    from codex_conformance.miniatures.runtimes.altering import Methods
    from codex_conformance.targets.runtimes import Surroundings


def _nameless(params: dict[str, Any]) -> dict[str, Any]:
    tools = [{**tool, "description": ""} for tool in params.get("dynamicTools") or ()]
    return {**params, "dynamicTools": tools} if tools else params


def _calling_nobody(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    def for_nothing(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return replace(surroundings, tools=dict.fromkeys(surroundings.tools, for_nothing)), {}


def _well(result: Any) -> Any:
    return {**result, "success": True} if "success" in result else result


TOOLS: Final[tuple[RuntimeMiniature, ...]] = (
    speaks(
        "tools-undescribed",
        "Tools are offered without saying what they do.",
        lambda: {"thread/start": with_params(_nameless)},
        "lifecycle.tool.offered",
    ),
    built(
        "tools-uncalled",
        "What a tool would give is worked out without calling it.",
        _calling_nobody,
        "lifecycle.tool.called",
        "lifecycle.tool.raises",
    ),
    speaks(
        "tools-always-well",
        "The model is told that a tool did well, whatever it did.",
        lambda: {"answer": with_result(_well)},
        "lifecycle.tool.raises",
    ),
)
"""Miniatures of tools."""
