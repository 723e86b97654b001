"""The protocol lock: what the app-server's messages look like, committed with this package.

May import :mod:`codex_runtime.errors` and msgspec; the validators also ``jsonschema-rs`` and
``jsonschema`` (the extra ``schema``), when the first of them is made. The invariant: importing does
no IO, the lock is read when it is first asked for, and what was read is exactly what its manifest
vouches for. The folder ``schema`` beside this file is written by ``codex-runtime schema sync`` and
never by hand.
"""

from __future__ import annotations

from codex_runtime.protocol.lock.reading import packaged_lock, packaged_lock_folder, read_lock
from codex_runtime.protocol.lock.record import (
    FileRecord,
    Lock,
    Manifest,
    Method,
    MethodKind,
    Source,
)
from codex_runtime.protocol.lock.validators import LockValidators, SchemaProblem

__all__ = [
    "FileRecord",
    "Lock",
    "LockValidators",
    "Manifest",
    "Method",
    "MethodKind",
    "SchemaProblem",
    "Source",
    "packaged_lock",
    "packaged_lock_folder",
    "read_lock",
]
