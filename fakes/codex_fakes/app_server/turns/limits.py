"""Rate limits: what the headers of a model's answer say, as a client is told it (FACTS §14).

May import the standard library only. The invariant: what the headers do not say is ``None``; a
header that is no number says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX: Final = "x-codex-"

NO_LIMITS: Final[dict[str, Any]] = {
    "limitId": "codex",
    "limitName": None,
    "normalModelSlug": None,
    "primary": None,
    "secondary": None,
    "credits": None,
    "individualLimit": None,
    "spendControlReached": None,
    "planType": None,
    "rateLimitReachedType": None,
}
"""The rate limits of a provider that reports none."""


def limits_of(headers: Mapping[str, str]) -> dict[str, Any] | None:
    """Read the rate limits out of the headers of an answer.

    Args:
        headers: The headers.

    Returns:
        What ``account/rateLimits/updated`` says; ``None`` when the headers say nothing.
    """
    named = {name.lower(): value for name, value in headers.items()}
    limits = {"primary": _window(named, "primary"), "secondary": _window(named, "secondary")}
    credit = _credits(named)
    if credit is None and limits == {"primary": None, "secondary": None}:
        return None
    return {**NO_LIMITS, **limits, "credits": credit}


def _window(headers: Mapping[str, str], which: str) -> dict[str, Any] | None:
    used = _number(headers.get(f"{_PREFIX}{which}-used-percent"))
    if used is None:
        return None
    return {
        # Halves are rounded up.
        "usedPercent": int(used + 0.5),
        "windowDurationMins": _whole(headers.get(f"{_PREFIX}{which}-window-minutes")),
        "resetsAt": _whole(headers.get(f"{_PREFIX}{which}-reset-at")),
    }


def _credits(headers: Mapping[str, str]) -> dict[str, Any] | None:
    has = _truth(headers.get(f"{_PREFIX}credits-has-credits"))
    unlimited = _truth(headers.get(f"{_PREFIX}credits-unlimited"))
    if has is None or unlimited is None:
        return None
    balance = headers.get(f"{_PREFIX}credits-balance")
    return {"hasCredits": has, "unlimited": unlimited, "balance": balance or None}


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _truth(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").lower())
