"""Every measured rule is held by a requirement, or it is said why not; none is held by nothing."""

from __future__ import annotations

import re

import pytest

from codex_conformance.requirements import REQUIREMENTS
from support.measured_rules import MEASURED_RULES, Because

HELD = [
    (section, rule, id_)
    for section, rules in MEASURED_RULES.items()
    for rule, held in rules.items()
    if isinstance(held, str)
    for id_ in held.split()
]
"""Section, rule and requirement, wherever a rule is held by one."""


def sections_of(requirement):
    """The sections that a requirement names as its source, but those for users of other clients."""
    return set(re.findall(r"§\d+", requirement.source)) & set(MEASURED_RULES)


def test_the_sections_are_those_of_the_subject():
    assert set(MEASURED_RULES) == {f"§{number}" for number in range(3, 17)}


@pytest.mark.parametrize("section", MEASURED_RULES)
def test_a_rule_names_requirements_or_says_why_it_is_none(section):
    for rule, held in MEASURED_RULES[section].items():
        assert rule
        if isinstance(held, Because):
            assert held.reason.endswith(".")
        else:
            ids = held.split()
            assert ids
            assert len(set(ids)) == len(ids)


def test_rules_name_requirements_that_exist_and_come_from_there():
    for section, rule, id_ in HELD:
        assert id_ in REQUIREMENTS, (section, rule, id_)
        assert section in sections_of(REQUIREMENTS[id_]), (section, rule, id_)


@pytest.mark.parametrize("requirement", REQUIREMENTS.values(), ids=lambda row: row.id)
def test_every_requirement_holds_a_rule_of_each_section_it_comes_from(requirement):
    named = {section for section, _, id_ in HELD if id_ == requirement.id}
    assert sections_of(requirement) == named
