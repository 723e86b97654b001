"""Making a host or a component with one behaviour changed.

May import the in-memory Convex, the component and its host. The invariant: what is not named in a
change is the real thing; a changed function is still called with arguments that were checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from codex_fakes.component.deployed import app as whole_app
from codex_fakes.component.host.definitions import HOST_MODULE, define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_runtime.errors import ContractError
from codex_runtime.values import ConvexError, convex_error_data

if TYPE_CHECKING:
    from codex_fakes.convex.engine.app import App
    from codex_fakes.convex.engine.functions.declarations import Function

Args: TypeAlias = dict[str, Any]
Inner: TypeAlias = Callable[[Any, Args], Any]
Around: TypeAlias = Callable[[Any, Args, Inner], Any]
"""What is called in a function's place: with its context, its arguments, and the real handler."""


@dataclass(frozen=True, slots=True)
class HostMiniature:
    """A passing host and component with one behaviour changed.

    Attributes:
        name: Its name.
        says: What it does wrong, in a sentence.
        fails: The ids of the checks that must fail; all others pass, or are unknown.
        build: Makes the app.
    """

    name: str
    says: str
    fails: frozenset[str]
    build: Callable[[], App] = field(repr=False)


def host(name: str, says: str, changes: Mapping[str, Around], *fails: str) -> HostMiniature:
    """Write a miniature down whose host's endpoints are changed; ``*`` is every endpoint."""

    def build() -> App:
        return _app(define_codex_host_definitions(), changes, {})

    return HostMiniature(name, says, frozenset(fails), build)


def store(name: str, says: str, changes: Mapping[str, Around], *fails: str) -> HostMiniature:
    """Write a miniature down whose component's functions are changed; ``*`` is every function."""

    def build() -> App:
        return _app(define_codex_host_definitions(), {}, changes)

    return HostMiniature(name, says, frozenset(fails), build)


def defined(
    name: str,
    says: str,
    define: Callable[[dict[str, Function]], Mapping[str, Function]],
    *fails: str,
) -> HostMiniature:
    """Write a miniature down whose host is defined otherwise."""

    def build() -> App:
        return _app(define(define_codex_host_definitions()), {}, {})

    return HostMiniature(name, says, frozenset(fails), build)


def _app(
    definitions: Mapping[str, Function],
    endpoints: Mapping[str, Around],
    functions: Mapping[str, Around],
) -> App:
    modules = {
        module: {
            name: _altered(function, functions.get(f"{module}.{name}") or functions.get("*"))
            for name, function in _named(held).items()
        }
        for module, held in component.modules.items()
    }
    altered = {
        name: _altered(function, endpoints.get(name) or endpoints.get("*"))
        for name, function in definitions.items()
    }
    return replace(
        whole_app,
        modules={HOST_MODULE: altered},
        components={COMPONENT_NAME: replace(component, modules=modules)},
    )


def _named(held: Any) -> Mapping[str, Function]:
    named: Mapping[str, Function] = held
    return named


def _altered(function: Function, around: Around | None) -> Function:
    if around is None:
        return function
    inner = function.handler

    def handler(ctx: Any, args: Args) -> Any:
        return around(ctx, args, inner)

    return replace(function, handler=handler, returns=None)


# What is done in a function's place.


def answers(change: Callable[[Any], Any]) -> Around:
    """Answer otherwise."""
    return lambda ctx, args, inner: change(inner(ctx, args))


def given(change: Callable[[Args], Args]) -> Around:
    """Act on other arguments."""
    return lambda ctx, args, inner: inner(ctx, change(args))


def with_options(change: Callable[[Args], Args], *functions: str) -> dict[str, Around]:
    """Have functions act on another ``runtime`` argument."""

    def changed(args: Args) -> Args:
        return {**args, "runtime": change(args.get("runtime", {}))}

    return {function: given(changed) for function in functions}


def instead(value: Any = None) -> Around:
    """Do nothing, and answer something."""
    return lambda _ctx, args, _inner: value(args) if callable(value) else value


def refused(code: str, change: Callable[[Args, str], Any]) -> Around:
    """Answer something where the real one refuses with a code."""

    def around(ctx: Any, args: Args, inner: Inner) -> Any:
        try:
            return inner(ctx, args)
        except ConvexError as error:
            if code_in(error) != code:
                raise
            return change(args, code)

    return around


def recoded(code: str, other: str) -> Around:
    """Refuse with another code."""

    def change(_args: Args, _code: str) -> Any:
        raise refusal(other)

    return refused(code, change)


def seeing(change: Callable[[Any], Any]) -> Around:
    """Act in another context."""
    return lambda ctx, args, inner: inner(change(ctx), args)


def code_in(error: ConvexError) -> Any:
    """The code in the data of an error."""
    data = convex_error_data(error)
    return data.get("code") if isinstance(data, dict) else None


def refusal(code: str) -> ConvexError:
    """A refusal with a code."""
    return ConvexError({"code": code, "message": str(ContractError(code, "by a miniature"))})


# Contexts in which something is not to be seen.


class _Nothing:
    """A query that finds nothing."""

    def with_index(self, *_: Any) -> _Nothing:
        return self

    def order(self, *_: Any) -> _Nothing:
        return self

    def first(self) -> None:
        return None

    def take(self, *_: Any) -> list[Any]:
        return []

    def collect(self) -> list[Any]:
        return []

    def __iter__(self) -> Any:
        return iter(())


class _Over:
    """Something with some of its members replaced."""

    def __init__(self, inner: Any, **members: Any) -> None:
        self._inner = inner
        self.__dict__.update(members)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def blind_to(*tables: str) -> Callable[[Any], Any]:
    """Make contexts in which some tables seem to be empty."""

    def change(ctx: Any) -> Any:
        database = ctx.db

        def query(table: str) -> Any:
            return _Nothing() if table in tables else database.query(table)

        return _Over(ctx, db=_Over(database, query=query))

    return change


def without_schedule(ctx: Any) -> Any:
    """A context in which nothing is scheduled."""
    return _Over(ctx, scheduler=_Over(ctx.scheduler, run_after=lambda *_: "never"))


def calling(path: str, around: Around) -> Callable[[Any], Any]:
    """Make contexts in which a mutation is called otherwise."""

    def change(ctx: Any) -> Any:
        def run_mutation(called: Any, args: Args) -> Any:
            if called != path:
                return ctx.run_mutation(called, args)
            return around(ctx, args, lambda _, given_args: ctx.run_mutation(called, given_args))

        return _Over(ctx, run_mutation=run_mutation)

    return change
