"""How faults on request are written, and which there are.

May import the error catalogue, and msgspec for values. A fault is written as
``NAME[=METHOD[CONDITION]…][#NUMBER][:ARGUMENT]``:

* METHOD is that of a message, or of the request that a message answers; ``*`` is any.
* A CONDITION stands in brackets and speaks of the message: ``[PATH=VALUE]``, ``[PATH!=VALUE]``,
  ``[PATH^=TEXT]`` (it begins with that) or ``[PATH]`` (it is there). PATH is names and places with
  dots between them, such as ``params.item.type`` or ``result.data.0``; in an answer
  ``request.params.…`` speaks of the request.
* NUMBER picks one of the messages that match, counted from 1.
* ARGUMENT is what the fault needs besides: ``PATH=VALUE``, PATH, METHOD, a text or a message.
* VALUE is JSON, or a word. In ``put`` and ``insert`` a text ``@PATH`` is what stands at PATH in the
  message that the fault strikes.

Commas stand between several; those in brackets, braces and JSON texts do not count. The invariant:
what is not understood is refused with a code, and nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path: TypeAlias = tuple[str, ...]
"""Names of members and places in lists, from the message inwards."""

Sign: TypeAlias = Literal["=", "!=", "^="]
"""How a condition compares: the same, another, or beginning with."""

ANY: Final = "*"
"""The method that is every method."""

SLOW_READ_MS: Final = 20
"""Milliseconds that ``slow-reader`` lets pass before each line it reads."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        what: What the server does.
        side: Whose messages METHOD names: the client's, the server's, either's, or none.
        method_required: Whether METHOD must be given.
        once: Whether it happens at the first match only, when no NUMBER is given.
        argument: What ARGUMENT is; ``None`` when there is none.
    """

    what: str
    side: Literal["client", "server", "either", "none"]
    method_required: bool = False
    once: bool = False
    argument: Literal["PATH=VALUE", "PATH", "METHOD", "TEXT", "MESSAGE"] | None = None


FAULTS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "crash-now": Kind(
            "It dies as by SIGKILL when METHOD (anything) is heard, or instead of saying it.",
            "either",
            once=True,
        ),
        "crash-mid-item": Kind("It dies behind the first delta of an item.", "none", once=True),
        "hang": Kind(
            "From METHOD (anything) on it reads nothing, says nothing and does not end.",
            "either",
            once=True,
        ),
        "slow-reader": Kind(f"It reads one line every {SLOW_READ_MS} ms.", "none"),
        "drop": Kind("METHOD is not sent.", "server", method_required=True),
        "duplicate": Kind("METHOD is sent twice.", "server", method_required=True),
        "reorder": Kind(
            "METHOD comes behind the message after it.", "server", method_required=True
        ),
        "late": Kind(
            "METHOD is held back, and comes behind the next message named in ARGUMENT.",
            "server",
            method_required=True,
            argument="METHOD",
        ),
        "garbage": Kind("A line that is no JSON comes before METHOD.", "server", True),
        "put": Kind("A field of METHOD has another value.", "server", True, argument="PATH=VALUE"),
        "omit": Kind("A field of METHOD is left out.", "server", True, argument="PATH"),
        "insert": Kind("A message comes behind METHOD.", "server", True, argument="MESSAGE"),
        "never-answer": Kind(
            "The request METHOD is neither carried out nor answered.", "client", True
        ),
        "refuse": Kind(
            "The request METHOD is not carried out, and refused with -32600 and a text.",
            "client",
            True,
            argument="TEXT",
        ),
        "overload": Kind("Requests METHOD (all but initialize) are refused with -32001.", "client"),
        "lost-overload": Kind("What a flood has too much is lost, not refused.", "none"),
    }
)
"""Every fault there is."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a message.

    Attributes:
        path: Where to look.
        sign: How what is there compares with the value; ``None``: something is there.
        value: The value.
    """

    path: Path
    sign: Sign | None = None
    value: Any = None

    def holds(self, message: Mapping[str, Any]) -> bool:
        """Whether it holds of a message."""
        found = at(message, self.path)
        if self.sign is None:
            return found is not None
        if self.sign == "^=":
            return isinstance(found, str) and found.startswith(str(self.value))
        return bool(found == self.value) is (self.sign == "=")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault on request.

    Attributes:
        name: Which; one of :data:`FAULTS`.
        method: The method it is about; ``None`` or :data:`ANY` for any.
        number: Which of the messages that match, from 1; ``None`` for all.
        where: What else must hold of a message.
        path: The field that is changed or left out.
        value: What a field becomes, or the message that is inserted.
        behind: The method of the message that is waited for.
        text: The text of a refusal.
    """

    name: str
    method: str | None = None
    number: int | None = None
    where: tuple[Condition, ...] = ()
    path: Path = ()
    value: Any = None
    behind: str = ""
    text: str = ""


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read a list of faults.

    Args:
        text: The faults, with commas between them; see the module. Blanks around one are ignored.

    Returns:
        The faults.

    Raises:
        ConfigurationError: ``E_FAKE_FAULT_UNKNOWN``.
    """
    return tuple(_parse(part.strip()) for part in _split(text, ",") if part.strip())


_SIGNS: Final[Mapping[str, Sign]] = MappingProxyType({"=": "=", "!=": "!=", "^=": "^="})
_CONDITION: Final = re.compile(
    r"(?P<path>[^=!^\]]+)(?:(?P<sign>!=|\^=|=)(?P<value>.*))?", re.DOTALL
)


def _parse(text: str) -> Fault:
    head, *rest = _split(text, ":", limit=1)
    bare, *brackets = _split(head, "[")
    behind_brackets = brackets[-1].rpartition("]")[2] if brackets else bare
    before, has_number, digits = behind_brackets.partition("#")
    name, _, method = (before if not brackets else bare).partition("=")
    kind = FAULTS.get(name)
    if kind is None:
        raise _unknown(f"{text!r}: there is no such fault; there are: {', '.join(FAULTS)}")
    if has_number and not (digits.isascii() and digits.isdigit() and int(digits) > 0):
        raise _unknown(f"{text!r}: {digits!r} is not the number of a message, counted from 1")
    if "#" in method:
        raise _unknown(f"{text!r}: the number stands behind the conditions")
    if kind.method_required and not method:
        raise _unknown(f"{text!r}: say which message, as in {name}=METHOD")
    if kind.side == "none" and (method or brackets):
        raise _unknown(f"{text!r}: {name} is not about one message")
    number = int(digits) if has_number else 1 if kind.once else None
    where = tuple(_condition(text, part) for part in brackets)
    argument = rest[0] if rest else None
    if (kind.argument is None) != (argument is None):
        wanted = (
            "takes nothing behind a colon" if kind.argument is None else f"needs :{kind.argument}"
        )
        raise _unknown(f"{text!r}: {name} {wanted}")
    return Fault(name, method or None, number, where, **_details(text, kind, argument or ""))


def _condition(text: str, part: str) -> Condition:
    inside, closed, _ = part.rpartition("]")
    found = _CONDITION.fullmatch(inside)
    if not closed or found is None:
        raise _unknown(f"{text!r}: a condition is written as [PATH=VALUE], [PATH^=TEXT] or [PATH]")
    path = tuple(found["path"].split("."))
    if found["sign"] is None:
        return Condition(path)
    sign = _SIGNS[found["sign"]]
    return Condition(path, sign, found["value"] if sign == "^=" else _value(found["value"]))


def _details(text: str, kind: Kind, argument: str) -> dict[str, Any]:
    """What the argument of a fault says, by the fault's attributes."""
    if kind.argument == "METHOD":
        return {"behind": argument}
    if kind.argument == "TEXT":
        return {"text": argument}
    if kind.argument == "PATH":
        return {"path": tuple(argument.split("."))}
    if kind.argument == "PATH=VALUE":
        path, equals, value = argument.partition("=")
        if not path or not equals:
            raise _unknown(f"{text!r}: say which field gets which value, as in :params.name=VALUE")
        return {"path": tuple(path.split(".")), "value": _value(value)}
    if kind.argument == "MESSAGE":
        message = _value(argument)
        if not isinstance(message, dict):
            raise _unknown(f"{text!r}: the message is a JSON object")
        return {"value": message}
    return {}


def _value(text: str) -> Any:
    """Read a value: JSON, or a word."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    """Split at separators that stand outside of brackets, braces and JSON texts."""
    parts, start = list[str](), 0
    for place in _outside(text, opens=separator):
        if limit == len(parts):
            break
        if text[place] == separator:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _outside(text: str, opens: str) -> Iterator[int]:
    """The places of a text that are in no bracket, brace or JSON text."""
    depth, quoted, escaped = 0, False, False
    for place, char in enumerate(text):
        if depth == 0 and not quoted and (char == opens or char not in "[{"):
            yield place
        if escaped or (quoted and char == "\\"):
            escaped = not escaped
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "[{":
            depth += 1
        elif not quoted and char in "]}":
            depth -= 1


def _unknown(text: str) -> ConfigurationError:
    return ConfigurationError("E_FAKE_FAULT_UNKNOWN", text)


# --- paths ----------------------------------------------------------------------------------------


def at(value: Any, path: Path) -> Any:
    """Follow a path into a message; ``None`` where it leads nowhere."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and _place(step, value) is not None:
            value = value[int(step)]
        else:
            return None
    return value


def put_at(message: dict[str, Any], path: Path, value: Any) -> None:
    """Put a value at a path; where the path leads nowhere, nothing changes."""
    parent = at(message, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list) and _place(path[-1], parent) is not None:
        parent[int(path[-1])] = value


def omit_at(message: dict[str, Any], path: Path) -> None:
    """Take out what stands at a path, if anything does."""
    parent = at(message, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and _place(path[-1], parent) is not None:
        del parent[int(path[-1])]


def filled(value: Any, message: Mapping[str, Any]) -> Any:
    """A value, with what stands in a message in the place of each text ``@PATH``."""
    if isinstance(value, str) and value.startswith("@"):
        return at(message, tuple(value[1:].split(".")))
    if isinstance(value, list):
        return [filled(part, message) for part in value]
    if isinstance(value, dict):
        return {name: filled(part, message) for name, part in value.items()}
    return value


def _place(step: str, values: list[Any]) -> int | None:
    """The place in a list that a step names; ``None`` when there is none."""
    try:
        place = int(step)
    except ValueError:
        return None
    return place if -len(values) <= place < len(values) else None
