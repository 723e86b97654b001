"""Values as Convex prints them in its messages (FACTS §5.8).

May import the other modules of values only. The invariant: the text is what Rust's formatting gives
for the same value, because that is what the messages are made with.
"""

from __future__ import annotations

import binascii
import math
import unicodedata
from typing import Final

from codex_runtime.values.kinds import Int64, Undefined, Value

_ESCAPES: Final = {
    "\0": "\\0",
    "\t": "\\t",
    "\n": "\\n",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def render(value: Value | Undefined) -> str:
    """Print a value as Convex's error messages do.

    Args:
        value: The value in canonical form, or ``UNDEFINED``.

    Returns:
        The text: ``3.0``, ``"x"``, ``[1.0, null]``, ``{a: 1.0, b: "x"}``, ``b"YWI="``.
    """
    if value is None:
        return "null"
    if isinstance(value, Undefined):
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Int64):
        return str(value.value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bytes):
        return f'b"{binascii.b2a_base64(value, newline=False).decode()}"'
    if isinstance(value, list):
        return f"[{', '.join(map(render, value))}]"
    return "{" + ", ".join(f"{name}: {render(value[name])}" for name in sorted(value)) + "}"


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def quoted(text: str) -> str:
    """Put a text in quotes, escaped as Rust's ``{:?}`` does.

    Args:
        text: The text.

    Returns:
        The text in double quotes.
    """
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    escaped = _ESCAPES.get(character)
    if escaped is not None:
        return escaped
    # Marks that would join the character before them are written out, too.
    if character.isprintable() and unicodedata.category(character) not in {"Mn", "Me"}:
        return character
    return f"\\u{{{ord(character):x}}}"
