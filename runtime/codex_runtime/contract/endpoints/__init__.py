"""Every endpoint of a host, each once, in two manifests.

May import the shapes and functions. The invariant: a host offers every endpoint of the manifests it
chose and no other; what is generated for TypeScript is generated from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from codex_runtime.contract.endpoints.endpoint import Endpoint
from codex_runtime.contract.endpoints.runtime_extended import EXTENDED_VERSION, RUNTIME_EXTENDED
from codex_runtime.contract.endpoints.runtime_owned import RUNTIME_OWNED

if TYPE_CHECKING:
    from collections.abc import Mapping

ManifestName: TypeAlias = Literal["runtimeOwned", "runtimeExtended"]

MANIFESTS: Final[Mapping[ManifestName, tuple[Endpoint, ...]]] = {
    "runtimeOwned": RUNTIME_OWNED,
    "runtimeExtended": RUNTIME_EXTENDED,
}
"""The endpoints of each manifest, mutations first, each kind in its fixed order."""

ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    endpoint.name: endpoint for manifest in MANIFESTS.values() for endpoint in manifest
}
"""Every endpoint by its name."""

__all__ = [
    "ENDPOINTS",
    "EXTENDED_VERSION",
    "MANIFESTS",
    "RUNTIME_EXTENDED",
    "RUNTIME_OWNED",
    "Endpoint",
    "ManifestName",
]
