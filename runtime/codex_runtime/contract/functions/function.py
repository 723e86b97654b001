"""What a function of the component is here: its name, its shapes, its errors, its door.

May import the shapes. The invariant: the name, arguments, result and errors of a function are
written once; the fake, the deployment and the reference page are made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from codex_runtime.contract.actors import Actor
from codex_runtime.contract.shapes import Record

Kind: TypeAlias = Literal["query", "mutation"]


class ActorArgs(Record, frozen=True, kw_only=True):
    """Arguments of every function that acts for somebody.

    Attributes:
        actor: For whom.
    """

    actor: Actor


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the component.

    Attributes:
        name: ``module.function``, as hosts call it.
        kind: Whether it only reads.
        args: The struct of its arguments.
        returns: The type of what it returns.
        errors: The codes it refuses with, beyond those of bad arguments.
        internal: Whether only the component itself, its scheduler and its tests may call it.
        about: What it does, for the reference page.
    """

    name: str
    kind: Kind
    args: type[Record]
    returns: Any
    about: str
    errors: tuple[str, ...] = ()
    internal: bool = False

    @property
    def module(self) -> str:
        """The module part of the name."""
        return self.name.partition(".")[0]

    @property
    def path(self) -> str:
        """The path under which a deployment knows it: ``module:function``."""
        return self.name.replace(".", ":")


def query(name: str, args: type[Record], returns: Any, about: str, *errors: str) -> Function:
    """Declare a function that only reads."""
    return Function(name, "query", args, returns, about, errors)


def mutation(name: str, args: type[Record], returns: Any, about: str, *errors: str) -> Function:
    """Declare a function that writes."""
    return Function(name, "mutation", args, returns, about, errors)


def internal(
    name: str, kind: Kind, args: type[Record], returns: Any, about: str, *errors: str
) -> Function:
    """Declare a function that nobody outside the component can call."""
    return Function(name, kind, args, returns, about, errors, internal=True)
