"""What config.toml and ``-c`` say, as far as it matters to the simulation.

May import the settings, the command line, the checks of values, tomllib and the list of known
fields; imported when there is anything to read. The rules are those of the real server (FACTS §3):
what cannot be understood does not stop it but makes it run with its defaults and tell every client;
unknown fields are told, too; only ``approval_policy = "untrusted"`` and ``--strict-config`` end it.
The invariant: the same texts and the same command line give the same settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.defaults import DEFAULTS
from codex_fakes.app_server.configuration.invocation import start_failure
from codex_fakes.app_server.configuration.settings import FEATURES, USABLE_CONTEXT_PERCENT
from codex_fakes.app_server.configuration.value_checks import (
    Invalid,
    Place,
    is_count,
    is_flag,
    is_policy,
    is_table,
    is_text,
    one_of,
    struct,
)
from codex_fakes.app_server.dialect.fields import found_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codex_fakes.app_server.configuration.invocation import CommandLine
    from codex_fakes.app_server.configuration.settings import SimulatedSettings

_BUILT_IN_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
}
_INVALID: Final = "Invalid configuration; using defaults."
NO_MORE_UNTRUSTED: Final = (
    'approval_policy = "untrusted" is no longer supported; remove this setting'
)
_NO_MORE_CHAT: Final = (
    '`wire_api = "chat"` is no longer supported.\n'
    'How to fix: set `wire_api = "responses"` in your provider config.\n'
    "More info: https://github.com/openai/codex/discussions/7782"
)


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
        if table.get("approval_policy") == "untrusted":
            raise start_failure(NO_MORE_UNTRUSTED)
        check_table(table)
        unknown = [*_unknown_in(in_file, path), *_unknown_in(_merged({}, asked.overrides), None)]
        if unknown and asked.strict:
            raise start_failure(_strict_text(unknown[0], path, text or ""))
        settings = _settings(table)
    except Invalid as problem:
        place = problem.place or _place_of(text or "", problem.keys)
        where = "" if place is None else f"{path}:{place.line}:{place.column}: "
        if asked.strict and place is not None:
            raise start_failure(f"{where}{problem.text}") from None
        warning: dict[str, Any] = {"summary": _INVALID, "details": f"{where}{problem.text}"}
        if place is not None:
            warning |= {"path": path, "range": place.on_wire()}
        return replace(DEFAULTS, config_warnings=(warning,))
    settings = replace(settings, strict_config=asked.strict)
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
        raise Invalid(reason, place=Place(line, column, column)) from None


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


_STRUCTS: Final = {
    ("features",): "FeaturesToml",
    ("tools",): "ToolsToml",
    ("tools", "update_plan"): "UpdatePlanToolConfig",
}
_FIELDS: Final[dict[str, Callable[..., None]]] = {
    "model": is_text,
    "model_provider": is_text,
    "approval_policy": is_policy,
    "sandbox_mode": one_of("read-only", "workspace-write", "danger-full-access"),
    "model_context_window": is_count,
    "model_auto_compact_token_limit": is_count,
    "model_reasoning_effort": is_text,
    "model_reasoning_summary": one_of("auto", "concise", "detailed", "none"),
    "personality": one_of("none", "friendly", "pragmatic"),
    "approvals_reviewer": one_of("user", "auto_review", "guardian_subagent"),
    "model_verbosity": one_of("low", "medium", "high"),
    "web_search": one_of("disabled", "cached", "indexed", "live"),
    "service_tier": is_text,
    "instructions": is_text,
    "developer_instructions": is_text,
    "show_raw_agent_reasoning": is_flag,
}
_OF_A_PROVIDER: Final[dict[str, Callable[..., None]]] = {
    "base_url": is_text,
    "request_max_retries": is_count,
    "stream_max_retries": is_count,
    "stream_idle_timeout_ms": is_count,
    "requires_openai_auth": is_flag,
}


def _check_structs(table: dict[str, Any]) -> None:
    for keys, name in _STRUCTS.items():
        inside = table
        for key in keys[:-1]:
            inside = inside.get(key, {})
        struct(name)(inside.get(keys[-1], {}), *keys)
    for feature in table.get("features", {}).values():
        is_flag(feature, "features")


def check_table(table: dict[str, Any]) -> None:
    """Check what is configured.

    Args:
        table: The configuration, in the tables of config.toml.

    Raises:
        Invalid: A value is not what it has to be.
    """
    _check_structs(table)
    for name, check in _FIELDS.items():
        if name in table:
            check(table[name], name)
    is_table(table.get("projects", {}), "projects")
    for folder, project in table.get("projects", {}).items():
        is_table(project, "projects", folder)
    providers = table.get("model_providers", {})
    is_table(providers, "model_providers")
    for provider, fields in providers.items():
        if not isinstance(fields, dict):
            wrong = f"invalid type: {found_kind(fields)}, expected struct ModelProviderInfo"
            raise Invalid(wrong, "model_providers", provider)
        for name, check in _OF_A_PROVIDER.items():
            if name in fields:
                check(fields[name], "model_providers", provider, name)
        if fields.get("wire_api") == "chat":
            raise Invalid(_NO_MORE_CHAT, "model_providers", provider, "wire_api")


def _settings(table: dict[str, Any]) -> SimulatedSettings:
    provider = table.get("model_provider", DEFAULTS.model_provider)
    fields = table.get("model_providers", {}).get(provider)
    if fields is None and provider not in _BUILT_IN_URLS:
        raise Invalid(f"Model provider `{provider}` not found")
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
