"""What a thread tells of the git repository it works in.

May import nothing but the type of the files. Git itself is not run: its files are read, as far as
``gitInfo`` needs them. The invariant: a folder that is in no repository, or in one that cannot be
made sense of, gives ``None`` or members that are ``None``, and never an error.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from codex_fakes.app_server.surroundings.files import Files

_BRANCHES: Final = "ref: refs/heads/"
_ORIGIN: Final = re.compile(r'^\s*\[remote "origin"\]\s*$([^\[]*)', re.MULTILINE)
_URL: Final = re.compile(r"^\s*url\s*=\s*(.+?)\s*$", re.MULTILINE)


def git_info(files: Files, cwd: str) -> dict[str, Any] | None:
    """Look a folder's repository up.

    Args:
        files: The server's files.
        cwd: The folder.

    Returns:
        ``{sha, branch, originUrl}``, or ``None`` when the folder is in no repository.
    """
    found = _git_folder(files, cwd)
    if found is None:
        return None
    folder, head = found
    branch = head.removeprefix(_BRANCHES) if head.startswith(_BRANCHES) else None
    sha = head if branch is None else _sha(files, folder, f"refs/heads/{branch}")
    return {"sha": sha or None, "branch": branch, "originUrl": _origin(files, folder)}


def _git_folder(files: Files, cwd: str) -> tuple[str, str] | None:
    """The ``.git`` folder nearest to a folder, and what is in its HEAD."""
    folder = cwd
    while True:
        head = _text(files, f"{folder}/.git/HEAD")
        if head is not None:
            return f"{folder}/.git", head.strip()
        above = posixpath.dirname(folder)
        if above == folder:
            return None
        folder = above


def _sha(files: Files, folder: str, ref: str) -> str | None:
    loose = _text(files, f"{folder}/{ref}")
    if loose is not None:
        return loose.strip()
    for line in (_text(files, f"{folder}/packed-refs") or "").splitlines():
        sha, _, name = line.partition(" ")
        if name == ref:
            return sha
    return None


def _origin(files: Files, folder: str) -> str | None:
    section = _ORIGIN.search(_text(files, f"{folder}/config") or "")
    url = None if section is None else _URL.search(section.group(1))
    return None if url is None else url.group(1)


def _text(files: Files, path: str) -> str | None:
    data = files.read(path)
    return None if data is None else data.decode(errors="replace")
