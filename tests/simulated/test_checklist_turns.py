"""The checklist of FACTS §19, line by line: turns, requests, interrupts, steers and failures.

Each test is named after its line, which stands in its docstring. A scenario that is named here is
played to both app-servers in ``tests/differential``, which compares all that is said; a program
that is written here is compared here. What remains to be shown is that the line is in it.
"""

from __future__ import annotations

import pytest

from codex_fakes.script import Run, Say, script
from simulated.heard import heard
from support.programs import COMMAND, Call, Connect, Program, decide, read, start, turn

pytestmark = [pytest.mark.anyio, pytest.mark.real]

USAGE = ["thread/tokenUsage/updated", "account/rateLimits/updated"]
STATUS = "thread/status/changed"
RESOLVED = "serverRequest/resolved"
RUNNING = {"commandExecution": COMMAND, "fileChange": "item/fileChange/requestApproval"}


# --- turns ---------------------------------------------------------------------------------------


async def test_a_plain_turn_has_its_order(played):
    """Ordering of section 8 incl. rateLimits right after every tokenUsage, idle before the end."""
    said = await played("01 hello")
    assert said.between("answer to turn/start", "turn/completed") == [
        "answer to turn/start",
        STATUS,
        "turn/started",
        "item/started userMessage",
        "item/completed userMessage",
        "item/started agentMessage",
        *("item/agentMessage/delta",) * 4,
        "item/completed agentMessage",
        *USAGE,
        "thread/readState/changed",
        STATUS,
        "turn/completed",
    ]
    assert said.statuses() == ["active", "idle"]


@pytest.mark.parametrize(
    "name", ["06d token usage of two turns", "diff, call, drop", "07 two threads"]
)
async def test_rate_limits_follow_every_count(name, played):
    """Ordering of section 8 incl. rateLimits right after every tokenUsage."""
    titles = (await played(name)).titles
    counts = [place for place, title in enumerate(titles) if title == USAGE[0]]
    assert counts
    assert {titles[place + 1] for place in counts} == {USAGE[1]}


async def test_a_turn_ends_with_its_last_message_or_with_nothing(played):
    """The turn.items summary rule."""
    ended = (await played("01 hello")).told("turn/completed")[0]["turn"]
    assert [item["text"] for item in ended["items"]] == ["Hello world"]
    assert ended["itemsView"] == "summary"
    ended = (await played("05a interrupt in the middle of a message")).told("turn/completed")[0]
    assert (ended["turn"]["items"], ended["turn"]["itemsView"]) == ([], "notLoaded")


async def test_the_summary_passes_over_commentary_and_silence(played_alike):
    """The turn.items summary rule."""
    spoken = (Say(text="aside", phase="commentary"), Say(text="", phase="final_answer"))
    said = await played_alike(Program(script(spoken), (start(), turn())))
    (ended,) = said.told("turn/completed")
    assert (ended["turn"]["items"], ended["turn"]["itemsView"]) == ([], "notLoaded")


async def test_overrides_are_told_first_and_hold(played):
    """Sticky overrides + settings/updated before the response."""
    said = await played("overrides")
    assert said.comes_before("thread/settings/updated", "answer to turn/start")
    settings = [each["threadSettings"] for each in said.told("thread/settings/updated")]
    assert [each["model"] for each in settings] == ["gpt-5.4"] * len(settings)
    assert {each["effort"] for each in settings[1:]} == {"high"}


async def test_counts_add_up_over_the_turns_of_a_thread(played):
    """Cumulative token totals per thread."""
    usages = [
        each["tokenUsage"] for each in (await played("06d token usage of two turns")).told(USAGE[0])
    ]
    first, second = usages
    for kind, count in second["total"].items():
        assert count == first["total"][kind] + second["last"][kind]
    assert second["last"]["inputTokens"] == 250


async def test_a_client_finds_its_own_id_with_its_message(played_alike):
    """ClientId echo."""
    steps = (start(), turn("a", clientUserMessageId="mine"), turn("b"), read())
    said = await played_alike(Program(script(otherwise="echo"), steps))
    ids = [item["clientId"] for item in said.items("item/completed", "userMessage")]
    assert ids == ["mine", None]
    turns = said.results("thread/read")[0]["thread"]["turns"]
    assert [each["items"][0]["clientId"] for each in turns] == ids


async def test_what_a_command_says_at_once_is_in_no_delta(played):
    """Command item delay, missing early deltas."""
    said = await played("03h a command in the sandbox")
    deltas = [each["delta"] for each in said.told("item/commandExecution/outputDelta")]
    assert deltas == ["more\n"]
    (command,) = said.items("item/completed", "commandExecution")
    assert command["aggregatedOutput"] == "out\nmore\n"
    (command,) = said.items("item/started", "commandExecution")
    assert (command["source"], command["status"]) == ("unifiedExecStartup", "inProgress")


async def test_a_command_that_is_denied_at_once_is_no_item(played):
    """Missing item for fast denied commands."""
    said = await played("03q a command that fails at once: touch /etc/nope")
    assert said.items("item/started", "commandExecution") == []
    assert said.told("turn/completed")[0]["turn"]["status"] == "completed"
    other = await played("03q a command that fails at once: echo fine; exit 1")
    assert len(other.items("item/completed", "commandExecution")) == 1


async def test_a_diff_is_repeated_behind_every_later_count(played):
    """Repeated turn/diff/updated."""
    said = await played("04a accept a patch")
    behind = said.between("item/completed fileChange", "turn/completed")
    assert [title for title in behind if title in {"turn/diff/updated", *USAGE}] == [
        "turn/diff/updated",
        *USAGE,
        "turn/diff/updated",
        *USAGE,
        "turn/diff/updated",
    ]
    assert len({each["diff"] for each in said.told("turn/diff/updated")}) == 1


async def test_a_command_that_goes_on_ends_behind_its_turn(played):
    """Late item events after turn/completed for background commands."""
    said = await played("05i a command goes on behind its turn")
    assert said.comes_before("turn/completed", "item/completed commandExecution")
    (late,) = [
        each for each in said.told("item/completed") if each["item"]["type"] == "commandExecution"
    ]
    assert late["turnId"] == said.told("turn/completed")[0]["turn"]["id"]


# --- requests of the server ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("03a accept a command", [STATUS, "item/started commandExecution", COMMAND]),
        ("04a accept a patch", ["item/started fileChange", STATUS, RUNNING["fileChange"]]),
        ("10a a tool of the client", ["item/started dynamicToolCall", "item/tool/call"]),
    ],
)
async def test_each_kind_of_request_has_its_order(name, order, played):
    """The three different orders."""
    said = await played(name)
    behind = said.titles.index("item/completed userMessage") + 1
    assert said.titles[behind : behind + len(order)] == order


async def test_a_tool_of_the_client_has_neither_flag_nor_resolution(played):
    """Dynamic tool: item, request, no flag/resolved."""
    said = await played("10a a tool of the client")
    assert len(said.told("item/tool/call")) == 5
    assert RESOLVED not in said.titles
    assert set(said.statuses()) == {"active", "idle"}


@pytest.mark.parametrize(
    ("name", "kind", "item", "turn"),
    [
        ("03a accept a command", "commandExecution", "completed", "completed"),
        ("03b decline a command", "commandExecution", "declined", "completed"),
        ("03c cancel a command", "commandExecution", "declined", "interrupted"),
        ("03m an approval answered with an error", "commandExecution", "failed", "completed"),
        ("answer null", "commandExecution", "failed", "completed"),
        ("04a accept a patch", "fileChange", "completed", "completed"),
        ("04b decline a patch", "fileChange", "declined", "completed"),
        ("04c cancel a patch", "fileChange", None, "interrupted"),
        ("patch error answer", "fileChange", "declined", "completed"),
        ("patch nonsense answer", "fileChange", "declined", "completed"),
    ],
)
async def test_each_answer_has_its_outcome(name, kind, item, turn, played):
    """Decline/cancel/malformed/error outcomes."""
    said = await played(name)
    statuses = [each["status"] for each in said.items("item/completed", kind)]
    assert statuses == ([] if item is None else [item])
    assert said.told("turn/completed")[0]["turn"]["status"] == turn
    assert said.titles.count(RESOLVED) == 1


async def test_two_approvals_are_asked_at_once_and_the_last_clears_the_flag(played):
    """Parallel approvals."""
    said = await played("03o two approvals at once")
    (first, second) = (n for n, title in enumerate(said.titles) if title == COMMAND)
    resolved = [n for n, title in enumerate(said.titles) if title == RESOLVED]
    assert first < second < min(resolved)
    assert said.statuses() == ["active", "active+waitingOnApproval", "active", "idle"]
    cleared = [n for n, title in enumerate(said.titles) if title == STATUS][2]
    assert max(resolved) < cleared < said.titles.index("item/completed commandExecution")


async def test_everybody_is_asked_with_one_id_and_the_first_answer_counts(the_same, tmp_path):
    """Fan-out with same id, late answers ignored."""
    program = Program(
        script(*(step for _ in "ab" for step in (Run(command="touch x"), Say(text="done")))),
        (
            start(approvalPolicy="untrusted"),
            turn("first"),
            decide("decline"),
            Connect("B"),
            Call("thread/resume", {"threadId": "$t", "excludeTurns": True}, conn="B"),
            turn("second"),
            decide("decline", conn="B"),
            decide("accept"),
        ),
        websocket=True,
    )
    await the_same(program)
    (part,) = await heard(program, tmp_path)
    ids = [
        [m["id"] for m in part[name].messages if m.get("method") == COMMAND] for name in ("", "B")
    ]
    assert ids == [[0, 1], [1]]
    assert part["B"].told(RESOLVED) == part[""].told(RESOLVED)[1:]
    commands = part[""].items("item/completed", "commandExecution")
    assert [each["status"] for each in commands] == ["declined", "declined"]


async def test_a_pending_request_is_asked_again_behind_a_resume(tmp_path):
    """Replay on resume."""
    (part,) = await heard("15c a pending approval is asked again", tmp_path)
    (before,), (again,) = (
        [m for m in part[name].messages if m.get("method") == COMMAND] for name in ("", "B")
    )
    assert before == again
    assert part["B"].between("answer to thread/resume", COMMAND)[-2:] == [
        "thread/goal/cleared",
        COMMAND,
    ]


# --- interrupts and steers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "behind"),
    [
        ("05a interrupt in the middle of a message", []),
        ("05b interrupt while an approval is pending", [RESOLVED]),
        ("question interrupted", [RESOLVED]),
    ],
)
async def test_an_interrupt_is_answered_before_the_turn_ends(name, behind, played):
    """Response -> idle -> completed -> resolved."""
    said = await played(name)
    place = said.titles.index("answer to turn/interrupt")
    order = ["answer to turn/interrupt", STATUS, "turn/completed", *behind]
    assert said.titles[place : place + len(order)] == order


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("05a interrupt in the middle of a message", "agentMessage"),
        ("05b interrupt while an approval is pending", "commandExecution"),
        ("patch interrupted", "fileChange"),
    ],
)
async def test_an_interrupt_leaves_items_open(name, kind, played):
    """Dangling items."""
    said = await played(name)
    open_ones = {
        (each["turnId"], each["item"]["id"])
        for each in said.told("item/started")
        if each["item"]["type"] == kind
    }
    closed = {(each["turnId"], each["item"]["id"]) for each in said.told("item/completed")}
    first = said.told("turn/completed")[0]["turn"]
    assert first["status"] == "interrupted"
    assert {turn_id for turn_id, _ in open_ones - closed} == {first["id"]}


async def test_a_turn_that_has_not_started_is_interrupted_without_its_id_only(played):
    """Start-window error, "" form."""
    said = await played("05h interrupt in the start window")
    assert said.errors("turn/interrupt") == [(-32600, "no active turn to interrupt")]
    assert said.told("turn/completed")[0]["turn"]["status"] == "completed"
    said = await played("13j interrupt without an id in the start window")
    assert said.results("turn/interrupt") == [{}]
    assert said.told("turn/completed")[0]["turn"]["status"] == "interrupted"


async def test_an_interrupt_of_an_interrupted_turn_hangs_until_the_next_one_ends(played):
    """Hanging interrupt after interrupted turn."""
    said = await played("05g interrupt twice, and an interrupted turn")
    places = [n for n, title in enumerate(said.titles) if title == "answer to turn/interrupt"]
    assert len(places) == 4
    hanging = places[-1]
    assert said.titles[hanging + 1 :] == [STATUS, "turn/completed"]
    assert said.titles.index("item/completed agentMessage") < hanging


async def test_a_steer_drops_what_was_streamed(played):
    """Steer drops the stream."""
    said = await played("06e steer, and read")
    started, completed = (
        said.items(method, "agentMessage") for method in ("item/started", "item/completed")
    )
    assert (len(started), [each["text"] for each in completed]) == (2, ["steered answer"])
    (only,) = said.results("thread/read")[0]["thread"]["turns"]
    kinds = [item["type"] for item in only["items"]]
    assert kinds == ["userMessage", "userMessage", "agentMessage"]


async def test_starting_a_turn_while_one_runs_steers_it(played):
    """Turn/start = steer."""
    said = await played("06f a turn is started while one runs")
    first, second = said.results("turn/start")
    assert first["turn"]["id"] == second["turn"]["id"]
    assert (said.titles.count("turn/started"), said.titles.count("turn/completed")) == (1, 1)


async def test_two_refusals_quote_turn_ids_differently(played):
    """Different quoting in the two "expected active turn id" messages."""
    said = await played("05e interrupts that are refused")
    running = said.results("turn/start")[0]["turn"]["id"]
    texts = [text for _, text in said.errors("turn/interrupt")]
    assert any(text.endswith(f" but found {running}") and "`" not in text for text in texts)
    said = await played("06b steers that are refused")
    running = said.results("turn/start")[0]["turn"]["id"]
    expected = f"expected active turn id `abc` but found `{running}`"
    assert expected in [text for _, text in said.errors("turn/steer")]


# --- failures ------------------------------------------------------------------------------------


async def test_a_failure_is_a_status_an_error_and_an_end(played):
    """SystemError -> error -> completed(failed)."""
    said = await played("12a HTTP 500")
    place = said.titles.index("error")
    assert said.titles[place - 1 : place + 3] == [
        STATUS,
        "error",
        "thread/readState/changed",
        "turn/completed",
    ]
    (error,) = said.told("error")
    failed = said.told("turn/completed")[0]["turn"]
    assert (error["willRetry"], failed["status"]) == (False, "failed")
    assert failed["error"] == error["error"]


async def test_a_stream_that_is_reopened_says_so_each_time(played):
    """WillRetry sequence and texts."""
    said = await played("12e cut, and reopened")
    (error,) = said.told("error")
    assert error["willRetry"]
    assert error["error"]["message"] == "Reconnecting... 1/2"
    assert error["error"]["codexErrorInfo"] == {
        "responseStreamDisconnected": {"httpStatusCode": None}
    }
    assert said.told("turn/completed")[0]["turn"]["status"] == "completed"
    given_up = (await played("12c cut twice, and given up")).told("error")
    assert [each["willRetry"] for each in given_up] == [True, False]
    silent = await played("12b HTTP 500, and repeated")
    assert silent.told("error") == []


INFO = {
    "12a HTTP 500": "internalServerError",
    "12f HTTP 401": {"httpConnectionFailed": {"httpStatusCode": 401}},
    "12g HTTP 429": {"responseTooManyFailedAttempts": {"httpStatusCode": 429}},
    "12h usage limit": "usageLimitExceeded",
    "12i HTTP 400": "other",
    "12j overloaded": "serverOverloaded",
    "12k context length": "contextWindowExceeded",
    "12m quota": "usageLimitExceeded",
    "12n rate limit": "rateLimitExceeded",
    "12o another code": "other",
    "12d cut": "other",
    "12p garbage": "other",
    "12q nothing": "other",
    "12s silence": "other",
    "incomplete content_filter": "other",
}


@pytest.mark.parametrize("name", INFO)
async def test_each_failure_is_classified(name, played):
    """The codexErrorInfo table."""
    said = await played(name)
    assert said.told("turn/completed")[0]["turn"]["error"]["codexErrorInfo"] == INFO[name]


async def test_a_turn_waits_for_the_network_without_end(played):
    """Endless network wait."""
    said = await played("12t nobody listens")
    error = said.told("error")[0]
    assert error["willRetry"]
    assert error["error"]["message"] == "Reconnecting... waiting for network"
    assert said.told("turn/completed")[0]["turn"]["status"] == "interrupted"
