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


def parse_target(text: str, workspace: Path | None = None) -> Target:
    """Make the target that the user means.

    Args:
        text: ``simulated``, ``codex``, ``codex:path=FILE,allow-any-version``, ``stdio:COMMAND`` or
            ``miniature:NAME``.
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

    if params is not None:
        raise _invalid(f"{text!r}: the target simulated takes no parameters")
    return SimulatedTarget(workspace)


def _codex(text: str, params: str | None, workspace: Path | None) -> Target:
    from codex_conformance.targets.process import codex_target

    path: str | None = None
    allow_any_version = False
    # Only the last comma may belong to the parameter behind the path: paths may have commas.
    rest = params
    if rest is not None and (rest == ALLOW_ANY_VERSION or rest.endswith(f",{ALLOW_ANY_VERSION}")):
        allow_any_version = True
        rest = rest.removesuffix(ALLOW_ANY_VERSION).removesuffix(",") or None
    if rest is not None:
        name, equals, path = rest.partition("=")
        if name != "path" or not equals or not path:
            raise _invalid(
                f"{text!r}: the target codex takes path=FILE and {ALLOW_ANY_VERSION}, as in "
                f"codex:path=FILE,{ALLOW_ANY_VERSION}"
            )
    return codex_target(text, path=path, allow_any_version=allow_any_version, workspace=workspace)


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
    return MiniatureTarget(found.name, found.fault, workspace)


_KINDS: Final[Mapping[str, Callable[[str, str | None, Path | None], Target]]] = MappingProxyType(
    {"simulated": _simulated, "codex": _codex, "stdio": _stdio, "miniature": _miniature}
)

PUBLIC_KINDS: Final = ("simulated", "codex", "stdio")
"""The kinds of targets for users; ``miniature`` is for demonstration."""
