"""Whose a turn is, and what was kept before: nothing is there twice, whoever brings it and when."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_fakes.app_server import SimulatedSettings
from codex_fakes.script import FailHttp, Response, Run, Say, Think, Wait
from codex_runtime.contract.endpoints.runtime_owned import ListMessagesArgs
from codex_runtime.contract.functions.pages import PaginationOpts
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.host.turn_identity import dispatch_of, persisted_ids, turn_of
from support.campaign import examples
from support.host_world import world
from support.persistence_world import ACTOR

IDS = st.sampled_from(["A", "B", "C", "A-dispatch", "B-dispatch", "-dispatch"])
ITEMS = st.lists(
    st.none()
    | st.builds(
        lambda kind, client: {"type": kind, "clientId": client},
        st.sampled_from(["userMessage", "agentMessage"]),
        st.none() | IDS | IDS.map(dispatch_of),
    ),
    max_size=3,
)
TURNS = st.lists(
    st.builds(lambda name, items: {"id": name, "items": items}, IDS, ITEMS | st.none()),
    unique_by=lambda turn: turn["id"],
)

HELD = Wait("never")
SAYS = st.sampled_from([Say("same"), Say(["in ", "two"]), Say("by the way", phase="commentary")])
ANSWERS = st.one_of(
    st.lists(SAYS, min_size=1, max_size=3),
    st.lists(SAYS, max_size=2).map(lambda said: [*said, Say("half", left_open=True), HELD]),
    SAYS.map(lambda said: [Think(summary=("why",)), said]),
    SAYS.map(lambda said: [said, Run("echo out", output="out\n")]),
    st.just([FailHttp(status=400)]),
)
"""What the model answers to a turn; one that is held is interrupted."""
MODES = st.sampled_from(["paginated", "legacy"]).map(
    lambda mode: SimulatedSettings(history_mode=mode)
)


@given(st.text())
def test_a_dispatch_names_its_turn(turn_id):
    assert turn_of(dispatch_of(turn_id)) == (turn_id or None)


@given(TURNS)
def test_no_two_turns_are_persisted_under_one_id(turns):
    persisted = persisted_ids(turns)
    assert list(persisted) == [turn["id"] for turn in turns]
    assert len(set(persisted.values())) == len(turns)


@given(TURNS)
def test_a_turn_is_persisted_under_its_own_id_or_that_of_its_dispatch(turns):
    for turn in turns:
        own = persisted_ids(turns)[turn["id"]]
        said = [item for item in turn["items"] or () if item and item["type"] == "userMessage"]
        assert own in {turn["id"], *(turn_of(item["clientId"]) for item in said[:1])}


def _script(answers):
    """Answer each turn; a command is followed by another word."""
    for number, steps in enumerate(answers, start=1):
        yield Response(steps=tuple(steps), when=f"turn {number}")
        if isinstance(steps[-1], Run):
            yield Response(steps=(Say("it ran"),), when=f"turn {number}")


async def _say_all(w, answers, first=1):
    """Send a turn for each answer, one after the other; those that are held are interrupted."""
    for number, answer in enumerate(answers, start=first):
        ended = w.kinds().count("turn/completed")
        heard = w.kinds().count("item/agentMessage/delta")
        await w.runtime.send_turn(f"turn {number}")
        if answer[-1] == HELD:
            deltas = sum(
                len(step.text) if isinstance(step.text, tuple) else 1 for step in answer[:-1]
            )
            await w.until(lambda n=heard + deltas: w.kinds().count("item/agentMessage/delta") >= n)
            await w.runtime.interrupt()
        await w.until(lambda n=ended: w.kinds().count("turn/completed") > n)
        await w.settled()


async def _kept(w, conversation):
    """What is kept: each message, and how each turn ended."""
    page = await w.client.call(
        "listThreadMessagesByConversation",
        ListMessagesArgs(
            actor=ACTOR,
            conversation_id=conversation,
            pagination_opts=PaginationOpts(num_items=500, cursor=None),
        ),
    )
    where = ConversationArgs(actor=ACTOR, conversation_id=conversation)
    state = (await w.client.call("threadSnapshotByConversation", where)).data
    messages = {
        (row.turn_id, row.message_id): (row.role, row.text, row.status) for row in page.page
    }
    assert len(messages) == len(page.page)
    return messages, {turn.turn_id: turn.status for turn in state.turns}


async def _import_into(w, thread_id, conversation):
    imported = await w.runtime.import_local_thread_to_persistence(
        thread_id, conversation_id=conversation
    )
    assert imported.sync_state == "synced"


@pytest.mark.anyio
@settings(max_examples=examples(12, 200))
@given(answers=st.lists(ANSWERS, min_size=1, max_size=4), mode=MODES)
async def test_what_was_streamed_is_not_there_twice_when_it_is_imported(answers, mode):
    with tempfile.TemporaryDirectory() as home:
        async with world(Path(home), *_script(answers), settings=mode) as w:
            opened = await w.runtime.open_thread("start", persisted_conversation_id="c")
            await _say_all(w, answers)
            streamed = await _kept(w, "c")
            await _import_into(w, opened.thread.id, "c")
            assert await _kept(w, "c") == streamed
            await _import_into(w, opened.thread.id, "c")
            assert await _kept(w, "c") == streamed


@pytest.mark.anyio
@settings(max_examples=examples(12, 200))
@given(answers=st.lists(ANSWERS, min_size=2, max_size=4), mode=MODES, data=st.data())
async def test_what_was_imported_is_not_there_twice_when_it_goes_on_live(answers, mode, data):
    begun = data.draw(st.integers(1, len(answers) - 1))
    with tempfile.TemporaryDirectory() as home:
        async with world(Path(home), *_script(answers), settings=mode) as w:
            opened = await w.runtime.open_thread("start", persisted_conversation_id="other")
            await _say_all(w, answers[:begun])
            await _import_into(w, opened.thread.id, "c")
            messages, turns = await _kept(w, "c")
            await w.runtime.open_thread(
                "resume", conversation_id=opened.thread.id, persisted_conversation_id="c"
            )
            await _say_all(w, answers[begun:], begun + 1)
            all_messages, all_turns = await _kept(w, "c")
            assert messages.items() <= all_messages.items()
            assert turns.items() <= all_turns.items()
            assert len(all_turns) == len(answers)
            asked = [text for role, text, _ in all_messages.values() if role == "user"]
            assert sorted(asked) == [f"turn {n}" for n in range(1, len(answers) + 1)]
            await _import_into(w, opened.thread.id, "c")
            assert await _kept(w, "c") == (all_messages, all_turns)
