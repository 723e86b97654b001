"""Actors: whose a row is, and who may act as whom (spec 01 §2, 05 §3.2, 12 §20)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.contract.actors import (
    Actor,
    actor_for_identity,
    canonical_actor,
    scope_of,
    trimmed,
)
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import ContractError

LOOKALIKES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["anon:", "user:", "__anonymous__", "anon:a", "user:anon:a", "a", " a ", ""]),
    st.builds("{}{}".format, st.sampled_from(["anon:", "user:", " ", "﻿"]), st.text(max_size=4)),
)
ACTORS = st.builds(
    Actor,
    user_id=st.one_of(st.just(UNSET), LOOKALIKES),
    anonymous_id=st.one_of(st.just(UNSET), LOOKALIKES),
)


@pytest.mark.parametrize(
    ("actor", "scope"),
    [
        (Actor(user_id=" u "), "u"),
        (Actor(user_id="u"), "u"),
        (Actor(anonymous_id="a"), "anon:a"),
        (Actor(anonymous_id=" a\t"), "anon:a"),
        (Actor(), "__anonymous__"),
        (Actor(user_id="  ", anonymous_id=""), "__anonymous__"),
        (Actor(user_id="u", anonymous_id="a"), "u"),
        (Actor(user_id="\x1cu"), "\x1cu"),
        (Actor(user_id="﻿u"), "u"),
    ],
)
def test_a_scope_is_made_of_the_trimmed_identity(actor, scope):
    assert scope_of(actor) == scope


@given(ACTORS, ACTORS)
def test_two_actors_share_a_scope_only_if_they_are_the_same_actor(one, other):
    same = canonical_actor(one) == canonical_actor(other)
    assert (scope_of(one) == scope_of(other)) is same


@given(ACTORS)
def test_a_canonical_actor_is_canonical_already(actor):
    once = canonical_actor(actor)
    assert canonical_actor(once) == once
    assert scope_of(once) == scope_of(actor)


@given(st.text(max_size=8))
def test_trimming_takes_blanks_off_the_ends_only(identity):
    assert trimmed(f" {identity} ") == trimmed(identity)
    assert trimmed(identity) in identity


@pytest.mark.parametrize(
    ("identity", "requested", "actor"),
    [
        ({"subject": "user-1"}, Actor(), Actor(user_id="user-1")),
        ({"subject": "user-1"}, Actor(user_id=" user-1 "), Actor(user_id="user-1")),
        (None, Actor(), Actor()),
        (None, Actor(anonymous_id="a"), Actor(anonymous_id="a")),
        ({"subject": " "}, Actor(anonymous_id="a"), Actor(anonymous_id="a")),
        ({"issuer": "i"}, Actor(), Actor()),
    ],
)
def test_an_actor_is_who_the_caller_is(identity, requested, actor):
    assert actor_for_identity(identity, requested) == actor


@pytest.mark.parametrize(
    ("identity", "requested"),
    [
        ({"subject": "user-1"}, Actor(user_id="user-2")),
        ({"subject": "user-1"}, Actor(anonymous_id="a")),
        (None, Actor(user_id="user-1")),
    ],
)
def test_nobody_acts_as_somebody_else(identity, requested):
    with pytest.raises(ContractError) as refused:
        actor_for_identity(identity, requested)
    assert refused.value.code == "E_AUTH_SESSION_FORBIDDEN"
    assert "user-1" not in str(refused.value)
