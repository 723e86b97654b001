"""The suites' own tables of a runtime say the same as the runtime's."""

from __future__ import annotations

import pytest

from codex_conformance.requirements.runtime_states import (
    EXPECTED_EVENTS,
    EXPECTED_IDENTITIES,
    EXPECTED_LIFECYCLE,
    EXPECTED_SOURCES,
    RUNNING,
    SHOWN_PHASES,
    walk,
)
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.phases import LIFECYCLE, SOURCES, phase_of


def test_states_and_events_are_the_same():
    assert set(EXPECTED_LIFECYCLE) == set(LIFECYCLE.states)
    assert set(EXPECTED_EVENTS) == set(LIFECYCLE.events)


@pytest.mark.parametrize("state", EXPECTED_LIFECYCLE)
@pytest.mark.parametrize("event", EXPECTED_EVENTS)
def test_an_event_leads_where_the_specification_says(state, event):
    expected = EXPECTED_LIFECYCLE[state].get(event, state)
    try:
        found = LIFECYCLE.move(state, event, "a runtime")
    except CodexRuntimeError as error:
        found = error.code
    assert found == expected


def test_the_sources_are_the_same_where_the_specification_has_one():
    assert EXPECTED_SOURCES.items() <= SOURCES.items()


def test_the_same_phases_are_shown():
    assert {state: phase_of(state) for state in LIFECYCLE.states} == {
        state: SHOWN_PHASES.get(state, state) for state in EXPECTED_LIFECYCLE
    }
    assert set(EXPECTED_LIFECYCLE) > RUNNING


def test_a_walk_tells_the_phases_that_are_shown_on_the_way():
    assert walk("idle", "connect", "opened", "protocolError", "event", "exit") == [
        ("starting", "runtime"),
        ("running", "runtime"),
        ("error", "protocol_error"),
        ("running", "bridge_event"),
        ("error", "process_exit"),
    ]
    assert walk("stopping", "connect") == []


def test_every_row_of_the_identities_is_about_another_situation():
    rows = {(row.previous, row.pinned) for row in EXPECTED_IDENTITIES.values()}
    assert len(rows) == len(EXPECTED_IDENTITIES) == 6
