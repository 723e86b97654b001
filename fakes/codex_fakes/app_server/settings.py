"""How a simulated app-server is configured: what config.toml and the machine are to the real one.

May import the standard library only. The invariant: the defaults are those of the recordings in
``tests/recordings``, so a server with default settings and the right script shows what they show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ApprovalPolicy: TypeAlias = Literal["untrusted", "on-request", "never"]
SandboxMode: TypeAlias = Literal["read-only", "workspace-write", "danger-full-access"]
HistoryMode: TypeAlias = Literal["paginated", "legacy"]

KNOWN_MODELS: Final = frozenset(
    {
        "gpt-5.5",
        "gpt-5.6-luna",
        "gpt-5.6-sol",
        "gpt-5.6-terra",
        "gpt-6-astra",
        "gpt-6-luna",
        "gpt-6-sol",
        "gpt-6.1-sol",
    }
)
"""The models that model/list shows offline."""

BUBBLEWRAP_WARNING: Final = (
    "Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. "
    "See the sandbox prerequisites: "
    "https://developers.openai.com/codex/concepts/sandboxing#prerequisites. "
    "Codex will use the bundled bubblewrap in the meantime."
)


@dataclass(frozen=True, slots=True)
class SimulatedSettings:
    """The configuration of one simulated app-server.

    Attributes:
        approval_policy: When a command or a patch needs the user's consent.
        sandbox: What commands may touch.
        model: The model of new threads.
        known_models: The models the server has metadata of; a turn with another one brings a
            warning.
        model_provider: The name of the only model provider there is.
        model_context_window: Tokens the model can see, as token usage reports it.
        compacted_context_tokens: Tokens that a context is estimated to have after a compaction.
        request_max_retries: How often a request that ends in HTTP 5xx is silently repeated.
        stream_max_retries: How often a broken stream is reopened, each time with a notification.
        stream_idle_timeout_ms: Milliseconds a stalled stream is waited for; ``None`` waits for
            ever, so that a test can hold a turn open and interrupt it.
        show_raw_reasoning: Whether the raw chain of thought is shown; the real server shows it
            whatever its config.toml says.
        cwd: The server's own folder, which relative folders are joined to; the home's parent
            when left out.
        history_mode: The history mode of new threads.
        user_agent_host: The operating system and architecture in the user agent.
        user_agent_terminal: The terminal in the user agent.
        server_name: The host name the server reports.
        provider_url: Where the model provider listens, as error texts show it.
        bubblewrap_warning: Whether the machine lacks bubblewrap, which a server that uses a
            sandbox warns about.
    """

    approval_policy: ApprovalPolicy = "on-request"
    sandbox: SandboxMode = "workspace-write"
    model: str = "gpt-5.5"
    known_models: frozenset[str] = KNOWN_MODELS
    model_provider: str = "mock"
    model_context_window: int = 258_400
    compacted_context_tokens: int = 7_867
    request_max_retries: int = 0
    stream_max_retries: int = 0
    stream_idle_timeout_ms: int | None = None
    show_raw_reasoning: bool = True
    cwd: str | None = None
    history_mode: HistoryMode = "paginated"
    user_agent_host: str = "Debian 12.0.0; x86_64"
    user_agent_terminal: str = "xterm"
    server_name: str = "localhost"
    provider_url: str = "http://127.0.0.1:1/v1"
    bubblewrap_warning: bool = True
