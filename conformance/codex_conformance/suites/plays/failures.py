"""Plays in which the model API fails.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.playing import play
from codex_conformance.targets.door import StageSettings
from codex_fakes.script.steps import Drop, FailHttp, Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage


@play("failed-turn", script(FailHttp(status=500), Say(text="recovered")))
async def failed_turn(stage: Stage) -> None:
    """The model API answers with an error and there are no retries; the next turn goes well."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "go")
    await stage.whole_turn(thread, "again")


@play(
    "retried-stream",
    script((Say(text="lost ", left_open=True), Drop()), Say(text="second try")),
    settings=StageSettings(stream_max_retries=2),
)
async def retried_stream(stage: Stage) -> None:
    """The model's stream breaks off and is opened again."""
    await stage.start()
    await stage.whole_turn(await stage.thread(), "go")


@play(
    "retried-request",
    script(FailHttp(status=500), Say(text="second try")),
    settings=StageSettings(request_max_retries=1),
)
async def retried_request(stage: Stage) -> None:
    """The model API refuses a request once; it is repeated."""
    await stage.start()
    await stage.whole_turn(await stage.thread(), "go")
