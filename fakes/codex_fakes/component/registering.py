"""Mounting the component on a backend that is there already.

May import the component and the engine. The invariant: the application's own modules, components
and data stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codex_fakes.component.host.definitions import HOST_MODULE, define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component

if TYPE_CHECKING:
    from codex_fakes.convex.engine.backend import Backend


def register(
    backend: Backend,
    name: str = COMPONENT_NAME,
    *,
    host_module: str | None = HOST_MODULE,
    trusted_actor: bool = False,
) -> None:
    """Mount the component, and the endpoints of a host, beside what an application has.

    Args:
        backend: The deployment.
        name: The name the component is mounted under.
        host_module: The module that gets the endpoints, unless the application has one of that
            name already. ``None`` mounts the component alone.
        trusted_actor: As :func:`define_codex_host_definitions` takes it.

    Raises:
        CodexRuntimeError: ``E_FAKE_CONVEX_DEPLOY_REFUSED``: something else was mounted under this
            name, and its data is not the component's.
    """
    app = backend.app
    modules = dict(app.modules)
    if host_module is not None and host_module not in modules:
        modules[host_module] = define_codex_host_definitions(
            name, module=host_module, trusted_actor=trusted_actor
        )
    backend.deploy(replace(app, modules=modules, components={**app.components, name: component}))
