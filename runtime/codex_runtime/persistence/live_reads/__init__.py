"""Live reads: subscribed queries of a Convex deployment, in one consistent view.

May import :mod:`codex_runtime.values` and :mod:`codex_runtime.errors`; websockets is imported when
a connection is opened. :mod:`.core` decides, without IO; :mod:`.client` is its asyncio shell. The
invariant: the values a view holds are all of one timestamp, and time never goes backwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_runtime.persistence.live_reads.client import LiveReads
    from codex_runtime.persistence.live_reads.clock import Clock, LoopClock, TimerHandle
    from codex_runtime.persistence.live_reads.core.reports import (
        Connected,
        Disconnected,
        LogLines,
        Report,
        TokenAccepted,
        TokenRejected,
    )
    from codex_runtime.persistence.live_reads.core.view import (
        Query,
        QueryFailure,
        QueryResult,
        QueryValue,
        View,
    )
    from codex_runtime.persistence.live_reads.failures import LiveReadsError, QueryFailedError
    from codex_runtime.persistence.live_reads.options import LiveReadsOptions
    from codex_runtime.persistence.live_reads.reading import Keep
    from codex_runtime.persistence.live_reads.subscription import Subscription
    from codex_runtime.persistence.live_reads.tokens import TokenProvider

_MODULES: Final = {
    "Clock": "clock",
    "Connected": "core.reports",
    "Disconnected": "core.reports",
    "Keep": "reading",
    "LiveReads": "client",
    "LiveReadsError": "failures",
    "LiveReadsOptions": "options",
    "LogLines": "core.reports",
    "LoopClock": "clock",
    "Query": "core.view",
    "QueryFailedError": "failures",
    "QueryFailure": "core.view",
    "QueryResult": "core.view",
    "QueryValue": "core.view",
    "Report": "core.reports",
    "Subscription": "subscription",
    "TimerHandle": "clock",
    "TokenAccepted": "core.reports",
    "TokenProvider": "tokens",
    "TokenRejected": "core.reports",
    "View": "core.view",
}
"""Where each name is defined; its module is imported when the name is first used."""

__all__ = [
    "Clock",
    "Connected",
    "Disconnected",
    "Keep",
    "LiveReads",
    "LiveReadsError",
    "LiveReadsOptions",
    "LogLines",
    "LoopClock",
    "Query",
    "QueryFailedError",
    "QueryFailure",
    "QueryResult",
    "QueryValue",
    "Report",
    "Subscription",
    "TimerHandle",
    "TokenAccepted",
    "TokenProvider",
    "TokenRejected",
    "View",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
