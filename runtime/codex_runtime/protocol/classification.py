"""Whose message is it: a conversation's, and which thread's and turn's, or everybody's.

May import the messages and the method tables. The invariant: a message that belongs to a thread is
never taken for a global one; where its thread id is missing, that is an error (spec 07 §3).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.framing import EXCERPT_BYTES
from codex_runtime.protocol.messages import Head, Message, Notification, Request
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
    thread_id, turn_id = thread_and_turn_of(message)
    if thread_id is None:
        return Classification("global", kind)
    return Classification("conversation", kind, thread_id, turn_id)


def thread_and_turn_of(message: Notification | Request) -> tuple[str | None, str | None]:
    """Tell the thread and the turn a message belongs to: all that routing needs.

    Args:
        message: A notification or a server's request.

    Returns:
        Their ids; no thread id for a message that is everybody's.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_THREAD_ID_MISSING``, as for :func:`classify`.
    """
    kind, head = message.method, message.head
    thread_id = head.thread_id or (head.thread.id if head.thread else None)
    if not thread_id and kind in LEGACY_APPROVALS:
        thread_id = head.conversation_id
    if not thread_id:
        if kind.startswith(CONVERSATION_PREFIXES) or kind in LEGACY_APPROVALS:
            raise RemoteProtocolError(
                "E_PROTOCOL_THREAD_ID_MISSING",
                f"Conversation-scoped protocol message missing threadId (kind={kind})",
                raw=message.raw[:EXCERPT_BYTES],
            )
        return None, None
    return thread_id, _turn_id(kind, head)


def turn_id_of(message: Message) -> str | None:
    """Tell the id of the turn a message belongs to.

    Args:
        message: Any message.

    Returns:
        The id where the method is known to carry one; a member that looks like a turn id in
        another method's params is not one.
    """
    if not isinstance(message, Notification | Request):
        return None
    return _turn_id(message.method, message.head)


def stream_id_of(message: Message) -> None:
    """Tell the id of the stream a message belongs to: the wire carries none (spec 07 §5).

    Args:
        message: Any message.

    Returns:
        Always ``None``; streams are the runtime's, made of thread and turn id.
    """
    del message


def _turn_id(kind: str, head: Head) -> str | None:
    if kind in _TURN_ID_IN_PARAMS:
        return head.turn_id or None
    if kind in _TURN_ID_NESTED and head.turn:
        return head.turn.id or None
    return None
