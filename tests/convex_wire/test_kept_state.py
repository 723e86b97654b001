"""What outlives the process: a snapshot, the changes since, and a file cut off at any byte."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.convex import (
    App,
    Backend,
    Component,
    Int64,
    component_function,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)
from codex_fakes.convex.wire import ConvexServer
from codex_fakes.convex.wire.state_file import MAGIC, StateFile
from codex_runtime.errors import ConfigurationError
from support.convex_app import APP
from support.convex_sessions import Talk, kinds

pytestmark = pytest.mark.anyio


class Functions:
    @mutation
    def put(ctx, args):
        return ctx.db.insert(args["table"], {"value": args["value"]})

    @mutation
    def put_in_component(ctx, args):
        ctx.run_mutation(component_function("kv", "m:put"), args)

    @mutation
    def change(ctx, args):
        rows = ctx.db.query(args["table"]).collect()
        if rows:
            ctx.db.patch(rows[len(rows) // 2]["_id"], {"value": args["value"]})

    @mutation
    def delete(ctx, args):
        rows = ctx.db.query(args["table"]).collect()
        if rows:
            ctx.db.delete(rows[0]["_id"])

    @mutation
    def later(ctx, args):
        ctx.scheduler.run_after(1000, "m:put", args)

    @mutation
    def later_in_component(ctx, args):
        ctx.scheduler.run_after(500, component_function("kv", "m:put"), args)

    @query
    def values(ctx, args):
        return [row["value"] for row in ctx.db.query(args["table"]).collect()]


SCHEMA = define_schema({"declared": define_table(v.any()).index("by_value", ["value"])})
KV = Component(modules={"m": {"put": Functions.put, "values": Functions.values}})
WITH_KV = App(schema=SCHEMA, modules={"m": Functions}, components={"kv": KV})
CALLS = [name for name in vars(Functions) if not name.startswith("_") and name != "values"]
VALUES = st.one_of(
    st.integers(-5, 5),
    st.floats(),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.binary(max_size=4),
    st.text(max_size=4),
    st.lists(st.none(), max_size=2),
)


@given(
    st.lists(
        st.tuples(st.sampled_from(CALLS), st.sampled_from(["declared", "other"]), VALUES),
        max_size=12,
    ),
    st.integers(0, 12),
    st.booleans(),
)
def test_a_snapshot_and_the_changes_since_are_the_latest_state(calls, at, time_passes):
    backend = Backend(WITH_KV)
    changes, snapshot = [], backend.snapshot()
    backend.subscribe_commits(lambda commit: changes.append(backend.change(commit)))
    for place, (name, table, value) in enumerate(calls):
        if place == at:
            changes.clear()
            snapshot = backend.snapshot()
        backend.mutation(f"m:{name}", {"table": table, "value": value}).unwrap()
    if time_passes:
        asyncio.run(backend.advance(600))

    restored = Backend.restore(WITH_KV, snapshot, changes)

    again, latest = json.loads(restored.snapshot()), json.loads(backend.snapshot())
    assert again["database"] == latest["database"]
    assert sorted(again["jobs"]) == sorted(latest["jobs"])
    for one in (backend, restored):
        asyncio.run(one.run_until_idle())
    for table in ("declared", "other"):
        for component in ("", "kv"):
            asked = ("m:values", {"table": table})
            assert (
                restored.query(*asked, component=component).value
                == backend.query(*asked, component=component).value
            )


@pytest.mark.parametrize(
    "change",
    [b"", b"{}", b"not JSON", b'{"writes":[["","t",10001,"x",null]],"ts":1,"jobs":[]}'],
)
def test_what_is_no_change_is_refused(change):
    with pytest.raises(ConfigurationError) as caught:
        Backend.restore(WITH_KV, Backend(WITH_KV).snapshot(), [change])
    assert caught.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"


# The file ------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state"


def written(file, snapshot, *changes):
    kept = StateFile(file)
    kept.start(snapshot)
    for change in changes:
        kept.append(change)
    kept.close()


def test_a_file_that_is_not_there_yet_is_no_mistake(file):
    assert StateFile(file).read() is None


def test_a_file_has_its_snapshot_and_its_changes(file):
    written(file, b"snapshot", b"one", b"", b"two" * 1000)

    assert StateFile(file).read() == (b"snapshot", (b"one", b"", b"two" * 1000))


def test_a_new_snapshot_takes_the_place_of_everything(file):
    written(file, b"before", b"one")
    written(file, b"after")

    assert StateFile(file).read() == (b"after", ())
    assert list(file.parent.iterdir()) == [file]


def test_a_file_cut_off_at_any_byte_has_every_change_that_was_written_to_its_end(file):
    written(file, b"snapshot", b"one", b"two", b"three")
    whole = file.read_bytes()
    ends = {}
    for count in range(4):
        written(file, b"snapshot", *[b"one", b"two", b"three"][:count])
        ends[len(file.read_bytes())] = count

    for length in range(min(ends), len(whole) + 1):
        file.write_bytes(whole[:length])
        there = max(count for end, count in ends.items() if end <= length)
        kept = StateFile(file).read()
        assert (kept.snapshot, len(kept.changes)) == (b"snapshot", there)


def test_a_file_without_a_whole_snapshot_is_a_coded_error(file):
    written(file, b"snapshot")
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ConfigurationError) as caught:
            StateFile(file).read()
        assert caught.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"


def test_a_damaged_record_is_a_coded_error_and_not_the_end(file):
    written(file, b"snapshot", b"one", b"two")
    damaged = bytearray(file.read_bytes())
    damaged[damaged.index(b"one")] ^= 1
    file.write_bytes(damaged)

    with pytest.raises(ConfigurationError, match="is damaged"):
        StateFile(file).read()


def test_a_file_that_cannot_be_read_or_written_is_a_coded_error(tmp_path):
    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_SNAPSHOT_INVALID"):
        StateFile(tmp_path).read()
    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_STATE_UNWRITABLE"):
        StateFile(tmp_path / "none" / "state").start(b"")
    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_STATE_UNWRITABLE"):
        StateFile(tmp_path).start(b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_change_that_does_not_fit_is_a_coded_error(file):
    kept = StateFile(file)
    kept.start(b"snapshot")
    kept.close()
    kept._descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_STATE_UNWRITABLE"):
        kept.append(b"change")
    kept.close()


def test_changes_are_long_when_a_snapshot_would_take_less(file):
    kept = StateFile(file)
    kept.start(b"x" * 3_000_000)
    kept.append(b"x" * 2_999_900)
    assert not kept.is_long
    kept.append(b"x" * 100)
    assert kept.is_long
    kept.start(b"x")
    assert not kept.is_long
    kept.append(b"x" * (1 << 20))
    assert kept.is_long
    kept.close()


def test_the_file_begins_with_what_it_is(file):
    written(file, b"")
    assert file.read_bytes().startswith(MAGIC)


# The server ----------------------------------------------------------------------------------


class Notes:
    """A keeper that notes what it is given."""

    def __init__(self):
        self.snapshot = None
        self.changes = []
        self.is_long = False
        self.full = False

    def start(self, snapshot):
        self._check()
        self.snapshot, self.changes, self.is_long = snapshot, [], False

    def append(self, change):
        self._check()
        self.changes.append(change)

    def _check(self):
        if self.full:
            raise ConfigurationError("E_FAKE_CONVEX_STATE_UNWRITABLE", "the disk is full")

    def again(self, app=APP):
        """Another process, with what was kept."""
        server = ConvexServer(Backend(app))
        server.restore(self.snapshot, self.changes)
        return server


@pytest.fixture
async def kept():
    """A session with a server that keeps its data, and what it is kept in."""
    talk, notes = Talk(), Notes()
    talk.server.persist(notes)
    talk.connect()
    return talk, notes


def bodies(server):
    return [row["body"] for row in server.backend.query("messages:list").unwrap()]


async def test_commits_and_their_answers_are_kept_as_one_change(kept):
    talk, notes = kept
    told = talk.mutate("messages:send", {"body": "hi"})
    talk.server.settle()
    assert len(notes.changes) == 1

    again = Talk(server=notes.again())
    again.connect()
    assert bodies(again.server) == ["hi"]
    assert again.mutate("messages:send", {"body": "hi"})[0] == told[0]
    assert bodies(again.server) == ["hi"]


async def test_each_change_has_only_what_is_new(kept):
    talk, notes = kept
    for body in "abc":
        talk.mutate("messages:send", {"body": body})
        talk.server.settle()
        talk.server.snapshot()
    talk.server.settle()

    assert len(notes.changes) == 3
    assert max(map(len, notes.changes)) < 2 * min(map(len, notes.changes))
    assert bodies(notes.again()) == ["a", "b", "c"]
    assert notes.again()._answered.rows() == talk.server._answered.rows()


async def test_when_changes_are_long_a_snapshot_takes_their_place(kept):
    talk, notes = kept
    talk.mutate("messages:send", {"body": "a"})
    talk.server.settle()
    notes.is_long = True
    talk.mutate("messages:send", {"body": "b"})
    talk.server.settle()

    assert notes.changes == []
    assert bodies(notes.again()) == ["a", "b"]


@pytest.mark.parametrize("what", ["reset", "restart", "deploy"])
async def test_what_is_more_than_commits_is_a_snapshot(kept, what):
    talk, notes = kept
    talk.mutate("messages:send", {"body": "a"})
    talk.server.settle()
    assert len(notes.changes) == 1
    if what == "deploy":
        talk.backend.deploy(APP)
    else:
        getattr(talk.server, what)()
    talk.server.settle()

    assert notes.changes == []
    assert bodies(notes.again()) == ([] if what == "reset" else ["a"])
    assert len(notes.again()._answered.rows()) == (0 if what == "reset" else 1)


async def test_what_could_not_be_kept_is_kept_with_what_comes_next(kept):
    talk, notes = kept
    notes.full = True
    talk.mutate("messages:send", {"body": "a"})
    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_STATE_UNWRITABLE"):
        talk.server.settle()
    notes.full = False
    assert kinds(talk.mutate("messages:send", {"body": "b"}))[0] == "MutationResponse"
    talk.server.settle()

    assert bodies(notes.again()) == ["a", "b"]


async def test_tokens_outlive_the_process_too(kept):
    talk, notes = kept
    token = talk.server.tokens.issue("ada")
    again = Talk(server=notes.again())
    again.connect()
    assert kinds(again.authenticate(token)) == ["Transition"]


async def test_keeping_a_commit_costs_no_more_in_a_large_database(kept):
    talk, notes = kept
    sizes = []
    for _ in range(2):
        talk.mutate("messages:send", {"body": "x"})
        talk.server.settle()
        sizes.append(len(notes.changes[-1]))
        for _ in range(300):
            talk.backend.mutation("messages:send", {"body": "x"}).unwrap()
        talk.server.settle()

    assert sizes[1] <= sizes[0] + 16


def test_what_is_no_kept_change_is_refused():
    server = ConvexServer(Backend(APP))
    with pytest.raises(ConfigurationError) as caught:
        server.restore(server.snapshot(), [b"nonsense"])
    assert caught.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"
