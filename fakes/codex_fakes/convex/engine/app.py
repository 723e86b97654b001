"""An app: its schema, its modules of functions and the components it mounts.

May import the functions and the schema of the engine. The invariant: an app does not change, so one
can be made at import and shared by every backend of a test run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codex_fakes.convex.engine.functions.registry import Modules, Registry, make_mount
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codex_fakes.convex.engine.functions.registry import Mount
    from codex_fakes.convex.engine.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What an app mounts: functions and tables of its own.

    Attributes:
        schema: Its tables.
        modules: Its functions, as those of an :class:`App`.
        components: The components that it mounts itself.
    """

    schema: Schema | None = None
    modules: Modules = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What is deployed.

    Attributes:
        schema: The tables; without one, tables come into being when they are written to.
        modules: The functions by the path of their module: ``{"messages": messages}``, where what
            holds them is a Python module, a class or a mapping of names to functions.
        components: The components by the name they are mounted under.
        auth: The identity providers that tokens are accepted from, as in ``auth.config.ts``; the
            engine takes identities as they come, a server looks here.
        registry: Every function, the components' included; made from the others.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_APP_INVALID``: a path that cannot be one, something
            that is no function, or two functions under one name.
    """

    schema: Schema | None = None
    modules: Modules = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)
    auth: Sequence[Any] = ()
    registry: Registry = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "registry", Registry(_mounts("", self)))


def _mounts(path: str, part: App | Component) -> Iterator[Mount]:
    yield make_mount(path, part.schema, part.modules)
    for name, component in part.components.items():
        if not name.isidentifier():
            raise ConfigurationError(
                "E_FAKE_CONVEX_APP_INVALID",
                f"a component is mounted under {name!r}, which is no identifier",
            )
        yield from _mounts(f"{path}/{name}" if path else name, component)
