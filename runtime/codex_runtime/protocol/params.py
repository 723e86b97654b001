"""The params of the requests that this project makes, typed.

May import the shared values. The invariant: a struct here encodes to params that the server
accepts; what is left out is absent on the wire, not null. :data:`PARAMS` is the list of the methods
that have a struct here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from codex_runtime.protocol.values import (
    ApprovalPolicy,
    ApprovalsReviewer,
    DynamicTool,
    DynamicToolNamespace,
    HistoryMode,
    ItemsView,
    ReasoningSummaryMode,
    SandboxMode,
    SandboxPolicy,
    SortDirection,
    UserInput,
    Wire,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OptionalStr: TypeAlias = str | UnsetType | None
OptionalBool: TypeAlias = bool | UnsetType
OptionalInt: TypeAlias = int | UnsetType | None


class ClientInfo(Wire, frozen=True, kw_only=True):
    """Who the client is.

    Attributes:
        name: Its name; it must be usable as the value of an HTTP header.
        version: Its version.
        title: Its name for people.
    """

    name: str
    version: str
    title: OptionalStr = UNSET


class Capabilities(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """What the client can do.

    Attributes:
        experimental_api: Whether it uses experimental methods and fields.
        opt_out_notification_methods: Notifications it does not want, by exact method.
    """

    experimental_api: bool = False
    opt_out_notification_methods: tuple[str, ...] | UnsetType = UNSET


class InitializeParams(Wire, frozen=True, kw_only=True):
    """The params of ``initialize``."""

    client_info: ClientInfo
    capabilities: Capabilities | UnsetType | None = UNSET


class ThreadSettings(Wire, frozen=True, kw_only=True):
    """What a thread is started, resumed or forked with; see ``FACTS §7`` for the defaults."""

    cwd: OptionalStr = UNSET
    model: OptionalStr = UNSET
    model_provider: OptionalStr = UNSET
    approval_policy: ApprovalPolicy | UnsetType | None = UNSET
    approvals_reviewer: ApprovalsReviewer | UnsetType | None = UNSET
    sandbox: SandboxMode | UnsetType | None = UNSET
    config: dict[str, Any] | UnsetType | None = UNSET
    base_instructions: OptionalStr = UNSET
    developer_instructions: OptionalStr = UNSET


class ThreadStartParams(ThreadSettings, frozen=True, kw_only=True):
    """The params of ``thread/start``; tools need the experimental capability."""

    ephemeral: bool | UnsetType | None = UNSET
    history_mode: HistoryMode | UnsetType | None = UNSET
    dynamic_tools: tuple[DynamicTool | DynamicToolNamespace, ...] | UnsetType | None = UNSET
    experimental_raw_events: OptionalBool = UNSET


class TurnsPage(Wire, frozen=True, kw_only=True):
    """Which page of turns a resume returns."""

    limit: OptionalInt = UNSET
    sort_direction: SortDirection | UnsetType | None = UNSET
    items_view: ItemsView | UnsetType | None = UNSET


class ThreadResumeParams(ThreadSettings, frozen=True, kw_only=True):
    """The params of ``thread/resume``."""

    thread_id: str
    exclude_turns: OptionalBool = UNSET
    initial_turns_page: TurnsPage | UnsetType | None = UNSET


class ThreadForkParams(ThreadSettings, frozen=True, kw_only=True):
    """The params of ``thread/fork``; at most one of the two turn ids."""

    thread_id: str
    last_turn_id: OptionalStr = UNSET
    before_turn_id: OptionalStr = UNSET
    ephemeral: OptionalBool = UNSET
    exclude_turns: OptionalBool = UNSET


class ThreadIdParams(Wire, frozen=True, kw_only=True):
    """The params of the methods that need to know the thread and nothing else."""

    thread_id: str


class ThreadReadParams(ThreadIdParams, frozen=True, kw_only=True, omit_defaults=False):
    """The params of ``thread/read``."""

    include_turns: bool = False


class ThreadNameParams(ThreadIdParams, frozen=True, kw_only=True):
    """The params of ``thread/name/set``."""

    name: str


class ThreadRevertParams(ThreadIdParams, frozen=True, kw_only=True):
    """The params of ``thread/revert``; the turn named here and all later ones go."""

    before_turn_id: str


ThreadSourceKind: TypeAlias = Literal[
    "cli",
    "vscode",
    "exec",
    "appServer",
    "subAgent",
    "subAgentReview",
    "subAgentCompact",
    "subAgentThreadSpawn",
    "subAgentOther",
    "unknown",
]
"""What a thread was started by."""


class ThreadListParams(Wire, frozen=True, kw_only=True):
    """The params of ``thread/list``."""

    cursor: OptionalStr = UNSET
    limit: OptionalInt = UNSET
    sort_key: Literal["created_at", "updated_at", "recency_at"] | UnsetType | None = UNSET
    sort_direction: SortDirection | UnsetType | None = UNSET
    model_providers: tuple[str, ...] | UnsetType | None = UNSET
    source_kinds: tuple[ThreadSourceKind, ...] | UnsetType | None = UNSET
    archived: bool | UnsetType | None = UNSET
    cwd: str | tuple[str, ...] | UnsetType | None = UNSET
    search_term: OptionalStr = UNSET


class PageParams(Wire, frozen=True, kw_only=True):
    """The params of the lists that are paged and nothing else."""

    cursor: OptionalStr = UNSET
    limit: OptionalInt = UNSET


class ThreadTurnsListParams(PageParams, frozen=True, kw_only=True):
    """The params of ``thread/turns/list``."""

    thread_id: str
    sort_direction: SortDirection | UnsetType | None = UNSET
    items_view: ItemsView | UnsetType | None = UNSET


class ThreadItemsListParams(PageParams, frozen=True, kw_only=True):
    """The params of ``thread/items/list``."""

    thread_id: str
    turn_id: OptionalStr = UNSET
    sort_direction: SortDirection | UnsetType | None = UNSET


class CollaborationSettings(Wire, frozen=True, kw_only=True):
    """What a collaboration mode runs on; snake case on the wire.

    Attributes:
        model: The model.
        reasoning_effort: How much it thinks.
        developer_instructions: Instructions in place of the mode's own.
    """

    model: str
    reasoning_effort: OptionalStr = msgspec.field(default=UNSET, name="reasoning_effort")
    developer_instructions: OptionalStr = msgspec.field(
        default=UNSET, name="developer_instructions"
    )


class CollaborationMode(Wire, frozen=True, kw_only=True):
    """How the model works with the user."""

    mode: Literal["default", "plan"]
    settings: CollaborationSettings


class TurnStartParams(Wire, frozen=True, kw_only=True):
    """The params of ``turn/start``.

    The overrides (from ``cwd`` on) hold for later turns, too. While a turn is running this does
    not start one: it steers, and the overrides are ignored (FACTS §11).
    """

    thread_id: str
    input: tuple[UserInput, ...]
    client_user_message_id: OptionalStr = UNSET
    output_schema: Any | UnsetType = UNSET
    cwd: OptionalStr = UNSET
    model: OptionalStr = UNSET
    effort: OptionalStr = UNSET
    summary: ReasoningSummaryMode | UnsetType | None = UNSET
    approval_policy: ApprovalPolicy | UnsetType | None = UNSET
    approvals_reviewer: ApprovalsReviewer | UnsetType | None = UNSET
    sandbox_policy: SandboxPolicy | UnsetType | None = UNSET
    collaboration_mode: CollaborationMode | UnsetType | None = UNSET


class TurnSteerParams(Wire, frozen=True, kw_only=True):
    """The params of ``turn/steer``."""

    thread_id: str
    expected_turn_id: str
    input: tuple[UserInput, ...]
    client_user_message_id: OptionalStr = UNSET


class TurnInterruptParams(Wire, frozen=True, kw_only=True):
    """The params of ``turn/interrupt``; an empty turn id interrupts whatever is running."""

    thread_id: str
    turn_id: str


class ConversationSummaryParams(Wire, frozen=True, kw_only=True):
    """The params of ``getConversationSummary``."""

    conversation_id: str


class AccountReadParams(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """The params of ``account/read``."""

    refresh_token: bool = False


class ApiKeyLogin(Wire, frozen=True, kw_only=True, tag_field="type", tag="apiKey"):
    """Log in with an API key."""

    api_key: str


class ChatgptLogin(Wire, frozen=True, kw_only=True, tag_field="type", tag="chatgpt"):
    """Log in with ChatGPT in a browser."""


class ChatgptDeviceLogin(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="chatgptDeviceCode"
):
    """Log in with ChatGPT on another device."""


class TokensLogin(Wire, frozen=True, kw_only=True, tag_field="type", tag="chatgptAuthTokens"):
    """Log in with tokens that the client keeps fresh."""

    access_token: str
    chatgpt_account_id: str
    chatgpt_plan_type: OptionalStr = UNSET


LoginParams: TypeAlias = ApiKeyLogin | ChatgptLogin | ChatgptDeviceLogin | TokensLogin


class LoginCancelParams(Wire, frozen=True, kw_only=True):
    """The params of ``account/login/cancel``."""

    login_id: str


class ModelListParams(PageParams, frozen=True, kw_only=True):
    """The params of ``model/list``."""

    include_hidden: bool | UnsetType | None = UNSET


PARAMS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "initialize": InitializeParams,
        "thread/start": ThreadStartParams,
        "thread/resume": ThreadResumeParams,
        "thread/fork": ThreadForkParams,
        "thread/read": ThreadReadParams,
        "thread/list": ThreadListParams,
        "thread/loaded/list": PageParams,
        "thread/turns/list": ThreadTurnsListParams,
        "thread/items/list": ThreadItemsListParams,
        "thread/archive": ThreadIdParams,
        "thread/unarchive": ThreadIdParams,
        "thread/delete": ThreadIdParams,
        "thread/unsubscribe": ThreadIdParams,
        "thread/compact/start": ThreadIdParams,
        "thread/name/set": ThreadNameParams,
        "thread/revert": ThreadRevertParams,
        "turn/start": TurnStartParams,
        "turn/steer": TurnSteerParams,
        "turn/interrupt": TurnInterruptParams,
        "getConversationSummary": ConversationSummaryParams,
        "account/read": AccountReadParams,
        "account/login/start": LoginParams,
        "account/login/cancel": LoginCancelParams,
        "model/list": ModelListParams,
    }
)
"""The methods whose params are typed, with their types."""
