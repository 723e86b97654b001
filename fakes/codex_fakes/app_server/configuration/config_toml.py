"""What config.toml and ``-c`` say, as far as it matters to the simulation.

May import the settings, the command line, tomllib and the list of known fields; imported when
there is anything to read. The rules are those of the real server (FACTS §3): what cannot be
understood does not stop it but makes it run with its defaults and tell every client; unknown fields
are told, too; only ``approval_policy = "untrusted"`` and ``--strict-config`` end it. The invariant:
the same texts and the same command line give the same settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.defaults import DEFAULTS
from codex_fakes.app_server.configuration.invocation import start_failure
from codex_fakes.app_server.configuration.settings import FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codex_fakes.app_server.configuration.invocation import CommandLine
    from codex_fakes.app_server.configuration.settings import SimulatedSettings

USABLE_CONTEXT_PERCENT: Final = 95
"""How much of a configured context window the server lets a thread fill."""

_BUILT_IN_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
}
_INVALID: Final = "Invalid configuration; using defaults."
_NO_MORE_UNTRUSTED: Final = (
    'approval_policy = "untrusted" is no longer supported; remove this setting'
)
_NO_MORE_CHAT: Final = (
    '`wire_api = "chat"` is no longer supported.\n'
    'How to fix: set `wire_api = "responses"` in your provider config.\n'
    "More info: https://github.com/openai/codex/discussions/7782"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in config.toml a value stands; lines and columns count from 1, the end included."""

    line: int
    column: int
    end: int

    def on_wire(self) -> dict[str, Any]:
        """The ``range`` of a configWarning."""
        start = {"line": self.line, "column": self.column}
        return {"start": start, "end": {"line": self.line, "column": self.end}}


class _Invalid(Exception):  # noqa: N818 - becomes a warning, or the refusal to start
    """The configuration cannot be used.

    Args:
        text: What is wrong with it.
        keys: The path of the value that is wrong; empty when it is no single value.
        place: Where that is, when it is known already.
    """

    def __init__(self, text: str, *keys: str, place: Place | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.keys = keys
        self.place = place


def read_configuration(path: str, text: str | None, asked: CommandLine) -> SimulatedSettings:
    """Find out what a server is configured to be.

    Args:
        path: Where config.toml is, as warnings name it.
        text: What it holds; ``None`` when there is none.
        asked: The command line.

    Returns:
        The settings, with the warnings that clients get.

    Raises:
        EarlyExit: The real server would not start with that.
    """
    try:
        in_file = _parsed(text or "")
        table = _merged(in_file, asked.overrides)
        _check_features(asked.features)
        _check(table)
        unknown = [*_unknown_in(in_file, path), *_unknown_in(_merged({}, asked.overrides), None)]
        if unknown and asked.strict:
            raise start_failure(_strict_text(unknown[0], path, text or ""))
        settings = _settings(table)
    except _Invalid as problem:
        place = problem.place or _place_of(text or "", problem.keys)
        where = "" if place is None else f"{path}:{place.line}:{place.column}: "
        if asked.strict and place is not None:
            raise start_failure(f"{where}{problem.text}") from None
        warning: dict[str, Any] = {"summary": _INVALID, "details": f"{where}{problem.text}"}
        if place is not None:
            warning |= {"path": path, "range": place.on_wire()}
        return replace(DEFAULTS, config_warnings=(warning,))
    if unknown:
        return replace(settings, config_warnings=(_ignored(unknown, path),))
    return settings


# --- reading --------------------------------------------------------------------------------------


def _parsed(text: str) -> dict[str, Any]:
    if not text:
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The text ends in where it is: "… (at line 1, column 6)" or "… (at end of document)".
        reason, _, where = str(error).rpartition(" (at ")
        numbers = [int(word.strip(",)")) for word in where.split() if word.strip(",)").isdigit()]
        lines = text.split("\n")
        line, column = numbers if len(numbers) == 2 else (len(lines), len(lines[-1]) + 1)
        raise _Invalid(reason, place=Place(line, column, column)) from None


def _merged(table: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """Put the values of ``-c`` over those of the file, path by path."""
    merged = dict(table)
    for override in overrides:
        dotted, equals, value = override.partition("=")
        if not equals:
            raise start_failure(
                f"error parsing -c overrides: Invalid override (missing '='): {override}"
            )
        *above, last = dotted.strip().split(".")
        level = merged
        for key in above:
            below = level.get(key)
            level[key] = level = dict(below) if isinstance(below, dict) else {}
        level[last] = _toml_value(value.strip())
    return merged


def _toml_value(text: str) -> Any:
    """Read the value of an override as TOML, or as it is when it is not TOML."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip("\"'")


# --- checks ---------------------------------------------------------------------------------------


def _check_features(names: list[str]) -> None:
    if not names:
        return
    from codex_fakes.app_server.configuration.known_fields import FEATURES

    for name in names:
        if name not in FEATURES:
            raise start_failure(f"Unknown feature flag: {name}")


def _text(value: Any, *keys: str) -> None:
    if not isinstance(value, str):
        raise _Invalid(f"invalid type: {_kind(value)}, expected a string", *keys)


def _count(value: Any, *keys: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Invalid(f"invalid type: {_kind(value)}, expected i64", *keys)


def _flag(value: Any, *keys: str) -> None:
    if not isinstance(value, bool):
        raise _Invalid(f"invalid type: {_kind(value)}, expected a boolean", *keys)


def _table(value: Any, *keys: str) -> None:
    if not isinstance(value, dict):
        raise _Invalid(f"invalid type: {_kind(value)}, expected a map", *keys)


def _one_of(*variants: str) -> Callable[..., None]:
    listed = ", ".join(f"`{variant}`" for variant in variants)

    def check(value: Any, *keys: str) -> None:
        if not isinstance(value, str):
            raise _Invalid("wanted string or table", *keys)
        if value not in variants:
            raise _Invalid(f"unknown variant `{value}`, expected one of {listed}", *keys)

    return check


def _policy(value: Any, *keys: str) -> None:
    if not (isinstance(value, dict) and value.keys() == {"granular"}):
        _one_of("untrusted", "on-failure", "on-request", "granular", "never")(value, *keys)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f'string "{value}"'
    return "sequence" if isinstance(value, list) else "map"


_FIELDS: Final[dict[str, Callable[..., None]]] = {
    "model": _text,
    "model_provider": _text,
    "approval_policy": _policy,
    "sandbox_mode": _one_of("read-only", "workspace-write", "danger-full-access"),
    "model_context_window": _count,
    "model_auto_compact_token_limit": _count,
    "model_reasoning_effort": _text,
    "show_raw_agent_reasoning": _flag,
}
_OF_A_PROVIDER: Final[dict[str, Callable[..., None]]] = {
    "base_url": _text,
    "request_max_retries": _count,
    "stream_max_retries": _count,
    "stream_idle_timeout_ms": _count,
    "requires_openai_auth": _flag,
}


def _check(table: dict[str, Any]) -> None:
    if table.get("approval_policy") == "untrusted":
        raise start_failure(_NO_MORE_UNTRUSTED)
    _table(table.get("features", {}), "features")
    _table(table.get("tools", {}), "tools")
    _table(table.get("tools", {}).get("update_plan", {}), "tools", "update_plan")
    for name, check in _FIELDS.items():
        if name in table:
            check(table[name], name)
    _table(table.get("projects", {}), "projects")
    for folder, project in table.get("projects", {}).items():
        _table(project, "projects", folder)
    providers = table.get("model_providers", {})
    _table(providers, "model_providers")
    for provider, fields in providers.items():
        if not isinstance(fields, dict):
            wrong = f"invalid type: {_kind(fields)}, expected struct ModelProviderInfo"
            raise _Invalid(wrong, "model_providers", provider)
        for name, check in _OF_A_PROVIDER.items():
            if name in fields:
                check(fields[name], "model_providers", provider, name)
        if fields.get("wire_api") == "chat":
            raise _Invalid(_NO_MORE_CHAT, "model_providers", provider, "wire_api")


def _settings(table: dict[str, Any]) -> SimulatedSettings:
    provider = table.get("model_provider", DEFAULTS.model_provider)
    fields = table.get("model_providers", {}).get(provider)
    if fields is None and provider not in _BUILT_IN_URLS:
        raise _Invalid(f"Model provider `{provider}` not found")
    fields = fields or {}
    window = DEFAULTS.model_context_window
    if "model_context_window" in table:
        window = table["model_context_window"] * USABLE_CONTEXT_PERCENT // 100
    policy = table.get("approval_policy", DEFAULTS.approval_policy)
    features = table.get("features", {})
    trusted, untrusted = (_folders(table, level) for level in ("trusted", "untrusted"))
    return replace(
        DEFAULTS,
        # What the name meant is what on-request does for commands in a sandbox.
        approval_policy="on-request" if policy == "on-failure" else policy,
        sandbox=table.get("sandbox_mode", DEFAULTS.sandbox),
        permission_profile=None if "sandbox_mode" in table else DEFAULTS.permission_profile,
        judged_folders=trusted | untrusted,
        # A policy that is configured holds there, too.
        untrusted_folders=frozenset() if "approval_policy" in table else untrusted,
        effort=table.get("model_reasoning_effort"),
        model=table.get("model", DEFAULTS.model),
        model_provider=provider,
        model_context_window=window,
        request_max_retries=fields.get("request_max_retries", DEFAULTS.request_max_retries),
        stream_max_retries=fields.get("stream_max_retries", DEFAULTS.stream_max_retries),
        stream_idle_timeout_ms=fields.get(
            "stream_idle_timeout_ms", DEFAULTS.stream_idle_timeout_ms
        ),
        provider_url=fields.get("base_url", _BUILT_IN_URLS.get(provider, "")),
        features=frozenset(name for name in FEATURES if features.get(name) is True),
        instant_interrupt=features.get("instant_interrupt") is not False,
        auto_compact_token_limit=table.get("model_auto_compact_token_limit"),
        requires_openai_auth=fields.get("requires_openai_auth", provider == "openai"),
        plan_tool=table.get("tools", {}).get("update_plan", {}).get("enabled") is True,
    )


def _folders(table: dict[str, Any], level: str) -> frozenset[str]:
    """The folders that are trusted at a level."""
    projects = table.get("projects", {}).items()
    return frozenset(name for name, project in projects if project.get("trust_level") == level)


# --- unknown fields -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Unknown:
    keys: tuple[str, ...]
    path: str | None

    @property
    def dotted(self) -> str:
        return ".".join(self.keys)


def _unknown_in(table: dict[str, Any], path: str | None) -> list[_Unknown]:
    if not table:
        return []
    from codex_fakes.app_server.configuration.known_fields import FIELDS, PROVIDER_FIELDS

    def found() -> Iterator[tuple[str, ...]]:
        for name in table:
            if name not in FIELDS:
                yield (name,)
        for provider, fields in table.get("model_providers", {}).items():
            for name in fields:
                if name not in PROVIDER_FIELDS:
                    yield ("model_providers", provider, name)

    return [_Unknown(keys, path) for keys in sorted(found())]


def _strict_text(first: _Unknown, path: str, text: str) -> str:
    if first.path is None:
        return f"unknown configuration field `{first.dotted}` in -c/--config override"
    line, column = _key_place(text, first.keys) or (1, 1)
    return f"{path}:{line}:{column}: unknown configuration field `{first.dotted}`"


def _ignored(unknown: list[_Unknown], path: str) -> dict[str, Any]:
    one = len(unknown) == 1
    count = f"{len(unknown)} unrecognized configuration setting{'' if one else 's'}"
    lines = [f"Codex is ignoring {count}. Check for typos or deprecated settings."]
    for field in unknown:
        source = "session-flags" if field.path is None else f"user ({path})"
        lines.append(f"  {source}: `{field.dotted}` is ignored.")
    return {"summary": "\n".join(lines), "details": None}


# --- places ---------------------------------------------------------------------------------------


def _key_place(text: str, keys: tuple[str, ...]) -> tuple[int, int] | None:
    """Where a key is written: in the section of the keys above it, on a line of its own."""
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            section = tuple(part.strip().strip("\"'") for part in stripped.strip("[] ").split("."))
            if section[: len(keys)] == keys:
                return number, line.index("[") + 2
            continue
        name, equals, _ = stripped.partition("=")
        written = tuple(part.strip().strip("\"'") for part in name.split("."))
        if equals and (*section, *written) == keys:
            return number, len(line) - len(line.lstrip()) + 1
    return None


def _place_of(text: str, keys: tuple[str, ...]) -> Place | None:
    """Where the value of a key is written; ``None`` when it is not in the file."""
    found = _key_place(text, keys) if keys else None
    if found is None:
        return None
    number, column = found
    line = text.split("\n")[number - 1]
    equals = line.find("=", column - 1)
    if equals < 0:
        return Place(number, column, column)
    value = line[equals + 1 :].partition(" #")[0]
    start = equals + 2 + len(value) - len(value.lstrip())
    return Place(number, start, max(start, start + len(value.strip()) - 1))
