"""What a function logs, as its caller gets to see it: ``[LOG] 'text' 3``.

May import :mod:`codex_runtime.values` and the limits of the engine. The invariant: a call and all
that it calls have at most ``log_lines`` lines together; the last one says that there were more.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.values import UNDEFINED, Int64

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_fakes.convex.engine.limits import Limits

_CUT: Final = " (truncated due to length)"
_BARE_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_ESCAPED: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)
_SMALL: Final = 1e-6
_WHOLE: Final = 1e21
"""Numbers from the one up to the other are written without an exponent, as JavaScript does."""


def inspect(value: Any) -> str:
    """Write a value as ``console.log`` does.

    Args:
        value: A value; what is none is written as Python writes it.

    Returns:
        The text: ``'text'``, ``3``, ``[ 1, 2 ]``, ``{ a: null }``.
    """
    if value is None:
        return "null"
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value.translate(_ESCAPED)}'"
    if isinstance(value, int | float):
        return _number(float(value))
    if isinstance(value, Int64):
        return f"{value.value}n"
    if isinstance(value, bytes | bytearray):
        return f"ArrayBuffer {{ byteLength: {len(value)} }}"
    if isinstance(value, list | tuple):
        return f"[ {', '.join(map(inspect, value))} ]" if value else "[]"
    if isinstance(value, dict):
        fields = (f"{_key(name)}: {inspect(field)}" for name, field in value.items())
        return f"{{ {', '.join(fields)} }}" if value else "{}"
    return repr(value)


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 and math.copysign(1, value) < 0:
        return "-0"
    if value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    if abs(value) >= _SMALL:
        return format(Decimal(repr(value)), "f") if abs(value) < _WHOLE else repr(value)
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent)}"


def _key(name: object) -> str:
    text = str(name)
    return text if _BARE_KEY.match(text) else inspect(text)


class LogLines:
    """The lines of one call, in the order they were logged.

    Args:
        limits: How many and how long they may be.
    """

    __slots__ = ("_limits", "_lines")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: list[str] = []

    def write(self, level: str, values: Iterable[object]) -> None:
        """Log one line.

        Args:
            level: ``LOG``, ``INFO``, ``WARN``, ``ERROR`` or ``DEBUG``.
            values: What to log; written one after the other.
        """
        text = " ".join(map(inspect, values))
        longest = self._limits.log_line_length
        if len(text) > longest:
            text = text[: longest - len(_CUT)] + _CUT
        self.extend((f"[{level}] {text}",))

    def extend(self, lines: Iterable[str]) -> None:
        """Take over the lines of a call that was made by this one.

        Args:
            lines: Its finished lines.
        """
        most = self._limits.log_lines
        for line in lines:
            if len(self._lines) < most - 1:
                self._lines.append(line)
            elif len(self._lines) == most - 1:
                self._lines.append(
                    f"[ERROR] Log overflow (maximum {most}). Remaining log lines omitted."
                )

    def finished(self) -> tuple[str, ...]:
        """The lines so far."""
        return tuple(self._lines)
