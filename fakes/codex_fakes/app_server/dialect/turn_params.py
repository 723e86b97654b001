"""The params of requests about turns, and the members they share with requests about threads.

May import the field checks. The invariant is that of :mod:`codex_fakes.app_server.dialect.params`.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.app_server.dialect.fields import (
    NO_MEMBERS,
    Struct,
    Tagged,
    Untagged,
    absolute_path,
    boolean,
    invalid,
    mapping,
    mapping_of,
    one_of,
    optional,
    path,
    sequence,
    string,
    unsigned,
    variant,
    variant_of,
    wrong_type,
)

_TEXT: Final = optional(string)
_GRANULAR: Final = Struct(
    "variant",
    {"sandbox_approval": boolean, "rules": boolean, "mcp_elicitations": boolean},
    {"request_permissions": boolean, "skill_approval": boolean},
)


def _approval_policy(value: Any) -> None:
    if variant(value, ("untrusted", "on-request", "granular", "never")) == "granular":
        if not isinstance(value, dict):
            raise wrong_type(value, "struct variant AskForApproval::Granular")
        _GRANULAR(value["granular"])


def _effort(value: Any) -> None:
    string(value)
    if not value:
        raise invalid("reasoning_effort must not be empty")


MULTI_AGENT_MODE: Final = variant_of(
    ("none", "custom", "explicitRequestOnly", "proactive"), {"custom": string}
)
"""How much a model may work with others."""
_REVIEWER: Final = one_of("user", "auto_review", "guardian_subagent")
_PERSONALITY: Final = one_of("none", "friendly", "pragmatic")
_SANDBOX: Final = Tagged(
    "SandboxPolicyDeserialize",
    {
        "dangerFullAccess": Struct("SandboxPolicy", NO_MEMBERS, NO_MEMBERS),
        "readOnly": Struct("SandboxPolicy", NO_MEMBERS, {"networkAccess": boolean}),
        "externalSandbox": Struct(
            "SandboxPolicy", NO_MEMBERS, {"networkAccess": one_of("restricted", "enabled")}
        ),
        "workspaceWrite": Struct(
            "SandboxPolicy",
            NO_MEMBERS,
            {
                "writableRoots": sequence(absolute_path),
                "networkAccess": boolean,
                "excludeTmpdirEnvVar": boolean,
                "excludeSlashTmp": boolean,
            },
        ),
    },
)
_DETAIL: Final = optional(one_of("auto", "low", "high", "original"))
_CONTEXT: Final = optional(
    mapping_of(
        Struct(
            "AdditionalContextEntry",
            {"value": string, "kind": one_of("untrusted", "application")},
            NO_MEMBERS,
        )
    )
)
_CLIENT_METADATA: Final = optional(mapping_of(string))
_TEXT_ELEMENT: Final = Struct(
    "TextElement",
    {"byteRange": Struct("ByteRange", {"start": unsigned, "end": unsigned}, NO_MEMBERS)},
    {"placeholder": _TEXT},
)
_INPUT: Final = sequence(
    Tagged(
        "UserInput",
        {
            "text": Struct(
                "UserInput", {"text": string}, {"text_elements": sequence(_TEXT_ELEMENT)}
            ),
            "image": Untagged(
                "ImageReference",
                (
                    Struct("ImageReference", {"url": string}, {"detail": _DETAIL}),
                    Struct("ImageReference", {"fileId": string}, {"detail": _DETAIL}),
                ),
            ),
            "localImage": Struct("UserInput", {"path": path}, {"detail": _DETAIL}),
            "audio": Struct("UserInput", {"url": string}, NO_MEMBERS),
            "localAudio": Struct("UserInput", {"path": path}, NO_MEMBERS),
            "skill": Struct("UserInput", {"name": string, "path": path}, NO_MEMBERS),
            "mention": Struct("UserInput", {"name": string, "path": string}, NO_MEMBERS),
        },
    )
)
_MODE: Final = one_of("plan", "code", "custom", "default", "execute", "pair_programming")
_MODE_SETTINGS: Final = Struct(
    "Settings",
    {"model": string},
    {"reasoning_effort": optional(_effort), "developer_instructions": _TEXT},
)
SHARED_OVERRIDES: Final = {
    "approvalPolicy": optional(_approval_policy),
    "approvalsReviewer": optional(_REVIEWER),
    "cwd": _TEXT,
    "model": _TEXT,
    "permissions": _TEXT,
    "personality": optional(_PERSONALITY),
    "serviceTier": _TEXT,
    "runtimeWorkspaceRoots": optional(sequence(string)),
}

TURN_SHAPES: Final = {
    "turn/start": Struct(
        "TurnStartParams",
        {"threadId": string, "input": _INPUT},
        {
            **SHARED_OVERRIDES,
            "cwd": optional(path),
            "multiAgentMode": optional(MULTI_AGENT_MODE),
            "cyberAccessProgram": optional(one_of("standard", "daybreakBlue", "daybreakRed")),
            "parentTurnId": _TEXT,
            "rootTurnId": _TEXT,
            "serviceTierForTurn": _TEXT,
            "turnTrigger": _TEXT,
            "clientUserMessageId": _TEXT,
            "effort": optional(_effort),
            "sandboxPolicy": optional(_SANDBOX),
            "summary": optional(one_of("auto", "concise", "detailed", "none")),
            "collaborationMode": optional(
                Struct(
                    "CollaborationMode",
                    {"mode": _MODE, "settings": _MODE_SETTINGS},
                    NO_MEMBERS,
                )
            ),
            "disabledPluginIds": optional(sequence(string)),
            "additionalContext": _CONTEXT,
            "responsesapiClientMetadata": _CLIENT_METADATA,
            "environments": optional(sequence(mapping)),
        },
    ),
    "turn/steer": Struct(
        "TurnSteerParams",
        {"threadId": string, "input": _INPUT, "expectedTurnId": string},
        {
            "clientUserMessageId": _TEXT,
            "additionalContext": _CONTEXT,
            "responsesapiClientMetadata": _CLIENT_METADATA,
        },
    ),
    "turn/interrupt": Struct(
        "TurnInterruptParams", {"threadId": string, "turnId": string}, NO_MEMBERS
    ),
}
"""The shape of the params, by method."""
