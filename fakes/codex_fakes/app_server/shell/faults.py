"""Faults on request, by name: what a simulated app-server does wrong on one connection.

May import the dialect, the intake, the faults' language and the error catalogue. How faults are
written is said in :mod:`.fault_language`; ``CODEX_SIMULATED_FAULTS`` holds several, with commas
between them. The invariant: what no fault names passes byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.intake import OVERLOADED
from codex_fakes.app_server.dialect.messages import LineReader, Refusal, Request
from codex_fakes.app_server.shell.fault_language import (
    ANY,
    SLOW_READ_MS,
    Fault,
    filled,
    omit_at,
    put_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Fate: TypeAlias = Literal["crash", "hang"]
"""What becomes of the whole server: it is gone at once, or it does nothing any more."""

GARBAGE: Final = b'{"method": "garb\n'
"""The line that ``garbage`` sends."""


@dataclass(slots=True)
class _Armed:
    """A fault and how often it was met."""

    fault: Fault
    met: int = 0

    def hits(self, method: str | None, message: Mapping[str, Any]) -> bool:
        """Whether it strikes at a message; to be asked once per message."""
        if self.fault.method not in {None, ANY, method}:
            return False
        if not all(condition.holds(message) for condition in self.fault.where):
            return False
        self.met += 1
        return self.fault.number in {None, self.met}


@dataclass(slots=True)
class _Late:
    """Messages that wait for another one."""

    behind: str
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
        self._asked: dict[dialect.RpcId, dict[str, Any]] = {}
        self._overtaken: list[bytes] = []
        self._late: list[_Late] = []
        self.fate: Fate | None = None
        self.slow = "slow-reader" in self._armed
        self.slow_read_seconds = SLOW_READ_MS / 1000
        self.lossy = "lost-overload" in self._armed

    def _struck(self, name: str, method: str | None, message: Mapping[str, Any]) -> list[Fault]:
        # Every fault of the name counts the message, so this must not stop at the first that hits.
        armed = self._armed.get(name, ())
        return [one.fault for one in armed if one.hits(method, message)]

    def _ends_at(self, method: str | None, message: Mapping[str, Any]) -> bool:
        fates: tuple[tuple[str, Fate], ...] = (("crash-now", "crash"), ("hang", "hang"))
        for name, fate in fates:
            if self.fate is None and self._struck(name, method, message):
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
            heard = self._heard_line(line, back)
            if heard is not None:
                passed.append(heard)
        return passed, back

    def _heard_line(self, line: bytes, back: list[bytes]) -> bytes | None:
        """What the server hears of one line; ``None`` when it hears nothing."""
        try:
            request = dialect.read_line(line)
        except UnicodeDecodeError:
            request = None
        if not isinstance(request, Request):
            return line + b"\n"
        message = dialect.decode(line)
        method = request.method
        self._asked[request.id] = message
        if self._struck("never-answer", method, message):
            return None
        refused = self._struck("refuse", method, message)
        if refused:
            back.append(dialect.refusal_line(request.id, Refusal(refused[0].text)))
            return None
        if method != "initialize" and self._struck("overload", method, message):
            back.append(dialect.refusal_line(request.id, OVERLOADED))
            return None
        return None if self._ends_at(method, message) else line + b"\n"

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
            method, message = self._read(line)
            if "request" not in message and self._ends_at(method, message):
                break
            sent.extend(self._changed(line, method, message))
            if _is_delta(method) and self._struck("crash-mid-item", method, message):
                self.fate = "crash"
        return sent

    def _changed(self, line: bytes, method: str | None, message: dict[str, Any]) -> list[bytes]:
        """What becomes of one line."""
        lines = [self._altered(line, method, message)]
        inserted = [
            dialect.encode(filled(fault.value, message)) + b"\n"
            for fault in self._struck("insert", method, message)
        ]
        if self._struck("drop", method, message):
            lines = []
        if lines and self._struck("duplicate", method, message):
            lines *= 2
        if lines and self._struck("garbage", method, message):
            lines = [GARBAGE, *lines]
        lines += inserted
        overtaken, self._overtaken = self._overtaken, []
        if lines and self._struck("reorder", method, message):
            self._overtaken, lines = lines, []
        late = self._struck("late", method, message) if lines else []
        if late:
            self._late.append(_Late(late[0].behind, lines))
            lines = []
        return [*lines, *overtaken, *self._caught_up(method)]

    def _altered(self, line: bytes, method: str | None, message: dict[str, Any]) -> bytes:
        """The line with the fields that faults change or leave out."""
        changes = self._struck("put", method, message)
        omissions = self._struck("omit", method, message)
        if not changes and not omissions:
            return line
        written = dialect.decode(line)
        for fault in changes:
            put_at(written, fault.path, filled(fault.value, message))
        for fault in omissions:
            omit_at(written, fault.path)
        return dialect.encode(written) + b"\n"

    def _caught_up(self, method: str | None) -> list[bytes]:
        """The lines that waited for a message with this method."""
        ready = [late for late in self._late if late.behind == method]
        self._late = [late for late in self._late if late.behind != method]
        return [line for late in ready for line in late.lines]

    def _read(self, line: bytes) -> tuple[str | None, dict[str, Any]]:
        """The method of a message of the server, and the message; an answer with its request."""
        message: dict[str, Any] = dialect.decode(line)
        method = message.get("method")
        if method is not None:
            return method, message
        request = self._asked.pop(message["id"], None)
        return None if request is None else request["method"], {**message, "request": request}


def _is_delta(method: str | None) -> bool:
    return method is not None and method.startswith("item/") and method.lower().endswith("delta")
