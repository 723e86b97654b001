"""What a thread runs with: where it comes from, what changes it, and how the wire shows it.

May import the server's settings and the dialect. The invariant: the settings of a thread are always
complete; what a client leaves out is filled in here, once.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.ignored_settings import ignored_names
from codex_fakes.app_server.configuration.settings import FEATURES
from codex_fakes.app_server.dialect.messages import Refusal, not_simulated

if TYPE_CHECKING:
    from codex_fakes.app_server.configuration.settings import SimulatedSettings

BUILT_IN_PROVIDERS: Final = frozenset({"openai", "ollama", "lmstudio"})
"""The model providers that need no configuration."""

_PROFILES: Final = {
    ":read-only": "read-only",
    ":workspace": "workspace-write",
    ":danger-full-access": "danger-full-access",
}
_MODE_TITLES: Final = {
    "default": "# Collaboration Mode: Default\n",
    "plan": "# Plan Mode (Conversational)\n",
}
"""How the instructions begin that a mode brings along when the client gives none. The rest of the
real text is a prompt of several pages, which is for the model and not simulated."""

_CONFIG_KEYS: Final = {
    "model": "model",
    "model_reasoning_effort": "effort",
    "approval_policy": "approval_policy",
    "sandbox_mode": "sandbox",
}


@dataclass(slots=True)
class ThreadSettings:
    """What a thread runs with; turn/start changes it for good (FACTS §7).

    ``features`` and ``plan_tool`` are what thread/start switched, and ``None`` where the server's
    own configuration holds.
    """

    cwd: str
    approval_policy: Any
    sandbox: dict[str, Any]
    model: str
    model_provider: str
    approvals_reviewer: str = "user"
    effort: str | None = None
    summary: str | None = None
    service_tier: str | None = None
    personality: str | None = None
    permission_profile: dict[str, Any] | None = None
    collaboration: dict[str, Any] | None = None
    disabled_plugins: list[str] = field(default_factory=list)
    features: frozenset[str] | None = None
    plan_tool: bool | None = None

    def features_with(self, server: SimulatedSettings) -> frozenset[str]:
        """The features that are on: the thread's own ones, or the server's."""
        return server.features if self.features is None else self.features

    def collaboration_mode(self) -> dict[str, Any]:
        """The collaboration mode as the wire shows it."""
        chosen = self.collaboration or {"mode": "default", "instructions": None}
        return {
            "mode": chosen["mode"],
            "settings": {
                "model": self.model,
                "reasoning_effort": self.effort,
                "developer_instructions": chosen["instructions"],
            },
        }

    def on_wire(self) -> dict[str, Any]:
        """The ``threadSettings`` of ``thread/settings/updated``."""
        return {
            "disabledPluginIds": self.disabled_plugins,
            "cwd": self.cwd,
            "approvalPolicy": self.approval_policy,
            "approvalsReviewer": self.approvals_reviewer,
            "sandboxPolicy": self.sandbox,
            "activePermissionProfile": self.permission_profile,
            "model": self.model,
            "modelProvider": self.model_provider,
            "serviceTier": self.service_tier,
            "effort": self.effort,
            "summary": self.summary,
            "collaborationMode": self.collaboration_mode(),
            "multiAgentMode": "explicitRequestOnly",
            "personality": self.personality,
        }


def sandbox_policy(mode: str) -> dict[str, Any]:
    """Give a sandbox mode the form that responses show.

    Args:
        mode: A :data:`SandboxMode`.

    Returns:
        A new policy object, its keys in the order of the wire.
    """
    if mode == "read-only":
        return {"type": "readOnly", "networkAccess": False}
    if mode == "danger-full-access":
        return {"type": "dangerFullAccess"}
    return {
        "type": "workspaceWrite",
        "writableRoots": [],
        "networkAccess": False,
        "excludeTmpdirEnvVar": False,
        "excludeSlashTmp": False,
    }


def mode_of(policy: dict[str, Any]) -> str:
    """The sandbox mode that a policy is nearest to.

    Args:
        policy: The policy, as responses show it; empty for a thread that never had one.

    Returns:
        A :data:`SandboxMode`.
    """
    return _MODES.get(policy.get("type", "readOnly"), "danger-full-access")


_MODES: Final = {"readOnly": "read-only", "workspaceWrite": "workspace-write"}


def new_settings(server: SimulatedSettings, cwd: str, params: dict[str, Any]) -> ThreadSettings:
    """The settings of a new thread: the server's, and what thread/start says otherwise.

    Args:
        server: The server's settings.
        cwd: The thread's folder, absolute.
        params: The params of thread/start, checked.

    Returns:
        The settings.

    Raises:
        Refusal: The params name something that there is not, or contradict each other.
    """
    provider = params.get("modelProvider")
    if provider is not None and provider not in {server.model_provider, *BUILT_IN_PROVIDERS}:
        raise Refusal(f"failed to load configuration: Model provider `{provider}` not found")
    if params.get("permissions") is not None and params.get("sandbox") is not None:
        raise Refusal("`permissions` cannot be combined with `sandbox`")
    config = params.get("config") or {}
    ignored = ignored_names(config)
    flat = _flattened({key: value for key, value in config.items() if key not in ignored})
    switches = {key: flat.pop(key) for key in list(flat) if key in _SWITCHES}
    unknown = [key for key in flat if key not in _CONFIG_KEYS]
    if unknown:
        raise not_simulated(f"the configuration override {unknown[0]!r}")
    own = {_CONFIG_KEYS[key]: value for key, value in flat.items()}
    mode = params.get("sandbox") or own.get("sandbox")
    profile = None if mode else _default_profile(server, cwd)
    policy = "untrusted" if cwd in server.untrusted_folders else server.approval_policy
    settings = ThreadSettings(
        cwd=cwd,
        approval_policy=own.get("approval_policy") or policy,
        sandbox=sandbox_policy(mode or (_profile_mode(profile) if profile else server.sandbox)),
        permission_profile={"id": profile, "extends": None} if profile else None,
        model=own.get("model") or server.model,
        model_provider=provider or server.model_provider,
        effort=own.get("effort") or server.effort,
        features=_switched(server.features, switches),
        plan_tool=switches.get(_PLAN_TOOL),
    )
    override_thread(settings, params)
    return settings


_PLAN_TOOL: Final = "tools.update_plan.enabled"
_SWITCHES: Final = frozenset({_PLAN_TOOL, *(f"features.{name}" for name in FEATURES)})
"""Configuration overrides that turn something on or off."""


def _flattened(config: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Say an override with its whole dotted path, however a client has nested it."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flattened(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


def _switched(features: frozenset[str], switches: dict[str, Any]) -> frozenset[str]:
    own = {key.removeprefix("features."): value for key, value in switches.items()}
    return frozenset(name for name in FEATURES if own.get(name, name in features))


def forked_settings(
    server: SimulatedSettings, source: ThreadSettings, params: dict[str, Any]
) -> ThreadSettings:
    """The settings of a fork: it takes over where its origin works and what that may do.

    Model and effort are the configured ones again (seen on the binary).

    Args:
        server: The server's settings.
        source: The settings of the thread that is forked.
        params: The params of thread/fork, checked.

    Returns:
        The settings.

    Raises:
        Refusal: See :func:`new_settings`.
    """
    taken = {"approvalPolicy": source.approval_policy}
    if params.get("permissions") is None:
        taken["sandbox"] = mode_of(source.sandbox)
    given = {name: value for name, value in params.items() if value is not None}
    cwd = posixpath.normpath(posixpath.join(source.cwd, params.get("cwd") or ""))
    return new_settings(server, cwd, {**taken, **given})


_TURN_ONLY: Final = frozenset(
    {"effort", "summary", "sandboxPolicy", "disabledPluginIds", "collaborationMode"}
)
"""Overrides that only turn/start knows; elsewhere they are unknown members, which are ignored."""


def override_thread(settings: ThreadSettings, params: dict[str, Any]) -> None:
    """Change settings by what thread/start or thread/resume says otherwise; see override."""
    override(settings, {name: params[name] for name in params if name not in _TURN_ONLY})


def override(settings: ThreadSettings, params: dict[str, Any]) -> None:
    """Change settings by what a request says otherwise; its folder is the caller's business.

    Args:
        settings: The settings to change.
        params: The params of the request, checked.

    Raises:
        Refusal: There is no such permission profile.
    """
    for member, attribute in _OVERRIDES.items():
        if params.get(member) is not None:
            setattr(settings, attribute, params[member])
    if params.get("collaborationMode") is not None:
        _collaborate(settings, params["collaborationMode"])
    settings.approvals_reviewer = _reviewer(settings.approvals_reviewer)
    settings.approval_policy = _completed_approval(settings.approval_policy)
    if params.get("permissions") is not None:
        settings.sandbox = sandbox_policy(_profile_mode(params["permissions"]))
        settings.permission_profile = {"id": params["permissions"], "extends": None}
    if params.get("sandboxPolicy") is not None:
        settings.sandbox = _completed_policy(params["sandboxPolicy"])
        settings.permission_profile = None


def _collaborate(settings: ThreadSettings, chosen: dict[str, Any]) -> None:
    """Take a collaboration mode over, which says the model and the effort as well."""
    mode, inner = chosen["mode"], chosen["settings"]
    mode = mode if mode in _MODE_TITLES else "default"
    instructions = inner.get("developer_instructions")
    settings.collaboration = {
        "mode": mode,
        "instructions": _MODE_TITLES[mode] if instructions is None else instructions,
    }
    settings.model = inner["model"]
    settings.effort = inner.get("reasoning_effort")


_OVERRIDES: Final = {
    "approvalPolicy": "approval_policy",
    "approvalsReviewer": "approvals_reviewer",
    "model": "model",
    "effort": "effort",
    "summary": "summary",
    "serviceTier": "service_tier",
    "personality": "personality",
    "disabledPluginIds": "disabled_plugins",
}


def _default_profile(server: SimulatedSettings, cwd: str) -> str | None:
    """The permission profile of a thread for which nobody named a sandbox."""
    if server.permission_profile is not None and cwd in server.judged_folders:
        return ":workspace"
    return server.permission_profile


def _profile_mode(profile: str) -> str:
    mode = _PROFILES.get(profile)
    if mode is None:
        raise Refusal(
            "failed to load configuration: default_permissions requires a `[permissions]` table"
        )
    return mode


def _reviewer(name: str) -> str:
    return "auto_review" if name == "guardian_subagent" else name


def _completed_approval(policy: Any) -> Any:
    """Fill the members of a granular policy in that a client may leave out."""
    if not isinstance(policy, dict):
        return policy
    given = policy["granular"]
    names = (
        "sandbox_approval",
        "rules",
        "skill_approval",
        "request_permissions",
        "mcp_elicitations",
    )
    return {"granular": {name: given.get(name, False) for name in names}}


def _completed_policy(policy: dict[str, Any]) -> dict[str, Any]:
    """Fill the members of a sandbox policy in that a client may leave out."""
    kind = policy["type"]
    if kind == "externalSandbox":
        return {"type": kind, "networkAccess": policy.get("networkAccess", "restricted")}
    if kind not in _MODES:
        return {"type": kind}
    full = sandbox_policy(_MODES[kind])
    return {key: policy.get(key, value) for key, value in full.items()}
