"""Plays of logging in and out, without anybody who would know the account.

May import the stage and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.dialect import NO_MODEL, UNKNOWN_THREAD
from codex_conformance.targets.door import StageSettings

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage


@play("logged-in", NO_MODEL, settings=StageSettings(requires_openai_auth=True))
async def logged_in(stage: Stage) -> None:
    """The client asks who is logged in, logs in with a key, asks again, and logs out."""
    await stage.start()
    await stage.ask("nobody", "account/read", {})
    await stage.ask("limits of nobody", "account/rateLimits/read")
    with stage.section("login"):
        params = {"type": "apiKey", "apiKey": "sk-not-a-key"}
        sent = await stage.probe.send_request("account/login/start", params)
        await stage.probe.answer_to(sent)
        await stage.probe.until(
            "account/updated", lambda entry: entry.method == "account/updated", since=sent.index
        )
    await stage.ask("somebody", "account/read", {})
    await stage.ask("limits of a key", "account/rateLimits/read")
    await stage.ask("unknown login", "account/login/cancel", {"loginId": UNKNOWN_THREAD})
    await stage.ask("malformed login", "account/login/cancel", {"loginId": "no-uuid"})
    with stage.section("logout"):
        sent = await stage.probe.send_request("account/logout")
        await stage.probe.answer_to(sent)
        await stage.probe.until(
            "account/updated", lambda entry: entry.method == "account/updated", since=sent.index
        )
    await stage.ask("nobody again", "account/read", {})
