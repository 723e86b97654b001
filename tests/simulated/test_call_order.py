"""In which order the calls of one response are taken up."""

from __future__ import annotations

import pytest

from codex_fakes.app_server.threads.call_order import CallOrder


class Line(CallOrder):
    """A line of named calls."""

    def __init__(self):
        super().__init__()
        self.taken = []

    def call(self, name, *, alone=False):
        self.add(lambda: self.taken.append(name), alone=alone)


@pytest.fixture
def order():
    return Line()


def test_commands_run_side_by_side(order):
    order.call("a")
    order.call("b")
    assert order.taken == ["a", "b"]


def test_other_tools_wait_until_every_call_before_them_is_done(order):
    order.call("a")
    order.call("b")
    order.call("tool", alone=True)
    order.done()
    assert order.taken == ["a", "b"]
    order.done()
    assert order.taken == ["a", "b", "tool"]


def test_what_is_behind_another_tool_waits_for_it(order):
    order.call("tool", alone=True)
    order.call("a")
    order.call("b")
    assert order.taken == ["tool"]
    order.done()
    assert order.taken == ["tool", "a", "b"]


def test_a_command_does_not_overtake_a_tool_that_waits(order):
    order.call("a")
    order.call("tool", alone=True)
    order.call("b")
    assert order.taken == ["a"]
