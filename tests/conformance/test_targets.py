"""Targets: how they are written, and what they say when they cannot be used."""

from __future__ import annotations

import shlex
import sys

import pytest

from codex_conformance.cli import CAPABILITIES, HOST_CAPABILITIES
from codex_conformance.miniatures.door import MiniatureTarget
from codex_conformance.targets import process
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.door import Capability, StageSettings
from codex_conformance.targets.limited import LimitedTarget
from codex_conformance.targets.naming import parse_target
from codex_conformance.targets.process import ProcessTarget
from codex_conformance.targets.simulated import SimulatedTarget
from codex_fakes.script.steps import Script
from codex_runtime.errors import CodexRuntimeError

pytestmark = pytest.mark.anyio


def python(code):
    """A target that runs a little Python program."""
    return f"stdio:{shlex.join((sys.executable, '-c', code))}"


def executable(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def refusal_of(target):
    with pytest.raises(CodexRuntimeError) as caught:
        await target.preflight()
    return caught.value


def refusal_to_parse(text, workspace=None):
    with pytest.raises(CodexRuntimeError) as caught:
        parse_target(text, workspace)
    return caught.value


def test_each_kind_is_understood(tmp_path):
    binary = executable(tmp_path / "codex, mine", "exit 0")
    assert isinstance(parse_target("simulated"), SimulatedTarget)
    assert isinstance(parse_target(f"codex:path={binary}"), ProcessTarget)
    assert isinstance(parse_target(f"codex:path={binary},allow-any-version"), ProcessTarget)
    assert isinstance(parse_target("stdio:codex app-server"), ProcessTarget)
    assert isinstance(parse_target("miniature:wrong-turn-id"), MiniatureTarget)


def test_a_target_keeps_the_name_the_user_gave_it():
    for text in ("simulated", "stdio:codex  app-server", "miniature:wrong-turn-id"):
        assert parse_target(text).name == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no kind of target"),
        ("simulatd", "did you mean 'simulated'?"),
        ("simulated:fast", "takes stdio or ws"),
        ("simulated:ws,stdio", "cannot be had together"),
        ("codex:listen=tcp", "takes path=FILE"),
        ("codex:", "takes path=FILE"),
        ("codex:paht=/x", "takes path=FILE"),
        ("codex:path=", "takes path=FILE"),
        ("stdio", "takes a command line"),
        ("stdio: ", "takes a command line"),
        ("stdio:'open", "cannot be read"),
        ("miniature:wrong-turn-di", "did you mean 'wrong-turn-id'?"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_hint(text, says):
    refused = refusal_to_parse(text)
    assert refused.code == "E_CONFORMANCE_TARGET_INVALID"
    assert says in refused.text


def test_a_missing_binary_is_refused_before_anything_starts(tmp_path):
    refused = refusal_to_parse(f"codex:path={tmp_path / 'none'}")
    assert refused.code == "E_CODEX_BINARY_MISSING"


def test_a_file_that_is_no_program_is_refused(tmp_path):
    path = tmp_path / "codex"
    path.write_text("no program")
    assert refusal_to_parse(f"codex:path={path}").code == "E_CODEX_BINARY_NOT_EXECUTABLE"


@pytest.mark.parametrize("said", ["echo codex-cli 9.9.9", "echo hello", "exit 3"])
async def test_a_binary_of_another_version_is_refused(tmp_path, said):
    binary = executable(tmp_path / "codex", said)
    refused = await refusal_of(parse_target(f"codex:path={binary}", tmp_path))
    assert refused.code == "E_APP_SERVER_VERSION_UNSUPPORTED"
    assert "0.163.0" in refused.text
    assert "allow-any-version" in refused.advice


async def test_a_binary_that_does_not_tell_its_version_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PREFLIGHT_SECONDS", 0.05)
    binary = executable(tmp_path / "codex", "exec sleep 600")
    refused = await refusal_of(parse_target(f"codex:path={binary}", tmp_path))
    assert refused.code == "E_APP_SERVER_VERSION_UNSUPPORTED"
    assert "says 'nothing'" in refused.text


async def test_any_version_is_allowed_when_the_user_says_so(tmp_path):
    answer = '{"id":0,"result":{"userAgent":"conformance/9.9.9 (x)"}}'
    binary = executable(tmp_path / "codex", f"read line; echo '{answer}'; cat >/dev/null")
    target = parse_target(f"codex:path={binary},allow-any-version", tmp_path)
    assert await target.preflight() == "conformance/9.9.9 (x)"


async def test_a_command_that_does_not_exist_is_refused(tmp_path):
    refused = await refusal_of(parse_target(f"stdio:{tmp_path / 'none'} app-server", tmp_path))
    assert refused.code == "E_CODEX_BINARY_MISSING"


async def test_a_process_that_ends_at_once_is_reported_with_its_stderr(tmp_path):
    target = parse_target(python("raise SystemExit('no configuration')"), tmp_path)
    refused = await refusal_of(target)
    assert refused.code == "E_APP_SERVER_START_FAILED"
    assert "exit code 1" in refused.text
    assert "no configuration" in refused.stderr


async def test_a_process_that_says_nothing_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PREFLIGHT_SECONDS", 0.05)
    target = parse_target(python("import sys; sys.stdin.read()"), tmp_path)
    refused = await refusal_of(target)
    assert refused.code == "E_APP_SERVER_START_TIMEOUT"


async def test_a_process_that_writes_something_before_its_answer_is_reached(tmp_path):
    code = "print('hello'); input(); print('{\"id\":0,\"result\":{}}', flush=True); input()"
    found = await parse_target(python(code), tmp_path).preflight()
    assert found == "an app-server that does not name itself"


async def test_a_process_that_answers_something_else_is_shown_with_its_words(tmp_path):
    code = "print(input())"  # an echo has the id of the request, and is no answer to it
    refused = await refusal_of(parse_target(python(code), tmp_path))
    assert refused.code == "E_APP_SERVER_START_FAILED"
    assert 'begins: {"id":0,"method":"initialize"' in refused.text


@pytest.mark.parametrize("text", ["simulated", "stdio:true"])
async def test_a_workspace_that_cannot_be_written_is_refused(tmp_path, text):
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    refused = await refusal_of(parse_target(text, no_folder))
    assert refused.code == "E_CODEX_HOME_UNWRITABLE"
    assert "--workspace" in refused.advice


@pytest.mark.parametrize("text", ["simulated", python("import sys; sys.stdin.read()")])
async def test_a_venue_leaves_no_folder_behind(tmp_path, text):
    async with parse_target(text, tmp_path).open(Script(), StageSettings()) as venue:
        await venue.start()
        assert venue.folder.is_dir()
    assert list(tmp_path.iterdir()) == []


async def test_a_process_is_given_a_home_and_a_shell_without_the_users_dot_files(tmp_path):
    code = "import os; print(os.environ['CODEX_HOME'], os.environ['HOME'], os.getcwd())"
    async with parse_target(python(code), tmp_path).open(Script(), StageSettings()) as venue:
        door = await venue.start()
        written = b""
        while data := await door.receive():
            written += data
    home, user_home, folder = written.decode().split()
    assert home == user_home == str(venue.folder.parent / "home")
    assert folder == str(venue.folder)


async def test_what_a_process_writes_at_its_end_can_still_be_read(tmp_path):
    code = "import sys; sys.stdin.read(); print('x' * 300000); sys.exit(5)"
    async with parse_target(python(code), tmp_path).open(Script(), StageSettings()) as venue:
        door = await venue.start()
        ending = await door.finish()
        written = b""
        while data := await door.receive():
            written += data
    assert ending.exit_code == 5
    assert len(written) == 300_001


async def test_the_simulated_target_knows_when_nothing_more_comes(tmp_path):
    async with SimulatedTarget(tmp_path).open(Script(), StageSettings()) as venue:
        door = await venue.start()
        assert await door.receive() is None
        await door.send(b'{"id":1,"method":"thread/loaded/list","params":{}}\n')
        assert b"Not initialized" in (await door.receive())
        assert await door.receive() is None
        assert (await door.finish()).exit_code == 0
        assert await door.receive() == b""


def test_what_is_taken_away_from_a_target_is_undeclared(empty_target):
    limited = LimitedTarget(empty_target, frozenset({Capability.RESTART}))
    assert limited.capabilities == empty_target.capabilities - {Capability.RESTART}
    assert limited.name == empty_target.name


def test_the_command_line_offers_every_capability_to_take_away():
    assert set(CAPABILITIES) == {capability.value for capability in Capability}
    assert set(HOST_CAPABILITIES) == {capability.value for capability in HostCapability}
