"""The files a server touches: its home and the folders that threads work in.

May import the standard library only. The invariant: an append is visible to every later read, and
a write is complete or did not happen; the machine reaches files through this port and no other way.
"""

from __future__ import annotations

import os
from contextlib import suppress
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

    def move(self, path: str, target: str) -> None:
        """Move a file that is there, with the folders the target is in."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""

    def below(self, folder: str, suffix: str) -> list[str]:
        """The files below a folder whose names end with a suffix, sorted."""

    def merge_base(self, folder: str, branch: str) -> str | None:
        """The commit that a repository's HEAD and a branch have in common, ``None`` for none."""


class DiskFiles:
    """Files on the disk."""

    def read(self, path: str) -> bytes | None:
        """See :meth:`Files.read`."""
        try:
            with open(path, "rb") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, path: str, data: bytes) -> None:
        """See :meth:`Files.write`."""
        folder, name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        beside = os.path.join(folder, f".{name}.{os.getpid()}.new")
        with open(beside, "wb") as stream:
            stream.write(data)
        os.replace(beside, path)

    def append(self, path: str, data: bytes) -> None:
        """See :meth:`Files.append`."""
        try:
            _append(path, data)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _append(path, data)

    def remove(self, path: str) -> None:
        """See :meth:`Files.remove`."""
        with suppress(FileNotFoundError):
            os.unlink(path)

    def move(self, path: str, target: str) -> None:
        """See :meth:`Files.move`."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(path, target)

    def is_folder(self, path: str) -> bool:
        """See :meth:`Files.is_folder`."""
        return os.path.isdir(path)

    def below(self, folder: str, suffix: str) -> list[str]:
        """See :meth:`Files.below`."""
        return sorted(
            os.path.join(where, name)
            for where, _, names in os.walk(folder)
            for name in names
            if name.endswith(suffix)
        )

    def merge_base(self, folder: str, branch: str) -> str | None:
        """See :meth:`Files.merge_base`; asks git, and gives ``None`` where there is no git."""
        import subprocess

        try:
            asked = subprocess.run(
                ("git", "-C", folder, "merge-base", "HEAD", branch),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError:
            return None
        return asked.stdout.decode().strip() or None


def _append(path: str, data: bytes) -> None:
    with open(path, "ab") as stream:
        stream.write(data)


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

    def move(self, path: str, target: str) -> None:
        """See :meth:`Files.move`."""
        self.contents[target] = self.contents.pop(path)

    def is_folder(self, path: str) -> bool:
        """See :meth:`Files.is_folder`."""
        inside = path.rstrip("/") + "/"
        return any(each.startswith(inside) for each in self.contents)

    def below(self, folder: str, suffix: str) -> list[str]:
        """See :meth:`Files.below`."""
        inside = folder.rstrip("/") + "/"
        return sorted(p for p in self.contents if p.startswith(inside) and p.endswith(suffix))

    def merge_base(self, folder: str, branch: str) -> str | None:
        """See :meth:`Files.merge_base`; there is no git in memory."""
        del folder, branch
        return None
