"""Whose tokens are believed: the providers of ``auth.config.ts``.

May import the coded errors and PyJWT, which is imported when keys are read. The invariant: a
provider that cannot be used offline (its keys are behind a URL that is no ``data:``) is refused
when the server is made, not when the first user comes.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS: Final = ("RS256", "ES256")
"""What a token may be signed with."""


@dataclass(frozen=True, slots=True)
class AuthProvider:
    """One provider of tokens.

    Attributes:
        issuer: Its ``iss``; a slash at the end makes no difference.
        application_id: What ``aud`` must contain; ``None`` for any.
        algorithms: What its tokens may be signed with.
        keys: Its public keys, by ``kid``, each a JSON Web Key.
    """

    issuer: str
    application_id: str | None
    algorithms: tuple[str, ...]
    keys: Mapping[str, Mapping[str, Any]]


def read_provider(entry: Mapping[str, Any]) -> AuthProvider:
    """Read an entry of ``auth.config.ts``.

    Args:
        entry: ``{"type": "customJwt", "issuer", "algorithm", "jwks", "applicationID"?}``, or
            ``{"domain", "applicationID", "jwks"}``: the form of OpenID Connect with the keys in
            place, because nothing is fetched. ``jwks`` is a ``data:`` URL or the key set itself.

    Returns:
        The provider.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_AUTH_INVALID``.
    """
    issuer = entry.get("issuer", entry.get("domain"))
    if not isinstance(issuer, str) or not issuer:
        raise _invalid("an auth provider needs `issuer` or `domain`")
    application = entry.get("applicationID")
    if application is not None and not isinstance(application, str):
        raise _invalid(f"`applicationID` of the auth provider {issuer} is no string")
    algorithm = entry.get("algorithm")
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise _invalid(
            f"`algorithm` of the auth provider {issuer} is {algorithm!r}, not one of {ALGORITHMS}"
        )
    return AuthProvider(
        issuer=issuer,
        application_id=application,
        algorithms=ALGORITHMS if algorithm is None else (algorithm,),
        keys=_read_keys(entry.get("jwks"), issuer),
    )


def data_url(key_set: Mapping[str, Any]) -> str:
    """Write a key set as ``auth.config.ts`` takes it in place of a URL.

    Args:
        key_set: ``{"keys": [...]}``.

    Returns:
        A ``data:`` URL.
    """
    encoded = base64.b64encode(json.dumps(key_set).encode()).decode("ascii")
    return f"data:text/plain;charset=utf-8;base64,{encoded}"


def _read_keys(jwks: Any, issuer: str) -> dict[str, Mapping[str, Any]]:
    found = _read_data_url(jwks, issuer) if isinstance(jwks, str) else jwks
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys:
        raise _invalid(f"`jwks` of the auth provider {issuer} is no set of keys")
    by_id: dict[str, Mapping[str, Any]] = {}
    for key in keys:
        if not isinstance(key, dict) or not isinstance(key.get("kid"), str):
            raise _invalid(f"a key of the auth provider {issuer} has no `kid`")
        by_id[key["kid"]] = key
    return by_id


def _read_data_url(url: str, issuer: str) -> Any:
    scheme, _, rest = url.partition(":")
    head, comma, body = rest.partition(",")
    if scheme != "data" or not comma:
        raise _invalid(
            f"`jwks` of the auth provider {issuer} is no data: URL, and nothing is fetched"
        )
    try:
        raw = base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
        return json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid(f"`jwks` of the auth provider {issuer} holds no JSON") from None


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_FAKE_CONVEX_AUTH_INVALID", text)
