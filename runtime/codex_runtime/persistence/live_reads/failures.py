"""The exceptions of live reads.

May import the error catalogue and values. The invariant: what a reader raises says by its code
whether the client goes on by itself, needs something, or has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_runtime.values import Undefined, Value


class LiveReadsError(CodexRuntimeError):
    """Reading live from a deployment failed; the codes are ``E_LIVE_…``."""


class QueryFailedError(LiveReadsError):
    """A subscribed query failed (``E_LIVE_QUERY_FAILED``).

    The subscription goes on: a later change of data may make the query succeed.

    Args:
        path: The query.
        message: The deployment's text; a production deployment redacts it.
        data: The data of the thrown ConvexError, or ``UNDEFINED`` when it was another error.
        log_lines: What the function logged.
    """

    def __init__(
        self, path: str, message: str, data: Value | Undefined, log_lines: tuple[str, ...]
    ) -> None:
        super().__init__("E_LIVE_QUERY_FAILED", f"{path} failed: {message}")
        self.path = path
        self.message = message
        self.data = data
        self.log_lines = log_lines
