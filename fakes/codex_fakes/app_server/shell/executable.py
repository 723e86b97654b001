"""The command ``codex-simulated``: stands wherever a ``codex`` binary is expected.

May import the machine and its stdio shell at the top, and the rest when it is used: websockets for
a websocket, the readers of scripts and of the configuration for a file, the door for a control
socket. It takes codex's own command line (:mod:`.invocation`), keeps its state under
``CODEX_HOME``, and plays the script that ``CODEX_SIMULATED_SCRIPT`` names. The invariant: a start
that fails says why on stderr in one line, and has the exit code of the real binary.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.configuration.defaults import DEFAULTS
from codex_fakes.app_server.configuration.invocation import (
    EarlyExit,
    parse_command_line,
    start_failure,
)
from codex_fakes.app_server.machine import Machine
from codex_fakes.app_server.shell.script_place import ScriptPlace
from codex_fakes.app_server.shell.standard_io import QUIET_SECONDS, StandardIo
from codex_fakes.app_server.surroundings.clock import Ids, SystemClock
from codex_fakes.app_server.surroundings.files import DiskFiles
from codex_fakes.script.steps import Script
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codex_fakes.app_server.configuration.invocation import CommandLine
    from codex_fakes.app_server.configuration.settings import SimulatedSettings

SCRIPT: Final = "CODEX_SIMULATED_SCRIPT"
FAULTS: Final = "CODEX_SIMULATED_FAULTS"
CONTROL: Final = "CODEX_SIMULATED_CONTROL"

MISTAKE: Final = 3
"""Exit code when what is the simulation's own is wrong: its script, its faults, its door."""

DEFAULT_SOCKET: Final = "app-server-control/app-server-control.sock"
"""Where ``--listen unix://`` listens, below the home."""


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command.

    Args:
        arguments: The command line, without the program's name.
        environment: The variables of the environment.

    Returns:
        The exit code.
    """
    try:
        _serve(parse_command_line(arguments), environment)
    except EarlyExit as leaving:
        sys.stdout.write(leaving.out)
        sys.stderr.write(leaving.err)
        return leaving.code
    except CodexRuntimeError as error:
        # One line, whatever stands in the file it is about.
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        if error.advice:
            sys.stderr.write(f"{error.advice}\n")
        return MISTAKE
    return 0


def _serve(asked: CommandLine, environment: Mapping[str, str]) -> None:
    home = _home(environment)
    script = _script(environment)
    settings = _surrounded(_configured(home, asked), environment)
    for warning in settings.config_warnings:
        details = warning["details"]
        sys.stderr.write(f"ERROR codex_app_server: {warning['summary']} {details or ''}".rstrip())
        sys.stderr.write("\n")
    transport = asked.listen.transport
    if transport == "off":
        raise start_failure("no transport configured; use --listen or enable remote control")
    faults, control = environment.get(FAULTS, ""), environment.get(CONTROL)
    place = ScriptPlace(DiskFiles(), home, script)
    if transport == "stdio":
        _serve_stdio(home, place, settings, faults, control)
        return
    from codex_fakes.app_server.shell.websocket_executable import Surroundings, serve_websocket

    listen = asked.listen
    if transport == "unix" and not listen.path:
        listen = replace(listen, path=f"{home}/{DEFAULT_SOCKET}")
    serve_websocket(
        Surroundings(home, script, place, settings, faults, control, QUIET_SECONDS),
        listen,
        _token_digest(asked),
    )


def _serve_stdio(
    home: str,
    place: ScriptPlace,
    settings: SimulatedSettings,
    faults: str,
    control: str | None,
) -> None:
    clock = SystemClock()
    machine = Machine(settings, place.player, home, clock, Ids(clock, None), DiskFiles())
    faulty = None
    if faults:
        from codex_fakes.app_server.shell.fault_language import parse_faults
        from codex_fakes.app_server.shell.faults import FaultyConnection

        faulty = FaultyConnection(parse_faults(faults))
    shell = StandardIo(machine, place.gates, clock, faulty)
    if control is None:
        shell.serve()
    else:
        from codex_fakes.app_server.shell.door import ControlDoor

        shell.door = ControlDoor(control, place.gates, shell.watch)
        try:
            shell.serve()
        finally:
            shell.door.close()
    for problem in machine.problems:
        sys.stderr.write(f"{problem}\n")


# --- what is around it ----------------------------------------------------------------------------


def _home(environment: Mapping[str, str]) -> str:
    given = environment.get("CODEX_HOME")
    if given:
        if not os.path.isdir(given):
            raise start_failure(f'CODEX_HOME points to "{given}", but that path does not exist')
        return os.path.realpath(given)
    home = os.path.join(os.path.expanduser("~"), ".codex")
    os.makedirs(home, exist_ok=True)
    return os.path.realpath(home)


def _script(environment: Mapping[str, str]) -> Script:
    path = environment.get(SCRIPT)
    if not path:
        return Script(responses=(), otherwise="echo")
    from codex_fakes.app_server.shell.playable import check_playable
    from codex_fakes.script.files import load_script

    script = load_script(path)
    check_playable(script)
    return script


def _configured(home: str, asked: CommandLine) -> SimulatedSettings:
    path = os.path.join(home, "config.toml")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = None
    except (OSError, UnicodeDecodeError) as error:
        raise start_failure(f"failed to read {path}: {error}") from None
    if text is None and not asked.overrides:
        return replace(DEFAULTS, strict_config=asked.strict)
    from codex_fakes.app_server.configuration.config_toml import read_configuration

    return read_configuration(path, text, asked)


def _surrounded(settings: SimulatedSettings, environment: Mapping[str, str]) -> SimulatedSettings:
    """Complete the settings by what the machine is."""
    folders = environment.get("PATH", "").split(os.pathsep)
    system = os.uname()
    return replace(
        settings,
        cwd=os.getcwd(),
        user_agent_host=f"{_distribution()}; {system.machine}",
        user_agent_terminal=environment.get("TERM") or "unknown",
        server_name=system.nodename,
        bubblewrap_warning=not any(os.access(f"{folder}/bwrap", os.X_OK) for folder in folders),
    )


def _distribution() -> str:
    """The operating system with its version in three numbers, as the user agent names it."""
    facts: dict[str, str] = {}
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            for line in file:
                name, _, value = line.strip().partition("=")
                facts[name] = value.strip('"')
    except OSError:
        return "Unknown Linux Distribution Unknown"
    name = facts.get("ID", "linux").capitalize()
    version = [*facts.get("VERSION_ID", "0").split("."), "0", "0"][:3]
    return f"{name} {'.'.join(version)}"


def _token_digest(asked: CommandLine) -> str | None:
    if asked.token_file is None:
        return asked.token_sha256
    from codex_fakes.app_server.shell.listening import digest_of

    path = os.path.abspath(asked.token_file)
    try:
        with open(path, "rb") as file:
            token = file.read().strip()
    except OSError as error:
        raise start_failure(
            f"failed to read websocket auth secret {path}: {error.strerror} "
            f"(os error {error.errno})"
        ) from None
    if not token:
        raise start_failure(f"websocket auth secret {path} must not be empty")
    return digest_of(token)
