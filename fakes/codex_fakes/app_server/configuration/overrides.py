"""Configuration that a client sends along with a thread: what of it counts, and what is refused.

May import the checks of config.toml, the list of known fields and the dialect; imported when a
client sends any. The invariant: a value that the real server refuses is refused in its words, and
one whose effect the simulation does not play is refused with a code.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.app_server.configuration.config_toml import NO_MORE_UNTRUSTED, check_table
from codex_fakes.app_server.configuration.ignored_settings import unknown_names
from codex_fakes.app_server.configuration.settings import FEATURES
from codex_fakes.app_server.configuration.value_checks import Invalid
from codex_fakes.app_server.dialect.messages import Refusal
from codex_fakes.app_server.dialect.not_simulated import not_simulated

_PLAYED: Final = frozenset(
    {
        "approval_policy",
        "approvals_reviewer",
        "features.instant_interrupt",
        "model",
        "model_provider",
        "model_reasoning_effort",
        "model_reasoning_summary",
        "personality",
        "sandbox_mode",
        "service_tier",
        "tools.update_plan.enabled",
        *(f"features.{name}" for name in FEATURES),
    }
)
"""What changes what a thread does or shows."""

_FOR_THE_MODEL: Final = frozenset(
    {
        "developer_instructions",
        "include_apps_instructions",
        "include_collaboration_mode_instructions",
        "include_environment_context",
        "include_permissions_instructions",
        "instructions",
        "model_verbosity",
        "web_search",
    }
)
"""What only the model is told."""


def read_overrides(config: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    """Read the ``config`` of thread/start, thread/resume or thread/fork.

    Args:
        config: The member, however it is nested.
        strict: Whether a name that the server does not know is refused.

    Returns:
        What the simulation plays of it, by dotted path.

    Raises:
        Refusal: The real server refuses it, or the simulation does not play it.
    """
    unknown = unknown_names(config)
    flat = _flattened(config)
    known = {path: value for path, value in flat.items() if not _is_below(path, unknown)}
    try:
        _check_values(_nested(flat))
    except Invalid as problem:
        # Before it comes to a wrong value, the real server has seen which features it is given.
        features = [name for name in unknown if name.startswith("features.")]
        if strict and features:
            raise _unknown(features[0]) from None
        raise _refusal(f"{problem.text}\nin `{'.'.join(problem.keys)}`\n") from None
    if strict and unknown:
        raise _unknown(unknown[0])
    if known.get("approval_policy") == "untrusted":
        raise _refusal(NO_MORE_UNTRUSTED)
    return {path: value for path, value in known.items() if _is_played(path, value)}


def _check_values(table: dict[str, Any]) -> None:
    check_table(table)
    if table.get("model_reasoning_effort") == "":
        raise Invalid("reasoning_effort must not be empty", "model_reasoning_effort")


def _unknown(name: str) -> Refusal:
    return _refusal(f"unknown configuration field `{name}` in -c/--config override")


def _refusal(text: str) -> Refusal:
    return Refusal(f"failed to load configuration: {text}")


def _is_played(path: str, value: Any) -> bool:
    """Whether the simulation plays a value; it need not play what only the model is told."""
    if path in _PLAYED:
        return True
    off = path.startswith("features.") and value is False
    if not off and path not in _FOR_THE_MODEL and value != {}:
        raise not_simulated("other configuration", f"the configuration override {path!r}")
    return False


def _is_below(path: str, names: list[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in names)


def _flattened(config: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Say every value with its whole dotted path, however a client has nested it."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            flat |= _flattened(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Put values back into the tables that their paths name."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *above, last = path.split(".")
        inside = nested
        for key in above:
            if not isinstance(inside.get(key), dict):
                inside[key] = {}
            inside = inside[key]
        inside[last] = value
    return nested
