"""Validates messages against the lock: fast for the verdict, slow for the reason.

May import the record and the reading; ``jsonschema-rs`` and ``jsonschema`` when a validator is
made. The invariant: the verdict is that of JSON Schema draft 7 without formats (numeric formats
are accepted without a look at the range, spec 07 §2), a validator is compiled when its method is
first seen, and a failure is explained in the same terms whichever library found it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from codex_runtime.errors import ConfigurationError, LocalProtocolError
from codex_runtime.protocol.lock.heads import decided_by_head
from codex_runtime.protocol.lock.reading import packaged_lock
from codex_runtime.protocol.lock.record import REF_PREFIX, Lock, MethodKind, closure
from codex_runtime.protocol.messages import Notification, Request

if TYPE_CHECKING:
    from collections.abc import Callable

Part = Literal["params", "result"]
"""Which part of an exchange: what is said, or what is answered to it."""

FOUND_CHARACTERS: Final = 120
"""How much of a value that does not fit is shown."""

_Said: TypeAlias = Notification | Request


class _Params(msgspec.Struct):
    """The one member of a line that is validated; absent params are ``None``, as null is."""

    params: Any = None


_PARAMS: Final = msgspec.json.Decoder(_Params)

_KINDS: Final[dict[type[_Said], MethodKind]] = {
    Notification: MethodKind.SERVER_NOTIFICATION,
    Request: MethodKind.SERVER_REQUEST,
}

_DRAFT_7: Final = "http://json-schema.org/draft-07/schema#"


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """Why a value does not fit.

    Attributes:
        place: What was looked at, such as ``params of turn/start``.
        path: Where in it, as a JSON pointer; empty for the whole.
        expected: What the schema asks for there, in words.
        found: The value that is there, as JSON, cut short.
    """

    place: str
    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.place}: {self.path or '/'}: expected {self.expected}, found {self.found}"


class LockValidators:
    """The validators of a lock, each compiled when it is first needed.

    Args:
        lock: The lock; the one of this package when left out.

    Raises:
        ConfigurationError: ``E_EXTRA_MISSING`` when ``jsonschema-rs`` is not installed; as
            :func:`codex_runtime.protocol.lock.reading.read_lock` when there is no lock.
    """

    def __init__(self, lock: Lock | None = None) -> None:
        self._lock = packaged_lock() if lock is None else lock
        self._compile = _imported("jsonschema_rs").Draft7Validator
        self._fits: dict[tuple[MethodKind, str, Part], Callable[[Any], bool]] = {}
        self._judges: dict[tuple[type[_Said], str], Callable[[_Said], bool]] = {}

    def fits(self, kind: MethodKind, method: str, value: Any, *, part: Part = "params") -> bool:
        """Say whether a value is what a method carries.

        Args:
            kind: The kind of the method.
            method: Its name.
            value: The params or the result, decoded; ``None`` for params that are absent.
            part: Which of the two it is.

        Returns:
            Whether it fits.

        Raises:
            LocalProtocolError: ``E_SCHEMA_METHOD_UNKNOWN``; also for the result of a notification.
        """
        return self._compiled(kind, method, part)(value)

    def fits_message(self, message: _Said) -> bool:
        """Say whether a message of the server carries what its method carries.

        Args:
            message: The message, as it was read.

        Returns:
            Whether it fits.

        Raises:
            LocalProtocolError: ``E_SCHEMA_METHOD_UNKNOWN``.
        """
        key = (type(message), message.method)
        judge = self._judges.get(key)
        if judge is None:
            judge = self._judges[key] = self._judge_of(*key)
        return judge(message)

    def _judge_of(self, sort: type[_Said], method: str) -> Callable[[_Said], bool]:
        kind = _KINDS[sort]
        from_head = decided_by_head(self.schema_of(kind, method))
        if from_head is not None:
            return lambda message: from_head(message.head)
        fits = self._compiled(kind, method, "params")
        return lambda message: fits(_PARAMS.decode(message.raw).params)

    def _compiled(self, kind: MethodKind, method: str, part: Part) -> Callable[[Any], bool]:
        key = (kind, method, part)
        fits = self._fits.get(key)
        if fits is None:
            fits = self._compile(self.schema_of(*key), validate_formats=False).is_valid
            self._fits[key] = fits
        return fits

    def problem(
        self, kind: MethodKind, method: str, value: Any, *, part: Part = "params"
    ) -> SchemaProblem | None:
        """Say why a value is not what a method carries.

        Args:
            kind: The kind of the method.
            method: Its name.
            value: The params or the result, decoded; ``None`` for params that are absent.
            part: Which of the two it is.

        Returns:
            ``None`` when it fits.

        Raises:
            LocalProtocolError: ``E_SCHEMA_METHOD_UNKNOWN``.
            ConfigurationError: ``E_EXTRA_MISSING`` when ``jsonschema`` is not installed.
        """
        if self.fits(kind, method, value, part=part):
            return None
        return explain(self.schema_of(kind, method, part), value, f"{part} of {method}")

    def schema_of(self, kind: MethodKind, method: str, part: Part = "params") -> dict[str, Any]:
        """Give the schema that a part of a method is held to, complete in itself.

        Args:
            kind: The kind of the method.
            method: Its name.
            part: Its params or its result.

        Returns:
            A JSON Schema of draft 7, with the definitions it needs and no others.

        Raises:
            LocalProtocolError: ``E_SCHEMA_METHOD_UNKNOWN``.
        """
        found = self._lock.named(kind, method)
        if found is None:
            raise LocalProtocolError(
                "E_SCHEMA_METHOD_UNKNOWN", f"the lock has no method {method!r} in {kind.value}"
            )
        if part == "result":
            if found.result is None:
                raise LocalProtocolError(
                    "E_SCHEMA_METHOD_UNKNOWN", f"the lock knows no result of {method!r}"
                )
            schema: Any = {"$ref": REF_PREFIX + found.result}
        elif found.params is None:
            # The server takes absent params, null and any object here (FACTS §4).
            schema = {"type": ["object", "null"]}
        elif found.params_required:
            schema = found.params
        else:
            schema = {"anyOf": [found.params, {"type": "null"}]}
        return {
            "$schema": _DRAFT_7,
            # In draft 7 a $ref makes its neighbours invisible, so it stands in a list of its own.
            "allOf": [schema],
            "definitions": closure(schema, self._lock.types),
        }


def explain(schema: dict[str, Any], value: Any, place: str) -> SchemaProblem | None:
    """Find the most telling reason why a value does not fit a schema.

    Args:
        schema: The schema, complete in itself.
        value: The value.
        place: What to call it.

    Returns:
        The reason; ``None`` when it fits.

    Raises:
        ConfigurationError: ``E_EXTRA_MISSING``.
    """
    jsonschema = _imported("jsonschema")
    error = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(schema).iter_errors(value))
    if error is None:
        return None
    path = "".join(f"/{_escaped(part)}" for part in error.absolute_path)
    return SchemaProblem(place, path, _expected(error), _excerpt(error.instance))


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _expected(error: Any) -> str:
    """Put what a failed keyword asks for into words."""
    wanted = error.validator_value
    match error.validator:
        case "type":
            return " or ".join([wanted] if isinstance(wanted, str) else wanted)
        case "enum":
            return "one of " + ", ".join(_excerpt(value) for value in wanted)
        case "required":
            missing = [name for name in wanted if name not in error.instance]
            return "the member " + ", ".join(missing)
        case "oneOf" | "anyOf":
            return (
                f"exactly one of {len(wanted)} forms"
                if error.validator == "oneOf"
                else (f"one of {len(wanted)} forms")
            )
        case "additionalProperties":
            return "no member besides those of the schema"
        case keyword:
            return f"{keyword} {_excerpt(wanted)}"


def _excerpt(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= FOUND_CHARACTERS else text[: FOUND_CHARACTERS - 1] + "…"


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise ConfigurationError(
            "E_EXTRA_MISSING",
            f"validating messages needs {module.replace('_', '-')}: "
            "pip install 'codex-runtime[schema]'",
        ) from None
