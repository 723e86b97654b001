"""Text of others made fit for a terminal.

May import the standard library only. The invariant: what comes out has no character that a terminal
takes for a command, and none that shows text in another order than it has.
"""

from __future__ import annotations

from typing import Final

_PICTURES: Final = 0x2400
"""Where Unicode has a picture for each control character of ASCII."""
_DELETE: Final = 0x7F
_KEPT: Final = frozenset("\n\t")
_REORDERING: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Marks of direction: with them a command can look like another one."""


def _replacements() -> dict[int, str]:
    ascii_controls = {code: chr(_PICTURES + code) for code in range(0x20) if chr(code) not in _KEPT}
    # In UTF-8 the second set of controls does what ESC and a letter do.
    later_controls = {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
    marks = {code: f"\\u{code:04x}" for code in (*_REORDERING, 0x2028, 0x2029)}
    return {**ascii_controls, _DELETE: "\u2421", **later_controls, **marks}


_REPLACEMENTS: Final = _replacements()


def printable(text: str) -> str:
    """Show control characters as pictures or escapes; lines and tabs stay.

    Args:
        text: Any text.

    Returns:
        Text that a terminal shows and does nothing else with.
    """
    clean = text.replace("\r\n", "\n").translate(_REPLACEMENTS)
    # Half a character cannot be encoded; one of them must not end whoever shows it.
    return clean.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, width: int | None = None) -> str:
    """Make a text one line: for what must not look like lines of one's own.

    Args:
        text: Any text.
        width: How many characters there is room for; the rest is left out.

    Returns:
        The line.
    """
    line = printable(text).replace("\n", "\u240a").replace("\t", " ")
    if width is not None and len(line) > width:
        return line[: width - 1] + "\u2026"
    return line


def quoted(text: str) -> str:
    """Set every line of a text off from what one says oneself."""
    return "\n".join(f"  | {line}" for line in printable(text).split("\n"))
