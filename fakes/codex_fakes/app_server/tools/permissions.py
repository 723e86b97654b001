"""Permissions that the model asks for: how they are read and shown, and what the user grants.

May import consent, msgspec and the standard library. The invariant: nothing is granted that was
not asked for.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from codex_fakes.app_server.tools.consent import is_inside

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import Answer


class _Network(msgspec.Struct, forbid_unknown_fields=True):
    enabled: bool | None = None


class _FileSystem(msgspec.Struct, forbid_unknown_fields=True):
    read: list[str] | None = None
    write: list[str] | None = None


class Permissions(msgspec.Struct, forbid_unknown_fields=True):
    """What the model wants to be allowed."""

    network: _Network | None = None
    file_system: _FileSystem | None = None


class PermissionsWanted(msgspec.Struct):
    """The arguments of the call that asks for permissions."""

    permissions: Permissions
    reason: str | None = None
    environment_id: str = "local"


class _Place(msgspec.Struct):
    path: str = ""


class _Entry(msgspec.Struct):
    path: _Place
    access: str


class _GrantedFiles(msgspec.Struct):
    write: list[str] | None = None
    entries: list[_Entry] | None = None


class _Granted(msgspec.Struct, rename="camel"):
    file_system: _GrantedFiles | None = None


class _GrantAnswer(msgspec.Struct):
    permissions: _Granted
    scope: Literal["turn", "session"] = "turn"


class Grant(NamedTuple):
    """What the user grants.

    Attributes:
        writable: Files and folders that may be written.
        for_session: Whether that holds for the session, not only for the turn.
    """

    writable: frozenset[str] = frozenset()
    for_session: bool = False


def never_asks(policy: Any) -> bool:
    """Whether a policy keeps the model from asking for permissions."""
    if isinstance(policy, dict):
        return not policy["granular"]["request_permissions"]
    return bool(policy == "never")


def wants_anything(permissions: Permissions) -> bool:
    """Whether anything is asked for at all."""
    network, files = permissions.network, permissions.file_system
    wants_network = network is not None and network.enabled is not None
    return wants_network or bool(files is not None and (files.read or files.write))


def shown_permissions(permissions: Permissions, cwd: str) -> dict[str, Any]:
    """The permissions as the request to the client shows them.

    Args:
        permissions: What the model wants.
        cwd: The folder that its paths are relative to.
    """
    network, files = permissions.network, permissions.file_system
    shown_network = None if network is None else {"enabled": network.enabled}
    if files is None or not (files.read or files.write):
        return {"network": shown_network, "fileSystem": None}
    read = _absolute(files.read, cwd)
    write = _absolute(files.write, cwd)
    entries = [
        {"path": {"type": "path", "path": path}, "access": access}
        for access, paths in (("read", read), ("write", write))
        for path in paths or ()
    ]
    return {
        "network": shown_network,
        "fileSystem": {"read": read, "write": write, "entries": entries},
    }


def granted_writes(wanted: Permissions, answer: Answer, cwd: str) -> Grant:
    """Understand what the user grants.

    Args:
        wanted: What the model asked for.
        answer: What the client answered; what is no grant grants nothing.
        cwd: The folder that the model's paths are relative to.

    Returns:
        What may be written from now on, so far as it was asked for.
    """
    if answer.failed:
        return Grant()
    try:
        given = msgspec.convert(answer.result, _GrantAnswer)
    except msgspec.ValidationError:
        return Grant()
    files = given.permissions.file_system or _GrantedFiles()
    entries = [entry.path.path for entry in files.entries or () if entry.access == "write"]
    asked = [] if wanted.file_system is None else _absolute(wanted.file_system.write, cwd) or []
    granted = frozenset(
        path
        for path in (*(files.write or ()), *entries)
        if any(is_inside(path, root) for root in asked)
    )
    return Grant(granted, given.scope == "session")


def _absolute(paths: list[str] | None, cwd: str) -> list[str] | None:
    if paths is None:
        return None
    return [posixpath.normpath(posixpath.join(cwd, path)) for path in paths]
