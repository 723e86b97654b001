"""The results of the requests that this project makes, typed.

May import the shared values. The invariant: what decodes here has everything the runtime relies on;
members that it does not need are ignored, so a server that says more is no error.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from codex_runtime.protocol.values import (
    ApprovalPolicy,
    ApprovalsReviewer,
    Item,
    SandboxPolicy,
    Thread,
    Turn,
    Wire,
)


class InitializeResult(Wire, frozen=True, kw_only=True):
    """The result of ``initialize``.

    Attributes:
        user_agent: ``<client>/<server version> (<system>) …``: the only place of the version.
        codex_home: The folder the server keeps its state in.
        platform_family: ``unix`` or ``windows``.
        platform_os: ``linux``, ``macos``, ….
    """

    user_agent: str
    codex_home: str
    platform_family: str
    platform_os: str


class ThreadOpened(Wire, frozen=True, kw_only=True):
    """The result of ``thread/start``, ``thread/resume`` and ``thread/fork``.

    Attributes:
        thread: The thread.
        model: The model its next turn uses.
        model_provider: The provider of that model.
        cwd: Its working folder.
        approval_policy: When it asks.
        approvals_reviewer: Whom it asks.
        sandbox: What its commands may do.
        reasoning_effort: How much the model thinks.
        turns_backwards_cursor: Where older turns are to be read from (resume only).
    """

    thread: Thread
    model: str
    model_provider: str
    cwd: str
    approval_policy: ApprovalPolicy
    approvals_reviewer: ApprovalsReviewer
    sandbox: SandboxPolicy
    reasoning_effort: str | None = None
    turns_backwards_cursor: str | None = None


class UnreadPosition(Wire, frozen=True, kw_only=True):
    """Where the first unread thing is."""

    type: str
    turn_id: str | None = None


class ReadState(Wire, frozen=True, kw_only=True):
    """What of a thread has been read."""

    revision: str
    first_unread: UnreadPosition | None = None


class ThreadReadResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/read``."""

    thread: Thread
    read_state: ReadState | None = None


class ThreadResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/unarchive`` and ``thread/revert``."""

    thread: Thread


class ThreadListResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/list``."""

    data: tuple[Thread, ...]
    next_cursor: str | None = None
    backwards_cursor: str | None = None


class LoadedListResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/loaded/list``: thread ids, oldest first."""

    data: tuple[str, ...]
    next_cursor: str | None = None


class TurnsListResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/turns/list``."""

    data: tuple[Turn, ...]
    next_cursor: str | None = None
    backwards_cursor: str | None = None


class ItemEntry(Wire, frozen=True, kw_only=True):
    """One row of ``thread/items/list``; times in milliseconds since the epoch."""

    turn_id: str
    item: Item
    started_at_ms: int | None = None
    completed_at_ms: int | None = None


class ItemsListResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/items/list``."""

    data: tuple[ItemEntry, ...]
    next_cursor: str | None = None
    backwards_cursor: str | None = None


class UnsubscribeResult(Wire, frozen=True, kw_only=True):
    """The result of ``thread/unsubscribe``."""

    status: Literal["unsubscribed", "notSubscribed", "notLoaded"]


class TurnStarted(Wire, frozen=True, kw_only=True):
    """The result of ``turn/start``: the new turn, or the running one that was steered."""

    turn: Turn


class TurnSteered(Wire, frozen=True, kw_only=True):
    """The result of ``turn/steer``."""

    turn_id: str


class Nothing(Wire, frozen=True, kw_only=True):
    """The result of the methods that return an empty object."""


class ConversationSummary(Wire, frozen=True, kw_only=True):
    """The result's only member of ``getConversationSummary``."""

    conversation_id: str
    path: str
    preview: str
    model_provider: str
    cwd: str
    cli_version: str
    timestamp: str | None = None
    updated_at: str | None = None


class ConversationSummaryResult(Wire, frozen=True, kw_only=True):
    """The result of ``getConversationSummary``."""

    summary: ConversationSummary


class AccountReadResult(Wire, frozen=True, kw_only=True):
    """The result of ``account/read``.

    Attributes:
        account: Who is logged in, as the server says it; ``None`` when nobody is, and always when
            the active provider needs no login (FACTS §14).
        requires_openai_auth: Whether the active provider needs a login.
    """

    account: dict[str, Any] | None
    requires_openai_auth: bool


class ApiKeyLoggedIn(Wire, frozen=True, kw_only=True, tag_field="type", tag="apiKey"):
    """The key was taken."""


class ChatgptLoginStarted(Wire, frozen=True, kw_only=True, tag_field="type", tag="chatgpt"):
    """A person has to open the URL."""

    login_id: str
    auth_url: str


class DeviceLoginStarted(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="chatgptDeviceCode"
):
    """A person has to enter the code at the URL."""

    login_id: str
    verification_url: str
    user_code: str


class TokensLoggedIn(Wire, frozen=True, kw_only=True, tag_field="type", tag="chatgptAuthTokens"):
    """The tokens were taken."""


LoginResult: TypeAlias = ApiKeyLoggedIn | ChatgptLoginStarted | DeviceLoginStarted | TokensLoggedIn


class LoginCancelResult(Wire, frozen=True, kw_only=True):
    """The result of ``account/login/cancel``."""

    status: Literal["canceled", "notFound"]


class RateLimitsResult(Wire, frozen=True, kw_only=True):
    """The result of ``account/rateLimits/read``, as the server says it."""

    rate_limits: dict[str, Any] | None = None


class ModelListResult(Wire, frozen=True, kw_only=True):
    """The result of ``model/list``; models as the server says them."""

    data: tuple[dict[str, Any], ...]
    next_cursor: str | None = None
