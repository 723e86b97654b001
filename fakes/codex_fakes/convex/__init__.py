"""Convex in memory: the fake of your own deployment, in a few lines, for any Convex app.

May import :mod:`codex_runtime.values`, :mod:`codex_runtime.errors` and, when a name is first used,
the packages below. It knows nothing of Codex: neither the contract nor the component. The
invariant: a function that runs here reads, writes, waits and fails as it does on a real
deployment; where the two differ, the guide says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_fakes.convex.engine.app import App, Component
    from codex_fakes.convex.engine.backend import Backend
    from codex_fakes.convex.engine.clock import Clock, SystemClock, VirtualClock
    from codex_fakes.convex.engine.errors import FunctionError
    from codex_fakes.convex.engine.functions.contexts import (
        ActionContext,
        MutationContext,
        QueryContext,
    )
    from codex_fakes.convex.engine.functions.declarations import (
        Kind,
        action,
        internal_action,
        internal_mutation,
        internal_query,
        mutation,
        query,
    )
    from codex_fakes.convex.engine.functions.references import component_function
    from codex_fakes.convex.engine.identity import Identity
    from codex_fakes.convex.engine.limits import Limits
    from codex_fakes.convex.engine.outcome import Failure, FailureKind, Outcome
    from codex_fakes.convex.engine.schema import define_schema, define_table
    from codex_runtime.values import UNDEFINED, ConvexError, Int64, v

_ENGINE: Final = {
    "ActionContext": "functions.contexts",
    "App": "app",
    "Backend": "backend",
    "Clock": "clock",
    "Component": "app",
    "Failure": "outcome",
    "FailureKind": "outcome",
    "FunctionError": "errors",
    "Identity": "identity",
    "Kind": "functions.declarations",
    "Limits": "limits",
    "MutationContext": "functions.contexts",
    "Outcome": "outcome",
    "QueryContext": "functions.contexts",
    "SystemClock": "clock",
    "VirtualClock": "clock",
    "action": "functions.declarations",
    "component_function": "functions.references",
    "define_schema": "schema",
    "define_table": "schema",
    "internal_action": "functions.declarations",
    "internal_mutation": "functions.declarations",
    "internal_query": "functions.declarations",
    "mutation": "functions.declarations",
    "query": "functions.declarations",
}
"""Where each name of the engine is defined; its module is imported when the name is first used."""

__all__ = [
    "UNDEFINED",
    "ActionContext",
    "App",
    "Backend",
    "Clock",
    "Component",
    "ConvexError",
    "Failure",
    "FailureKind",
    "FunctionError",
    "Identity",
    "Int64",
    "Kind",
    "Limits",
    "MutationContext",
    "Outcome",
    "QueryContext",
    "SystemClock",
    "VirtualClock",
    "action",
    "component_function",
    "define_schema",
    "define_table",
    "internal_action",
    "internal_mutation",
    "internal_query",
    "mutation",
    "query",
    "v",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **{name: f"engine.{module}" for name, module in _ENGINE.items()},
        **dict.fromkeys(("UNDEFINED", "ConvexError", "Int64", "v"), "values"),
    },
)
