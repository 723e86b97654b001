"""Reads are ranges: what a call costs depends on what it gives, not on what lies around it.

Generated over the contract: for every public function and every endpoint the documents it reads
are counted, then other users, other threads or the history of the thread grow a hundredfold, and
they are counted again (spec 13 §1).
"""

from itertools import pairwise

import pytest

from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import fields_of
from codex_runtime.contract.tables import TABLES
from support.component_growth import Meter, aged, copies, garden, lower_limits, renamed
from support.component_world import (
    DOORS,
    PUBLIC,
    START,
    arguments,
    call,
    documents,
    nobody,
    populate,
    settle,
    world_of,
)
from support.host import Host

ACTOR = {"userId": "owner"}
HUNDREDFOLD = 100
INTERNAL = sorted(name for name, function in FUNCTIONS.items() if function.internal)
LISTS = {
    "threads.list": "codex_threads",
    "messages.listByThread": "codex_messages",
    "reasoning.listByThread": "codex_reasoning_segments",
    "approvals.listPending": "codex_approvals",
}

SAMPLES = {"audit.countRows", "auditActorRows", "validateHostWiring"}
"""What counts everything of an actor up to a limit, and looks for the parents of what it counted:
the rows it meets first may have different parents, or the same."""

OF_A_THREAD = {
    "threadId",
    "conversationId",
    "runtimeConversationId",
    "sessionId",
    "lastSessionId",
    "streamId",
    "sourceId",
    "jobId",
    "syncJobId",
    "deletionJobId",
}
"""What names a thread, or something that a scope has once."""

OF_A_TURN = {"turnId", "streamId", "eventId", "segmentId", "idempotencyKey", "dispatchId"}
OF_HISTORY = {*OF_A_TURN, "sessionId", "sourceId", "jobId", "deletionJobId", "requestIdText"}
ONCE = {
    "codex_threads",
    "codex_thread_bindings",
    "codex_sync_import_source_chunks",
    "codex_payload_parts",
}
"""What a thread has once, or what is gone when it is past."""

ENDED = {
    "codex_turns": {"status": "completed"},
    "codex_messages": {"status": "completed"},
    "codex_turn_dispatches": {"status": "completed"},
    "codex_sync_import_jobs": {"state": "succeeded"},
    "codex_sync_import_sources": {"state": "sealed"},
    "codex_streams": {"state": {"kind": "finished", "endedAt": 1.0}},
    "codex_stream_stats": {"state": "finished"},
}
"""What has become of what lies in the past."""


def to_others(table, row, number):
    scope = (f"owner{number}", f"owne{number}", f"anon:owner{number}")[number % 3]
    return {**row, "userScope": scope, **({"userId": scope} if "userId" in row else {})}


def to_other_threads(table, row, number):
    return aged(renamed(row, OF_A_THREAD, number), 1_000 * number)


def into_history(table, row, number):
    if table in ONCE:
        return None
    return aged({**renamed(row, OF_HISTORY, number), **ENDED.get(table, {})}, 1_000 * number)


GROWTHS = {
    "other users": to_others,
    "other threads": to_other_threads,
    "the history of the thread": into_history,
}


@pytest.fixture
def small_limits(monkeypatch):
    lower_limits(monkeypatch)


@pytest.fixture(scope="module")
def meters():
    """A world with one neighbour of each kind, so that pages are full; and with a hundred."""
    world = world_of(user="owner")
    rows = documents(garden(world))
    found = {}
    for growth in (None, *GROWTHS):
        backend = garden(world)
        for name, change in GROWTHS.items():
            copies(backend, rows, change, range(1, 1 + (HUNDREDFOLD if name == growth else 1)))
        found[growth] = Meter(backend)
    return world, found


@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("name", PUBLIC + DOORS)
def test_a_call_reads_the_same_when_what_surrounds_it_grows_a_hundredfold(
    name, growth, meters, small_limits
):
    world, found = meters
    for args in arguments(name, world.values):
        before = found[None].cost(name, ACTOR, args)
        after = found[growth].cost(name, ACTOR, args)
        if name in SAMPLES and growth != "other users":
            assert after.documents <= before.documents + 3 * len(TABLES), args
        else:
            assert after == before, args


@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("name", INTERNAL)
def test_what_goes_on_by_itself_reads_the_same_as_well(name, growth, meters, small_limits):
    world, found = meters
    [job] = [
        row for key, row in documents(world.backend()).items() if key[1] == "codex_sync_import_jobs"
    ]
    scope = {"userScope": "owner", "staleBeforeMs": START + 1, "nowMs": START}
    ending = {"status": "completed", "error": "", "deleteDelayMs": 1}
    values = {**world.values, **scope, **ending, "sampleSize": 1, "batchSize": 1}
    values["leaseVersion"] = job["leaseVersion"]
    for args in arguments(name, values):
        before = found[None].cost(name, ACTOR, args)
        assert found[growth].cost(name, ACTOR, args) == before, args


def test_what_surrounds_the_world_has_grown_a_hundredfold(meters):
    """Or the test above would say nothing."""
    _, found = meters
    few = len(documents(found[None].backend))
    for growth in GROWTHS:
        assert len(documents(found[growth].backend)) > 20 * few, growth


@pytest.mark.parametrize("name", LISTS)
def test_a_page_reads_the_same_whatever_is_newer_than_its_cursor(name, small_limits):
    world = world_of(user="owner")
    rows = documents(garden(world))
    costs = []
    for newer in (1, HUNDREDFOLD):
        backend = garden(world)
        for change in (to_other_threads, into_history):
            copies(backend, rows, change, range(1, 4))
        meter = Meter(backend)
        first, *_ = arguments(name, world.values)
        page = call(backend, name, ACTOR, first).value
        options = {"numItems": 1, "cursor": page["continueCursor"]}

        def into_the_future(table, row, number):
            change = to_other_threads if table != LISTS[name] or _is_of_many(name) else into_history
            return None if (row := change(table, row, number)) is None else aged(row, -(10**9))

        copies(backend, rows, into_the_future, range(10, 10 + newer))
        again = call(backend, name, ACTOR, {**first, "paginationOpts": options}).value
        assert again["page"] != page["page"]
        assert len(again["page"]) == 1
        costs.append(meter.cost(name, ACTOR, {**first, "paginationOpts": options}))
    assert costs[0] == costs[1]


def _is_of_many(name):
    """Whether a list goes over all threads of an actor."""
    return name in {"threads.list", "approvals.listPending"}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_two_reads_two_rows_and_one_more(name):
    """And what else it has to look up: its thread, or the bindings and previews of its rows."""
    world = world_of(user="owner")
    backend = garden(world)
    rows = documents(backend)
    for change in (to_other_threads, into_history):
        copies(backend, rows, change, range(1, 10))
    meter = Meter(backend)
    first, *_ = arguments(name, world.values)
    costs = [
        meter.cost(name, ACTOR, {**first, "paginationOpts": {"numItems": size, "cursor": None}})
        for size in (2, 3, 4)
    ]
    each = 1 if name != "threads.list" else 4
    grown = [after.documents - before.documents for before, after in pairwise(costs)]
    assert all(0 < more <= each for more in grown), grown
    assert costs[0].documents <= 2 * each + 1 + 1


@pytest.fixture(scope="module")
def two_worlds():
    """A backend with the same world twice: the owner's, and a stranger's with the same names."""
    backend = nobody()
    owner = populate(Host(backend, user="owner"))
    stranger = populate(Host(backend, user="stranger"))
    return backend, owner, stranger


def test_nobodys_writes_run_anothers_reads_again_nor_conflict_with_anothers_writes(two_worlds):
    backend, owner, stranger = two_worlds
    meter = Meter(backend)
    reads = {
        (name, place): meter.read(name, ACTOR, args).read_set
        for name in PUBLIC + DOORS
        for place, args in enumerate(arguments(name, owner))
    }
    touched = []
    for name in PUBLIC + DOORS:
        commits = []
        stop = backend.subscribe_commits(commits.append)
        for args in arguments(name, stranger):
            call(backend, name, {"userId": "stranger"}, args)
        settle(backend)
        stop()
        touched += [
            (name, read)
            for read, read_set in reads.items()
            if any(read_set.touched_by(commit) for commit in commits)
        ]
    assert touched == []


def test_one_threads_writes_conflict_with_nothing_of_another_thread():
    backend = nobody()
    host = Host(backend, user="owner")
    here, there = populate(host), populate(host, "-there")
    meter = Meter(backend)
    of_threads = [name for name in PUBLIC + DOORS if _is_of_one_thread(name)]
    reads = {
        name: meter.read(name, ACTOR, arguments(name, here)[-1]).read_set for name in of_threads
    }
    touched = []
    for name in of_threads:
        commits = []
        stop = backend.subscribe_commits(commits.append)
        call(backend, name, ACTOR, arguments(name, there)[-1])
        settle(backend)
        stop()
        touched += [
            (name, read)
            for read, read_set in reads.items()
            if any(read_set.touched_by(commit) for commit in commits)
        ]
    assert touched == []


def _is_of_one_thread(name):
    declared = FUNCTIONS[name] if "." in name else ENDPOINTS[name]
    fields = fields_of(declared.args)
    return any(
        field in fields and not fields[field].is_optional
        for field in ("threadId", "conversationId")
    )
