"""The requirements about isolation: an actor sees and changes nothing of another.

May import the definition of a requirement. The invariant: the rows say what an application's host
does, in words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should

_AUTH: Final = (
    must(
        "isolation.auth.other-user",
        "A caller who is signed in cannot act as another user: E_AUTH_SESSION_FORBIDDEN.",
        "spec 05 §3",
    ),
    must(
        "isolation.auth.signed-out",
        "A caller who is not signed in cannot act as a user: E_AUTH_SESSION_FORBIDDEN.",
        "spec 05 §3",
    ),
    must(
        "isolation.auth.anonymous",
        "A caller who is signed in cannot act as an anonymous one: E_AUTH_SESSION_FORBIDDEN.",
        "spec 05 §3",
    ),
    must(
        "isolation.auth.filled-in",
        "A caller who is signed in and names no actor acts as themselves.",
        "spec 05 §3",
    ),
    should(
        "isolation.auth.subject-unsaid",
        "A refusal does not tell who the caller is signed in as.",
        "spec 05 §3",
    ),
)

_OTHERS: Final = (
    must(
        "isolation.others.same-name",
        "Two users who name their conversations alike have two threads.",
        "spec 01 §2",
    ),
    must(
        "isolation.others.reads",
        "No read by name tells a user anything of another's conversation.",
        "spec 01 §2",
    ),
    must(
        "isolation.others.thread-not-found",
        "Another user's thread is not found, whatever is to be done with it: E_THREAD_NOT_FOUND.",
        "spec 01 §2",
    ),
    must(
        "isolation.others.unchanged",
        "Nothing that another user tries changes anything of a conversation.",
        "spec 01 §2",
    ),
    must(
        "isolation.others.imports",
        "Another user's import is not found: E_SYNC_SOURCE_NOT_FOUND, E_SYNC_JOB_NOT_FOUND.",
        "spec 03 §6",
    ),
    must(
        "isolation.others.deletions",
        "Another user's deletion has no status, and cannot be cancelled or forced.",
        "spec 04 §3",
    ),
    must(
        "isolation.others.approvals",
        "The approvals that wait for one user are not listed for another.",
        "spec 01 §5",
    ),
    should(
        "isolation.others.dispatches",
        "Another user's outbox is not found.",
        "spec 04 §10",
    ),
    should(
        "isolation.threads.streams",
        "A stream is replayed only in the conversation it belongs to.",
        "spec 02 §11",
    ),
)

_LOOK_ALIKES: Final = (
    should(
        "isolation.identity.trimmed",
        "Blanks around a user's id make no other user.",
        "spec 01 §2",
    ),
    should(
        "isolation.identity.anonymous",
        "A user whose id looks like an anonymous actor's scope shares nothing with that actor.",
        "spec 01 §2",
    ),
    should(
        "isolation.identity.nobody",
        "A user whose id looks like the scope of actors without an id shares nothing with them.",
        "spec 01 §2",
    ),
    must(
        "isolation.identity.exact",
        "User ids that differ in case, in accents, or in how Unicode writes them are different "
        "users.",
        "spec 01 §2",
    ),
    must(
        "isolation.identity.anonymous-apart",
        "Anonymous actors with different ids share nothing.",
        "spec 01 §2",
    ),
)

ISOLATION: Final[tuple[Requirement, ...]] = (*_AUTH, *_OTHERS, *_LOOK_ALIKES)
"""The requirements of the suite ``isolation``."""
