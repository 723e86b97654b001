"""Writes a lock: its two files and the manifest, as one step.

May import the lock's record, the layout and the error catalogue; writes files. The invariant: the
folder never holds half a lock: the new one is complete before it takes the old one's place, and
when that fails the old one is put back.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock.reading import file_record
from codex_runtime.protocol.lock.record import (
    MANIFEST_NAME,
    MANIFEST_VERSION,
    METHODS_NAME,
    TYPES_NAME,
    Manifest,
)
from codex_runtime.tooling.schema.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.protocol.lock.record import Lock, Method, Source


def lock_files(lock: Lock) -> dict[str, bytes]:
    """Write a lock as the text of its files.

    Args:
        lock: The lock.

    Returns:
        The bytes of each file, by its name; without the manifest.
    """
    methods = {
        kind.value: [_method(method) for method in group] for kind, group in lock.methods.items()
    }
    return {
        METHODS_NAME: lay_out(methods).encode(),
        TYPES_NAME: lay_out(dict(sorted(lock.types.items()))).encode(),
    }


def manifest_bytes(files: Mapping[str, bytes], source: Source) -> bytes:
    """Write the manifest that vouches for files.

    Args:
        files: The files, by name.
        source: Where they come from.

    Returns:
        Its text.
    """
    records = tuple(sorted(file_record(path, content) for path, content in files.items()))
    manifest = Manifest(MANIFEST_VERSION, source, records)
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def write_lock(target: Path, files: Mapping[str, bytes], source: Source) -> None:
    """Put a lock in the place of another.

    Args:
        target: The lock's folder; it is made when it does not exist.
        files: The lock's files, by name.
        source: Where they come from.

    Raises:
        ConfigurationError: ``E_SCHEMA_TARGET_INVALID``; the old lock is untouched.
    """
    target = target.absolute()
    foreign = _foreign_files(target)
    if foreign:
        # The folder is replaced as a whole: nobody's work may be in it.
        raise _refused(target, f"it holds what is no part of a lock: {', '.join(foreign)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _refused(target, str(error)) from None
    try:
        for name, content in files.items():
            (made / name).write_bytes(content)
        (made / MANIFEST_NAME).write_bytes(manifest_bytes(files, source))
        made.chmod(0o755)
        _swap(made, target)
    except OSError as error:
        raise _refused(target, str(error)) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _swap(made: Path, target: Path) -> None:
    """Put one folder in the place of another, and the other back when that fails."""
    if not target.exists():
        made.rename(target)
        return
    # A folder cannot be renamed onto one that is not empty: the old one steps aside first.
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    old = aside / target.name
    target.rename(old)
    try:
        made.rename(target)
    except OSError:
        old.rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _foreign_files(target: Path) -> list[str]:
    if not target.exists():
        return []
    if not target.is_dir():
        raise _refused(target, "it is not a folder")
    known = {MANIFEST_NAME, METHODS_NAME, TYPES_NAME}
    return sorted(entry.name for entry in os.scandir(target) if entry.name not in known)


def _method(method: Method) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(method)
    return plain


def _refused(target: Path, why: str) -> ConfigurationError:
    return ConfigurationError("E_SCHEMA_TARGET_INVALID", f"{target} cannot be replaced: {why}")
