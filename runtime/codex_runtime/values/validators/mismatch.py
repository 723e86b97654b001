"""Why a value does not match its validator, in Convex's words (FACTS §5.8).

May import the exceptions, the rendering of values and the printing of validators. The invariant:
a mismatch costs next to nothing until its words are asked for, because members of a union mismatch
all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from codex_runtime.values.failures import ValidationFailed
from codex_runtime.values.rendering import render
from codex_runtime.values.validators.printing import describe, describe_literal

if TYPE_CHECKING:
    from codex_runtime.values.kinds import Undefined, Value
    from codex_runtime.values.validators.validator import Validator

IdTable: TypeAlias = Callable[[str], "str | None"]
"""Tells the table that an id belongs to, or ``None`` for what is no id of any table."""


class Reason(Enum):
    """The ways in which a value can fail to match."""

    NO_MATCH = "no match"
    LITERAL = "literal"
    MISSING_FIELD = "missing field"
    EXTRA_FIELD = "extra field"
    OTHER_TABLE = "other table"
    SYSTEM_TABLE = "system table"


@dataclass(slots=True)
class Mismatch:
    """A value and the part of a validator that it does not match.

    Attributes:
        reason: In which way.
        value: The value at that place.
        validator: The validator at that place.
        detail: The field that is missing or extra; the table that an id is of.
        path: The way there, innermost part first: each level on the way out adds its own.
    """

    reason: Reason
    value: Value | Undefined
    validator: Validator
    detail: str = ""
    path: list[str] = field(default_factory=list)

    def under(self, part: str) -> Mismatch:
        """Say that all this happened inside something.

        Args:
            part: The place in it, ``.name`` or ``[0]``.

        Returns:
            The mismatch itself.
        """
        self.path.append(part)
        return self

    def as_exception(self) -> ValidationFailed:
        """Put it in words.

        Returns:
            The exception to raise.
        """
        path = "".join(reversed(self.path))
        return ValidationFailed(self._message(f"Path: {path}" if path else ""), path)

    def _message(self, context: str) -> str:
        # Being optional is a matter of the field, not of what its value must be.
        shown = self.validator.required()
        match self.reason:
            case Reason.LITERAL:
                return (
                    f"`{render(self.value)}` does not match literal validator "
                    f"`v.literal({describe_literal(self.validator.literal)})`.{context}"
                )
            case Reason.OTHER_TABLE:
                return (
                    f'Found ID "{self.value!s}" from table `{self.detail}`, which does not match '
                    f"the table name in validator `{describe(shown)}`.{context}"
                )
            case Reason.SYSTEM_TABLE:
                return (
                    f'Found ID "{self.value!s}" from a system table, which does not match '
                    f"the table name in validator `{describe(shown)}`.{context}"
                )
            case Reason.MISSING_FIELD:
                what = (
                    f"Object is missing the required field `{self.detail}`. Consider wrapping the "
                    "field validator in `v.optional(...)` if this is expected."
                )
                label = "Object"
            case Reason.EXTRA_FIELD:
                what = f"Object contains extra field `{self.detail}` that is not in the validator."
                label = "Object"
            case Reason.NO_MATCH:
                what = "Value does not match validator."
                label = "Value"
        return f"{what}\n{context}\n{label}: {render(self.value)}\nValidator: {describe(shown)}"
