"""The host runtime: what owns a Codex process and keeps Convex true.

May import the app-server client, the protocol, persistence and the contract; never a fake. The
decisions are plain state machines and values, without IO; one shell runs them. Its names are
imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_runtime.host.common import HostError
    from codex_runtime.host.facade import CodexHostRuntime
    from codex_runtime.host.import_records import Imported, ImportProgress
    from codex_runtime.host.listeners import HostHandlers
    from codex_runtime.host.listing import ListedThread, ListedThreads
    from codex_runtime.host.phases import HostState, IngestMetrics, KindCount
    from codex_runtime.host.runtime import create_codex_host_runtime
    from codex_runtime.host.turn_records import SentTurn, TurnOptions

_MODULES: Final = {
    "CodexHostRuntime": "facade",
    "HostError": "common",
    "HostHandlers": "listeners",
    "HostState": "phases",
    "ImportProgress": "import_records",
    "Imported": "import_records",
    "IngestMetrics": "phases",
    "KindCount": "phases",
    "ListedThread": "listing",
    "ListedThreads": "listing",
    "SentTurn": "turn_records",
    "TurnOptions": "turn_records",
    "create_codex_host_runtime": "runtime",
}

__all__ = [
    "CodexHostRuntime",
    "HostError",
    "HostHandlers",
    "HostState",
    "ImportProgress",
    "Imported",
    "IngestMetrics",
    "KindCount",
    "ListedThread",
    "ListedThreads",
    "SentTurn",
    "TurnOptions",
    "create_codex_host_runtime",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
