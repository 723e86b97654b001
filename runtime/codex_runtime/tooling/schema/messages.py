"""Judges the messages of a conversation: each against its method, each answer against its request.

May import the lock's validators. A pure state machine: a message goes in, problems come out. The
invariant: whatever the server says is judged; what the client says is judged where the server
accepted it, because recordings of refusals hold messages that are wrong on purpose. For the same
reason a client's answers are not judged, since the server does not say what it makes of them, nor
the response to a request that no row shows (it was sent as something other than a message).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from codex_runtime.errors import LocalProtocolError
from codex_runtime.protocol.lock.record import MethodKind

if TYPE_CHECKING:
    from codex_runtime.protocol.lock.validators import LockValidators

Direction = Literal["c2s", "s2c"]
"""Who speaks: the client to the server, or the server to the client."""


@dataclass
class Conversation:
    """One client's exchange with an app-server.

    Args:
        validators: What the messages are held to.

    Attributes:
        judged: How many messages were judged, by method.
    """

    validators: LockValidators
    judged: Counter[str] = field(default_factory=Counter)
    _asked: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def said(self, direction: Direction, message: Any) -> list[str]:
        """Take the next message.

        Args:
            direction: Who says it.
            message: The message, decoded.

        Returns:
            What is wrong with it, or with the request it accepts.
        """
        if not isinstance(message, dict):
            return [] if direction == "c2s" else [f"the server says what is no message: {message}"]
        return self._client(message) if direction == "c2s" else self._server(message)

    def _client(self, message: dict[str, Any]) -> list[str]:
        method = message.get("method")
        if isinstance(method, str) and "id" in message:
            self._asked[json.dumps(message["id"])] = (method, message.get("params"))
        return []

    def _server(self, message: dict[str, Any]) -> list[str]:
        method = message.get("method")
        if isinstance(method, str):
            kind = MethodKind.SERVER_NOTIFICATION
            if "id" in message:
                kind = MethodKind.SERVER_REQUEST
            return self._judge(kind, method, message.get("params"), "params")
        asked = self._asked.get(json.dumps(message.get("id")))
        if asked is None:
            return []
        name, params = asked
        if "result" not in message:
            return _error_problems(name, message.get("error"))
        kind = MethodKind.CLIENT_REQUEST
        accepted = self._judge(kind, name, params, "params")
        return [
            *(problem for problem in accepted if not _is_tolerated(name, problem)),
            *self._judge(kind, name, message["result"], "result"),
        ]

    def _judge(
        self, kind: MethodKind, method: str, value: Any, part: Literal["params", "result"]
    ) -> list[str]:
        self.judged[method] += 1
        try:
            problem = self.validators.problem(kind, method, value, part=part)
        except LocalProtocolError as error:
            return [error.text]
        return [] if problem is None else [str(problem)]


TOLERATED: Final = {
    # Dynamic tools without a type are read as functions, as before there were namespaces.
    "thread/start": "/dynamicTools/",
}
"""Where the server takes more than its schema says: the method, and the place in its params."""


def _is_tolerated(method: str, problem: str) -> bool:
    place = TOLERATED.get(method)
    return place is not None and problem.startswith(f"params of {method}: {place}")


def _error_problems(method: str, error: Any) -> list[str]:
    if (
        isinstance(error, dict)
        and isinstance(error.get("message"), str)
        and type(error.get("code")) is int
    ):
        return []
    return [f"{method} is answered with neither a result nor an error"]
