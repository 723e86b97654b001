"""What an endpoint has at hand: its contract, its actor, its component.

May import the contract, the engine's references and its errors. The invariant: the actor of a call
is bound to the caller's identity before anything is looked at, unless the host trusts its callers
on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.functions.references import component_function
from codex_runtime.contract.actors import Actor, actor_for_identity, canonical_actor
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import UNSET, fields_of, to_value
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from codex_fakes.component.rows import Row
    from codex_fakes.convex.engine.functions.references import ComponentFunction
    from codex_runtime.contract.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Host:
    """How a host is put together.

    Attributes:
        component: The name the component is mounted under.
        module: The module of the application that has the endpoints.
        trusted_actor: Whether callers are believed who they say they are.
        endpoints: The endpoints it has.
    """

    component: str
    module: str
    trusted_actor: bool
    endpoints: tuple[Endpoint, ...]


def resolve_actor_from_auth(ctx: Any, requested: Row) -> Row:
    """Bind the actor of a call to its caller.

    Args:
        ctx: The function's context.
        requested: The actor in the call's arguments.

    Returns:
        The actor to act as.

    Raises:
        ContractError: ``E_AUTH_SESSION_FORBIDDEN``.
    """
    return to_value(actor_for_identity(ctx.auth.get_user_identity(), _actor(requested)))


def _actor(given: Row) -> Actor:
    return Actor(user_id=given.get("userId", UNSET), anonymous_id=given.get("anonymousId", UNSET))


class Call:
    """One call of an endpoint.

    Args:
        ctx: The function's context.
        host: The host.
        endpoint: The endpoint.
        args: The arguments.
    """

    def __init__(self, ctx: Any, host: Host, endpoint: Endpoint, args: Row) -> None:
        self.ctx = ctx
        self.host = host
        self.endpoint = endpoint
        self.args = args

    @cached_property
    def actor(self) -> Row:
        """As whom it acts.

        Raises:
            ContractError: ``E_AUTH_SESSION_FORBIDDEN``.
        """
        if self.host.trusted_actor or self.endpoint.operators_only:
            return to_value(canonical_actor(_actor(self.args["actor"])))
        return resolve_actor_from_auth(self.ctx, self.args["actor"])

    def ask(self, function: str, **args: Any) -> Any:
        """Call a function of the component as the actor.

        Args:
            function: Its name, ``module.function``.
            args: Its arguments but the actor.

        Raises:
            ContractError: ``E_HOST_WIRING_COMPONENT_MISSING``: there is no such component, or it
                has no such function. Nothing takes its place.
        """
        contract = FUNCTIONS[function]
        reference = component_function(self.host.component, contract.path)
        run = self.ctx.run_query if contract.kind == "query" else self.ctx.run_mutation
        given = {"actor": self.actor, **args}
        try:
            return run(reference, given)
        except FunctionError as error:
            if self._can_reach(reference):
                raise
            raise ContractError(
                "E_HOST_WIRING_COMPONENT_MISSING",
                f"Host component is missing {function}: {error.message}",
            ) from error

    def _can_reach(self, reference: ComponentFunction) -> bool:
        try:
            self.ctx.create_function_handle(reference)
        except FunctionError:
            return False
        return True

    def forward(self, **more: Any) -> Any:
        """Call the endpoint's function with those of the arguments that it takes.

        Args:
            more: Arguments that are not the caller's.
        """
        function = self.endpoint.function
        if function is None:
            raise TypeError(f"{self.endpoint.name} has no function to forward to")
        given = {**self.args, **more}
        for absent, source in self.endpoint.defaults.items():
            given.setdefault(absent, given[source])
        taken = fields_of(FUNCTIONS[function].args)
        return self.ask(
            function,
            **{name: value for name, value in given.items() if name in taken and name != "actor"},
        )

    def thread(self) -> str | None:
        """Find the thread of the conversation that the call is about."""
        found = self.ask(
            "threads.resolveByConversationId", conversationId=self.args["conversationId"]
        )
        return None if found is None else str(found["threadId"])

    def thread_or_refuse(self) -> str:
        """Find the thread of the conversation, which must have one.

        Raises:
            ContractError: ``E_CONVERSATION_NOT_FOUND``.
        """
        thread_id = self.thread()
        if thread_id is None:
            raise ContractError(
                "E_CONVERSATION_NOT_FOUND",
                f"Conversation not found: {self.args['conversationId']}",
            )
        return thread_id
