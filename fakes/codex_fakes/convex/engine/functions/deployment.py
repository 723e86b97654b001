"""What an action reaches its backend by.

May import the declarations and references by type. The invariant: each call is a transaction of its
own, committed or refused before it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.convex.engine.functions.declarations import Kind
    from codex_fakes.convex.engine.functions.references import Reference
    from codex_runtime.values import Value


class Deployment(Protocol):
    """The backend as one running action sees it; its failures are those of a nested call."""

    def call(self, kind: Kind, reference: Reference, args: Mapping[str, Any] | None) -> Value:
        """Call a query or a mutation.

        Args:
            kind: Which of the two it has to be.
            reference: The function.
            args: Its arguments.

        Returns:
            Its result.

        Raises:
            ConvexError: It threw one.
            FunctionError: It failed in another way, or cannot be called.
        """

    async def call_action(self, reference: Reference, args: Mapping[str, Any] | None) -> Value:
        """Call an action; otherwise as :meth:`call`."""

    def schedule(self, when_ms: float, reference: Reference, args: Mapping[str, Any] | None) -> str:
        """Schedule a function.

        Args:
            when_ms: When it is due, in milliseconds since the epoch.
            reference: The function.
            args: Its arguments.

        Returns:
            The id of its row.

        Raises:
            FunctionError: There is no such function, or the moment is too far away.
        """

    def cancel(self, job: str) -> None:
        """Cancel what was scheduled.

        Args:
            job: The id of its row.

        Raises:
            FunctionError: It is no such id.
        """

    def handle(self, reference: Reference) -> str:
        """Make the handle of a function.

        Args:
            reference: The function.

        Returns:
            The handle.

        Raises:
            FunctionError: There is no such function.
        """

    def now_ms(self) -> float:
        """The time, in milliseconds since the epoch."""

    def random(self) -> float:
        """A number from 0 up to 1."""
