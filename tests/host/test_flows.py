"""Flows: driven one at a time, woken in order, told once how they ended."""

from codex_runtime.host.flows import Flows, Settle, Signal


def test_a_flow_that_is_woken_goes_on_when_the_one_that_woke_it_has_yielded():
    flows, signal, order = Flows(), Signal(), []

    def sleeper():
        yield signal
        order.append("sleeper")

    def other():
        order.append("other")
        yield "a step"

    def waker():
        flows.fire(signal)
        # Beginning another flow is no reason to go on with anybody in the middle of this one.
        flows.begin(other())
        order.append("waker")
        yield "a step"

    flows.begin(sleeper())
    flows.begin(waker())
    assert order == ["other", "waker", "sleeper"]


def test_a_flow_that_ends_the_others_ends_the_one_that_has_woken_it_too():
    flows, signal, ended = Flows(), Signal(), []

    def ender():
        yield signal
        ended.extend(flows.cancel_all(RuntimeError("over"), lasting=True))

    def waker():
        flows.fire(signal)
        flows.begin(iter_once())
        yield "a step that is never done"

    def iter_once():
        yield "another"

    flows.begin(ender())
    flows.begin(waker(), "ticket", lasting=True)
    assert len(flows) == 0
    assert [one.ticket for one in ended if isinstance(one, Settle)] == ["ticket"]
