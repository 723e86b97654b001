"""The params of requests about the account and of what survived of the older protocol.

May import the field checks. The invariant is that of :mod:`codex_fakes.app_server.dialect.params`.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.app_server.dialect.fields import (
    NO_MEMBERS,
    Check,
    Struct,
    Tagged,
    Untagged,
    boolean,
    invalid,
    optional,
    path,
    sequence,
    string,
    unit,
)
from codex_fakes.app_server.dialect.messages import Refusal
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id

_TEXT: Final = optional(string)


def _thread_id(value: Any) -> None:
    string(value)
    try:
        parse_thread_id(value)
    except Refusal as refusal:
        raise invalid(refusal.message) from None


_LOGIN: Final = Tagged(
    "LoginAccountParams",
    {
        "apiKey": Struct("LoginAccountParams", {"apiKey": string}, NO_MEMBERS),
        "chatgpt": Struct("LoginAccountParams", NO_MEMBERS, NO_MEMBERS),
        "chatgptDeviceCode": Struct("LoginAccountParams", NO_MEMBERS, NO_MEMBERS),
        "chatgptAuthTokens": Struct(
            "LoginAccountParams",
            {"accessToken": string, "chatgptAccountId": string},
            {"chatgptPlanType": _TEXT},
        ),
        "amazonBedrock": Struct(
            "LoginAccountParams", {"apiKey": string, "region": string}, NO_MEMBERS
        ),
        "amazonBedrockAccessKeys": Struct(
            "LoginAccountParams",
            {"accessKeyId": string, "secretAccessKey": string, "region": string},
            {"sessionToken": _TEXT},
        ),
    },
)

ACCOUNT_SHAPES: Final[dict[str, Check]] = {
    "account/read": Struct("GetAccountParams", NO_MEMBERS, {"refreshToken": boolean}),
    "account/rateLimits/read": Struct(
        "GetAccountRateLimitsParams",
        NO_MEMBERS,
        {"excludeResetCreditDetails": boolean, "supportsLunaReserve": boolean},
    ),
    "account/usage/read": Struct("GetAccountTokenUsageParams", NO_MEMBERS, {"threadId": _TEXT}),
    "account/login/start": _LOGIN,
    "account/login/cancel": Struct("CancelLoginAccountParams", {"loginId": string}, NO_MEMBERS),
    "account/logout": unit,
    "getAuthStatus": Struct(
        "GetAuthStatusParams",
        NO_MEMBERS,
        {"includeToken": optional(boolean), "refreshToken": optional(boolean)},
    ),
    "gitDiffToRemote": Struct("GitDiffToRemoteParams", {"cwd": path}, NO_MEMBERS),
    "fuzzyFileSearch": Struct(
        "FuzzyFileSearchParams",
        {"query": string, "roots": sequence(string)},
        {"cancellationToken": _TEXT},
    ),
    "getConversationSummary": Untagged(
        "GetConversationSummaryParams",
        (
            Struct("GetConversationSummaryParams", {"rolloutPath": path}, NO_MEMBERS),
            Struct("GetConversationSummaryParams", {"conversationId": _thread_id}, NO_MEMBERS),
        ),
    ),
}
"""The shape of the params, by method."""
