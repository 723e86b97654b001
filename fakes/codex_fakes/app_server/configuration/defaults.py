"""What a server runs with when nothing is configured.

May import the settings only. The invariant: these are the real server's defaults with an empty
home (FACTS §7, recording 16n).
"""

from __future__ import annotations

from typing import Final

from codex_fakes.app_server.configuration.settings import SimulatedSettings

DEFAULTS: Final = SimulatedSettings(
    approval_policy="on-request",
    sandbox="read-only",
    permission_profile=":read-only",
    model="gpt-6.1-sol",
    model_provider="openai",
    request_max_retries=4,
    stream_max_retries=5,
    stream_idle_timeout_ms=300_000,
    provider_url="https://api.openai.com/v1",
)
"""The settings of a server without a configuration."""
