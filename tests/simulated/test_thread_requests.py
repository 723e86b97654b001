"""Requests about threads, where the recordings leave something open: pages, files, accounts."""

from __future__ import annotations

import json

import pytest

from codex_fakes.app_server import VirtualClock
from codex_fakes.app_server.surroundings.files import MemoryFiles
from codex_fakes.app_server.surroundings.repositories import git_info
from codex_fakes.script.steps import Response, Run, Say, Script, Wait

pytestmark = pytest.mark.anyio

ECHO = Script(otherwise="echo")


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows), otherwise="echo")


async def connected(server):
    dial = server.dial()
    await dial.hello()
    return dial


async def used_thread(dial, text="hello", **params):
    """A thread with one finished turn."""
    ended = dial.methods().count("turn/completed")
    thread = await dial.thread(**params)
    await dial.turn(thread, text)
    await dial.notified("turn/completed", ended + 1)
    return thread


async def listed(dial, request_id, **params):
    answer = await dial.ask(request_id, "thread/list", params)
    return answer["result"]


async def three_threads(dial, clock, apart_ms):
    """Threads that are created some time apart, oldest first."""
    threads = []
    for number in range(3):
        threads.append(await used_thread(dial, f"question {number}"))
        clock.advance_to(clock.now_ms() + apart_ms)
    return threads


def ids(page):
    return [row["id"] for row in page["data"]]


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["created_at", "updated_at", "recency_at"])
async def test_pages_of_threads_that_are_seconds_apart_pass_each_of_them_once(simulated, key):
    clock = VirtualClock()
    async with simulated(ECHO, clock=clock) as server:
        dial = await connected(server)
        threads = await three_threads(dial, clock, 1_500)
        first = await listed(dial, "1", limit=2, sortKey=key)
        second = await listed(dial, "2", limit=2, sortKey=key, cursor=first["nextCursor"])
    assert ids(first) + ids(second) == threads[::-1]
    assert second["nextCursor"] is None


async def test_a_page_by_creation_time_drops_what_was_created_in_its_last_second(simulated):
    clock = VirtualClock()
    async with simulated(ECHO, clock=clock) as server:
        dial = await connected(server)
        await three_threads(dial, clock, 10)
        first = await listed(dial, "1", limit=2)
        second = await listed(dial, "2", limit=2, cursor=first["nextCursor"])
    assert len(ids(first)) == 2
    assert ids(second) == []


async def test_a_page_by_recency_goes_on_in_the_middle_of_a_moment(simulated):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        threads = await three_threads(dial, server.clock, 0)
        first = await listed(dial, "1", limit=2, sortKey="recency_at")
        cursor = first["nextCursor"]
        second = await listed(dial, "2", limit=2, sortKey="recency_at", cursor=cursor)
    assert cursor.endswith(f"|{threads[1]}")
    assert ids(first) + ids(second) == threads[::-1]


async def test_the_cursor_back_leads_to_the_page_it_came_with(simulated):
    clock = VirtualClock()
    async with simulated(ECHO, clock=clock) as server:
        dial = await connected(server)
        threads = await three_threads(dial, clock, 1_500)
        newest = await listed(dial, "1", limit=1, sortKey="updated_at")
        back = newest["backwardsCursor"]
        again = await listed(dial, "2", sortKey="updated_at", sortDirection="asc", cursor=back)
    assert ids(again) == [threads[2]]


async def test_a_search_finds_names_and_previews_by_their_very_letters(simulated):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        thread = await used_thread(dial, "about Whales")
        await dial.ask("name", "thread/name/set", {"threadId": thread, "name": "Sea"})
        found = [
            ids(await listed(dial, f"s-{term}", searchTerm=term))
            for term in ("Whales", "Sea", "whales")
        ]
    assert found == [[thread], [thread], []]


async def test_only_archived_threads_are_listed_when_they_are_asked_for(simulated):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        kept, archived = await used_thread(dial), await used_thread(dial)
        await dial.ask("archive", "thread/archive", {"threadId": archived})
        assert ids(await listed(dial, "1", archived=True)) == [archived]
        assert ids(await listed(dial, "2")) == [kept]


# --- files ---------------------------------------------------------------------------------------


def rollouts(home):
    return sorted(path.name for path in home.rglob("rollout-*.jsonl"))


async def test_nothing_of_an_ephemeral_thread_reaches_the_disk(simulated, folders):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        await used_thread(dial, "secret", ephemeral=True)
    written = b"".join(path.read_bytes() for path in folders[0].rglob("*") if path.is_file())
    assert rollouts(folders[0]) == []
    assert b"secret" not in written


async def test_nothing_is_left_of_a_deleted_thread_but_its_id(simulated, folders):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        thread = await used_thread(dial)
        turns = {"threadId": thread, "beforeTurnId": (await turn_ids(dial, thread))[0]}
        await dial.ask("revert", "thread/revert", turns)
        await dial.ask("name", "thread/name/set", {"threadId": thread, "name": "mine"})
        assert len(rollouts(folders[0])) == 2
        await dial.ask("delete", "thread/delete", {"threadId": thread})
        again = await dial.ask("again", "thread/delete", {"threadId": thread})
    assert rollouts(folders[0]) == []
    assert again["error"]["message"] == f"no rollout found for thread id {thread}"


async def turn_ids(dial, thread):
    number = len(dial.messages)
    page = await dial.ask(f"turns-{number}", "thread/turns/list", {"threadId": thread})
    return [turn["id"] for turn in page["result"]["data"]]


async def test_a_fork_goes_on_when_its_origin_is_reverted(simulated):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        thread = await used_thread(dial)
        before = await turn_ids(dial, thread)
        forked = await dial.ask("fork", "thread/fork", {"threadId": thread, "excludeTurns": True})
        fork = forked["result"]["thread"]["id"]
        await dial.ask("revert", "thread/revert", {"threadId": thread, "beforeTurnId": before[0]})
        assert await turn_ids(dial, thread) == []
        assert await turn_ids(dial, fork) == before
    async with simulated(ECHO) as server:
        dial = await connected(server)
        assert await turn_ids(dial, fork) == before


async def test_an_origin_can_be_deleted_once_its_forks_are(simulated):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        thread = await used_thread(dial)
        forked = await dial.ask("fork", "thread/fork", {"threadId": thread, "excludeTurns": True})
        early = await dial.ask("early", "thread/delete", {"threadId": thread})
        fork = {"threadId": forked["result"]["thread"]["id"]}
        assert (await dial.ask("first", "thread/delete", fork))["result"] == {}
        assert (await dial.ask("then", "thread/delete", {"threadId": thread}))["result"] == {}
    assert "forked history still references it" in early["error"]["message"]


async def test_a_command_that_runs_ends_with_its_thread(simulated, folders):
    sleeping = Run(command="sleep 60", call_id="c1", duration_ms=60_000)
    async with simulated(
        script(sleeping, (Say(text="a", left_open=True), Wait(gate="never"))),
        settings={"approval_policy": "never", "sandbox": "danger-full-access"},
    ) as server:
        dial = await connected(server)
        thread = await dial.thread()
        await dial.turn(thread)
        await dial.until(
            lambda seen: any(
                m.get("method") == "item/started"
                and m["params"]["item"]["type"] == "commandExecution"
                for m in seen
            ),
            "the command",
        )
        await dial.ask("archive", "thread/archive", {"threadId": thread})
        params = {"threadId": thread, "itemsView": "full"}
        page = await dial.ask("turns", "thread/turns/list", params)
    command = page["result"]["data"][0]["items"][-1]
    assert (command["type"], command["status"], command["exitCode"]) == (
        "commandExecution",
        "failed",
        -1,
    )
    assert not list((folders[0] / "sessions").rglob("*.jsonl"))


# --- accounts ------------------------------------------------------------------------------------


async def test_a_login_with_a_key_is_known_to_the_next_server(simulated, folders):
    settings = {"requires_openai_auth": True}
    async with simulated(ECHO, settings=settings) as server:
        dial = await connected(server)
        login = {"type": "apiKey", "apiKey": "sk-test"}
        assert (await dial.ask("in", "account/login/start", login))["result"] == {"type": "apiKey"}
    async with simulated(ECHO, settings=settings) as server:
        dial = await connected(server)
        status = await dial.ask("status", "getAuthStatus", {"includeToken": True})
    assert status["result"]["authToken"] == "sk-test"
    assert json.loads((folders[0] / "auth.json").read_text())["OPENAI_API_KEY"] == "sk-test"


async def test_a_login_that_waits_for_the_browser_ends_when_it_is_cancelled(simulated):
    async with simulated(ECHO) as server:
        dial = await connected(server)
        started = (await dial.ask("in", "account/login/start", {"type": "chatgpt"}))["result"]
        login = {"loginId": started["loginId"]}
        assert (await dial.ask("c", "account/login/cancel", login))["result"][
            "status"
        ] == "canceled"
        ended = await dial.notified("account/login/completed")
        again = await dial.ask("again", "account/login/cancel", login)
    assert started["authUrl"].startswith("https://auth.openai.com/oauth/authorize?")
    assert (ended["params"]["loginId"], ended["params"]["success"]) == (login["loginId"], False)
    assert again["result"]["status"] == "notFound"


# --- compaction ----------------------------------------------------------------------------------


async def test_what_the_model_says_in_a_compaction_is_never_told(simulated):
    async with simulated(script(Say(text="hi"), Say(text="the summary"))) as server:
        dial = await connected(server)
        thread = await used_thread(dial)
        await dial.ask("compact", "thread/compact/start", {"threadId": thread})
        await dial.notified("turn/completed", 2)
    assert b"the summary" not in b"".join(dial.lines)


# --- repositories --------------------------------------------------------------------------------


def repository(**more):
    files = MemoryFiles()
    for name, text in {"HEAD": "ref: refs/heads/main\n", **more}.items():
        files.write(f"/repo/.git/{name.replace('__', '/')}", text.encode())
    return files


def test_a_branch_is_found_from_a_folder_below_with_its_commit_and_its_origin():
    config = '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://example.com/r.git\n'
    files = repository(refs__heads__main="abc\n", config=config)
    assert git_info(files, "/repo/deep/below") == {
        "sha": "abc",
        "branch": "main",
        "originUrl": "https://example.com/r.git",
    }


def test_a_packed_branch_is_found():
    files = MemoryFiles()
    files.write("/repo/.git/HEAD", b"ref: refs/heads/main\n")
    files.write("/repo/.git/packed-refs", b"# pack-refs\nabc refs/heads/main\ndef refs/tags/v1\n")
    assert git_info(files, "/repo") == {"sha": "abc", "branch": "main", "originUrl": None}


def test_a_commit_that_is_checked_out_has_no_branch():
    files = MemoryFiles()
    files.write("/repo/.git/HEAD", b"abc\n")
    assert git_info(files, "/repo") == {"sha": "abc", "branch": None, "originUrl": None}


def test_a_folder_outside_of_every_repository_has_no_git_info():
    assert git_info(repository(), "/elsewhere") is None
