"""JSON Web Tokens: the fake's own issuer, and the check of anybody's.

May import the providers and the refusals; PyJWT and its cryptography are imported when a token is
made or checked. The invariant: a token is believed only when a provider that is configured signed
it with one of its keys and algorithms, and never after it expired; the time is the backend's, so
that a virtual clock expires tokens too.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.wire.providers import AuthProvider, data_url
from codex_fakes.convex.wire.refusals import Refusal, unauthenticated
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ISSUER: Final = "https://auth.codex-fakes.test"
"""The ``iss`` of the fake's own tokens."""
AUDIENCE: Final = "convex"
"""The ``aud`` of the fake's own tokens."""

_RSA_BITS: Final = 2048
_RSA_EXPONENT: Final = 65537


class TokenIssuer:
    """Signs tokens that the server believes, so that a test needs no identity provider.

    The key is made when the first token is, because making one costs more than a whole server.

    Args:
        now_ms: The time, in milliseconds since the epoch.
        algorithm: ``ES256`` or ``RS256``.
        private_pem: The key to go on with, as :attr:`private_pem` gave it; a new one by default.
    """

    def __init__(
        self,
        now_ms: Callable[[], float],
        *,
        algorithm: str = "ES256",
        private_pem: bytes | None = None,
    ) -> None:
        if algorithm not in {"ES256", "RS256"}:
            raise ConfigurationError(
                "E_FAKE_CONVEX_AUTH_INVALID",
                f"tokens are signed with ES256 or RS256, not {algorithm}",
            )
        self._now_ms = now_ms
        self._algorithm = algorithm
        self._pem = private_pem

    @property
    def issuer(self) -> str:
        """The ``iss`` of its tokens."""
        return ISSUER

    @property
    def private_pem(self) -> bytes:
        """Its key, so that another process can go on issuing."""
        if self._pem is None:
            self._pem = _new_key(self._algorithm)
        return self._pem

    @property
    def made(self) -> bool:
        """Whether it has a key yet, that is whether there can be a token of it."""
        return self._pem is not None

    def make_key(self) -> None:
        """Make the key now, and not only when the first token is issued."""
        _ = self.private_pem

    def issue(
        self,
        subject: str = "user",
        *,
        expires_in: float = 3600.0,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Make a token.

        Args:
            subject: Who it is about.
            expires_in: Seconds until it expires; may be negative.
            claims: More claims, or others in place of ``iss``, ``sub``, ``aud``, ``iat``, ``exp``.

        Returns:
            The token.
        """
        import jwt

        now = self._now_ms() / 1000
        payload = {
            "iss": ISSUER,
            "sub": subject,
            "aud": AUDIENCE,
            "iat": int(now),
            "exp": now + expires_in,
            **(claims or {}),
        }
        return jwt.encode(
            payload, self.private_pem, algorithm=self._algorithm, headers={"kid": self._key_id()}
        )

    def key_set(self) -> dict[str, Any]:
        """Give the public key as a JSON Web Key Set.

        Returns:
            ``{"keys": [...]}``.
        """
        import jwt
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(self.private_pem, password=None)
        public: Any = key.public_key()
        algorithm: Any = jwt.get_algorithm_by_name(self._algorithm)
        fields = algorithm.to_jwk(public, as_dict=True)
        return {"keys": [{**fields, "kid": self._key_id(), "alg": self._algorithm, "use": "sig"}]}

    def provider(self) -> AuthProvider:
        """Say how its tokens are to be checked.

        Returns:
            A provider.
        """
        keys = {key["kid"]: key for key in self.key_set()["keys"]}
        return AuthProvider(ISSUER, AUDIENCE, (self._algorithm,), keys)

    def auth_config(self) -> dict[str, Any]:
        """Give the entry of ``auth.config.ts`` that makes a real deployment believe its tokens.

        Returns:
            An entry of ``providers``.
        """
        return {
            "type": "customJwt",
            "issuer": ISSUER,
            "applicationID": AUDIENCE,
            "algorithm": self._algorithm,
            "jwks": data_url(self.key_set()),
        }

    def _key_id(self) -> str:
        return f"codex-fakes-{self._algorithm.lower()}"


def verify(token: str, providers: Sequence[AuthProvider], now_ms: float) -> dict[str, Any]:
    """Check a token.

    Args:
        token: What the client sent.
        providers: Who is believed.
        now_ms: The time, in milliseconds since the epoch.

    Returns:
        Its claims.

    Raises:
        Refusal: ``InvalidAuthHeader``, ``NoAuthProvider`` or ``TokenExpired``.
    """
    import jwt

    unreadable = unauthenticated("InvalidAuthHeader", "Could not parse JWT payload")
    try:
        read = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        raise unreadable from None
    header, claims = read["header"], read["payload"]
    provider = _provider_of(claims, providers)
    key = provider.keys.get(header.get("kid", ""))
    if header.get("alg") not in provider.algorithms or key is None:
        raise unauthenticated("InvalidAuthHeader", "Could not decode token")
    problem = _problem_of(token, json.dumps(dict(key)), provider.algorithms)
    if problem is not None:
        raise unauthenticated("InvalidAuthHeader", f"Could not verify token: {problem}")
    if expiry_ms(claims) <= now_ms:
        raise expired()
    return dict(claims)


@lru_cache(maxsize=256)
def _problem_of(token: str, key: str, algorithms: tuple[str, ...]) -> str | None:
    """Say what is wrong with a token but for its time: a client shows the same one every time."""
    import jwt

    try:
        jwt.decode(
            token,
            jwt.PyJWK(json.loads(key)),
            algorithms=list(algorithms),
            options={
                "require": ["iss", "sub", "exp"],
                # The audience was matched with the provider's; the time is not the machine's.
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        return str(error)
    return None


def expiry_ms(claims: Mapping[str, Any]) -> float:
    """Say when a token ends.

    Args:
        claims: Its claims.

    Returns:
        Milliseconds since the epoch.

    Raises:
        Refusal: ``InvalidAuthHeader`` when ``exp`` is no number.
    """
    exp = claims.get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        raise unauthenticated("InvalidAuthHeader", "Could not verify token: `exp` is no number")
    return exp * 1000.0


def expired() -> Refusal:
    """Make the refusal of a token that was good once.

    Returns:
        The refusal, to be raised.
    """
    return unauthenticated("TokenExpired", "Convex token identity expired")


def _provider_of(claims: Mapping[str, Any], providers: Sequence[AuthProvider]) -> AuthProvider:
    issuer, audience = claims.get("iss"), claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if isinstance(issuer, str):
        for provider in providers:
            if provider.issuer.rstrip("/") != issuer.rstrip("/"):
                continue
            if provider.application_id is None or provider.application_id in audiences:
                return provider
    raise unauthenticated("NoAuthProvider", "No auth provider found matching the given token")


def _new_key(algorithm: str) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: EllipticCurvePrivateKey | RSAPrivateKey
    if algorithm == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
