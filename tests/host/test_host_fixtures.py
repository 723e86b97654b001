"""The fixtures of a runtime between fakes, as an integrator's tests use them."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from codex_fakes.component.deployed import app
from codex_fakes.convex import Identity
from codex_fakes.pytest_plugin import codex_app_server, codex_runtime, convex
from codex_fakes.script import Response, Say, Wait, script
from codex_runtime.contract.actors import Actor
from codex_runtime.errors import CodexRuntimeError

__all__ = ["codex_app_server", "codex_runtime", "convex"]

ADA = Identity(subject="ada")


def messages(deployment, conversation):
    """What a deployment keeps of a conversation: roles and texts, in the order of the turns."""
    args = {
        "actor": {},
        "conversationId": conversation,
        "paginationOpts": {"numItems": 10.0, "cursor": None},
    }
    page = deployment.backend.query("chat:listThreadMessagesByConversation", args, identity=ADA)
    rows = sorted(page.unwrap()["page"], key=lambda row: (row["createdAt"], row["orderInTurn"]))
    return [(row["role"], row["text"]) for row in rows]


async def conversed(runtime, *said):
    await runtime.open_thread(persisted_conversation_id="c")
    for text in said:
        await runtime.send_turn(text)
        await runtime.wait_for_turn()


@pytest.mark.anyio
async def test_a_conversation_is_kept_in_a_deployment_made_for_it(codex_runtime, convex):
    deployment = convex(app)
    async with codex_runtime(script(Say("Hello.")), convex=deployment, user="ada") as runtime:
        await conversed(runtime, "hi")
    assert messages(deployment, "c") == [("user", "hi"), ("assistant", "Hello.")]


@pytest.mark.anyio
async def test_the_fixture_of_a_deployment_stands_for_one_with_the_endpoints_of_a_host(
    codex_runtime, convex
):
    async with codex_runtime(convex=convex) as runtime:
        await conversed(runtime, "hi")
        assert runtime.get_state().outbox


@pytest.mark.anyio
async def test_without_a_deployment_codex_alone_knows_what_was_said(codex_runtime):
    async with codex_runtime() as runtime:
        await conversed(runtime, "hi", "ho")
        state = runtime.get_state()
        read = await runtime.read_thread(state.runtime_conversation_id, include_turns=True)
    assert [turn.items[-1]["text"] for turn in read.thread.turns] == ["hi", "ho"]


@pytest.mark.anyio
async def test_two_runtimes_work_with_one_codex(codex_app_server, codex_runtime):
    codex = codex_app_server()
    async with codex, codex_runtime(codex) as one, codex_runtime(codex) as other:
        await conversed(one, "hi")
        await other.resume_thread(one.get_state().runtime_conversation_id)
        assert not codex.ended


@pytest.mark.anyio
async def test_a_codex_that_was_killed_is_there_again_when_the_runtime_connects_again(
    codex_app_server, codex_runtime, convex
):
    held = Response(steps=(Say("one moment", left_open=True), Wait(gate="never")))
    codex = codex_app_server(script(held, Say("Here again.")))
    deployment = convex(app)
    async with codex_runtime(codex, convex=deployment, user="ada") as runtime:
        opened = await runtime.open_thread(persisted_conversation_id="c")
        await runtime.send_turn("hi")
        await codex.gates.reached("never")
        codex.crash()
        await runtime.wait_for_turn()
        await runtime.connect(actor=Actor(user_id="ada"))
        await runtime.open_thread(
            "resume", conversation_id=opened.thread.id, persisted_conversation_id="c"
        )
        await runtime.send_turn("are you there?")
        await runtime.wait_for_turn()
    assert codex.ended
    said = messages(deployment, "c")
    assert said[0] == ("user", "hi")
    assert said[-2:] == [("user", "are you there?"), ("assistant", "Here again.")]


@pytest.mark.anyio
async def test_waiting_for_a_turn_ends_at_once_when_none_is_in_flight_or_another_is(codex_runtime):
    async with codex_runtime(script(Response(steps=(Wait(gate="never"),)))) as runtime:
        await runtime.open_thread()
        assert not (await runtime.wait_for_turn()).turn_in_flight
        sent = await runtime.send_turn("hi")
        assert (await runtime.wait_for_turn("another")).turn_id == sent.turn_id
        waiting = asyncio.create_task(runtime.wait_for_turn(sent.turn_id))
        await runtime.interrupt()
        assert (await waiting).turn_id is None


@pytest.mark.anyio
async def test_a_deployment_without_the_endpoints_of_a_host_is_refused(codex_runtime, convex):
    with pytest.raises(CodexRuntimeError) as caught:
        async with codex_runtime(convex=convex()):
            pass
    assert caught.value.code == "E_PERSISTENCE_ENDPOINT_MISSING"


def test_a_runtime_is_made_outside_of_a_loop_and_used_in_two_of_them(codex_runtime):
    async def once():
        async with codex_runtime() as runtime:
            await conversed(runtime, "hi")
            return runtime.get_state().phase

    assert [asyncio.run(once()), asyncio.run(once())] == ["running"] * 2


IN_A_PROJECT = """
import pytest
from codex_fakes.script import Say, script

{mark}
async def test_a_turn(codex_runtime, convex):
    async with codex_runtime(script(Say("Hello.")), convex=convex) as runtime:
        await runtime.open_thread()
        await runtime.send_turn("hi")
        assert not (await runtime.wait_for_turn()).turn_in_flight

async def mended(runtime):
    await runtime.open_thread()

{mark}
async def test_a_script_that_is_used_up(codex_runtime):
    async with codex_runtime(script()) as runtime:
        await runtime.open_thread()
        await runtime.send_turn("hi")
        await runtime.wait_for_turn()
"""

# A folder for its files of its own: it would tidy up behind the tests that run beside it.
OPTIONS = ["--basetemp=files", "-o", "asyncio_default_fixture_loop_scope=function"]


@pytest.mark.parametrize("plugin", ["anyio", "asyncio"])
def test_the_fixtures_work_in_a_project_of_whoever_has_the_plugin(tmp_path, plugin):
    Path(tmp_path, "test_it.py").write_text(IN_A_PROJECT.format(mark=f"@pytest.mark.{plugin}"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *OPTIONS, "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "[E_SCRIPT_EXHAUSTED]" in done.stdout
    assert "2 passed, 1 error" in done.stdout, done.stdout
