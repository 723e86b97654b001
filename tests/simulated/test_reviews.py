"""Reviews of every kind of target, inline and detached: the simulation as the real binary."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from codex_fakes.script import Response, Say, Script, Wait
from support.programs import NEVER, Call, Open, Program, read, start, turn

pytestmark = [pytest.mark.anyio, pytest.mark.real]

ANSWERS = Script(responses=tuple(Response(steps=(Say(text=f"answer {n}"),)) for n in range(8)))
MINE = {"type": "custom", "instructions": " look at it "}
CHANGES = {"type": "uncommittedChanges"}


def review(target, **params):
    return Call("review/start", {"threadId": "$t", "target": target, **params})


def branch(name):
    return {"type": "baseBranch", "branch": name}


def commit(sha, **title):
    return {"type": "commit", "sha": sha, **title}


LEGACY = {"historyMode": "legacy"}
HELD = Script(
    responses=(
        Response(steps=(Say(text="held ", left_open=True), Wait(gate="go"))),
        *ANSWERS.responses,
    )
)
PROGRAMS = {
    "every target": (
        review(CHANGES),
        review(commit(" abcdef1234567890 ")),
        review(commit("abcdef1234567890", title=" Fix it ")),
        review(commit("abc", title=" ")),
        review(MINE),
        read(),
    ),
    "targets that name nothing": (
        review(branch(" ")),
        review(commit(" ")),
        review({"type": "custom", "instructions": "\n"}),
        Call("review/start", {"threadId": NEVER, "target": branch(" ")}),
        Call("review/start", {"threadId": NEVER, "target": CHANGES, "delivery": "detached"}),
    ),
    "a branch outside of a repository": (
        review(branch(" main ")),
        read(turns=False),
        turn("after"),
        turn("then"),
        read(),
    ),
    "a branch outside of a repository, then a review": (
        review(branch("main")),
        review(commit("abc")),
        turn("after"),
    ),
    "detached from a paginated thread": (
        review(MINE, delivery="detached"),
        turn("one"),
        review(CHANGES, delivery="detached"),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_review_is_what_it_is_on_the_real_one(name, the_same):
    await the_same(Program(ANSWERS, (start(), *PROGRAMS[name])))


async def test_a_detached_review_has_a_thread_of_its_own(the_same):
    steps = (
        start(**LEGACY),
        review(CHANGES, delivery="detached"),
        turn("one"),
        review(MINE, delivery="detached"),
        review(branch("main"), delivery="detached"),
        review(commit("abcdef1234567890", title="Fix it"), delivery="detached"),
        review(commit(" "), delivery="detached"),
        Call("thread/loaded/list"),
    )
    await the_same(Program(ANSWERS, steps))


async def test_a_review_that_cannot_begin_lets_the_running_turn_be(the_same):
    steps = (start(), turn("held"), review(branch("main")), Open("go"), turn("next"))
    await the_same(Program(HELD, steps))


GIT = ("git", "-c", "user.email=a@b", "-c", "user.name=n")


@pytest.fixture
def repository(tmp_path):
    """A repository with a branch, a tag, and a branch without common history."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder = tmp_path / "repository"
    folder.mkdir()
    for command in (
        "init -q -b main",
        "commit -q --allow-empty -m one",
        "checkout -q -b topic",
        "commit -q --allow-empty -m two",
        "branch twig",
        "tag v1",
    ):
        subprocess.run((*GIT, *command.split()), cwd=folder, check=True)
    return str(folder)


async def test_a_branch_is_reviewed_from_where_it_left(repository, the_same):
    names = ("main", "nowhere", "twig", "HEAD~1", "v1")
    steps = (start(cwd=repository), *(review(branch(name)) for name in names))
    await the_same(Program(ANSWERS, steps))
