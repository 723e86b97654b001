"""Credentials for a deployment behind a URL: a token, a key that signs tokens, the admin key.

May import PyJWT when a token is signed. The invariant: what is secret stays in the headers; nothing
here is ever part of a report.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.targets.deployment import Caller, HostCapability
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_SECONDS: Final = 3_600
"""How long a token that is signed here is good for."""

_OPERATOR: Final = "an operator's call needs admin-key="


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The admin key, by which calls can be made as anybody.

    Attributes:
        key: The key.
    """

    key: str = field(repr=False)
    only_user: None = None
    capabilities: frozenset[HostCapability] = frozenset(
        {HostCapability.ACTORS, HostCapability.AUDIT}
    )

    async def headers(self, caller: Caller) -> dict[str, str]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.headers`."""
        if caller.operator:
            return {"Authorization": f"Convex {self.key}"}
        if caller.user is None:
            return {}
        identity = {"subject": caller.user, "issuer": "https://conformance.test"}
        acting_as = base64.b64encode(json.dumps(identity).encode()).decode()
        return {"Authorization": f"Convex {self.key}:{acting_as}"}


@dataclass(frozen=True, slots=True)
class OneToken:
    """The token of one user.

    Attributes:
        token: The token.
        only_user: Whose it is.
        admin_key: The admin key for operators' calls; ``None`` for none.
    """

    token: str = field(repr=False)
    only_user: str
    admin_key: str | None = field(default=None, repr=False)

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.capabilities`."""
        return frozenset({HostCapability.AUDIT}) if self.admin_key else frozenset()

    async def headers(self, caller: Caller) -> dict[str, str]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.headers`."""
        if caller.operator:
            return _operator(self.admin_key)
        return {} if caller.user is None else {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs tokens the deployment believes.

    Attributes:
        pem: The private key.
        issuer: The ``iss`` of the tokens.
        audience: The ``aud`` of the tokens.
        algorithm: What they are signed with.
        key_id: The ``kid`` of the tokens; ``None`` for none.
        admin_key: The admin key for operators' calls; ``None`` for none.
    """

    pem: str = field(repr=False)
    issuer: str
    audience: str = "convex"
    algorithm: str = "RS256"
    key_id: str | None = None
    admin_key: str | None = field(default=None, repr=False)
    only_user: None = None

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.capabilities`."""
        audit = {HostCapability.AUDIT} if self.admin_key else set[HostCapability]()
        return frozenset({HostCapability.ACTORS, *audit})

    async def headers(self, caller: Caller) -> dict[str, str]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.headers`."""
        if caller.operator:
            return _operator(self.admin_key)
        if caller.user is None:
            return {}
        return {"Authorization": f"Bearer {self._token(caller.user)}"}

    def _token(self, subject: str) -> str:
        import jwt

        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        header = {} if self.key_id is None else {"kid": self.key_id}
        return jwt.encode(claims, self.pem, algorithm=self.algorithm, headers=header)


@dataclass(frozen=True, slots=True)
class Trusted:
    """No credentials: the host believes its callers.

    Attributes:
        admin_key: The admin key for operators' calls; ``None`` for none.
    """

    admin_key: str | None = field(default=None, repr=False)
    only_user: None = None

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.capabilities`."""
        audit = {HostCapability.AUDIT} if self.admin_key else set[HostCapability]()
        return frozenset({HostCapability.ACTORS, *audit})

    async def headers(self, caller: Caller) -> dict[str, str]:
        """See :meth:`codex_conformance.targets.served_deployment.Credentials.headers`."""
        return _operator(self.admin_key) if caller.operator else {}


def _operator(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Convex {key}"} if key else {}


def subject_of(token: str) -> str:
    """Read whose a token is; it is the deployment that checks it.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``.
    """
    try:
        body = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        subject = claims["sub"]
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise _invalid("token= is no JSON Web Token with a subject") from None
    if not isinstance(subject, str) or not subject:
        raise _invalid("the token of token= has no subject")
    return subject


def read_key(path: Path) -> str:
    """Read a private key.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``.
    """
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise _invalid(f"jwt-key= names no key that can be read: {error}") from None


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_CONFORMANCE_TARGET_INVALID", text)
