"""The file that a server's data outlives its process in: a snapshot, and every change since.

May import the standard library and the coded errors. The invariants: the file is replaced whole or
added to at its end, so that a process that is killed at any moment leaves a state of which at most
the change that was being written is missing; nobody has been told of that one.

The file begins with :data:`MAGIC`. Then come records: their length and their CRC-32, four bytes
each, and their bytes. The first one is the snapshot.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

MAGIC: Final = b"codex-fakes convex 1\n"
LEAST_LONG: Final = 1 << 20
"""Changes of fewer bytes are not worth a new snapshot."""

_HEAD: Final = struct.Struct("<II")


class Kept(NamedTuple):
    """What a file holds.

    Attributes:
        snapshot: The snapshot.
        changes: The changes since, in order.
    """

    snapshot: bytes
    changes: tuple[bytes, ...]


class StateFile:
    """A snapshot and the changes since, in a file.

    Args:
        file: Where it is, or will be.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None
        self._snapshot_bytes = 0
        self._change_bytes = 0

    @property
    def is_long(self) -> bool:
        """Whether the changes take more space than a new snapshot would."""
        return self._change_bytes > max(LEAST_LONG, self._snapshot_bytes)

    def read(self) -> Kept | None:
        """Read what is there.

        Returns:
            What the file holds, without a last change that was not written to its end; ``None``
            when there is no such file yet.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: it is there and cannot be read,
                or is something else.
        """
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from None
        if not data.startswith(MAGIC):
            raise self._unreadable("it is not a state of this fake")
        records = self._records(data)
        if not records:
            raise self._unreadable("it has no snapshot")
        return Kept(records[0], tuple(records[1:]))

    def start(self, snapshot: bytes) -> None:
        """Put a snapshot in the place of all that is there.

        Args:
            snapshot: The snapshot.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_STATE_UNWRITABLE``.
        """
        self.close()
        try:
            descriptor, name = tempfile.mkstemp(
                prefix=f".{self._file.name}.", dir=self._file.parent
            )
            try:
                with os.fdopen(descriptor, "wb") as out:
                    out.write(MAGIC + _record(snapshot))
                    out.flush()
                    os.fsync(out.fileno())
                os.replace(name, self._file)  # noqa: PTH105 - the temporary name is a text already
            except BaseException:
                os.unlink(name)  # noqa: PTH108 - likewise
                raise
            self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise self._unwritable(error) from None
        self._snapshot_bytes, self._change_bytes = len(snapshot), 0

    def append(self, change: bytes) -> None:
        """Add a change; :meth:`start` came before.

        Args:
            change: The change.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_STATE_UNWRITABLE``: it may be there in part; only
                :meth:`start` may follow.
        """
        assert self._descriptor is not None  # noqa: S101 - see above
        record = _record(change)
        rest = memoryview(record)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise self._unwritable(error) from None
        self._change_bytes += len(record)

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _records(self, data: bytes) -> list[bytes]:
        records: list[bytes] = []
        at = len(MAGIC)
        while at + _HEAD.size <= len(data):
            length, checksum = _HEAD.unpack_from(data, at)
            begin, at = at + _HEAD.size, at + _HEAD.size + length
            record = data[begin:at]
            if len(record) < length:
                break
            # A killed process leaves a record short, never wrong.
            if zlib.crc32(record) != checksum:
                raise self._unreadable(f"the record at byte {begin} is damaged")
            records.append(record)
        return records

    def _unreadable(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            "E_FAKE_CONVEX_SNAPSHOT_INVALID", f"cannot read {self._file}: {why}"
        )

    def _unwritable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            "E_FAKE_CONVEX_STATE_UNWRITABLE",
            f"cannot write {self._file}: {error.strerror or error}",
        )


def _record(data: bytes) -> bytes:
    return _HEAD.pack(len(data), zlib.crc32(data)) + data
