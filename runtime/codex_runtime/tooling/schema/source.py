"""Where a lock is made from: a folder of generated schemas, or the binary that generates them.

May import the lock's record and the error catalogue; reads files and starts the binary. The
invariant: a source that is returned is complete; each file that was read is in its record, with
its hash.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock.reading import file_record
from codex_runtime.protocol.lock.record import FileRecord, Source

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE: Final = "codex_app_server_protocol.schemas.json"
"""The JSON Schemas of all messages and types, experimental ones included."""

STABLE_BUNDLE: Final = f"stable/{BUNDLE}"
"""The same without what is experimental; where it is missing, what is experimental is not known."""

INDEXES: Final = ("index.ts", "v2/index.ts")
"""The files that name every TypeScript type there is."""

GENERATED_HEADER: Final = "// GENERATED CODE! DO NOT MODIFY BY HAND!"

GENERATION_TIMEOUT: Final = 120.0
"""Seconds one run of the generator may take."""

_EXPORT: Final = re.compile(r'export type \{ (\w+) \} from "\./([\w/]+)";')


@dataclass(frozen=True)
class SchemaSource:
    """A source that has been read.

    Attributes:
        folder: Where it was read from.
        ref: What it is called.
        bundle: The JSON Schemas, experimental ones included.
        stable: The JSON Schemas without what is experimental, when the source has them.
        exported: Every TypeScript type, by name, with the file that declares it.
    """

    folder: Path
    ref: str | None
    bundle: dict[str, Any]
    stable: dict[str, Any] | None
    exported: dict[str, str]
    _read: dict[str, FileRecord] = field(default_factory=dict, repr=False)

    def declaration(self, name: str) -> str:
        """Read the file that declares a TypeScript type.

        Args:
            name: The type, one of :attr:`exported`.

        Returns:
            Its text.

        Raises:
            ConfigurationError: ``E_SCHEMA_SOURCE_INCOMPLETE`` or ``E_SCHEMA_SOURCE_INVALID``.
        """
        return _typescript(self.folder, self.exported[name], self._read)

    def provenance(self) -> Source:
        """Say where the source comes from, and what has been read of it so far.

        Returns:
            The record for the lock's manifest.
        """
        return Source(self.ref, _git_head(self.folder), tuple(sorted(self._read.values())))


def read_source(folder: Path, ref: str | None = None) -> SchemaSource:
    """Read a folder of generated schemas.

    Args:
        folder: The folder; it must hold the bundle and both indexes.
        ref: What to call it.

    Returns:
        The source.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_INCOMPLETE`` or ``E_SCHEMA_SOURCE_INVALID``.
    """
    if not folder.is_dir():
        what = "is not a directory" if folder.exists() else "does not exist"
        raise _incomplete(f"Schema source {what}: {folder}")
    read: dict[str, FileRecord] = {}
    bundle = _bundle(folder, BUNDLE, read)
    stable = _bundle(folder, STABLE_BUNDLE, read) if (folder / STABLE_BUNDLE).exists() else None
    exported: dict[str, str] = {}
    for index in INDEXES:
        below = index.rpartition("/")[0]
        for name, path in _EXPORT.findall(_typescript(folder, index, read)):
            exported.setdefault(name, f"{below}/{path}.ts".lstrip("/"))
    return SchemaSource(folder, ref, bundle, stable, exported, read)


def generate_source(binary: Path, folder: Path, ref: str | None = None) -> SchemaSource:
    """Let the codex binary generate its schemas, and read them.

    Args:
        binary: The binary.
        folder: An empty folder to generate into.
        ref: What to call the source; the version the binary gives when left out.

    Returns:
        The source.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_FAILED``; as :func:`read_source`.
    """
    generate = ("app-server", "generate-json-schema", "--out")
    _run(binary, *generate, str(folder), "--experimental")
    _run(binary, "app-server", "generate-ts", "--out", str(folder), "--experimental")
    stable = folder / "stable"
    stable.mkdir()
    _run(binary, *generate, str(stable))
    return read_source(folder, ref or _run(binary, "--version").strip())


def _run(binary: Path, *arguments: str) -> str:
    command = f"{binary.name} {' '.join(arguments)}"
    try:
        done = subprocess.run(
            [binary, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GENERATION_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError("E_SCHEMA_SOURCE_FAILED", f"{command}: {error}") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise ConfigurationError(
            "E_SCHEMA_SOURCE_FAILED",
            f"{command} ended with exit code {done.returncode}: {said[0]}",
        )
    return done.stdout


def _content(folder: Path, path: str, read: dict[str, FileRecord]) -> str:
    try:
        content = (folder / path).read_bytes()
        text = content.decode()
    except OSError as error:
        raise _incomplete(
            f"Schema source is missing required file: {path} ({error.strerror})"
        ) from None
    except UnicodeDecodeError as error:
        raise _invalid(f"{path} is not UTF-8: {error.reason}") from None
    read[path] = file_record(path, content)
    return text


def _bundle(folder: Path, path: str, read: dict[str, FileRecord]) -> dict[str, Any]:
    try:
        bundle = json.loads(_content(folder, path, read))
    except (ValueError, RecursionError) as error:
        raise _invalid(f"{path} is not JSON: {error}") from None
    if not isinstance(bundle, dict) or not isinstance(bundle.get("definitions"), dict):
        raise _invalid(f"{path} has no definitions")
    return bundle


def _typescript(folder: Path, path: str, read: dict[str, FileRecord]) -> str:
    text = _content(folder, path, read)
    if not text.startswith(GENERATED_HEADER):
        raise _invalid(f"Schema files missing generated header: {path}")
    return text


def _git_head(folder: Path) -> str | None:
    """Name the commit a folder is at: provenance, where there happens to be any."""
    git = shutil.which("git")
    if git is None:
        return None
    asked = subprocess.run(
        [git, "-C", folder, "rev-parse", "HEAD"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=GENERATION_TIMEOUT,
        check=False,
    )
    return asked.stdout.strip() if asked.returncode == 0 else None


def _incomplete(text: str) -> ConfigurationError:
    return ConfigurationError("E_SCHEMA_SOURCE_INCOMPLETE", text)


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_SCHEMA_SOURCE_INVALID", text)
