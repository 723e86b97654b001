"""Which client is speaking, and whether it is still spoken to.

May import the refusals and the standard library. The invariant: a version is read from the header
``Convex-Client`` or from the URL of the websocket, compared as semantic versions are, and what
cannot be read is refused, not guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from codex_fakes.convex.wire.refusals import Refusal, bad_request

_NUMBER: Final = r"(0|[1-9]\d*)"
_SEMVER: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?\Z", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Threshold:
    """Up to which version a client is refused, and up to which it is warned."""

    unsupported: tuple[int, int, int]
    upgrade_required: tuple[int, int, int]
    advice: str


_NPM: Final = _Threshold(
    (0, 19, 1),
    (0, 19, 1),
    "Update your Convex npm version with `npx convex update` or `npm update`.",
)
_PYTHON: Final = _Threshold(
    (0, 0, 2),
    (0, 2, 0),
    "Update your Convex python version with `pip install --upgrade convex`.",
)
_RUST: Final = _Threshold(
    (0, 0, 1),
    (0, 0, 1),
    "Update your Convex rust version with `cargo update -p convex` or by updating `Cargo.toml`.",
)

_THRESHOLDS: Final = {
    "npm": _NPM,
    "npm-cli": _NPM,
    "actions": _NPM,
    "python": _PYTHON,
    "python-convex": _PYTHON,
    "rust": _RUST,
}

_ENCODED_BEFORE: Final = {
    "npm": (1, 4, 1),
    "npm-cli": (1, 4, 1),
    "actions": (1, 4, 1),
    "python": (0, 5, 0),
    "python-convex": (0, 5, 0),
}

_CHUNKS_SINCE: Final = (1, 28, 0)


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What the headers of an answer say of an old client.

    Attributes:
        state: ``Unsupported`` or ``UpgradeRequired``.
        message: What its user should do.
    """

    state: str
    message: str


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """A client and its version.

    Attributes:
        client: The name of the client, lower case: ``npm``, ``python``, ``rust`` or any other.
        numbers: Major, minor and patch.
        prerelease: What follows the first hyphen, empty for a release.
    """

    client: str
    numbers: tuple[int, int, int]
    prerelease: str = ""

    @property
    def wants_encoded(self) -> bool:
        """Whether an answer without ``format`` is written losslessly, as old clients expect."""
        before = _ENCODED_BEFORE.get(self.client)
        return before is not None and self._at_most(before) and not self._is(before)

    @property
    def takes_chunks(self) -> bool:
        """Whether a large Transition may come in parts."""
        return self.client == "npm" and self.numbers >= _CHUNKS_SINCE

    @property
    def deprecation(self) -> Deprecation | None:
        """What its user is warned of; ``None`` for a client that is current."""
        threshold = _THRESHOLDS.get(self.client)
        if threshold is None:
            return None
        version = ".".join(map(str, self.numbers)) + (self.prerelease and f"-{self.prerelease}")
        if self._at_most(threshold.unsupported):
            return Deprecation(
                "Unsupported",
                f"The Convex {self.client} package at version {version} is no longer supported. "
                f"{threshold.advice}",
            )
        if self._at_most(threshold.upgrade_required):
            return Deprecation(
                "UpgradeRequired",
                f"The Convex {self.client} package at {version} is deprecated and will no longer "
                "be supported soon. When this version is no longer supported, requests to Convex "
                "will fail, so it is best to upgrade and redeploy your application as soon as "
                f"possible. {threshold.advice}",
            )
        return None

    def _at_most(self, numbers: tuple[int, int, int]) -> bool:
        # A pre-release comes before its release, so it never makes a version larger.
        return self.numbers <= numbers

    def _is(self, numbers: tuple[int, int, int]) -> bool:
        return self.numbers == numbers and not self.prerelease


UNKNOWN: Final = ClientVersion("unknown", (0, 0, 0))
"""A client that does not say who it is."""


def from_header(text: str) -> ClientVersion:
    """Read the header ``Convex-Client``.

    Args:
        text: ``{name}-{semver}``; the longest version from the right counts.

    Returns:
        The client.

    Raises:
        Refusal: ``InvalidClientVersion``.
    """
    parts = text.split("-")
    for count in range(1, len(parts)):
        version = _SEMVER.match("-".join(parts[count:]))
        if version:
            return _made("-".join(parts[:count]).lower(), version)
    raise bad_request(
        "InvalidClientVersion",
        f"Failed to parse client version string: '{text}'. Expected format is "
        "{client_name}-{semver}, e.g. my-esolang-client-0.0.1",
    )


def from_url(text: str) -> ClientVersion:
    """Read the version in ``/api/{version}/sync``, which is where browsers say it.

    Args:
        text: The segment of the path.

    Returns:
        The npm client of that version.

    Raises:
        Refusal: ``InvalidClientVersion``.
    """
    version = _SEMVER.match(text)
    if version is None:
        raise bad_request("InvalidClientVersion", f"Failed to parse client version: '{text}'")
    return _made("npm", version)


def check_supported(client: ClientVersion) -> Refusal | None:
    """Say whether a client is too old to be spoken to.

    Args:
        client: The client.

    Returns:
        The refusal ``ClientVersionUnsupported``, or ``None`` when it may go on.
    """
    found = client.deprecation
    if found is None or found.state != "Unsupported":
        return None
    return bad_request("ClientVersionUnsupported", found.message)


def _made(client: str, version: re.Match[str]) -> ClientVersion:
    major, minor, patch, prerelease, _build = version.groups()
    return ClientVersion(client, (int(major), int(minor), int(patch)), prerelease or "")
