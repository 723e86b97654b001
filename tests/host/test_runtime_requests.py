"""What each method of the runtime asks of Codex, and what it makes of the answer (spec 06 §5)."""

import asyncio

import pytest

from codex_runtime.errors import CodexRuntimeError, RequestFailedError
from codex_runtime.protocol import params as p
from support.core_desk import THREAD, TURN, thread_of
from support.peer_world import hosted

pytestmark = pytest.mark.anyio

OPENED = thread_of()
JUST_THREAD = {"thread": OPENED["thread"]}
NO_PAGE = {"data": [], "nextCursor": None}
LIMITS = {"rateLimits": {"primary": None, "secondary": None}}

LOCKED = {
    "archive_thread": (lambda r: r.archive_thread(THREAD), "thread/archive", {}),
    "unarchive_thread": (lambda r: r.unarchive_thread(THREAD), "thread/unarchive", JUST_THREAD),
    "set_thread_name": (lambda r: r.set_thread_name(THREAD, "n"), "thread/name/set", {}),
    "compact_thread": (lambda r: r.compact_thread(THREAD), "thread/compact/start", {}),
}
FREE = {
    "read_thread": (lambda r: r.read_thread(THREAD), "thread/read", JUST_THREAD),
    "list_loaded_threads": (
        lambda r: r.list_loaded_threads(),
        "thread/loaded/list",
        {"data": [THREAD], "nextCursor": None},
    ),
    "new_conversation": (lambda r: r.new_conversation(), "thread/start", OPENED),
    "resume_conversation": (lambda r: r.resume_conversation(THREAD), "thread/resume", OPENED),
    "list_conversations": (lambda r: r.list_conversations(), "thread/list", NO_PAGE),
    "fork_conversation": (lambda r: r.fork_conversation(THREAD), "thread/fork", OPENED),
    "archive_conversation": (lambda r: r.archive_conversation(THREAD), "thread/archive", {}),
    "unarchive_conversation": (
        lambda r: r.unarchive_conversation(THREAD),
        "thread/unarchive",
        JUST_THREAD,
    ),
    "interrupt_conversation": (lambda r: r.interrupt_conversation(THREAD), "turn/interrupt", {}),
    "login_account": (
        lambda r: r.login_account(p.ApiKeyLogin(api_key="k")),
        "account/login/start",
        {"type": "apiKey"},
    ),
    "cancel_account_login": (
        lambda r: r.cancel_account_login("l"),
        "account/login/cancel",
        {"status": "canceled"},
    ),
    "read_account": (
        lambda r: r.read_account(refresh_token=True),
        "account/read",
        {"account": None, "requiresOpenaiAuth": False},
    ),
    "logout_account": (lambda r: r.logout_account(), "account/logout", {}),
    "read_account_rate_limits": (
        lambda r: r.read_account_rate_limits(),
        "account/rateLimits/read",
        LIMITS,
    ),
}
CALLS = LOCKED | FREE
READ = [name for name, (_, _, result) in CALLS.items() if result not in ({}, LIMITS)]
"""The methods whose answers cannot be just anything."""


async def refused(call):
    with pytest.raises(CodexRuntimeError) as error:
        await call
    return error.value


@pytest.mark.parametrize("name", CALLS)
async def test_a_method_asks_codex_for_the_one_thing_it_is_for(name):
    call, method, result = CALLS[name]
    async with hosted() as h:
        asked, _ = await h.ask(call(h.runtime), {"result": result})
        assert asked["method"] == method
        assert h.runtime.get_state().runtime_conversation_id is None


@pytest.mark.parametrize("name", CALLS)
async def test_a_method_fails_with_what_codex_refuses(name):
    call, method, _ = CALLS[name]
    async with hosted() as h:
        error = {"error": {"code": -32600, "message": "not like this"}}
        with pytest.raises(ExceptionGroup) as failed:
            await h.ask(call(h.runtime), error)
        (refusal,) = failed.value.exceptions
        assert isinstance(refusal, RequestFailedError)
        assert (refusal.method, "not like this" in str(refusal)) == (method, True)


@pytest.mark.parametrize("name", READ)
async def test_a_method_fails_with_a_code_where_codex_answers_something_else(name):
    call, _, _ = CALLS[name]
    async with hosted() as h:
        with pytest.raises(ExceptionGroup) as failed:
            await h.ask(call(h.runtime), {"result": {"data": 7}})
        (refusal,) = failed.value.exceptions
        assert refusal.code == "E_PROTOCOL_PAYLOAD_INVALID"


@pytest.mark.parametrize("name", CALLS)
async def test_a_method_needs_a_connection(name):
    call, _, _ = CALLS[name]
    async with hosted(connect=False) as h:
        assert (await refused(call(h.runtime))).code == "E_RUNTIME_NOT_CONNECTED"


@pytest.mark.parametrize("name", LOCKED)
async def test_a_thread_is_not_changed_while_a_turn_is_in_flight(name):
    call, _, _ = LOCKED[name]
    async with hosted() as h:
        await h.open()
        await h.send()
        error = await refused(call(h.runtime))
        assert error.code == "E_RUNTIME_THREAD_LOCKED"
        assert "while a turn is in flight" in str(error)
        await h.ask(h.runtime.stop(), {"result": {}})


@pytest.mark.parametrize("name", ["read_thread", "list_loaded_threads", "read_account"])
async def test_what_only_reads_is_done_while_a_turn_is_in_flight(name):
    call, method, result = FREE[name]
    async with hosted() as h:
        await h.open()
        await h.send()
        asked, _ = await h.ask(call(h.runtime), {"result": result})
        assert asked["method"] == method
        await h.ask(h.runtime.stop(), {"result": {}})


async def test_a_conversation_is_interrupted_whatever_its_turn_is_called():
    async with hosted() as h:
        asked, _ = await h.ask(h.runtime.interrupt_conversation(THREAD), {"result": {}})
        assert asked["params"] == {"threadId": THREAD, "turnId": ""}


async def test_what_has_no_params_is_asked_without_any():
    async with hosted() as h:
        for call in (h.runtime.logout_account, h.runtime.read_account_rate_limits):
            asked, _ = await h.ask(call(), {"result": LIMITS})
            assert "params" not in asked


async def test_a_thread_id_that_is_none_is_refused_before_codex_is_asked():
    async with hosted() as h:
        for method in (
            h.runtime.resume_thread,
            h.runtime.fork_thread,
            h.runtime.read_thread,
            h.runtime.archive_thread,
        ):
            assert (await refused(method("thread-1"))).code == "E_PROTOCOL_THREAD_ID_INVALID"
        assert h.runtime.get_state().runtime_conversation_id is None


async def test_an_answer_that_its_method_does_not_allow_is_refused_and_the_request_waits_on():
    async with hosted() as h:
        await h.open()
        await h.send()
        params = {"threadId": THREAD, "turnId": TURN, "itemId": "i", "command": "ls"}
        method = "item/commandExecution/requestApproval"
        await h.peer.say({"id": 7, "method": method, "params": params})
        await h.until(lambda state: state.pending_server_request_count == 1)
        error = await refused(h.runtime.respond_command_approval(7, "perhaps"))
        assert error.code == "E_PROTOCOL_OUTBOUND_INVALID"
        assert h.runtime.get_state().pending_server_request_count == 1
        await h.runtime.respond_command_approval(7, "accept")
        assert await h.peer.heard() == {"id": 7, "result": {"decision": "accept"}}
        assert h.runtime.get_state().pending_server_request_count == 0
        await h.ask(h.runtime.stop(), {"result": {}})


async def test_fresh_tokens_reach_codex_as_they_are_given():
    async with hosted() as h:
        method = "account/chatgptAuthTokens/refresh"
        await h.peer.say({"id": 3, "method": method, "params": {"reason": "unauthorized"}})
        # A request is answered when it has been read.
        await h.open()
        await h.runtime.respond_chatgpt_auth_tokens_refresh(
            3, access_token="a", chatgpt_account_id="b"
        )
        told = {"accessToken": "a", "chatgptAccountId": "b", "chatgptPlanType": None}
        assert await h.peer.heard() == {"id": 3, "result": told}


# The list of threads.


def row(thread, **told):
    return {**OPENED["thread"], "id": thread, "preview": " hi ", "updatedAt": 7, **told}


async def test_threads_are_listed_in_their_order_with_their_messages_counted():
    items = [{"type": kind, "id": kind} for kind in ("userMessage", "agentMessage", "reasoning")]
    turns = [{"id": TURN, "status": "completed", "items": items}]
    async with hosted() as h:
        first, second = THREAD, THREAD[:-1] + "e"

        async def answer():
            asked = await h.peer.heard()
            page = {"data": [row(first), row(second, preview=" ")], "nextCursor": "more"}
            await h.peer.say({"id": asked["id"], "result": page})
            for _ in range(2):
                asked = await h.peer.heard()
                assert asked["params"]["includeTurns"] is True
                thread = asked["params"]["threadId"]
                if thread == first:
                    read = {"thread": row(thread, turns=turns)}
                    await h.peer.say({"id": asked["id"], "result": read})
                else:
                    refusal = {"code": -32600, "message": "unreadable"}
                    await h.peer.say({"id": asked["id"], "error": refusal})

        async with asyncio.TaskGroup() as group:
            group.create_task(answer())
            listing = group.create_task(h.runtime.list_threads())
        listed = listing.result()
        assert [(one.thread_id, one.preview, one.message_count) for one in listed.data] == [
            (first, "hi", 2),
            (second, "Untitled thread", 0),
        ]
        assert listed.next_cursor == "more"
        ((message, line),) = h.reports
        assert message.startswith(f"Failed to enrich thread messageCount for {second}: ")
        assert line == "[runtime:listThreads]"
