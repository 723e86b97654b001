"""Checks of tools: Python functions that the model may call.

May import the trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import CallTool, Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

CALL: Final = "item/tool/call"

CALLING: Final = script(CallTool("add", {"a": 2, "b": 3}), Say("five"))
"""The model has two numbers added."""


async def _called(trial: Trial, *, fails: bool = False) -> tuple[list[Any], dict[str, Any]]:
    """Play a turn that calls a tool; give what it was called with, and what Codex was answered."""
    calls: list[Any] = []

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        calls.append((a, b))
        if fails:
            raise ArithmeticError("no numbers today")
        return a + b

    await trial.opened(tools={"add": add})
    await trial.play_turn()
    (answer,) = trial.tap.said("runtime", CALL, answers=True)
    return calls, answer


@check("lifecycle.tool.offered", script=CALLING)
async def a_tool_is_offered(trial: Trial) -> None:
    """Registers a function, and looks at what the thread is opened with."""
    await _called(trial)
    (opening,) = trial.tap.said("runtime", "thread/start")
    (tool,) = at(opening, "params", "dynamicTools")
    found = (tool["name"], sorted(at(tool, "inputSchema", "properties")))
    require_equal(found, ("add", ["a", "b"]), "the tool:")
    require("Add two numbers" in tool["description"], "its description", tool["description"])


@check("lifecycle.tool.called", script=CALLING)
async def a_tool_is_called(trial: Trial) -> None:
    """Has the model call a function, and looks at what Codex is answered."""
    calls, answer = await _called(trial)
    require_equal(calls, [(2, 3)], "what the function was called with:")
    require_equal(at(answer, "result", "success"), True, "whether it went well:")
    texts = [item.get("text") for item in at(answer, "result", "contentItems")]
    require_equal(texts, ["5"], "what Codex is answered:")
    await trial.says(("user", "hello"), ("tool", "add"), ("assistant", "five"))


@check("lifecycle.tool.raises", script=CALLING)
async def a_tool_raises(trial: Trial) -> None:
    """Has the model call a function that raises."""
    calls, answer = await _called(trial, fails=True)
    require_equal(len(calls), 1, "how often the function was called:")
    require_equal(at(answer, "result", "success"), False, "whether it went well:")
    (ended,) = trial.tap.said("codex", "turn/completed")
    require_equal(at(ended, "params", "turn", "status"), "completed", "how the turn has ended:")
