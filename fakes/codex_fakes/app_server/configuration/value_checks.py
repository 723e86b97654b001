"""Checks of configured values, failing in the words of the real server.

May import the dialect's names of values. Used for config.toml, for ``-c`` and for what a client
sends along with a thread. The invariant: a check returns normally or raises :class:`Invalid` with
the text that the real server has for the same value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.dialect.fields import found_kind

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Place:
    """Where in config.toml a value stands; lines and columns count from 1, the end included."""

    line: int
    column: int
    end: int

    def on_wire(self) -> dict[str, Any]:
        """The ``range`` of a configWarning."""
        start = {"line": self.line, "column": self.column}
        return {"start": start, "end": {"line": self.line, "column": self.end}}


class Invalid(Exception):  # noqa: N818 - becomes a warning, or the refusal to start
    """The configuration cannot be used.

    Args:
        text: What is wrong with it.
        keys: The path of the value that is wrong; empty when it is no single value.
        place: Where that is, when it is known already.
    """

    def __init__(self, text: str, *keys: str, place: Place | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.keys = keys
        self.place = place


def is_text(value: Any, *keys: str) -> None:
    """Accept a string.

    Raises:
        Invalid: It is none.
    """
    if not isinstance(value, str):
        raise Invalid(f"invalid type: {found_kind(value)}, expected a string", *keys)


def is_count(value: Any, *keys: str) -> None:
    """Accept an integer.

    Raises:
        Invalid: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"invalid type: {found_kind(value)}, expected i64", *keys)


def is_flag(value: Any, *keys: str) -> None:
    """Accept true and false.

    Raises:
        Invalid: It is none.
    """
    if not isinstance(value, bool):
        raise Invalid(f"invalid type: {found_kind(value)}, expected a boolean", *keys)


def is_table(value: Any, *keys: str) -> None:
    """Accept a table of whatever is in it.

    Raises:
        Invalid: It is none.
    """
    if not isinstance(value, dict):
        raise Invalid(f"invalid type: {found_kind(value)}, expected a map", *keys)


def struct(name: str) -> Callable[..., None]:
    """Accept a table with known members, by the name that the real server has for it."""

    def check(value: Any, *keys: str) -> None:
        if not isinstance(value, dict):
            raise Invalid(f"invalid type: {found_kind(value)}, expected struct {name}", *keys)

    return check


def one_of(*variants: str) -> Callable[..., None]:
    """Accept one of some strings."""
    listed = ", ".join(f"`{variant}`" for variant in variants)

    def check(value: Any, *keys: str) -> None:
        if not isinstance(value, str):
            raise Invalid("wanted string or table", *keys)
        if value not in variants:
            raise Invalid(f"unknown variant `{value}`, expected one of {listed}", *keys)

    return check


def is_policy(value: Any, *keys: str) -> None:
    """Accept an approval policy.

    Raises:
        Invalid: It is none.
    """
    if not (isinstance(value, dict) and value.keys() == {"granular"}):
        one_of("untrusted", "on-failure", "on-request", "granular", "never")(value, *keys)
