"""Whose message is it: a conversation's, and which thread's and turn's, or everybody's.

May import the messages and the method tables. The invariant: a message that belongs to a thread is
never taken for a global one; where its thread id is missing, that is an error (spec 07 §3).
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Raw

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.framing import EXCERPT_BYTES
from codex_runtime.protocol.messages import Message, Notification, Request, decode_json
from codex_runtime.protocol.methods import SERVER_METHODS

Scope: TypeAlias = Literal["conversation", "global"]

RESPONSE_KIND: Final = "response"
"""The kind of responses and error responses; every other kind is a method."""

CONVERSATION_PREFIXES: Final = ("thread/", "turn/", "item/", "rawResponseItem/")
"""Methods that begin like this belong to a thread, known or not."""

LEGACY_APPROVALS: Final = frozenset({"applyPatchApproval", "execCommandApproval"})
"""Requests of the first protocol, which name their thread ``conversationId``."""

_TURN_ID_NESTED: Final = frozenset(
    name for name, method in SERVER_METHODS.items() if method.turn_id == "nested"
)
_TURN_ID_IN_PARAMS: Final = frozenset(
    name for name, method in SERVER_METHODS.items() if method.turn_id in ("required", "optional")
)


class Classification(msgspec.Struct, frozen=True, gc=False):
    """Whose a message is.

    Attributes:
        scope: Whether it belongs to a thread.
        kind: Its method, or ``"response"``.
        thread_id: The thread's id; ``None`` exactly when the scope is global.
        turn_id: The turn's id, where the method has one.
    """

    scope: Scope
    kind: str
    thread_id: str | None = None
    turn_id: str | None = None


class _Nested(msgspec.Struct, gc=False):
    id: str | None = None


class _Ids(
    msgspec.Struct,
    gc=False,
    rename={"thread_id": "threadId", "turn_id": "turnId", "conversation_id": "conversationId"},
):
    thread_id: str | None = None
    turn_id: str | None = None
    conversation_id: str | None = None
    thread: _Nested | None = None
    turn: _Nested | None = None


_IDS: Final = msgspec.json.Decoder(_Ids)
_NO_IDS: Final = _Ids()
_GLOBAL_RESPONSE: Final = Classification("global", RESPONSE_KIND)


def classify(message: Message) -> Classification:
    """Tell whose a message is.

    Args:
        message: Any message.

    Returns:
        Its scope, kind, thread and turn. Responses are always global: the request they answer
        knows its thread.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_THREAD_ID_MISSING`` for a conversation's method without a
            thread id.
    """
    if not isinstance(message, Notification | Request):
        return _GLOBAL_RESPONSE
    kind = message.method
    ids = _NO_IDS if message.params is None else _ids(message.params)
    thread_id = ids.thread_id or (ids.thread.id if ids.thread else None)
    if not thread_id and kind in LEGACY_APPROVALS:
        thread_id = ids.conversation_id
    if not thread_id:
        if kind.startswith(CONVERSATION_PREFIXES) or kind in LEGACY_APPROVALS:
            raise RemoteProtocolError(
                "E_PROTOCOL_THREAD_ID_MISSING",
                f"Conversation-scoped protocol message missing threadId (kind={kind})",
                raw=message.raw[:EXCERPT_BYTES],
            )
        return Classification("global", kind)
    return Classification("conversation", kind, thread_id, _turn_id(kind, ids))


def turn_id_of(message: Message) -> str | None:
    """Tell the id of the turn a message belongs to.

    Args:
        message: Any message.

    Returns:
        The id where the method is known to carry one; a member that looks like a turn id in
        another method's params is not one.
    """
    if not isinstance(message, Notification | Request) or message.params is None:
        return None
    return _turn_id(message.method, _ids(message.params))


def stream_id_of(message: Message) -> None:
    """Tell the id of the stream a message belongs to: the wire carries none (spec 07 §5).

    Args:
        message: Any message.

    Returns:
        Always ``None``; streams are the runtime's, made of thread and turn id.
    """
    del message


def _turn_id(kind: str, ids: _Ids) -> str | None:
    if kind in _TURN_ID_IN_PARAMS:
        return ids.turn_id or None
    if kind in _TURN_ID_NESTED and ids.turn:
        return ids.turn.id or None
    return None


def _ids(params: Raw) -> _Ids:
    try:
        return _IDS.decode(params)
    except msgspec.DecodeError:
        pass
    try:
        return _ids_of_any(decode_json(params))
    except RecursionError:
        return _NO_IDS


def _ids_of_any(params: Any) -> _Ids:
    """Read the ids member by member: one of the wrong type must not hide the others."""
    if not isinstance(params, dict):
        return _NO_IDS

    def text(holder: object, key: str) -> str | None:
        value = holder.get(key) if isinstance(holder, dict) else None
        return value if isinstance(value, str) else None

    return _Ids(
        text(params, "threadId"),
        text(params, "turnId"),
        text(params, "conversationId"),
        _Nested(text(params.get("thread"), "id")),
        _Nested(text(params.get("turn"), "id")),
    )
