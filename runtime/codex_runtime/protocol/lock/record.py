"""What a protocol lock is: its methods, its types, and the manifest that vouches for its files.

May import msgspec. The invariant: every ``$ref`` in a lock names a type of the same lock, and every
type is reached from some method.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST_NAME: Final = ".schema-manifest.json"
"""The file that names the others, with their hashes (spec 07 §7)."""

METHODS_NAME: Final = "methods.json"
"""The file of the methods, in the order in which the server lists them."""

TYPES_NAME: Final = "types.json"
"""The file of the types, by name."""

MANIFEST_VERSION: Final = 1

REF_PREFIX: Final = "#/definitions/"

JsonSchema = Any
"""A JSON Schema of draft 7, as plain values."""


class MethodKind(Enum):
    """Who sends a method, and whether it is answered. The value is its group in the lock."""

    CLIENT_REQUEST = "clientRequests"
    CLIENT_NOTIFICATION = "clientNotifications"
    SERVER_REQUEST = "serverRequests"
    SERVER_NOTIFICATION = "serverNotifications"

    @property
    def answered(self) -> bool:
        """Whether the other side answers it."""
        return self in (MethodKind.CLIENT_REQUEST, MethodKind.SERVER_REQUEST)


class Method(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One method.

    Attributes:
        name: Its name.
        params: The schema of its params; ``None`` when it has none.
        params_required: Whether the key ``params`` must be there.
        result: The name of the type of its result; ``None`` for a notification, or when the source
            does not tell.
        experimental: Whether it needs the ``experimentalApi`` capability; ``None`` when the source
            does not tell.
    """

    name: str
    params: JsonSchema = None
    params_required: bool = False
    result: str | None = None
    experimental: bool | None = None


class Lock(msgspec.Struct, frozen=True):
    """A protocol lock.

    Attributes:
        methods: The methods of each kind, in the server's order.
        types: The types, by name, as JSON Schemas whose ``$ref`` are ``#/definitions/NAME``.
    """

    methods: Mapping[MethodKind, tuple[Method, ...]]
    types: Mapping[str, JsonSchema]

    def every(self) -> Iterator[tuple[MethodKind, Method]]:
        """Go through all methods.

        Yields:
            Each method with its kind.
        """
        for kind in MethodKind:
            for method in self.methods.get(kind, ()):
                yield kind, method

    def named(self, kind: MethodKind, name: str) -> Method | None:
        """Look a method up.

        Args:
            kind: Its kind.
            name: Its name.

        Returns:
            The method, or ``None``.
        """
        return next((m for m in self.methods.get(kind, ()) if m.name == name), None)


class FileRecord(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """What a manifest says about one file.

    Attributes:
        path: Its path below the folder, with ``/``.
        sha256: The hash of its bytes, in hexadecimal.
        size: How many bytes it has.
    """

    path: str
    sha256: str
    size: int


class Source(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where a lock comes from.

    Attributes:
        ref: What the source is called: a release, a tag.
        git_head: The commit the source folder was at, when it is a git checkout.
        files: The files the lock was made from.
    """

    ref: str | None
    git_head: str | None
    files: tuple[FileRecord, ...]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest of a lock.

    Attributes:
        version: The version of the manifest's own form.
        source: Where the lock comes from.
        files: The files of the lock, by path; the manifest itself is not among them.
    """

    version: int
    source: Source
    files: tuple[FileRecord, ...]


def refs_in(schema: JsonSchema) -> Iterator[str]:
    """Find the types a schema mentions.

    Args:
        schema: The schema.

    Yields:
        The name of each type, as often as it is mentioned.
    """
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        if isinstance(ref, str):
            yield ref.removeprefix(REF_PREFIX)
        for value in schema.values():
            yield from refs_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from refs_in(value)


def closure(schema: JsonSchema, types: Mapping[str, JsonSchema]) -> dict[str, JsonSchema]:
    """Find all that a schema needs.

    Args:
        schema: The schema.
        types: All types there are.

    Returns:
        The types it mentions, the types those mention, and so on.

    Raises:
        KeyError: A type is mentioned that does not exist; the argument is its name.
    """
    found: dict[str, JsonSchema] = {}
    waiting = list(refs_in(schema))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = types[name]
            waiting.extend(refs_in(types[name]))
    return found
