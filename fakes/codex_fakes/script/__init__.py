"""The script language: what a scripted model does, for the simulated and the real app-server.

May import its own modules only, and not :mod:`codex_fakes.script.files` (reading and writing
files) nor :mod:`codex_fakes.script.json_schema`. The invariant: importing it imports none of them
until a name is used, so the simulated app-server starts as fast as it can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_fakes.script.playing import Gates, PlannedResponse, ScriptPlayer, gate_names
    from codex_fakes.script.steps import (
        CALLS,
        ENDINGS,
        Ask,
        CallTool,
        Drop,
        FailHttp,
        FailResponse,
        Garbage,
        Incomplete,
        Option,
        Patch,
        Question,
        Response,
        Run,
        Say,
        Script,
        Stall,
        Step,
        Text,
        Think,
        TypeInto,
        Usage,
        Wait,
        pieces,
        script,
        whole,
    )
    from codex_fakes.script.validation import check_script

_MODULES: Final = {
    "Ask": "steps",
    "CALLS": "steps",
    "CallTool": "steps",
    "Drop": "steps",
    "ENDINGS": "steps",
    "FailHttp": "steps",
    "FailResponse": "steps",
    "Garbage": "steps",
    "Gates": "playing",
    "Incomplete": "steps",
    "Option": "steps",
    "Patch": "steps",
    "PlannedResponse": "playing",
    "Question": "steps",
    "Response": "steps",
    "Run": "steps",
    "Say": "steps",
    "Script": "steps",
    "ScriptPlayer": "playing",
    "Stall": "steps",
    "Step": "steps",
    "Text": "steps",
    "Think": "steps",
    "TypeInto": "steps",
    "Usage": "steps",
    "Wait": "steps",
    "check_script": "validation",
    "gate_names": "playing",
    "pieces": "steps",
    "script": "steps",
    "whole": "steps",
}
"""Where each name is defined; its module is imported when the name is first used."""

__all__ = [
    "CALLS",
    "ENDINGS",
    "Ask",
    "CallTool",
    "Drop",
    "FailHttp",
    "FailResponse",
    "Garbage",
    "Gates",
    "Incomplete",
    "Option",
    "Patch",
    "PlannedResponse",
    "Question",
    "Response",
    "Run",
    "Say",
    "Script",
    "ScriptPlayer",
    "Stall",
    "Step",
    "Text",
    "Think",
    "TypeInto",
    "Usage",
    "Wait",
    "check_script",
    "gate_names",
    "pieces",
    "script",
    "whole",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
