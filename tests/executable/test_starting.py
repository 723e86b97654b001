"""The command line, the configuration, and the starts that fail: as the real binary has them."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys

import pytest

from codex_fakes.app_server.configuration.invocation import EarlyExit, Listen, parse_command_line
from codex_fakes.app_server.configuration.known_fields import FEATURES

HELLO = {"clientInfo": {"name": "tester", "version": "1"}}
INITIALIZE = json.dumps({"id": 1, "method": "initialize", "params": HELLO}).encode() + b"\n"

CHAT = 'model_provider = "m"\n[model_providers.m]\nname="m"\nbase_url="http://x"\nwire_api="chat"'

FAILING = [
    # arguments, config.toml
    (("app-server", "--nope"), None),
    (("app-server", "--listen", "tcp://1.2.3.4:5"), None),
    (("app-server", "--listen", "ws://localhost:1"), None),
    (("app-server", "--listen", "ws://127.0.0.1:70000"), None),
    (("app-server", "--listen"), None),
    (("app-server", "--listen", "stdio://", "--listen", "off"), None),
    (("app-server", "--listen", "off"), None),
    (("app-server", "--stdio", "--listen", "ws://127.0.0.1:0"), None),
    (("app-server", "wat"), None),
    (("app-server", "--version"), None),
    (("app-server", "--listen", "ws://0.0.0.0:54321"), None),
    (("app-server", "--listen", "ws://127.0.0.1:0", "--ws-auth", "zz"), None),
    (("app-server", "--listen", "ws://127.0.0.1:0", "--ws-auth", "capability-token"), None),
    (("app-server", "--listen", "ws://127.0.0.1:0", "--ws-token-sha256", "a" * 64), None),
    (
        (
            "app-server",
            "--listen",
            "ws://127.0.0.1:0",
            "--ws-auth",
            "capability-token",
            "--ws-token-sha256",
            "zz",
        ),
        None,
    ),
    (
        (
            "app-server",
            "--listen",
            "ws://127.0.0.1:0",
            "--ws-auth",
            "capability-token",
            "--ws-token-file",
            "/there/is/none",
        ),
        None,
    ),
    (
        (
            "app-server",
            "--listen",
            "ws://127.0.0.1:0",
            "--ws-auth",
            "capability-token",
            "--ws-token-file",
            "/x",
            "--ws-token-sha256",
            "a" * 64,
        ),
        None,
    ),
    (("-c", "noequals", "app-server"), None),
    (("-c", "approval_policy=untrusted", "app-server"), None),
    (("-c", "no_such_key=1", "app-server", "--strict-config"), None),
    (("--enable", "nonsense", "app-server"), None),
    (("app-server",), 'approval_policy = "untrusted"'),
    (("app-server", "--strict-config"), "no_such_key = 1"),
]

WARNED = {
    "a wrong type": "approval_policy = 5",
    "an unknown policy": 'approval_policy = "bogus"',
    "an unknown sandbox": 'model = "x"\nsandbox_mode = "bogus"',
    "an unknown field": "no_such_key = 1",
    "unknown fields": 'no_such_key = 1\n[model_providers.x]\nname = "x"\nfoo = 1\n',
    "an unknown provider": 'model_provider = "nope"',
    "a wire that is no more": CHAT,
}


def complaint(stderr):
    """What an end says: the line that begins with error, in any case."""
    lines = stderr.decode().splitlines()
    return [line for line in lines if line.lower().startswith("error:")]


@pytest.mark.real
@pytest.mark.parametrize(("arguments", "config"), FAILING, ids=lambda v: " ".join(v or ("-",)))
def test_a_failing_start_has_the_exit_code_and_the_words_of_the_real_one(
    simulated, real, arguments, config
):
    if config is not None:
        (simulated.home / "config.toml").write_text(config)
    theirs, ours = real.run(*arguments), simulated.run(*arguments)
    assert ours.returncode == theirs.returncode
    assert ours.returncode in {1, 2}
    assert complaint(ours.stderr) == complaint(theirs.stderr)
    assert ours.stdout == theirs.stdout == b""


@pytest.mark.real
def test_a_home_that_is_not_there_fails_the_start_as_the_real_one(simulated, real):
    shutil.rmtree(simulated.home)
    theirs, ours = real.run("app-server"), simulated.run("app-server")
    assert (ours.returncode, complaint(ours.stderr)) == (1, complaint(theirs.stderr))


@pytest.mark.real
def test_the_version_is_that_of_the_real_one(simulated, real):
    assert simulated.run("--version").stdout == real.run("--version").stdout
    assert simulated.run("-V").stdout == real.run("-V").stdout


def config_warnings(codex, *arguments):
    """The configWarning of a start, without the one about bubblewrap."""
    process = codex.popen(*arguments, "app-server")
    try:
        process.stdin.write(INITIALIZE)
        process.stdin.flush()
        said = []
        for line in process.stdout:
            said.append(json.loads(line))
            if said[-1].get("method") == "remoteControl/status/changed":
                break
    finally:
        process.communicate(timeout=20)
    assert process.returncode == 0
    warnings = [m["params"] for m in said if m.get("method") == "configWarning"]
    return [each for each in warnings if "bubblewrap" not in each["summary"]]


@pytest.mark.real
@pytest.mark.parametrize("config", WARNED.values(), ids=WARNED)
def test_a_configuration_that_is_wrong_is_told_as_the_real_one_tells_it(simulated, real, config):
    (simulated.home / "config.toml").write_text(config)
    ours = config_warnings(simulated)
    assert len(ours) == 1
    assert ours == config_warnings(real)


@pytest.mark.real
def test_an_override_that_is_unknown_is_told_as_the_real_one_tells_it(simulated, real):
    ours = config_warnings(simulated, "-c", "no_such_key=1")
    assert len(ours) == 1
    assert ours == config_warnings(real, "-c", "no_such_key=1")


@pytest.mark.real
def test_what_is_no_toml_is_told_with_its_place(simulated, real):
    (simulated.home / "config.toml").write_text("this is = = not toml")
    [theirs], [ours] = config_warnings(real), config_warnings(simulated)
    assert ours["summary"] == theirs["summary"]
    assert (ours["path"], ours["range"]) == (theirs["path"], theirs["range"])
    # The words are those of another parser.
    assert ours["details"].startswith(f"{simulated.home}/config.toml:1:6: ")


@pytest.mark.real
def test_the_features_are_those_that_the_binary_lists(real):
    listed = real.run("features", "list").stdout.decode().splitlines()
    assert {line.split()[0] for line in listed if line.strip()} == FEATURES


# --- without the real binary ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "listen"),
    [
        (["app-server"], Listen()),
        (["app-server", "--stdio"], Listen()),
        (["app-server", "--listen", "stdio://"], Listen()),
        (["app-server", "--listen=off"], Listen("off")),
        (["app-server", "--listen", "ws://127.0.0.1:0"], Listen("websocket", "127.0.0.1", 0)),
        (["app-server", "--listen", "ws://[::1]:8080"], Listen("websocket", "::1", 8080)),
        (["app-server", "--listen", "unix:///s"], Listen("unix", path="/s")),
        (["app-server", "--listen", "unix://"], Listen("unix")),
    ],
)
def test_where_to_listen_is_understood(arguments, listen):
    assert parse_command_line(arguments).listen == listen


def test_overrides_come_in_their_order_from_before_and_behind_the_subcommand():
    arguments = ["-c", "a=1", "--enable", "f", "app-server", "--config=b=2", "--disable", "g"]
    found = parse_command_line([*arguments, "-cc=3"])
    assert found.overrides == ["a=1", "features.f=true", "b=2", "features.g=false", "c=3"]
    assert found.features == ["f", "g"]


def test_a_subcommand_that_is_not_simulated_says_so():
    with pytest.raises(EarlyExit) as refused:
        parse_command_line(["exec", "hello"])
    assert refused.value.code == 2
    assert "E_FAKE_NOT_SIMULATED" in refused.value.err


def test_a_token_cannot_be_signed():
    with pytest.raises(EarlyExit) as refused:
        parse_command_line(["app-server", "--ws-auth", "signed-bearer-token"])
    assert refused.value.code == 2
    assert "E_FAKE_NOT_SIMULATED" in refused.value.err


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("CODEX_SIMULATED_SCRIPT", "/there/is/none.json", "E_SCRIPT_FILE_UNREADABLE"),
        ("CODEX_SIMULATED_FAULTS", "explode", "E_FAKE_FAULT_UNKNOWN"),
        ("CODEX_SIMULATED_CONTROL", "/there/is/no/folder.sock", "E_FAKE_SOCKET_UNUSABLE"),
    ],
)
@pytest.mark.parametrize("listen", ["stdio://", "ws://127.0.0.1:0"])
def test_a_mistake_of_the_simulation_s_own_is_one_coded_line(
    simulated, variable, value, code, listen
):
    simulated.extra[variable] = value
    ended = simulated.run("app-server", "--listen", listen)
    assert (ended.returncode, ended.stdout) == (3, b"")
    first, advice = ended.stderr.decode().splitlines()
    assert first.startswith(f"[{code}] ")
    assert advice


def test_a_start_imports_neither_asyncio_nor_what_is_not_used(simulated):
    program = (
        "import sys\n"
        "from codex_fakes.app_server.__main__ import _import_msgspec\n"
        "_import_msgspec()\n"
        "import codex_fakes.app_server.shell.executable\n"
        "print(sorted({'asyncio', 'websockets', 'yaml', 'tomllib', 'pathlib', 'click',"
        " 'typing_extensions', 'codex_fakes.app_server.turns.engine'} & set(sys.modules)))\n"
    )
    simulated.binary.write_text(f"{simulated.binary.read_text().splitlines()[0]}\n{program}")
    assert simulated.run().stdout == b"[]\n"


def test_the_console_script_is_declared():
    import tomllib
    from pathlib import Path

    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    assert scripts["codex-simulated"] == "codex_fakes.app_server.__main__:main"


@pytest.mark.parametrize("package", ["codex_fakes.app_server", "codex_fakes.script"])
def test_a_package_has_its_public_names_and_imports_them_when_they_are_used(package):
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)
    program = (
        f"import sys, {package}\n"
        f"print([name for name in sys.modules if name.startswith('{package}.')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert shown.stdout == b"[]\n"
