"""The official SDK, unchanged, with the simulated codex in the place of the binary."""

from __future__ import annotations

import gc
import threading

import pytest
from openai_codex import ApprovalMode, Codex, CodexConfig, Sandbox
from openai_codex.client import CodexClient

from codex_fakes.script import Patch, Run, Say, Wait, script

# The SDK leaves its pipes to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HELD = (Say(text=["half"], left_open=True), Wait(gate="held"), Say(text=[" whole"]))


@pytest.fixture(autouse=True)
def collected():
    """What the SDK leaves behind is found in the test that it belongs to."""
    yield
    gc.collect()


def config(simulated):
    env = {"CODEX_HOME": str(simulated.home), **simulated.extra}
    return CodexConfig(codex_bin=str(simulated.binary), cwd=str(simulated.folder), env=env)


def test_the_sdk_starts_a_thread_and_runs_a_turn(simulated):
    simulated.plays(script(Say(text=["Hel", "lo"])))
    with Codex(config(simulated)) as codex:
        assert codex.metadata.userAgent.startswith("codex_python_sdk/0.163.0 ")
        thread = codex.thread_start()
        result = thread.run("say hello")
        assert result.final_response == "Hello"
        assert result.status.value == "completed"
        assert result.usage.total.total_tokens > 0


def test_the_sdk_streams_a_turn(simulated):
    simulated.plays(script(Say(text=["one ", "two ", "three"])))
    with Codex(config(simulated)) as codex:
        turn = codex.thread_start().turn("count")
        events = list(turn.stream())
        deltas = [e.payload.delta for e in events if e.method == "item/agentMessage/delta"]
        assert deltas == ["one ", "two ", "three"]
        assert events[-1].method == "turn/completed"


def test_the_sdk_steers_a_turn(simulated):
    simulated.plays(script(HELD, Say(text=["as you wish"])))
    with Codex(config(simulated)) as codex:
        turn = codex.thread_start().turn("begin")
        stream = turn.stream()
        for event in stream:
            if event.method == "item/agentMessage/delta":
                assert turn.steer("rather this").turn_id == turn.id
                break
        rest = list(stream)
        users = [
            e.payload.item.root.content[0].root.text
            for e in rest
            if e.method == "item/completed" and e.payload.item.root.type == "userMessage"
        ]
        assert users == ["rather this"]
        assert rest[-1].payload.turn.status.value == "completed"


def test_the_sdk_interrupts_a_turn(simulated):
    simulated.plays(script(HELD, Say(text=["next"])))
    with Codex(config(simulated)) as codex:
        thread = codex.thread_start()
        turn = thread.turn("begin")
        stream = turn.stream()
        for event in stream:
            if event.method == "item/agentMessage/delta":
                turn.interrupt()
                break
        *_, last = stream
        assert last.method == "turn/completed"
        assert last.payload.turn.status.value == "interrupted"
        assert thread.run("go on").final_response == "next"


def test_the_sdk_resumes_a_thread_after_a_restart(simulated):
    simulated.plays(script(Say(text=["kept"])))
    with Codex(config(simulated)) as codex:
        thread = codex.thread_start()
        thread.run("first")
        thread.set_name("the one")
    simulated.plays(script(Say(text=["later"])))
    with Codex(config(simulated)) as codex:
        assert [each.id for each in codex.thread_list().data] == [thread.id]
        again = codex.thread_resume(thread.id)
        assert again.run("second").final_response == "later"
        read = again.read(include_turns=True).thread
        assert read.name == "the one"
        assert len(read.turns) == 2


@pytest.mark.parametrize(("decision", "status"), [("accept", "completed"), ("decline", "declined")])
def test_the_sdk_answers_an_approval(simulated, decision, status):
    simulated.plays(script(Run(command="touch x", output=""), Say(text=["done"])))
    asked = []

    def handler(method, params):
        asked.append((method, params["command"]))
        return {"decision": decision}

    client = CodexClient(config=config(simulated), approval_handler=handler)
    client.start()
    try:
        client.initialize()
        started = client.thread_start({"approvalPolicy": "untrusted"})
        turn = client.turn_start(started.thread.id, "do it").turn
        completed = client.wait_for_turn_completed(turn.id)
        assert completed.turn.status.value == "completed"
        read = client.thread_read(started.thread.id, include_turns=True).thread
    finally:
        client.close()
    assert [method for method, _ in asked] == ["item/commandExecution/requestApproval"]
    assert "touch x" in asked[0][1]
    commands = [i.root.status.value for i in read.turns[0].items if "command" in i.root.type]
    assert commands == ([status] if decision == "accept" else [])


def test_the_sdk_s_own_handler_accepts_a_patch(simulated):
    patch = "*** Begin Patch\n*** Add File: new.txt\n+made\n*** End Patch"
    simulated.plays(script(Patch(patch=patch), Say(text=["patched"])))
    with Codex(config(simulated)) as codex:
        thread = codex.thread_start(
            approval_mode=ApprovalMode.auto_review, sandbox=Sandbox.workspace_write
        )
        assert thread.run("patch it").final_response == "patched"
    assert (simulated.folder / "new.txt").read_text() == "made\n"


def test_the_sdk_runs_two_threads_at_once(simulated):
    with Codex(config(simulated)) as codex:
        threads = [codex.thread_start() for _ in range(2)]
        said = {}

        def run(number):
            said[number] = threads[number].run(f"echo {number}").final_response

        runners = [threading.Thread(target=run, args=(n,)) for n in range(2)]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join(timeout=30)
    assert said == {0: "echo 0", 1: "echo 1"}
