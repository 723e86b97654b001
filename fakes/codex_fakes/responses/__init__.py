"""A model API that plays a script, so that the real codex binary runs offline.

May import its own modules; each says what it needs. The invariant: importing this package imports
no web server; starlette and uvicorn are imported when a :class:`ResponsesServer` starts.
"""

from __future__ import annotations

from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.exchange import Exchange, OtherRequest, Outcome, Problem
from codex_fakes.responses.requests import ModelRequest
from codex_fakes.responses.server import ResponsesServer

__all__ = [
    "CodexHome",
    "CodexSettings",
    "Exchange",
    "ModelRequest",
    "OtherRequest",
    "Outcome",
    "Problem",
    "ResponsesServer",
]
