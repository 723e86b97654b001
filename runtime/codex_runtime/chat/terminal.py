"""The terminal, or the pipes in its place: lines in, text out, signals.

May import asyncio, the effects and what is printable; click shows colours. The invariants: nothing
is written that has not been made printable; a line is read only when it is wanted; a terminal that
was told not to show what is typed is told to show it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from codex_runtime.chat.effects import Break, Line, Progress, Prompt, Stream
from codex_runtime.printable import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from codex_runtime.chat.effects import Look

_STYLES: Final[dict[Look, dict[str, Any]]] = {
    "plain": {},
    "dim": {"dim": True},
    "heading": {"bold": True},
    "notice": {"fg": "yellow"},
    "error": {"fg": "red"},
}
_CHUNK: Final = 65_536
_REDRAW: Final = "\r\x1b[K"
"""Back to the beginning of the line, which is emptied."""


class LineInput:
    """Lines of a file descriptor, each read when it is asked for.

    A thread of its own reads, because neither a terminal nor a file can be waited for in every
    loop; it is a daemon, so that a read nobody waits for any more keeps nothing alive.

    Args:
        descriptor: What is read.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._begun = bytearray()
        self._ended = False
        self._wanted = threading.Semaphore(0)
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._reading = False
        threading.Thread(target=self._read, name="codex chat input", daemon=True).start()

    async def line(self) -> str | None:
        """Give the next line, without its end; ``None`` after the last one."""
        while not self._lines and not self._ended:
            self._arrived.clear()
            if not self._reading:
                self._reading = True
                self._wanted.release()
            await self._arrived.wait()
        return self._lines.popleft() if self._lines else None

    def _read(self) -> None:
        while True:
            self._wanted.acquire()
            try:
                data = os.read(self._descriptor, _CHUNK)
            except OSError:
                # A terminal that is gone says so by an error.
                data = b""
            # The loop may have ended meanwhile: then nobody waits for it.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._take, data)
            if not data:
                return

    def _take(self, data: bytes) -> None:
        self._reading = False
        self._begun += data
        *whole, rest = self._begun.split(b"\n")
        self._begun = bytearray(rest)
        if not data:
            self._ended = True
            whole = [rest] if rest else []
        self._lines.extend(line.decode(errors="replace") for line in whole)
        self._arrived.set()


class Screen:
    """Writes what the dialogue shows.

    Args:
        out: Where the conversation goes.
        err: Where notices and errors go.
        interactive: Whether somebody types on a terminal.
        coloured: Whether there are colours.
        hide: Called with whether what is typed is hidden from now on.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        interactive: bool,
        coloured: bool,
        hide: Callable[[bool], None],
    ) -> None:
        self._out = out
        self._err = err
        self._interactive = interactive
        self._coloured = coloured
        self._hide = hide
        self._begun = False
        self._bar = False
        self._hidden = False

    def show(self, effect: Stream | Line | Break | Progress | Prompt) -> None:
        """Show something.

        Raises:
            BrokenPipeError: Nobody reads it any more.
        """
        match effect:
            case Stream(text, look):
                if text:
                    self._end_bar()
                    self._write(self._out, self._styled(printable(text), look))
                    self._begun = not text.endswith("\n")
            case Line(text, look):
                self._end_line()
                where = self._err if look in ("notice", "error") else self._out
                self._write(where, self._styled(printable(text), look) + "\n")
            case Break():
                self._end_line()
            case Progress(text, last):
                self._show_progress(one_line(text), last=last)
            case Prompt(text, secret):
                self._end_line()
                self._write(self._out, self._styled(text, "heading"))
                self._begun = True
                self._hidden = secret
                self._hide(secret)

    def entered(self) -> None:
        """Take note that a line was typed: its end, when it was seen, ended the prompt's line."""
        self._begun = self._begun and self._hidden
        self._hidden = False
        self._hide(False)

    def disturbed(self) -> None:
        """Take note that the terminal itself has written something, such as ``^C``."""
        self._begun = self._interactive

    def _show_progress(self, text: str, *, last: bool) -> None:
        if not self._interactive:
            self._write(self._out, text + "\n")
            return
        if not self._bar:
            self._end_line()
        self._write(self._out, _REDRAW + text + ("\n" if last else ""))
        self._begun = self._bar = not last

    def _end_line(self) -> None:
        if self._begun:
            self._write(self._out, "\n")
        self._begun = self._bar = False

    def _end_bar(self) -> None:
        if self._bar:
            self._end_line()

    def _styled(self, text: str, look: Look) -> str:
        style = _STYLES[look]
        return click.style(text, **style) if self._coloured and style else text

    @staticmethod
    def _write(where: TextIO, text: str) -> None:
        # What the locale has no character for is shown as a question mark, and ends nothing.
        encoding = where.encoding or "utf-8"
        where.write(text.encode(encoding, "replace").decode(encoding))
        where.flush()


def is_interactive() -> bool:
    """Say whether somebody types on a terminal and reads there."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def has_colours(variables: Mapping[str, str]) -> bool:
    """Say whether the terminal may be given colours."""
    wanted = not variables.get("NO_COLOR") and variables.get("TERM", "dumb") != "dumb"
    return sys.stdout.isatty() and sys.stderr.isatty() and wanted


@contextlib.contextmanager
def hiding(descriptor: int) -> Iterator[Callable[[bool], None]]:
    """Let what is typed be hidden, and have it shown again at the end.

    Args:
        descriptor: The terminal; of anything else nothing is hidden.

    Yields:
        A function that takes whether what is typed is hidden from now on.
    """
    if not os.isatty(descriptor):
        yield lambda hidden: None  # noqa: ARG005 - there is nothing to hide
        return
    before = termios.tcgetattr(descriptor)
    hides = False

    def hide(hidden: bool) -> None:
        nonlocal hides
        if hidden != hides:
            now = termios.tcgetattr(descriptor)
            now[3] = now[3] & ~termios.ECHO if hidden else now[3] | termios.ECHO
            termios.tcsetattr(descriptor, termios.TCSADRAIN, now)
            hides = hidden

    try:
        yield hide
    finally:
        # A terminal that is gone has nothing to be given back.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
