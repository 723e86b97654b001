"""How a simulated app-server is configured: what config.toml and the machine are to the real one.

May import the standard library only. The invariant: the defaults are those of the recordings in
``tests/recordings``, so a server with default settings and the right script shows what they show.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, Literal, TypeAlias

ApprovalPolicy: TypeAlias = Literal["untrusted", "on-request", "never"]
SandboxMode: TypeAlias = Literal["read-only", "workspace-write", "danger-full-access"]
HistoryMode: TypeAlias = Literal["paginated", "legacy"]

FEATURES: Final = frozenset(
    {
        "apply_patch_streaming_events",
        "default_mode_request_user_input",
        "request_permissions_tool",
    }
)
"""The features that change what the simulation plays; all of them count as under development."""

BUBBLEWRAP_WARNING: Final = (
    "Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. "
    "See the sandbox prerequisites: "
    "https://developers.openai.com/codex/concepts/sandboxing#prerequisites. "
    "Codex will use the bundled bubblewrap in the meantime."
)


def unstable_features_warning(features: frozenset[str], home: str) -> str:
    """What a new thread is warned of when features under development are turned on.

    Args:
        features: Those features.
        home: The server's home, absolute.
    """
    return (
        f"Under-development features enabled: {', '.join(sorted(features))}. Under-development "
        "features are incomplete and may behave unpredictably. To suppress this warning, set "
        f"`suppress_unstable_features_warning = true` in {home}/config.toml."
    )


USABLE_CONTEXT_PERCENT: Final = 95
"""How much of its context the server lets a model fill."""

_SKILL_COSTS: Final = (11, 12, 13, 14)
"""Tokens that the names of the server's own skills take up in a context, in their order."""

_SKILLS_PERCENT: Final = 2
"""How much of its context the model is given for the names of skills."""


def skills_warning(usable_window: int) -> str | None:
    """What a new context is warned of that is too small for the names of the server's own skills.

    Args:
        usable_window: Tokens of the context, without what the server keeps back of it.

    Returns:
        The warning; ``None`` when the names fit.
    """
    window = -(-usable_window * 100 // USABLE_CONTEXT_PERCENT)
    budget = window * _SKILLS_PERCENT // 100
    left_out = sum(total > budget for total in accumulate(_SKILL_COSTS))
    if not left_out:
        return None
    counted = "1 additional skill was" if left_out == 1 else f"{left_out} additional skills were"
    return (
        f"Exceeded skills context budget. All skill descriptions were removed and {counted} not "
        "included in the model-visible skills list."
    )


@dataclass(frozen=True, slots=True)
class SimulatedSettings:
    """The configuration of one simulated app-server.

    Attributes:
        approval_policy: When a command or a patch needs the user's consent.
        sandbox: What commands may touch.
        model: The model of new threads.
        model_provider: The name of the only model provider there is.
        model_context_window: Tokens the model can see, as token usage reports it.
        auto_compact_token_limit: Tokens of the context from which on it is compacted before the
            model is asked again; ``None`` never compacts by itself.
        requires_openai_auth: Whether the model provider wants a login with OpenAI.
        compacted_context_tokens: Tokens that a context is estimated to have after a compaction.
        request_max_retries: How often a request that ends in HTTP 5xx is silently repeated.
        stream_max_retries: How often a broken stream is reopened, each time with a notification.
        stream_idle_timeout_ms: Milliseconds a stalled stream is waited for; ``None`` waits for
            ever, so that a test can hold a turn open and interrupt it.
        show_raw_reasoning: Whether the raw chain of thought is shown; the real server shows it
            whatever its config.toml says.
        features: The features that are turned on, of :data:`FEATURES`.
        instant_interrupt: Whether new input cuts the model's stream; otherwise it waits until the
            model has finished its response.
        plan_tool: Whether the model is offered ``update_plan``.
        cwd: The server's own folder, which relative folders are joined to; the home's parent
            when left out.
        history_mode: The history mode of new threads.
        user_agent_host: The operating system and architecture in the user agent.
        user_agent_terminal: The terminal in the user agent.
        server_name: The host name the server reports.
        provider_url: Where the model provider listens, as error texts show it.
        bubblewrap_warning: Whether the machine lacks bubblewrap, which a server that uses a
            sandbox warns about.
        effort: How much the model thinks, unless a thread says otherwise.
        permission_profile: What a new thread may do for which nobody named a sandbox; ``None``
            when ``sandbox`` was configured, which then decides.
        judged_folders: The folders that the user trusted or did not; such a thread may write in
            them, whatever the profile.
        untrusted_folders: Those of them in which every command needs consent.
        strict_config: Whether configuration that a client sends along is refused if it has a name
            that the server does not know.
        config_warnings: The params of the ``configWarning`` that every client gets about
            config.toml.
    """

    approval_policy: ApprovalPolicy = "on-request"
    sandbox: SandboxMode = "workspace-write"
    model: str = "gpt-5.5"
    model_provider: str = "mock"
    model_context_window: int = 258_400
    compacted_context_tokens: int = 7_867
    auto_compact_token_limit: int | None = None
    requires_openai_auth: bool = False
    request_max_retries: int = 0
    stream_max_retries: int = 0
    stream_idle_timeout_ms: int | None = None
    show_raw_reasoning: bool = True
    features: frozenset[str] = frozenset()
    instant_interrupt: bool = True
    plan_tool: bool = False
    cwd: str | None = None
    history_mode: HistoryMode = "paginated"
    user_agent_host: str = "Debian 12.0.0; x86_64"
    user_agent_terminal: str = "xterm"
    server_name: str = "localhost"
    provider_url: str = "http://127.0.0.1:1/v1"
    bubblewrap_warning: bool = True
    effort: str | None = None
    permission_profile: str | None = None
    judged_folders: frozenset[str] = frozenset()
    untrusted_folders: frozenset[str] = frozenset()
    strict_config: bool = False
    config_warnings: tuple[dict[str, Any], ...] = ()
