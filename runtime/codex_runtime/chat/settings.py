"""What a chat is to be: options of the command line first, then the environment.

May import the actors and :class:`ChatError`. No IO: files are given as text. The invariants: a
value that cannot be understood is an error, never a default; no credential is in any text made
here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_runtime.chat.commands import ChatError
from codex_runtime.contract.actors import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

URL_KEYS: Final = ("CONVEX_URL", "NEXT_PUBLIC_CONVEX_URL", "VITE_CONVEX_URL")
"""The variables that a deployment's URL is looked for in, in this order."""
DEPLOYMENT_KEY: Final = "CONVEX_DEPLOYMENT"
"""The variable that names a deployment in Convex's cloud, where none has a URL."""
ENVIRONMENT_FILES: Final = (".env.local", "convex/.env.local")
"""The files that the same is looked for in after the environment, beside the working folder."""

DEFAULT_USER: Final = "demo-user"
"""Who acts when nobody says who, and there is no token that would."""
DEFAULT_FLUSH_MS: Final = 250.0

_SWITCH: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_DEPLOYMENT: Final = re.compile(r"(?:[a-z-]+:)?([a-z0-9-]+)")
_ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the environment says.

    Attributes:
        user_id: Who acts; ``None`` when it is not said.
        model: The model.
        cwd: The folder Codex works in.
        flush_ms: How long an event may wait for company, in milliseconds.
        save_stream_deltas: Whether a deployment keeps texts as they grew.
        token: A user's token.
        admin_key: The deployment's admin key.
    """

    user_id: str | None = None
    model: str | None = None
    cwd: str | None = None
    flush_ms: float = DEFAULT_FLUSH_MS
    save_stream_deltas: bool = False
    token: str | None = field(default=None, repr=False)
    admin_key: str | None = field(default=None, repr=False)

    @property
    def actor(self) -> Actor:
        """Who acts: whom the environment names, or else whoever the token is of."""
        if self.user_id is not None:
            return Actor(user_id=self.user_id)
        return Actor(user_id=DEFAULT_USER) if self.token is None else Actor()

    @property
    def actor_text(self) -> str:
        """Who acts, in words."""
        if self.user_id is None and self.token is not None:
            return "whoever the token is of"
        return self.user_id or DEFAULT_USER


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read the environment.

    Args:
        variables: The variables; a blank one counts as not set.

    Returns:
        What it says.

    Raises:
        ChatError: ``E_CHAT_ENVIRONMENT_INVALID``.
    """
    given = _set(variables)
    token, admin_key = given.get("CONVEX_AUTH_TOKEN"), given.get("CONVEX_ADMIN_KEY")
    if token is not None and admin_key is not None:
        raise _invalid("CONVEX_AUTH_TOKEN and CONVEX_ADMIN_KEY exclude each other.")
    return Environment(
        user_id=given.get("ACTOR_USER_ID"),
        model=given.get("CODEX_MODEL"),
        cwd=given.get("CODEX_CWD"),
        flush_ms=_milliseconds(given),
        save_stream_deltas=_switch(given),
        token=token,
        admin_key=admin_key,
    )


def deployment_url(variables: Mapping[str, str], files: Sequence[str]) -> str | None:
    """Find the URL of the deployment that an environment is about.

    Args:
        variables: The environment.
        files: The texts of the files that are there, in the order of :data:`ENVIRONMENT_FILES`.

    Returns:
        The URL; ``None`` when the environment is about none.

    Raises:
        ChatError: ``E_CHAT_ENVIRONMENT_INVALID``: the deployment's name is none.
    """
    places = [_set(variables), *(_set(read_assignments(text)) for text in files)]
    for place in places:
        for key in URL_KEYS:
            if key in place:
                return place[key]
    for place in places:
        if DEPLOYMENT_KEY in place:
            # Convex's own command line writes a comment behind it, which not every reader cuts off.
            found = _DEPLOYMENT.fullmatch(place[DEPLOYMENT_KEY].split(" #", 1)[0].rstrip())
            if found is None:
                raise _invalid(f"{DEPLOYMENT_KEY} does not name a deployment.")
            return f"https://{found.group(1)}.convex.cloud"
    return None


def read_assignments(text: str) -> dict[str, str]:
    """Read the variables that a file of them sets.

    Args:
        text: The file's text: lines ``NAME=value``, with quotes or without; ``#`` begins a comment.

    Returns:
        The variables; lines of any other form are passed over.
    """
    variables = {}
    for line in text.splitlines():
        found = _ASSIGNMENT.fullmatch(line)
        if found is not None:
            variables[found.group(1)] = _unquoted(found.group(2))
    return variables


def _unquoted(value: str) -> str:
    quote = value[:1]
    if quote in ("'", '"') and (end := value.find(quote, 1)) > 0:
        return value[1:end]
    return value.split(" #", 1)[0].rstrip()


def _set(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in variables.items() if value.strip()}


def _switch(given: Mapping[str, str]) -> bool:
    value = given.get("SAVE_STREAM_DELTAS", "0")
    if value.lower() not in _SWITCH:
        raise _invalid(f"SAVE_STREAM_DELTAS is {value!r}; say {', '.join(_SWITCH)}.")
    return _SWITCH[value.lower()]


def _milliseconds(given: Mapping[str, str]) -> float:
    value = given.get("DELTA_THROTTLE_MS")
    if value is None:
        return DEFAULT_FLUSH_MS
    if not value.isascii() or not value.isdecimal():
        raise _invalid(f"DELTA_THROTTLE_MS is {value!r}; say a number of milliseconds.")
    return float(value)


def _invalid(text: str) -> ChatError:
    return ChatError("E_CHAT_ENVIRONMENT_INVALID", text)
