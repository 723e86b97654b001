"""Finds what has changed between two locks, method by method.

May import the lock's record, the shapes and the changes. The invariant: two locks that allow the
same messages have no changes, however they are worded; a difference in a type that several methods
share is reported once for each side that says it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.protocol.lock.record import REF_PREFIX, Lock, Method, MethodKind
from codex_runtime.tooling.schema.changes import Change, ChangeKind, Speaker
from codex_runtime.tooling.schema.shapes import ANY, alternatives, covers

if TYPE_CHECKING:
    from collections.abc import Mapping

INTEGER_RANGES: Final = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "uint": (0, 2**64 - 1),
    "int": (-(2**63), 2**63 - 1),
}
"""What the formats of integers mean."""

LOWER_BOUNDS: Final = ("minimum", "minLength", "minItems")
UPPER_BOUNDS: Final = ("maximum", "maxLength", "maxItems")
OTHER_LIMITS: Final = ("pattern", "uniqueItems", "format")

_SAYS: Final = {
    MethodKind.CLIENT_REQUEST: Speaker.CLIENT,
    MethodKind.CLIENT_NOTIFICATION: Speaker.CLIENT,
    MethodKind.SERVER_REQUEST: Speaker.SERVER,
    MethodKind.SERVER_NOTIFICATION: Speaker.SERVER,
}
_ANSWERS: Final = {Speaker.CLIENT: Speaker.SERVER, Speaker.SERVER: Speaker.CLIENT}


def compare_locks(old: Lock, new: Lock) -> list[Change]:
    """Find what has changed.

    Args:
        old: The lock that things are built on.
        new: The lock of another source.

    Returns:
        The changes, in the order of the old lock's methods; added methods last.
    """
    comparison = _Comparison(old.types, new.types)
    for kind, method in old.every():
        comparison.method(kind, method, new.named(kind, method.name))
    for kind, method in new.every():
        if old.named(kind, method.name) is None:
            comparison.report(ChangeKind.METHOD_ADDED, _SAYS[kind], method.name)
    return comparison.changes


@dataclass
class _Comparison:
    """The changes found so far, and the pairs of schemas that need no second look."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    changes: list[Change] = field(default_factory=list)
    seen: set[tuple[Speaker, str, str]] = field(default_factory=set)

    def report(self, kind: ChangeKind, speaker: Speaker, where: str, detail: str = "") -> None:
        self.changes.append(Change(kind, speaker, where, detail))

    def method(self, kind: MethodKind, old: Method, new: Method | None) -> None:
        speaker = _SAYS[kind]
        if new is None:
            self.report(ChangeKind.METHOD_REMOVED, speaker, old.name)
            return
        # A source may not tell what is experimental; then nothing is known to have changed.
        if (
            None not in (old.experimental, new.experimental)
            and old.experimental != new.experimental
        ):
            gate = ChangeKind.METHOD_GATED if new.experimental else ChangeKind.METHOD_RELEASED
            self.report(gate, speaker, old.name)
        self.objects(_envelope(old), _envelope(new), speaker, f"{old.name} ")
        if old.result is None:
            return
        answers = _ANSWERS[speaker]
        if new.result is None:
            detail = f"{old.result} is known no more as its result"
            self.report(ChangeKind.TYPE_NARROWED, answers, f"{old.name} result", detail)
            return
        self.schemas(_ref(old.result), _ref(new.result), answers, f"{old.name} result")

    def schemas(self, old: Any, new: Any, speaker: Speaker, where: str) -> None:
        pair = (speaker, json.dumps(old), json.dumps(new))
        if pair in self.seen:
            return
        self.seen.add(pair)
        self.default(old, new, speaker, where)
        before, after = alternatives(old, self.old), alternatives(new, self.new)
        pairs = _pairs(before, after)
        for key, partner in pairs.items():
            self.alternative(before[key], after[partner], speaker, where + _variant(key))
        # What an alternative that has come covers is not lost, and what one that has gone covered
        # is not gained: the widening or narrowing is told once, of the wider one.
        came = {key: form for key, form in after.items() if key not in pairs.values()}
        went = {key: form for key, form in before.items() if key not in pairs}
        for key in went:
            if not covers(came, key):
                self.report(_lost(key), speaker, where, _named(key))
        for key in came:
            if not covers(went, key):
                self.report(_gained(key, before), speaker, where, _named(key))

    def default(self, old: Any, new: Any, speaker: Speaker, where: str) -> None:
        def default_of(schema: Any) -> Any:
            return schema.get("default") if isinstance(schema, dict) else None

        before, after = default_of(old), default_of(new)
        # No default, and null as the default, are the same to a reader.
        if json.dumps(before) != json.dumps(after):
            detail = f"was {json.dumps(before)}, is {json.dumps(after)}"
            self.report(ChangeKind.DEFAULT_CHANGED, speaker, where, detail)

    def alternative(
        self, old: dict[str, Any], new: dict[str, Any], speaker: Speaker, where: str
    ) -> None:
        self.limits(old, new, speaker, where)
        kind = old.get("type")
        if kind == "array":
            self.schemas(old.get("items", True), new.get("items", True), speaker, f"{where}[]")
        elif kind == "object":
            self.objects(old, new, speaker, f"{where}.")
            self.schemas(
                old.get("additionalProperties", True),
                new.get("additionalProperties", True),
                speaker,
                f"{where}.*",
            )

    def objects(
        self, old: dict[str, Any], new: dict[str, Any], speaker: Speaker, where: str
    ) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            place = where + name
            if name not in after:
                self.report(ChangeKind.FIELD_REMOVED, speaker, place)
                continue
            needed, needs = name in old.get("required", ()), name in new.get("required", ())
            if needs and not needed:
                self.report(ChangeKind.FIELD_REQUIRED, speaker, place)
            elif needed and not needs:
                self.report(ChangeKind.FIELD_OPTIONAL, speaker, place)
            self.schemas(schema, after[name], speaker, place)
        for name in sorted(after.keys() - before.keys()):
            required = name in new.get("required", ())
            kind = ChangeKind.REQUIRED_FIELD_ADDED if required else ChangeKind.FIELD_ADDED
            self.report(kind, speaker, where + name)

    def limits(
        self, old: dict[str, Any], new: dict[str, Any], speaker: Speaker, where: str
    ) -> None:
        narrower: list[str] = []
        wider: list[str] = []
        for keyword in (*LOWER_BOUNDS, *UPPER_BOUNDS, *OTHER_LIMITS):
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            said = f"{keyword} was {before}, is {after}"
            (narrower if _narrows(keyword, before, after) else wider).append(said)
        if narrower:
            self.report(ChangeKind.TYPE_NARROWED, speaker, where, "; ".join(narrower))
        if wider:
            self.report(ChangeKind.TYPE_WIDENED, speaker, where, "; ".join(wider))


def _narrows(keyword: str, before: Any, after: Any) -> bool:
    if after is None:
        return False
    if before is None:
        return True
    if keyword in LOWER_BOUNDS or keyword in UPPER_BOUNDS:
        return bool(after > before) is (keyword in LOWER_BOUNDS)
    if before in INTEGER_RANGES and after in INTEGER_RANGES:
        (low, high), (new_low, new_high) = INTEGER_RANGES[before], INTEGER_RANGES[after]
        return bool(new_low > low or new_high < high)
    # Of two patterns or formats neither contains the other, so far as can be told.
    return True


def _envelope(method: Method) -> dict[str, Any]:
    """Write what a message of a method carries as an object."""
    # A method without params takes null, and takes them absent.
    params = {"type": "null"} if method.params is None else method.params
    required = ["params"] if method.params_required else []
    return {"properties": {"params": params}, "required": required}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": REF_PREFIX + name}


def _is_object(key: str) -> bool:
    return key == "object" or _is_variant(key)


def _is_variant(key: str) -> bool:
    return key.startswith("object ")


def _variant(key: str) -> str:
    return f"<{key.removeprefix('object ')}>" if _is_variant(key) else ""


def _named(key: str) -> str:
    return key.removeprefix("=") or key


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Find the alternative that each one has become; those that are gone have none."""
    pairs = {key: key for key in before if key in after}
    left = [key for key in before if key not in pairs and _is_object(key)]
    arrived = [key for key in after if key not in pairs and _is_object(key)]
    # A tag that takes one more value tags no more, and one that loses all but one begins to: the
    # same objects go by other keys, in the same order.
    if len(left) == len(arrived) and any(map(_all_untagged, (left, arrived))):
        pairs |= zip(left, arrived, strict=True)
    return pairs


def _all_untagged(keys: list[str]) -> bool:
    return all(key == "object" or key.startswith("object #") for key in keys)


def _lost(key: str) -> ChangeKind:
    if key.startswith("="):
        return ChangeKind.VALUE_REMOVED
    return ChangeKind.VARIANT_REMOVED if _is_variant(key) else ChangeKind.TYPE_NARROWED


def _gained(key: str, before: Mapping[str, Any]) -> ChangeKind:
    """Tell one more value or variant from a value where there was none of its kind."""
    if key.startswith("=") and any(other.startswith("=") for other in before):
        return ChangeKind.VALUE_ADDED
    if _is_variant(key) and any(_is_variant(other) or other == "object" for other in before):
        return ChangeKind.VARIANT_ADDED
    if key != ANY and _is_variant(key) and any(other.startswith("=") for other in before):
        # An enumeration whose new value carries data: serde writes it as an object.
        return ChangeKind.VARIANT_ADDED
    return ChangeKind.TYPE_WIDENED
