"""Patches: what fits is applied as a whole, what does not changes nothing."""

from __future__ import annotations

import pytest

from codex_fakes.app_server.surroundings.files import MemoryFiles
from codex_fakes.app_server.tools.patches import PatchInvalid, TurnDiff, changes_of


@pytest.fixture
def files():
    memory = MemoryFiles()
    memory.write("/w/a.txt", b"one\ntwo\nthree\n")
    return memory


def patch(*lines):
    return "\n".join(("*** Begin Patch", *lines, "*** End Patch"))


def apply(files, *lines, cwd="/w"):
    changes = changes_of(patch(*lines), cwd, files)
    diff = TurnDiff(files, cwd)
    for change in changes:
        diff.about_to_change(change)
        change.apply(files)
        diff.changed(change)
    return changes, diff.text()


def test_an_added_file_has_the_lines_of_the_patch(files):
    apply(files, "*** Add File: b/c.txt", "+x", "+y")
    assert files.read("/w/b/c.txt") == b"x\ny\n"


def test_an_updated_file_is_changed_where_the_hunk_fits(files):
    apply(files, "*** Update File: a.txt", "@@ one", "-two", "+2", " three")
    assert files.read("/w/a.txt") == b"one\n2\nthree\n"


def test_hunks_are_found_one_behind_the_other(files):
    files.write("/w/a.txt", b"x\ny\nx\ny\n")
    apply(files, "*** Update File: a.txt", "@@", "-x", "+1", "@@", "-x", "+2")
    assert files.read("/w/a.txt") == b"1\ny\n2\ny\n"


def test_blanks_at_the_end_of_a_line_do_not_keep_a_hunk_from_fitting(files):
    files.write("/w/a.txt", b"one  \ntwo\n")
    apply(files, "*** Update File: a.txt", "@@", "-one", "+1")
    assert files.read("/w/a.txt") == b"1\ntwo\n"


def test_a_hunk_at_the_end_of_the_file_fits_there(files):
    files.write("/w/a.txt", b"x\ny\nx\n")
    apply(files, "*** Update File: a.txt", "@@", "-x", "+z", "*** End of File")
    assert files.read("/w/a.txt") == b"x\ny\nz\n"


def test_a_deleted_file_is_gone(files):
    changes, diff = apply(files, "*** Delete File: a.txt")
    assert files.read("/w/a.txt") is None
    assert changes[0].on_wire()["diff"] == "one\ntwo\nthree\n"
    assert "deleted file mode 100644" in diff


def test_a_moved_file_is_shown_with_both_names(files):
    changes, diff = apply(files, "*** Update File: a.txt", "*** Move to: b.txt", "@@", "-one", "+1")
    assert files.read("/w/a.txt") is None
    assert files.read("/w/b.txt") == b"1\ntwo\nthree\n"
    assert changes[0].on_wire()["diff"].endswith("\n\nMoved to: /w/b.txt")
    assert diff.startswith("diff --git a/a.txt b/b.txt\nindex ")


def test_a_file_that_a_turn_adds_and_deletes_is_no_difference(files):
    diff = TurnDiff(files, "/w")
    for lines in (("*** Add File: n", "+x"), ("*** Delete File: n",)):
        for change in changes_of(patch(*lines), "/w", files):
            diff.about_to_change(change)
            change.apply(files)
            diff.changed(change)
    assert diff.text() == ""


def test_paths_are_shown_from_the_root_of_the_repository(files):
    files.write("/w/.git/HEAD", b"ref: refs/heads/main\n")
    _, diff = apply(files, "*** Add File: n.txt", "+x", cwd="/w/sub")
    assert diff.startswith("diff --git a/sub/n.txt b/sub/n.txt\n")


def test_the_names_of_contents_are_gits(files):
    _, diff = apply(files, "*** Add File: new.txt", "+line one", "+line two")
    zeros = "0" * 40
    assert f"index {zeros}..e5c5c5583f49a34e86ce622b59363df99e09d4c6\n" in diff


@pytest.mark.parametrize(
    "lines",
    [
        ("*** Update File: nope.txt", "@@", "-x", "+y"),
        ("*** Update File: a.txt", "@@", "-nothing like it", "+y"),
        ("*** Update File: a.txt",),
        ("*** Delete File: nope.txt",),
        ("*** Add File: b.txt", "no plus"),
        ("what is this",),
        (),
    ],
)
def test_what_does_not_fit_changes_nothing(files, lines):
    before = dict(files.contents)
    with pytest.raises(PatchInvalid):
        changes_of(patch(*lines), "/w", files)
    assert files.contents == before


def test_a_patch_with_one_hunk_that_does_not_fit_changes_nothing(files):
    before = dict(files.contents)
    with pytest.raises(PatchInvalid):
        changes_of(patch("*** Add File: b.txt", "+x", "*** Delete File: nope.txt"), "/w", files)
    assert files.contents == before


def test_what_is_no_patch_is_refused(files):
    with pytest.raises(PatchInvalid):
        changes_of("not a patch", "/w", files)
