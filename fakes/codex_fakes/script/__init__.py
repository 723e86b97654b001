"""The script language: what a scripted model does, for the simulated and the real app-server.

May import its own modules only, and not :mod:`codex_fakes.script.files` (reading and writing
files) nor :mod:`codex_fakes.script.json_schema`. The invariant: importing it needs msgspec and
asyncio and nothing else, so the simulated app-server starts as fast as it can.
"""

from __future__ import annotations

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
