"""The checklist of FACTS §19, line by line: threads.

Each test is named after its line, which stands in its docstring. A scenario that is named here is
played to both app-servers in ``tests/differential``, which compares all that is said; a program
that is written here is compared here. What remains to be shown is that the line is in it.
"""

from __future__ import annotations

import uuid

import pytest

from codex_fakes.script import script
from simulated.heard import Heard, heard
from support.programs import Call, Program, Restart, start, turn
from support.servers import Simulated, real
from support.two_servers import Player

pytestmark = [pytest.mark.anyio, pytest.mark.real]

ECHO = script(otherwise="echo")
RESUME = "thread/resume"
MEMBERS = [
    *("id", "environments", "extra", "sessionId", "forkedFromId", "parentThreadId", "preview"),
    *("ephemeral", "section", "sectionEnteredAt", "projectId", "historyMode", "modelProvider"),
    *("model", "reasoningEffort", "createdAt", "updatedAt", "recencyAt", "status", "path", "cwd"),
    *("cliVersion", "originator", "source", "canAcceptDirectInput", "threadSource"),
    *("agentNickname", "agentRole", "gitInfo", "name", "daybreakEnabled", "turns"),
]
"""The members of a thread, in their order."""


def ask(method, thread="$t", **params):
    return Call(method, {"threadId": thread, **params})


async def test_a_thread_is_answered_then_announced_with_every_member(played):
    """UUIDv7 ids, response before thread/started, all fields present with null."""
    said = await played("01 hello")
    assert said.comes_before("answer to thread/start", "thread/started")
    thread = said.results("thread/start")[0]["thread"]
    assert said.told("thread/started") == [{"thread": thread}]
    assert list(thread) == MEMBERS
    assert thread["name"] is thread["gitInfo"] is thread["forkedFromId"] is None
    turn_id = said.results("turn/start")[0]["turn"]["id"]
    message = said.items("item/started", "userMessage")[0]["id"]
    assert [uuid.UUID(each).version for each in (thread["id"], turn_id, message)] == [7, 7, 7]
    assert thread["sessionId"] == thread["id"]


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_rollout_appears_with_the_first_turn_and_not_before(turns, machine, tmp_path):
    """Rollout only after first turn; unused thread lost on restart."""
    steps = (start(), *(turn(),) * turns, Restart(), ask("thread/read"))
    program = Program(ECHO, steps)
    guide = await Player(Simulated(program, tmp_path / "simulated", machine), program).play()
    theirs = await Player(real(program, tmp_path / "real"), program, guide).play()
    for played, folder in ((guide, "simulated"), (theirs, "real")):
        rollouts = list((tmp_path / folder / "home").rglob("rollout-*.jsonl"))
        assert len(rollouts) == turns
        (read,) = [m for m in played.parts[1][""].messages if m.get("id") == 1]
        assert ("result" in read) == bool(turns)
        announced = played.parts[0][""].messages
        path = next(m["params"]["thread"]["path"] for m in announced if _is_start(m))
        assert [str(each) for each in rollouts] == [path][:turns]


def _is_start(message):
    return message.get("method") == "thread/started"


async def test_a_thread_s_status_goes_through_its_states(played):
    """Status machine incl. systemError and activeFlags."""
    assert (await played("12a HTTP 500")).statuses() == ["active", "systemError", "active", "idle"]


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("03a accept a command", "active+waitingOnApproval"),
        ("04a accept a patch", "active+waitingOnApproval"),
        ("10d a question that is answered", "active+waitingOnUserInput"),
    ],
)
async def test_a_status_says_what_is_waited_for(name, flag, played):
    """ActiveFlags."""
    assert (await played(name)).statuses() == ["active", flag, "active", "idle"]


async def test_all_hear_of_threads_and_accounts_and_subscribers_of_turns(tmp_path):
    """Broadcast vs subscriber rules."""
    (part,) = await heard("15m what other connections hear", tmp_path)
    everything, broadcast = (set(part[name].titles) for name in ("", "B"))
    missed = {title for title in everything - broadcast if not title.startswith("answer to")}
    assert missed == {
        "thread/settings/updated",
        "turn/started",
        "item/started userMessage",
        "item/completed userMessage",
        "item/started agentMessage",
        "item/agentMessage/delta",
        "item/completed agentMessage",
        "thread/tokenUsage/updated",
        "account/rateLimits/updated",
        "thread/readState/changed",
        "turn/completed",
    }
    assert {"thread/status/changed", "thread/started", "account/updated"} <= broadcast


async def test_whoever_reads_full_turns_is_told_not_to(played):
    """DeprecationNotice + full turns for paginated."""
    said = await played("08a resume after a restart", part=1)
    full, again, without, page = (each["thread"]["turns"] for each in said.results(RESUME))
    assert said.titles.count("deprecationNotice") == 2
    assert said.comes_before("deprecationNotice", "answer to thread/resume")
    assert [turn["itemsView"] for turn in full] == ["full"] * 2
    assert [turn["itemsView"] for turn in again] == ["full"] * 3
    assert without == page == []


async def test_a_thread_without_a_turn_has_no_list_of_turns(played):
    """The -32601 quirks."""
    said = await played("08b a thread without a turn")
    quirk = (-32601, "list_turns is not supported yet")
    assert said.errors("thread/resume") == [quirk]
    legacy = await played("08i legacy history")
    assert legacy.errors("thread/items/list") == [
        (-32601, "thread/items/list is not supported yet")
    ]


async def test_a_resumed_thread_tells_its_counts_and_that_it_has_no_goal(played):
    """Goal/cleared after resume, tokenUsage restored."""
    before = (await played("08a resume after a restart")).told("thread/tokenUsage/updated")
    said = await played("08a resume after a restart", part=1)
    behind = said.between("answer to thread/resume", "thread/goal/cleared")
    assert behind == ["answer to thread/resume", "thread/tokenUsage/updated", "thread/goal/cleared"]
    assert said.told("thread/tokenUsage/updated")[0] == before[-1]
    assert len(said.told("thread/goal/cleared")) == len(said.answers("thread/resume"))


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("08e archive", ("thread/archive", "thread/archived")),
        ("08e archive", ("thread/unarchive", "thread/unarchived")),
        ("15m what other connections hear", ("thread/delete", "thread/deleted")),
        ("15m what other connections hear", ("thread/name/set", "thread/name/updated")),
        ("08h revert", ("thread/revert", "thread/reverted")),
    ],
)
async def test_a_change_is_answered_and_then_told(name, order, played):
    """Archive/unarchive/delete/name/revert orderings."""
    said = await played(name)
    method, told = order
    answered = next(n for n, message in enumerate(said.messages) if _done(said, n, method))
    assert said.titles[answered + 1] == told


def _done(said, number, method):
    return said.titles[number] == f"answer to {method}" and "result" in said.messages[number]


async def test_a_fork_is_answered_counted_and_announced(played):
    """Fork orderings."""
    said = await played("08d fork")
    place = said.titles.index("answer to thread/fork")
    assert said.titles[place - 1 : place + 3] == [
        "deprecationNotice",
        "answer to thread/fork",
        "thread/tokenUsage/updated",
        "thread/started",
    ]


async def test_a_running_turn_ends_before_its_thread_is_archived(played):
    """Archive orderings, while a turn runs."""
    said = await played("16b archive while a turn runs")
    assert said.titles[-7:-2] == [
        "thread/status/changed",
        "turn/completed",
        "thread/status/changed",
        "answer to thread/archive",
        "thread/archived",
    ]
    assert said.statuses()[-2:] == ["idle", "notLoaded"]


async def rows_seen(make, folder, **params):
    """How many of five threads of about one moment are seen, one on a page."""
    steps = [step for n in range(5) for step in (start(f"t{n}"), turn(thread=f"$t{n}"))]
    pages = [{"limit": 1, **params, "cursor": f"$c{n}"} for n in range(5)]
    del pages[0]["cursor"]
    steps += [Call("thread/list", page, saves=f"c{n + 1}") for n, page in enumerate(pages)]
    program = Program(ECHO, tuple(steps))
    played = await Player(Simulated(program, folder / "simulated", {}), program).play()
    if make is not None:
        played = await Player(make(program, folder / "it"), program, played).play()
    answers = Heard(played.parts[0][""]).answers("thread/list")
    return sum(len(answer["result"]["data"]) for answer in answers if "result" in answer)


@pytest.mark.parametrize("make", [None, real], ids=["simulated", "real"])
async def test_pages_by_creation_skip_what_is_of_the_same_second(make, tmp_path):
    """The created_at paging quirk."""
    assert await rows_seen(make, tmp_path / "created") < 5
    assert await rows_seen(make, tmp_path / "recency", sortKey="recency_at") == 5


async def test_threads_and_turns_count_seconds_and_what_ends_in_ms_milliseconds(played):
    """Seconds vs ms."""
    said = await played("01 hello")
    thread = said.results("thread/start")[0]["thread"]
    ended = said.told("turn/completed")[0]["turn"]
    seconds = [thread[name] for name in ("createdAt", "updatedAt", "recencyAt")]
    seconds += [ended["startedAt"], ended["completedAt"]]
    assert {len(str(each)) for each in seconds} == {10}
    (begun,), (done,) = (
        [params for params in said.told(method) if params["item"]["type"] == "agentMessage"]
        for method in ("item/started", "item/completed")
    )
    assert {len(str(each)) for each in (begun["startedAtMs"], done["completedAtMs"])} == {13}
    assert 0 <= ended["durationMs"] < 100_000
