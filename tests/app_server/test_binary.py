"""Where the codex binary is looked for, and what is said when it is not there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from codex_runtime.app_server.binary import codex_command, find_codex
from codex_runtime.errors import ConfigurationError


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "codex"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CODEX_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "codex_cli_bin", None)


@pytest.mark.usefixtures("_nothing_installed")
def test_the_argument_wins_over_the_environment(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_BIN", "/nowhere")
    assert find_codex(program) == program
    monkeypatch.setenv("CODEX_BIN", str(program))
    assert find_codex() == program


@pytest.mark.usefixtures("_nothing_installed")
def test_a_name_is_looked_up_on_the_path(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert find_codex("codex") == program
    assert find_codex() == program


@pytest.mark.usefixtures("_nothing_installed")
def test_no_binary_anywhere_says_where_it_was_looked_for() -> None:
    with pytest.raises(ConfigurationError, match="CODEX_BIN is not set") as caught:
        find_codex()
    assert caught.value.code == "E_CODEX_BINARY_MISSING"
    assert "codex-runtime[codex]" in caught.value.advice


@pytest.mark.parametrize("named", ["/nowhere/codex", "no-such-codex-on-the-path"])
def test_a_binary_that_is_not_there_is_named(named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        find_codex(named)
    assert caught.value.code == "E_CODEX_BINARY_MISSING"


def test_a_file_without_permission_and_a_folder_are_not_executable(
    program: Path, tmp_path: Path
) -> None:
    program.chmod(0o644)
    for path in (program, tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            find_codex(path)
        assert caught.value.code == "E_CODEX_BINARY_NOT_EXECUTABLE"


def test_the_installed_package_has_the_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODEX_BIN", raising=False)
    assert os.access(find_codex(), os.X_OK)


def test_the_command_carries_home_and_overrides(program: Path, tmp_path: Path) -> None:
    command = codex_command(
        program,
        codex_home=tmp_path,
        config={"model": '"gpt-5.5"'},
        env={"A": "b"},
        cwd=tmp_path,
    )
    assert command.argv == (str(program), "-c", 'model="gpt-5.5"', "app-server")
    assert command.env == {"A": "b", "CODEX_HOME": str(tmp_path)}
    assert command.cwd == str(tmp_path)


def test_a_home_that_is_no_folder_is_refused(program: Path, tmp_path: Path) -> None:
    for home in (tmp_path / "missing", program):
        with pytest.raises(ConfigurationError) as caught:
            codex_command(program, codex_home=home)
        assert caught.value.code == "E_CODEX_HOME_UNWRITABLE"


def test_a_home_that_cannot_be_written_is_refused(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        codex_command(program, codex_home=tmp_path)
    assert caught.value.code == "E_CODEX_HOME_UNWRITABLE"
