"""Turning a handler into the function that the contract declares.

May import the engine's declarations and the contract. The invariant: a handler gets exactly the
arguments that its declaration names, and what it refuses crosses every boundary with its code.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.functions.declarations import (
    internal_mutation,
    internal_query,
    mutation,
    query,
)
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import fields_of, validator_of
from codex_runtime.errors import ContractError
from codex_runtime.values import ConvexError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from codex_fakes.convex.engine.functions.declarations import Function

_DECLARATORS: Final[dict[tuple[str, bool], Any]] = {
    ("query", False): query,
    ("query", True): internal_query,
    ("mutation", False): mutation,
    ("mutation", True): internal_mutation,
}

_MARK: Final = "__codex_function__"


def coded(handler: Callable[[Any, dict[str, Any]], Any]) -> Callable[[Any, dict[str, Any]], Any]:
    """Let a handler's refusals travel as the data of a ``ConvexError``.

    Args:
        handler: A handler that refuses with a :class:`ContractError`.

    Returns:
        One that throws ``ConvexError({code, message})`` in its place.
    """

    @wraps(handler)
    def guarded(ctx: Any, args: dict[str, Any]) -> Any:
        try:
            return handler(ctx, args)
        except ContractError as refusal:
            raise ConvexError({"code": refusal.code, "message": str(refusal)}) from refusal

    return guarded


def implements(name: str) -> Callable[[Callable[[Any, dict[str, Any]], Any]], Function]:
    """Declare a handler as a function of the contract.

    Args:
        name: The function's name there, ``module.function``.

    Returns:
        A decorator that makes the engine's function of a handler.
    """
    contract = FUNCTIONS[name]
    declare = _DECLARATORS[contract.kind, contract.internal]

    def decorate(handler: Callable[[Any, dict[str, Any]], Any]) -> Function:
        guarded = coded(handler)
        setattr(guarded, _MARK, name)
        declared: Function = declare(
            args=fields_of(contract.args),
            returns=validator_of(contract.returns),
            name=name.partition(".")[2],
        )(guarded)
        return declared

    return decorate


def modules_of(*sources: ModuleType) -> Mapping[str, Mapping[str, Function]]:
    """Collect the functions of Python modules by the modules of the contract.

    Args:
        sources: The Python modules.

    Returns:
        The functions of each module of the contract, by name.
    """
    modules: dict[str, dict[str, Function]] = {}
    for source in sources:
        for declared in vars(source).values():
            name = getattr(getattr(declared, "handler", None), _MARK, None)
            if name is not None:
                module, _, function = name.partition(".")
                modules.setdefault(module, {})[function] = declared
    return modules
