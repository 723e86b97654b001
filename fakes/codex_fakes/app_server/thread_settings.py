"""What a thread runs with: where it comes from, what changes it, and how the wire shows it.

May import the server's settings and the dialect. The invariant: the settings of a thread are always
complete; what a client leaves out is filled in here, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect import Refusal, not_simulated

if TYPE_CHECKING:
    from codex_fakes.app_server.settings import SimulatedSettings

BUILT_IN_PROVIDERS: Final = frozenset({"openai", "ollama", "lmstudio"})
"""The model providers that need no configuration."""

_PROFILES: Final = {
    ":read-only": "read-only",
    ":workspace": "workspace-write",
    ":danger-full-access": "danger-full-access",
}
_CONFIG_KEYS: Final = {
    "model": "model",
    "model_reasoning_effort": "effort",
    "approval_policy": "approval_policy",
    "sandbox_mode": "sandbox",
}


@dataclass(slots=True)
class ThreadSettings:
    """What a thread runs with; turn/start changes it for good (FACTS §7)."""

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

    def collaboration_mode(self) -> dict[str, Any]:
        """The collaboration mode as the wire shows it."""
        if self.collaboration is not None:
            return self.collaboration
        return {
            "mode": "default",
            "settings": {
                "model": self.model,
                "reasoning_effort": self.effort,
                "developer_instructions": None,
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
    unknown = [key for key in config if key not in _CONFIG_KEYS]
    if unknown:
        raise not_simulated(f"the configuration override {unknown[0]!r}")
    own = {_CONFIG_KEYS[key]: value for key, value in config.items()}
    settings = ThreadSettings(
        cwd=cwd,
        approval_policy=own.get("approval_policy") or server.approval_policy,
        sandbox=sandbox_policy(params.get("sandbox") or own.get("sandbox") or server.sandbox),
        model=own.get("model") or server.model,
        model_provider=provider or server.model_provider,
        effort=own.get("effort"),
    )
    override_thread(settings, params)
    return settings


_TURN_ONLY: Final = frozenset({"effort", "summary", "sandboxPolicy", "disabledPluginIds"})
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
    settings.approvals_reviewer = _reviewer(settings.approvals_reviewer)
    settings.approval_policy = _completed_approval(settings.approval_policy)
    if params.get("permissions") is not None:
        settings.sandbox = sandbox_policy(_profile_mode(params["permissions"]))
        settings.permission_profile = {"id": params["permissions"], "extends": None}
    if params.get("sandboxPolicy") is not None:
        settings.sandbox = _completed_policy(params["sandboxPolicy"])
        settings.permission_profile = None


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
    modes = {"readOnly": "read-only", "workspaceWrite": "workspace-write"}
    kind = policy["type"]
    if kind == "externalSandbox":
        return {"type": kind, "networkAccess": policy.get("networkAccess", "restricted")}
    if kind not in modes:
        return {"type": kind}
    full = sandbox_policy(modes[kind])
    return {key: policy.get(key, value) for key, value in full.items()}
