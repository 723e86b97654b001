"""The component with the endpoints of a host in front of it: an app that can be served as it is.

May import the component and the host's definitions. The invariant: it is what an application has
that follows the guide and adds nothing of its own.
"""

from __future__ import annotations

from typing import Final

from codex_fakes.component.host.definitions import HOST_MODULE, define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex.engine.app import App

app: Final = App(
    modules={HOST_MODULE: define_codex_host_definitions()},
    components={COMPONENT_NAME: component},
)
"""The app: every endpoint of both manifests under ``chat``, the component as ``codexLocal``."""
