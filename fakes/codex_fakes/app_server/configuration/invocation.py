"""Codex's own command line, as far as ``codex app-server`` goes: what is asked for, or refused.

May import the standard library, and the list of what is not simulated when that is asked for. It
reads no file and starts nothing. The invariant: an argument that the real binary takes here is
understood or refused by name, never ignored in silence; a refusal has the exit code and the wording
of the real one (FACTS §3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias

from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Transport: TypeAlias = Literal["stdio", "websocket", "unix", "off"]

START_FAILED: Final = 1
"""Exit code when the configuration or the surroundings do not allow to start."""

MISUSED: Final = 2
"""Exit code when the command line cannot be understood."""

HELP: Final = """\
The simulated Codex: what `codex app-server` does, without a model.

Usage: codex-simulated [OPTIONS] app-server [OPTIONS]

Options:
  -c, --config <key=value>       Override a configuration value
      --enable <FEATURE>         Same as `-c features.<FEATURE>=true`
      --disable <FEATURE>        Same as `-c features.<FEATURE>=false`
      --strict-config            Refuse a configuration with unknown fields
      --listen <URL>             `stdio://` (default), `unix://[PATH]`, `ws://IP:PORT`, `off`
      --stdio                    Same as `--listen stdio://`
      --ws-auth <MODE>           `capability-token`
      --ws-token-file <PATH>     The file that holds the token
      --ws-token-sha256 <HEX>    The SHA-256 digest of the token
      --analytics-default-enabled
  -h, --help                     Print this
  -V, --version                  Print the version

Environment:
  CODEX_HOME                     The folder of the state; ~/.codex when left out
  CODEX_SIMULATED_SCRIPT         What the model does: a JSON or YAML file; an echo when left out
  CODEX_SIMULATED_FAULTS         What goes wrong, e.g. `drop=turn/started,crash-mid-item`
  CODEX_SIMULATED_CONTROL        A unix socket to be made, through which gates are opened
"""

_USAGE: Final = "Usage: codex app-server [OPTIONS] [COMMAND]"
_MORE: Final = "For more information, try '--help'."
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_AUTH_MODES: Final = ("capability-token", "signed-bearer-token")


class EarlyExit(Exception):  # noqa: N818 - not always an error: --version leaves early, too
    """The process ends before it serves.

    Args:
        code: The exit code.
        out: What goes to stdout.
        err: What goes to stderr.
    """

    def __init__(self, code: int, *, out: str = "", err: str = "") -> None:
        super().__init__(err or out)
        self.code = code
        self.out = out
        self.err = err


def start_failure(text: str) -> EarlyExit:
    """What stops a server whose command line was understood.

    Args:
        text: What is wrong, without ``Error:``.

    Returns:
        The exception to raise.
    """
    return EarlyExit(START_FAILED, err=f"Error: {text}\n")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the server listens.

    Attributes:
        transport: How it is reached.
        host: The address of a websocket.
        port: The port of a websocket; 0 for any free one.
        path: The path of a unix socket; empty for the one below the home.
    """

    transport: Transport = "stdio"
    host: str = ""
    port: int = 0
    path: str = ""


@dataclass(slots=True)
class CommandLine:
    """What was asked for.

    Attributes:
        listen: Where to listen.
        overrides: The values of ``-c``, each ``key=value``, those of features included.
        features: The features that ``--enable`` and ``--disable`` name.
        strict: Whether unknown fields of the configuration stop the start.
        auth: How clients of a websocket show who they are; ``None`` for not at all.
        token_file: The file that holds the token.
        token_sha256: The digest of the token, in hexadecimal digits.
    """

    listen: Listen = field(default_factory=Listen)
    overrides: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    strict: bool = False
    auth: str | None = None
    token_file: str | None = None
    token_sha256: str | None = None


def parse_command_line(arguments: Sequence[str]) -> CommandLine:
    """Understand a command line.

    Args:
        arguments: The arguments, without the program's name.

    Returns:
        What was asked for.

    Raises:
        EarlyExit: The version or the help was asked for (0), or the command line is wrong (2).
    """
    reading = _Reading(list(arguments))
    reading.run()
    _check_authentication(reading.found)
    return reading.found


class _Reading:
    """Reads arguments one by one."""

    def __init__(self, arguments: list[str]) -> None:
        self.found = CommandLine()
        self._left = arguments[::-1]
        self._seen: set[str] = set()
        self._command: str | None = None

    def run(self) -> None:
        while self._left:
            argument = self._left.pop()
            if not argument.startswith("-") or argument == "-":
                self._take_command(argument)
            else:
                self._take_option(argument)
        if self._command is None:
            _misuse("'codex-simulated' requires a subcommand: app-server")

    def _take_command(self, word: str) -> None:
        if self._command is not None:
            _misuse(f"unrecognized subcommand '{word}'", usage=True)
        if word != "app-server":
            _misuse(
                f"[E_FAKE_NOT_SIMULATED] the simulated Codex has no subcommand '{word}': "
                f"{_why('other subcommands')}"
            )
        self._command = word

    def _take_option(self, argument: str) -> None:
        name, attached = _split(argument)
        if name in {"-h", "--help"}:
            raise EarlyExit(0, out=HELP)
        if self._command is None and name in {"-V", "--version"}:
            raise EarlyExit(0, out=f"codex-cli {PROTOCOL_VERSION}\n")
        known_here = _ANYWHERE if self._command is None else _ANYWHERE | _OF_APP_SERVER
        if name not in known_here:
            _misuse(f"unexpected argument '{argument}' found", usage=True)
        if name in _FLAGS:
            _FLAGS[name](self.found)
            self._once(name, name)
            return
        placeholder, take = _VALUES[name]
        shown = f"{name} <{placeholder}>"
        if attached is None:
            if not self._left or self._left[-1].startswith("-"):
                _misuse(f"a value is required for '{shown}' but none was supplied")
            attached = self._left.pop()
        take(self.found, attached)
        if name not in _REPEATABLE:
            self._once(name, shown)

    def _once(self, name: str, shown: str) -> None:
        if name in self._seen:
            _misuse(f"the argument '{shown}' cannot be used multiple times", usage=True)
        self._seen.add(name)
        if {"--stdio", "--listen"} <= self._seen:
            _misuse("the argument '--stdio' cannot be used with '--listen <URL>'", usage=True)


def _split(argument: str) -> tuple[str, str | None]:
    """Part an option from a value that is attached to it."""
    if argument.startswith("--"):
        name, equals, value = argument.partition("=")
        return name, value if equals else None
    name, value = argument[:2], argument[2:]
    return {"-c": "--config"}.get(name, name), value.removeprefix("=") if value else None


def _why(subject: str) -> str:
    """Why something is not simulated; looked up only when it is asked for."""
    from codex_fakes.app_server.dialect.not_simulated import REFUSED

    return REFUSED[subject]


def _misuse(text: str, *, usage: bool = False) -> NoReturn:
    lines = [f"error: {text}", "", *([_USAGE, ""] if usage else []), _MORE, ""]
    raise EarlyExit(MISUSED, err="\n".join(lines))


# --- the options ----------------------------------------------------------------------------------


def _listen(found: CommandLine, url: str) -> None:
    found.listen = parse_listen(url)


def parse_listen(url: str) -> Listen:
    """Understand a ``--listen`` URL.

    Args:
        url: The URL.

    Returns:
        Where to listen.

    Raises:
        EarlyExit: It is none of the URLs that there are (2).
    """
    if url in {"stdio://", "off"}:
        return Listen("stdio" if url == "stdio://" else "off")
    scheme, _, rest = url.partition("://")
    if scheme == "unix":
        return Listen("unix", path=rest)
    if scheme != "ws":
        _bad_listen(
            url,
            f"unsupported --listen URL `{url}`; expected `stdio://`, `unix://`, `unix://PATH`, "
            "`ws://IP:PORT`, or `off`",
        )
    host, colon, port = rest.rpartition(":")
    if not colon or not _is_address(host) or not (port.isascii() and port.isdigit()):
        _bad_listen(url, f"invalid websocket --listen URL `{url}`; expected `ws://IP:PORT`")
    if int(port) > 65535:
        _bad_listen(url, f"invalid websocket --listen URL `{url}`; expected `ws://IP:PORT`")
    return Listen("websocket", host=host.strip("[]"), port=int(port))


def _is_address(host: str) -> bool:
    """Whether it is an IP address; an IPv6 address stands in brackets."""
    import ipaddress

    bracketed = host.startswith("[") and host.endswith("]")
    try:
        version = ipaddress.ip_address(host[1:-1] if bracketed else host).version
    except ValueError:
        return False
    return bracketed == (version == 6)


def _bad_listen(url: str, why: str) -> NoReturn:
    _misuse(f"invalid value '{url}' for '--listen <URL>': {why}")


def _auth(found: CommandLine, mode: str) -> None:
    if mode not in _AUTH_MODES:
        text = f"error: invalid value '{mode}' for '--ws-auth <MODE>'\n"
        modes = f"  [possible values: {', '.join(_AUTH_MODES)}]\n"
        raise EarlyExit(MISUSED, err=f"{text}{modes}\n{_MORE}\n")
    if mode != "capability-token":
        _misuse(
            f"[E_FAKE_NOT_SIMULATED] the simulated Codex does not play --ws-auth {mode}: "
            f"{_why('signed tokens')}"
        )
    found.auth = mode


def _feature(value: str) -> Callable[[CommandLine, str], None]:
    def take(found: CommandLine, feature: str) -> None:
        found.features.append(feature)
        found.overrides.append(f"features.{feature}={value}")

    return take


def _strict(found: CommandLine) -> None:
    found.strict = True


def _nothing(_found: CommandLine) -> None:
    """Without a meaning for a simulation: where it listens is the default, analytics it has not."""


_FLAGS: Final[dict[str, Callable[[CommandLine], None]]] = {
    "--strict-config": _strict,
    "--stdio": _nothing,
    "--analytics-default-enabled": _nothing,
}
_VALUES: Final[dict[str, tuple[str, Callable[[CommandLine, str], None]]]] = {
    "--config": ("key=value", lambda found, value: found.overrides.append(value)),
    "--enable": ("FEATURE", _feature("true")),
    "--disable": ("FEATURE", _feature("false")),
    "--listen": ("URL", _listen),
    "--ws-auth": ("MODE", _auth),
    "--ws-token-file": ("PATH", lambda found, value: setattr(found, "token_file", value)),
    "--ws-token-sha256": ("HEX", lambda found, value: setattr(found, "token_sha256", value)),
}
_REPEATABLE: Final = frozenset({"--config", "--enable", "--disable"})
_ANYWHERE: Final = _REPEATABLE | {"--strict-config"}
_OF_APP_SERVER: Final = frozenset(_FLAGS) | frozenset(_VALUES)


def _check_authentication(found: CommandLine) -> None:
    """Refuse flags of the authentication that do not make sense together, as the real one does."""
    given = found.token_file is not None or found.token_sha256 is not None
    if found.listen.transport != "websocket":
        return
    if found.auth is None:
        if given:
            raise start_failure(
                "websocket auth flags require `--ws-auth capability-token` or "
                "`--ws-auth signed-bearer-token`"
            )
        return
    if not given:
        raise start_failure(
            "`--ws-token-file` or `--ws-token-sha256` is required when "
            "`--ws-auth capability-token` is set"
        )
    if found.token_file is not None and found.token_sha256 is not None:
        raise start_failure("`--ws-token-file` and `--ws-token-sha256` are mutually exclusive")
    digest = found.token_sha256
    if digest is not None and (len(digest) != 64 or not _HEX_DIGITS.issuperset(digest)):
        raise start_failure("--ws-token-sha256 must be a 64-character hex SHA-256 digest")
