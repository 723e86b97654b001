"""The server's requests and what we answer them, typed.

May import the shared values. The invariant: an answer is one of the shapes the request's method
allows (:data:`ANSWERS`), or a refusal with a code; nothing else is ever sent.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from codex_runtime.protocol.values import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExecPolicyAmendment(msgspec.Struct, frozen=True):
    """The command prefix that need not be asked for again; snake case on the wire."""

    execpolicy_amendment: tuple[str, ...]


class NetworkRule(msgspec.Struct, frozen=True):
    """A host, and whether it may be reached."""

    action: Literal["allow", "deny"]
    host: str


class NetworkPolicyAmendment(msgspec.Struct, frozen=True):
    """The host that is allowed or denied from now on; snake case on the wire."""

    network_policy_amendment: NetworkRule


class AmendedDecision(Wire, frozen=True, kw_only=True):
    """A decision that also changes a policy: exactly one of the two.

    Attributes:
        accept_with_execpolicy_amendment: Accept, and do not ask again for commands like this.
        apply_network_policy_amendment: Decide about a host once and for all.
    """

    accept_with_execpolicy_amendment: ExecPolicyAmendment | UnsetType = UNSET
    apply_network_policy_amendment: NetworkPolicyAmendment | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a decision that decides nothing, or two things."""
        both = (self.accept_with_execpolicy_amendment, self.apply_network_policy_amendment)
        if both.count(UNSET) != 1:
            raise ValueError("a decision with an amendment has exactly one amendment")


FileChangeDecision: TypeAlias = Literal["accept", "acceptForSession", "decline", "cancel"]
CommandDecision: TypeAlias = FileChangeDecision | AmendedDecision


class CommandApproval(Wire, frozen=True, kw_only=True):
    """The answer to ``item/commandExecution/requestApproval``."""

    decision: CommandDecision


class FileChangeApproval(Wire, frozen=True, kw_only=True):
    """The answer to ``item/fileChange/requestApproval``."""

    decision: FileChangeDecision


class UserAnswer(Wire, frozen=True, kw_only=True):
    """The answers to one question."""

    answers: tuple[str, ...]


class UserInputAnswers(Wire, frozen=True, kw_only=True):
    """The answer to ``item/tool/requestUserInput``: one entry per question id."""

    answers: dict[str, UserAnswer]


class InputText(Wire, frozen=True, kw_only=True, tag_field="type", tag="inputText"):
    """Text that a tool returns."""

    text: str


class InputImage(Wire, frozen=True, kw_only=True, tag_field="type", tag="inputImage"):
    """An image that a tool returns."""

    image_url: str


class InputAudio(Wire, frozen=True, kw_only=True, tag_field="type", tag="inputAudio"):
    """Sound that a tool returns."""

    audio_url: str


class DynamicToolResult(Wire, frozen=True, kw_only=True):
    """The answer to ``item/tool/call``."""

    content_items: tuple[InputText | InputImage | InputAudio, ...]
    success: bool


class RefreshedTokens(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """The answer to ``account/chatgptAuthTokens/refresh``."""

    access_token: str
    chatgpt_account_id: str
    chatgpt_plan_type: str | None = None


class PermissionsGranted(Wire, frozen=True, kw_only=True):
    """The answer to ``item/permissions/requestApproval``."""

    permissions: dict[str, Any]
    scope: Literal["turn", "session"]


class ElicitationAnswer(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """The answer to ``mcpServer/elicitation/request``."""

    action: Literal["accept", "decline", "cancel"]
    content: Any = None
    meta: Any = msgspec.field(default=None, name="_meta")


class CurrentTime(Wire, frozen=True, kw_only=True):
    """The answer to ``currentTime/read``, in seconds since the epoch."""

    current_time_at: int


class Attestation(Wire, frozen=True, kw_only=True):
    """The answer to ``attestation/generate``."""

    token: str


class Rejection(Wire, frozen=True, kw_only=True):
    """Why a request of the first protocol is refused, in words for the model."""

    rejection: str


class Denied(Wire, frozen=True, kw_only=True):
    """The refusal of a request of the first protocol."""

    denied: Rejection


LegacyDecision: TypeAlias = (
    Literal[
        "approved", "approved_for_session", "approved_mcp_policy_amendment", "timed_out", "abort"
    ]
    | Denied
)


class LegacyApproval(Wire, frozen=True, kw_only=True):
    """The answer to ``applyPatchApproval`` and ``execCommandApproval``."""

    decision: LegacyDecision


Answer: TypeAlias = (
    CommandApproval
    | FileChangeApproval
    | UserInputAnswers
    | DynamicToolResult
    | RefreshedTokens
    | PermissionsGranted
    | ElicitationAnswer
    | CurrentTime
    | Attestation
    | LegacyApproval
)

ANSWERS: Final[Mapping[str, type[Answer]]] = MappingProxyType(
    {
        "item/commandExecution/requestApproval": CommandApproval,
        "item/fileChange/requestApproval": FileChangeApproval,
        "item/tool/requestUserInput": UserInputAnswers,
        "item/tool/call": DynamicToolResult,
        "account/chatgptAuthTokens/refresh": RefreshedTokens,
        "item/permissions/requestApproval": PermissionsGranted,
        "mcpServer/elicitation/request": ElicitationAnswer,
        "currentTime/read": CurrentTime,
        "attestation/generate": Attestation,
        "applyPatchApproval": LegacyApproval,
        "execCommandApproval": LegacyApproval,
    }
)
"""What may be answered to each of the server's requests."""
