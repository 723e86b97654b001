"""What a thread runs with: where it comes from, what changes it, and how the wire shows it.

May import the server's settings and the dialect. The invariant: the settings of a thread are always
complete; what a client leaves out is filled in here, once.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.settings import FEATURES
from codex_fakes.app_server.dialect.messages import Refusal
from codex_fakes.app_server.dialect.not_simulated import not_simulated

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


@dataclass(slots=True)
class ThreadSettings:
    """What a thread runs with; turn/start changes it for good (FACTS §7).

    ``features``, ``plan_tool`` and ``instant_interrupt`` are what thread/start switched, and
    ``None`` where the server's own configuration holds.
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
    instant_interrupt: bool | None = None

    def copy(self) -> ThreadSettings:
        """The same settings, to be changed on their own."""
        return replace(self)

    def features_with(self, server: SimulatedSettings) -> frozenset[str]:
        """The features that are on: the thread's own ones, or the server's."""
        return server.features if self.features is None else self.features

    def unstable_features(self, server: SimulatedSettings) -> frozenset[str]:
        """The features that are on and that clients are warned of."""
        cutting = frozenset({"instant_interrupt"} if self.instant_interrupt else ())
        return self.features_with(server) | cutting

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
    if params.get("model") is not None and not params["model"].strip():
        raise Refusal(
            "No models are available. Set `model` explicitly or check your model catalog "
            "configuration."
        )
    if params.get("permissions") is not None and params.get("sandbox") is not None:
        raise Refusal("`permissions` cannot be combined with `sandbox`")
    own = _overrides(server, params)
    provider = params.get("modelProvider")
    if provider is None:
        provider = own.get("model_provider")
    if provider is not None and provider not in {server.model_provider, *BUILT_IN_PROVIDERS}:
        raise Refusal(f"failed to load configuration: Model provider `{provider}` not found")
    mode = params.get("sandbox") or own.get("sandbox_mode")
    profile = None if mode else _default_profile(server, cwd)
    policy = "untrusted" if cwd in server.untrusted_folders else server.approval_policy
    settings = ThreadSettings(
        cwd=cwd,
        approval_policy=own.get("approval_policy") or policy,
        sandbox=sandbox_policy(mode or (_profile_mode(profile) if profile else server.sandbox)),
        permission_profile={"id": profile, "extends": None} if profile else None,
        model=own.get("model") or server.model,
        model_provider=provider or server.model_provider,
        effort=own.get("model_reasoning_effort") or server.effort,
        summary=own.get("model_reasoning_summary"),
        personality=own.get("personality"),
        service_tier=_SERVICE_TIERS.get(own["service_tier"]) if "service_tier" in own else None,
        approvals_reviewer=own.get("approvals_reviewer") or "user",
        features=_switched(server.features, own),
        plan_tool=own.get(_PLAN_TOOL),
        instant_interrupt=own.get("features.instant_interrupt"),
    )
    override_thread(settings, params)
    return settings


_PLAN_TOOL: Final = "tools.update_plan.enabled"


def _overrides(server: SimulatedSettings, params: dict[str, Any]) -> dict[str, Any]:
    """The configuration that a request sends along, by dotted path."""
    config = params.get("config")
    if not config:
        return {}
    from codex_fakes.app_server.configuration.overrides import read_overrides

    own = read_overrides(config, strict=server.strict_config)
    if own.get("approval_policy") == "on-failure":
        # What the name meant is what on-request does for commands in a sandbox.
        own["approval_policy"] = "on-request"
    return own


def check_resumed(server: SimulatedSettings, params: dict[str, Any]) -> None:
    """Check the configuration that thread/resume sends along for a thread that is not loaded.

    Args:
        server: The server's settings.
        params: The params of thread/resume, checked.

    Raises:
        Refusal: The real server refuses it, or would let it change the thread: that is not played.
    """
    config = params.get("config") or {}
    # Here alone the real server takes this policy (seen on the binary).
    untrusted = config.get("approval_policy") == "untrusted"
    changed = ["approval_policy"] if untrusted else sorted(_overrides(server, params))
    if changed:
        raise not_simulated("other configuration", f"thread/resume with {changed[0]!r} configured")


def _switched(features: frozenset[str], switches: dict[str, Any]) -> frozenset[str]:
    own = {key.removeprefix("features."): value for key, value in switches.items()}
    return frozenset(name for name in FEATURES if own.get(name, name in features))


def forked_settings(
    server: SimulatedSettings, source: ThreadSettings, params: dict[str, Any]
) -> ThreadSettings:
    """The settings of a fork: it takes over where its origin works and what that must ask for.

    The sandbox, the model and the effort are the configured ones again (seen on the binary).

    Args:
        server: The server's settings.
        source: The settings of the thread that is forked.
        params: The params of thread/fork, checked.

    Returns:
        The settings.

    Raises:
        Refusal: See :func:`new_settings`.
    """
    # Nothing is known of how a thread ran that has never had a turn, and was stored all the same.
    taken = {"approvalPolicy": source.approval_policy} if source.model else {}
    given = {
        name: value for name, value in params.items() if value is not None or name == "serviceTier"
    }
    cwd = posixpath.normpath(posixpath.join(source.cwd, params.get("cwd") or ""))
    return new_settings(server, cwd, {**taken, **given})


_TURN_ONLY: Final = frozenset(
    {"effort", "summary", "sandboxPolicy", "disabledPluginIds", "collaborationMode"}
)
"""Overrides that only turn/start knows; elsewhere they are unknown members, which are ignored."""


def override_thread(settings: ThreadSettings, params: dict[str, Any]) -> None:
    """Change settings by what thread/start or thread/resume says otherwise; see override."""
    override(settings, {name: params[name] for name in params if name not in _TURN_ONLY})
    if "serviceTier" in params:
        settings.service_tier = _SERVICE_TIERS.get(params["serviceTier"])


_SERVICE_TIERS: Final = {
    None: "default",
    "default": "default",
    "fast": "priority",
    "flex": "flex",
    "priority": "priority",
}
"""What a thread's service tier is, by how a client calls it; an explicit null is one, too."""


def model_warning(settings: ThreadSettings, params: dict[str, Any]) -> str | None:
    """What a client is told that resumes a thread with another model; ``None`` otherwise."""
    model = params.get("model")
    if model is None or not settings.model or model == settings.model:
        return None
    return (
        f"This session was recorded with model `{settings.model}` but is resuming with "
        f"`{model}`. Consider switching back to `{settings.model}` as it may affect Codex "
        "performance."
    )


def tier_warning(settings: ThreadSettings, params: dict[str, Any]) -> str | None:
    """What a client is told that names a service tier which there is not; ``None`` otherwise."""
    tier = params.get("serviceTier")
    if tier is None:
        tier = (params.get("config") or {}).get("service_tier")
    if tier in _SERVICE_TIERS:
        return None
    return (
        f"Configured service tier `{tier}` is not advertised as supported for model "
        f"`{settings.model}` and will be omitted from requests."
    )


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
