"""The params of every simulated request: which members there are, and what each may be.

May import the field checks, the params about the account, and the dialect. The invariant: params
that pass have the types that the handlers rely on; params that do not are refused in the words of
the real server.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.app_server.dialect.account_params import ACCOUNT_SHAPES
from codex_fakes.app_server.dialect.dynamic_tools import check_shape
from codex_fakes.app_server.dialect.fields import (
    NO_MEMBERS,
    Check,
    Struct,
    Tagged,
    Untagged,
    boolean,
    invalid,
    mapping,
    one_of,
    optional,
    path,
    sequence,
    signed,
    string,
    unsigned,
)
from codex_fakes.app_server.dialect.messages import ABSENT, Refusal, Request
from codex_fakes.app_server.dialect.turn_params import (
    MULTI_AGENT_MODE,
    SHARED_OVERRIDES,
    TURN_SHAPES,
)
from codex_runtime.protocol.methods import CLIENT_METHODS

_TEXT: Final = optional(string)
_ORIGIN: Final = optional(one_of("user", "automatic"))
_ITEM_ANCHOR: Final = Tagged(
    "ThreadItemsListAnchor",
    {"item": Struct("ThreadItemsListAnchor", {"itemId": string}, NO_MEMBERS)},
)
_THREAD_ID: Final = {"threadId": string}
_DIRECTION: Final = optional(one_of("asc", "desc"))
_ITEMS_VIEW: Final = optional(one_of("notLoaded", "summary", "full"))
_CWD_FILTER: Final = Untagged("ThreadListCwdFilter", (string, sequence(string)))
_SOURCE_KIND: Final = one_of(
    "cli",
    "vscode",
    "exec",
    "appServer",
    "subAgent",
    "subAgentReview",
    "subAgentCompact",
    "subAgentThreadSpawn",
    "subAgentOther",
    "unknown",
)
_THREAD_OVERRIDES: Final = {
    **SHARED_OVERRIDES,
    "baseInstructions": _TEXT,
    "config": optional(mapping),
    "developerInstructions": _TEXT,
    "modelProvider": _TEXT,
    "sandbox": optional(one_of("read-only", "workspace-write", "danger-full-access")),
}

_SHAPES: Final[dict[str, Check]] = {
    **ACCOUNT_SHAPES,
    **TURN_SHAPES,
    "initialize": Struct(
        "InitializeParams",
        {"clientInfo": Struct("ClientInfo", {"name": string, "version": string}, {"title": _TEXT})},
        {
            "capabilities": optional(
                Struct(
                    "InitializeCapabilities",
                    NO_MEMBERS,
                    {
                        "experimentalApi": boolean,
                        "requestAttestation": boolean,
                        "explicitGatewayOauth": boolean,
                        "mcpServerOpenaiFormElicitation": boolean,
                        "extensions": optional(mapping),
                        "optOutNotificationMethods": optional(sequence(string)),
                    },
                )
            )
        },
    ),
    "thread/start": Struct(
        "ThreadStartParams",
        NO_MEMBERS,
        {
            **_THREAD_OVERRIDES,
            "ephemeral": optional(boolean),
            "serviceName": _TEXT,
            "dynamicTools": optional(check_shape),
            "environments": optional(sequence(mapping)),
            "historyMode": optional(one_of("legacy", "paginated")),
            "mockExperimentalField": _TEXT,
            "projectId": _TEXT,
            "experimentalRawEvents": boolean,
            "allowProviderModelFallback": boolean,
            "daybreakEnabled": optional(boolean),
            "multiAgentMode": optional(MULTI_AGENT_MODE),
            "sessionStartSource": optional(one_of("startup", "clear")),
            "threadSource": _TEXT,
        },
    ),
    "thread/resume": Struct(
        "ThreadResumeParams",
        _THREAD_ID,
        {
            **_THREAD_OVERRIDES,
            "excludeTurns": boolean,
            "history": optional(sequence(mapping)),
            "path": optional(path),
            "initialTurnsPage": optional(
                Struct(
                    "ThreadResumeInitialTurnsPageParams",
                    NO_MEMBERS,
                    {
                        "limit": optional(unsigned),
                        "sortDirection": _DIRECTION,
                        "itemsView": _ITEMS_VIEW,
                    },
                )
            ),
        },
    ),
    "thread/fork": Struct(
        "ThreadForkParams",
        _THREAD_ID,
        {
            **_THREAD_OVERRIDES,
            "beforeTurnId": _TEXT,
            "lastTurnId": _TEXT,
            "ephemeral": boolean,
            "excludeTurns": boolean,
            "deferGoalContinuation": boolean,
            "experimentalPredictionMode": boolean,
            "threadSource": _TEXT,
            "path": optional(path),
        },
    ),
    "thread/archive": Struct("ThreadArchiveParams", _THREAD_ID, NO_MEMBERS),
    "thread/unarchive": Struct("ThreadUnarchiveParams", _THREAD_ID, NO_MEMBERS),
    "thread/delete": Struct("ThreadDeleteParams", _THREAD_ID, NO_MEMBERS),
    "thread/compact/start": Struct("ThreadCompactStartParams", _THREAD_ID, NO_MEMBERS),
    "thread/revert": Struct(
        "ThreadRevertParams", {"threadId": string, "beforeTurnId": string}, NO_MEMBERS
    ),
    "thread/metadata/update": Struct(
        "ThreadMetadataUpdateParams",
        _THREAD_ID,
        {
            "daybreakEnabled": optional(boolean),
            "gitInfo": optional(
                Struct(
                    "ThreadMetadataGitInfoUpdateParams",
                    NO_MEMBERS,
                    {"branch": _TEXT, "originUrl": _TEXT, "sha": _TEXT},
                )
            ),
            "projectId": _TEXT,
        },
    ),
    "thread/goal/set": Struct(
        "ThreadGoalSetParams",
        _THREAD_ID,
        {
            "objective": _TEXT,
            "status": optional(
                one_of("active", "paused", "blocked", "usageLimited", "budgetLimited", "complete")
            ),
            "tokenBudget": optional(signed),
            "origin": _ORIGIN,
        },
    ),
    "thread/goal/get": Struct("ThreadGoalGetParams", _THREAD_ID, NO_MEMBERS),
    "thread/goal/clear": Struct("ThreadGoalClearParams", _THREAD_ID, {"origin": _ORIGIN}),
    "review/start": Struct(
        "ReviewStartParams",
        {
            "threadId": string,
            "target": Tagged(
                "ReviewTarget",
                {
                    "uncommittedChanges": Struct("ReviewTarget", NO_MEMBERS, NO_MEMBERS),
                    "baseBranch": Struct("ReviewTarget", {"branch": string}, NO_MEMBERS),
                    "commit": Struct("ReviewTarget", {"sha": string}, {"title": _TEXT}),
                    "custom": Struct("ReviewTarget", {"instructions": string}, NO_MEMBERS),
                },
            ),
        },
        {"delivery": optional(one_of("inline", "detached"))},
    ),
    "thread/read": Struct("ThreadReadParams", _THREAD_ID, {"includeTurns": boolean}),
    "thread/list": Struct(
        "ThreadListParams",
        NO_MEMBERS,
        {
            "archived": optional(boolean),
            "cursor": _TEXT,
            "cwd": optional(_CWD_FILTER),
            "limit": optional(unsigned),
            "modelProviders": optional(sequence(string)),
            "originators": optional(sequence(string)),
            "excludedThreadIds": optional(sequence(string)),
            "searchTerm": _TEXT,
            "sortDirection": _DIRECTION,
            "sortKey": optional(
                one_of("created_at", "updated_at", "recency_at", "section_position")
            ),
            "sourceKinds": optional(sequence(_SOURCE_KIND)),
            "useStateDbOnly": boolean,
            "ancestorThreadId": _TEXT,
            "parentThreadId": _TEXT,
            "projectId": _TEXT,
            "sectionId": _TEXT,
        },
    ),
    "model/list": Struct(
        "ModelListParams",
        NO_MEMBERS,
        {"cursor": _TEXT, "limit": optional(unsigned), "includeHidden": optional(boolean)},
    ),
    "thread/loaded/list": Struct(
        "ThreadLoadedListParams", NO_MEMBERS, {"cursor": _TEXT, "limit": optional(unsigned)}
    ),
    "thread/name/set": Struct(
        "ThreadSetNameParams", {"threadId": string, "name": string}, NO_MEMBERS
    ),
    "thread/unsubscribe": Struct("ThreadUnsubscribeParams", _THREAD_ID, NO_MEMBERS),
    "thread/turns/list": Struct(
        "ThreadTurnsListParams",
        _THREAD_ID,
        {
            "cursor": _TEXT,
            "limit": optional(unsigned),
            "sortDirection": _DIRECTION,
            "itemsView": _ITEMS_VIEW,
        },
    ),
    "thread/items/list": Struct(
        "ThreadItemsListParams",
        _THREAD_ID,
        {
            "cursor": optional(Untagged("ThreadItemsListCursor", (string, _ITEM_ANCHOR))),
            "limit": optional(unsigned),
            "sortDirection": _DIRECTION,
            "turnId": _TEXT,
        },
    ),
    "thread/backgroundTerminals/list": Struct(
        "ThreadBackgroundTerminalsListParams",
        _THREAD_ID,
        {"cursor": _TEXT, "limit": optional(unsigned)},
    ),
    "thread/backgroundTerminals/clean": Struct(
        "ThreadBackgroundTerminalsCleanParams", _THREAD_ID, NO_MEMBERS
    ),
    "thread/backgroundTerminals/terminate": Struct(
        "ThreadBackgroundTerminalsTerminateParams",
        {"threadId": string, "processId": string},
        NO_MEMBERS,
    ),
}

EXPERIMENTAL_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "thread/start": (
        "allowProviderModelFallback",
        "daybreakEnabled",
        "dynamicTools",
        "environments",
        "experimentalRawEvents",
        "historyMode",
        "mockExperimentalField",
        "multiAgentMode",
        "permissions",
        "projectId",
        "runtimeWorkspaceRoots",
        "selectedCapabilityRoots",
    ),
    "thread/resume": (
        "history",
        "initialTurnsPage",
        "path",
        "permissions",
        "runtimeWorkspaceRoots",
    ),
    "thread/fork": (
        "beforeTurnId",
        "experimentalPredictionMode",
        "path",
        "permissions",
        "runtimeWorkspaceRoots",
    ),
    "thread/metadata/update": ("daybreakEnabled", "projectId"),
    "thread/list": ("ancestorThreadId", "parentThreadId", "projectId"),
    "turn/start": (
        "additionalContext",
        "collaborationMode",
        "cyberAccessProgram",
        "environments",
        "multiAgentMode",
        "permissions",
        "responsesapiClientMetadata",
        "runtimeWorkspaceRoots",
    ),
    "turn/steer": ("additionalContext", "responsesapiClientMetadata"),
}
"""Members that need the ``experimentalApi`` capability when a client supplies them."""

NOT_SIMULATED_FIELDS: Final[dict[str, dict[str, str]]] = {
    "thread/start": {
        "environments": "environments",
        "runtimeWorkspaceRoots": "environments",
        "selectedCapabilityRoots": "environments",
    },
    "thread/resume": {"history": "given history", "runtimeWorkspaceRoots": "environments"},
    "thread/fork": {
        "experimentalPredictionMode": "given history",
        "runtimeWorkspaceRoots": "environments",
    },
    "turn/start": {
        "environments": "environments",
        "runtimeWorkspaceRoots": "environments",
        "toolOutput": "given history",
    },
}
"""Members that would change what a request does in ways the simulation does not play, each with the
entry of the list of what is not simulated that says why."""


def checked_params(request: Request) -> dict[str, Any]:
    """Check the params of a request.

    Args:
        request: The request of a known, simulated method.

    Returns:
        The params, as they came.

    Raises:
        Refusal: In the words of the real server.
    """
    params = request.params
    if params is ABSENT or params is None:
        if CLIENT_METHODS[request.method].params != "required":
            return {}
        raise invalid("missing field `params`")
    _SHAPES[request.method](params)
    checked: dict[str, Any] = params
    return checked


def refuse_experimental(method: str, params: dict[str, Any]) -> None:
    """Refuse members that need a capability the client does not have.

    Args:
        method: The request's method.
        params: Its params.

    Raises:
        Refusal: Naming the first such member.
    """
    for name in EXPERIMENTAL_FIELDS.get(method, ()):
        if params.get(name) not in (None, False):
            raise Refusal(f"{method}.{name} requires experimentalApi capability")
