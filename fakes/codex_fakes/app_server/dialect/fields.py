"""Checks of one value each, failing in the words of serde, which the real server answers with.

May import the dialect. The invariant: a check returns normally or raises the refusal whose text
the real server gives for the same value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from codex_fakes.app_server.dialect.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Check: TypeAlias = "Callable[[Any], None]"


def invalid(text: str) -> Refusal:
    """The refusal of params that do not have the right shape."""
    return Refusal(f"Invalid request: {text}")


def found_kind(value: object) -> str:
    """Name a value the way serde does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return "string " + msgspec.json.encode(value).decode()
    return "sequence" if isinstance(value, list) else "map"


def wrong_type(value: object, expected: str) -> Refusal:
    """The refusal of a value of the wrong type."""
    return invalid(f"invalid type: {found_kind(value)}, expected {expected}")


def string(value: Any) -> None:
    """Accept a string."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")


def boolean(value: Any) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise wrong_type(value, "a boolean")


def unsigned(value: Any) -> None:
    """Accept an integer of 32 bits without a sign."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, "u32")
    if not 0 <= value < 2**32:
        raise invalid(f"invalid value: integer `{value}`, expected u32")


def signed(value: Any) -> None:
    """Accept an integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, "i64")
    if not -(2**63) <= value < 2**63:
        raise invalid(f"invalid value: integer `{value}`, expected i64")


def mapping(value: Any) -> None:
    """Accept any object."""
    if not isinstance(value, dict):
        raise wrong_type(value, "a map")


def anything(value: Any) -> None:
    """Accept every value."""


def mapping_of(check: Check) -> Check:
    """Accept an object whose members pass a check, whatever they are called."""

    def accept(value: Any) -> None:
        mapping(value)
        for member in value.values():
            check(member)

    return accept


def optional(check: Check) -> Check:
    """Accept null as well."""

    def accept(value: Any) -> None:
        if value is not None:
            check(value)

    return accept


def sequence(check: Check) -> Check:
    """Accept a list whose elements pass a check."""

    def accept(value: Any) -> None:
        if not isinstance(value, list):
            raise wrong_type(value, "a sequence")
        for element in value:
            check(element)

    return accept


def _expected(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    if len(quoted) == 1:
        return quoted[0]
    if len(quoted) == 2:
        return " or ".join(quoted)
    return "one of " + ", ".join(quoted)


def one_of(*names: str) -> Check:
    """Accept one of some strings."""

    def accept(value: Any) -> None:
        variant(value, names)
        if isinstance(value, dict):
            raise wrong_type(next(iter(value.values())), "unit")

    return accept


def variant_of(names: tuple[str, ...], members: Mapping[str, Check]) -> Check:
    """Accept one of some strings, or an object with the one member of a variant that has a value.

    Args:
        names: The variants there are.
        members: The check of the value, for each variant that has one.
    """

    def accept(value: Any) -> None:
        name = variant(value, names)
        if name not in members:
            if isinstance(value, dict):
                raise wrong_type(value[name], "unit")
        elif isinstance(value, dict):
            members[name](value[name])
        else:
            raise invalid("invalid type: unit variant, expected newtype variant")

    return accept


def variant(value: Any, names: tuple[str, ...]) -> str:
    """Find out which variant of an enum a value is: a name, or an object with one member.

    Args:
        value: The value.
        names: The variants there are.

    Returns:
        The variant's name.

    Raises:
        Refusal: It is none of them.
    """
    if isinstance(value, dict):
        if len(value) != 1:
            raise invalid("invalid value: map, expected map with a single key")
        name = next(iter(value))
    elif isinstance(value, str):
        name = value
    else:
        raise wrong_type(value, "string or map")
    if name not in names:
        raise invalid(f"unknown variant `{name}`, expected {_expected(names)}")
    found: str = name
    return found


def path(value: Any) -> None:
    """Accept a path."""
    if not isinstance(value, str):
        raise wrong_type(value, "path string")


def absolute_path(value: Any) -> None:
    """Accept a path that begins at the root."""
    path(value)
    if not value.startswith("/"):
        raise invalid("AbsolutePathBuf deserialized without a base path")


def unit(value: Any) -> None:
    """Accept an object without members, which is how nothing is said."""
    if value != {} or not isinstance(value, dict):
        raise wrong_type(value, "unit")


@dataclass(frozen=True, slots=True)
class Untagged:
    """Accept a value that one of several checks accepts; serde does not say why none does."""

    name: str
    checks: tuple[Check, ...]

    def __call__(self, value: Any) -> None:
        """Check a value.

        Raises:
            Refusal: In serde's words.
        """
        for check in self.checks:
            try:
                check(value)
            except Refusal:
                continue
            return
        raise invalid(f"data did not match any variant of untagged enum {self.name}")


@dataclass(frozen=True, slots=True)
class Struct:
    """Accept an object with given members; members it does not know are ignored.

    Attributes:
        name: How the real server calls the type, for its error text.
        required: Members that must be there, in the order they are missed.
        members: The check of each known member that may be left out.
    """

    name: str
    required: Mapping[str, Check]
    members: Mapping[str, Check]

    def __call__(self, value: Any) -> None:
        """Check a value.

        Raises:
            Refusal: In serde's words.
        """
        if not isinstance(value, dict):
            raise wrong_type(value, f"struct {self.name}")
        for key, member in value.items():
            check = self.required.get(key) or self.members.get(key)
            if check is not None:
                check(member)
        for key in self.required:
            if key not in value:
                raise invalid(f"missing field `{key}`")


@dataclass(frozen=True, slots=True)
class Tagged:
    """Accept an object whose ``type`` member says which struct it is.

    Attributes:
        name: How the real server calls the enum, for its error text.
        variants: The check for each tag; a number counts as the tag in that place, as for serde.
    """

    name: str
    variants: Mapping[str, Check]

    def __call__(self, value: Any) -> None:
        """Check a value.

        Raises:
            Refusal: In serde's words.
        """
        if not isinstance(value, dict):
            raise wrong_type(value, f"internally tagged enum {self.name}")
        if "type" not in value:
            raise invalid("missing field `type`")
        tag = value["type"]
        names = tuple(self.variants)
        if isinstance(tag, int) and not isinstance(tag, bool) and 0 <= tag < len(names):
            tag = names[tag]
        if isinstance(tag, int) and not isinstance(tag, bool) and tag >= len(names):
            expected = f"variant index 0 <= i < {len(names)}"
            raise invalid(f"invalid value: integer `{tag}`, expected {expected}")
        if not isinstance(tag, str):
            raise wrong_type(tag, "variant identifier")
        if tag not in self.variants:
            raise invalid(f"unknown variant `{tag}`, expected {_expected(names)}")
        self.variants[tag](value)


NO_MEMBERS: Final[Mapping[str, Check]] = {}
