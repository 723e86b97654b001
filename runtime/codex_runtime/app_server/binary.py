"""Where the codex binary is, and how it is started as an app-server.

May import the error catalogue. The invariant: a binary that cannot be started is said to be so
before anything is started, with a code and the way to get one.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

CODEX_BIN: Final = "CODEX_BIN"
"""The environment variable that names the binary where no argument does (spec 07 §9)."""

_PACKAGE: Final = "codex_cli_bin"


@dataclass(frozen=True, slots=True)
class AppServerCommand:
    """How an app-server is started.

    Attributes:
        argv: The command line.
        env: The whole environment of the process; ``None`` for this process's own.
        cwd: The folder it is started in; ``None`` for this process's own.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    cwd: str | None = None


def find_codex(codex_bin: str | Path | None = None) -> Path:
    """Find the codex binary.

    It is looked for where the argument says; else where the environment variable ``CODEX_BIN``
    says; else in the installed package ``openai-codex-cli-bin``; else on ``PATH``.

    Args:
        codex_bin: The binary, by path or by a name on ``PATH``.

    Returns:
        The binary's path.

    Raises:
        ConfigurationError: ``E_CODEX_BINARY_MISSING`` or ``E_CODEX_BINARY_NOT_EXECUTABLE``.
    """
    named = codex_bin if codex_bin is not None else os.environ.get(CODEX_BIN) or None
    if named is not None:
        return _executable(named)
    packaged = _packaged()
    if packaged is not None:
        return packaged
    found = shutil.which("codex")
    if found is None:
        raise ConfigurationError(
            "E_CODEX_BINARY_MISSING",
            f"there is no codex binary: no path was given, {CODEX_BIN} is not set, the package "
            "openai-codex-cli-bin is not installed, and there is no codex on PATH",
        )
    return Path(found)


def codex_command(
    codex_bin: str | Path | None = None,
    *,
    codex_home: str | Path | None = None,
    config: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
) -> AppServerCommand:
    """Say how the codex binary is started as an app-server on its stdio.

    Args:
        codex_bin: See :func:`find_codex`.
        codex_home: The folder Codex keeps its state in; ``None`` leaves it to the environment.
        config: Overrides of its configuration, as ``-c key=value`` would say them (values are
            TOML).
        env: The environment; ``None`` for this process's own.
        cwd: The folder it is started in.

    Returns:
        The command.

    Raises:
        ConfigurationError: As :func:`find_codex`; ``E_CODEX_HOME_UNWRITABLE`` when the folder does
            not exist or cannot be written.
    """
    binary = find_codex(codex_bin)
    overrides = [part for key, value in (config or {}).items() for part in ("-c", f"{key}={value}")]
    environment = dict(os.environ if env is None else env)
    if codex_home is not None:
        environment["CODEX_HOME"] = str(check_codex_home(codex_home))
    argv = (str(binary), *overrides, "app-server")
    return AppServerCommand(argv, environment, None if cwd is None else str(cwd))


def check_codex_home(codex_home: str | Path) -> Path:
    """Check the folder that Codex keeps its state in.

    Args:
        codex_home: The folder.

    Returns:
        Its path.

    Raises:
        ConfigurationError: ``E_CODEX_HOME_UNWRITABLE``.
    """
    path = Path(codex_home)
    if not path.is_dir():
        raise ConfigurationError(
            "E_CODEX_HOME_UNWRITABLE", f"CODEX_HOME {path} is not a folder that exists"
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigurationError("E_CODEX_HOME_UNWRITABLE", f"CODEX_HOME {path} cannot be written")
    return path


def _executable(named: str | Path) -> Path:
    path = Path(named)
    if not path.exists():
        found = shutil.which(str(named))
        if found is None:
            raise ConfigurationError(
                "E_CODEX_BINARY_MISSING", f"there is no codex binary at {str(named)!r}"
            )
        path = Path(found)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ConfigurationError(
            "E_CODEX_BINARY_NOT_EXECUTABLE", f"{str(path)!r} is not an executable file"
        )
    return path


def _packaged() -> Path | None:
    if find_spec(_PACKAGE) is None:
        return None
    try:
        return Path(import_module(_PACKAGE).bundled_codex_path())
    except FileNotFoundError as error:
        raise ConfigurationError(
            "E_CODEX_BINARY_MISSING", f"the package openai-codex-cli-bin is damaged: {error}"
        ) from None
