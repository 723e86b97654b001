"""From plain values (what JSON can say) to a script, and back.

May import the steps and their wording. The invariant: whatever the value, the outcome is a script
whose every field has its declared type, or an ``E_SCRIPT_INVALID`` that names response, step and
field; and :func:`as_plain` of a script reads back equal.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, get_args

import msgspec

from codex_fakes.script.steps import Option, Question, Response, Script, Step
from codex_fakes.script.wording import Place, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

STEP_TYPES: Final[Mapping[str, type[msgspec.Struct]]] = MappingProxyType(
    {str(kind.__struct_config__.tag): kind for kind in get_args(Step)}
)
"""Every step, by the name it has in a file."""

DEEPEST: Final = 64
"""How deep lists and mappings may be nested inside a step."""

Plain: TypeAlias = Any
"""What JSON can say: mappings with text keys, lists, texts, finite numbers, booleans, null."""

_S = TypeVar("_S", bound=msgspec.Struct)
_WHERE: Final = re.compile(r" - at `\$\.?(?P<field>.*)`$")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)


def read_script(value: Plain) -> Script:
    """Read a script from a plain value.

    Args:
        value: What a file says.

    Returns:
        The script. Only its types are checked here; see ``check_script`` for the rules.

    Raises:
        ConfigurationError: ``E_SCRIPT_INVALID``.
    """
    whole = Place()
    table = _table(value, whole, "a mapping with the field responses")
    rows = table.get("responses", [])
    frame = _struct({key: table[key] for key in table if key != "responses"}, Script, whole)
    responses = tuple(
        _read_response(row, Place(number))
        for number, row in enumerate(_list(rows, whole, "responses"), start=1)
    )
    return msgspec.structs.replace(frame, responses=responses)


def as_plain(value: object) -> Plain:
    """Say a script, or a part of one, as a plain value; defaults are left out.

    Args:
        value: A struct of the script language, or anything inside one.

    Returns:
        A mapping for a struct, a list for a tuple; everything else as it is.
    """
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        said: dict[str, Any] = {} if tag is None else {"do": tag}
        for field in msgspec.structs.fields(value):
            content = getattr(value, field.name)
            if not _is_default(content, field):
                said[field.name] = as_plain(content)
        return said
    if isinstance(value, (tuple, list)):
        return [as_plain(part) for part in value]
    return value


def _is_default(content: object, field: msgspec.structs.FieldInfo) -> bool:
    # Types are compared too: 0 == False, but a script that says False where a number belongs is
    # wrong and must not pass as the default 0.
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    else:
        default = field.default
    return type(content) is type(default) and bool(content == default)


def _read_response(value: Plain, place: Place) -> Response:
    table = _table(value, place, "a mapping with the field steps")
    frame = _struct({**table, "steps": []}, Response, place)
    if "steps" not in table:
        raise place.wrong("is missing", "steps")
    steps = tuple(
        _read_step(row, Place(place.response, number))
        for number, row in enumerate(_list(table["steps"], place, "steps"), start=1)
    )
    return msgspec.structs.replace(frame, steps=steps)


def _read_step(value: Plain, place: Place) -> Step:
    table = _table(value, place, "a mapping with the field do")
    do = table.get("do")
    if not isinstance(do, str):
        found = "is missing" if do is None else f"expected str, got {_kind(do)}"
        raise place.wrong(f"{found}; it says what the step does", "do")
    kind = STEP_TYPES.get(do)
    if kind is None:
        raise place.wrong(f"no step is called {do!r}{did_you_mean(do, STEP_TYPES)}", "do")
    step: Step = _struct(table, kind, Place(place.response, place.step, do))  # type: ignore[assignment]  # the table's types are exactly those of Step
    return step


def _struct(table: Mapping[str, Plain], kind: type[_S], place: Place) -> _S:
    for name, content in table.items():
        _check_text(name, place, name)
        _check_plain(content, place, name, 1)
    try:
        return msgspec.convert(dict(table), kind)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _WHERE.search(text)
        field = found["field"] if found else ""
        said = text[: found.start()] if found else text
        if unknown := _UNKNOWN.fullmatch(said):
            name = unknown["name"]
            raise place.wrong(
                f"there is no such field{did_you_mean(name, _known_fields(kind, field))}",
                f"{field}.{name}" if field else name,
            ) from None
        if missing := _MISSING.fullmatch(said):
            name = missing["name"]
            raise place.wrong("is missing", f"{field}.{name}" if field else name) from None
        said = said.replace("`", "")
        raise place.wrong(said[:1].lower() + said[1:], field) from None


def _known_fields(kind: type[msgspec.Struct], inside: str) -> tuple[str, ...]:
    if ".options[" in inside:
        return Option.__struct_fields__
    if inside.startswith("questions["):
        return Question.__struct_fields__
    return kind.__struct_fields__


def _table(value: Plain, place: Place, expected: str) -> dict[str, Plain]:
    if not isinstance(value, dict):
        raise place.wrong(f"expected {expected}, got {_kind(value)}")
    for key in value:
        if not isinstance(key, str):
            raise place.wrong(f"expected the name of a field, got the {_kind(key)} {key!r}")
    return value


def _list(value: Plain, place: Place, field: str) -> list[Plain]:
    if not isinstance(value, list):
        raise place.wrong(f"expected a list, got {_kind(value)}", field)
    return value


def _check_plain(value: Plain, place: Place, field: str, depth: int) -> None:
    if depth > DEEPEST:
        raise place.wrong(f"nested more than {DEEPEST} deep", field[:80])
    if isinstance(value, dict):
        for key, content in value.items():
            if not isinstance(key, str):
                raise place.wrong(f"expected a text as key, got {_kind(key)}", field)
            _check_text(key, place, field)
            _check_plain(content, place, f"{field}.{key}", depth + 1)
    elif isinstance(value, list):
        for number, content in enumerate(value):
            _check_plain(content, place, f"{field}[{number}]", depth + 1)
    elif isinstance(value, str):
        _check_text(value, place, field)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise place.wrong(f"expected a finite number, got {value}", field)
    elif value is not None and not isinstance(value, (bool, int)):
        raise place.wrong(f"JSON has no {_kind(value)}", field)


def _check_text(value: str, place: Place, field: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise place.wrong(
            f"character {error.start} is half of a surrogate pair, which UTF-8 cannot say",
            ascii(field)[1:-1],
        ) from None


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
