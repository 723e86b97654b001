"""The tables of what was asked and used: approvals, server requests, token usage.

May import the shapes and the other tables. The invariant: the id of a server request is kept with
its type, so that ``1`` and ``"1"`` are two requests (spec 01 §3.12-3.14).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from codex_runtime.contract.shapes import UNSET, UnsetType
from codex_runtime.contract.tables.conversations import LongFields, ThreadRef, TurnRef
from codex_runtime.contract.tables.table import Row, Table, scoped

ApprovalStatus: TypeAlias = Literal["pending", "accepted", "declined"]
ServerRequestStatus: TypeAlias = Literal["pending", "answered", "expired"]
ServerRequestMethod: TypeAlias = Literal[
    "item/commandExecution/requestApproval",
    "item/fileChange/requestApproval",
    "item/tool/requestUserInput",
    "item/tool/call",
]


class ApprovalRow(Row, frozen=True, kw_only=True):
    """Something of a turn that needed somebody's consent.

    Attributes:
        kind: ``commandExecution`` or ``fileChange``.
        decided_by: The user, or ``runtime`` when it was seen to be decided.
    """

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    item_id: str
    kind: str
    status: ApprovalStatus
    reason: str | UnsetType = UNSET
    decided_by: str | UnsetType = UNSET
    decided_at: float | UnsetType = UNSET
    created_at: float


class ServerRequestRow(Row, frozen=True, kw_only=True):
    """A request of the app-server that waits, or waited, for an answer."""

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    item_id: str
    method: ServerRequestMethod
    request_id_type: Literal["string", "number"]
    request_id_text: str
    payload_json: str
    status: ServerRequestStatus
    reason: str | UnsetType = UNSET
    questions_json: str | UnsetType = UNSET
    response_json: str | UnsetType = UNSET
    long_fields: LongFields = UNSET
    created_at: float
    updated_at: float
    resolved_at: float | UnsetType = UNSET


class TokenUsageRow(Row, frozen=True, kw_only=True):
    """What a turn has used."""

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    total_tokens: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_output_tokens: int
    last_total_tokens: int
    last_input_tokens: int
    last_cached_input_tokens: int
    last_output_tokens: int
    last_reasoning_output_tokens: int
    model_context_window: int | UnsetType = UNSET
    created_at: float
    updated_at: float


REQUEST_TABLES: Final = (
    Table(
        "codex_approvals",
        ApprovalRow,
        (
            scoped("what is pending in a thread", "threadId", "status"),
            scoped("pages of all", "userId", "status", "createdAt", "threadId", "itemId", "turnId"),
            scoped(
                "pages of a thread", "userId", "threadId", "status", "createdAt", "itemId", "turnId"
            ),
            scoped("one approval", "threadId", "turnId", "itemId"),
            scoped("deletion of a turn", "turnRef", "itemId"),
            scoped("deletion of a thread", "threadRef", "itemId"),
        ),
        "What needed consent, and who gave it.",
    ),
    Table(
        "codex_server_requests",
        ServerRequestRow,
        (
            scoped("one request", "threadId", "requestIdType", "requestIdText"),
            scoped("deletion of a turn", "turnRef", "requestIdType", "requestIdText"),
            scoped("the newest of all", "userId", "status", "updatedAt"),
            scoped("the newest of a thread", "userId", "threadId", "status", "updatedAt"),
            scoped("deletion of a thread", "threadRef"),
        ),
        "Requests of the app-server.",
    ),
    Table(
        "codex_token_usage",
        TokenUsageRow,
        (
            scoped("one turn", "threadId", "turnId"),
            scoped("a thread in order", "threadId", "updatedAt"),
            scoped("deletion of a turn", "turnRef", "updatedAt"),
            scoped("deletion of a thread", "threadRef"),
        ),
        "What turns have used.",
    ),
)
