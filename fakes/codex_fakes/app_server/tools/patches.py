"""Patches in Codex's format: reading them, applying them, and the diffs that are shown of them.

May import the files port. The invariant: a patch is either understood and fits the files it names,
or nothing at all is written.
"""

from __future__ import annotations

import difflib
import hashlib
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from codex_fakes.app_server.surroundings.files import Files

_BEGIN: Final = "*** Begin Patch"
_END: Final = "*** End Patch"
_ADD: Final = "*** Add File: "
_DELETE: Final = "*** Delete File: "
_UPDATE: Final = "*** Update File: "
_MOVE: Final = "*** Move to: "
_END_OF_FILE: Final = "*** End of File"
_HEREDOCS: Final = frozenset({"<<EOF", "<<'EOF'", '<<"EOF"'})
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−", "-"),  # noqa: RUF001 - these are what is meant
        **dict.fromkeys("‘’‚‛", "'"),  # noqa: RUF001
        **dict.fromkeys("“”„‟", '"'),
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007", " "),
        **dict.fromkeys("\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    }
)
"""Typographic dashes, quotes and blanks, and what stands for them on a keyboard."""
_NO_BLOB: Final = "0" * 40


class PatchInvalid(Exception):  # noqa: N818 - the patch is invalid; the program is fine
    """A patch cannot be read, or does not fit the files it names."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a patch does to one file.

    Attributes:
        path: The file, absolute.
        before: Its content; ``None`` when the patch adds it.
        after: Its content afterwards; ``None`` when the patch deletes it.
        move_to: Where the file goes, absolute.
    """

    path: str
    before: str | None
    after: str | None
    move_to: str | None = None

    @property
    def touched(self) -> tuple[str, ...]:
        """The files that change."""
        return (self.path,) if self.move_to is None else (self.path, self.move_to)

    def apply(self, files: Files) -> None:
        """Make the change."""
        if self.after is None:
            files.remove(self.path)
            return
        files.write(self.move_to or self.path, self.after.encode())
        if self.move_to is not None:
            files.remove(self.path)

    def on_wire(self) -> dict[str, Any]:
        """The change as a fileChange item shows it."""
        if self.before is None:
            return {"path": self.path, "kind": {"type": "add"}, "diff": self.after}
        if self.after is None:
            return {"path": self.path, "kind": {"type": "delete"}, "diff": self.before}
        diff = _hunks(self.before, self.after, around=1)
        if self.move_to is not None:
            diff += f"\n\nMoved to: {self.move_to}"
        return {
            "path": self.path,
            "kind": {"type": "update", "move_path": self.move_to},
            "diff": diff,
        }


def _hunks(before: str, after: str, *, around: int) -> str:
    """A unified diff without the file header, with some lines around each change."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), n=around
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in list(lines)[2:]
    )


def changes_of(patch: str, cwd: str, files: Files) -> list[Change]:
    """Read a patch and fit it to the files.

    Args:
        patch: The patch.
        cwd: The folder that its paths are relative to.
        files: The files.

    Returns:
        What it changes; nothing is written yet.

    Raises:
        PatchInvalid: It is no patch, or does not fit.
    """
    lines = _without_heredoc(patch.strip().split("\n"))
    if lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise PatchInvalid("the patch has no beginning or no end")
    body = lines[1:-1]
    changes: list[Change] = []
    at = 0
    while at < len(body):
        end = at + 1
        while end < len(body) and not _is_header(body[end]):
            end += 1
        changes.append(_change(body[at], body[at + 1 : end], cwd, files))
        at = end
    if not changes:
        raise PatchInvalid("the patch changes nothing")
    if len({change.path for change in changes}) < len(changes):
        raise PatchInvalid("the patch changes a file twice")
    return sorted(changes, key=lambda change: change.path)


def _without_heredoc(lines: list[str]) -> list[str]:
    """Take away what a shell would need around a patch, which models sometimes write."""
    if len(lines) >= 4 and lines[0] in _HEREDOCS and lines[-1].endswith("EOF"):
        return lines[1:-1]
    return lines


def _is_header(line: str) -> bool:
    return line.startswith((_ADD, _DELETE, _UPDATE))


def _change(header: str, body: list[str], cwd: str, files: Files) -> Change:
    if header.startswith(_ADD):
        path = _absolute(header.removeprefix(_ADD), cwd)
        if any(not line.startswith("+") for line in body):
            raise PatchInvalid("an added file has lines that do not start with +")
        return Change(path, None, "".join(f"{line[1:]}\n" for line in body))
    if header.startswith(_DELETE):
        path = _absolute(header.removeprefix(_DELETE), cwd)
        return Change(path, _content(path, files), None)
    if not header.startswith(_UPDATE):
        raise PatchInvalid(f"{header!r} is no header of a hunk")
    path = _absolute(header.removeprefix(_UPDATE), cwd)
    move_to = None
    if body and body[0].startswith(_MOVE):
        move_to = _absolute(body[0].removeprefix(_MOVE), cwd)
        body = body[1:]
    before = _content(path, files)
    return Change(path, before, _updated(before, body), move_to)


def _absolute(path: str, cwd: str) -> str:
    return posixpath.normpath(posixpath.join(cwd, path.strip()))


def _content(path: str, files: Files) -> str:
    data = files.read(path)
    if data is None:
        raise PatchInvalid(f"there is no file {path}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise PatchInvalid(f"{path} is not UTF-8") from error


def _updated(before: str, body: list[str]) -> str:
    """Apply the hunks of one file, each searched for behind the one before."""
    lines = before.split("\n")
    if lines[-1] == "":
        lines.pop()
    position = 0
    chunks = _chunks(body)
    if not chunks:
        raise PatchInvalid("an updated file has no hunk")
    for chunk in chunks:
        if chunk.context:
            position = _find(lines, [chunk.context], position, at_end=False) + 1
        old = chunk.old
        where = _find(lines, old, position, at_end=chunk.at_end) if old else len(lines)
        new = chunk.applied_to(lines[where : where + len(old)])
        lines[where : where + len(old)] = new
        position = where + len(new)
    return "".join(f"{line}\n" for line in lines)


@dataclass(slots=True)
class _Chunk:
    """One hunk: its lines with their signs, and where it is to be searched for."""

    context: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    at_end: bool = False

    @property
    def old(self) -> list[str]:
        """The lines that the file has to have."""
        return [text for sign, text in self.lines if sign != "+"]

    def applied_to(self, found: list[str]) -> list[str]:
        """The lines afterwards; what stays is as the file has it, not as the patch does."""
        rest = iter(found)
        after: list[str] = []
        for sign, text in self.lines:
            if sign == "+":
                after.append(text)
                continue
            here = next(rest)
            if sign == " ":
                after.append(here)
        return after


def _chunks(body: list[str]) -> list[_Chunk]:
    """Split the lines of an updated file into hunks."""
    chunks: list[_Chunk] = []
    for line in body:
        if line.startswith("@@"):
            chunks.append(_Chunk(line[2:].strip()))
            continue
        if not chunks:
            chunks.append(_Chunk())
        if line == _END_OF_FILE:
            chunks[-1].at_end = True
        elif not line or line[0] in "-+ ":
            chunks[-1].lines.append((line[:1] or " ", line[1:]))
        else:
            raise PatchInvalid(f"{line!r} is no line of a hunk")
    return chunks


def _find(lines: list[str], wanted: list[str], start: int, *, at_end: bool) -> int:
    """Find lines, exactly at first, then with more and more forgiveness."""
    last = len(lines) - len(wanted)
    places = [last] if at_end and last >= start else range(start, last + 1)
    for normal in (str, str.rstrip, str.strip, _plain):
        target = [normal(line) for line in wanted]
        for place in places:
            if [normal(line) for line in lines[place : place + len(wanted)]] == target:
                return place
    raise PatchInvalid("the hunk's lines are not in the file")


def _plain(line: str) -> str:
    return line.strip().translate(_PLAIN)


class TurnDiff:
    """The cumulative diff of a turn, in git's style.

    Paths are shown from the root of the git repository around ``cwd``, else from ``cwd``.

    Args:
        files: The files, read again each time the diff is asked for.
        cwd: The thread's folder.
    """

    def __init__(self, files: Files, cwd: str) -> None:
        self._files = files
        self._root = _repository_around(cwd, files) or cwd
        self._before: dict[str, str | None] = {}
        self._moved: dict[str, str] = {}

    def about_to_change(self, change: Change) -> None:
        """Remember what a file was before the turn first changed it."""
        for path in change.touched:
            if path not in self._before:
                self._before[path] = self._now(path)

    def changed(self, change: Change) -> None:
        """Remember where a file that the turn did not add went, until that is deleted."""
        if change.move_to is None:
            if change.after is None:
                self._moved = {o: to for o, to in self._moved.items() if to != change.path}
            return
        origin = next((o for o, to in self._moved.items() if to == change.path), change.path)
        # What is moved onto another file changes that one, and is gone itself.
        if self._before[origin] is not None and self._before[change.move_to] is None:
            self._moved[origin] = change.move_to

    def text(self) -> str:
        """The diff from before the turn to now."""
        arrived = set(self._moved.values())
        parts: list[str] = []
        for path, before in sorted(self._before.items()):
            target = self._moved.get(path, path)
            if target != path or path not in arrived:
                parts.append(self._file(path, target, before))
        return "".join(parts)

    def _file(self, path: str, target: str, before: str | None) -> str:
        after = self._now(target)
        if before == after:
            # Nothing has changed, or the file is only called something else.
            return ""
        old, new = self._shown(path), self._shown(target)
        head = [f"diff --git a/{old} b/{new}"]
        if before is None:
            head.append("new file mode 100644")
        elif after is None:
            head.append("deleted file mode 100644")
        head.append(f"index {_blob(before)}..{_blob(after)}")
        hunks = _hunks(before or "", after or "", around=3)
        if hunks:
            head.append("--- /dev/null" if before is None else f"--- a/{old}")
            head.append("+++ /dev/null" if after is None else f"+++ b/{new}")
        return "\n".join(head) + "\n" + hunks

    def _shown(self, path: str) -> str:
        return path.removeprefix(self._root.rstrip("/") + "/")

    def _now(self, path: str) -> str | None:
        data = self._files.read(path)
        return None if data is None else data.decode(errors="replace")


def _repository_around(folder: str, files: Files) -> str | None:
    """The root of the git repository a folder is in."""
    while True:
        inside = posixpath.join(folder, ".git")
        if files.read(inside) is not None or files.read(f"{inside}/HEAD") is not None:
            return folder
        parent = posixpath.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _blob(content: str | None) -> str:
    """The name git gives a file's content."""
    if content is None:
        return _NO_BLOB
    data = content.encode()
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()
