"""A visit: what one check does with a deployment, and everybody it acts as.

May import the targets' definition of a deployment and the verdicts. The invariant: what a scene
needs and does not get makes the check inconclusive, what a rule promises and does not hold makes it
fail; and whatever a check has made on a shared deployment it takes away again.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

from codex_conformance.suites.verdicts import Inconclusive, violated
from codex_conformance.targets.deployment import Caller, Refusal, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_conformance.targets.deployment import CallKind, Deployment

_T = TypeVar("_T")

SHOWN_CALLS: Final = 8
"""Calls that the report of a failure shows."""

_SHOWN_CHARACTERS: Final = 300


class Guest:
    """Somebody who calls the host's endpoints.

    Args:
        visit: The visit they belong to.
        actor: The actor of their calls.
        caller: Who they are to the deployment.
        fresh: Whether they were made for this visit, so that everything of theirs may be purged.
    """

    def __init__(self, visit: Visit, actor: dict[str, Any], caller: Caller, *, fresh: bool) -> None:
        self.visit = visit
        self.actor = actor
        self.caller = caller
        self.fresh = fresh
        self.conversations: list[str] = []

    async def query(self, endpoint: str, **args: Any) -> Any:
        """Read something that the scene needs.

        Raises:
            Inconclusive: It is refused.
        """
        return self._needed(endpoint, await self.call("query", endpoint, args))

    async def mutate(self, endpoint: str, **args: Any) -> Any:
        """Change something as the scene needs it.

        Raises:
            Inconclusive: It is refused.
        """
        return self._needed(endpoint, await self.call("mutation", endpoint, args))

    async def reads(self, endpoint: str, **args: Any) -> Any:
        """Read what the rule promises.

        Raises:
            Violation: It is refused.
        """
        return self._promised(endpoint, await self.call("query", endpoint, args))

    async def does(self, endpoint: str, **args: Any) -> Any:
        """Do what the rule promises.

        Raises:
            Violation: It is refused.
        """
        return self._promised(endpoint, await self.call("mutation", endpoint, args))

    async def cannot_read(self, endpoint: str, *codes: str, **args: Any) -> Refusal:
        """Try to read what the rule forbids.

        Args:
            endpoint: The endpoint.
            codes: The codes it may be refused with; any, and none, when left out.
            args: Its arguments.

        Raises:
            Violation: It is granted, or refused with another code.
        """
        return self._refused(endpoint, await self.call("query", endpoint, args), codes)

    async def cannot(self, endpoint: str, *codes: str, **args: Any) -> Refusal:
        """Try to do what the rule forbids; as :meth:`cannot_read`."""
        return self._refused(endpoint, await self.call("mutation", endpoint, args), codes)

    async def call(self, kind: CallKind, endpoint: str, args: dict[str, Any]) -> Reply:
        """Call an endpoint as this guest, whatever comes of it."""
        return await self.visit.call(kind, endpoint, {"actor": self.actor, **args}, self.caller)

    def _needed(self, endpoint: str, reply: Reply) -> Any:
        if reply.refusal is not None:
            raise Inconclusive(f"{endpoint} was refused: {_told(reply.refusal)}")
        return reply.value

    def _promised(self, endpoint: str, reply: Reply) -> Any:
        if reply.refusal is not None:
            violated(f"that {endpoint} is granted", f"refused: {_told(reply.refusal)}")
        return reply.value

    def _refused(self, endpoint: str, reply: Reply, codes: tuple[str, ...]) -> Refusal:
        refusal = reply.refusal
        expected = f"that {endpoint} is refused" + (f" with {' or '.join(codes)}" if codes else "")
        if refusal is None:
            violated(expected, f"granted: {_short(reply.value)}")
        if refusal.kind == "redacted" and codes:
            raise Inconclusive("the deployment redacts its errors, and no code came as data")
        if codes and refusal.code not in codes:
            violated(expected, f"refused: {_told(refusal)}")
        return refusal


class Visit:
    """One check's use of a deployment.

    Args:
        deployment: The deployment.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._guests: list[Guest] = []
        self._token = secrets.token_hex(6)
        self._made = 0
        self._calls: list[str] = []

    @property
    def recent(self) -> tuple[str, ...]:
        """The last calls and what came of them, for a report."""
        return tuple(self._calls[-SHOWN_CALLS:])

    def name(self, what: str) -> str:
        """Make a name that nobody else uses."""
        self._made += 1
        return f"{what}-{self._token}-{self._made}"

    def guest(self) -> Guest:
        """Let a user in: a new one, or the only one the deployment lets in."""
        only = self._deployment.only_user
        return self.user(only or self.name("conformance"), fresh=only is None)

    def user(self, subject: str, *, fresh: bool = False) -> Guest:
        """Let a certain user in.

        Args:
            subject: Who.
            fresh: Whether everything of theirs may be purged.
        """
        return self._let_in({"userId": subject}, Caller(subject), fresh=fresh)

    def anonymous(self, anonymous_id: str | None = None) -> Guest:
        """Let somebody in who is not signed in.

        Args:
            anonymous_id: The id they are told apart by; none when ``None``.
        """
        actor = {} if anonymous_id is None else {"anonymousId": anonymous_id}
        return self._let_in(actor, Caller(), fresh=False)

    def _let_in(self, actor: dict[str, Any], caller: Caller, *, fresh: bool) -> Guest:
        guest = Guest(self, actor, caller, fresh=fresh)
        self._guests.append(guest)
        return guest

    async def rows_of(self, guest: Guest) -> tuple[dict[str, int], list[str]]:
        """Count a guest's rows as an operator.

        Returns:
            How many rows each table has that has any, and the orphans among them.

        Raises:
            Inconclusive: The audit is refused.
        """
        operator = Caller(operator=True)
        reply = await self.call("query", "auditActorRows", {"actor": guest.actor}, operator)
        if reply.refusal is not None:
            raise Inconclusive(f"auditActorRows was refused: {_told(reply.refusal)}")
        tables = reply.value["tables"]
        counts = {row["tableName"]: int(row["rows"]) for row in tables if row["rows"]}
        return counts, list(reply.value["orphans"])

    async def call(
        self, kind: CallKind, endpoint: str, args: dict[str, Any], caller: Caller
    ) -> Reply:
        """Call an endpoint, and remember it for the report."""
        reply = await self._deployment.call(kind, endpoint, args, caller)
        answer = _told(reply.refusal) if reply.refusal is not None else _short(reply.value)
        self._calls.append(f"{kind} {endpoint} {_short(args)} -> {answer}")
        del self._calls[:-SHOWN_CALLS]
        return reply

    async def until(
        self,
        ask: Callable[[], Awaitable[_T]],
        done: Callable[[_T], bool],
        what: str,
        *,
        needed: bool = False,
    ) -> _T:
        """Look again and again until something is as awaited.

        Args:
            ask: Looks.
            done: Whether it is.
            what: What is awaited.
            needed: Whether only the scene needs it, and no rule promises it.

        Returns:
            What was seen at last.

        Raises:
            Violation: It did not come.
            Inconclusive: It did not come, and only the scene needs it.
        """
        every, looks = self._deployment.poll
        found = await ask()
        # Things that are to happen at once have their chance before any time is let pass.
        pause = 0.0
        for _ in range(looks):
            if done(found):
                return found
            await self._deployment.pass_time(pause)
            pause = every
            found = await ask()
        if not done(found):
            if needed:
                raise Inconclusive(f"{what} did not come")
            violated(what, _short(found))
        return found

    async def pass_time(self, milliseconds: float) -> None:
        """Let time pass."""
        await self._deployment.pass_time(milliseconds)

    async def leave(self) -> None:
        """Take away what was made, where others use the deployment too.

        A guest made for this visit is purged; of anybody else only the conversations are deleted
        that the visit has opened, for they may have others.
        """
        if not self._deployment.shared:
            return
        for guest in self._guests:
            if guest.fresh:
                await guest.call("mutation", "purgeActorData", {})
                continue
            for conversation in guest.conversations:
                await guest.call("mutation", "deleteThread", {"conversationId": conversation})


def _told(refusal: Refusal) -> str:
    lines = refusal.text.strip().splitlines() or [""]
    return f"[{refusal.code or refusal.kind}] {lines[0][:_SHOWN_CHARACTERS]}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
