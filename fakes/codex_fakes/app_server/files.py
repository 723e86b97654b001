"""The files a server touches: its home and the folders that threads work in.

May import the standard library only. The invariant: an append is visible to every later read, and
a write is complete or did not happen; the machine reaches files through this port and no other way.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Where the machine keeps and finds files; paths are absolute."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, ``None`` when there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file, with the folders it is in."""

    def append(self, path: str, data: bytes) -> None:
        """Append to a file, with the folders it is in; flushed when it returns."""

    def remove(self, path: str) -> None:
        """Delete a file; harmless when there is none."""

    def below(self, folder: str, suffix: str) -> list[str]:
        """The files below a folder whose names end with a suffix, sorted."""


class DiskFiles:
    """Files on the disk."""

    def read(self, path: str) -> bytes | None:
        """See :meth:`Files.read`."""
        try:
            return Path(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, path: str, data: bytes) -> None:
        """See :meth:`Files.write`."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}.new")
        beside.write_bytes(data)
        beside.replace(target)

    def append(self, path: str, data: bytes) -> None:
        """See :meth:`Files.append`."""
        target = Path(path)
        try:
            stream = target.open("ab")
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            stream = target.open("ab")
        with stream:
            stream.write(data)

    def remove(self, path: str) -> None:
        """See :meth:`Files.remove`."""
        Path(path).unlink(missing_ok=True)

    def below(self, folder: str, suffix: str) -> list[str]:
        """See :meth:`Files.below`."""
        root = Path(folder)
        return sorted(str(path) for path in root.rglob(f"*{suffix}")) if root.is_dir() else []


class MemoryFiles:
    """Files in memory, for tests of the machine without a disk."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        """See :meth:`Files.read`."""
        return self.contents.get(path)

    def write(self, path: str, data: bytes) -> None:
        """See :meth:`Files.write`."""
        self.contents[path] = data

    def append(self, path: str, data: bytes) -> None:
        """See :meth:`Files.append`."""
        self.contents[path] = self.contents.get(path, b"") + data

    def remove(self, path: str) -> None:
        """See :meth:`Files.remove`."""
        self.contents.pop(path, None)

    def below(self, folder: str, suffix: str) -> list[str]:
        """See :meth:`Files.below`."""
        inside = folder.rstrip("/") + "/"
        return sorted(p for p in self.contents if p.startswith(inside) and p.endswith(suffix))
