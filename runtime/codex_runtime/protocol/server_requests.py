"""What the server asks of us, typed.

May import the messages, the shared values and the error catalogue. The invariant: a request of a
method listed in :data:`SERVER_REQUESTS` reads as its struct or is an error; a request of any other
method is never guessed at. What may be answered stands in :mod:`codex_runtime.protocol.answers`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from codex_runtime.protocol.messages import Request, decode_params
from codex_runtime.protocol.values import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping


class OfTurn(Wire, frozen=True, kw_only=True):
    """What every request has that belongs to a turn."""

    thread_id: str
    turn_id: str


class CommandApprovalRequest(OfTurn, frozen=True, kw_only=True):
    """May this command be run?

    Attributes:
        item_id: The command's item; the model's call id.
        started_at_ms: When the question was put, in milliseconds since the epoch. A replayed
            request carries the old time.
        command: The command line.
        cwd: The folder it would run in.
        reason: The model's justification, when it gave one.
        proposed_execpolicy_amendment: The command prefix that could be accepted for good.
        available_decisions: What the server offers; ``decline`` and ``acceptForSession`` are
            accepted although they are not listed (FACTS §9).
    """

    item_id: str
    started_at_ms: int | None = None
    command: str | None = None
    cwd: str | None = None
    reason: str | None = None
    proposed_execpolicy_amendment: tuple[str, ...] | None = None
    available_decisions: tuple[Any, ...] | None = None


class FileChangeApprovalRequest(OfTurn, frozen=True, kw_only=True):
    """May these files be changed? The changes stand in the item, which came before."""

    item_id: str
    started_at_ms: int | None = None
    reason: str | None = None
    grant_root: str | None = None


class QuestionOption(Wire, frozen=True, kw_only=True):
    """One answer that a question offers."""

    label: str
    description: str


class Question(Wire, frozen=True, kw_only=True):
    """One question to the user."""

    id: str
    header: str
    question: str
    is_other: bool
    is_secret: bool
    options: tuple[QuestionOption, ...] | None = None


class UserInputRequest(OfTurn, frozen=True, kw_only=True):
    """What does the user say?"""

    item_id: str
    questions: tuple[Question, ...]
    is_blocking: bool = True
    auto_resolution_ms: int | None = None


class ToolCallRequest(OfTurn, frozen=True, kw_only=True):
    """What does this tool of the client return?

    Attributes:
        call_id: The call's id, which is its item's id.
        tool: The tool's name.
        arguments: Its arguments, any JSON.
        namespace: The namespace the tool is in.
    """

    call_id: str
    tool: str
    arguments: Any = None
    namespace: str | None = None


class TokenRefreshRequest(Wire, frozen=True, kw_only=True):
    """What are the fresh tokens?"""

    reason: Literal["unauthorized"]
    previous_account_id: str | None = None


class PermissionsRequest(OfTurn, frozen=True, kw_only=True):
    """May the turn have these permissions?"""

    item_id: str
    permissions: dict[str, Any]
    cwd: str | None = None
    reason: str | None = None


class ElicitationRequest(Wire, frozen=True, kw_only=True):
    """What does the user say to an MCP server? A form, or a URL to open."""

    thread_id: str
    server_name: str
    turn_id: str | None = None
    mode: str = "form"
    message: str = ""


ServerRequest: TypeAlias = (
    CommandApprovalRequest
    | FileChangeApprovalRequest
    | UserInputRequest
    | ToolCallRequest
    | TokenRefreshRequest
    | PermissionsRequest
    | ElicitationRequest
)

SERVER_REQUESTS: Final[Mapping[str, type[ServerRequest]]] = MappingProxyType(
    {
        "item/commandExecution/requestApproval": CommandApprovalRequest,
        "item/fileChange/requestApproval": FileChangeApprovalRequest,
        "item/tool/requestUserInput": UserInputRequest,
        "item/tool/call": ToolCallRequest,
        "account/chatgptAuthTokens/refresh": TokenRefreshRequest,
        "item/permissions/requestApproval": PermissionsRequest,
        "mcpServer/elicitation/request": ElicitationRequest,
    }
)
"""The methods whose requests are typed, with their types."""


def read_server_request(request: Request) -> ServerRequest | None:
    """Read a request of the server.

    Args:
        request: The request.

    Returns:
        What it asks; ``None`` for a method that is not typed here, which should be refused.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``.
    """
    kind = SERVER_REQUESTS.get(request.method)
    return None if kind is None else decode_params(request, kind)
