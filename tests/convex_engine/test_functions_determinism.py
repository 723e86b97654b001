"""Time that stands still, chance that repeats itself, and who calls (FACTS §5.11)."""

from __future__ import annotations

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    Component,
    Identity,
    SystemClock,
    VirtualClock,
    action,
    component_function,
    mutation,
    query,
)

pytestmark = pytest.mark.anyio


class Functions:
    @mutation
    def draw(ctx, args):
        made = ctx.db.insert("rows", {"r": ctx.random()})
        return [made, ctx.random(), ctx.run_mutation("m:inner")]

    @mutation
    def inner(ctx, args):
        return [ctx.random(), ctx.now()]

    @query
    def chance(ctx, args):
        return ctx.random()

    @mutation
    def times(ctx, args):
        clock = args.get("seen", [])
        return [*clock, ctx.now(), ctx.run_mutation("m:inner")[1]]

    @query
    def who(ctx, args):
        return ctx.auth.get_user_identity()

    @mutation
    def who_writes(ctx, args):
        return ctx.run_query("m:who")

    @action
    async def who_acts(ctx, args):
        return [ctx.auth.get_user_identity(), await ctx.run_query("m:who"), ctx.now()]

    @action
    async def chances(ctx, args):
        return [ctx.random(), ctx.random()]

    @query
    def who_in_component(ctx, args):
        return ctx.run_query(component_function("kv", "m:who"))

    @query
    def spoil(ctx, args):
        ctx.auth.get_user_identity()["subject"] = "somebody else"
        return ctx.auth.get_user_identity()["subject"]


APP = App(
    modules={"m": Functions}, components={"kv": Component(modules={"m": {"who": Functions.who}})}
)
ALICE = Identity("alice", "https://issuer.test", {"email": "a@x.test", "level": 3})


def history(seed):
    backend = Backend(APP, seed=seed)
    return [backend.mutation("m:draw").unwrap(), backend.mutation("m:draw").unwrap()]


def test_the_same_seed_gives_the_same_ids_and_the_same_chance():
    assert history(7) == history(7)
    assert history(7) != history(8)


def test_every_call_has_a_chance_of_its_own():
    backend = Backend(APP)
    drawn = {backend.query("m:chance").unwrap() for _ in range(20)}
    assert len(drawn) == 20
    assert all(0 <= number < 1 for number in drawn)


async def test_an_action_has_a_chance_that_repeats_itself_as_well():
    first, again = Backend(APP), Backend(APP)
    one = (await first.action("m:chances")).unwrap()
    assert one == (await again.action("m:chances")).unwrap()
    assert one[0] != one[1]


class Running:
    """A clock that goes on whenever somebody looks."""

    def __init__(self):
        self.now = 1_000.25

    def now_ms(self):
        self.now += 10
        return self.now


def test_time_stands_still_inside_a_transaction_and_has_no_fraction():
    backend = Backend(APP, clock=Running())
    first, nested = backend.mutation("m:times").unwrap()
    assert first == nested
    assert first.is_integer()
    assert backend.mutation("m:times").unwrap()[0] > first


def test_a_virtual_clock_moves_only_when_it_is_moved_and_never_back():
    clock = VirtualClock(5_000)
    backend = Backend(APP, clock=clock)
    assert backend.mutation("m:times").unwrap() == [5_000, 5_000]
    clock.advance_to(6_000)
    clock.advance_to(5_500)
    assert backend.mutation("m:times").unwrap() == [6_000, 6_000]


def test_the_system_clock_never_goes_back():
    clock = SystemClock()
    seen = [clock.now_ms() for _ in range(100)]
    assert seen == sorted(seen)
    assert seen[0] > 1.7e12


def test_timestamps_follow_the_clock_from_the_start():
    clock = VirtualClock(5_000)
    backend = Backend(APP, clock=clock)
    assert backend.ts == 5_000_000_000
    clock.advance_to(6_000)
    assert backend.mutation("m:draw").ts == 6_000_000_000
    assert backend.mutation("m:draw").ts == 6_000_000_001


def test_a_mutation_that_is_run_again_sees_a_new_time_and_another_chance():
    clock = VirtualClock(5_000)
    backend = Backend(APP, clock=clock)
    expected = Backend(APP).mutation("m:draw").unwrap()
    backend.inject_conflicts(1)
    pending = backend.begin_mutation("m:draw")
    clock.advance_to(6_000)
    drawn = pending.commit().unwrap()
    assert drawn[2][1] == 6_000
    assert drawn[1] != expected[1]


async def test_the_identity_of_the_caller_reaches_every_function_of_the_app():
    backend = Backend(APP)
    seen = {
        "tokenIdentifier": "https://issuer.test|alice",
        "subject": "alice",
        "issuer": "https://issuer.test",
        "email": "a@x.test",
        "level": 3.0,
    }
    assert backend.query("m:who", identity=ALICE).value == seen
    assert backend.mutation("m:who_writes", identity=ALICE).value == seen
    acted = (await backend.action("m:who_acts", identity=ALICE)).unwrap()
    assert acted[:2] == [seen, seen]
    assert (await backend.run("m:who", identity=ALICE)).value == seen


async def test_nobody_is_null():
    backend = Backend(APP)
    assert backend.query("m:who").value is None
    assert (await backend.action("m:who_acts")).unwrap()[:2] == [None, None]


def test_a_component_is_not_told_who_calls():
    assert Backend(APP).query("m:who_in_component", identity=ALICE).unwrap() is None


def test_a_handler_cannot_change_who_calls():
    assert Backend(APP).query("m:spoil", identity=ALICE).unwrap() == "alice"


def test_the_claims_of_a_token_get_convexs_names():
    identity = Identity.from_token_claims(
        {
            "iss": "https://issuer.test",
            "sub": "alice",
            "aud": "app",
            "exp": 1,
            "iat": 1,
            "given_name": "Alice",
            "email_verified": True,
            "picture": "https://x.test/a.png",
            "org": {"id": 3},
            "nickname": None,
        }
    )
    assert identity.to_value() == {
        "tokenIdentifier": "https://issuer.test|alice",
        "issuer": "https://issuer.test",
        "subject": "alice",
        "givenName": "Alice",
        "emailVerified": True,
        "pictureUrl": "https://x.test/a.png",
        "org": {"id": 3.0},
    }


def test_an_identity_may_have_a_token_identifier_of_its_own():
    assert Identity("a", "b", token_identifier="c").to_value()["tokenIdentifier"] == "c"
