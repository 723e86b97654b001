"""Names inside values and schemas: fields of objects, and identifiers.

May import the exceptions only. The invariant: a name that passes once passes always, so the common
ones are remembered, and an object's key is the same string object wherever it occurs.
"""

from __future__ import annotations

import re
from typing import Final

from codex_runtime.values.failures import InvalidValue

MAX_FIELD_NAME: Final = 1024
"""The longest name of an object's field, in characters."""

MAX_IDENTIFIER: Final = 64
"""The longest name of a table, an index or a field of a validator, in characters."""

_REMEMBERED: Final = 4096
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_NO_IDENTIFIER: Final = re.compile(r"[^A-Za-z0-9_]")

known_fields: Final[dict[str, str]] = {}
"""Names that :func:`field_name` has let pass; read it first, it is what makes objects cheap."""


def field_name(name: object) -> str:
    """Check the name of an object's field.

    Args:
        name: The name, hopefully text.

    Returns:
        The name as plain text.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    if not isinstance(name, str):
        raise _invalid(f"Convex object keys must be strings, found {name!r}.")
    if not name:
        raise _invalid("Field name cannot be empty")
    if name[0] == "$":
        raise _invalid(f"Field name {name} starts with '$', which is reserved.")
    bad = _UNPRINTABLE.search(name)
    if bad:
        raise _invalid(
            f"Field name {name} has invalid character '{bad.group()}': "
            "Field names can only contain non-control ASCII characters"
        )
    if len(name) > MAX_FIELD_NAME:
        raise name_too_long(name, MAX_FIELD_NAME)
    plain = str.__str__(name)
    if len(known_fields) < _REMEMBERED:
        known_fields[plain] = plain
    return plain


def name_too_long(name: str, longest: int) -> InvalidValue:
    """A field has too long a name.

    Args:
        name: The name.
        longest: How long it may be.

    Returns:
        The exception.
    """
    return _invalid(f"Field name is too long ({len(name)} > maximum {longest})")


def identifier(name: str, longest: int = MAX_IDENTIFIER) -> str:
    """Check the name of a table, an index, or a field of a validator or a schema.

    Args:
        name: The name.
        longest: How long it may be, in characters.

    Returns:
        The name.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    if not name:
        raise _invalid("Identifier cannot be empty")
    first = name[0]
    if not (first.isascii() and (first.isalpha() or first == "_")):
        raise _invalid(
            f"Invalid first character '{first}' in {name}: "
            "Identifiers must start with an alphabetic character or underscore"
        )
    bad = _NO_IDENTIFIER.search(name)
    if bad:
        raise _invalid(
            f"Identifier {name} has invalid character '{bad.group()}': "
            "Identifiers can only contain alphanumeric characters or underscores"
        )
    if len(name) > longest:
        raise _invalid(f"Identifier is too long ({len(name)} > maximum {longest})")
    if not name.strip("_"):
        raise _invalid(f"Identifier {name} cannot have exclusively underscores")
    return name


def _invalid(message: str) -> InvalidValue:
    return InvalidValue("E_VALUE_INVALID", message)
