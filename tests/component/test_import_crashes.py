"""Whatever happens to an import, it ends: with everything, or with the code of why not (issue 5).

Random histories are imported by an importer that crashes between any two of its calls, on a
deployment whose worker dies at random steps, while others write, cancel, delete and import as well.
"""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_fakes.component import import_worker
from codex_runtime.contract.limits import SOURCE_EXPIRES_AFTER, SYNC_ATTEMPTS, SYNC_LEASE
from codex_runtime.contract.states import SYNC_JOB
from support.campaign import examples
from support.host import Host, Stream, deployment, said
from support.imports import HALF_LIMITS, History, Importer, chunk_of

WHO = [{"user": "u"}, {"user": None, "anonymous": "a"}, {"user": None}]

texts = st.text(max_size=20) | st.just("x" * 3_000)


@st.composite
def histories(draw):
    """A few turns, also with ids that look like others, in chunks of any size."""
    names = draw(st.lists(st.sampled_from(["T", "T:1", "0", "ü", " "]), max_size=3, unique=True))
    turns = {
        name: {f"{name}/{place}": draw(texts) for place in range(draw(st.integers(0, 5)))}
        for name in names
    }
    return History(turns)


calls = st.sampled_from(["start", "append", "append", "append", "seal"])
"""What an importer does next; it need not make sense."""

happenings = st.one_of(
    calls,
    calls,
    st.sampled_from(["crash", "cancel", "say", "delete turn", "open", "lose", "import other"]),
    st.sampled_from([0, 1, 500, SYNC_LEASE, SOURCE_EXPIRES_AFTER]),
)


@dataclass
class World:
    """An importer, what it has begun so far, and everybody else."""

    host: Host
    history: History
    size: int
    begun: list = field(default_factory=list)
    said: int = 0

    @property
    def importer(self):
        """The importer of the present attempt; one that crashed is forgotten."""
        if not self.begun or self.begun[-1].source is None:
            self.start()
        return self.begun[-1]

    def start(self):
        importer = Importer(self.host, self.history, size=self.size).start()
        importer.next = 0
        self.begun.append(importer)

    def append(self):
        importer = self.importer
        if importer.next < len(importer.chunks):
            name = "threads.appendConversationSyncSourceChunk"
            self.host.outcome(name, **importer.chunk(importer.next))
            importer.next += 1

    def seal(self):
        importer = self.importer
        outcome = self.host.outcome("threads.sealConversationSyncSource", **importer.sealing())
        if outcome.ok:
            importer.job = outcome.value["jobId"]

    def crash(self):
        """The importing side dies; the next one begins again with what it finds: nothing."""
        self.start()

    def cancel(self):
        if self.begun and self.begun[-1].job is not None:
            self.begun[-1].cancel(errorCode="E_TEST_CANCELLED")

    def say(self):
        """Somebody talks in the same thread meanwhile."""
        self.said += 1
        stream = Stream(f"live-{self.said}")
        event = stream.item_completed(said(f"live-{self.said}", "hello"))
        thread = self.host.rows("codex_thread_bindings")[0]["threadId"]
        self.host.call(
            "sync.ingestSafe",
            sessionId="live",
            threadId=thread,
            streamDeltas=[event],
            lifecycleEvents=[],
        )

    def delete_turn(self):
        """A turn of the history is deleted, if it is there already."""
        for turn in self.host.rows("codex_turns")[:1]:
            args = {"threadId": turn["threadId"], "turnId": turn["turnId"]}
            self.host.outcome("turns.deleteCascade", **args, batchSize=2)

    def open(self):
        """Somebody opens the conversation meanwhile."""
        name = "threads.syncOpenBinding"
        self.host.call(name, conversationId="c", runtimeConversationId="r")

    def lose(self):
        """A chunk of what is to come is not in the importer's hands any more."""
        if self.begun:
            self.begun[-1].next += 1

    def import_other(self):
        """Another importer brings another history into the same conversation."""
        other = Importer(self.host, History({"other": {"o": "o"}}))
        other.start().append_all()
        other.seal()
        other.next = len(other.chunks)
        self.begun.append(other)

    async def live(self, happening):
        if isinstance(happening, str):
            getattr(self, happening.replace(" ", "_"))()
        else:
            await self.host.advance(happening)


class Fate:
    """Lets the worker's steps die as drawn: one word for each step, then none."""

    def __init__(self, words):
        self.words = list(words)
        self.deaths = 0

    def dying(self, work):
        def step(*args):
            word = self.words.pop(0) if self.words else "lives"
            self.deaths += word != "lives"
            if word == "dies early":
                raise RuntimeError(word)
            work(*args)
            if word == "dies late":
                raise RuntimeError(word)

        return step


def check_ends(world):
    """Everything that was begun has ended, and every end is what it says."""
    host = world.host
    kept = {(row["turnId"], row["messageId"]) for row in host.rows("codex_messages")}
    jobs = {row["jobId"]: row for row in host.rows("codex_sync_import_jobs")}
    sources = {row["sourceId"]: row for row in host.rows("codex_sync_import_sources")}
    for job in jobs.values():
        assert job["state"] in SYNC_JOB.terminal
        if job["state"] != "succeeded":
            assert job["lastErrorCode"]
    for source in sources.values():
        assert source["state"] in ("sealed", "failed")
        assert source["state"] == "sealed" or source["lastErrorCode"] == "E_SYNC_SOURCE_EXPIRED"
    assert host.rows("codex_sync_import_source_chunks") == []
    for binding in host.rows("codex_thread_bindings"):
        tracked = jobs.get(binding.get("syncJobId"))
        if tracked is not None:
            ends = {"succeeded": "synced", "failed": "failed", "cancelled": "cancelled"}
            assert binding["syncJobState"] in (ends[tracked["state"]], "idle")
    return kept, jobs


@settings(max_examples=examples(60, 3_000))
@given(
    history=histories(),
    size=st.integers(1, 6),
    who=st.sampled_from(WHO),
    life=st.lists(happenings, max_size=14),
    fate=st.lists(st.sampled_from(["lives", "dies early", "dies late"]), max_size=10),
    again=st.booleans(),
)
def test_an_import_ends_with_its_manifest_or_with_a_code_whatever_crashes(
    history, size, who, life, fate, again
):
    async def run():
        host = Host(deployment(trusted_actor=True, limits=HALF_LIMITS), **who)
        host.call("threads.resolve", conversationId="c")
        world = World(host, history, size)
        deleted = "delete turn" in life
        with pytest.MonkeyPatch.context() as patch:
            script = Fate(fate)
            for name in ("_take_in", "_verify"):
                patch.setattr(import_worker, name, script.dying(getattr(import_worker, name)))
            for happening in life:
                await world.live(happening)
            if again:
                # An importer that does not crash any more does its whole work.
                world.start()
                world.begun[-1].append_all().seal()
            await host.backend.run_until_idle()
        kept, jobs = check_ends(world)
        if not deleted:
            for importer in world.begun:
                if importer.job in jobs and jobs[importer.job]["state"] == "succeeded":
                    assert set(importer.history.manifest) <= kept
            if again and script.deaths < SYNC_ATTEMPTS:
                last = world.begun[-1]
                assert jobs[last.job]["state"] == "succeeded", jobs[last.job]
                assert last.wanted().items() <= last.kept().items()

    asyncio.run(run())


@settings(max_examples=examples(30, 1_500))
@given(history=histories(), size=st.integers(1, 4), data=st.data())
def test_an_import_is_never_synced_with_a_message_missing(history, size, data):
    """Events are left out of the chunks while the manifest still names their messages."""

    async def run():
        host = Host()
        host.conversation()
        importer = Importer(host, history, size=size)
        lost = data.draw(st.sets(st.sampled_from(history.manifest or [("none", "none")])))
        events = [
            event
            for event in history.events()
            if not any(f'"{message}"' in event["payloadJson"] for _, message in lost)
        ]
        importer.chunks = [
            chunk_of(events[begin : begin + size]) for begin in range(0, len(events), size)
        ]
        importer.collected()
        await host.backend.run_until_idle()
        job = importer.row()
        missing = set(history.manifest) - set(importer.kept())
        if missing:
            assert (job["state"], job["lastErrorCode"]) == (
                "failed",
                "E_SYNC_MANIFEST_SET_MISMATCH",
            )
        else:
            assert job["state"] == "succeeded"

    asyncio.run(run())
