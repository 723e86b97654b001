"""Telling the proposed plan apart from the rest of a message, in plan mode.

May import nothing. The model writes the plan between two lines, ``<proposed_plan>`` and
``</proposed_plan>``. A line is held back while it could still become one of them, so that no part
of a mark is ever shown. The invariant: joined, what is told apart is the message without its marks.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["message", "plan_begins", "plan"]

_BEGIN: Final = "<proposed_plan>"
_END: Final = "</proposed_plan>"


class Piece(NamedTuple):
    """A piece of a message; the beginning of a plan has no text."""

    kind: Kind
    text: str


class PlanText:
    """Reads one message of the model as it is streamed."""

    def __init__(self) -> None:
        self._in_plan = False
        self._line = ""
        self._at_line_start = True
        self._pieces: list[Piece] = []

    def feed(self, delta: str) -> list[Piece]:
        """Take a delta in.

        Args:
            delta: What the model has written.

        Returns:
            The pieces that can be shown now.
        """
        for part in _lines(delta):
            self._take(part)
        return self._taken()

    def end(self) -> list[Piece]:
        """The message is complete.

        Returns:
            What was held back.
        """
        if self._line:
            self._finish_line()
        return self._taken()

    def _take(self, part: str) -> None:
        """Take in a part of one line."""
        if not self._at_line_start:
            self._show(part)
            self._at_line_start = part.endswith("\n")
            return
        self._line += part
        if part.endswith("\n"):
            self._finish_line()
        elif not _may_be_mark(self._line):
            self._show(self._line)
            self._line = ""
            self._at_line_start = False

    def _finish_line(self) -> None:
        line, self._line = self._line, ""
        mark = line.strip()
        if mark == _BEGIN and not self._in_plan:
            self._in_plan = True
            self._pieces.append(Piece("plan_begins", ""))
        elif mark == _END and self._in_plan:
            self._in_plan = False
        else:
            self._show(line)

    def _show(self, text: str) -> None:
        kind: Kind = "plan" if self._in_plan else "message"
        if self._pieces and self._pieces[-1].kind == kind:
            text = self._pieces.pop().text + text
        self._pieces.append(Piece(kind, text))

    def _taken(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces


def _lines(text: str) -> list[str]:
    """Cut a text behind its newlines, and nowhere else."""
    parts = text.split("\n")
    whole = [f"{part}\n" for part in parts[:-1]]
    return [*whole, parts[-1]] if parts[-1] else whole


def _may_be_mark(start: str) -> bool:
    """Whether a line that starts like this may still become a mark."""
    text = start.strip()
    return _BEGIN.startswith(text) or _END.startswith(text)
