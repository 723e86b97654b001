"""The checks of hosts: they pass on the fakes, each can fail, and none leaves anything behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
from contextlib import asynccontextmanager

import pytest

from codex_conformance.miniatures.hosts import HOST_MINIATURES, breakers_of_host
from codex_conformance.requirements import EVERY_REQUIREMENT, HOST_REQUIREMENTS, Level
from codex_conformance.runner.events import Outcome
from codex_conformance.runner.running import Run, RunOptions
from codex_conformance.suites.host_catalogue import HOST_CHECKS, HOST_SUITES
from codex_conformance.suites.host_registry import HostRegister
from codex_conformance.suites.verdicts import Violation
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.limited_deployment import LimitedDeployment
from codex_conformance.targets.memory_deployment import MemoryDeployment, MemoryTarget
from codex_conformance.targets.served_deployment import FakeProcessTarget
from codex_fakes.component.deployed import app
from codex_fakes.convex import Backend

pytestmark = pytest.mark.anyio

ID = re.compile(rf"({'|'.join(HOST_SUITES)})\.[a-z-]+\.[a-z-]+")
SOURCE = re.compile(r"spec \d\d §\d+")
CHECKS = tuple(HOST_CHECKS.values())


async def outcomes_on(target, checks=CHECKS, **options):
    run = await Run(None, checks, (), RunOptions(**options), deployment=target).run()
    return {result.id: result.outcome for result in run.results}, run


def expected_without(*missing):
    """The outcomes on a target that lacks something and is otherwise in order."""
    return {
        check.id: Outcome.NOT_APPLICABLE if check.needs & set(missing) else Outcome.PASS
        for check in CHECKS
    }


def test_every_requirement_has_a_check_and_every_check_a_requirement():
    assert list(HOST_CHECKS) == list(HOST_REQUIREMENTS)
    assert HOST_SUITES == (
        "host_wiring",
        "isolation",
        "ingest",
        "sync_verification",
        "deletion",
        "dispatch",
    )


def test_no_two_requirements_have_one_id():
    assert len(EVERY_REQUIREMENT) == len(set(EVERY_REQUIREMENT))
    assert set(HOST_REQUIREMENTS) < set(EVERY_REQUIREMENT)


@pytest.mark.parametrize("requirement", HOST_REQUIREMENTS.values(), ids=lambda row: row.id)
def test_a_requirement_says_what_it_wants_and_where_that_comes_from(requirement):
    assert ID.fullmatch(requirement.id)
    assert SOURCE.fullmatch(requirement.source)
    assert requirement.text.endswith(".")
    assert requirement.level in Level


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_says_what_it_does_and_is_broken_by_a_miniature(check):
    assert check.does.endswith(".")
    assert check.bound > 0
    assert breakers_of_host(check.id)


def test_miniatures_name_checks_that_exist():
    assert set().union(*(found.fails for found in HOST_MINIATURES.values())) == set(HOST_CHECKS)


def test_a_requirement_cannot_get_a_second_check():
    register = HostRegister()
    some_id = next(iter(HOST_REQUIREMENTS))

    @register.check(some_id)
    async def first(visit):
        del visit

    with pytest.raises(ValueError, match="has a check already"):
        register.check(some_id)
    with pytest.raises(ValueError, match="no requirement of the catalogue"):
        register.check("isolation.no.such")


async def test_every_check_passes_in_memory():
    outcomes, run = await outcomes_on(MemoryTarget())
    assert [r for r in run.results if r.outcome is not Outcome.PASS] == []
    assert outcomes == dict.fromkeys(HOST_CHECKS, Outcome.PASS)
    assert run.exit_code == 0


async def test_every_check_passes_over_http_on_a_process_of_its_own():
    lacking = (HostCapability.READS, HostCapability.VIRTUAL_CLOCK)
    outcomes, run = await outcomes_on(FakeProcessTarget())
    assert [r for r in run.results if r.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)] == []
    assert outcomes == expected_without(*lacking)
    assert run.exit_code == 0


@pytest.mark.parametrize("missing", HostCapability, ids=lambda found: found.value)
async def test_checks_that_need_what_a_deployment_lacks_do_not_apply(missing):
    checks = tuple(check for check in CHECKS if missing in check.needs)
    assert checks
    outcomes, _ = await outcomes_on(LimitedDeployment(MemoryTarget(), frozenset({missing})), checks)
    assert set(outcomes.values()) == {Outcome.NOT_APPLICABLE}


SAMPLE = 10
"""Of the checks a miniature does not name, one in so many is run; all of them in a campaign."""


def checks_for(miniature):
    """The checks that the miniature names, and those that are to pass all the same."""
    campaign = os.environ.get("CODEX_RUNTIME_CAMPAIGN") == "1"
    # Which ones is a matter of the name, so that all miniatures together leave out none.
    offset = sum(miniature.name.encode()) % SAMPLE
    return tuple(
        check
        for place, check in enumerate(CHECKS)
        if campaign or check.id in miniature.fails or place % SAMPLE == offset
    )


@pytest.mark.parametrize("miniature", HOST_MINIATURES.values(), ids=lambda found: found.name)
async def test_a_miniature_fails_exactly_what_it_names(miniature):
    outcomes, run = await outcomes_on(MemoryTarget(miniature.build()), checks_for(miniature))
    failed = {id_ for id_, outcome in outcomes.items() if outcome is Outcome.FAIL}
    assert failed == miniature.fails
    assert [r for r in run.results if r.outcome is Outcome.ERROR] == []


class _Lodging(MemoryDeployment):
    """A deployment that others use too."""

    shared = True

    def __init__(self, backend, only_user=None):
        super().__init__(backend)
        self.only_user = only_user


class _Lodgings(MemoryTarget):
    """One deployment for all checks of a run."""

    def __init__(self, only_user=None):
        super().__init__()
        self.backend = Backend(app)
        self._only_user = only_user

    @asynccontextmanager
    async def visit(self):
        yield _Lodging(self.backend, self._only_user)


def rows_in(backend):
    """How many documents each table of the component has."""
    spaces = json.loads(backend.snapshot())["database"]["spaces"]
    (tables,) = [space["tables"] for space in spaces if space["path"] == "codexLocal"]
    return {
        table["name"]: len(table["documents"])
        for table in tables
        if table["documents"] and not table["name"].startswith("_")
    }


@pytest.mark.parametrize("only_user", [None, "the-only-one"])
async def test_a_run_on_a_shared_deployment_leaves_only_records_of_deletions(only_user):
    lodgings = _Lodgings(only_user)
    alone = frozenset({HostCapability.ACTORS}) if only_user else frozenset()
    # With other users' rows around, rows cannot be counted as if one were alone.
    target = LimitedDeployment(lodgings, alone | {HostCapability.AUDIT})
    outcomes, run = await outcomes_on(target)
    assert [r for r in run.results if r.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)] == []
    assert outcomes == expected_without(HostCapability.AUDIT, *alone)
    await lodgings.backend.run_until_idle()
    assert set(rows_in(lodgings.backend)) <= {"codex_deletion_jobs"}


async def test_a_check_that_is_cut_off_still_cleans_up():
    lodgings = _Lodgings()

    async def opens_and_fails(visit):
        guest = visit.guest()
        await guest.mutate("ensureConversationBinding", conversationId="left behind")
        raise Violation("something", "something else")

    check = type(CHECKS[0])(CHECKS[0].requirement, opens_and_fails)
    outcomes, run = await outcomes_on(lodgings, (check,))
    assert outcomes == {check.id: Outcome.FAIL}
    assert any("left behind" in line for line in run.results[0].evidence)
    await lodgings.backend.run_until_idle()
    assert set(rows_in(lodgings.backend)) == {"codex_deletion_jobs"}


async def test_a_mistake_in_a_check_is_an_error_and_no_verdict():
    async def is_wrong(_visit):
        raise KeyError("a mistake")

    check = type(CHECKS[0])(CHECKS[0].requirement, is_wrong)
    outcomes, run = await outcomes_on(MemoryTarget(), (check,))
    assert outcomes == {check.id: Outcome.ERROR}
    assert run.exit_code == 70


async def test_what_a_scene_needs_and_does_not_get_is_unknown():
    async def needs_too_much(visit):
        await visit.guest().mutate("archiveConversation", conversationId="not there")

    check = type(CHECKS[0])(CHECKS[0].requirement, needs_too_much)
    outcomes, run = await outcomes_on(MemoryTarget(), (check,))
    assert outcomes == {check.id: Outcome.UNKNOWN}
    assert "E_CONVERSATION_NOT_FOUND" in run.results[0].reason


async def test_a_check_that_takes_too_long_is_unknown():
    async def never(_visit):
        await asyncio.Event().wait()

    check = type(CHECKS[0])(CHECKS[0].requirement, never, bound=0.01)
    outcomes, run = await outcomes_on(MemoryTarget(), (check,))
    assert outcomes == {check.id: Outcome.UNKNOWN}
    assert "took longer than 0.01 s" in run.results[0].reason
