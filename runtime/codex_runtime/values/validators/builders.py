"""``v``: the words with which validators are written, the same as in Convex's TypeScript.

May import the record of a validator. The invariant: every word gives a :class:`Validator`, and what
Convex would refuse is refused where it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from codex_runtime.values.canonical import canonical
from codex_runtime.values.validators.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.values.kinds import Int64


@final
class Builders:
    """The type of :data:`v`."""

    __slots__ = ()

    def null(self) -> Validator:
        """Allow ``None``."""
        return Validator("null")

    def boolean(self) -> Validator:
        """Allow ``True`` and ``False``."""
        return Validator("boolean")

    def int64(self) -> Validator:
        """Allow an :class:`~codex_runtime.values.kinds.Int64`."""
        return Validator("int64")

    def float64(self) -> Validator:
        """Allow a ``float``."""
        return Validator("float64")

    def number(self) -> Validator:
        """Allow a ``float``; another word for :meth:`float64`."""
        return Validator("float64")

    def string(self) -> Validator:
        """Allow text."""
        return Validator("string")

    def bytes(self) -> Validator:
        """Allow ``bytes``."""
        return Validator("bytes")

    def any(self) -> Validator:
        """Allow every value."""
        return Validator("any")

    def id(self, table: str) -> Validator:
        """Allow the id of a document.

        Args:
            table: The table it must be of.

        Raises:
            InvalidValue: ``E_VALUE_INVALID`` when this cannot be a table's name.
        """
        return Validator("id", table=table)

    def literal(self, value: str | float | bool | Int64) -> Validator:
        """Allow one value.

        Args:
            value: That value; an ``int`` is a float64.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID``.
        """
        return Validator("literal", literal=canonical(value))

    def array(self, element: Validator) -> Validator:
        """Allow a list.

        Args:
            element: What each of its elements must be.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID``.
        """
        return Validator("array", members=(element,))

    def record(self, keys: Validator, values: Validator) -> Validator:
        """Allow an object with any fields.

        Args:
            keys: What their names must be: text, ids, or a union of them.
            values: What their values must be.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID``.
        """
        return Validator("record", members=(keys, values))

    def object(self, fields: Mapping[str, Validator]) -> Validator:
        """Allow an object with these fields and no others.

        Args:
            fields: What the value of each must be.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID``, or ``E_VALUE_INVALID`` for a name.
        """
        return Validator("object", rows=tuple(fields.items()))

    def union(self, *members: Validator) -> Validator:
        """Allow what any of several validators allows.

        Args:
            members: The validators.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID``.
        """
        return Validator("union", members=members)

    def optional(self, validator: Validator) -> Validator:
        """Allow a field to be absent.

        Args:
            validator: What it must be when it is there.
        """
        return validator.optional()


v: Final = Builders()
"""Write validators with it: ``v.object({"body": v.string(), "likes": v.optional(v.number())})``."""
