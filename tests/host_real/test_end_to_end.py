"""From the model to the deployment: what is kept is what was said, message for message (issue 6).

Every scenario runs on the real binary and on the simulated app-server, against a Convex in a
process of its own.
"""

from __future__ import annotations

from uuid import uuid4

import pytest

from codex_fakes.script import (
    Ask,
    CallTool,
    Drop,
    FailHttp,
    Option,
    Patch,
    Question,
    Run,
    Say,
    Think,
    Wait,
    script,
)
from codex_runtime.protocol.params import ThreadSettings
from support.codex import Codex
from support.real_world import hosting

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]

ADD = "*** Begin Patch\n*** Add File: hello.txt\n+hello\n*** End Patch\n"


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.real)])
def kind(request):
    return request.param


@pytest.fixture
def asking(kind):
    """The settings under which the model may ask the user."""
    name = "default_mode_request_user_input"
    return {"features": {name: True} if kind == "real" else frozenset({name})}


@pytest.fixture
def host(kind, convex, tmp_path):
    """Makes a host whose model plays a script."""

    def make(*steps, answer=None, tools=None, **settings):
        codex = Codex(kind, script(*steps), tmp_path, **settings)
        return hosting(codex, convex, str(uuid4()), answer=answer, tools=tools)

    return make


async def test_a_streamed_turn(host):
    async with host(Say(["Hel", "lo", " wor", "ld"])) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("hi there")
        await h.check(
            "c",
            [("user", "hi there", "completed"), ("assistant", "Hello world", "completed")],
            turns=["completed"],
        )


async def test_reasoning(host):
    thought = Think(summary=(("**Plan", "ning**"), "more"))
    async with host((thought, Say("The answer"))) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("think please")
        await h.check(
            "c",
            [
                ("user", "think please", "completed"),
                ("assistant", "**Planning**\nmore", "completed"),
                ("assistant", "The answer", "completed"),
            ],
            turns=["completed"],
        )
        assert await h.reader.thoughts("c") == {0: "**Planning**", 1: "more"}


async def accept(runtime, request):
    if request.method == "item/fileChange/requestApproval":
        await runtime.respond_file_change_approval(request.id, "accept")
    else:
        await runtime.respond_command_approval(request.id, "accept")


async def decline(runtime, request):
    await runtime.respond_command_approval(request.id, "decline")


UNTRUSTED = ThreadSettings(approval_policy="untrusted")


@pytest.mark.parametrize(("answer", "status"), [(accept, "completed"), (decline, "interrupted")])
async def test_a_command_that_needs_approval(host, kind, answer, status):
    async with host(Run("touch made.txt"), Say("done"), answer=answer) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c", settings=UNTRUSTED)
        await h.say("run it")
        command = ("tool", "touch made.txt", status)
        await h.check(
            "c",
            [("user", "run it", "completed"), command, ("assistant", "done", "completed")],
            turns=["completed"],
            # Codex forgets a command that was never run.
            forgotten=[command] if answer is decline else [],
        )
        # The simulated app-server only says that it runs commands.
        ran = answer is accept and kind == "real"
        assert (h.codex.cwd / "made.txt").exists() == ran


async def test_a_patch(host):
    async with host(Patch(ADD), Say("patched"), answer=accept) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c", settings=UNTRUSTED)
        await h.say("patch it")
        assert (h.codex.cwd / "hello.txt").read_text() == "hello\n"
        await h.check(
            "c",
            [
                ("user", "patch it", "completed"),
                ("tool", "File changes: 1", "completed"),
                ("assistant", "patched", "completed"),
            ],
            turns=["completed"],
        )


async def test_a_python_function_as_a_tool(host):
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    async with host(CallTool("add", {"a": 2, "b": 3}), Say("five"), tools={"add": add}) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("add them")
        await h.check(
            "c",
            [
                ("user", "add them", "completed"),
                ("tool", "add", "completed"),
                ("assistant", "five", "completed"),
            ],
            turns=["completed"],
        )


COLOUR = Question(
    id="colour",
    header="Colour",
    question="Which colour?",
    options=(Option(label="red"), Option(label="blue")),
)


async def choose_blue(runtime, request):
    await runtime.respond_tool_user_input(request.id, {"colour": ("blue",)})


async def test_a_question_to_the_user(host, asking):
    async with host(Ask((COLOUR,)), Say("blue it is"), answer=choose_blue, **asking) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("ask me")
        question = ("tool", "Tool requested user input", "completed")
        await h.check(
            "c",
            [
                ("user", "ask me", "completed"),
                question,
                ("assistant", "blue it is", "completed"),
            ],
            turns=["completed"],
            forgotten=[question],
        )


async def test_an_interrupted_turn(host):
    half = (Say(["partial ", "text"], left_open=True), Wait("held"))
    async with host(half, Say("after")) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.begin("go")
        await h.heard("item/agentMessage/delta", 2)
        await h.runtime.interrupt()
        await h.ended()
        h.codex.gates.open("held")
        await h.say("next")
        cut_off = ("assistant", "partial text", "interrupted")
        await h.check(
            "c",
            [
                ("user", "go", "completed"),
                cut_off,
                ("user", "next", "completed"),
                ("assistant", "after", "completed"),
            ],
            turns=["interrupted", "completed"],
            forgotten=[cut_off],
        )


async def test_a_turn_that_fails_and_the_next_one(host):
    async with host(FailHttp(status=500), Say("back")) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("go")
        await h.say("again")
        await h.check(
            "c",
            [
                ("user", "go", "completed"),
                ("user", "again", "completed"),
                ("assistant", "back", "completed"),
            ],
            turns=["failed", "completed"],
        )


async def test_a_stream_that_breaks_and_is_tried_again(host):
    broken = (Say(["half"], left_open=True), Drop())
    async with host(broken, Say("second try ok"), stream_max_retries=2) as h:
        await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("go")
        assert h.events.count("error") == 1
        cut_off = ("assistant", "half", "completed")
        await h.check(
            "c",
            [
                ("user", "go", "completed"),
                cut_off,
                ("assistant", "second try ok", "completed"),
            ],
            turns=["completed"],
            forgotten=[cut_off],
        )


async def test_a_fork(host):
    async with host(Say("one"), Say("two")) as h:
        opened = await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("first")
        forked = await h.runtime.fork_thread(opened.thread.id)
        await h.say("second")
        first = [("user", "first", "completed"), ("assistant", "one", "completed")]
        await h.check(
            forked.thread.id,
            [*first, ("user", "second", "completed"), ("assistant", "two", "completed")],
            turns=["completed", "completed"],
        )
        assert [row["text"] for row in await h.reader.messages("c")] == ["first", "one"]


async def test_a_thread_goes_on_after_a_restart_of_the_runtime(host):
    async with host(Say("one"), Say("two")) as h:
        opened = await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("first")
        await h.start()
        await h.runtime.open_thread(
            "resume", conversation_id=opened.thread.id, persisted_conversation_id="c"
        )
        await h.say("second")
        await h.check(
            "c",
            [
                ("user", "first", "completed"),
                ("assistant", "one", "completed"),
                ("user", "second", "completed"),
                ("assistant", "two", "completed"),
            ],
            turns=["completed", "completed"],
        )


async def test_a_thread_that_was_never_streamed_is_imported_and_goes_on_live(host):
    async with host(Say("one"), Run("echo hello"), Say("two"), Say("three")) as h:
        await h.start(durable=False)
        opened = await h.runtime.open_thread("start")
        await h.say("first")
        await h.say("second")
        await h.start()
        imported = await h.runtime.import_local_thread_to_persistence(
            opened.thread.id, conversation_id="c"
        )
        assert (imported.sync_state, imported.imported_message_count) == ("synced", 4)
        await h.runtime.open_thread(
            "resume", conversation_id=opened.thread.id, persisted_conversation_id="c"
        )
        await h.say("third")
        await h.check(
            "c",
            [
                ("user", "first", "completed"),
                ("assistant", "one", "completed"),
                ("user", "second", "completed"),
                ("tool", "echo hello", "completed"),
                ("assistant", "two", "completed"),
                ("user", "third", "completed"),
                ("assistant", "three", "completed"),
            ],
            turns=["completed", "completed", "completed"],
        )


async def test_a_thread_that_was_streamed_is_not_imported_twice(host):
    think = Think(summary=("why",))
    async with host((think, Say("one")), Run("echo hello"), Say("two")) as h:
        opened = await h.runtime.open_thread("start", persisted_conversation_id="c")
        await h.say("first")
        await h.say("second")
        imported = await h.runtime.import_local_thread_to_persistence(
            opened.thread.id, conversation_id="c"
        )
        assert (imported.sync_state, imported.imported_message_count) == ("synced", 4)
        await h.check(
            "c",
            [
                ("user", "first", "completed"),
                ("assistant", "why", "completed"),
                ("assistant", "one", "completed"),
                ("user", "second", "completed"),
                ("tool", "echo hello", "completed"),
                ("assistant", "two", "completed"),
            ],
            turns=["completed", "completed"],
        )
        assert await h.reader.thoughts("c") == {0: "why"}
