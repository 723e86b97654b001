"""The functions of messages, reasoning, approvals, server requests, token usage and audits.

May import the shapes of functions and tables. The invariant: what a page costs depends on the page
alone (spec 01 §5.4-5.8, 13 §1).
"""

from __future__ import annotations

from typing import Any, Final, Literal

from codex_runtime.contract.functions.function import ActorArgs, mutation, query
from codex_runtime.contract.functions.pages import PageEnd, PaginationOpts
from codex_runtime.contract.functions.threads import ThreadArgs
from codex_runtime.contract.functions.turns import TurnArgs
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.conversations import (
    MessageRole,
    MessageStatus,
    ReasoningChannel,
    SegmentType,
)
from codex_runtime.contract.tables.requests import ServerRequestMethod, ServerRequestStatus


class PageArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of lists of a thread."""

    pagination_opts: PaginationOpts


class Message(Record, frozen=True, kw_only=True):
    """A message as a reader sees it."""

    message_id: str
    turn_id: str
    role: MessageRole
    status: MessageStatus
    text: str
    source_item_type: str
    order_in_turn: int
    payload_json: str
    error: str | UnsetType = UNSET
    created_at: float
    updated_at: float
    completed_at: float | UnsetType = UNSET


class MessagePage(PageEnd, frozen=True, kw_only=True):
    """A page of messages, newest first."""

    page: list[Message]


class ReasoningPageArgs(PageArgs, frozen=True, kw_only=True):
    """Arguments of ``reasoning.listByThread``."""

    include_raw: bool | UnsetType = UNSET


class ReasoningSegment(Record, frozen=True, kw_only=True):
    """A piece of reasoning as a reader sees it."""

    segment_id: str
    event_id: str
    turn_id: str
    item_id: str
    channel: ReasoningChannel
    segment_type: SegmentType
    text: str
    summary_index: int | UnsetType = UNSET
    content_index: int | UnsetType = UNSET
    cursor_start: float
    cursor_end: float
    created_at: float


class ReasoningPage(PageEnd, frozen=True, kw_only=True):
    """A page of reasoning, newest first."""

    page: list[ReasoningSegment]


class ListApprovalsArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``approvals.listPending``; of all threads when none is named."""

    thread_id: str | UnsetType = UNSET
    pagination_opts: PaginationOpts


class PendingApproval(Record, frozen=True, kw_only=True):
    """An approval that waits."""

    thread_id: str
    turn_id: str
    item_id: str
    kind: str
    reason: str | UnsetType = UNSET
    created_at: float


class ApprovalPage(PageEnd, frozen=True, kw_only=True):
    """A page of approvals, newest first."""

    page: list[PendingApproval]


class RespondApprovalArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``approvals.respond``."""

    item_id: str
    decision: Literal["accepted", "declined"]


class UpsertRequestArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``serverRequests.upsertPending``.

    Attributes:
        questions_json: A JSON array of questions; refused when it is none.
    """

    request_id: str | float
    item_id: str
    method: ServerRequestMethod
    payload_json: str
    reason: str | UnsetType = UNSET
    questions_json: str | UnsetType = UNSET
    requested_at: float


class ResolveRequestArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``serverRequests.resolve``."""

    request_id: str | float
    status: Literal["answered", "expired"]
    resolved_at: float
    response_json: str | UnsetType = UNSET


class ListRequestsArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``serverRequests.listPending``; of all threads when none is named."""

    thread_id: str | UnsetType = UNSET
    limit: float | UnsetType = UNSET


class Question(Record, frozen=True, kw_only=True):
    """A question for the user."""

    id: str
    header: str
    question: str
    is_other: bool
    is_secret: bool
    options: list[Any] | None


class PendingRequest(Record, frozen=True, kw_only=True):
    """A server request as a reader sees it.

    Attributes:
        questions: Absent when the row has none that can be read.
    """

    request_id: str | float
    method: ServerRequestMethod
    thread_id: str
    turn_id: str
    item_id: str
    payload_json: str
    status: ServerRequestStatus
    reason: str | UnsetType = UNSET
    questions: list[Question] | UnsetType = UNSET
    created_at: float
    updated_at: float
    resolved_at: float | UnsetType = UNSET
    response_json: str | UnsetType = UNSET


class UpsertUsageArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``tokenUsage.upsert``."""

    total_tokens: float
    input_tokens: float
    cached_input_tokens: float
    output_tokens: float
    reasoning_output_tokens: float
    last_total_tokens: float
    last_input_tokens: float
    last_cached_input_tokens: float
    last_output_tokens: float
    last_reasoning_output_tokens: float
    model_context_window: float | UnsetType = UNSET


class Tokens(Record, frozen=True, kw_only=True):
    """Counts of tokens."""

    total_tokens: float
    input_tokens: float
    cached_input_tokens: float
    output_tokens: float
    reasoning_output_tokens: float


class TurnUsage(Record, frozen=True, kw_only=True):
    """What a turn has used."""

    turn_id: str
    total: Tokens
    last: Tokens
    model_context_window: float | UnsetType = UNSET
    updated_at: float


class AuditRowsArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``audit.countRows``."""

    thread_id: str | UnsetType = UNSET


class CountedTable(Record, frozen=True, kw_only=True):
    """The rows of an actor in one table.

    Attributes:
        at_least: Whether there are more than were counted.
    """

    table_name: str
    rows: int
    at_least: bool


class CountedRows(Record, frozen=True, kw_only=True):
    """The rows of an actor, table by table."""

    user_scope: str
    tables: list[CountedTable]
    orphans: list[str]
    """Rows whose parent is gone, as ``table:field:id``; at most 25 are named."""


_PAGED: Final = ("E_KEYSET_CURSOR_INVALID", "E_PAGE_SIZE_INVALID")

READING_FUNCTIONS: Final = (
    query(
        "messages.listByThread",
        PageArgs,
        MessagePage,
        "Messages of a thread, newest first; an empty page when there is no such thread.",
        *_PAGED,
    ),
    query(
        "messages.getByTurn",
        TurnArgs,
        list[Message],
        "Messages of a turn, in order.",
        "E_TURN_NOT_FOUND",
    ),
    query(
        "reasoning.listByThread",
        ReasoningPageArgs,
        ReasoningPage,
        "Reasoning of a thread, newest first.",
        "E_THREAD_NOT_FOUND",
        *_PAGED,
    ),
    query(
        "approvals.listPending",
        ListApprovalsArgs,
        ApprovalPage,
        "Approvals that wait, newest first.",
        "E_THREAD_NOT_FOUND",
        *_PAGED,
    ),
    mutation(
        "approvals.respond",
        RespondApprovalArgs,
        None,
        "Decide an approval; the same decision again changes nothing.",
        "E_THREAD_NOT_FOUND",
        "E_APPROVAL_NOT_FOUND",
        "E_APPROVAL_DECIDED",
    ),
    mutation(
        "serverRequests.upsertPending",
        UpsertRequestArgs,
        None,
        "Write down a request of the app-server that waits for an answer.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
        "E_TURN_NOT_FOUND",
        "E_SERVER_REQUEST_QUESTIONS_JSON_INVALID",
    ),
    mutation(
        "serverRequests.resolve",
        ResolveRequestArgs,
        None,
        "Write down that a request was answered, or will never be.",
        "E_THREAD_NOT_FOUND",
        "E_SERVER_REQUEST_NOT_FOUND",
        "E_SERVER_REQUEST_SETTLED",
    ),
    query(
        "serverRequests.listPending",
        ListRequestsArgs,
        list[PendingRequest],
        "Requests that wait for an answer, the latest changed first.",
    ),
    mutation(
        "tokenUsage.upsert",
        UpsertUsageArgs,
        None,
        "Write down what a turn has used; nothing happens when there is no such turn.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    query(
        "tokenUsage.listByThread",
        ThreadArgs,
        list[TurnUsage],
        "What the turns of a thread have used, the latest changed last.",
        "E_THREAD_NOT_FOUND",
    ),
    query(
        "audit.countRows",
        AuditRowsArgs,
        CountedRows,
        "Count the rows of an actor, or of one thread, in every table; and name the orphans.",
    ),
)
