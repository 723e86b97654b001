"""A target without an app-server: what the runner is tested with."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codex_conformance.requirements import Level, Requirement
from codex_conformance.suites.playing import Play
from codex_conformance.suites.registry import Check
from codex_conformance.targets.door import Capability
from codex_fakes.script.steps import Script


@dataclass
class EmptyVenue:
    """A venue in which nothing can be started."""

    folder: Path = Path("nowhere")
    problems: tuple = ()

    async def start(self):
        raise AssertionError("the plays of these tests start nothing")

    def open_gate(self, name):
        raise AssertionError(f"there is no gate {name}")


@dataclass
class EmptyTarget:
    """A target whose venues are empty; it counts them."""

    capabilities: frozenset = frozenset(Capability)
    jobs: int = 4
    patience: float = 5.0
    name: str = "empty"
    refusal: Exception | None = None
    opened: int = 0
    closed: int = 0
    problems: tuple = ()

    async def preflight(self):
        if self.refusal is not None:
            raise self.refusal
        return "nothing"

    @asynccontextmanager
    async def open(self, _script, _settings):
        self.opened += 1
        try:
            yield EmptyVenue(problems=self.problems)
        finally:
            self.closed += 1


@dataclass
class Listener:
    """A reporter that keeps what it hears."""

    events: list = field(default_factory=list)

    def report(self, event):
        self.events.append(event)


async def nothing(_stage):
    """Nothing happens."""


def make_play(name="nothing", act=nothing, **details):
    return Play(name=name, says="Nothing.", script=Script(), act=act, **details)


def make_check(judge, id_="fake.subject.rule", level=Level.MUST, plays=None, **details):
    requirement = Requirement(id_, level, "A rule.", "a test", details.pop("capability", None))
    return Check(requirement, judge, plays or (make_play(),), **details)


@pytest.fixture
def empty_target():
    return EmptyTarget()


@pytest.fixture
def make_target():
    return EmptyTarget


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def new_play():
    return make_play


@pytest.fixture
def new_check():
    return make_check
