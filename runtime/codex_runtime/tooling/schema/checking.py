"""Decides whether a lock still describes a source.

May import the lock, the source, the normalising, the comparison and the writing. The invariant: a
lock that passes allows every message that the source allows, but for additions; a lock whose own
source is at hand must be, byte for byte, what that source gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock.reading import file_record, read_lock, read_manifest
from codex_runtime.tooling.schema.comparing import compare_locks
from codex_runtime.tooling.schema.normalising import make_lock
from codex_runtime.tooling.schema.writing import lock_files

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from codex_runtime.tooling.schema.changes import Change
    from codex_runtime.tooling.schema.source import SchemaSource


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a comparison of a lock with a source has found.

    Attributes:
        changes: What has changed.
        same_source: Whether it is the very source that the lock was made from.
        restated: Whether the source says the same in other words.
    """

    changes: tuple[Change, ...]
    same_source: bool
    restated: bool

    @property
    def broken(self) -> tuple[Change, ...]:
        """The changes that break what is built on the lock."""
        return tuple(change for change in self.changes if change.breaks)

    @property
    def additions(self) -> tuple[Change, ...]:
        """The changes that break nothing."""
        return tuple(change for change in self.changes if not change.breaks)


def check_source(folder: Traversable, source: SchemaSource) -> CheckReport:
    """Compare a lock with a source.

    Args:
        folder: The lock's folder.
        source: The source.

    Returns:
        What was found.

    Raises:
        ConfigurationError: As :func:`codex_runtime.protocol.lock.reading.read_lock` and
            :func:`codex_runtime.tooling.schema.normalising.make_lock`; ``E_SCHEMA_LOCK_EDITED``
            also when the lock is not what its own source gives.
    """
    lock, manifest = read_lock(folder), read_manifest(folder)
    new = make_lock(source)
    made = sorted(file_record(path, content) for path, content in lock_files(new).items())
    same_source = source.provenance().files == manifest.source.files
    same_files = made == sorted(manifest.files)
    if same_source and not same_files:
        said = "; ".join(map(str, compare_locks(lock, new))) or "it is worded otherwise"
        raise ConfigurationError(
            "E_SCHEMA_LOCK_EDITED",
            f"the lock in {folder} is not what its source gives: {said}",
        )
    changes = tuple(compare_locks(lock, new))
    return CheckReport(changes, same_source, restated=not changes and not same_files)
