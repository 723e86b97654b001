"""The traps of FACTS §20, line by line: the simulation lays each of them for a host, too.

Each test is named after its line, which stands in its docstring. A scenario that is named here is
played to both app-servers in ``tests/differential``, which compares all that is said; a program
that is written here is compared here. What remains to be shown is that the line is in it.

Not here: that SIGKILL leaves the commands of a model behind. The simulation starts none.
"""

from __future__ import annotations

import dataclasses

import pytest

from codex_fakes.script import Say, script
from simulated.heard import SCENARIOS, Heard, heard
from support.programs import COMMAND, Call, Program, start, turn
from support.servers import Simulated
from support.two_servers import Player

pytestmark = [pytest.mark.anyio, pytest.mark.real]

STATUS = "thread/status/changed"


async def test_answers_come_in_another_order_than_requests(played_alike):
    """Match responses by id only; never assume order."""
    # One thread only: the real server starts several side by side, and which is first is chance.
    steps = (Call("thread/start", until="nothing"), Call("getAuthStatus", {}))
    said = await played_alike(Program(script(), steps))
    assert [m["id"] for m in said.messages if "id" in m] == [0, 2, 1]


async def test_an_interrupt_may_never_be_answered(played):
    """Put a timeout on turn/interrupt and treat `turn/completed` as the truth."""
    program = SCENARIOS["05g interrupt twice, and an interrupted turn"]
    steps = program.steps[:-1]
    assert steps[-1].method == "turn/steer"
    said = await played(dataclasses.replace(program, steps=steps))
    asked = sum(step.method == "turn/interrupt" for step in steps)
    assert len(said.answers("turn/interrupt")) == asked - 1
    assert said.told("turn/completed")[0]["turn"]["status"] == "interrupted"


async def test_an_interrupt_comes_too_early_before_the_turn_has_started(played):
    """Do not interrupt before turn/started."""
    said = await played("05h interrupt in the start window")
    assert said.comes_before("answer to turn/interrupt", "turn/started")
    assert said.told("turn/completed")[0]["turn"]["status"] == "completed"


async def test_an_interrupt_of_an_ended_turn_is_refused_or_hangs(played):
    """Do not interrupt an ended turn."""
    said = await played("05j interrupt after a failure, and after a restart")
    assert said.errors("turn/interrupt")[0] == (-32600, "no active turn to interrupt")
    later = await played("05j interrupt after a failure, and after a restart", part=1)
    assert later.errors("turn/interrupt") == [(-32600, "no active turn to interrupt")]


async def test_items_are_open_when_their_turn_has_ended(played):
    """After turn/completed, drop or close open items yourself."""
    said = await played("05a interrupt in the middle of a message")
    first = said.between("turn/started", "turn/completed")
    assert "item/started agentMessage" in first
    assert "item/completed agentMessage" not in first


async def test_items_go_on_when_their_turn_has_ended(played):
    """Accept item events after it; key by (turnId, itemId)."""
    said = await played("03p a terminal in the background")
    behind = said.titles[said.titles.index("turn/completed") :]
    assert "item/completed commandExecution" in behind


async def test_the_same_id_may_be_that_of_items_of_two_turns(played_alike):
    """Key by (turnId, itemId)."""
    twice = script(Say(text="a", item_id="same"), Say(text="b", item_id="same"))
    said = await played_alike(Program(twice, (start(), turn("one"), turn("two"))))
    keys = [
        (each["turnId"], each["item"]["id"])
        for each in said.told("item/completed")
        if each["item"]["type"] == "agentMessage"
    ]
    assert ({item for _, item in keys}, len(set(keys))) == ({"same"}, 2)


async def test_a_request_is_resolved_behind_the_end_of_its_turn(played):
    """serverRequest/resolved can come after turn/completed."""
    said = await played("05b interrupt while an approval is pending")
    assert said.comes_before("turn/completed", "serverRequest/resolved")


async def test_a_call_of_a_tool_is_never_resolved(played):
    """It never comes for item/tool/call and token refresh; for the latter see the logins."""
    said = await played("10a a tool of the client")
    assert "item/tool/call" in said.titles
    assert "serverRequest/resolved" not in said.titles


async def test_deltas_are_not_all_of_the_output_and_decline_is_not_offered(played):
    """Do not rely on outputDelta completeness, on decline being listed."""
    said = await played("03h a command in the sandbox")
    deltas = "".join(each["delta"] for each in said.told("item/commandExecution/outputDelta"))
    (command,) = said.items("item/completed", "commandExecution")
    assert deltas != command["aggregatedOutput"]
    (asked,) = (await played("03b decline a command")).told(COMMAND)
    offered = [
        each if isinstance(each, str) else next(iter(each)) for each in asked["availableDecisions"]
    ]
    assert offered == ["accept", "acceptWithExecpolicyAmendment", "cancel"]


async def test_refusals_of_all_kinds_have_one_code(played):
    """Do not rely on `-32601/-32602`."""
    said = await played("13e wrong methods and params")
    codes = {code for code, _ in said.errors("thread/start") + said.errors("bogus/method")}
    assert codes == {-32600}


async def test_a_turn_hangs_without_a_network_until_it_is_interrupted(played):
    """A turn can hang forever on network loss: use own deadline + interrupt (works there)."""
    said = await played("12u nobody listens any more")
    assert {each["willRetry"] for each in said.told("error")} == {True}
    statuses = [each["turn"]["status"] for each in said.told("turn/completed")]
    assert statuses == ["completed", "interrupted"]


async def test_what_is_not_answered_when_stdin_ends_never_is(tmp_path):
    """Wait for responses before closing stdin."""
    program = SCENARIOS["09b the end of stdin in the middle of a message"]
    (first, _) = await heard(program, tmp_path)
    assert "turn/completed" not in first[""].titles
    assert first[""].titles[-1] == "item/agentMessage/delta"


@pytest.mark.parametrize(
    ("mode", "experimental"), [("paginated", True), ("legacy", True), ("paginated", False)]
)
async def test_both_histories_are_there_for_all_clients(mode, experimental, played_alike):
    """Both historyModes deserve coverage; `experimentalApi` true and false too."""
    hello = {
        "clientInfo": {"name": "c", "version": "1"},
        "capabilities": {"experimentalApi": experimental},
    }
    again = Call("thread/resume", {"threadId": "$t"})
    listed = Call("thread/turns/list", {"threadId": "$t"})
    begun = start(historyMode=mode) if mode == "legacy" else start()
    steps = (begun, turn(), again, Call("thread/read", {"threadId": "$t", "includeTurns": True}))
    program = Program(script(Say(text="x")), (*steps, listed), hello=hello)
    said = await played_alike(program)
    assert said.results("thread/start")[0]["thread"]["historyMode"] == mode
    assert ("deprecationNotice" in said.titles) == (mode == "paginated")
    assert ("thread/readState/changed" in said.titles) == experimental


async def test_a_machine_with_bubblewrap_is_not_warned(tmp_path):
    """Tests must not depend on: presence of `configWarning` (bubblewrap)."""
    program = SCENARIOS["01 hello"]
    titles = []
    for there in (True, False):
        server = Simulated(program, tmp_path / str(there), {"bubblewrap_warning": not there})
        played = await Player(server, program).play()
        titles.append(Heard(played.parts[0][""]).titles)
    assert "configWarning" not in titles[0]
    assert [title for title in titles[1] if title != "configWarning"] == titles[0]
