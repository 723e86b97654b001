"""Ten scenarios through our own client, on the real binary and on the simulated app-server.

They follow the recordings of the same names; what a recording shows is what is asserted here, of
both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codex_fakes.script import (
    Drop,
    FailHttp,
    Patch,
    Response,
    Run,
    Say,
    Think,
    Usage,
    Wait,
    script,
)
from codex_runtime.app_server import requests
from codex_runtime.errors import RequestFailedError
from codex_runtime.protocol import Notification, message_of, reasoning_delta_of, text_delta_of
from codex_runtime.protocol.answers import CommandApproval, FileChangeApproval
from codex_runtime.protocol.params import ThreadResumeParams, TurnStartParams
from codex_runtime.protocol.server_requests import (
    CommandApprovalRequest,
    FileChangeApprovalRequest,
    read_server_request,
)
from codex_runtime.protocol.terminal import terminal_status
from codex_runtime.protocol.values import TextInput
from support.codex import WAIT, Codex, Conversation, Kind, params

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]

Make = Callable[..., Codex]


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.real)])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def make(kind: Kind, tmp_path: Path) -> Make:
    def codex(*responses: Any, **settings: Any) -> Codex:
        return Codex(kind, script(*responses), tmp_path, **settings)

    return codex


PLAIN_TURN = [
    "turn/started",
    "item/started",
    "item/completed",
    "item/started",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/completed",
    "thread/tokenUsage/updated",
    "turn/completed",
]


async def test_a_streamed_turn(make: Make) -> None:
    """As in 01_hello."""
    async with make(Say(text=["Hel", "lo", " wor", "ld"])) as codex, codex.connected() as talk:
        thread = await talk.start_thread()
        turn = await talk.start_turn(thread, "hi there")
        ended = await talk.turn_ends(turn)
    assert talk.methods(turn) == PLAIN_TURN
    deltas = [text_delta_of(m) for m in talk.of_turn(turn) if isinstance(m, Notification)]
    assert [delta.delta for delta in deltas if delta] == ["Hel", "lo", " wor", "ld"]
    messages = [made for made in map(message_of, talk.of_turn(turn)) if made]
    assert [(m.role, m.status, m.text) for m in messages] == [
        ("user", "streaming", "hi there"),
        ("user", "completed", "hi there"),
        ("assistant", "streaming", ""),
        ("assistant", "completed", "Hello world"),
    ]
    assert ended["status"] == "completed"
    assert [item["text"] for item in ended["items"]] == ["Hello world"]


async def test_token_usage_adds_up(make: Make) -> None:
    """As in 06d_token_usage_two_turns."""
    first = (Say(text="a"), Usage(input=100, cached=10, output=20, reasoning=5))
    second = (Say(text="b"), Usage(input=250, cached=120, output=30, reasoning=7))
    async with make(first, second) as codex, codex.connected() as talk:
        thread = await talk.start_thread()
        usages = []
        for text in ("one", "two"):
            turn = await talk.start_turn(thread, text)
            await talk.turn_ends(turn)
            usages += [
                params(message)["tokenUsage"]
                for message in talk.of_turn(turn)
                if message.method == "thread/tokenUsage/updated"
            ]
    assert [usage["last"]["totalTokens"] for usage in usages] == [120, 280]
    assert [usage["total"]["totalTokens"] for usage in usages] == [120, 400]
    assert usages[1]["total"]["cachedInputTokens"] == 130


async def test_reasoning(make: Make) -> None:
    """As in 02_reasoning."""
    thought = Think(
        summary=(("**Plan", "ning**", "\n\nfirst ", "thought"), ("**Second**", "\n\nmore"))
    )
    async with (
        make((thought, Say(text=["The ", "answer"]))) as codex,
        codex.connected() as talk,
    ):
        thread = await talk.start_thread()
        started = await talk.server.call(
            requests.turn_start(
                TurnStartParams(
                    thread_id=thread,
                    input=(TextInput(text="think please"),),
                    summary="detailed",
                    effort="high",
                )
            )
        )
        turn = started.turn.id
        await talk.turn_ends(turn)
    parts: dict[int, str] = {}
    for message in talk.of_turn(turn):
        piece = reasoning_delta_of(message) if isinstance(message, Notification) else None
        if piece is None:
            continue
        assert piece.channel == "summary"
        assert piece.summary_index is not None
        parts[piece.summary_index] = parts.get(piece.summary_index, "") + (piece.delta or "")
    assert parts == {0: "**Planning**\n\nfirst thought", 1: "**Second**\n\nmore"}
    reasoning = [
        params(message)["item"]
        for message in talk.of_turn(turn)
        if message.method == "item/completed" and params(message)["item"]["type"] == "reasoning"
    ]
    assert [item["summary"] for item in reasoning] == [list(parts.values())]


async def approved_command(codex: Codex, talk: Conversation, decision: Any) -> list[dict[str, Any]]:
    """Run a turn that asks for a command; returns the items that were completed."""
    thread = await talk.start_thread(approval_policy="untrusted")
    turn = await talk.start_turn(thread, "run it")
    asked = await talk.until_method("item/commandExecution/requestApproval")
    question = read_server_request(asked)
    assert isinstance(question, CommandApprovalRequest)
    assert question.command is not None
    assert "touch made.txt" in question.command
    assert talk.server.pending_requests == (asked,)
    await talk.server.answer(asked, CommandApproval(decision=decision))
    ended = await talk.turn_ends(turn)
    methods = [event.method for event in talk.heard if isinstance(event, Notification)]
    assert methods.count("serverRequest/resolved") == 1
    completed = [
        params(message)["item"]
        for message in talk.of_turn(turn)
        if message.method == "item/completed"
    ]
    return [*completed, ended]


RUN = Run(command="touch made.txt", output="")


async def test_a_command_is_approved(make: Make) -> None:
    """As in 03a_cmd_untrusted_accept."""
    async with make(RUN, Say(text="done")) as codex, codex.connected() as talk:
        _user, command, said, ended = await approved_command(codex, talk, "accept")
    assert (command["status"], command["exitCode"]) == ("completed", 0)
    assert (said["text"], ended["status"]) == ("done", "completed")


async def test_a_command_is_declined(make: Make) -> None:
    """As in 03b_cmd_untrusted_decline."""
    async with make(RUN, Say(text="all right")) as codex, codex.connected() as talk:
        _user, command, said, ended = await approved_command(codex, talk, "decline")
        assert not (codex.cwd / "made.txt").exists()
    assert (command["status"], command["exitCode"]) == ("declined", None)
    assert (said["text"], ended["status"]) == ("all right", "completed")


async def test_a_command_is_cancelled_and_the_turn_with_it(make: Make) -> None:
    async with make(RUN) as codex, codex.connected() as talk:
        _user, command, ended = await approved_command(codex, talk, "cancel")
    assert (command["status"], ended["status"], ended["error"]) == ("declined", "interrupted", None)


ADD = "*** Begin Patch\n*** Add File: hello.txt\n+hello\n*** End Patch\n"


async def test_a_patch_is_approved(make: Make) -> None:
    """As in 04a_patch_untrusted_accept."""
    async with make(Patch(patch=ADD), Say(text="patched")) as codex, codex.connected() as talk:
        thread = await talk.start_thread(approval_policy="untrusted", cwd=str(codex.cwd))
        turn = await talk.start_turn(thread, "patch it")
        asked = await talk.until_method("item/fileChange/requestApproval")
        assert isinstance(read_server_request(asked), FileChangeApprovalRequest)
        await talk.server.answer(asked, FileChangeApproval(decision="accept"))
        ended = await talk.turn_ends(turn)
        assert (codex.cwd / "hello.txt").read_text() == "hello\n"
        target = str(codex.cwd / "hello.txt")
    items = [
        params(message)["item"]
        for message in talk.of_turn(turn)
        if message.method == "item/completed"
    ]
    change = items[1]
    assert (change["type"], change["status"]) == ("fileChange", "completed")
    assert [(c["path"], c["kind"]["type"], c["diff"]) for c in change["changes"]] == [
        (target, "add", "hello\n")
    ]
    assert "turn/diff/updated" in talk.methods(turn)
    assert ended["status"] == "completed"


async def test_a_turn_is_interrupted_while_it_streams(make: Make) -> None:
    """As in 05a_interrupt_midstream."""
    half = (Say(text=["partial ", "text "], left_open=True), Wait(gate="held"))
    async with make(half, Say(text="after")) as codex, codex.connected() as talk:
        thread = await talk.start_thread()
        turn = await talk.start_turn(thread, "go")
        await talk.until(lambda m: m.head.delta == "text ")
        await talk.server.call(requests.turn_interrupt(thread, turn), timeout=WAIT)
        ended = await talk.turn_ends(turn)
        codex.gates.open("held")
        again = await talk.start_turn(thread, "next")
        assert (await talk.turn_ends(again))["status"] == "completed"
        with pytest.raises(RequestFailedError, match="no active turn to interrupt"):
            await talk.server.call(requests.turn_interrupt(thread, again), timeout=WAIT)
    assert (ended["status"], ended["error"], ended["items"]) == ("interrupted", None, [])
    assert talk.methods(turn).count("item/completed") == 1, "the open message is never completed"


async def test_the_model_fails_for_good(make: Make) -> None:
    """As in 12a_fail_http500_no_retry."""
    async with make(FailHttp(status=500), Say(text="back")) as codex, codex.connected() as talk:
        thread = await talk.start_thread()
        turn = await talk.start_turn(thread, "go")
        ended = await talk.turn_ends(turn)
        again = await talk.start_turn(thread, "again")
        assert (await talk.turn_ends(again))["status"] == "completed"
    (error,) = [params(m) for m in talk.of_turn(turn) if m.method == "error"]
    assert (error["willRetry"], error["error"]) == (False, ended["error"])
    assert ended["error"]["codexErrorInfo"] == "internalServerError"
    statuses = [
        terminal_status(message)
        for message in talk.of_turn(turn)
        if isinstance(message, Notification)
    ]
    assert [status.code for status in statuses if status] == ["E_TERMINAL_FAILED"] * 2


async def test_the_model_fails_and_is_asked_again(make: Make) -> None:
    """As in 12e_fail_disconnect_midstream_retry_ok."""
    broken = (Say(text=["half"], left_open=True), Drop())
    async with (
        make(broken, Say(text="second try ok"), stream_max_retries=2) as codex,
        codex.connected() as talk,
    ):
        thread = await talk.start_thread()
        turn = await talk.start_turn(thread, "go")
        ended = await talk.turn_ends(turn)
    retries = [params(m) for m in talk.of_turn(turn) if m.method == "error"]
    assert [(r["willRetry"], r["error"]["message"]) for r in retries] == [
        (True, "Reconnecting... 1/2")
    ]
    endings = [
        terminal_status(message)
        for message in talk.of_turn(turn)
        if isinstance(message, Notification)
    ]
    assert [ending.status for ending in endings if ending] == ["completed"]
    assert ended["items"][-1]["text"] == "second try ok"


async def test_a_thread_is_resumed_after_a_restart(make: Make) -> None:
    """As in 08a_resume_after_restart."""
    async with make(Say(text="one"), Say(text="two"), Say(text="three")) as codex:
        async with codex.connected() as talk:
            thread = await talk.start_thread()
            turns = [await talk.start_turn(thread, "first question")]
            await talk.turn_ends(turns[0])
            turns.append(await talk.start_turn(thread, "second question"))
            await talk.turn_ends(turns[1])
        async with codex.connected() as talk:
            with pytest.raises(RequestFailedError, match="thread not found"):
                await talk.start_turn(thread, "too early")
            resumed = await talk.server.call(
                requests.thread_resume(ThreadResumeParams(thread_id=thread))
            )
            assert [turn.id for turn in resumed.thread.turns] == turns
            texts = [
                item["text"]
                for turn in resumed.thread.turns
                for item in turn.items
                if item["type"] == "agentMessage"
            ]
            assert texts == ["one", "two"]
            third = await talk.start_turn(thread, "third question")
            assert (await talk.turn_ends(third))["items"][-1]["text"] == "three"


async def test_two_threads_at_once(make: Make) -> None:
    """As in 07_two_threads_concurrent."""

    def held(word: str) -> Response:
        return Response(
            steps=(
                Say(text=[f"{word} 1 "], left_open=True),
                Wait(gate=word),
                Say(text=[f"{word} 2"]),
            ),
            when=word,
        )

    async with make(held("alpha"), held("bravo")) as codex, codex.connected() as talk:
        threads = [await talk.start_thread(), await talk.start_thread()]
        words = ["alpha", "bravo"]
        turns = await asyncio.gather(
            *(talk.start_turn(t, word) for t, word in zip(threads, words, strict=True))
        )
        for word in words:
            await codex.gates.reached(word, WAIT)
        codex.gates.open("bravo")
        second = await talk.turn_ends(turns[1])
        assert "turn/completed" not in talk.methods(turns[0])
        codex.gates.open("alpha")
        first = await talk.turn_ends(turns[0])
    for turn, ended, word in zip(turns, (first, second), words, strict=True):
        assert ended["items"][-1]["text"] == f"{word} 1 {word} 2"
        said = [m.head.delta for m in talk.of_turn(turn) if m.method == "item/agentMessage/delta"]
        assert said == [f"{word} 1 ", f"{word} 2"]


async def test_threads_are_listed_and_read(make: Make) -> None:
    async with make(Say(text="a")) as codex, codex.connected() as talk:
        unused = await talk.start_thread()
        used = await talk.start_thread()
        turn = await talk.start_turn(used, "hello")
        await talk.turn_ends(turn)
        listed = await talk.server.call(requests.thread_list())
        loaded = await talk.server.call(requests.thread_loaded_list())
        read = await talk.server.call(requests.thread_read(used, include_turns=True))
    assert [thread.id for thread in listed.data] == [used]
    assert set(loaded.data) == {unused, used}
    assert [t.id for t in read.thread.turns] == [turn]
    assert read.thread.preview == "hello"
