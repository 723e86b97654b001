"""Who calls: what ``ctx.auth.get_user_identity()`` tells a function.

May import :mod:`codex_runtime.values`. The invariant: an identity has a token identifier, an issuer
and a subject, and its value is Convex's, claim by claim (FACTS §5.11).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_runtime.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.values import Value

_STANDARD_CLAIMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "name",
        "given_name": "givenName",
        "family_name": "familyName",
        "nickname": "nickname",
        "preferred_username": "preferredUsername",
        "profile": "profileUrl",
        "picture": "pictureUrl",
        "website": "websiteUrl",
        "email": "email",
        "email_verified": "emailVerified",
        "gender": "gender",
        "birthdate": "birthday",
        "zoneinfo": "timezone",
        "locale": "language",
        "phone_number": "phoneNumber",
        "phone_number_verified": "phoneNumberVerified",
        "address": "address",
        "updated_at": "updatedAt",
    }
)
"""The claims of OpenID Connect, and what Convex calls each of them."""
_OF_THE_TOKEN: Final = frozenset({"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp"})
"""Claims about the token; they are not told to functions as custom claims."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller.

    Attributes:
        subject: Who, as the issuer names them.
        issuer: Who says so: the URL of the identity provider.
        claims: Everything else, by the names that functions see: ``email``, ``givenName``, and
            custom claims under their own.
        token_identifier: The two together; ``<issuer>|<subject>`` when left out.
    """

    subject: str
    issuer: str = "https://convex.test"
    claims: Mapping[str, Value] = field(default_factory=dict)
    token_identifier: str = ""

    def __post_init__(self) -> None:
        if not self.token_identifier:
            object.__setattr__(self, "token_identifier", f"{self.issuer}|{self.subject}")

    @classmethod
    def from_token_claims(cls, claims: Mapping[str, object]) -> Identity:
        """Make the identity that the claims of a verified JWT stand for.

        Args:
            claims: The token's payload; ``iss`` and ``sub`` must be there.

        Returns:
            The identity, with the standard claims under Convex's names.
        """
        told = {
            _STANDARD_CLAIMS.get(name, name): canonical(value)
            for name, value in claims.items()
            if name not in _OF_THE_TOKEN and value is not None
        }
        return cls(subject=str(claims["sub"]), issuer=str(claims["iss"]), claims=told)

    def to_value(self) -> dict[str, Value]:
        """What a function gets to see.

        Returns:
            A new object: the claims, ``tokenIdentifier``, ``subject`` and ``issuer``.
        """
        return {
            **{name: canonical(claim) for name, claim in self.claims.items()},
            "tokenIdentifier": self.token_identifier,
            "subject": self.subject,
            "issuer": self.issuer,
        }
