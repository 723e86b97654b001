"""The values that requests and results share: policies, input, threads, turns.

May import msgspec only. The invariant: a struct here has the wire's field names in camel case and
its tags as they are; what the server always sends is required, and a value outside an enumeration
does not decode (fail closed).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

ApprovalMode: TypeAlias = Literal["untrusted", "on-request", "never"]
ApprovalsReviewer: TypeAlias = Literal["user", "auto_review", "guardian_subagent"]
SandboxMode: TypeAlias = Literal["read-only", "workspace-write", "danger-full-access"]
HistoryMode: TypeAlias = Literal["legacy", "paginated"]
SortDirection: TypeAlias = Literal["asc", "desc"]
ItemsView: TypeAlias = Literal["notLoaded", "summary", "full"]
TurnStatus: TypeAlias = Literal["completed", "interrupted", "failed", "inProgress"]
ReasoningSummaryMode: TypeAlias = Literal["auto", "concise", "detailed", "none"]
Item: TypeAlias = dict[str, Any]
"""An item as it came; :mod:`codex_runtime.protocol.items` reads it."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the structs of the wire have in common: camel case there, and absent is not null."""


class GranularFlags(msgspec.Struct, frozen=True, kw_only=True):
    """Which kinds of approval are asked for; the wire has these five in snake case."""

    sandbox_approval: bool
    rules: bool
    skill_approval: bool
    request_permissions: bool
    mcp_elicitations: bool


class GranularApproval(msgspec.Struct, frozen=True):
    """The approval policy that says for each kind whether it is asked for."""

    granular: GranularFlags


ApprovalPolicy: TypeAlias = ApprovalMode | GranularApproval


class DangerFullAccess(Wire, frozen=True, kw_only=True, tag_field="type", tag="dangerFullAccess"):
    """No sandbox."""


class ReadOnly(Wire, frozen=True, kw_only=True, tag_field="type", tag="readOnly"):
    """Commands may read and not write."""

    network_access: bool = False


class ExternalSandbox(Wire, frozen=True, kw_only=True, tag_field="type", tag="externalSandbox"):
    """Something else confines the commands."""

    network_access: Literal["restricted", "enabled"] = "restricted"


class WorkspaceWrite(Wire, frozen=True, kw_only=True, tag_field="type", tag="workspaceWrite"):
    """Commands may write below the working folder and the roots named here."""

    writable_roots: tuple[str, ...] = ()
    network_access: bool = False
    exclude_tmpdir_env_var: bool = False
    exclude_slash_tmp: bool = False


SandboxPolicy: TypeAlias = DangerFullAccess | ReadOnly | ExternalSandbox | WorkspaceWrite


class ByteRange(Wire, frozen=True, kw_only=True):
    """A part of a text, in bytes of UTF-8; ``end`` is the first that is not in it."""

    start: int
    end: int


class TextElement(Wire, frozen=True, kw_only=True):
    """A part of a text that an interface shows as something else.

    Attributes:
        byte_range: Which part.
        placeholder: What is shown in its place.
    """

    byte_range: ByteRange
    placeholder: str | None = None


class TextInput(Wire, frozen=True, kw_only=True, tag_field="type", tag="text", omit_defaults=False):
    """Text of the user."""

    text: str
    text_elements: tuple[TextElement, ...] = msgspec.field(default=(), name="text_elements")


class ImageInput(Wire, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """An image by its URL, ``data:`` URLs included."""

    url: str


class LocalImageInput(Wire, frozen=True, kw_only=True, tag_field="type", tag="localImage"):
    """An image file."""

    path: str


class SkillInput(Wire, frozen=True, kw_only=True, tag_field="type", tag="skill"):
    """A skill to use."""

    name: str
    path: str


class MentionInput(Wire, frozen=True, kw_only=True, tag_field="type", tag="mention"):
    """A file or other thing that the user mentions."""

    name: str
    path: str


UserInput: TypeAlias = TextInput | ImageInput | LocalImageInput | SkillInput | MentionInput


class DynamicTool(Wire, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A tool that the client offers to the model.

    Attributes:
        name: Letters, digits, ``_`` and ``-``.
        description: What it does, for the model.
        input_schema: The JSON Schema of its arguments.
        defer_loading: Offer it only when the model searches for it.
    """

    name: str
    description: str
    input_schema: dict[str, Any]
    defer_loading: bool | UnsetType = UNSET


class DynamicToolNamespace(Wire, frozen=True, kw_only=True, tag_field="type", tag="namespace"):
    """Tools under a common name."""

    name: str
    description: str
    tools: tuple[DynamicTool, ...]


class NotLoadedStatus(Wire, frozen=True, kw_only=True, tag_field="type", tag="notLoaded"):
    """The thread is stored and not in memory."""


class IdleStatus(Wire, frozen=True, kw_only=True, tag_field="type", tag="idle"):
    """No turn is running."""


class SystemErrorStatus(Wire, frozen=True, kw_only=True, tag_field="type", tag="systemError"):
    """The last turn failed."""


class ActiveStatus(Wire, frozen=True, kw_only=True, tag_field="type", tag="active"):
    """A turn is running; the flags say what it waits for."""

    active_flags: tuple[str, ...] = ()


ThreadStatus: TypeAlias = NotLoadedStatus | IdleStatus | SystemErrorStatus | ActiveStatus


class TurnError(Wire, frozen=True, kw_only=True):
    """Why a turn failed.

    Attributes:
        message: In words.
        codex_error_info: The kind of failure: a name, or an object with one name as its key.
        additional_details: More words.
    """

    message: str
    codex_error_info: str | dict[str, Any] | None = None
    additional_details: str | None = None


class Turn(Wire, frozen=True, kw_only=True):
    """A turn.

    Attributes:
        id: Its id (a UUIDv7); a fork keeps the ids of the turns it copies.
        status: How far it is.
        items: Its items, as far as ``items_view`` goes.
        items_view: How much of them is there.
        error: Why it failed.
        started_at: Seconds since the epoch.
        completed_at: Seconds since the epoch.
        duration_ms: Milliseconds.
    """

    id: str
    status: TurnStatus
    items: tuple[Item, ...] = ()
    items_view: ItemsView = "full"
    error: TurnError | None = None
    started_at: float | None = None
    completed_at: float | None = None
    duration_ms: float | None = None


class Thread(Wire, frozen=True, kw_only=True):
    """A thread.

    Attributes:
        id: Its id (a UUIDv7).
        session_id: The id of the session it belongs to; its own for a thread that is no fork.
        status: What it is doing.
        preview: The beginning of its first user message.
        cwd: Its working folder.
        created_at: Seconds since the epoch.
        updated_at: Seconds since the epoch.
        name: The name that a person gave it.
        model: The model it uses.
        model_provider: The provider of that model.
        ephemeral: Whether it is kept in memory only.
        history_mode: How its history is stored.
        forked_from_id: The thread it was forked from.
        path: The file its history is, or will be, stored in.
        turns: Its turns, where they were asked for.
    """

    id: str
    status: ThreadStatus
    session_id: str = ""
    preview: str = ""
    cwd: str = ""
    created_at: int = 0
    updated_at: int = 0
    name: str | None = None
    model: str | None = None
    model_provider: str = ""
    ephemeral: bool = False
    history_mode: HistoryMode = "paginated"
    forked_from_id: str | None = None
    path: str | None = None
    turns: tuple[Turn, ...] = ()
