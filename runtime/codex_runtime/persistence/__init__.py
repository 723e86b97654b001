"""How what Codex does is kept and read: the runtime's side of a Convex deployment.

May import :mod:`codex_runtime.contract`, :mod:`codex_runtime.values` and
:mod:`codex_runtime.errors`. :mod:`.port` says what a runtime needs of whatever keeps things;
:mod:`.live_reads` reads. Nothing here knows who asks. Its names are imported when they are first
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_runtime.persistence.codex_only import CodexOnlyPersistence
    from codex_runtime.persistence.convex_adapter import ConvexPersistence, has_outbox
    from codex_runtime.persistence.convex_http import ConvexHttp
    from codex_runtime.persistence.failures import PersistenceError
    from codex_runtime.persistence.host_client import HostClient
    from codex_runtime.persistence.opening import open_convex_persistence
    from codex_runtime.persistence.port import HostPersistence

_MODULES: Final = {
    "CodexOnlyPersistence": "codex_only",
    "ConvexHttp": "convex_http",
    "ConvexPersistence": "convex_adapter",
    "HostClient": "host_client",
    "HostPersistence": "port",
    "PersistenceError": "failures",
    "has_outbox": "convex_adapter",
    "open_convex_persistence": "opening",
}

__all__ = [
    "CodexOnlyPersistence",
    "ConvexHttp",
    "ConvexPersistence",
    "HostClient",
    "HostPersistence",
    "PersistenceError",
    "has_outbox",
    "open_convex_persistence",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
