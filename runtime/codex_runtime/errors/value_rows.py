"""The codes of Convex values and their validators.

May import the entries only. The invariant: they are about the misuse of values by a program; what a
deployment says about a value is the deployment's own text.
"""

from __future__ import annotations

from typing import Final

from codex_runtime.errors.entry import Fault, entries

VALUES: Final = entries(
    Fault.CALLER,
    (
        "E_VALUE_INVALID",
        "a Python value is no Convex value, or is past one of Convex's limits for values",
        "Pass None, bool, int, float, Int64, str, bytes, lists and dicts with text keys.",
        False,
    ),
    (
        "E_VALUE_ENCODING_INVALID",
        "some JSON is not the encoding of a Convex value",
        "Send int64, bytes and special floats as $integer, $bytes and $float.",
        False,
    ),
    (
        "E_VALUE_MISMATCH",
        "a value does not match its validator",
        "Compare the value with the validator at the path the text names.",
        False,
    ),
    (
        "E_VALUE_VALIDATOR_INVALID",
        "a validator is put together in a way that Convex refuses",
        "Build validators with v as Convex allows it: see the guide on values.",
        False,
    ),
)
"""Values, their encoding and their validators."""
