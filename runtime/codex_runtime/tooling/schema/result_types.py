"""Which type answers a method: a convention, and the methods that do not keep to it.

May import the lock's record. The invariant: a result is only ever named when the
source exports a type of that name; the tables say nothing the source does not confirm.

The generated schemas tell what a method takes, not what it answers. By convention the result of
``XParams`` is ``XResponse``, and a method without params, ``a/bC``, is answered with
``ABCResponse``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.protocol.lock.record import refs_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EXCEPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account/gatewayOAuth/read": "GatewayOAuthReadResponse",
        "account/gatewayOAuth/login": "GatewayOAuthLoginResponse",
        "account/gatewayOAuth/cancel": "GatewayOAuthCancelResponse",
        "account/logout": "LogoutAccountResponse",
        "account/workspaceMessages/read": "GetWorkspaceMessagesResponse",
        "config/mcpServer/reload": "McpServerRefreshResponse",
        "config/value/write": "ConfigWriteResponse",
        "config/batchWrite": "ConfigWriteResponse",
        "externalAgentConfig/import/readHistories": (
            "ExternalAgentConfigImportHistoriesReadResponse"
        ),
    }
)
"""The methods whose result type the convention does not find."""


def result_type(method: str, params: Any, exported: Collection[str]) -> str | None:
    """Find the type of a method's result.

    Args:
        method: The method.
        params: The schema of its params; ``None`` when it has none.
        exported: The names of the types there are.

    Returns:
        The name of the type; ``None`` when no name that should be its name exists.
    """
    names = [EXCEPTIONS[method]] if method in EXCEPTIONS else []
    names += [f"{ref.removesuffix('Params')}Response" for ref in refs_in(params)]
    names.append("".join(part[0].upper() + part[1:] for part in method.split("/")) + "Response")
    return next((name for name in names if name in exported), None)
