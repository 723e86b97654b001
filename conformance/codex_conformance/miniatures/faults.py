"""Faults: one changed behaviour, put between a client and a passing app-server.

May import the wire's messages only. The invariant: a fault changes what it names and passes
everything else on byte for byte; its state belongs to one connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from codex_conformance.wire.messages import Message, at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Passing:
    """A message on its way from the app-server to the client.

    Attributes:
        message: The message; a fault may change it in place, it is a copy.
        method: Its method, or the method of the request it answers.
        request: The request it answers, if it is an answer.
        outstanding: How many requests of the client wait for their answers, this one not counted.
    """

    message: Message
    method: str | None
    request: Message | None = None
    outstanding: int = 0

    def at(self, *path: str | int) -> Any:
        """Follow a path into the message."""
        return at(self.message, *path)

    @property
    def answers(self) -> bool:
        """Whether it is an answer."""
        return self.request is not None

    @property
    def refused(self) -> bool:
        """Whether it is an answer, and an error."""
        return self.answers and "error" in self.message


Where: TypeAlias = "Callable[[Passing], bool]"
Outgoing: TypeAlias = "Message | bytes"
"""A message, or a line as it is (a line may hold a newline)."""


class HangUp(Exception):  # noqa: N818 - a signal to the door
    """The connection ends here.

    Args:
        exit_code: What the process exits with.
    """

    def __init__(self, exit_code: int = 1) -> None:
        super().__init__(f"the app-server ends with exit code {exit_code}")
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class FromClient:
    """What becomes of a line of the client.

    Attributes:
        to_server: The lines that reach the app-server.
        to_client: What the client gets back at once.
    """

    to_server: tuple[bytes, ...] = ()
    to_client: tuple[Outgoing, ...] = ()


@dataclass(slots=True)
class Fault:
    """One changed behaviour on one connection.

    Attributes:
        from_server: What becomes of a message of the app-server; ``None`` leaves it alone.
        from_client: What becomes of a line of the client (its bytes, and its message if it holds
            one); ``None`` leaves it alone.
        exit_code: The exit code, when it is another.
        last_words: What is written when the client has closed its side.
    """

    from_server: Callable[[Passing], Iterable[Outgoing] | None] = field(
        default=lambda _passing: None
    )
    from_client: Callable[[bytes, Message | None], FromClient | None] = field(
        default=lambda _raw, _message: None
    )
    exit_code: int | None = None
    last_words: tuple[Outgoing, ...] = ()


FaultOf: TypeAlias = "Callable[[], Fault]"
"""Makes the fault of a new connection."""


def changed(where: Where, change: Callable[[Passing], None]) -> FaultOf:
    """Messages that match are changed in place."""

    def pass_on(passing: Passing) -> Iterable[Outgoing] | None:
        if not where(passing):
            return None
        change(passing)
        return [passing.message]

    return lambda: Fault(from_server=pass_on)


def replaced(where: Where, by: Callable[[Passing], Iterable[Outgoing]]) -> FaultOf:
    """Messages that match are replaced by others, or by none."""
    return lambda: Fault(from_server=lambda passing: by(passing) if where(passing) else None)


def dropped(where: Where) -> FaultOf:
    """Messages that match do not come."""
    return replaced(where, lambda _passing: [])


def late(where: Where, behind: Where) -> FaultOf:
    """Messages that match are held back, and come right behind the next one that matches."""

    def make() -> Fault:
        held: list[Message] = []

        def pass_on(passing: Passing) -> Iterable[Outgoing] | None:
            if where(passing):
                held.append(passing.message)
                return []
            if held and behind(passing):
                released = [passing.message, *held]
                held.clear()
                return released
            return None

        return Fault(from_server=pass_on)

    return make


def heard(
    where: Callable[[bytes, Message | None], bool],
    change: Callable[[bytes, Message | None], FromClient],
) -> FaultOf:
    """Lines of the client that match are treated in another way."""
    return lambda: Fault(
        from_client=lambda raw, message: change(raw, message) if where(raw, message) else None
    )


def refusing(
    where: Callable[[bytes, Message | None], bool], text: str, code: int = -32600
) -> FaultOf:
    """Lines of the client that match are answered with an error, and not heard."""

    def refuse(_raw: bytes, message: Message | None) -> FromClient:
        error = {"code": code, "message": text}
        return FromClient(to_client=({"error": error, "id": at(message, "id")},))

    return heard(where, refuse)


# --- where ----------------------------------------------------------------------------------------


def named(*methods: str) -> Where:
    """Notifications and requests of the app-server with one of these methods."""
    return lambda passing: not passing.answers and passing.method in methods


def answer(*methods: str) -> Where:
    """Answers to requests with one of these methods; results only."""
    return lambda passing: passing.answers and passing.method in methods and not passing.refused


def both(*conditions: Where) -> Where:
    """All of the conditions."""
    return lambda passing: all(condition(passing) for condition in conditions)


# --- change ---------------------------------------------------------------------------------------


def removed(*path: str | int) -> Callable[[Passing], None]:
    """Take a member out of the message."""

    def change(passing: Passing) -> None:
        place: Any = at(passing.message, *path[:-1]) if len(path) > 1 else passing.message
        place.pop(path[-1], None)

    return change
