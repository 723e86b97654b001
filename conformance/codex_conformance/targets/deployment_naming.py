"""How deployments are written: ``fake``, ``fake:wire``, ``url:URL``, with parameters.

May import the error catalogue; a target's own module is imported when it is asked for. The
invariant: what is not understood is refused with the kinds there are, and nothing is guessed; a
secret is not part of a target's name.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from codex_conformance.targets.deployment import DeploymentTarget
    from codex_conformance.targets.served_deployment import Credentials

PUBLIC_DEPLOYMENTS: Final = ("fake", "url")
"""The kinds of deployments for users; ``miniature`` is for demonstration."""

_PARAMETERS: Final = (
    "module",
    "admin-key",
    "token",
    "jwt-key",
    "issuer",
    "audience",
    "algorithm",
    "key-id",
)
_SECRETS: Final = frozenset({"admin-key", "token"})
_TRUSTED: Final = "trusted"


def parse_deployment(text: str) -> DeploymentTarget:
    """Make the deployment that the user means.

    Args:
        text: ``fake``, ``fake:wire``, ``url:URL,PARAMETERS`` or ``miniature:NAME``. Of the
            parameters of a URL exactly one says who the callers are: ``token=JWT`` (one user),
            ``jwt-key=FILE,issuer=URL`` (any user), ``admin-key=KEY`` (any user) or ``trusted``.

    Returns:
        The deployment; nothing is started yet.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``.
    """
    kind, _, params = text.partition(":")
    if kind == "fake":
        return _fake(text, params)
    if kind == "url":
        return _url(text, params)
    if kind == "miniature":
        return _miniature(text, params)
    near = difflib.get_close_matches(kind, PUBLIC_DEPLOYMENTS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    kinds = ", ".join(PUBLIC_DEPLOYMENTS)
    raise _invalid(f"{kind!r} is no kind of deployment ({kinds}){hint}")


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_CONFORMANCE_TARGET_INVALID", text)


def _fake(text: str, params: str) -> DeploymentTarget:
    if text == "fake":
        from codex_conformance.targets.memory_deployment import MemoryTarget

        return MemoryTarget()
    if params != "wire":
        raise _invalid(f"{text!r}: the deployment fake takes wire, or nothing")
    from codex_conformance.targets.served_deployment import FakeProcessTarget

    return FakeProcessTarget(text)


def _miniature(text: str, params: str) -> DeploymentTarget:
    from codex_conformance.miniatures.hosts import HOST_MINIATURES
    from codex_conformance.targets.memory_deployment import MemoryTarget

    found = HOST_MINIATURES.get(params)
    if found is None:
        near = difflib.get_close_matches(params, HOST_MINIATURES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _invalid(f"{text!r}: there is no miniature of that name{hint}")
    says = f"host and component on the in-memory Convex, with the fault {found.name}"
    return MemoryTarget(found.build(), name=text, says=says)


def _url(text: str, params: str) -> DeploymentTarget:
    from codex_conformance.targets.served_deployment import ServedTarget

    url, *words = params.split(",")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise _invalid(
            f"{_open(text)!r}: url takes a URL, as in url:https://happy-otter.convex.cloud"
        )
    given: dict[str, str] = {}
    trusted = False
    for word in words:
        name, equals, value = word.partition("=")
        if word == _TRUSTED:
            trusted = True
        elif name not in _PARAMETERS or not equals or not value or name in given:
            raise _invalid(
                f"{name!r} is no parameter of a URL, or has no value, or comes twice; there are "
                f"{', '.join(f'{known}=' for known in _PARAMETERS)} and {_TRUSTED}"
            )
        else:
            given[name] = value
    credentials = _credentials(given, trusted=trusted)
    module = given.get("module", "chat")
    return ServedTarget(_open(text), url.rstrip("/"), module, credentials, bound=not trusted)


def _credentials(given: dict[str, str], *, trusted: bool) -> Credentials:
    from codex_conformance.targets.credentials import (
        AdminKey,
        OneToken,
        SigningKey,
        Trusted,
        read_key,
        subject_of,
    )

    ways = [name for name in ("token", "jwt-key") if name in given] + [_TRUSTED] * trusted
    admin_key = given.get("admin-key")
    if len(ways) > 1:
        raise _invalid(f"{' and '.join(ways)} exclude each other: each says who the callers are")
    if ways == ["token"]:
        return OneToken(given["token"], subject_of(given["token"]), admin_key)
    if ways == ["jwt-key"]:
        if "issuer" not in given:
            raise _invalid("jwt-key= needs issuer=, the iss of the tokens it signs")
        return SigningKey(
            read_key(Path(given["jwt-key"])),
            given["issuer"],
            given.get("audience", "convex"),
            given.get("algorithm", "RS256"),
            given.get("key-id"),
            admin_key,
        )
    if trusted:
        return Trusted(admin_key)
    if admin_key is None:
        raise _invalid("a URL needs token=, jwt-key=, admin-key= or trusted: who are the callers?")
    return AdminKey(admin_key)


def _open(text: str) -> str:
    """A target's name without its secrets."""
    head, *words = text.split(",")
    shown = [
        f"{word.partition('=')[0]}=***" if word.partition("=")[0] in _SECRETS else word
        for word in words
    ]
    return ",".join((head, *shown))
