"""The component ``codexLocal`` in memory: everything that is kept of Codex conversations.

May import :mod:`codex_fakes.convex.engine`, the contract, the values and the app-server's protocol;
no IO, no server. Each module is one subject of the contract's functions; ``rows`` and ``callers``
are how all of them find things. The invariant: what the contract declares is what this does, and
what a caller sees depends on the caller's own rows alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_fakes.component.host.calls import resolve_actor_from_auth
    from codex_fakes.component.host.definitions import define_codex_host_definitions
    from codex_fakes.component.mounting import COMPONENT_NAME, component
    from codex_fakes.component.registering import register
    from codex_fakes.component.tables import schema

_MODULES: Final = {
    "COMPONENT_NAME": "mounting",
    "component": "mounting",
    "define_codex_host_definitions": "host.definitions",
    "register": "registering",
    "resolve_actor_from_auth": "host.calls",
    "schema": "tables",
}
"""Where each name is defined; its module is imported when the name is first used."""

__all__ = [
    "COMPONENT_NAME",
    "component",
    "define_codex_host_definitions",
    "register",
    "resolve_actor_from_auth",
    "schema",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
