"""Reads a lock: the one of this package, or one in a folder.

May import the record and the error catalogue; reads files, and only when called. The invariant: a
lock that is returned has passed its manifest, byte for byte.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock.record import (
    MANIFEST_NAME,
    MANIFEST_VERSION,
    METHODS_NAME,
    TYPES_NAME,
    FileRecord,
    Lock,
    Manifest,
    Method,
    MethodKind,
    closure,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_HEX_DIGITS: Final = 64


def packaged_lock_folder() -> Traversable:
    """Say where the lock of this package is.

    Returns:
        The folder.
    """
    return files("codex_runtime.protocol.lock") / "schema"


@cache
def packaged_lock() -> Lock:
    """Read the lock of this package, once.

    Returns:
        The lock.

    Raises:
        ConfigurationError: As :func:`read_lock`: the installation is damaged.
    """
    return read_lock(packaged_lock_folder())


def read_lock(folder: Traversable) -> Lock:
    """Read a lock.

    Args:
        folder: Its folder; a :class:`pathlib.Path` is one.

    Returns:
        The lock.

    Raises:
        ConfigurationError: ``E_SCHEMA_LOCK_MISSING``, ``E_SCHEMA_LOCK_INVALID``, or
            ``E_SCHEMA_LOCK_EDITED`` when a file is not the one the manifest names.
    """
    contents = _vouched_files(folder, read_manifest(folder))
    return parse_lock(contents[METHODS_NAME], contents[TYPES_NAME], where=str(folder))


def read_manifest(folder: Traversable) -> Manifest:
    """Read the manifest of a lock.

    Args:
        folder: The lock's folder.

    Returns:
        The manifest; what it says about the files is not looked into.

    Raises:
        ConfigurationError: ``E_SCHEMA_LOCK_MISSING`` or ``E_SCHEMA_LOCK_INVALID``.
    """
    place = folder / MANIFEST_NAME
    try:
        manifest = msgspec.json.decode(place.read_bytes(), type=Manifest)
    except OSError as error:
        raise ConfigurationError(
            "E_SCHEMA_LOCK_MISSING", f"Missing schema manifest at {place}: {error.strerror}"
        ) from None
    except msgspec.DecodeError as error:
        raise _invalid(f"the schema manifest {place} cannot be read: {error}") from None
    if manifest.version != MANIFEST_VERSION:
        raise _invalid(f"Unsupported schema manifest version: {manifest.version}")
    for record in (*manifest.files, *manifest.source.files):
        _check_record(record)
    missing = {METHODS_NAME, TYPES_NAME} - {record.path for record in manifest.files}
    if missing:
        raise _invalid(f"the schema manifest {place} does not name {', '.join(sorted(missing))}")
    return manifest


def parse_lock(methods: bytes, types: bytes, *, where: str) -> Lock:
    """Read a lock from the text of its files.

    Args:
        methods: The file of the methods.
        types: The file of the types.
        where: What to call it in an error.

    Returns:
        The lock.

    Raises:
        ConfigurationError: ``E_SCHEMA_LOCK_INVALID``.
    """
    try:
        groups = msgspec.json.decode(methods, type=dict[MethodKind, tuple[Method, ...]])
        lock = Lock(groups, msgspec.json.decode(types, type=dict[str, Any]))
        for _, method in lock.every():
            closure(_mentions(method), lock.types)
    except msgspec.DecodeError as error:
        raise _invalid(f"the lock in {where} cannot be read: {error}") from None
    except KeyError as error:
        raise _invalid(f"the lock in {where} mentions a type it does not have: {error}") from None
    return lock


def file_record(path: str, content: bytes) -> FileRecord:
    """Say what a manifest says about a file.

    Args:
        path: Its path below the folder.
        content: Its bytes.

    Returns:
        The record.
    """
    return FileRecord(path, sha256(content).hexdigest(), len(content))


def _mentions(method: Method) -> list[Any]:
    result = [] if method.result is None else [{"$ref": f"#/definitions/{method.result}"}]
    return [method.params, *result]


def _check_record(record: FileRecord) -> None:
    if not record.path or record.path.startswith("/") or ".." in record.path.split("/"):
        raise _invalid("Schema manifest file entry path must be a non-empty relative path.")
    if len(record.sha256) != _HEX_DIGITS:
        raise _invalid(f"Invalid sha256 in schema manifest for {record.path}")
    if record.size < 0:
        raise _invalid(f"Invalid size in schema manifest for {record.path}")


def _vouched_files(folder: Traversable, manifest: Manifest) -> dict[str, bytes]:
    named = {record.path: record for record in manifest.files}
    there = {
        entry.name for entry in folder.iterdir() if entry.is_file() and entry.name != MANIFEST_NAME
    }
    problems = [f"missing: {path}" for path in sorted(named.keys() - there)]
    problems += [f"added: {path}" for path in sorted(there - named.keys())]
    contents = {path: (folder / path).read_bytes() for path in sorted(named.keys() & there)}
    problems += [
        f"changed: {path}"
        for path, content in contents.items()
        if file_record(path, content) != named[path]
    ]
    if problems:
        raise ConfigurationError(
            "E_SCHEMA_LOCK_EDITED",
            f"Protocol schema drift detected in {folder}: {'; '.join(problems)}",
        )
    return contents


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_SCHEMA_LOCK_INVALID", text)
