"""Typed calls of a host's endpoints: structs of the contract in, structs of the contract out.

May import the contract and the exceptions. The invariant: what is sent and what is taken has the
shape that the contract gives it; nothing is passed through unread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.shapes import read_value, to_value
from codex_runtime.persistence.failures import PersistenceError

if TYPE_CHECKING:
    from codex_runtime.contract.shapes import Record
    from codex_runtime.values import Value


class Deployment(Protocol):
    """What calls functions of a deployment; :class:`ConvexHttp` does."""

    async def call(
        self, kind: Any, path: str, args: Value | dict[str, Any], *, repeatable: bool
    ) -> Value:
        """Call a function; see :meth:`ConvexHttp.call`."""
        ...

    async def aclose(self) -> None:
        """Let go of it."""
        ...


class HostClient:
    """Calls the endpoints of a host.

    Args:
        deployment: Where it is deployed.
        module: The module its endpoints are in.
    """

    def __init__(self, deployment: Deployment, module: str = "chat") -> None:
        self._deployment = deployment
        self._module = module

    async def call(self, name: str, args: Record) -> Any:
        """Call an endpoint.

        Args:
            name: Its name.
            args: Its arguments: the struct that the contract names.

        Returns:
            What the contract says that it returns.

        Raises:
            TypeError: The arguments are another endpoint's.
            ContractError: The endpoint refused.
            PersistenceError: ``E_PERSISTENCE_…``; ``E_PERSISTENCE_ANSWER_INVALID`` when the answer
                is not what the contract says.
        """
        endpoint = ENDPOINTS[name]
        if not isinstance(args, endpoint.args):
            raise TypeError(f"{name} takes {endpoint.args.__name__}, not {type(args).__name__}")
        value = await self._deployment.call(
            endpoint.kind,
            f"{self._module}:{name}",
            to_value(args),
            repeatable=endpoint.idempotency != "none",
        )
        try:
            return read_value(value, endpoint.returns)
        except msgspec.ValidationError as error:
            raise PersistenceError(
                "E_PERSISTENCE_ANSWER_INVALID", f"The answer of {name} is not its own: {error}"
            ) from error

    async def aclose(self) -> None:
        """Let go of the deployment."""
        await self._deployment.aclose()
