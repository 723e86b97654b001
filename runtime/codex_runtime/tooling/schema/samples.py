"""Makes messages from our own types: of each member, every form it can have.

May import the protocol's typed params and answers. The invariant: each literal, each member of a
union, and each optional member, absent and present, is in some sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from codex_runtime.protocol.answers import ANSWERS
from codex_runtime.protocol.lock.record import MethodKind
from codex_runtime.protocol.methods import CLIENT_METHODS
from codex_runtime.protocol.params import PARAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_runtime.protocol.lock.validators import LockValidators

_TEXT: Final = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
"""A text that is also the id of a thread."""


def judge_builders(validators: LockValidators) -> tuple[int, list[str]]:
    """Hold everything that our types can say to a lock.

    Args:
        validators: The lock's validators.

    Returns:
        How many messages were judged, and what is wrong with which.
    """
    judged, problems = 0, []
    for kind, method, part, value in our_messages():
        judged += 1
        problem = validators.problem(kind, method, value, part=part)
        if problem is not None:
            problems.append(f"our own {problem}")
    return judged, problems


def our_messages() -> Iterator[tuple[MethodKind, str, Any, Any]]:
    """Make params of every method that has typed ones, and answers to every server request.

    Yields:
        The kind, the method, ``params`` or ``result``, and the value.
    """
    for method, description in CLIENT_METHODS.items():
        if method in PARAMS:
            for sample in samples(PARAMS[method]):
                yield MethodKind.CLIENT_REQUEST, method, "params", sample
        elif description.params != "required":
            yield MethodKind.CLIENT_REQUEST, method, "params", None
    for method, answer in ANSWERS.items():
        for sample in samples(answer):
            yield MethodKind.SERVER_REQUEST, method, "result", sample


def samples(kind: Any) -> list[Any]:
    """Make values of a type, as they are on the wire.

    Args:
        kind: The type: a struct, or anything msgspec can describe.

    Returns:
        The values.
    """
    made = []
    for value in _samples(inspect.type_info(kind), ()):
        try:
            made.append(msgspec.to_builtins(msgspec.convert(value, kind)))
        except msgspec.ValidationError:
            # The type refuses it itself: nothing of ours can say this.
            continue
    return made


def _samples(info: inspect.Type, inside: tuple[type, ...]) -> list[Any]:
    match info:
        case inspect.StructType(cls=cls):
            return _structs(info, (*inside, cls))
        case inspect.UnionType(types=members):
            return [value for member in members for value in _samples(member, inside)]
        case inspect.LiteralType(values=values):
            return list(values)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return [[], *([value] for value in _samples(item, inside))]
        case inspect.DictType(value_type=item):
            return [{}, *({_TEXT: value} for value in _samples(item, inside))]
        case inspect.StrType():
            return [_TEXT]
        case inspect.BoolType():
            return [True, False]
        case inspect.IntType() | inspect.FloatType():
            return [1]
        case inspect.NoneType():
            return [None]
        case inspect.AnyType() | inspect.RawType():
            return [{}]
    raise TypeError(f"no sample of {info}")


def _structs(info: inspect.StructType, inside: tuple[type, ...]) -> list[Any]:
    tag = {} if info.tag_field is None else {info.tag_field: info.tag}
    values = {
        field.encode_name: _samples(field.type, inside)
        for field in info.fields
        # A type inside itself is sampled once.
        if not _repeats(field.type, inside)
    }
    required = {
        field.encode_name: values[field.encode_name][0] for field in info.fields if field.required
    }
    whole = {name: forms[0] for name, forms in values.items() if forms}
    return [
        tag | required,
        tag | whole,
        *(tag | required | {name: form} for name, forms in values.items() for form in forms),
    ]


def _repeats(info: inspect.Type, inside: tuple[type, ...]) -> bool:
    return isinstance(info, inspect.StructType) and info.cls in inside
