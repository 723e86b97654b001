"""When a command or a patch needs the user's consent, and what the user may answer.

May import nothing but types of the simulation. The invariant: a decision depends on the thread's
settings, on what it has approved before and on the call, and on nothing else.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_fakes.app_server.dialect.messages import Answer
    from codex_fakes.app_server.threads.thread_settings import ThreadSettings

_DENIALS: Final = (
    "operation not permitted",
    "permission denied",
    "read-only file system",
    "seccomp",
    "sandbox",
    "landlock",
    "failed to write file",
)
_NEVER_A_DENIAL: Final = frozenset({0, 2, 126, 127})


class Need(Enum):
    """Whether something may happen."""

    NONE = auto()
    """It may happen without asking."""
    ASK = auto()
    """The user is asked."""
    REFUSED = auto()
    """It may not happen, and nobody is asked; only the model is told."""


class Verdict(Enum):
    """What the user's answer amounts to."""

    ACCEPT = auto()
    ACCEPT_FOR_SESSION = auto()
    AMEND = auto()
    """Accepted, and a rule with it, so that commands like it need no consent any more."""
    DECLINE = auto()
    CANCEL = auto()
    FAILED = auto()
    """No decision: a JSON-RPC error or something that is none (FACTS §9)."""


_VERDICTS: Final = {
    "accept": Verdict.ACCEPT,
    "acceptForSession": Verdict.ACCEPT_FOR_SESSION,
    "decline": Verdict.DECLINE,
    "cancel": Verdict.CANCEL,
}
AMENDMENT: Final = "acceptWithExecpolicyAmendment"
_NETWORK_AMENDMENT: Final = "applyNetworkPolicyAmendment"
_NETWORK_VERDICTS: Final = {"allow": Verdict.ACCEPT, "deny": Verdict.DECLINE}


def verdict_of(answer: Answer) -> Verdict:
    """Understand the answer to an approval request.

    Args:
        answer: What the client sent.

    Returns:
        The verdict; a malformed answer is :attr:`Verdict.FAILED`.
    """
    if answer.failed or not isinstance(answer.result, dict):
        return Verdict.FAILED
    decision = answer.result.get("decision")
    if isinstance(decision, str):
        return _VERDICTS.get(decision, Verdict.FAILED)
    if not isinstance(decision, dict) or len(decision) != 1:
        return Verdict.FAILED
    ((name, value),) = decision.items()
    if value is None:
        return _VERDICTS.get(name, Verdict.FAILED)
    if name == AMENDMENT and _is_amendment(value):
        return Verdict.AMEND
    return _network_verdict(value) if name == _NETWORK_AMENDMENT else Verdict.FAILED


def _network_verdict(value: object) -> Verdict:
    """Understand a rule for the network, given for a command that did not ask for it."""
    rule = value.get("network_policy_amendment") if isinstance(value, dict) else None
    if not isinstance(rule, dict) or not isinstance(rule.get("host"), str):
        return Verdict.FAILED
    return _NETWORK_VERDICTS.get(str(rule.get("action")), Verdict.FAILED)


def _is_amendment(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    words = value.get("execpolicy_amendment")
    return isinstance(words, list) and all(isinstance(word, str) for word in words)


def amendment_in(answer: Answer) -> tuple[str, ...]:
    """The rule in an answer whose verdict is :attr:`Verdict.AMEND`: how commands begin."""
    return tuple(answer.result["decision"][AMENDMENT]["execpolicy_amendment"])


def command_need(settings: ThreadSettings, *, escalates: bool, approved: bool) -> Need:
    """Say whether a command needs consent.

    Args:
        settings: The thread's settings.
        escalates: Whether the model asks to leave the sandbox.
        approved: Whether the user approved this command for the session.
    """
    policy = settings.approval_policy
    if approved:
        return Need.NONE
    if policy == "untrusted":
        # Every command is asked about: Codex trusts none of them, not even echo.
        return Need.ASK
    if not escalates or settings.sandbox["type"] == "dangerFullAccess":
        return Need.NONE
    if policy == "never" or (isinstance(policy, dict) and not _asks_granular(policy)):
        return Need.REFUSED
    return Need.ASK


def _asks_granular(policy: dict[str, Any]) -> bool:
    return bool(policy["granular"]["sandbox_approval"])


def patch_need(
    settings: ThreadSettings, paths: list[str], granted: Iterable[str], *, approved: bool
) -> Need:
    """Say whether a patch needs consent.

    Args:
        settings: The thread's settings.
        paths: The files it touches, absolute.
        granted: The files and folders that the user let the model write, absolute.
        approved: Whether the user approved the files all for the session.
    """
    policy = settings.approval_policy
    if approved or _all_inside(paths, granted):
        return Need.NONE
    if policy == "untrusted":
        return Need.ASK
    if _writable(settings, paths, granted):
        return Need.NONE
    return Need.REFUSED if policy == "never" else Need.ASK


def is_sandboxed(settings: ThreadSettings) -> bool:
    """Whether the server puts what the model does into a sandbox of its own."""
    return settings.sandbox["type"] not in {"dangerFullAccess", "externalSandbox"}


def _writable(settings: ThreadSettings, paths: list[str], granted: Iterable[str]) -> bool:
    if not is_sandboxed(settings):
        return True
    roots = list(granted)
    if settings.sandbox["type"] == "workspaceWrite":
        roots += [settings.cwd, *settings.sandbox["writableRoots"]]
        if not settings.sandbox["excludeSlashTmp"]:
            roots.append("/tmp")  # noqa: S108 - the sandbox's own rule names this folder
    return _all_inside(paths, roots)


def _all_inside(paths: list[str], roots: Iterable[str]) -> bool:
    return all(any(is_inside(path, root) for root in roots) for path in paths)


def is_inside(path: str, root: str) -> bool:
    """Whether a path is a folder, or lies in it."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def looks_denied(output: str, exit_code: int) -> bool:
    """Whether a sandboxed command's output looks as if the sandbox stopped it."""
    if exit_code in _NEVER_A_DENIAL:
        return False
    lowered = output.lower()
    return any(sign in lowered for sign in _DENIALS)
