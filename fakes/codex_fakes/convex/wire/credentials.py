"""Who is asking: the header ``Authorization``, and what a socket's ``Authenticate`` carries.

May import the refusals and :mod:`codex_fakes.convex.engine.identity`. The invariant: a text that
is no credential is refused with the code the real server gives it; nothing is taken for anonymous
but the absence of credentials.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.wire.refusals import bad_request, unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEME_LENGTH: Final = len("Convex ")
_KEY_PREFIXES: Final = ("prod:", "dev:", "preview:", "project:")


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """Nobody in particular."""


@dataclass(frozen=True, slots=True)
class UserToken:
    """A user, who shows a JWT."""

    value: str


@dataclass(frozen=True, slots=True)
class AdminKey:
    """An administrator, who may act as a user.

    Attributes:
        key: The admin key without the prefix of the deployment's type.
        acting_as: The attributes of the user, or ``None``.
    """

    key: str
    acting_as: Mapping[str, Any] | None = None


Credentials = NoCredentials | UserToken | AdminKey


def from_headers(authorization: str | None, admin_key: str | None) -> Credentials:
    """Read the credentials of a request.

    Args:
        authorization: The header, or ``None``.
        admin_key: The query parameter ``adminKey``, which counts when there is no header.

    Returns:
        The credentials, unchecked.

    Raises:
        Refusal: ``InvalidHeaderFailure``, ``InvalidAuthHeader`` or ``HeaderParseFailure``.
    """
    if authorization is None:
        return NoCredentials() if admin_key is None else AdminKey(without_prefix(admin_key))
    scheme = authorization[:_SCHEME_LENGTH].lower()
    rest = authorization[_SCHEME_LENGTH:].strip()
    if len(authorization) < _SCHEME_LENGTH:
        raise bad_request("InvalidHeaderFailure", "Invalid authentication header")
    if scheme == "convex ":
        return _admin(without_prefix(rest))
    if scheme != "bearer " or not rest:
        raise unauthenticated("InvalidAuthHeader", "Header must begin with `bearer `")
    return UserToken(rest)


def without_prefix(key: str) -> str:
    """Take the type of the deployment off an admin key.

    Args:
        key: ``prod:name|hex``, or without ``prod:``.

    Returns:
        ``name|hex``.
    """
    for prefix in _KEY_PREFIXES:
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key


def _admin(text: str) -> AdminKey:
    key, colon, encoded = text.partition(":")
    if not colon:
        return AdminKey(key)
    malformed = bad_request("HeaderParseFailure", "Malformed Authorization header.")
    try:
        attributes = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise malformed from None
    if not isinstance(attributes, dict) or not _named(attributes):
        raise malformed
    return AdminKey(key, attributes)


def _named(attributes: Mapping[str, Any]) -> bool:
    """Whether there is a token identifier, or what one is made of."""
    if isinstance(attributes.get("tokenIdentifier"), str):
        return True
    return all(isinstance(attributes.get(name), str) for name in ("issuer", "subject"))
