"""Builders: every request this project makes of an app-server, with the type of its result.

May import the protocol. The invariant: what a builder returns is a request the server understands,
with thread ids that are UUIDs (spec 07 §8); there is no builder for a method the server no longer
has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from codex_runtime.protocol import params as p
from codex_runtime.protocol import results as r
from codex_runtime.protocol.messages import Request, RpcError
from codex_runtime.protocol.outbound import (
    ClientAnswer,
    ClientRefusal,
    check_answer,
    check_thread_id,
)
from codex_runtime.protocol.values import TextInput, Wire

if TYPE_CHECKING:
    from codex_runtime.protocol.answers import Answer

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[R_co]):
    """A request ready to be sent.

    Attributes:
        method: Its method.
        params: Its params; ``None`` for a method that has none.
        result: The type its result is read as.
    """

    method: str
    params: Wire | None
    result: Any


def initialize(client: p.ClientInfo, *, experimental_api: bool = False) -> Call[r.InitializeResult]:
    """``initialize``: who the client is, and whether it uses what is experimental."""
    capabilities = p.Capabilities(experimental_api=experimental_api)
    params = p.InitializeParams(client_info=client, capabilities=capabilities)
    return Call("initialize", params, r.InitializeResult)


def thread_start(params: p.ThreadStartParams | None = None) -> Call[r.ThreadOpened]:
    """``thread/start``; raw events, which are internal, are never asked for."""
    quiet = msgspec.structs.replace(params or p.ThreadStartParams(), experimental_raw_events=False)
    return Call("thread/start", quiet, r.ThreadOpened)


def thread_resume(params: p.ThreadResumeParams) -> Call[r.ThreadOpened]:
    """``thread/resume``: load a thread, or rejoin one that is loaded, and subscribe to it."""
    return _of_thread("thread/resume", params, r.ThreadOpened)


def thread_fork(params: p.ThreadForkParams) -> Call[r.ThreadOpened]:
    """``thread/fork``: a new thread that begins like another one."""
    return _of_thread("thread/fork", params, r.ThreadOpened)


def thread_read(thread_id: str, *, include_turns: bool = False) -> Call[r.ThreadReadResult]:
    """``thread/read``: look at a thread without loading it."""
    params = p.ThreadReadParams(thread_id=thread_id, include_turns=include_turns)
    return _of_thread("thread/read", params, r.ThreadReadResult)


def thread_list(params: p.ThreadListParams | None = None) -> Call[r.ThreadListResult]:
    """``thread/list``; paged by ``created_at`` it skips threads of the same second (FACTS §7)."""
    return Call("thread/list", params or p.ThreadListParams(), r.ThreadListResult)


def thread_loaded_list(params: p.PageParams | None = None) -> Call[r.LoadedListResult]:
    """``thread/loaded/list``: the ids of the threads in memory."""
    return Call("thread/loaded/list", params or p.PageParams(), r.LoadedListResult)


def thread_turns_list(params: p.ThreadTurnsListParams) -> Call[r.TurnsListResult]:
    """``thread/turns/list``: a page of a thread's turns."""
    return _of_thread("thread/turns/list", params, r.TurnsListResult)


def thread_items_list(params: p.ThreadItemsListParams) -> Call[r.ItemsListResult]:
    """``thread/items/list``: a page of a thread's items."""
    return _of_thread("thread/items/list", params, r.ItemsListResult)


def thread_archive(thread_id: str) -> Call[r.Nothing]:
    """``thread/archive``; a running turn is interrupted."""
    return _of_thread("thread/archive", p.ThreadIdParams(thread_id=thread_id), r.Nothing)


def thread_unarchive(thread_id: str) -> Call[r.ThreadResult]:
    """``thread/unarchive``."""
    return _of_thread("thread/unarchive", p.ThreadIdParams(thread_id=thread_id), r.ThreadResult)


def thread_delete(thread_id: str) -> Call[r.Nothing]:
    """``thread/delete``; a thread with forks cannot be deleted (FACTS §7)."""
    return _of_thread("thread/delete", p.ThreadIdParams(thread_id=thread_id), r.Nothing)


def thread_unsubscribe(thread_id: str) -> Call[r.UnsubscribeResult]:
    """``thread/unsubscribe``: hear no more of a thread; it stays loaded."""
    params = p.ThreadIdParams(thread_id=thread_id)
    return _of_thread("thread/unsubscribe", params, r.UnsubscribeResult)


def thread_name_set(thread_id: str, name: str) -> Call[r.Nothing]:
    """``thread/name/set``."""
    params = p.ThreadNameParams(thread_id=thread_id, name=name)
    return _of_thread("thread/name/set", params, r.Nothing)


def thread_compact_start(thread_id: str) -> Call[r.Nothing]:
    """``thread/compact/start``: a turn of its own; it interrupts a running one."""
    return _of_thread("thread/compact/start", p.ThreadIdParams(thread_id=thread_id), r.Nothing)


def thread_revert(thread_id: str, before_turn_id: str) -> Call[r.ThreadResult]:
    """``thread/revert``, which took the place of ``thread/rollback``."""
    params = p.ThreadRevertParams(thread_id=thread_id, before_turn_id=before_turn_id)
    return _of_thread("thread/revert", params, r.ThreadResult)


def turn_start(params: p.TurnStartParams) -> Call[r.TurnStarted]:
    """``turn/start``; while a turn is running this steers it (FACTS §11)."""
    return _of_thread("turn/start", params, r.TurnStarted)


def turn_start_text(
    thread_id: str, text: str, *, client_user_message_id: str | None = None
) -> Call[r.TurnStarted]:
    """``turn/start`` with one piece of text.

    Args:
        thread_id: The thread.
        text: What the user says.
        client_user_message_id: An id of the caller's that the user message will carry.
    """
    params = p.TurnStartParams(
        thread_id=thread_id,
        input=(TextInput(text=text),),
        client_user_message_id=_unset(client_user_message_id),
    )
    return turn_start(params)


def turn_steer(params: p.TurnSteerParams) -> Call[r.TurnSteered]:
    """``turn/steer``: say more while a turn is running."""
    return _of_thread("turn/steer", params, r.TurnSteered)


def turn_steer_text(
    thread_id: str,
    expected_turn_id: str,
    text: str,
    *,
    client_user_message_id: str | None = None,
) -> Call[r.TurnSteered]:
    """``turn/steer`` with one piece of text; arguments as for :func:`turn_start_text`."""
    params = p.TurnSteerParams(
        thread_id=thread_id,
        expected_turn_id=expected_turn_id,
        input=(TextInput(text=text),),
        client_user_message_id=_unset(client_user_message_id),
    )
    return turn_steer(params)


def turn_interrupt(thread_id: str, turn_id: str) -> Call[r.Nothing]:
    """``turn/interrupt``; bound it: for a turn that was interrupted before, no answer comes."""
    params = p.TurnInterruptParams(thread_id=thread_id, turn_id=turn_id)
    return _of_thread("turn/interrupt", params, r.Nothing)


def conversation_summary(conversation_id: str) -> Call[r.ConversationSummaryResult]:
    """``getConversationSummary``, the one method of the first protocol that is left for threads."""
    check_thread_id(conversation_id)
    params = p.ConversationSummaryParams(conversation_id=conversation_id)
    return Call("getConversationSummary", params, r.ConversationSummaryResult)


def account_read(*, refresh_token: bool = False) -> Call[r.AccountReadResult]:
    """``account/read``."""
    params = p.AccountReadParams(refresh_token=refresh_token)
    return Call("account/read", params, r.AccountReadResult)


def account_login_start(params: p.LoginParams) -> Call[r.LoginResult]:
    """``account/login/start``."""
    return Call("account/login/start", params, r.LoginResult)


def account_login_cancel(login_id: str) -> Call[r.LoginCancelResult]:
    """``account/login/cancel``."""
    params = p.LoginCancelParams(login_id=login_id)
    return Call("account/login/cancel", params, r.LoginCancelResult)


def account_logout() -> Call[r.Nothing]:
    """``account/logout``, which has no params."""
    return Call("account/logout", None, r.Nothing)


def account_rate_limits_read() -> Call[r.RateLimitsResult]:
    """``account/rateLimits/read``, which needs no params."""
    return Call("account/rateLimits/read", None, r.RateLimitsResult)


def model_list(params: p.ModelListParams | None = None) -> Call[r.ModelListResult]:
    """``model/list``."""
    return Call("model/list", params or p.ModelListParams(), r.ModelListResult)


def answer(request: Request, result: Answer) -> ClientAnswer:
    """Answer a server's request.

    Args:
        request: The request; the answer carries its id, of the same type.
        result: What is answered.

    Returns:
        The message.

    Raises:
        LocalProtocolError: ``E_PROTOCOL_OUTBOUND_INVALID`` when the request's method does not
            allow this answer.
    """
    check_answer(request.method, result)
    return ClientAnswer(request.id, result)


METHOD_NOT_FOUND: Final = -32601
"""The code of a refusal of a request that the client does not implement."""


def refusal(request: Request, message: str, *, code: int = METHOD_NOT_FOUND) -> ClientRefusal:
    """Refuse a server's request.

    Args:
        request: The request.
        message: Why, in words.
        code: Why, as a JSON-RPC code.

    Returns:
        The message.
    """
    return ClientRefusal(request.id, RpcError(code, message))


def _of_thread(method: str, params: Any, result: Any) -> Call[Any]:
    check_thread_id(params.thread_id)
    return Call(method, params, result)


def _unset(value: str | None) -> str | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value
