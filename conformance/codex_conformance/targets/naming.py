"""How targets are written: ``kind``, or ``kind:params``.

May import the error catalogue; a target's own module is imported when it is asked for. The
invariant: what is not understood is refused with the kinds there are, and nothing is guessed.
"""

from __future__ import annotations

import difflib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from codex_conformance.targets.door import Target

ALLOW_ANY_VERSION: Final = "allow-any-version"
"""The parameter of ``codex`` that allows a version other than the lock's."""

LISTEN_WEBSOCKET: Final = "listen=ws"
"""The parameter of ``codex`` that reaches it over a websocket."""

STDIO: Final = "stdio"
"""The parameter of ``simulated`` that starts the executable on stdio."""

WEBSOCKET: Final = "ws"
"""The parameter of ``simulated`` that starts the executable on a websocket."""

_HISTORIES: Final[Mapping[str, str]] = MappingProxyType(
    {f"history={mode}": mode for mode in ("legacy", "paginated")}
)
_CODEX_WORDS: Final = (ALLOW_ANY_VERSION, LISTEN_WEBSOCKET, *_HISTORIES)


def parse_target(text: str, workspace: Path | None = None) -> Target:
    """Make the target that the user means.

    Args:
        text: ``simulated``, ``simulated:stdio``, ``simulated:ws``, ``codex``,
            ``codex:path=FILE,allow-any-version``, ``codex:listen=ws``, ``stdio:COMMAND`` or
            ``miniature:NAME``; ``history=legacy`` may follow the first five.
        workspace: Where homes are made; the system's folder for temporary files when ``None``.

    Returns:
        The target; nothing is started yet.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``, or what the kind itself refuses.
    """
    kind, colon, params = text.partition(":")
    make = _KINDS.get(kind)
    if make is None:
        near = difflib.get_close_matches(kind, _KINDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _invalid(f"{kind!r} is no kind of target ({', '.join(PUBLIC_KINDS)}){hint}")
    return make(text, params if colon else None, workspace)


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_CONFORMANCE_TARGET_INVALID", text)


def _simulated(text: str, params: str | None, workspace: Path | None) -> Target:
    from codex_conformance.targets.simulated import SimulatedTarget

    words, history = set[str](), None
    for word in () if params is None else params.split(","):
        if word in _HISTORIES:
            history = _HISTORIES[word]
        elif word in (STDIO, WEBSOCKET):
            words.add(word)
        else:
            raise _invalid(
                f"{text!r}: the target simulated takes {STDIO} or {WEBSOCKET}, and "
                f"{' or '.join(_HISTORIES)}"
            )
    if not words:
        return SimulatedTarget(workspace, name=text, history=history)
    if len(words) > 1:
        raise _invalid(f"{text!r}: {STDIO} and {WEBSOCKET} cannot be had together")
    from codex_conformance.targets.executable import ExecutableTarget

    return ExecutableTarget(text, workspace, listens=WEBSOCKET in words, history=history)


def _codex(text: str, params: str | None, workspace: Path | None) -> Target:
    from codex_conformance.targets.process import codex_target

    # The words that are known are taken from the end: paths may have commas.
    rest, known = params, set[str]()
    while rest is not None:
        head, comma, word = rest.rpartition(",")
        if word not in _CODEX_WORDS:
            break
        known.add(word)
        rest = head if comma else None
    path: str | None = None
    if rest is not None:
        name, equals, path = rest.partition("=")
        if name != "path" or not equals or not path:
            raise _invalid(
                f"{text!r}: the target codex takes path=FILE, {', '.join(_CODEX_WORDS)}, as in "
                f"codex:path=FILE,{ALLOW_ANY_VERSION}"
            )
    return codex_target(
        text,
        path=path,
        allow_any_version=ALLOW_ANY_VERSION in known,
        workspace=workspace,
        listens=LISTEN_WEBSOCKET in known,
        history=next((_HISTORIES[word] for word in _HISTORIES if word in known), None),
    )


def _stdio(text: str, params: str | None, workspace: Path | None) -> Target:
    from codex_conformance.targets.process import stdio_target

    if params is None or not params.strip():
        raise _invalid(
            f"{text!r}: the target stdio takes a command line, as in stdio:codex app-server"
        )
    try:
        return stdio_target(text, params, workspace=workspace)
    except ValueError as error:
        raise _invalid(f"{text!r}: the command line cannot be read: {error}") from None


def _miniature(text: str, params: str | None, workspace: Path | None) -> Target:
    from codex_conformance.miniatures import MINIATURES
    from codex_conformance.miniatures.door import MiniatureTarget

    found = MINIATURES.get(params or "")
    if found is None:
        near = difflib.get_close_matches(params or "", MINIATURES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _invalid(f"{text!r}: there is no miniature of that name{hint}")
    return MiniatureTarget(found, workspace)


_KINDS: Final[Mapping[str, Callable[[str, str | None, Path | None], Target]]] = MappingProxyType(
    {"simulated": _simulated, "codex": _codex, "stdio": _stdio, "miniature": _miniature}
)

PUBLIC_KINDS: Final = ("simulated", "codex", "stdio")
"""The kinds of targets for users; ``miniature`` is for demonstration."""
