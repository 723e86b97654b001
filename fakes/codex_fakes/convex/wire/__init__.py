"""Convex's own wire in front of an in-memory backend: HTTP, the sync protocol, tokens, faults.

May import the engine, :mod:`codex_runtime.values` and :mod:`codex_runtime.errors`; starlette,
uvicorn and PyJWT are imported when a server needs them. The invariant: what is decided here is
decided without IO (``session``, ``calls``, ``tokens``, ``faults``); asyncio, sockets and files are
at the rim (``sockets``, ``web``, ``serving``, ``state_file``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.lazy_names import lazy_names

if TYPE_CHECKING:
    from codex_fakes.convex.wire.faults import FAULTS, Fault
    from codex_fakes.convex.wire.memory import MemorySocket
    from codex_fakes.convex.wire.process import ConvexProcess
    from codex_fakes.convex.wire.server import ADMIN_KEY, ConvexServer
    from codex_fakes.convex.wire.serving import ListeningConvex
    from codex_fakes.convex.wire.tokens import TokenIssuer

__all__ = [
    "ADMIN_KEY",
    "FAULTS",
    "ConvexProcess",
    "ConvexServer",
    "Fault",
    "ListeningConvex",
    "MemorySocket",
    "TokenIssuer",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ADMIN_KEY": "server",
        "FAULTS": "faults",
        "ConvexProcess": "process",
        "ConvexServer": "server",
        "Fault": "faults",
        "ListeningConvex": "serving",
        "MemorySocket": "memory",
        "TokenIssuer": "tokens",
    },
)
