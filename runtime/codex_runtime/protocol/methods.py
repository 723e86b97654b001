"""Every method of the app-server protocol, with who calls it and how it is addressed.

May import the rows, which are written from the protocol lock. The invariant: a fact about a method
stands in these tables and nowhere else; classification, outbound validation and the builders read
it here. The methods are in the order in which the server itself lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from codex_runtime.protocol import method_rows as rows

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOL_VERSION: Final = "0.163.0"
"""The version of codex that the protocol lock, and everything built on it, describes."""

Params = Literal["required", "optional", "none"]
"""Whether a request carries ``params``: must, may (or ``null``), or never needs them."""

ThreadIdPlace = Literal["required", "optional", "nested", "conversation", "none"]
"""Where a message carries its thread id: ``params.threadId`` (always, or sometimes),
``params.thread.id``, ``params.conversationId`` (legacy), or nowhere."""

TurnIdPlace = Literal["required", "optional", "nested", "none"]
"""Where a message carries its turn id: ``params.turnId`` (always, or sometimes),
``params.turn.id``, or nowhere."""


@dataclass(frozen=True, slots=True)
class ClientMethod:
    """A request that the client may make.

    Attributes:
        name: The method.
        params: Whether it carries ``params``.
        experimental: Whether it needs the ``experimentalApi`` capability.
    """

    name: str
    params: Params
    experimental: bool


@dataclass(frozen=True, slots=True)
class ServerMethod:
    """A notification or request that the server may send.

    Attributes:
        name: The method.
        kind: Which of the two it is.
        thread_id: Where it carries its thread id.
        turn_id: Where it carries its turn id.
    """

    name: str
    kind: Literal["notification", "request"]
    thread_id: ThreadIdPlace
    turn_id: TurnIdPlace


CLIENT_METHODS: Final[Mapping[str, ClientMethod]] = MappingProxyType(
    {
        name: ClientMethod(name, params, experimental)
        for name, params, experimental in rows.CLIENT_REQUESTS
    }
)
"""The requests that the client may make, by name."""

CLIENT_NOTIFICATIONS: Final = rows.CLIENT_NOTIFICATIONS
"""The notifications that the client may send."""

SERVER_METHODS: Final[Mapping[str, ServerMethod]] = MappingProxyType(
    {
        name: ServerMethod(name, "notification", thread, turn)
        for name, thread, turn in rows.SERVER_NOTIFICATIONS
    }
    | {
        name: ServerMethod(name, "request", thread, turn)
        for name, thread, turn in rows.SERVER_REQUESTS
    }
)
"""The notifications and requests that the server may send, by name."""

LEGACY_METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "newConversation": "thread/start",
        "resumeConversation": "thread/resume",
        "listConversations": "thread/list",
        "forkConversation": "thread/fork",
        "archiveConversation": "thread/archive",
        "interruptConversation": "turn/interrupt",
        "sendUserMessage": "turn/start",
        "sendUserTurn": "turn/start",
        "addConversationListener": "thread/resume, which subscribes",
        "removeConversationListener": "thread/unsubscribe",
        "loginApiKey": "account/login/start",
        "loginChatGpt": "account/login/start",
        "cancelLoginChatGpt": "account/login/cancel",
        "logoutChatGpt": "account/logout",
        "getUserAgent": "initialize, whose result carries it",
        "userInfo": "account/read",
        "getUserSavedConfig": "config/read",
        "setDefaultModel": "config/value/write",
        "execOneOffCommand": "command/exec",
        "thread/rollback": "thread/revert",
    }
)
"""Methods that the server no longer has, and what took their place."""
