"""Every method of the app-server protocol, with who calls it and how it is addressed.

May import nothing of the project. The invariant: a fact about a method stands in these tables and
nowhere else; classification, outbound validation and the builders read it here. The tables are
those of codex 0.163.0, in the order in which the server itself lists its methods; a test compares
them with what the installed binary generates.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOL_VERSION: Final = "0.163.0"
"""The version of codex these tables, and everything built on them, describe."""

Params = Literal["required", "optional", "none"]
"""Whether a request carries ``params``: must, may (or ``null``), or never needs them."""

ThreadIdPlace = Literal["required", "optional", "nested", "conversation", "none"]
"""Where a message carries its thread id: ``params.threadId`` (always, or sometimes),
``params.thread.id``, ``params.conversationId`` (legacy), or nowhere."""

TurnIdPlace = Literal["required", "optional", "nested", "none"]
"""Where a message carries its turn id: ``params.turnId`` (always, or sometimes),
``params.turn.id``, or nowhere."""


@dataclass(frozen=True, slots=True)
class ClientMethod:
    """A request that the client may make.

    Attributes:
        name: The method.
        params: Whether it carries ``params``.
        experimental: Whether it needs the ``experimentalApi`` capability.
    """

    name: str
    params: Params
    experimental: bool


@dataclass(frozen=True, slots=True)
class ServerMethod:
    """A notification or request that the server may send.

    Attributes:
        name: The method.
        kind: Which of the two it is.
        thread_id: Where it carries its thread id.
        turn_id: Where it carries its turn id.
    """

    name: str
    kind: Literal["notification", "request"]
    thread_id: ThreadIdPlace
    turn_id: TurnIdPlace


_CLIENT: Final[tuple[tuple[str, Params, bool], ...]] = (
    ("initialize", "required", False),
    ("server/diagnostics", "required", True),
    ("userVerification/status", "required", True),
    ("userVerification/enroll", "required", True),
    ("userVerification/delete", "required", True),
    ("userVerification/verify", "required", True),
    ("userVerification/cancel", "required", True),
    ("thread/start", "required", False),
    ("thread/resume", "required", False),
    ("thread/fork", "required", False),
    ("thread/archive", "required", False),
    ("thread/delete", "required", False),
    ("thread/unsubscribe", "required", False),
    ("thread/increment_elicitation", "required", True),
    ("thread/decrement_elicitation", "required", True),
    ("thread/name/set", "required", False),
    ("thread/prediction/request", "required", True),
    ("thread/goal/set", "required", False),
    ("thread/goal/get", "required", False),
    ("thread/goal/clear", "required", False),
    ("thread/queue/add", "required", True),
    ("thread/queue/list", "required", True),
    ("thread/queue/update", "required", True),
    ("thread/queue/delete", "required", True),
    ("thread/queue/reorder", "required", True),
    ("thread/queue/start", "required", True),
    ("thread/metadata/update", "required", False),
    ("thread/attachment/add", "required", False),
    ("thread/attachment/list", "required", False),
    ("thread/attachmentOwner/list", "required", False),
    ("thread/attachment/remove", "required", False),
    ("thread/section/move", "required", False),
    ("thread/settings/update", "required", True),
    ("thread/memoryMode/set", "required", True),
    ("memory/status", "required", True),
    ("memory/reset", "none", True),
    ("rollout/compress", "none", True),
    ("thread/unarchive", "required", False),
    ("thread/compact/start", "required", False),
    ("thread/shellCommand", "required", False),
    ("thread/approveGuardianDeniedAction", "required", False),
    ("thread/backgroundTerminals/clean", "required", True),
    ("thread/backgroundTerminals/list", "required", True),
    ("thread/backgroundTerminals/terminate", "required", True),
    ("thread/revert", "required", False),
    ("thread/list", "required", False),
    ("project/list", "required", True),
    ("project/read", "required", True),
    ("project/create", "required", True),
    ("project/import", "required", True),
    ("project/update", "required", True),
    ("project/move", "required", True),
    ("project/delete", "required", True),
    ("threadSection/list", "required", False),
    ("threadSection/create", "required", False),
    ("threadSection/update", "required", False),
    ("threadSection/delete", "required", False),
    ("thread/search", "required", True),
    ("thread/searchOccurrences", "required", True),
    ("thread/loaded/list", "required", False),
    ("thread/read", "required", False),
    ("thread/readState/update", "required", True),
    ("thread/turns/list", "required", False),
    ("thread/items/list", "required", False),
    ("thread/items/read", "required", True),
    ("thread/inject_items", "required", False),
    ("skills/list", "required", False),
    ("skills/extraRoots/set", "required", False),
    ("hooks/list", "required", False),
    ("marketplace/add", "required", False),
    ("marketplace/remove", "required", False),
    ("marketplace/upgrade", "required", False),
    ("plugin/list", "required", False),
    ("plugin/search", "required", True),
    ("plugin/installed", "required", False),
    ("plugin/reconcile", "required", False),
    ("plugin/read", "required", False),
    ("plugin/skill/read", "required", False),
    ("plugin/share/save", "required", False),
    ("plugin/share/updateTargets", "required", False),
    ("plugin/share/list", "required", False),
    ("plugin/share/checkout", "required", False),
    ("plugin/share/delete", "required", False),
    ("app/read", "required", False),
    ("app/list", "required", False),
    ("app/installed", "required", False),
    ("fs/readFile", "required", False),
    ("fs/writeFile", "required", False),
    ("fs/createDirectory", "required", False),
    ("fs/getMetadata", "required", False),
    ("fs/readDirectory", "required", False),
    ("fs/remove", "required", False),
    ("fs/copy", "required", False),
    ("fs/watch", "required", False),
    ("fs/unwatch", "required", False),
    ("skills/config/write", "required", False),
    ("plugin/install", "required", False),
    ("plugin/uninstall", "required", False),
    ("turn/start", "required", False),
    ("turn/settings/update", "required", True),
    ("turn/steer", "required", False),
    ("turn/interrupt", "required", False),
    ("thread/realtime/start", "required", True),
    ("thread/realtime/appendAudio", "required", True),
    ("thread/realtime/appendText", "required", True),
    ("thread/realtime/appendSpeech", "required", True),
    ("thread/realtime/stop", "required", True),
    ("thread/timeline/list", "required", True),
    ("thread/realtime/listVoices", "required", True),
    ("review/start", "required", False),
    ("model/list", "required", False),
    ("account/gatewayOAuth/read", "none", False),
    ("account/gatewayOAuth/login", "none", False),
    ("account/gatewayOAuth/cancel", "none", False),
    ("modelProvider/capabilities/read", "required", False),
    ("experimentalFeature/list", "required", False),
    ("permissionProfile/list", "required", False),
    ("experimentalFeature/enablement/set", "required", False),
    ("remoteControl/enable", "optional", True),
    ("remoteControl/disable", "optional", True),
    ("remoteControl/status/read", "none", True),
    ("remoteControl/pairing/start", "required", True),
    ("remoteControl/pairing/status", "required", True),
    ("remoteControl/client/list", "required", True),
    ("remoteControl/client/revoke", "required", True),
    ("collaborationMode/list", "required", True),
    ("mock/experimentalMethod", "required", True),
    ("environment/add", "required", True),
    ("environment/info", "required", True),
    ("environment/status", "required", True),
    ("mcpServer/oauth/login", "required", False),
    ("config/mcpServer/reload", "none", False),
    ("mcpServerStatus/list", "required", False),
    ("mcpServer/resource/read", "required", False),
    ("mcpServer/event/stream/start", "required", True),
    ("mcpServer/event/stream/stop", "required", True),
    ("mcpServer/tool/call", "required", False),
    ("windowsSandbox/setupStart", "required", False),
    ("windowsSandbox/readiness", "none", False),
    ("account/login/start", "required", False),
    ("account/bedrock/discover", "required", True),
    ("account/bedrock/setup", "required", True),
    ("account/bedrock/checkGovCloudRequirements", "required", True),
    ("account/login/cancel", "required", False),
    ("account/logout", "none", False),
    ("account/rateLimits/read", "optional", False),
    ("account/rateLimitResetCredit/consume", "required", False),
    ("account/usage/read", "optional", False),
    ("account/workspaceMessages/read", "none", False),
    ("account/sendAddCreditsNudgeEmail", "required", False),
    ("feedback/upload", "required", False),
    ("command/exec", "required", False),
    ("command/exec/write", "required", False),
    ("command/exec/terminate", "required", False),
    ("command/exec/resize", "required", False),
    ("process/spawn", "required", True),
    ("process/writeStdin", "required", True),
    ("process/kill", "required", True),
    ("process/resizePty", "required", True),
    ("config/read", "required", False),
    ("externalAgentConfig/detect", "required", False),
    ("externalAgentConfig/import", "required", False),
    ("externalAgentConfig/import/recordHistory", "required", False),
    ("externalAgentConfig/import/readHistories", "none", False),
    ("config/value/write", "required", False),
    ("config/batchWrite", "required", False),
    ("configRequirements/read", "none", False),
    ("account/read", "required", False),
    ("getConversationSummary", "required", False),
    ("gitDiffToRemote", "required", False),
    ("getAuthStatus", "required", False),
    ("fuzzyFileSearch", "required", False),
    ("fuzzyFileSearch/sessionStart", "required", True),
    ("fuzzyFileSearch/sessionUpdate", "required", True),
    ("fuzzyFileSearch/sessionStop", "required", True),
)

_NOTIFICATIONS: Final[tuple[tuple[str, ThreadIdPlace, TurnIdPlace], ...]] = (
    ("error", "required", "required"),
    ("thread/started", "nested", "none"),
    ("thread/status/changed", "required", "none"),
    ("thread/readState/changed", "required", "none"),
    ("thread/archived", "required", "none"),
    ("thread/deleted", "required", "none"),
    ("thread/unarchived", "required", "none"),
    ("thread/closed", "required", "none"),
    ("thread/reverted", "required", "none"),
    ("skills/changed", "none", "none"),
    ("thread/name/updated", "required", "none"),
    ("thread/attachment/updated", "required", "none"),
    ("thread/goal/updated", "required", "optional"),
    ("thread/prediction/updated", "required", "none"),
    ("thread/goal/cleared", "required", "none"),
    ("thread/queue/changed", "required", "none"),
    ("project/changed", "none", "none"),
    ("thread/project/updated", "required", "none"),
    ("thread/environment/connected", "required", "none"),
    ("thread/environment/disconnected", "required", "none"),
    ("thread/settings/updated", "required", "none"),
    ("thread/tokenUsage/updated", "required", "required"),
    ("turn/started", "required", "nested"),
    ("hook/started", "required", "optional"),
    ("turn/completed", "required", "nested"),
    ("hook/completed", "required", "optional"),
    ("turn/diff/updated", "required", "required"),
    ("turn/plan/updated", "required", "required"),
    ("item/started", "required", "required"),
    ("item/autoApprovalReview/started", "required", "required"),
    ("item/autoApprovalReview/completed", "required", "required"),
    ("autoApprovalReview/strictReviewRequired", "required", "required"),
    ("item/completed", "required", "required"),
    ("item/agentMessage/delta", "required", "required"),
    ("item/plan/delta", "required", "required"),
    ("command/exec/outputDelta", "none", "none"),
    ("process/outputDelta", "none", "none"),
    ("process/exited", "none", "none"),
    ("item/commandExecution/outputDelta", "required", "required"),
    ("item/commandExecution/terminalInteraction", "required", "required"),
    ("item/fileChange/outputDelta", "required", "required"),
    ("item/fileChange/patchUpdated", "required", "required"),
    ("serverRequest/resolved", "required", "none"),
    ("item/mcpToolCall/progress", "required", "required"),
    ("mcpServer/oauthLogin/completed", "optional", "none"),
    ("mcpServer/startupStatus/updated", "optional", "none"),
    ("mcpServer/event/stream/notification", "none", "none"),
    ("account/updated", "none", "none"),
    ("account/gatewayOAuth/changed", "none", "none"),
    ("account/rateLimits/updated", "none", "none"),
    ("app/list/updated", "none", "none"),
    ("remoteControl/status/changed", "none", "none"),
    ("externalAgentConfig/import/progress", "none", "none"),
    ("externalAgentConfig/import/completed", "none", "none"),
    ("fs/changed", "none", "none"),
    ("item/reasoning/summaryTextDelta", "required", "required"),
    ("item/reasoning/summaryPartAdded", "required", "required"),
    ("item/reasoning/textDelta", "required", "required"),
    ("thread/compacted", "required", "required"),
    ("model/rerouted", "required", "required"),
    ("model/verification", "required", "required"),
    ("modelProvider/authRecoveryStarted", "required", "required"),
    ("modelProvider/authRecoveryCompleted", "required", "required"),
    ("turn/moderationMetadata", "required", "required"),
    ("model/safetyBuffering/updated", "required", "required"),
    ("warning", "optional", "none"),
    ("guardianWarning", "required", "none"),
    ("deprecationNotice", "none", "none"),
    ("configWarning", "none", "none"),
    ("fuzzyFileSearch/sessionUpdated", "none", "none"),
    ("fuzzyFileSearch/sessionCompleted", "none", "none"),
    ("thread/realtime/started", "required", "none"),
    ("thread/realtime/itemAdded", "required", "none"),
    ("thread/realtime/item/started", "required", "none"),
    ("thread/realtime/item/transcript/delta", "required", "none"),
    ("thread/realtime/item/completed", "required", "none"),
    ("thread/realtime/transcript/delta", "required", "none"),
    ("thread/realtime/transcript/done", "required", "none"),
    ("thread/realtime/outputAudio/delta", "required", "none"),
    ("thread/realtime/sdp", "required", "none"),
    ("thread/realtime/error", "required", "none"),
    ("thread/realtime/closed", "required", "none"),
    ("windows/worldWritableWarning", "none", "none"),
    ("windowsSandbox/setupCompleted", "none", "none"),
    ("account/login/completed", "none", "none"),
    ("rawResponseItem/completed", "required", "required"),
    ("rawResponse/completed", "required", "required"),
)

_SERVER_REQUESTS: Final[tuple[tuple[str, ThreadIdPlace, TurnIdPlace], ...]] = (
    ("item/commandExecution/requestApproval", "required", "required"),
    ("item/fileChange/requestApproval", "required", "required"),
    ("item/tool/requestUserInput", "required", "required"),
    ("mcpServer/elicitation/request", "required", "optional"),
    ("item/permissions/requestApproval", "required", "required"),
    ("item/tool/call", "required", "required"),
    ("account/chatgptAuthTokens/refresh", "none", "none"),
    ("attestation/generate", "none", "none"),
    ("currentTime/read", "required", "none"),
    ("applyPatchApproval", "conversation", "none"),
    ("execCommandApproval", "conversation", "none"),
)

CLIENT_METHODS: Final[Mapping[str, ClientMethod]] = MappingProxyType(
    {name: ClientMethod(name, params, experimental) for name, params, experimental in _CLIENT}
)
"""The requests that the client may make, by name."""

CLIENT_NOTIFICATIONS: Final = frozenset({"initialized"})
"""The notifications that the client may send."""

SERVER_METHODS: Final[Mapping[str, ServerMethod]] = MappingProxyType(
    {
        name: ServerMethod(name, "notification", thread, turn)
        for name, thread, turn in _NOTIFICATIONS
    }
    | {name: ServerMethod(name, "request", thread, turn) for name, thread, turn in _SERVER_REQUESTS}
)
"""The notifications and requests that the server may send, by name."""

LEGACY_METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "newConversation": "thread/start",
        "resumeConversation": "thread/resume",
        "listConversations": "thread/list",
        "forkConversation": "thread/fork",
        "archiveConversation": "thread/archive",
        "interruptConversation": "turn/interrupt",
        "sendUserMessage": "turn/start",
        "sendUserTurn": "turn/start",
        "addConversationListener": "thread/resume, which subscribes",
        "removeConversationListener": "thread/unsubscribe",
        "loginApiKey": "account/login/start",
        "loginChatGpt": "account/login/start",
        "cancelLoginChatGpt": "account/login/cancel",
        "logoutChatGpt": "account/logout",
        "getUserAgent": "initialize, whose result carries it",
        "userInfo": "account/read",
        "getUserSavedConfig": "config/read",
        "setDefaultModel": "config/value/write",
        "execOneOffCommand": "command/exec",
        "thread/rollback": "thread/revert",
    }
)
"""Methods that the server no longer has, and what took their place."""
