"""An actor sees and changes nothing of another: every public function and every endpoint.

Generated over the contract: each is called by somebody without data with arguments that name
somebody else's, and must answer as if there were nothing (spec 01 §2, 12 D-SCO-03, D-SCO-04).
"""

import re
from functools import cache

import pytest

from codex_runtime.contract.actors import Actor, canonical_actor, scope_of
from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import to_value
from codex_runtime.contract.tables import TABLES
from support.component_world import (
    DOORS,
    PUBLIC,
    arguments,
    call,
    documents,
    nobody,
    settle,
    world_of,
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

PAIRS = {
    "another user": (Actor(user_id="owner"), Actor(user_id="owner2")),
    "a user named like an anonymous": (Actor(anonymous_id="a"), Actor(user_id="anon:a")),
    "an anonymous named like a user": (Actor(user_id="anon:a"), Actor(anonymous_id="a")),
    "a user named like nobody": (Actor(), Actor(user_id="__anonymous__")),
    "nobody, blank names given": (
        Actor(user_id="__anonymous__"),
        Actor(user_id=" ", anonymous_id="\t"),
    ),
    "a user named like an escaped one": (Actor(user_id="anon:a"), Actor(user_id="user:anon:a")),
    "an anonymous with a user's name": (
        Actor(user_id="owner"),
        Actor(user_id="", anonymous_id="owner"),
    ),
    "another case": (Actor(user_id="owner"), Actor(user_id="Owner")),
    "something invisible behind": (Actor(user_id="owner"), Actor(user_id="owner\u200b")),
    "the same letter, composed otherwise": (
        Actor(user_id="caf\u00e9"),
        Actor(user_id="cafe\u0301"),
    ),
    "a letter of another script": (Actor(user_id="owner"), Actor(user_id="\u043ewner")),
}
"""Whose data there is, and who asks for it."""

CLOSEST = [pair for pair in PAIRS if "named like" in pair or pair == "another user"]
"""Those whose scopes are the most alike. A backend for each mutation takes its time; the whole
sequence of calls is run for every pair."""

KINDS = {
    **{name: function.kind for name, function in FUNCTIONS.items()},
    **{name: endpoint.kind for name, endpoint in ENDPOINTS.items()},
}
READS = [name for name in PUBLIC + DOORS if KINDS[name] == "query"]
WRITES = [name for name in PUBLIC + DOORS if KINDS[name] == "mutation"]


class Changes:
    """Every row a backend writes from now on."""

    def __init__(self, backend):
        self.writes = []
        backend.subscribe_commits(lambda commit: self.writes.extend(commit.writes))

    def of_others(self, scope):
        """The writes that touch a row of somebody else, or a job that somebody else scheduled."""
        own_jobs = {write.id for write in self.writes if write.old is None}
        return [
            write
            for write in self.writes
            if not (
                {_scope_of_row(write.old), _scope_of_row(write.new)} <= {None, scope}
                if write.table.name in TABLES
                else write.id in own_jobs
            )
        ]


def _scope_of_row(stored):
    return None if stored is None else stored.fields["userScope"]


def _told(outcome, args):
    """What an outcome tells its caller; ids that it made up itself are all the same."""
    known = set(UUID.findall(repr(args)))
    told = repr((outcome.ok, outcome.value, outcome.error and outcome.error.data))
    return UUID.sub(lambda found: found[0] if found[0] in known else "<new>", told)


@pytest.mark.parametrize("name", PUBLIC + DOORS)
def test_everything_of_a_world_can_be_reached_by_its_owner(name):
    """Or the tests below would say nothing: there is something to see and to change."""
    world = world_of(user="owner")
    backend = world.backend()
    for args in arguments(name, world.values):
        outcome = call(backend, name, {"userId": "owner"}, args)
        rehearsed = not outcome.ok and outcome.error.data["code"] == "E_HOST_WIRING_REHEARSED"
        assert outcome.ok or (rehearsed and name == "rehearseHostMutation"), outcome.error


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", READS)
def test_somebody_elses_data_is_not_seen(name, pair):
    owner, stranger = PAIRS[pair]
    for args in arguments(name, _world(owner).values):
        answers = [call(backend, name, to_value(stranger), args) for backend in _read_only(owner)]
        assert _told(answers[0], args) == _told(answers[1], args)


@pytest.mark.parametrize("pair", CLOSEST)
@pytest.mark.parametrize("name", WRITES)
def test_somebody_elses_data_is_neither_seen_nor_changed(name, pair):
    owner, stranger = PAIRS[pair]
    actor = to_value(stranger)
    world = _world(owner)
    lived_in, empty = world.backend(), nobody()
    changes = Changes(lived_in)
    for args in arguments(name, world.values):
        answers = [call(backend, name, actor, args) for backend in (lived_in, empty)]
        assert _told(answers[0], args) == _told(answers[1], args)
    settle(lived_in)
    assert changes.of_others(scope_of(stranger)) == []


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("names", [PUBLIC, DOORS], ids=["functions", "endpoints"])
def test_whatever_somebody_does_leaves_every_row_of_another_as_it_was(names, pair):
    owner, stranger = PAIRS[pair]
    world = _world(owner)
    backend = world.backend()
    before = documents(backend)
    for name in names:
        for args in arguments(name, world.values):
            call(backend, name, to_value(stranger), args)
    settle(backend)
    after = documents(backend)
    assert {key: after.get(key) for key in before} == before
    made = {key: row for key, row in after.items() if key not in before and key[1] in TABLES}
    assert {row["userScope"] for row in made.values()} == {scope_of(stranger)}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (Actor(user_id="owner"), Actor(user_id=" owner\t")),
        (Actor(user_id=" owner "), Actor(user_id="owner", anonymous_id="a")),
        (Actor(anonymous_id="a"), Actor(user_id=" ", anonymous_id="\ufeffa")),
    ],
)
@pytest.mark.parametrize("name", PUBLIC)
def test_the_same_actor_written_otherwise_gets_the_same_answers(name, written, read):
    assert canonical_actor(written) == canonical_actor(read)
    world = _world(written)
    args = arguments(name, world.values)[-1]
    if KINDS[name] == "mutation":
        # Said again, most of them answer otherwise: each is said once, to a state of its own.
        answers = [call(world.backend(), name, to_value(actor), args) for actor in (written, read)]
    else:
        lived_in, _ = _read_only(written)
        answers = [call(lived_in, name, to_value(actor), args) for actor in (written, read)]
    assert answers[0].ok
    assert _told(answers[0], args) == _told(answers[1], args)


def test_a_rows_owner_is_stored_trimmed():
    world = _world(Actor(user_id=" owner "))
    rows = [row for key, row in documents(world.backend()).items() if key[1] in TABLES]
    assert {row["userScope"] for row in rows} == {"owner"}
    assert {row["userId"] for row in rows if "userId" in row} == {"owner"}


def test_every_table_that_is_written_has_a_row_in_a_world():
    """Or the tests above would say nothing of that table."""
    reserved = {"codex_items", "codex_event_summaries"}
    written = {key[1] for key in documents(_world(Actor(user_id="owner")).backend())}
    assert set(TABLES) - reserved <= written


def test_every_function_behind_an_endpoint_is_public():
    behind = {endpoint.function for endpoint in ENDPOINTS.values()} - {None}
    assert behind <= set(PUBLIC)
    assert set(PUBLIC) <= set(FUNCTIONS)


@cache
def _read_only(owner):
    """A backend with an owner's world and one with nothing, for those who only read."""
    return _world(owner).backend(), nobody()


def _world(owner):
    named = to_value(owner)
    return world_of(user=named.get("userId"), anonymous=named.get("anonymousId"))
