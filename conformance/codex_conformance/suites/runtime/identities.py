"""Checks of identities: which thread of Codex is open, and which conversation it is kept in.

May import the trials and the expected tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.runtime_states import EXPECTED_IDENTITIES
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.door import Capability
from codex_fakes.script.steps import Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

SOME_THREAD: Final = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
"""The id of a thread that no app-server has."""

_MODEL: Final = Capability.SCRIPTED_MODEL


async def _is_known(trial: Trial, conversation: str) -> bool:
    """Whether the deployment knows a conversation."""
    found = await trial.guest.query(
        "listThreadsForConversation", conversationId=conversation, includeArchived=True
    )
    return any(row["conversationId"] == conversation for row in found["page"])


async def _follows(trial: Trial, row: str) -> None:
    """Open threads as a row of the table says, and compare."""
    expected = EXPECTED_IDENTITIES[row]
    pin = trial.conversation if expected.pinned else None
    await trial.connected()
    before: Any = None
    bound = 0
    if expected.previous != "none":
        thread = await trial.open(persisted_conversation_id=pin)
        if expected.previous == "same":
            # A thread in which nothing was said cannot be resumed.
            await trial.play_turn()
        before = trial.state
        bound = _bindings(trial)
    if expected.previous == "same":
        opened = await trial.open("resume", conversation_id=thread, persisted_conversation_id=pin)
    else:
        opened = await trial.open(persisted_conversation_id=pin)
    state = trial.state
    require_equal(state.runtime_conversation_id, opened, "the thread that is open:")
    conversation = str(
        {
            "thread": opened,
            "unchanged": before and before.conversation_id,
            "pin": trial.conversation,
        }[expected.conversation]
    )
    require_equal(state.conversation_id, conversation, "the conversation:")
    bindings = _bindings(trial) - bound
    require_equal(bindings > 0, expected.binding == "new", "that it is bound anew is")
    require(await _is_known(trial, conversation), f"that {conversation} is known", "it is not")


def _bindings(trial: Trial) -> int:
    return len(trial.line.called("syncOpenConversationBinding"))


@check("lifecycle.identity.first")
async def the_first_thread_names_the_conversation(trial: Trial) -> None:
    """Opens a thread, without a pin."""
    await _follows(trial, "first")


@check("lifecycle.identity.first-pinned")
async def a_pin_takes_the_first_thread(trial: Trial) -> None:
    """Opens a thread under a pin."""
    await _follows(trial, "first-pinned")


@check("lifecycle.identity.same", _MODEL, script=script(Say("x")))
async def the_same_thread_changes_nothing(trial: Trial) -> None:
    """Opens the open thread again, without a pin."""
    await _follows(trial, "same")


@check("lifecycle.identity.same-pinned", _MODEL, script=script(Say("x")))
async def the_same_thread_under_its_pin_changes_nothing(trial: Trial) -> None:
    """Opens the open thread again, under its pin."""
    await _follows(trial, "same-pinned")


@check("lifecycle.identity.switch")
async def another_thread_is_another_conversation(trial: Trial) -> None:
    """Opens two threads, without a pin."""
    await _follows(trial, "switch")


@check("lifecycle.identity.switch-pinned")
async def another_thread_is_bound_under_the_pin(trial: Trial) -> None:
    """Opens two threads under one pin."""
    await _follows(trial, "switch-pinned")


@check("lifecycle.identity.resume-unpins", _MODEL, script=script(Say("x")))
async def resuming_lets_go_of_the_pin(trial: Trial) -> None:
    """Resumes a thread after another one was opened under a pin."""
    await trial.connected()
    thread = await trial.open(persisted_conversation_id=None)
    await trial.play_turn()
    await trial.open()
    require_equal(trial.state.conversation_id, trial.conversation, "the pinned conversation:")
    await trial.within(trial.runtime.resume_thread(thread), "resuming")
    found = (trial.state.runtime_conversation_id, trial.state.conversation_id)
    require_equal(found, (thread, thread), "thread and conversation:")


@check("lifecycle.identity.fork", _MODEL, script=script(Say("x")))
async def a_fork_is_another_thread(trial: Trial) -> None:
    """Forks a thread in which something was said."""
    thread = await trial.opened()
    await trial.play_turn()
    await trial.within(trial.runtime.fork_thread(thread), "forking")
    state = trial.state
    require(state.runtime_conversation_id != thread, "another thread", thread)
    require_equal(state.conversation_id, state.runtime_conversation_id, "its conversation:")
    trial.guest.conversations.append(state.conversation_id)


@check("lifecycle.identity.bound", script=script(Say("x")))
async def the_deployment_knows_the_thread(trial: Trial) -> None:
    """Opens a thread and plays a turn, and looks at the conversation's threads."""
    thread = await trial.opened()
    await trial.play_turn()
    require(await _is_known(trial, trial.conversation), "that the conversation is known", "not")
    bound = trial.line.called("syncOpenConversationBinding")[-1].args
    found = (bound["conversationId"], bound.get("runtimeConversationId"))
    require_equal(found, (trial.conversation, thread), "what is bound:")


@check("lifecycle.identity.failed-open", script=script(Say("x")))
async def a_failed_open_changes_nothing(trial: Trial) -> None:
    """Tries to resume a thread that is not there, under another pin, and goes on."""
    await trial.opened()
    before = trial.state
    other = trial.visit.name("conversation")
    await trial.refused(
        trial.runtime.open_thread(
            "resume", conversation_id=SOME_THREAD, persisted_conversation_id=other
        )
    )
    after = trial.state
    for name in ("runtime_conversation_id", "conversation_id"):
        require_equal(getattr(after, name), getattr(before, name), f"{name} is as before:")
    await trial.play_turn()
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("lifecycle.identity.other-threads", script=script((Wait("g"), Say("x"))))
async def other_threads_are_not_kept_here(trial: Trial) -> None:
    """Has Codex tell of a message in another thread while a turn is in flight."""
    await trial.opened()
    await trial.running_turn()
    turn = await trial.turn_of_codex()
    item = {"type": "agentMessage", "id": "of-another", "text": "not said here"}
    trial.tap.line.say(
        {
            "method": "item/completed",
            "params": {
                "threadId": SOME_THREAD,
                "turnId": turn,
                "item": item,
                "completedAtMs": 1,
            },
        }
    )
    trial.open_gate("g")
    await trial.at_rest()
    await trial.says(("user", "hello"), ("assistant", "x"))
