"""Making the endpoints of a host: the functions of one module of an application.

May import the calls, the special endpoints, the wiring and the engine's declarations. The
invariant: exactly the endpoints of the chosen manifests, with exactly the shapes of the contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.declared import coded
from codex_fakes.component.host.calls import Call, Host
from codex_fakes.component.host.special import SPECIAL
from codex_fakes.component.host.wiring import WIRING
from codex_fakes.component.mounting import COMPONENT_NAME
from codex_fakes.convex.engine.functions.declarations import (
    internal_mutation,
    internal_query,
    mutation,
    query,
)
from codex_runtime.contract.endpoints import MANIFESTS
from codex_runtime.contract.shapes import fields_of, validator_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_fakes.component.rows import Row
    from codex_fakes.convex.engine.functions.declarations import Function
    from codex_runtime.contract.endpoints import Endpoint, ManifestName

HOST_MODULE = "chat"
"""The module of the application that has the endpoints, unless it chooses another."""


def define_codex_host_definitions(
    component: str = COMPONENT_NAME,
    *,
    module: str = HOST_MODULE,
    manifests: Iterable[ManifestName] = ("runtimeOwned", "runtimeExtended"),
    trusted_actor: bool = False,
) -> dict[str, Function]:
    """Make the endpoints of a host.

    Args:
        component: The name the component is mounted under.
        module: The module they are put into: ``App(modules={"chat": definitions, …})``.
        manifests: The manifests whose endpoints the host offers.
        trusted_actor: Whether callers are believed who they say they are, because nobody but the
            application's own server can reach them. Otherwise the actor of a call must be its
            caller: a user by their token, an anonymous one by an id without a token.

    Returns:
        The functions by name: those of the manifests, nothing else.
    """
    endpoints = tuple(endpoint for name in manifests for endpoint in MANIFESTS[name])
    host = Host(component, module, trusted_actor, endpoints)
    return {endpoint.name: _defined(host, endpoint) for endpoint in endpoints}


def _defined(host: Host, endpoint: Endpoint) -> Function:
    special = {**SPECIAL, **WIRING}.get(endpoint.name, Call.forward)

    def handler(ctx: Any, args: Row) -> Any:
        call = Call(ctx, host, endpoint, args)
        if not endpoint.reads_safely:
            # A safe read finds out who calls while it reads, and says so in its answer.
            call.actor  # noqa: B018 - refused before anything is looked at
        return special(call)

    declare: Any = {
        ("query", False): query,
        ("query", True): internal_query,
        ("mutation", False): mutation,
        ("mutation", True): internal_mutation,
    }[endpoint.kind, endpoint.operators_only]
    defined: Function = declare(
        args=fields_of(endpoint.args),
        returns=validator_of(endpoint.returns),
        name=endpoint.name,
    )(coded(handler))
    return defined
