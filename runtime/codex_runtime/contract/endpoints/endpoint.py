"""What a host endpoint is here: a door of the application that leads to the component.

May import the shapes and functions. The invariant: the name, kind, arguments, result, scope and
safe answer of an endpoint are written once; hosts, adapters, suites and the reference are made of
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.functions.function import Kind
from codex_runtime.contract.shapes import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

Scope: TypeAlias = Literal["conversation", "thread", "source", "job", "actor", "none"]
"""What an endpoint is addressed by, beyond the actor."""

Unmapped: TypeAlias = Literal["raise", "null", "empty", "safe"]
"""What a call gets whose conversation is bound to nothing: ``E_CONVERSATION_NOT_FOUND``, null, an
empty list or page, or the safe answer with its thread status."""

Idempotency: TypeAlias = Literal["read", "natural", "keyed", "none"]
"""What a repetition does: nothing because it only reads; the same again; the same again while a key
of the arguments is the same; or another effect: then a lost reply must not be repeated blindly."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of a host.

    Attributes:
        name: Its name in the host's module.
        kind: Whether it only reads.
        args: The struct of its arguments.
        returns: The type of its result.
        scope: What it is addressed by.
        function: The function of the component it leads to, or ``None`` when to several.
        unmapped: What a call gets whose conversation is bound to nothing.
        idempotency: What a repetition does.
        idempotency_key: The argument that makes repetitions known, where one does.
        defaults: Arguments that the endpoint fills in from others: ``{absent: taken from}``.
        operators_only: Whether only who holds the deployment's admin key may call it.
        about: What it does, for the reference page.
        errors: Codes of its own, beyond those of its function.
    """

    name: str
    kind: Kind
    args: type[Record]
    returns: Any
    scope: Scope
    function: str | None
    about: str
    unmapped: Unmapped = "raise"
    idempotency: Idempotency = "read"
    idempotency_key: str | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    operators_only: bool = False
    errors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.function is None:
            return
        if FUNCTIONS[self.function].kind != self.kind:
            raise ValueError(f"{self.name} and {self.function} are not of one kind")

    @property
    def reads_safely(self) -> bool:
        """Whether who may not read a conversation gets an answer that says so, not an error."""
        return self.scope == "conversation" and self.unmapped == "safe"

    @property
    def every_error(self) -> tuple[str, ...]:
        """Every code a call can be refused with."""
        behind = () if self.function is None else FUNCTIONS[self.function].errors
        unmapped = ("E_CONVERSATION_NOT_FOUND",) if self._may_be_unmapped else ()
        return tuple(dict.fromkeys((*self.errors, *unmapped, *behind)))

    @property
    def _may_be_unmapped(self) -> bool:
        return self.scope == "conversation" and self.unmapped == "raise"
