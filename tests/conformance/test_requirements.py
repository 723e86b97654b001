"""The catalogue of requirements and the checks belong together, both ways."""

from __future__ import annotations

import re

import pytest

from codex_conformance.miniatures import MINIATURES, breakers_of
from codex_conformance.requirements import REQUIREMENTS, Level
from codex_conformance.requirements.expectations import FINAL_STATUS
from codex_conformance.suites.catalogue import CHECKS, SUITES
from codex_conformance.suites.plays.groups import TURNS
from codex_conformance.suites.registry import Register

ID = re.compile(r"(protocol|lifecycle)\.[a-z-]+\.[a-z0-9-]+")
SOURCE = re.compile(r"(FACTS|spec \d\d) §\d+(, §\d+)*")


def test_every_requirement_has_a_check_and_every_check_a_requirement():
    assert list(CHECKS) == list(REQUIREMENTS)
    assert all(check.requirement is REQUIREMENTS[id_] for id_, check in CHECKS.items())


def test_the_suites_are_protocol_and_lifecycle():
    assert SUITES == ("protocol", "lifecycle")


@pytest.mark.parametrize("requirement", REQUIREMENTS.values(), ids=lambda row: row.id)
def test_a_requirement_says_what_it_wants_and_where_that_comes_from(requirement):
    assert ID.fullmatch(requirement.id)
    assert SOURCE.fullmatch(requirement.source)
    assert requirement.text.endswith(".")
    assert requirement.level in Level


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.id)
def test_a_check_says_what_it_does_and_so_do_its_plays(check):
    assert check.does.endswith(".")
    assert check.bound > 0
    assert len({piece.name for piece in check.plays}) == len(check.plays)
    assert all(piece.says.endswith(".") and piece.bound > 0 for piece in check.plays)


def test_plays_of_one_name_are_one_play():
    plays = {piece.name: piece for check in CHECKS.values() for piece in check.plays}
    assert all(plays[piece.name] is piece for check in CHECKS.values() for piece in check.plays)


@pytest.mark.parametrize("check_id", CHECKS)
def test_every_check_is_failed_by_a_miniature(check_id):
    assert breakers_of(check_id)


def test_miniatures_name_checks_that_exist():
    assert set().union(*(found.fails for found in MINIATURES.values())) == set(CHECKS)


def test_the_expected_endings_cover_the_turns_that_are_judged_by_them():
    assert set(FINAL_STATUS) == {piece.name for piece in TURNS}


def test_a_requirement_cannot_get_a_second_check(new_play):
    register = Register()
    some_id = next(iter(REQUIREMENTS))

    @register.check(some_id, on=(new_play(),))
    async def first(scene):
        del scene

    with pytest.raises(ValueError, match="has a check already"):
        register.check(some_id, on=(new_play(),))


def test_a_check_of_an_unknown_requirement_is_refused(new_play):
    with pytest.raises(ValueError, match="no requirement of the catalogue"):
        Register().check("protocol.no.such", on=(new_play(),))


def test_a_check_without_a_play_is_refused():
    with pytest.raises(ValueError, match="judges no play"):
        Register().check(next(iter(REQUIREMENTS)), on=())
