"""Checks of imports: a thread that Codex knows alone, brought into a conversation.

May import the trials and the expected tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.runtime_states import EXPECTED_PROGRESS
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require_equal
from codex_conformance.targets.door import Capability
from codex_fakes.script.steps import Response, Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

OLD: Final = script(
    Response((Say("Hello"),), when="one"),
    Response((Say("again"),), when="two"),
    Response((Wait("g"), Say("live")), when="three"),
)
"""What is said before the import, twice, and after it; a new app-server begins no script anew."""

WORDS: Final = (("user", "one"), ("assistant", "Hello"), ("user", "two"), ("assistant", "again"))
"""What is imported."""


async def stored(trial: Trial) -> str:
    """Play two turns that nobody keeps but Codex; give the thread."""
    thread = await trial.opened(durable=False)
    await trial.play_turn("one")
    await trial.play_turn("two")
    await trial.stop()
    return thread


async def brought(trial: Trial, thread: str, **how: Any) -> Any:
    """Import a thread into the trial's conversation, unless told otherwise."""
    how.setdefault("conversation_id", trial.conversation)
    trial.guest.conversations.append(how["conversation_id"] or thread)
    return await trial.granted(
        trial.runtime.import_local_thread_to_persistence(thread, **how), "importing"
    )


async def _imported(trial: Trial, **how: Any) -> tuple[str, Any]:
    """Import a thread that was never streamed; give it, and what became of the import."""
    thread = await stored(trial)
    await trial.connected()
    return thread, await brought(trial, thread, **how)


@check("lifecycle.import.words", Capability.RESTART, script=OLD)
async def words_are_imported(trial: Trial) -> None:
    """Imports a thread, and reads the conversation."""
    await _imported(trial)
    await trial.says(*WORDS)


@check("lifecycle.import.own-name", Capability.RESTART, script=OLD)
async def a_thread_has_a_conversation_of_its_own(trial: Trial) -> None:
    """Imports a thread without saying into which conversation."""
    thread, result = await _imported(trial, conversation_id=None)
    require_equal(result.conversation_id, thread, "the conversation:")
    await trial.says(*WORDS, conversation=thread)


@check("lifecycle.import.result", Capability.RESTART, script=OLD)
async def an_import_says_what_it_has_brought(trial: Trial) -> None:
    """Imports a thread of two turns, and reads the result."""
    _, result = await _imported(trial)
    found = (result.imported_turn_count, result.imported_message_count, result.sync_state)
    require_equal(found, (2, 4, "synced"), "turns, messages, and how it ended:")


@check("lifecycle.import.job", Capability.RESTART, script=OLD)
async def the_deployment_knows_the_job(trial: Trial) -> None:
    """Imports a thread, and asks the deployment for the job."""
    _, result = await _imported(trial)
    job = await trial.guest.reads(
        "getConversationSyncJob", conversationId=trial.conversation, jobId=result.sync_job_id
    )
    require_equal(job and job["state"], "synced", "the job is")


@check("lifecycle.import.progress", Capability.RESTART, script=OLD)
async def an_import_tells_how_far_it_is(trial: Trial) -> None:
    """Imports a thread, and listens."""
    told: list[str] = []
    await _imported(trial, on_progress=lambda progress: told.append(progress.state))
    require_equal(tuple(dict.fromkeys(told)), EXPECTED_PROGRESS, "what is told:")
    require_equal(told, sorted(told, key=EXPECTED_PROGRESS.index), "what is told, in order:")


@check("lifecycle.import.again", Capability.RESTART, script=OLD)
async def a_second_import_brings_nothing_twice(trial: Trial) -> None:
    """Imports a thread twice."""
    thread, _ = await _imported(trial)
    await brought(trial, thread)
    await trial.says(*WORDS)


@check("lifecycle.import.then-live", Capability.RESTART, script=OLD)
async def an_imported_conversation_goes_on(trial: Trial) -> None:
    """Imports a thread, resumes it in the same conversation, and plays a turn."""
    thread, _ = await _imported(trial)
    await trial.open("resume", conversation_id=thread)
    trial.open_gate("g")
    await trial.play_turn("three")
    await trial.says(*WORDS, ("user", "three"), ("assistant", "live"))


@check("lifecycle.import.beside-a-turn", Capability.RESTART, script=OLD)
async def a_turn_keeps_no_thread_from_being_imported(trial: Trial) -> None:
    """Imports a thread while a turn is in flight in another one."""
    thread = await stored(trial)
    await trial.connected()
    await trial.open()
    turn = await trial.running_turn("three")
    other = trial.visit.name("conversation")
    result = await brought(trial, thread, conversation_id=other)
    require_equal(result.sync_state, "synced", "the import is")
    await trial.says(*WORDS, conversation=other)
    trial.open_gate("g")
    await trial.at_rest()
    await trial.turn_ends(turn, "completed")
