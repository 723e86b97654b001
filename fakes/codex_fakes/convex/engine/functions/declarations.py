"""Declaring a function: ``@query``, ``@mutation``, ``@action`` and their internal forms.

May import :mod:`codex_runtime.values` and :mod:`codex_runtime.errors`. The invariant: what is
declared can be called: its validators are compiled and its handler takes a context and arguments.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from codex_runtime.errors import ConfigurationError
from codex_runtime.values import Validator, v

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.convex.engine.functions.contexts import (
        ActionContext,
        MutationContext,
        QueryContext,
    )

_Context = TypeVar("_Context")


class Kind(Enum):
    """What a function may do."""

    QUERY = "Query"
    """Reads, in a transaction; re-run when what it read changes."""
    MUTATION = "Mutation"
    """Reads and writes, in a transaction; re-run when it conflicts."""
    ACTION = "Action"
    """Does anything, outside of a transaction; never re-run."""


@dataclass(frozen=True, slots=True)
class Function:
    """A declared function; what the decorators turn a handler into.

    Attributes:
        kind: What it may do.
        internal: Whether only functions, the scheduler and administrators may call it.
        handler: What was decorated.
        args: What its arguments must be; ``None`` when it takes any object.
        returns: What its result must be; ``None`` when that is not checked.
        name: The name it is exported under; ``None`` for the name it is found under.
    """

    kind: Kind
    internal: bool
    handler: Callable[[Any, Any], Any]
    args: Validator | None = None
    returns: Validator | None = None
    name: str | None = None


class Declarator(Generic[_Context]):
    """A decorator that declares functions of one kind; :data:`query` and its siblings.

    Args:
        kind: What the functions may do.
        internal: Whether clients cannot call them.
    """

    __slots__ = ("_internal", "_kind")

    def __init__(self, kind: Kind, *, internal: bool) -> None:
        self._kind = kind
        self._internal = internal

    @overload
    def __call__(self, handler: Callable[[_Context, Any], Any], /) -> Function: ...
    @overload
    def __call__(
        self,
        /,
        *,
        args: Mapping[str, Validator] | Validator | None = None,
        returns: Validator | None = None,
        name: str | None = None,
    ) -> Callable[[Callable[[_Context, Any], Any]], Function]: ...
    def __call__(
        self,
        handler: Callable[[_Context, Any], Any] | None = None,
        /,
        *,
        args: Mapping[str, Validator] | Validator | None = None,
        returns: Validator | None = None,
        name: str | None = None,
    ) -> Any:
        """Declare a function.

        Args:
            handler: ``def handler(ctx, args)`` or ``async def``, when the decorator is used bare.
            args: The validators of its arguments by name, or one for the whole object; without it
                any object is accepted.
            returns: The validator of its result; without it the result is not checked.
            name: The name it is exported under, where that is no Python name: ``"listRecent"``;
                ``"default"`` makes it what the path of the module alone stands for.

        Returns:
            The :class:`Function`, or a decorator that makes it.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_DECLARATION_INVALID``: the handler does not take a
                context and arguments, or is a generator.
        """
        expected = args if args is None or isinstance(args, Validator) else v.object(dict(args))

        def declare(handler: Callable[[_Context, Any], Any]) -> Function:
            _check(handler, self._kind)
            return Function(self._kind, self._internal, handler, expected, returns, name)

        return declare if handler is None else declare(handler)


def _check(handler: Callable[..., Any], kind: Kind) -> None:
    title = getattr(handler, "__name__", repr(handler))
    if inspect.isasyncgenfunction(handler) or inspect.isgeneratorfunction(handler):
        raise ConfigurationError(
            "E_FAKE_CONVEX_DECLARATION_INVALID",
            f"{title} is a generator; a function of Convex returns one value",
        )
    try:
        inspect.signature(handler).bind(None, None)
    except TypeError as error:
        raise ConfigurationError(
            "E_FAKE_CONVEX_DECLARATION_INVALID",
            f"{title} is declared as {kind.value.lower()}, so it must take a context and "
            f"arguments: {error}",
        ) from error


query: Final[Declarator[QueryContext]] = Declarator(Kind.QUERY, internal=False)
"""Declares a query: it reads, and is run again for who subscribed when what it read changes."""
internal_query: Final[Declarator[QueryContext]] = Declarator(Kind.QUERY, internal=True)
"""Declares a query that clients cannot call."""
mutation: Final[Declarator[MutationContext]] = Declarator(Kind.MUTATION, internal=False)
"""Declares a mutation: its writes are committed together or not at all."""
internal_mutation: Final[Declarator[MutationContext]] = Declarator(Kind.MUTATION, internal=True)
"""Declares a mutation that clients cannot call."""
action: Final[Declarator[ActionContext]] = Declarator(Kind.ACTION, internal=False)
"""Declares an action: it may await anything, on the event loop of who called it."""
internal_action: Final[Declarator[ActionContext]] = Declarator(Kind.ACTION, internal=True)
"""Declares an action that clients cannot call."""
