"""Where tokens come from.

May import nothing of the project. The invariant: a provider is asked whenever a token is needed,
and told when the last one it gave was refused.
"""

from __future__ import annotations

from typing import Protocol


class TokenProvider(Protocol):
    """A coroutine function that gives a user's token."""

    async def __call__(self, *, force_refresh: bool) -> str:
        """Give a token.

        Args:
            force_refresh: Whether a token given before will not do, because it was refused or is
                about to expire.

        Returns:
            The token.
        """
        ...
