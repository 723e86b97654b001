"""Which run this is: the default command, or the campaign, where properties get many examples."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

CAMPAIGN = os.environ.get("CODEX_RUNTIME_CAMPAIGN", "") not in {"", "0"}


def examples(default: int, campaign: int) -> int:
    """How many examples a property gets that costs more, or less, than most."""
    return campaign if CAMPAIGN else default


def load_profiles() -> None:
    """Make the profiles known, and load the one of this run."""
    # How long an example takes says nothing on a machine that is shared.
    unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("default", unhurried, max_examples=100)
    settings.register_profile("campaign", unhurried, max_examples=2_000, print_blob=True)
    settings.load_profile("campaign" if CAMPAIGN else "default")
