"""The record of a validator.

May import the other modules of values. The invariant: a validator that exists is one that Convex
accepts, never changes, and knows how to check.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from codex_runtime.values.encoding import dumps
from codex_runtime.values.failures import InvalidValue
from codex_runtime.values.kinds import UNDEFINED, Int64, Undefined, Value
from codex_runtime.values.names import identifier
from codex_runtime.values.validators import exported, printing
from codex_runtime.values.validators.checks import Check, make_check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.values.validators.mismatch import IdTable

Kind: TypeAlias = Literal[
    "null",
    "boolean",
    "int64",
    "float64",
    "string",
    "bytes",
    "any",
    "id",
    "literal",
    "array",
    "record",
    "object",
    "union",
]

_LITERALS: Final = frozenset({str, float, bool, Int64})


@dataclass(frozen=True, slots=True, eq=False)
class Validator:
    """Which values are allowed; make one with :data:`~codex_runtime.values.validators.builders.v`.

    Attributes:
        kind: What kind of validator it is.
        table: The table of an id.
        literal: The one value that a literal allows.
        members: The element of an array; the keys and the values of a record; the members of a
            union.
        rows: The fields of an object, in the order they were given.
        is_optional: Whether the field it stands for may be absent.
        fields: The fields of an object by name; nothing for other kinds.
        mismatch: Says why a value does not match, or ``None``: what :meth:`check` raises from.

    Raises:
        InvalidValue: ``E_VALUE_VALIDATOR_INVALID`` when it is put together as Convex does not
            allow; ``E_VALUE_INVALID`` for the name of a table or field.
    """

    kind: Kind
    table: str = ""
    literal: Value = None
    members: tuple[Validator, ...] = ()
    rows: tuple[tuple[str, Validator], ...] = ()
    is_optional: bool = False
    fields: Mapping[str, Validator] = field(init=False, repr=False)
    mismatch: Check = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._hold_to_the_rules()
        object.__setattr__(self, "fields", MappingProxyType(dict(self.rows)))
        object.__setattr__(self, "mismatch", make_check(self))

    def _hold_to_the_rules(self) -> None:
        for member in (*self.members, *(row[1] for row in self.rows)):
            if not isinstance(member, Validator):
                raise _invalid(f"the parts of v.{self.kind}() must be validators, not {member!r}")
        if any(member.is_optional for member in self.members):
            raise _invalid(f"v.{self.kind}() cannot hold v.optional(): only a field can be absent")
        if self.kind == "id":
            identifier(self.table)
        if self.kind == "literal" and type(self.literal) not in _LITERALS:
            raise _invalid("v.literal() takes a string, a number, an Int64 or a boolean")
        if self.kind == "record" and not _may_be_keys(self.members[0]):
            raise _invalid(
                "the keys of v.record() must be v.string(), v.id() or a union of them, "
                f"not {printing.describe(self.members[0])}"
            )
        for name, _ in self.rows:
            identifier(name)

    def check(self, value: Value | Undefined, ids: IdTable | None = None) -> None:
        """Check a value.

        Args:
            value: The value in canonical form; or ``UNDEFINED``, which an optional validator
                allows.
            ids: Tells the table of an id; without it any text passes for an id, as it does where a
                call crosses into a component.

        Raises:
            ValidationFailed: ``E_VALUE_MISMATCH``.
        """
        if value is UNDEFINED and self.is_optional:
            return
        failure = self.mismatch(value, ids)
        if failure is not None:
            raise failure.as_exception()

    def optional(self) -> Validator:
        """Allow the field to be absent.

        Returns:
            The same validator, optional.
        """
        return self if self.is_optional else replace(self, is_optional=True)

    def required(self) -> Validator:
        """Require the field.

        Returns:
            The same validator, not optional.
        """
        return replace(self, is_optional=False) if self.is_optional else self

    def extend(self, fields: Mapping[str, Validator]) -> Validator:
        """Add fields to an object, or replace them.

        Args:
            fields: The fields.

        Returns:
            The new validator.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID`` when this is no object.
        """
        return self._with_fields("extend", {**self.fields, **fields})

    def omit(self, *names: str) -> Validator:
        """Leave fields of an object out.

        Args:
            names: Their names.

        Returns:
            The new validator.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID`` when this is no object.
        """
        kept = {name: row for name, row in self.fields.items() if name not in names}
        return self._with_fields("omit", kept)

    def pick(self, *names: str) -> Validator:
        """Keep only some fields of an object.

        Args:
            names: Their names.

        Returns:
            The new validator.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID`` when this is no object.
        """
        kept = {name: row for name, row in self.fields.items() if name in names}
        return self._with_fields("pick", kept)

    def partial(self) -> Validator:
        """Make every field of an object optional.

        Returns:
            The new validator.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID`` when this is no object.
        """
        return self._with_fields(
            "partial", {name: row.optional() for name, row in self.fields.items()}
        )

    def _with_fields(self, what: str, fields: Mapping[str, Validator]) -> Validator:
        if self.kind != "object":
            raise _invalid(f"only v.object() has {what}(), not v.{self.kind}()")
        return replace(self, rows=tuple(fields.items()))

    def typescript(self) -> str:
        """Print the validator as TypeScript source.

        Returns:
            ``v.object({a: v.optional(v.string())})``.
        """
        return printing.source(self)

    def typescript_type(self) -> str:
        """Print the TypeScript type of the values it allows.

        Returns:
            ``{ a?: string }``.
        """
        return printing.type_source(self)

    def to_json(self) -> dict[str, Any]:
        """Write the validator in the shape that Convex's tools exchange.

        Returns:
            ``{"type": "object", "value": {…}}``. Whether it is optional is said where it is a
            field of another.
        """
        return exported.write(self)

    @classmethod
    def from_json(cls, tree: object) -> Validator:
        """Read a validator in the shape that Convex's tools exchange.

        Args:
            tree: What :func:`json.loads` gave.

        Returns:
            The validator.

        Raises:
            InvalidValue: ``E_VALUE_VALIDATOR_INVALID``, or ``E_VALUE_INVALID`` for a name.
        """
        return exported.read(tree, cls)

    def __reduce__(self) -> tuple[type[Validator], tuple[object, ...]]:
        # A check is a function made here, which copies and pickles of a validator make again.
        parts = self.kind, self.table, self.literal, self.members, self.rows, self.is_optional
        return Validator, parts

    def __str__(self) -> str:
        return printing.describe(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Validator):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[bool, str]:
        # The description, with what it hides: two kinds of literal, and which NaN.
        return self.is_optional, _spelled(self)


def _spelled(validator: Validator) -> str:
    if validator.kind == "literal":
        return f"literal {dumps(validator.literal)}"
    parts = [f"{validator.kind} {validator.table}"]
    parts += map(_spelled, validator.members)
    parts += (
        f"{name}{'?' * row.is_optional}:{_spelled(row)}"
        for name, row in sorted(validator.fields.items())
    )
    return f"({' '.join(parts)})"


def _may_be_keys(validator: Validator) -> bool:
    if validator.kind == "union":
        return bool(validator.members) and all(map(_may_be_keys, validator.members))
    return validator.kind in {"string", "id"}


def _invalid(message: str) -> InvalidValue:
    return InvalidValue("E_VALUE_VALIDATOR_INVALID", message)
