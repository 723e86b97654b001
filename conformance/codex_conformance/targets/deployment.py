"""What a Convex deployment is to the suites: a host's endpoints, callers, and time.

May import the standard library only. The invariant: a deployment is called through the endpoints of
its host and in no other way; what a target can do beyond that it declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

CallKind: TypeAlias = Literal["query", "mutation"]

RefusalKind: TypeAlias = Literal[
    "function", "arguments", "returns", "missing", "wrong kind", "redacted"
]
"""Why a call was refused: the function threw, its arguments or its result did not fit, there is no
such function, it is of the other kind, or the deployment does not say."""


class HostCapability(Enum):
    """Something a deployment may or may not be able to do for a check."""

    ACTORS = "actors"
    """Any number of users can call it."""
    BOUND_ACTORS = "bound-actors"
    """Its host binds the actor of a call to who the caller is."""
    VIRTUAL_CLOCK = "virtual-clock"
    """Its time can be moved; otherwise a check waits a few seconds at most."""
    AUDIT = "audit"
    """An operator can count an actor's rows."""
    EXTENDED = "extended"
    """Its host offers the manifest ``runtimeExtended`` as well."""
    READS = "reads"
    """It says how many documents a call has read."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        user: The user who is signed in; ``None`` for nobody.
        operator: Whether the call is made with the deployment's admin key.
    """

    user: str | None = None
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call was refused.

    Attributes:
        kind: What kind of refusal it is.
        code: The code of the catalogue, where there is one.
        as_data: Whether the code came as data and not only in a text.
        text: What the deployment said.
    """

    kind: RefusalKind
    code: str | None
    as_data: bool
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call.

    Attributes:
        value: The result; ``None`` when it was refused.
        refusal: Why it was refused; ``None`` when it was not.
        reads: How many documents it has read, where the deployment says so.
    """

    value: Any = None
    refusal: Refusal | None = None
    reads: int | None = None


@dataclass(frozen=True, slots=True)
class Carrier:
    """How a client of one user reaches a deployment over HTTP.

    Attributes:
        url: The deployment's URL.
        module: The module of the host's endpoints.
        transport: What carries requests: an httpx transport.
        headers: What says who calls.
    """

    url: str
    module: str
    transport: Any
    headers: dict[str, str]


class Deployment(Protocol):
    """A deployment while one check visits it."""

    @property
    def shared(self) -> bool:
        """Whether others use it too, so that a check must leave nothing behind."""

    @property
    def only_user(self) -> str | None:
        """The one user that can call it; ``None`` when any can."""

    @property
    def poll(self) -> tuple[float, int]:
        """Milliseconds between two looks at something awaited, and how many looks are taken."""

    async def call(
        self, kind: CallKind, endpoint: str, args: dict[str, Any], caller: Caller
    ) -> Reply:
        """Call an endpoint of the host.

        Args:
            kind: What it is called as.
            endpoint: Its name.
            args: Its arguments.
            caller: Who calls.

        Raises:
            CodexRuntimeError: The deployment cannot be reached, or answers no call.
        """

    async def pass_time(self, milliseconds: float) -> None:
        """Let time pass, and what is due meanwhile happen."""

    async def carrier(self, caller: Caller) -> Carrier:
        """Say how a client of somebody's reaches it over HTTP.

        Args:
            caller: Who it acts for.

        Raises:
            CodexRuntimeError: There are no credentials of this caller.
        """


class DeploymentTarget(Protocol):
    """A deployment the suites can be run against."""

    @property
    def name(self) -> str:
        """How the user wrote it, without its secrets."""

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """What it can do; complete after :meth:`preflight`."""

    @property
    def jobs(self) -> int:
        """How many checks visit it at once, unless told otherwise."""

    async def preflight(self) -> str:
        """Find out whether it can be reached at all, before any check runs.

        Returns:
            What was found, in words, for the report's header.

        Raises:
            CodexRuntimeError: It cannot; the code says why.
        """

    def visit(self) -> AbstractAsyncContextManager[Deployment]:
        """Open the deployment for one check."""

    async def aclose(self) -> None:
        """Let go of what :meth:`preflight` has started; idempotent."""
