"""With which identity is read: the token, where it comes from, how long it is good.

May import the inputs of the core. The invariant: a token is only ever taken from the source that is
set now; what an earlier source gives late is ignored.
"""

from __future__ import annotations

import binascii
import json
from typing import Any

from codex_runtime.persistence.live_reads.core.inputs import Provided


class Credentials:
    """The source of tokens, and the token it last gave."""

    def __init__(self) -> None:
        self.generation = 0
        self.token: str | None = None
        self._provided = False
        self._force = False

    @property
    def has_provider(self) -> bool:
        """Whether another token can be had."""
        return self._provided

    @property
    def needs_token(self) -> bool:
        """Whether there is a provider whose token is not here."""
        return self._provided and self.token is None

    @property
    def force_refresh(self) -> bool:
        """Whether the provider must not give a token it gave before."""
        return self._force

    def use(self, generation: int, source: str | Provided | None) -> None:
        """Set another source.

        Args:
            generation: Its number, larger than those before.
            source: A token, a provider, or nothing.
        """
        self.generation = generation
        self._provided = isinstance(source, Provided)
        self.token = None if isinstance(source, Provided) else source
        self._force = False

    def take(self, generation: int, token: str) -> bool:
        """Take what a provider gave.

        Args:
            generation: Which provider.
            token: The token.

        Returns:
            Whether it is the provider that is set now.
        """
        if generation != self.generation or not self._provided:
            return False
        self.token = token
        return True

    def discard(self) -> None:
        """Forget the token: it was refused, and the provider must make another."""
        self.token = None
        self._force = True


def lifetime(token: str) -> float | None:
    """Read how long a token is good for from when it is made.

    Args:
        token: A JSON Web Token; its signature is the deployment's business.

    Returns:
        Seconds, or ``None`` when the token does not say.
    """
    claims = _claims(token)
    made, ends = claims.get("iat"), claims.get("exp")
    for moment in (made, ends):
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            return None
    return float(ends) - float(made) if made is not None and ends is not None else None


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    body = parts[1].replace("-", "+").replace("_", "/")
    try:
        claims = json.loads(binascii.a2b_base64(body + "=" * (-len(body) % 4)))
    except ValueError:
        # A token need not be a JWT that this client can read; then it is replaced when refused.
        return {}
    return claims if isinstance(claims, dict) else {}
