"""A login that the client has made: its tokens, as far as the server reads them.

May import the dialect and the standard library. The invariant: a token that is taken over has the
form of a JSON web token; whether it is genuine is for others to say.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from codex_fakes.app_server.dialect import messages as dialect

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Answer

REFRESH: Final = "account/chatgptAuthTokens/refresh"
"""What the client is asked for when the model provider does not take its token any more."""

_CLAIMS: Final = "https://api.openai.com/auth"


class ExternalLogin(NamedTuple):
    """A login of the client's.

    Attributes:
        token: The access token.
        account: The account it is for.
        plan: The account's plan.
    """

    token: str
    account: str
    plan: str | None


class _Refreshed(msgspec.Struct, rename="camel"):
    access_token: str
    chatgpt_account_id: str
    chatgpt_plan_type: str | None = None


def read_login(token: str, account: str, plan: str | None) -> ExternalLogin | None:
    """Read a login.

    Args:
        token: The access token.
        account: The account that the client says it is for.
        plan: The plan that the client says the account has; else the token says it.

    Returns:
        The login; ``None`` when the token is no JSON web token.
    """
    claims = _claims(token)
    if claims is None:
        return None
    about = claims.get(_CLAIMS)
    known = about.get("chatgpt_plan_type") if isinstance(about, dict) else None
    return ExternalLogin(token, account, plan or known)


def _claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        body = dialect.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return body if isinstance(body, dict) else None


def refreshed_login(login: ExternalLogin, answer: Answer) -> ExternalLogin | str:
    """Read what the client answers when it is asked for a new token.

    Args:
        login: The login so far.
        answer: The answer.

    Returns:
        The new login; or why there is none, in the words of the real server.
    """
    if answer.failed:
        return f"auth refresh request failed: code={answer.code}"
    try:
        given = msgspec.convert(answer.result, _Refreshed)
    except msgspec.ValidationError:
        return "invalid auth refresh response"
    found = read_login(given.access_token, given.chatgpt_account_id, given.chatgpt_plan_type)
    if found is None:
        return "auth refresh returned invalid credentials"
    if found.account != login.account:
        return "Fatal error: application network policy is unavailable"
    return found
