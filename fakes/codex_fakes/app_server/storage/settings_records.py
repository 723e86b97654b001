"""The settings of a thread as a rollout keeps them, in the form of the real server.

May import threads' settings. The sandbox is kept as a permission profile: a list of what may be
read and written. The invariant: settings that are written down and read back are the same, so far
as the real server keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.threads.thread_settings import ThreadSettings, sandbox_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROTECTED: Final = (".git", ".agents", ".codex", ".aws")
"""What stays read-only in a folder that may be written."""

_KEBAB: Final = {
    "dangerFullAccess": "danger-full-access",
    "externalSandbox": "external-sandbox",
    "readOnly": "read-only",
    "workspaceWrite": "workspace-write",
}
_SNAKE: Final = {
    "networkAccess": "network_access",
    "writableRoots": "writable_roots",
    "excludeTmpdirEnvVar": "exclude_tmpdir_env_var",
    "excludeSlashTmp": "exclude_slash_tmp",
}


def settings_to_rollout(settings: ThreadSettings) -> dict[str, Any]:
    """The ``thread_settings`` of a ``thread_settings_applied`` event."""
    written = {
        "model": settings.model,
        "model_provider_id": settings.model_provider,
        "service_tier": settings.service_tier,
        "approval_policy": settings.approval_policy,
        "approvals_reviewer": settings.approvals_reviewer,
        "permission_profile": _profile(settings.sandbox, settings.cwd),
        "active_permission_profile": settings.permission_profile,
        "cwd": settings.cwd,
        "runtime_workspace_roots": [settings.cwd],
        "reasoning_effort": settings.effort,
        "reasoning_summary": settings.summary,
        "personality": settings.personality,
        "collaboration_mode": settings.collaboration_mode(),
        "disabled_plugin_ids": settings.disabled_plugins,
    }
    return {name: value for name, value in written.items() if value is not None}


def turn_context(turn_id: str, root_id: str, settings: ThreadSettings) -> dict[str, Any]:
    """The payload of the ``turn_context`` line of a turn."""
    effort = {} if settings.effort is None else {"effort": settings.effort}
    return {
        "turn_id": turn_id,
        "root_turn_id": root_id,
        "disabled_plugin_ids": settings.disabled_plugins,
        "cwd": settings.cwd,
        "approval_policy": settings.approval_policy,
        "approvals_reviewer": settings.approvals_reviewer,
        "sandbox_policy": {
            _SNAKE.get(name, name): _KEBAB.get(value, value) if name == "type" else value
            for name, value in settings.sandbox.items()
        },
        "permission_profile": _profile(settings.sandbox, settings.cwd),
        "model": settings.model,
        **effort,
        "summary": "none",
    }


def _profile(policy: dict[str, Any], cwd: str) -> dict[str, Any]:
    kind = policy.get("type", "readOnly")
    if kind == "dangerFullAccess":
        return {"type": "disabled"}
    network = "enabled" if policy.get("networkAccess") in {True, "enabled"} else "restricted"
    if kind == "externalSandbox":
        return {"type": "external", "network": network}
    entries = list(_entries(policy, cwd))
    files = {"type": "restricted", "entries": entries}
    return {"type": "managed", "file_system": files, "network": network}


def _entries(policy: dict[str, Any], cwd: str) -> Iterator[dict[str, Any]]:
    yield _entry({"type": "special", "value": {"kind": "root"}}, "read")
    if policy.get("type") != "workspaceWrite":
        return
    yield _entry({"type": "path", "path": cwd}, "write")
    for name, excluded in (("slash_tmp", "excludeSlashTmp"), ("tmpdir", "excludeTmpdirEnvVar")):
        if not policy[excluded]:
            yield _entry({"type": "special", "value": {"kind": name}}, "write")
    for root in policy["writableRoots"]:
        yield _entry({"type": "path", "path": root}, "write")
    for name in _PROTECTED:
        protected = _entry({"type": "path", "path": f"{cwd}/{name}"}, "read")
        yield {**protected, "missing_path_behavior": "skip"}


def _entry(path: dict[str, Any], access: str) -> dict[str, Any]:
    return {"path": path, "access": access}


# --- reading --------------------------------------------------------------------------------------


def settings_from_rollout(stored: dict[str, Any]) -> ThreadSettings:
    """Read the ``thread_settings`` of a ``thread_settings_applied`` event.

    Args:
        stored: What the event says; members that are null may be left out.

    Returns:
        The settings.
    """
    mode = stored["collaboration_mode"]
    return ThreadSettings(
        cwd=stored["cwd"],
        approval_policy=stored["approval_policy"],
        sandbox=_policy(stored["permission_profile"], stored["cwd"]),
        model=stored["model"],
        model_provider=stored["model_provider_id"],
        approvals_reviewer=stored.get("approvals_reviewer", "user"),
        effort=stored.get("reasoning_effort"),
        summary=stored.get("reasoning_summary"),
        service_tier=stored.get("service_tier"),
        personality=stored.get("personality"),
        permission_profile=stored.get("active_permission_profile"),
        disabled_plugins=stored.get("disabled_plugin_ids", []),
        collaboration={
            "mode": mode["mode"],
            "instructions": mode["settings"].get("developer_instructions"),
        },
    )


def _policy(profile: dict[str, Any], cwd: str) -> dict[str, Any]:
    network = profile.get("network") == "enabled"
    if profile["type"] == "disabled":
        return sandbox_policy("danger-full-access")
    if profile["type"] == "external":
        access = "enabled" if network else "restricted"
        return {"type": "externalSandbox", "networkAccess": access}
    places = [
        entry["path"] for entry in profile["file_system"]["entries"] if entry["access"] == "write"
    ]
    if not places:
        return {**sandbox_policy("read-only"), "networkAccess": network}
    special = {place["value"]["kind"] for place in places if place["type"] == "special"}
    paths = [place["path"] for place in places if place["type"] == "path"]
    return {
        "type": "workspaceWrite",
        "writableRoots": [path for path in paths if path != cwd],
        "networkAccess": network,
        "excludeTmpdirEnvVar": "tmpdir" not in special,
        "excludeSlashTmp": "slash_tmp" not in special,
    }
