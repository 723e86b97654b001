"""Actors: who asks, and the scope that keeps what is theirs apart from everybody else's.

May import :mod:`codex_runtime.errors` and the shapes. The invariant: two actors have the same scope
only if they are the same actor. An identity is trimmed once, here; nothing behind this module sees
an untrimmed one.

A scope is the trimmed user id itself, ``anon:`` and the trimmed anonymous id, or ``__anonymous__``
for an actor without either. A user id that looks like one of the others, or like an escaped one, is
escaped with ``user:``: so no user can name themselves into another scope (spec 01 §2, "Better").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ANONYMOUS_SCOPE: Final = "__anonymous__"
"""The scope all actors without an identity share."""

_ANONYMOUS: Final = "anon:"
_ESCAPED: Final = "user:"

_BLANK: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What counts as blank around an identity: ECMAScript's white space and line ends, because a
deployment trims with ``String.prototype.trim`` and both sides must agree on whose a row is."""


class Actor(Record, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        user_id: A signed-in user.
        anonymous_id: Somebody without an account, told apart by an id of the client's making.
    """

    user_id: str | UnsetType = UNSET
    anonymous_id: str | UnsetType = UNSET


def trimmed(identity: str) -> str:
    """Take the blanks off both ends of an identity."""
    return identity.strip(_BLANK)


def canonical_actor(actor: Actor) -> Actor:
    """Bring an actor into the one form that is stored and compared.

    Args:
        actor: The actor as given; a user id wins over an anonymous id, a blank one counts as none.

    Returns:
        An actor with a trimmed user id, or a trimmed anonymous id, or neither.
    """
    if actor.user_id is not UNSET and (user := trimmed(actor.user_id)):
        return Actor(user_id=user)
    if actor.anonymous_id is not UNSET and (anonymous := trimmed(actor.anonymous_id)):
        return Actor(anonymous_id=anonymous)
    return Actor()


def scope_of(actor: Actor) -> str:
    """Derive the scope under which everything of an actor is kept.

    Args:
        actor: The actor; it need not be in canonical form.

    Returns:
        The scope. Different actors (in canonical form) have different scopes.
    """
    actor = canonical_actor(actor)
    if actor.user_id is not UNSET:
        reserved = actor.user_id.startswith((_ANONYMOUS, _ESCAPED))
        if reserved or actor.user_id == ANONYMOUS_SCOPE:
            return _ESCAPED + actor.user_id
        return actor.user_id
    if actor.anonymous_id is not UNSET:
        return _ANONYMOUS + actor.anonymous_id
    return ANONYMOUS_SCOPE


def actor_for_identity(identity: Mapping[str, Any] | None, requested: Actor) -> Actor:
    """Bind the actor that a caller claims to be to who the caller is (spec 05 §3.2).

    Args:
        identity: What the deployment knows of the caller: the claims of their token, or ``None``.
        requested: The actor in the call's arguments.

    Returns:
        The actor to act as, in canonical form.

    Raises:
        ContractError: ``E_AUTH_SESSION_FORBIDDEN``: the caller claims to be somebody they are not,
            a user without being signed in, or anonymous while they are. The text names no subject.
    """
    asked = canonical_actor(requested)
    subject = _subject(identity)
    if subject is None:
        if asked.user_id is not UNSET:
            raise _forbidden("requested actor userId requires an authenticated identity")
        return asked
    if asked.user_id is not UNSET and asked.user_id != subject:
        raise _forbidden("requested actor userId does not match the caller's identity")
    if requested.anonymous_id is not UNSET:
        raise _forbidden("requested actor anonymousId is not allowed for authenticated identity")
    return Actor(user_id=subject)


def _subject(identity: Mapping[str, Any] | None) -> str | None:
    subject = None if identity is None else identity.get("subject")
    return (trimmed(subject) or None) if isinstance(subject, str) else None


def _forbidden(why: str) -> ContractError:
    return ContractError("E_AUTH_SESSION_FORBIDDEN", f"authorization failed: {why}")
