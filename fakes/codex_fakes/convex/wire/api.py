"""What each route of the HTTP API does.

May import the calls, the requests, the formats, the faults and the server, by type. The invariant:
a request is read, then its path checked, then its caller, then it runs, then its ``format`` is
read: in the real backend's order, so that a bad format after a mutation leaves the mutation done.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codex_fakes.convex.wire import requests
from codex_fakes.convex.wire.calls import UnreadableArguments, checked_path, read_arguments
from codex_fakes.convex.wire.formats import Format, read_format
from codex_fakes.convex.wire.refusals import Kind, Refusal, bad_request, internal
from codex_fakes.convex.wire.timestamps import decode_ts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from codex_fakes.convex.engine.outcome import Outcome
    from codex_fakes.convex.wire.calls import Caller
    from codex_fakes.convex.wire.requests import Asked
    from codex_fakes.convex.wire.server import ConvexServer
    from codex_fakes.convex.wire.server_messages import Answer

    Run = Callable[[dict[str, Any]], Coroutine[Any, Any, Outcome]]


class HttpApi:
    """The routes of one server; each gives a body, or ``None`` when a fault cuts the connection.

    Args:
        server: The server.
    """

    def __init__(self, server: ConvexServer) -> None:
        self._server = server

    async def query(self, asked: Asked) -> bytes | None:
        """``POST /api/query``: run a query on the latest data."""
        return await self._query(asked, asked.read(requests.FunctionRequest))

    async def query_get(self, asked: Asked) -> bytes | None:
        """``GET /api/query``: there, and never carried out, as on a deployment.

        The real backend declares the route, but cannot read arguments out of a URL.
        """
        if "args" in asked.query:
            why = "invalid type: newtype struct, expected any valid JSON value"
        else:
            why = f"missing field `{'args' if 'path' in asked.query else 'path'}`"
        raise bad_request("BadQueryArgs", f"Failed to deserialize query string: {why}")

    async def query_at_ts(self, asked: Asked) -> bytes | None:
        """``POST /api/query_at_ts``: run a query on the data of a time."""
        request = asked.read(requests.FunctionAtRequest)
        try:
            at = decode_ts(request.ts)
        except ValueError:
            raise internal() from None
        body = requests.FunctionRequest(request.path, request.args, request.format)
        return await self._query(asked, body, at=at)

    async def query_ts(self, asked: Asked) -> bytes | None:
        """``POST /api/query_ts``: say the time of the latest data."""
        del asked
        await self._before(None)
        return self._told(None, requests.ts_response(self._server.backend.ts))

    async def query_batch(self, asked: Asked) -> bytes | None:
        """``POST /api/query_batch``: run queries at one time."""
        batch = asked.read(requests.BatchRequest)
        caller = self._server.authenticate(asked.credentials)
        await self._before(None)
        at = self._server.backend.ts
        answers = [self._answer_query(asked, one, caller, at) for one in batch.queries]
        return self._told(None, requests.batch_response(answers))

    async def mutation(self, asked: Asked) -> bytes | None:
        """``POST /api/mutation``: run a mutation."""
        request = asked.read(requests.FunctionRequest)
        path = checked_path(request.path)
        caller = self._server.authenticate(asked.credentials)

        async def run(args: dict[str, Any]) -> Outcome:
            return self._server.backend.mutation(
                path, args, identity=caller.identity, internal=caller.is_admin
            )

        return await self._carry_out(asked, path, request.args, request.format, run)

    async def action(self, asked: Asked) -> bytes | None:
        """``POST /api/action``: run an action."""
        request = asked.read(requests.FunctionRequest)
        path = checked_path(request.path)
        caller = self._server.authenticate(asked.credentials)

        async def run(args: dict[str, Any]) -> Outcome:
            return await self._server.backend.action(
                path, args, identity=caller.identity, internal=caller.is_admin
            )

        return await self._carry_out(asked, path, request.args, request.format, run, commits=False)

    async def function(self, asked: Asked) -> bytes | None:
        """``POST /api/function``: run any function of the app or a component, as administrator."""
        request = asked.read(requests.AnyFunctionRequest)
        path = checked_path(request.path)
        caller = self._server.authenticate(asked.credentials)
        if not caller.is_admin:
            raise Refusal(
                Kind.FORBIDDEN,
                "BadDeployKey",
                "The provided deploy key was invalid for this deployment.",
            )

        async def run(args: dict[str, Any]) -> Outcome:
            return await self._server.backend.run(
                path,
                args,
                identity=caller.identity,
                component=request.component_path or "",
                internal=True,
            )

        return await self._carry_out(asked, path, request.args, request.format, run)

    async def run(self, asked: Asked) -> bytes | None:
        """``POST /api/run/{module}/{function}``: run a function that the URL names."""
        request = asked.read(requests.ArgumentsRequest)
        path = checked_path(requests.read_run_path(asked.url_path))
        caller = self._server.authenticate(asked.credentials)

        async def run(args: dict[str, Any]) -> Outcome:
            return await self._server.backend.run(
                path, args, identity=caller.identity, internal=caller.is_admin
            )

        return await self._carry_out(
            asked, path, request.args, request.format or Format.CLEAN.value, run
        )

    async def _query(
        self, asked: Asked, request: requests.FunctionRequest, at: int | None = None
    ) -> bytes | None:
        path = checked_path(request.path)
        caller = self._server.authenticate(asked.credentials)
        await self._before(path)
        answer = self._answer_query(asked, request, caller, at)
        return self._told(path, requests.function_response(answer))

    def _answer_query(
        self, asked: Asked, request: requests.FunctionRequest, caller: Caller, at: int | None
    ) -> Answer:
        path = checked_path(request.path)
        try:
            args = read_arguments(path, bytes(request.args))
        except UnreadableArguments as error:
            return self._server.answers.failure(error.message)
        outcome = self._server.backend.query(
            path, args, identity=caller.identity, internal=caller.is_admin, at=at
        )
        return self._server.answers.write(outcome, _format(asked, request.format))

    async def _carry_out(
        self,
        asked: Asked,
        path: str,
        raw: Any,
        wanted: str | None,
        run: Run,
        *,
        commits: bool = True,
    ) -> bytes | None:
        faults = self._server.faults
        await self._before(path)
        try:
            args = read_arguments(path, bytes(raw))
        except UnreadableArguments as error:
            return requests.function_response(self._server.answers.failure(error.message))
        if commits and faults.take("drop_before_commit", path):
            return None
        outcome = await self._server.to_its_end(run(args))
        if outcome is None:
            return None
        if commits and faults.take("drop_after_commit", path):
            return None
        answer = self._server.answers.write(outcome, _format(asked, wanted))
        delay = faults.take("delay_reply", path)
        if delay is not None:
            await asyncio.sleep(delay.milliseconds / 1000)
        return self._told(path, requests.function_response(answer))

    async def _before(self, path: str | None) -> None:
        """Have happen what is to go wrong before anything runs."""
        faults = self._server.faults
        if faults.take("http_503", path):
            raise Refusal(Kind.OVERLOADED, "ServiceUnavailable", "Service temporarily unavailable")
        delay = faults.take("delay", path)
        if delay is not None:
            await asyncio.sleep(delay.milliseconds / 1000)

    def _told(self, path: str | None, body: bytes) -> bytes | None:
        return None if self._server.faults.take("lost_reply", path) else body


def _format(asked: Asked, wanted: str | None) -> Format:
    if wanted is not None:
        return read_format(wanted)
    return Format.ENCODED if asked.client.wants_encoded else Format.CLEAN
