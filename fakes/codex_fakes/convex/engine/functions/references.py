"""How a function is named: paths, references across components, handles.

May import the errors of the engine. The invariant: two spellings of one function have one canonical
path, ``messages.js:send``; what cannot be a path is refused before anything is looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from codex_fakes.convex.engine.errors import FunctionError

HANDLE_PREFIX: Final = "function://"
"""What the handle of a function begins with."""

_PART: Final = re.compile(r"[A-Za-z0-9_.]+\Z")
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")


class PathError(FunctionError):
    """A text that cannot be the path of a function."""


@dataclass(frozen=True, slots=True)
class FunctionPath:
    """Where a function is: a module, and the name it is exported under.

    Attributes:
        module: The module without ``.js``: ``messages``, ``rooms/members``.
        function: The name; ``default`` where the path names only the module.
    """

    module: str
    function: str

    @property
    def canonical(self) -> str:
        """The one spelling that job rows and errors of the backend use: ``messages.js:send``."""
        return f"{self.module}.js:{self.function}"

    @property
    def short(self) -> str:
        """The spelling that clients use: ``messages:send``; ``messages`` for its default."""
        return self.module if self.function == "default" else f"{self.module}:{self.function}"


@dataclass(frozen=True, slots=True)
class ComponentFunction:
    """A reference to a function of a component.

    Attributes:
        component: The name under which the caller's app or component mounts it.
        path: The function's path there.
    """

    component: str
    path: str


Reference = str | ComponentFunction
"""What a function is called by: a path in the caller's own component, a handle
(``function://…``), or :func:`component_function`."""


def component_function(component: str, path: str) -> ComponentFunction:
    """Refer to a function of a component, as ``components.<name>.<module>.<function>`` does.

    Args:
        component: The name under which the caller's app or component mounts it; with slashes for
            a component inside that one.
        path: The function's path there: ``"threads:get"``.

    Returns:
        The reference.
    """
    return ComponentFunction(component, path)


def parse_path(text: str) -> FunctionPath:
    """Read the path of a function.

    Args:
        text: ``messages:send``, ``messages.js:send``, ``rooms/members:list``, or ``messages``,
            which is its default export.

    Returns:
        The path.

    Raises:
        PathError: It cannot be one.
    """
    module, colon, function = text.partition(":")
    if not colon:
        function = "default"
    module = module.removesuffix(".js")
    wrong = next((part for part in module.split("/") if not _PART.match(part)), None)
    if wrong is not None:
        raise PathError(
            f"{text} is not a valid path to a Convex function. Path component {wrong!r} can only "
            "contain alphanumeric characters, underscores, or periods."
        )
    if not _NAME.match(function):
        raise PathError(
            f"{text} is not a valid path to a Convex function. {function!r} is not the name of an "
            "export."
        )
    return FunctionPath(module, function)
