"""Checks of logging in and out.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.account import logged_in
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import one_told_in, result_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import require_equal, require_order
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene


@check("protocol.account.read", on=(logged_in,))
async def the_account_is_read(scene: Scene) -> None:
    """Reads the account before the login, after it, and after the logout."""
    for section, account in (
        ("nobody", None),
        ("somebody", {"type": "apiKey"}),
        ("nobody again", None),
    ):
        answer, result = result_in(scene, section, "account/read")
        expected = {"account": account, "requiresOpenaiAuth": True, "workspaceRouting": None}
        require_equal(result, expected, f"the result ({section})", answer)


@check("protocol.account.login", on=(logged_in,))
async def logins_happen_in_order(scene: Scene) -> None:
    """Reads the answer and both notifications, and compares their places."""
    answer, result = result_in(scene, "login", "account/login/start")
    require_equal(result, {"type": "apiKey"}, "the result", answer)
    completed = one_told_in(scene, "login", "account/login/completed")
    require_equal(at(completed.message, "params", "success"), True, "success", completed)
    updated = one_told_in(scene, "login", "account/updated")
    mode = at(updated.message, "params", "authMode")
    require_equal(mode, "apikey", "the mode", updated)
    require_order("protocol.account.login", answer, completed, updated)


@check("protocol.account.logout", on=(logged_in,))
async def logouts_happen_in_order(scene: Scene) -> None:
    """Reads the answer and the notification, and compares their places."""
    answer, result = result_in(scene, "logout", "account/logout")
    require_equal(result, {}, "the result", answer)
    updated = one_told_in(scene, "logout", "account/updated")
    found = at(updated.message, "params")
    require_equal(found, {"authMode": None, "planType": None}, "the account", updated)
    require_order("protocol.account.logout", answer, updated)


@check("protocol.account.limits-refused", on=(logged_in,))
async def rate_limits_need_a_login(scene: Scene) -> None:
    """Reads the answers to nobody and to somebody with a key."""
    text = "authentication required to read rate limits"
    judge_refusal(scene, "limits of nobody", f"codex account {text}")
    judge_refusal(scene, "limits of a key", f"chatgpt {text}")


@check("protocol.account.cancel", on=(logged_in,))
async def unknown_logins_are_not_found(scene: Scene) -> None:
    """Reads the answers to cancelling an unknown login and one that is none."""
    answer, result = result_in(scene, "unknown login", "account/login/cancel")
    require_equal(result, {"status": "notFound"}, "the result", answer)
    judge_refusal(scene, "malformed login", "invalid login id: ")
