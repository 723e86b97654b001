"""Which functions there are: those of an app and of the components it mounts, by path.

May import the other modules of functions and the engine's schema. The invariant: every spelling of
a path that clients use finds its function with one look-up, and nothing is found under a path that
names another.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.functions.declarations import Function, Kind
from codex_fakes.convex.engine.functions.references import (
    HANDLE_PREFIX,
    ComponentFunction,
    FunctionPath,
    PathError,
    parse_path,
)
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.convex.engine.functions.references import Reference
    from codex_fakes.convex.engine.schema import Schema

Modules = Mapping[str, Any]
"""Functions by the path of their module: a Python module, a class, or a mapping of names."""


class FunctionMissing(FunctionError):  # noqa: N818 - names the state, as the engine's errors do
    """There is no such function for this caller."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Could not find public function for '{path}'.")


class WrongKind(FunctionError):  # noqa: N818 - as above
    """A function was called as what it is not."""

    def __init__(self, path: FunctionPath, called_as: Kind, defined_as: Kind) -> None:
        super().__init__(
            f"Trying to execute {path.canonical} as {called_as.value}, "
            f"but it is defined as {defined_as.value}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A function where it is mounted.

    Attributes:
        mount: The path of its component; empty for the app's own.
        path: Its path there.
        function: What was declared.
    """

    mount: str
    path: FunctionPath
    function: Function


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """An app or a component, with what it exports.

    Attributes:
        path: Where it is mounted: empty for the app, ``codexLocal``, ``codexLocal/inner``.
        schema: Its tables; ``None`` when it has no schema.
        modules: The paths of its modules.
        exports: Its functions by every spelling of their path.
    """

    path: str
    schema: Schema | None
    modules: frozenset[str]
    exports: Mapping[str, Export]


class Registry:
    """All functions of an app and its components.

    Args:
        mounts: The app and its components.
    """

    def __init__(self, mounts: Iterator[Mount]) -> None:
        self.mounts: Final = {mount.path: mount for mount in mounts}
        self._exports: Final = {path: mount.exports for path, mount in self.mounts.items()}

    def find(self, component: str, path: str, kind: Kind | None, *, internal: bool) -> Export:
        """Find a function.

        Args:
            component: The component's path; empty for the app.
            path: The function's path, in any spelling.
            kind: What it has to be; ``None`` for any kind.
            internal: Whether internal functions may be found.

        Returns:
            The function.

        Raises:
            PathError: The path cannot be one.
            FunctionMissing: There is none, or it is internal and must not be found.
            WrongKind: It is of another kind.
        """
        exports = self._exports.get(component)
        export = None if exports is None else exports.get(path)
        if export is None or (export.function.internal and not internal):
            raise FunctionMissing(parse_path(path).short)
        if kind is not None and export.function.kind is not kind:
            raise WrongKind(export.path, kind, export.function.kind)
        return export

    def renewed(self, export: Export) -> Export:
        """Find what another registry gave: the function that has its place now.

        Args:
            export: The function there.

        Returns:
            The function here.

        Raises:
            FunctionMissing: There is none any more.
            WrongKind: It is of another kind now.
        """
        path, kind = export.path.canonical, export.function.kind
        return self.find(export.mount, path, kind, internal=True)

    def refer(self, mount: str, reference: Reference, kind: Kind | None) -> Export:
        """Find what a function refers to.

        Args:
            mount: The component of the function that refers.
            reference: What it wrote.
            kind: What it has to be; ``None`` for any kind.

        Returns:
            The function. Functions of the caller's own component may be internal; those of a
            component that it mounts may not.

        Raises:
            FunctionError: There is none that this caller can reach, or it is of another kind.
        """
        component, path, own = self._aim(mount, reference)
        return self.find(component, path, kind, internal=own)

    def target(self, mount: str, reference: Reference) -> Export:
        """Find what is to be scheduled: of any kind, as that is looked at when it runs.

        Args:
            mount: The component of the function that schedules.
            reference: What it wrote.

        Returns:
            The function.

        Raises:
            FunctionError: There is none, in the words of the scheduler.
        """
        component, text, own = self._aim(mount, reference)
        try:
            return self.find(component, text, None, internal=own)
        except FunctionMissing as missing:
            path = parse_path(text)
            mount_there = self.mounts.get(component)
            if mount_there is not None and path.module in mount_there.modules:
                raise FunctionError(
                    f"Attempted to schedule function, but no exported function {path.function} "
                    f"found in the file: {path.module}.js. Did you forget to export it?"
                ) from missing
            where = f"{component} " if component else ""
            raise FunctionError(
                f"Attempted to schedule function at nonexistent path: {where}{path.module}.js"
            ) from missing

    def _aim(self, mount: str, reference: Reference) -> tuple[str, str, bool]:
        """The component, the path there, and whether internal functions may be meant."""
        if isinstance(reference, ComponentFunction):
            component = f"{mount}/{reference.component}" if mount else reference.component
            path, own = reference.path, False
        elif reference.startswith(HANDLE_PREFIX):
            component, _, path = reference.removeprefix(HANDLE_PREFIX).partition(";")
            own = True
        else:
            return mount, reference, True
        if component not in self.mounts:
            raise FunctionError(f'Component "{component}" is not mounted')
        return component, path, own

    @staticmethod
    def handle(export: Export) -> str:
        """The handle of a function: a string that every component may call it by.

        Args:
            export: The function.

        Returns:
            The handle.
        """
        return f"{HANDLE_PREFIX}{export.mount};{export.path.canonical}"


def make_mount(path: str, schema: Schema | None, modules: Modules) -> Mount:
    """Collect the functions of an app or a component.

    Args:
        path: Where it is mounted.
        schema: Its schema.
        modules: Its modules.

    Returns:
        The mount.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_APP_INVALID``: a path that cannot be one, something
            that is no function, or two functions under one name.
    """
    exports: dict[str, Export] = {}
    for module, holder in modules.items():
        for name, function in _functions(module, holder):
            place = _place(module, name)
            if place.canonical in exports:
                raise _invalid(f"two functions are exported as {place.canonical}")
            export = Export(path, place, function)
            for spelling in _spellings(place):
                exports[spelling] = export
    return Mount(path, schema, frozenset(m.removesuffix(".js") for m in modules), exports)


def _functions(module: str, holder: Any) -> Iterator[tuple[str, Function]]:
    if isinstance(holder, Mapping):
        for name, function in holder.items():
            if not isinstance(function, Function):
                raise _invalid(f"{module}:{name} is {function!r}, not a declared function")
            yield function.name or name, function
        return
    if not isinstance(holder, ModuleType) and not inspect.isclass(holder):
        raise _invalid(
            f"the module {module} is {holder!r}; give a Python module, a class or a mapping"
        )
    # What a module imported from another one is exported there, not here.
    own = holder.__name__ if isinstance(holder, ModuleType) else None
    for name, function in vars(holder).items():
        if isinstance(function, Function) and own in {None, function.handler.__module__}:
            yield function.name or name, function


def _place(module: str, name: str) -> FunctionPath:
    try:
        return parse_path(f"{module}:{name}")
    except PathError as error:
        raise _invalid(error.message) from error


def _spellings(path: FunctionPath) -> tuple[str, ...]:
    both = (path.canonical, f"{path.module}:{path.function}")
    return both if path.function != "default" else (*both, path.module, f"{path.module}.js")


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_FAKE_CONVEX_APP_INVALID", text)
