"""The three ways in which a value is written into an answer.

May import the values and the refusals. The invariant: a number is always written with a point or
an exponent where it is a float64, because the official HTTP client takes nothing else.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.wire.refusals import bad_request
from codex_runtime.values import Int64, dumps, to_clean_json, to_json

if TYPE_CHECKING:
    from codex_runtime.values import Value


class Format(Enum):
    """How values are written."""

    ENCODED = "convex_encoded_json"
    """Without loss."""
    CLEAN = "json"
    """As people read it: an int64 is its digits, bytes are base64."""
    EXPORT = "export_json"
    """As exports have it: an int64 is a JSON number, the rest as without loss."""


_NAMES: Final = {
    "convex_encoded_json": Format.ENCODED,
    "convex_json": Format.ENCODED,
    "json": Format.CLEAN,
    "convex_clean_json": Format.CLEAN,
    "export_json": Format.EXPORT,
}


def read_format(text: str) -> Format:
    """Read the field ``format`` of a request.

    Args:
        text: Its value.

    Returns:
        The format.

    Raises:
        Refusal: ``BadFormat``.
    """
    try:
        return _NAMES[text]
    except KeyError:
        raise bad_request(
            "BadFormat", f"format param must be one of [`json`]. Got {text}"
        ) from None


def write(value: Value, how: Format) -> str:
    """Write a value.

    Args:
        value: The value.
        how: The format.

    Returns:
        JSON text.
    """
    if how is Format.ENCODED:
        return dumps(value)
    tree = to_clean_json(value) if how is Format.CLEAN else _exported(value)
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _exported(value: Value) -> Any:
    if isinstance(value, Int64):
        return value.value
    if isinstance(value, list):
        return [_exported(item) for item in value]
    if isinstance(value, dict):
        return {name: _exported(item) for name, item in value.items()}
    return to_json(value)
