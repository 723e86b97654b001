"""Servers that share a home: what one of them leaves behind, the next one finds (FACTS §13)."""

from __future__ import annotations

import json

import pytest

from codex_fakes.script.steps import FailHttp, Patch, Response, Run, Say, Script, Stall, Think

pytestmark = pytest.mark.anyio

ADD = "*** Begin Patch\n*** Add File: new.txt\n+x\n*** End Patch\n"


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows))


async def play(server, *texts):
    """Start a thread and play turns on it; give the thread's id and how it reads."""
    dial = server.dial()
    await dial.hello()
    thread = await dial.thread()
    for number, text in enumerate(texts, 1):
        await dial.turn(thread, text)
        await dial.notified("turn/completed", number)
    answer = await dial.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
    return thread, answer["result"]["thread"]


async def read(server, thread):
    dial = server.dial()
    await dial.hello()
    answer = await dial.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
    return answer["result"]


async def test_every_kind_of_item_reads_the_same_after_a_restart(simulated, folders):
    answers = script(
        (
            Think(summary=("part one", ("part ", "two")), raw=("raw",)),
            Say(text=("a", "b"), phase="commentary"),
            Run(command="echo 'x y'", output=("x ", "y\n"), exit_code=3, duration_ms=400),
            Patch(patch=ADD),
        ),
        Say(text="done"),
        FailHttp(status=502, message="bad gateway"),
    )
    async with simulated(answers) as server:
        thread, before = await play(server, "go", "fail")
    async with simulated(Script()) as server:
        after = (await read(server, thread))["thread"]
    kinds = [item["type"] for turn in before["turns"] for item in turn["items"]]
    assert set(kinds) == {
        "userMessage",
        "reasoning",
        "agentMessage",
        "commandExecution",
        "fileChange",
    }
    assert after["turns"] == before["turns"]
    assert after["status"] == {"type": "notLoaded"}
    assert (folders[1] / "new.txt").read_text() == "x\n"


async def test_a_thread_without_a_turn_is_lost(simulated):
    async with simulated(Script()) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread()
    async with simulated(Script()) as server:
        dial = server.dial()
        await dial.hello()
        answer = await dial.ask("r", "thread/read", {"threadId": thread})
        assert answer["error"]["message"] == f"thread not loaded: {thread}"


async def test_a_crash_in_a_turn_reads_as_interrupted_without_an_end(simulated):
    answer = (Say(text="whole"), Say(text="half", left_open=True), Stall())
    async with simulated(script(answer)) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread()
        await dial.turn(thread)
        await dial.notified("item/agentMessage/delta", 2)
        server.crash()
        await dial.until_closed()
    async with simulated(Script()) as server:
        (turn,) = (await read(server, thread))["thread"]["turns"]
    assert turn["status"] == "interrupted"
    assert turn["completedAt"] is None
    assert turn["durationMs"] is None
    assert [item["type"] for item in turn["items"]] == ["userMessage", "agentMessage"]


async def test_an_orderly_end_in_a_turn_reads_as_interrupted_with_an_end(simulated):
    async with simulated(script((Say(text="half", left_open=True), Stall()))) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread()
        await dial.turn(thread)
        await dial.notified("item/agentMessage/delta")
    assert "turn/completed" not in dial.methods()
    async with simulated(Script()) as server:
        (turn,) = (await read(server, thread))["thread"]["turns"]
    assert turn["status"] == "interrupted"
    assert turn["completedAt"] is not None


async def test_a_torn_last_line_does_not_hide_what_is_before_it(simulated, folders):
    async with simulated(script(Say(text="one"))) as server:
        thread, before = await play(server, "go")
    (rollout,) = (folders[0] / "sessions").rglob("rollout-*.jsonl")
    with rollout.open("ab") as stream:
        stream.write(b'{"timestamp":"2026')
    async with simulated(script(Say(text="two"))) as server:
        dial = server.dial()
        await dial.hello()
        await dial.ask("r", "thread/resume", {"threadId": thread})
        await dial.turn(thread, "again")
        await dial.notified("turn/completed")
    async with simulated(Script()) as server:
        turns = (await read(server, thread))["thread"]["turns"]
    assert turns[0] == before["turns"][0]
    assert [turn["status"] for turn in turns] == ["completed", "completed"]


async def test_names_and_read_states_are_kept(simulated):
    async with simulated(script(Say(text="one"))) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread()
        turn = await dial.turn(thread)
        await dial.notified("turn/completed")
        await dial.ask("n", "thread/name/set", {"threadId": thread, "name": " mine "})
    async with simulated(Script()) as server:
        found = await read(server, thread)
    assert found["thread"]["name"] == "mine"
    assert found["readState"]["firstUnread"] == {"type": "turn", "turnId": turn}


async def test_a_resumed_thread_goes_on_with_its_settings_and_its_counts(simulated):
    async with simulated(script(Say(text="one"))) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread(approvalPolicy="never", sandbox="read-only")
        await dial.turn(thread, effort="high")
        await dial.notified("turn/completed")
    async with simulated(script(Say(text="two"))) as server:
        dial = server.dial()
        await dial.hello()
        resumed = (await dial.ask("r", "thread/resume", {"threadId": thread}))["result"]
        assert resumed["approvalPolicy"] == "never"
        assert resumed["sandbox"] == {"type": "readOnly", "networkAccess": False}
        assert resumed["reasoningEffort"] == "high"
        await dial.turn(thread, "again")
        await dial.notified("turn/completed")
        counted = await dial.notified("thread/tokenUsage/updated", 2)
        assert counted["params"]["tokenUsage"]["total"]["totalTokens"] == 240


async def test_stored_threads_are_listed_newest_first(simulated):
    ids = []
    for text in ("first", "second"):
        async with simulated(script(Say(text="x")), seed=len(ids)) as server:
            ids.append((await play(server, text))[0])
    async with simulated(Script()) as server:
        dial = server.dial()
        await dial.hello()
        listed = (await dial.ask("l", "thread/list", {}))["result"]
    assert sorted(row["id"] for row in listed["data"]) == sorted(ids)
    assert {row["status"]["type"] for row in listed["data"]} == {"notLoaded"}
    assert listed["readStates"].keys() == set(ids)


async def test_rollouts_are_lines_with_ordinals_without_gaps(simulated, folders):
    async with simulated(script(Say(text="one"), Say(text="two"))) as server:
        await play(server, "a", "b")
    (rollout,) = (folders[0] / "sessions").rglob("rollout-*.jsonl")
    lines = [json.loads(line) for line in rollout.read_text().splitlines()]
    assert [line["ordinal"] for line in lines] == list(range(len(lines)))
    assert lines[0]["type"] == "session_meta"
    assert all(list(line) == ["timestamp", "ordinal", "type", "payload"] for line in lines)


async def test_the_installation_keeps_its_id(simulated):
    seen = []
    for seed in (1, 2):
        async with simulated(Script(), seed=seed) as server:
            dial = server.dial()
            await dial.hello()
            told = await dial.notified("remoteControl/status/changed")
            seen.append(told["params"]["installationId"])
    assert seen[0] == seen[1]
