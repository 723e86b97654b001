"""Random lives of two actors with deletions in between: no orphan, nothing lost, all jobs end."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_fakes.component import deletion
from codex_runtime.contract.limits import DELETE_ATTEMPTS, DELETE_LEASE
from codex_runtime.contract.states import DELETION
from codex_runtime.contract.tables import TABLES
from support.campaign import examples
from support.host import Host, Stream, ran, said
from support.imports import History, Importer
from support.populated import KEPT

WHO = st.sampled_from(["u", "v"])
WHICH = st.sampled_from(["a", "b"])
BATCH = st.sampled_from([1, 2, 5, 500])

happenings = st.one_of(
    st.tuples(st.just("talk"), WHO, WHICH),
    st.tuples(st.just("talk"), WHO, WHICH),
    st.tuples(st.just("bring"), WHO, WHICH),
    st.tuples(st.just("delete_thread"), WHO, WHICH, BATCH),
    st.tuples(st.just("delete_turn"), WHO, WHICH, BATCH),
    st.tuples(st.just("purge"), WHO, BATCH),
    st.tuples(st.just("step"), WHO),
    st.tuples(st.just("step"), WHO),
    st.tuples(st.just("conflict"), st.integers(1, 4)),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, DELETE_LEASE, 400_000])),
)


class World:
    """Two actors, and what of their words no deletion was ever asked for."""

    def __init__(self):
        self.host = Host()
        self.actors = {"u": self.host, "v": self.host.acting("v")}
        self.number = 0
        self.lasting = {}

    def talk(self, who, which):
        """A turn with a message, a command that asks, and text that streams."""
        host = self.actors[who]
        self.number += 1
        turn = f"T{self.number}"
        opened = host.outcome("threads.resolve", conversationId=which)
        if not opened.ok:
            assert opened.error.data["code"] in ("E_THREAD_DELETING", "E_ACTOR_PURGING")
            return
        thread = opened.value["threadId"]
        stream = Stream(turn)
        result = host.call(
            "sync.ingestSafe",
            sessionId=f"s-{which}",
            threadId=thread,
            streamDeltas=[
                stream.turn_started(),
                stream.text(f"x{turn}", "streams"),
                stream.item_started(ran(f"c{turn}", "inProgress")),
                stream.asks_for_command(f"c{turn}"),
                stream.item_completed(said(f"m{turn}", "words")),
                *([stream.turn_completed()] if self.number % 2 else []),
            ],
            lifecycleEvents=[],
        )
        assert result["status"] in ("ok", "session_recovered"), result
        self.lasting[who, thread, turn] = f"m{turn}"

    def bring(self, who, which):
        """An import into the conversation, if it is there."""
        self.number += 1
        importer = Importer(self.actors[who], History.of(1, 2, name=f"I{self.number}-"), which)
        opened = self.actors[who].outcome(
            "threads.startConversationSyncSource", conversationId=which
        )
        if opened.ok:
            importer.source = opened.value["sourceId"]
            importer.append_all().seal()

    def _forget(self, who, thread=None, turn=None):
        for key in list(self.lasting):
            if key[0] == who and thread in (None, key[1]) and turn in (None, key[2]):
                del self.lasting[key]

    def delete_thread(self, who, which, batch):
        host = self.actors[who]
        found = host.call("threads.resolveByConversationId", conversationId=which)
        if found is not None:
            thread = found["threadId"]
            if host.outcome("threads.deleteCascade", threadId=thread, batchSize=batch).ok:
                self._forget(who, thread)

    def delete_turn(self, who, which, batch):
        host = self.actors[who]
        found = host.call("threads.resolveByConversationId", conversationId=which)
        turns = host.rows("codex_turns", userScope=who, threadId=found and found["threadId"])
        for row in turns[:1]:
            args = {"threadId": row["threadId"], "turnId": row["turnId"], "batchSize": batch}
            if host.outcome("turns.deleteCascade", **args).ok:
                self._forget(who, row["threadId"], row["turnId"])

    def purge(self, who, batch):
        self.actors[who].call("threads.purgeActorData", batchSize=batch)
        self._forget(who)

    def step(self, who):
        """One batch of some deletion, by hand."""
        for row in self.host.rows(KEPT, userScope=who)[-1:]:
            job = {"userScope": who, "deletionJobId": row["deletionJobId"]}
            self.host.backend.mutation(
                "sessions:runDeletionJobChunk", job, component="codexLocal", internal=True
            )

    def conflict(self, times):
        """The next commits conflict, but never so often that a call from outside gives up."""
        waiting = len(self.host.backend._runner.conflicts)
        self.host.backend.inject_conflicts(max(0, min(times, 4 - waiting)))

    async def live(self, name, *args):
        if name == "wait":
            await self.host.advance(*args)
        else:
            getattr(self, name)(*args)


def check(world):
    """What must hold when everything has come to rest."""
    tables = {name: rows for name, rows in world.host.tables().items() if name in TABLES}
    there = {row["_id"] for rows in tables.values() for row in rows}
    for name, rows in tables.items():
        for row in rows:
            references = {field for field in row if field.endswith("Ref")}
            orphaned = {field for field in references if row[field] not in there}
            assert name == KEPT or not orphaned, (name, row)
    for row in tables[KEPT]:
        assert row["status"] in DELETION.terminal
        if row["status"] == "completed" and row["targetKind"] == "turn":
            assert row["turnRef"] not in there
        if row["status"] == "completed" and row["targetKind"] == "thread":
            assert row["threadRef"] not in there
    for name in ("codex_threads", "codex_turns"):
        assert not [row for row in tables[name] if "deletionJobId" in row]
    kept = {
        (row["userScope"], row["threadId"], row["turnId"]): row["messageId"]
        for row in tables["codex_messages"]
        if row["messageId"].startswith("m")
    }
    assert world.lasting.items() <= kept.items()


def _dying(work, words):
    """Let a batch die where it does this piece of its work, as often as the words say so."""

    def dies(*args):
        if words and words.pop(0):
            raise RuntimeError("the machine is gone")
        return work(*args)

    return dies


@settings(max_examples=examples(50, 3_000))
@given(
    life=st.lists(happenings, max_size=18),
    fate=st.lists(st.booleans(), max_size=DELETE_ATTEMPTS - 1),
)
def test_however_deletions_and_writes_mix_nothing_is_orphaned_and_nothing_else_is_lost(life, fate):
    async def run():
        world = World()
        words = list(fate)
        with pytest.MonkeyPatch.context() as patch:
            # Before a batch has deleted anything, and when it has.
            for name in ("clamped", "_counted"):
                patch.setattr(deletion, name, _dying(getattr(deletion, name), words))
            for happening in life:
                await world.live(*happening)
            await world.host.backend.run_until_idle()
        check(world)

    asyncio.run(run())
