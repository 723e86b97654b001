"""Faults on request, by name: what a simulated app-server does wrong on one connection.

May import the dialect, the intake and the error catalogue. A fault is named as
``NAME[=METHOD][#NUMBER]``: METHOD is that of a message, or of the request that a message answers;
NUMBER picks one of the messages that match, counted from 1. ``CODEX_SIMULATED_FAULTS`` holds
several, with commas between them. The invariant: what no fault names passes byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.intake import OVERLOADED
from codex_fakes.app_server.dialect.messages import LineReader, Request
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Fate: TypeAlias = Literal["crash", "hang"]
"""What becomes of the whole server: it is gone at once, or it does nothing any more."""

GARBAGE: Final = b'{"method": "garb\n'
"""The line that ``garbage`` sends."""

SLOW_READ_MS: Final = 20
"""Milliseconds that ``slow-reader`` lets pass before each line it reads."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        what: What the server does.
        side: Whose messages METHOD names: the client's, the server's, either's, or none.
        method_required: Whether METHOD must be given.
        once: Whether it happens at the first match only, when no NUMBER is given.
    """

    what: str
    side: Literal["client", "server", "either", "none"]
    method_required: bool = False
    once: bool = False


FAULTS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "crash-now": Kind(
            "It dies as by SIGKILL when METHOD (anything) is heard, or instead of saying it.",
            "either",
            once=True,
        ),
        "crash-mid-item": Kind("It dies behind the first delta of an item.", "none", once=True),
        "hang": Kind(
            "From METHOD (anything) on it reads nothing, says nothing and does not end.",
            "either",
            once=True,
        ),
        "slow-reader": Kind(f"It reads one line every {SLOW_READ_MS} ms.", "none"),
        "drop": Kind("METHOD is not sent.", "server", method_required=True),
        "duplicate": Kind("METHOD is sent twice.", "server", method_required=True),
        "reorder": Kind(
            "METHOD comes behind the message after it.", "server", method_required=True
        ),
        "garbage": Kind("A line that is no JSON comes before METHOD.", "server", True),
        "never-answer": Kind(
            "The request METHOD is neither carried out nor answered.", "client", True
        ),
        "overload": Kind("Requests METHOD (all but initialize) are refused with -32001.", "client"),
        "lost-overload": Kind("What a flood has too much is lost, not refused.", "none"),
    }
)
"""Every fault there is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault on request.

    Attributes:
        name: Which; one of :data:`FAULTS`.
        method: The method it is about; ``None`` for any.
        number: Which of the messages that match, from 1; ``None`` for all.
    """

    name: str
    method: str | None = None
    number: int | None = None


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read a list of faults.

    Args:
        text: ``NAME[=METHOD][#NUMBER]``, with commas between them; blanks are ignored.

    Returns:
        The faults.

    Raises:
        ConfigurationError: ``E_FAKE_FAULT_UNKNOWN``.
    """
    return tuple(_parse(part.strip()) for part in text.split(",") if part.strip())


def _parse(text: str) -> Fault:
    rest, has_number, digits = text.partition("#")
    name, _, method = rest.partition("=")
    kind = FAULTS.get(name)
    if kind is None:
        raise _unknown(f"{text!r}: there is no such fault; there are: {', '.join(FAULTS)}")
    if has_number and not (digits.isascii() and digits.isdigit() and int(digits) > 0):
        raise _unknown(f"{text!r}: {digits!r} is not the number of a message, counted from 1")
    if kind.method_required and not method:
        raise _unknown(f"{text!r}: say which message, as in {name}=METHOD")
    if kind.side == "none" and method:
        raise _unknown(f"{text!r}: {name} is not about one message")
    number = int(digits) if has_number else 1 if kind.once else None
    return Fault(name, method or None, number)


def _unknown(text: str) -> ConfigurationError:
    return ConfigurationError("E_FAKE_FAULT_UNKNOWN", text)


@dataclass(slots=True)
class _Armed:
    """A fault and how often it was met."""

    fault: Fault
    met: int = 0

    def hits(self, method: str | None) -> bool:
        """Whether it strikes at a message; to be asked once per message."""
        if self.fault.method not in {None, method}:
            return False
        self.met += 1
        return self.fault.number in {None, self.met}


@dataclass(slots=True)
class _Held:
    """A message that is overtaken by the next one."""

    lines: list[bytes] = field(default_factory=list)


class FaultyConnection:
    """What the faults make of the lines of one connection.

    Args:
        faults: The faults; they count the messages of this connection.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._armed: dict[str, list[_Armed]] = {}
        for fault in faults:
            self._armed.setdefault(fault.name, []).append(_Armed(fault))
        self._lines = LineReader()
        self._asked: dict[dialect.RpcId, str] = {}
        self._held = _Held()
        self.fate: Fate | None = None
        self.slow = "slow-reader" in self._armed
        self.slow_read_seconds = SLOW_READ_MS / 1000
        self.lossy = "lost-overload" in self._armed

    def _struck(self, name: str, method: str | None) -> bool:
        # Every fault of the name counts the message, so this must not stop at the first that hits.
        hits = [armed.hits(method) for armed in self._armed.get(name, ())]
        return True in hits

    def _ends_at(self, method: str | None) -> bool:
        fates: tuple[tuple[str, Fate], ...] = (("crash-now", "crash"), ("hang", "hang"))
        for name, fate in fates:
            if self.fate is None and self._struck(name, method):
                self.fate = fate
        return self.fate is not None

    def heard(self, data: bytes) -> tuple[list[bytes], list[bytes]]:
        """Take what the client sent.

        Args:
            data: Bytes in any split.

        Returns:
            The lines that the server hears, and those that the client gets back at once.
        """
        passed: list[bytes] = []
        back: list[bytes] = []
        for line in self._lines.feed(data):
            if self.fate is not None:
                break
            try:
                message = dialect.read_line(line)
            except UnicodeDecodeError:
                message = None
            method = message.method if isinstance(message, Request) else None
            if isinstance(message, Request):
                self._asked[message.id] = message.method
                if self._struck("never-answer", method):
                    continue
                if method != "initialize" and self._struck("overload", method):
                    back.append(dialect.refusal_line(message.id, OVERLOADED))
                    continue
            if method is not None and self._ends_at(method):
                break
            passed.append(line + b"\n")
        return passed, back

    def said(self, lines: Iterable[bytes]) -> list[bytes]:
        """Take what the server says.

        Args:
            lines: The lines, each with its newline.

        Returns:
            The lines that the client gets.
        """
        sent: list[bytes] = []
        for line in lines:
            if self.fate is not None:
                break
            method, answers = self._method_of(line)
            if not answers and self._ends_at(method):
                break
            sent.extend(self._changed(line, method))
            if _is_delta(method) and self._struck("crash-mid-item", method):
                self.fate = "crash"
        return sent

    def _changed(self, line: bytes, method: str | None) -> list[bytes]:
        """What becomes of one line."""
        lines = [line]
        if self._struck("drop", method):
            lines = []
        if lines and self._struck("duplicate", method):
            lines = [line, line]
        if lines and self._struck("garbage", method):
            lines = [GARBAGE, *lines]
        held, self._held = self._held, _Held()
        if lines and self._struck("reorder", method):
            self._held.lines = lines
            lines = []
        return [*lines, *held.lines]

    def _method_of(self, line: bytes) -> tuple[str | None, bool]:
        """The method of a message of the server, and whether it is an answer."""
        message = dialect.decode(line)
        method = message.get("method")
        if method is None:
            return self._asked.pop(message["id"], None), True
        return method, False


def _is_delta(method: str | None) -> bool:
    return method is not None and method.startswith("item/") and method.lower().endswith("delta")
