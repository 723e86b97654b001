"""Which checks a run runs."""

from __future__ import annotations

import pytest

from codex_conformance.requirements import Level
from codex_conformance.runner.selection import Selection
from codex_conformance.suites.catalogue import CHECKS
from codex_runtime.errors import ConfigurationError


def chosen(**wanted):
    return [check.id for check in Selection(**wanted).choose(CHECKS.values())]


def test_everything_is_chosen_when_nothing_is_asked_for():
    assert chosen() == list(CHECKS)


def test_a_suite_is_chosen_by_its_name():
    found = chosen(suites=("protocol",))
    assert found == [id_ for id_ in CHECKS if id_.startswith("protocol.")]


def test_checks_are_chosen_by_patterns_of_ids_and_stay_in_order():
    found = chosen(only=("lifecycle.turn.*", "protocol.ids.echoed"))
    assert found[0] == "protocol.ids.echoed"
    assert len(found) > 5
    assert all(id_.startswith(("lifecycle.turn.", "protocol.ids.")) for id_ in found)


@pytest.mark.parametrize("level", list(Level))
def test_a_level_is_chosen_alone(level):
    found = chosen(level=level.value)
    assert found == [id_ for id_, check in CHECKS.items() if check.requirement.level is level]


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ({"only": ("lifecycle.turn.completed-onse",)}, "'lifecycle.turn.completed-once'"),
        ({"suites": ("protocoll",)}, "'protocol'"),
    ],
)
def test_a_misspelt_name_is_an_error_with_a_suggestion(wanted, hint):
    with pytest.raises(ConfigurationError) as caught:
        chosen(**wanted)
    assert caught.value.code == "E_CONFORMANCE_CHECK_UNKNOWN"
    assert f"did you mean {hint}" in caught.value.text


def test_one_pattern_that_matches_nothing_is_an_error_beside_one_that_does():
    with pytest.raises(ConfigurationError, match="no check matches 'nothing'"):
        chosen(only=("lifecycle.*", "nothing"))


def test_options_that_exclude_each_other_are_an_error():
    with pytest.raises(ConfigurationError) as caught:
        chosen(suites=("protocol",), only=("lifecycle.*",))
    assert caught.value.code == "E_CONFORMANCE_NOTHING_SELECTED"
