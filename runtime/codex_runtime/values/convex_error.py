"""The error an app's function throws on purpose, with data that reaches the caller.

May import the other modules of values only. The invariant: the data survives whatever it crosses,
also a deployment that redacts every other text.
"""

from __future__ import annotations

import json
import math
import sys

from codex_runtime.values.canonical import canonical
from codex_runtime.values.encoding import from_json
from codex_runtime.values.failures import InvalidValue
from codex_runtime.values.kinds import UNDEFINED, Int64, Undefined, Value


class ConvexError(Exception):
    """An error of an app's own, thrown by a Convex function.

    ``str(error)`` is the data when that is text, and otherwise the data as compact JSON, printed as
    JavaScript does: ``{"code":"E_X","count":1}``.

    Args:
        data: What the caller gets to see: any Convex value.

    Raises:
        InvalidValue: ``E_VALUE_INVALID`` when the data is no Convex value.
    """

    def __init__(self, data: object) -> None:
        self.data: Value = canonical(data)
        super().__init__(_text(self.data))

    def __reduce__(self) -> tuple[type[ConvexError], tuple[Value]]:
        return type(self), (self.data,)


def _text(data: Value) -> str:
    if isinstance(data, str):
        return data
    return json.dumps(_as_javascript_prints(data), separators=(",", ":"), ensure_ascii=False)


def _as_javascript_prints(data: Value) -> object:
    if isinstance(data, dict):
        return {name: _as_javascript_prints(item) for name, item in data.items()}
    if isinstance(data, list):
        return [_as_javascript_prints(item) for item in data]
    if isinstance(data, float) and not data.is_integer():
        return data if math.isfinite(data) else None
    if isinstance(data, float):
        return int(data)
    if isinstance(data, Int64):
        return f"{data.value}n"
    return {} if isinstance(data, bytes) else data


def convex_error_data(error: BaseException) -> Value | Undefined:
    """Find the data of a thrown ConvexError, ours or the official client's.

    Args:
        error: Any exception.

    Returns:
        Its data in canonical form, or ``UNDEFINED`` when it is neither. The official HTTP client
        leaves the data in its JSON encoding; that is decoded.

    Raises:
        InvalidValue: ``E_VALUE_INVALID`` when an official error carries something that is no
            Convex value.
    """
    if isinstance(error, ConvexError):
        return error.data
    official = getattr(sys.modules.get("convex"), "ConvexError", None)
    if official is None or not isinstance(error, official):
        return UNDEFINED
    data: object = getattr(error, "data", None)
    try:
        return canonical(data)
    except InvalidValue:
        # A field with a $ is no value, so this can only be what from_json is for.
        return from_json(data)
