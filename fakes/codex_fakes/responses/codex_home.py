"""A folder for Codex's state, and what makes the real binary run offline in it.

May import the error catalogue; tomli_w is imported when a folder is written. The invariant: a Codex
started with :attr:`CodexHome.env` and :meth:`CodexHome.command` asks its model at ``base_url`` and
talks to nobody else, whatever the parent's environment holds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MODEL: Final = "gpt-5.5"
"""A model for which Codex offers ``exec_command`` and ``write_stdin`` as plain functions."""

PROVIDER: Final = "scripted"
"""The name of the model provider that stands for the scripted model."""

OFFLINE_FEATURES: Final[Mapping[str, bool]] = MappingProxyType(
    {
        # These ask chatgpt.com for what there is to install.
        "apps": False,
        "plugins": False,
        "remote_plugin": False,
        # Runs the user's login shell, which does whatever the user's dot files say.
        "shell_snapshot": False,
    }
)
"""The features that are off unless a test turns them on."""

_FOREIGN_PREFIXES: Final = ("CODEX", "OPENAI", "CHATGPT", "OTEL_", "AZURE_OPENAI")
_PROXIES: Final = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY"})

ApprovalPolicy = Literal["on-request", "never"]
"""What config.toml may say; ``untrusted`` is refused there, pass it to ``thread/start``."""

SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]


@dataclass(frozen=True, slots=True)
class CodexSettings:
    """What config.toml says.

    Attributes:
        model: The model's name; Codex's tools depend on it.
        approval_policy: When Codex asks the client. ``untrusted`` cannot be said here: the
            app-server refuses to start with it; pass it to ``thread/start``.
        sandbox_mode: What commands may touch.
        request_max_retries: How often a refused request is repeated.
        stream_max_retries: How often a stream that broke is repeated.
        stream_idle_timeout_ms: After how many silent milliseconds a stream counts as broken.
        requires_openai_auth: Whether the provider wants a login.
        features: Features to turn on or off, on top of :data:`OFFLINE_FEATURES`.
        extra: More of config.toml, merged over what this class says, table by table.
        overrides: ``-c`` options of the command line, dotted path to a TOML value's text.
        strict: Whether an unknown key in config.toml ends the process.
    """

    model: str = DEFAULT_MODEL
    approval_policy: ApprovalPolicy = "on-request"
    sandbox_mode: SandboxMode = "workspace-write"
    request_max_retries: int = 0
    stream_max_retries: int = 0
    stream_idle_timeout_ms: int = 20_000
    requires_openai_auth: bool = False
    features: Mapping[str, bool] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    strict: bool = True

    def config(self, base_url: str) -> dict[str, Any]:
        """Say everything config.toml holds.

        Args:
            base_url: Where the model API is, with its ``/v1``.

        Returns:
            The content of config.toml as a value.
        """
        written: dict[str, Any] = {
            "model": self.model,
            "model_provider": PROVIDER,
            "approval_policy": self.approval_policy,
            "sandbox_mode": self.sandbox_mode,
            "check_for_update_on_startup": False,
            "cli_auth_credentials_store": "file",
            "analytics": {"enabled": False},
            "feedback": {"enabled": False},
            "otel": {"exporter": "none", "trace_exporter": "none", "metrics_exporter": "none"},
            "features": {**OFFLINE_FEATURES, **self.features},
            "model_providers": {
                PROVIDER: {
                    "name": "Scripted model",
                    "base_url": base_url,
                    "wire_api": "responses",
                    "requires_openai_auth": self.requires_openai_auth,
                    "supports_websockets": False,
                    "request_max_retries": self.request_max_retries,
                    "stream_max_retries": self.stream_max_retries,
                    "stream_idle_timeout_ms": self.stream_idle_timeout_ms,
                }
            },
        }
        return _merged(written, self.extra)


@dataclass(frozen=True, slots=True)
class CodexHome:
    """A folder prepared for one Codex, see :meth:`create`.

    Attributes:
        path: The folder, the value of ``CODEX_HOME``.
        settings: What was written into it.
        env: The complete environment of the child process.
    """

    path: Path
    settings: CodexSettings
    env: Mapping[str, str]

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        base_url: str,
        settings: CodexSettings | None = None,
        env: Mapping[str, str] | None = None,
    ) -> CodexHome:
        """Make the folder where it is missing, and write its config.toml.

        What else is in the folder stays: a second Codex may go on where the first one ended.

        Args:
            path: The folder.
            base_url: Where the model API is, see ``ResponsesServer.base_url``.
            settings: What config.toml says; the defaults when left out.
            env: Variables added to the child's environment.

        Returns:
            The prepared folder.

        Raises:
            ConfigurationError: ``E_CODEX_HOME_UNWRITABLE``, or ``E_EXTRA_MISSING`` when tomli_w is
                not installed.
        """
        try:
            import tomli_w
        except ImportError:
            raise ConfigurationError(
                "E_EXTRA_MISSING",
                "writing Codex's configuration needs tomli_w, which the extra `fakes` installs",
                advice="pip install 'codex-runtime[fakes]'",
            ) from None
        settings = settings or CodexSettings()
        folder = Path(path).absolute()
        text = tomli_w.dumps(settings.config(base_url))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.toml").write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                "E_CODEX_HOME_UNWRITABLE",
                f"cannot write {folder}: {error.strerror or error}",
            ) from error
        return cls(folder, settings, MappingProxyType(_environment(folder, env or {})))

    def command(self, binary: str | os.PathLike[str], *arguments: str) -> tuple[str, ...]:
        """Put the command line of an app-server together.

        Args:
            binary: The codex binary.
            arguments: More arguments, after ``app-server``.

        Returns:
            The command line; without more arguments it serves on stdin and stdout.
        """
        options: list[str] = []
        for dotted, value in self.settings.overrides.items():
            options += ["-c", f"{dotted}={value}"]
        strict = ("--strict-config",) if self.settings.strict else ()
        return (os.fspath(binary), *options, "app-server", *strict, *arguments)


def _environment(folder: Path, added: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_FOREIGN_PREFIXES) and name.upper() not in _PROXIES
    }
    isolated = {
        "CODEX_HOME": str(folder),
        # The shell that runs a command reads the user's dot files: there are none here.
        "HOME": str(folder),
        # A proxy must never be asked for the loopback address; one that a test adds wins.
        "NO_PROXY": "127.0.0.1,localhost,::1",
    }
    return {**kept, **isolated, **added}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = _merged(under, value)
        else:
            merged[key] = value
    return merged
