"""What the simulated app-server says, held to the lock; and which methods it plays."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings, SystemClock
from codex_fakes.app_server.dialect.census import SIMULATED
from codex_runtime.errors import AppServerError
from codex_runtime.protocol.answers import ANSWERS
from codex_runtime.protocol.lock import LockValidators, MethodKind, packaged_lock
from codex_runtime.protocol.params import PARAMS
from codex_runtime.tooling.schema.messages import Conversation
from codex_runtime.tooling.schema.samples import judge_builders, our_messages
from codex_runtime.tooling.schema.simulated import take_census
from support.dial import Dial
from support.recorded_cases import CASES, NOT_SIMULATED
from support.replaying import Comparison, Replay, processes, without

RECORDINGS = Path(__file__).parents[1] / "recordings"

VALIDATORS = LockValidators()

EXECUTABLE = [sys.executable, "-m", "codex_fakes.app_server"]


class JudgedDial(Dial):
    """A client that holds all it says and hears to the lock."""

    def __init__(self, transport, problems, judged):
        self._conversation = Conversation(VALIDATORS, judged)
        self._problems = problems
        super().__init__(transport)

    def heard(self, message):
        self._problems += self._conversation.said("s2c", message)

    async def send_bytes(self, data):
        for line in data.splitlines():
            try:
                message = json.loads(line)
            except ValueError:
                continue  # what is no message is none of the lock's business
            self._problems += self._conversation.said("c2s", message)
        await super().send_bytes(data)


@pytest.mark.anyio
@pytest.mark.parametrize("name", CASES)
async def test_what_the_simulation_says_in_a_recorded_scenario_fits(name, tmp_path):
    home, cwd = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    cwd.mkdir()
    problems, judged = [], Counter()
    text = (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8")
    parts = processes(json.loads(line) for line in text.splitlines())
    comparison = Comparison(home, cwd)
    for part, process in zip(parts, CASES[name], strict=True):
        settings = SimulatedSettings(**{"cwd": str(cwd), **process.settings})
        options = {"clock": SystemClock()} if process.real_time else {}
        async with SimulatedAppServer(
            process.script, home=home, settings=settings, **options
        ) as server:
            server.dial = lambda server=server: JudgedDial(server.connect(), problems, judged)
            rows = [row for row in part if row["dir"] in {"c2s", "s2c"}]
            rows = without(rows, NOT_SIMULATED.get(name, ((), None)))
            await Replay(server, process, comparison).play(rows)
    assert problems == []
    assert judged["initialize"] + judged["configWarning"] + judged["thread/started"] > 0


def test_the_census_of_the_executable_is_complete():
    judged = Counter()
    census = take_census(EXECUTABLE, packaged_lock(), VALIDATORS, judged)
    methods = {method.name for method in packaged_lock().methods[MethodKind.CLIENT_REQUEST]}
    assert census.problems == []
    assert census.unknown == []
    assert set(census.simulated) == SIMULATED
    assert set(census.simulated) | set(census.out_of_subject) == methods
    assert len(census.simulated) + len(census.out_of_subject) == len(methods)
    assert judged["turn/completed"] == 1


def stand_in(tmp_path, body):
    path = tmp_path / "stand-in.py"
    path.write_text(
        "import json, sys\n"
        "def say(**message):\n"
        "    print(json.dumps(message), flush=True)\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    method, id = asked['method'], asked.get('id')\n" + body
    )
    return [sys.executable, str(path)]


def test_a_simulation_that_does_not_know_a_method_is_told_apart(tmp_path):
    command = stand_in(
        tmp_path,
        """
    if id is None:
        continue
    if method == 'thread/start':
        say(id=id, result={'thread': {'id': 't'}})
    elif method == 'turn/start':
        say(id=id, result={})
        say(method='turn/completed', params={})
    elif method == 'fs/copy':
        text = f'Invalid request: unknown variant `{method}`, expected one of `initialize`'
        say(id=id, error={'code': -32600, 'message': text})
    elif method == 'fs/remove':
        say(id=id, error={'code': -32600, 'message': '[E_FAKE_NOT_SIMULATED] fs/remove'})
    else:
        say(id=id, error={'code': -32600, 'message': 'no'})
""",
    )
    census = take_census(command, packaged_lock(), VALIDATORS, Counter())
    assert census.unknown == ["fs/copy"]
    assert census.out_of_subject == ["fs/remove"]
    assert any("turn/completed" in problem for problem in census.problems)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    say(id=id, error={'code': 1, 'message': 'no'})\n", "starts no thread"),
        ("    print('hello', flush=True)\n    say(id=id, error={})\n", "what is no message"),
        (
            """
    if method == 'turn/start':
        say(id=id, error={'code': 1, 'message': 'no'})
    else:
        say(id=id, result={'thread': {'id': 't'}})
""",
            "starts no turn",
        ),
    ],
)
def test_a_simulation_that_plays_nothing_has_problems(tmp_path, body, said):
    census = take_census(stand_in(tmp_path, body), packaged_lock(), VALIDATORS, Counter())
    assert any(said in problem for problem in census.problems)


def test_a_simulation_that_ends_too_soon_is_a_coded_error_with_its_last_words(tmp_path):
    command = stand_in(tmp_path, "    sys.exit('out of paper')\n")
    with pytest.raises(AppServerError) as caught:
        take_census(command, packaged_lock(), VALIDATORS, Counter())
    assert caught.value.code == "E_APP_SERVER_GONE"
    assert "out of paper" in caught.value.text


def test_an_executable_that_does_not_exist_is_a_coded_error(tmp_path):
    with pytest.raises(AppServerError) as caught:
        take_census([str(tmp_path / "nothing")], packaged_lock(), VALIDATORS, Counter())
    assert caught.value.code == "E_APP_SERVER_START_FAILED"


def test_every_message_that_our_types_can_say_fits():
    judged, problems = judge_builders(VALIDATORS)
    assert problems == []
    assert judged > 400


def test_our_messages_have_every_typed_method_and_every_form_of_a_member():
    made = {}
    for kind, method, part, value in our_messages():
        made.setdefault((kind, method, part), []).append(value)
    asked = {method for kind, method, part in made if kind is MethodKind.CLIENT_REQUEST}
    answered = {method for kind, method, part in made if kind is MethodKind.SERVER_REQUEST}
    assert asked >= PARAMS.keys()
    assert answered == ANSWERS.keys()
    starts = made[MethodKind.CLIENT_REQUEST, "turn/start", "params"]
    kinds = {value["sandboxPolicy"]["type"] for value in starts if value.get("sandboxPolicy")}
    assert kinds == {"dangerFullAccess", "readOnly", "externalSandbox", "workspaceWrite"}
    assert {tuple(sorted(value)) for value in starts} >= {("input", "threadId")}
    assert any(value.get("approvalPolicy") is None for value in starts if "approvalPolicy" in value)
