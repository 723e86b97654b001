"""A runtime against a model: whatever happens to it and its neighbours, it keeps its promises.

The loop's time is virtual; everything is in memory and in one process. A failure prints the seed
and the steps that lead to it.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from codex_runtime.contract.states import TURN
from codex_runtime.host.ingest_queue import TEXT_DELTA
from support.disturbed_persistence import MOODS
from support.host_model import FAULTS, KINDS, LINE_BYTES, MEMORY_MOST, SETTLED_SECONDS, HostModel
from support.persistence_world import ACTOR
from support.virtual_loop import VirtualLoop

CONVERSATIONS = ("one", "two")
PATIENCE = st.sampled_from([0.0, 0.01, 0.3, 6.0, 200.0])
"""Virtual seconds that pass before the next thing happens."""
AT_MOST_ONE = st.lists(st.sampled_from(FAULTS), max_size=1).map(tuple)

NEXT = {
    "idle": {"starting", "stopping"},
    "starting": {"running", "error", "stopping"},
    "running": {"error", "stopping"},
    "error": {"running", "starting", "stopping"},
    "stopping": {"stopped"},
    "stopped": {"starting"},
}
"""The phases that may follow each phase."""
NEVER = ("E_RUNTIME_STEP_FAILED", "E_RUNTIME_PROTOCOL_EVENT_INVALID", "E_RUNTIME_INGEST_REJECTED")
"""Codes that would be a defect of the runtime here: nobody says anything that cannot be kept."""
STOPPED_WITH = ("E_RUNTIME_INGEST_FLUSH_FAILED", "E_RUNTIME_STOP_TIMEOUT")
"""What stopping may end with when the neighbours do not answer."""
ENDED = (*TURN.terminal, "too old")
IMPORTED = "thread-import:"
"""How the streams begin that are made of what Codex says of a thread afterwards."""
ROOM = 2 * LINE_BYTES
"""What may wait beyond the limit: what had been read from Codex already."""

PIPE_BYTES = 4 * LINE_BYTES
"""What is still in the pipe when the connection ends; it is read to its end."""


class RuntimeMachine(RuleBasedStateMachine):
    """What people and neighbours do with a runtime, in any order."""

    @initialize(outbox=st.booleans())
    def begin(self, outbox):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
        self.loop = VirtualLoop()
        self.model = self._run(self._made(outbox))
        self.seen = self.last_words = 0
        self._do(lambda model: model.connect(), 1)
        self._do(lambda model: model.open("start", "one"), 1)

    async def _made(self, outbox):
        return HostModel(Path(self.folder.name), outbox=outbox)

    def _run(self, flow):
        return self.loop.run_until_complete(flow)

    def _do(self, act, seconds):
        """Do something; then let time pass."""

        async def do():
            act(self.model)
            await asyncio.sleep(seconds)

        self._run(do())

    # What people do.

    @precondition(lambda self: self.model.runtime.get_state().conversation_id is None)
    @rule(conversation=st.sampled_from(CONVERSATIONS), faults=AT_MOST_ONE, patience=PATIENCE)
    def begin_again(self, conversation, faults, patience):
        self.model.faults = faults
        self.model.persistence.change("well")
        self._do(lambda model: model.connect(), 1)
        self._do(lambda model: model.open("resume", conversation), patience)

    @rule(
        strategy=st.sampled_from(["start", "resume", "fork"]),
        conversation=st.sampled_from(CONVERSATIONS),
        patience=PATIENCE,
    )
    def open(self, strategy, conversation, patience):
        self._do(lambda model: model.open(strategy, conversation), patience)

    @rule(kind=st.sampled_from(KINDS), patience=PATIENCE)
    def send(self, kind, patience):
        self._do(lambda model: model.send(kind), patience)

    @precondition(lambda self: self.model.runtime.get_state().conversation_id is not None)
    @rule(kind=st.sampled_from(["gate", "flood"]), mood=st.sampled_from(MOODS), patience=PATIENCE)
    def disturb_a_turn(self, kind, mood, patience):
        self._do(lambda model: model.send(kind), 1)
        self._do(lambda model: model.persistence.change(mood), 0)
        self._do(lambda model: model.open_gates(), patience)

    @rule(patience=PATIENCE)
    def steer(self, patience):
        self._do(lambda model: model.begin("steer", model.runtime.steer_turn("more")), patience)

    @rule(patience=PATIENCE)
    def interrupt(self, patience):
        self._do(lambda model: model.begin("interrupt", model.runtime.interrupt()), patience)

    @rule(call=st.sampled_from(["connect", "stop"]), patience=PATIENCE)
    def connect_or_stop(self, call, patience):
        self._do(lambda model: getattr(model, call)(), patience)

    @precondition(lambda self: self.model.requests)
    @rule(decision=st.sampled_from(["accept", "decline"]), patience=PATIENCE)
    def answer(self, decision, patience):
        self._do(lambda model: model.answer(decision), patience)

    @rule(seconds=st.sampled_from([1.0, 30.0, 400.0]))
    def wait(self, seconds):
        self._do(lambda model: None, seconds)

    # What the neighbours do.

    @precondition(lambda self: self.model.codex is not None)
    @rule(patience=PATIENCE)
    def codex_crashes(self, patience):
        self._do(lambda model: model.codex.crash(), patience)

    @precondition(lambda self: self.model.runtime.get_state().turn_in_flight)
    @rule(patience=PATIENCE)
    def gates_open(self, patience):
        self._do(lambda model: model.open_gates(), patience)

    @precondition(lambda self: self.model.runtime.get_state().turn_in_flight)
    @rule(mood=st.sampled_from(MOODS), patience=PATIENCE)
    def persistence_changes(self, mood, patience):
        self._do(lambda model: model.persistence.change(mood), patience)

    @rule(
        fault=st.sampled_from(["lost_reply", "http_503", "drop_before_commit", "conflict"]),
        times=st.integers(1, 8),
    )
    def convex_fails(self, fault, times):
        self.model.convex.inject(fault, times=times)

    # What always holds.

    @invariant()
    def every_state_is_legal(self):
        states = self.model.states
        for before, after in pairwise(states[max(self.seen - 1, 0) :]):
            if before.phase != after.phase:
                assert after.phase in NEXT[before.phase], (before.phase, after.phase)
        for state in states[self.seen :]:
            assert state.turn_in_flight is (state.turn_id is not None)
            assert state.last_error_code not in NEVER, state.last_error
            weight = state.ingest_metrics.waiting_bytes
            if weight <= MEMORY_MOST:
                self.last_words = 0
            if state.phase in ("stopping", "error"):
                self.last_words = PIPE_BYTES
            assert weight <= MEMORY_MOST + ROOM + self.last_words
            if state.phase in ("idle", "stopped"):
                assert not state.running
                assert state.turn_id is state.conversation_id is None
                assert state.pending_server_request_count == 0
        self.seen = len(states)

    def teardown(self):
        if not hasattr(self, "model"):
            return
        try:
            self._run(self._come_to_rest())
        finally:
            self._run(self.model.close())
            self.loop.close()
            self.folder.cleanup()

    async def _come_to_rest(self):
        """Let everything end well, and see that nothing was lost, doubled, or left behind."""
        model = self.model
        model.persistence.change("well")
        model.convex.server.faults.clear()
        model.open_gates(ahead=True)
        await model.answered()
        # What the model is going to ask for has come by then.
        await asyncio.sleep(SETTLED_SECONDS)
        model.answer_all()
        await model.answered()
        await asyncio.sleep(SETTLED_SECONDS)
        if model.sound:
            assert not model.runtime.get_state().turn_in_flight
        await self._stop()
        # What could not be kept before is kept by the next connection.
        await asyncio.wait_for(model.runtime.connect(actor=ACTOR), SETTLED_SECONDS)
        await asyncio.sleep(SETTLED_SECONDS)
        assert model.runtime.get_state().ingest_metrics.waiting_event_count == 0
        self._check_streams()
        for conversation in tuple(model.threads):
            model.open("resume", conversation)
            await model.answered()
            await asyncio.sleep(SETTLED_SECONDS)
        await self._stop()
        left = [task.get_name() for task in asyncio.all_tasks()]
        assert not [name for name in left if name.startswith("codex runtime")], left
        await self._check_kept()

    async def _stop(self):
        """Stop in a bounded time, whatever is in the way."""
        self.model.stop()
        for _, error in await self.model.answered():
            # What could not be kept in time waits for the next connection.
            assert error is None or error.code in STOPPED_WITH, error
        self.every_state_is_legal()

    def _check_streams(self):
        """See that every stream came whole, in order and once, as the runtime has heard it."""
        texts = defaultdict(str)
        for stream, events in self.model.persistence.streams.items():
            if stream.startswith(IMPORTED):
                continue
            cursor = 0
            for event in events.values():
                assert event.cursor_start == cursor, (stream, cursor, event)
                cursor = event.cursor_end
                if event.kind == TEXT_DELTA:
                    texts[event.turn_id] += json.loads(event.payload_json)["params"]["delta"]
        for turn in self.model.told.turns.values():
            assert texts[turn.persisted] == turn.deltas, turn.persisted

    async def _check_kept(self):
        model = self.model
        said, told = model.said.by_persisted(), model.told.by_persisted()
        kept = {name: await model.kept(name) for name in model.conversations}
        for conversation, turns in kept.items():
            for turn_id, messages in turns.items():
                texts = [message.text for message in messages]
                wire = list(said[turn_id].texts.values())
                # Nothing is invented, and nothing is there twice.
                assert len(texts) <= len(wire), (conversation, turn_id, texts, wire)
                for text, whole in zip(texts, wire, strict=False):
                    assert whole.startswith(text), (conversation, turn_id, text, whole)
        statuses = {name: await model.statuses(name) for name in model.conversations}
        for turn_id, conversation in model.accepted.items():
            # A turn that was accepted reaches an end.
            assert statuses[conversation].get(turn_id, "too old") in ENDED, (turn_id, statuses)
            if turn_id not in told:
                continue
            texts = [message.text for message in kept[conversation].get(turn_id, ())]
            heard = list(told[turn_id].texts.values())
            # What the runtime has heard is kept.
            assert len(texts) >= len(heard), (turn_id, texts, heard)
            for text, part in zip(texts, heard, strict=False):
                assert text.startswith(part), (turn_id, text, part)
            for message in kept[conversation].get(turn_id, ()):
                assert message.status != "streaming", (turn_id, message)
