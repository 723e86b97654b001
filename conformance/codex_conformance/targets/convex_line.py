"""What stands between a runtime and a deployment: it keeps every call, and can interfere.

May import httpx and the definition of a deployment. The invariant: a call that no fault picks is
passed on as it is, with the credentials of the one user the runtime acts for; a fault happens as
often as it was asked for.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.targets.deployment import Carrier

Trouble: TypeAlias = Literal[
    "unreachable",
    "lost",
    "held",
    "missing",
    "token",
    "page",
    "busy",
    "code",
    "instead",
    "altered",
]
"""What goes wrong with a call:

``unreachable``: nobody listens; ``lost``: it happens, and its answer is lost; ``held``: it waits
until it is released; ``missing``: there is no such endpoint; ``token``: the token has expired;
``page``: something answers that is no deployment; ``busy``: the deployment refuses for the moment;
``code``: the endpoint refuses with a code; ``instead``: it never happens, and something is answered
for it; ``altered``: it happens, and something else is answered.
"""

EXPIRED: Final = "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjF9.expired"
"""What nobody is signed in with at any deployment."""

_FUNCTION_FAILED: Final = 560
"""The status of an answer that says that a function has failed."""


@dataclass(slots=True)
class Call:
    """A call of the runtime's.

    Attributes:
        endpoint: The endpoint, without its module.
        args: Its arguments.
        trouble: What went wrong with it by a fault.
        answered: Whether the runtime has heard an answer.
        value: What it returned, where it returned something.
        refused: Whether it was refused.
    """

    endpoint: str
    args: dict[str, Any]
    trouble: Trouble | None = None
    answered: bool = False
    value: Any = None
    refused: bool = False

    def shown(self) -> str:
        """It as evidence shows it."""
        end = self.trouble or ("refused" if self.refused else "done" if self.answered else "…")
        return f"{self.endpoint} {json.dumps(self.args, ensure_ascii=False)[:300]}: {end}"


@dataclass(slots=True, eq=False)
class Fault:
    """What is done with calls.

    Attributes:
        trouble: What goes wrong.
        endpoint: With which of them; with all when ``None``.
        times: How often; until it is lifted when ``None``.
        code: For ``code``, what it is refused with.
        value: For ``instead`` and ``altered``, makes what is answered: of the arguments, or of what
            the deployment has answered.
        picks: Which of these calls; all when ``None``.
        released: For ``held``, set when they may go on.
    """

    trouble: Trouble
    endpoint: str | None = None
    times: int | None = None
    code: str = ""
    value: Callable[[Any], Any] | None = None
    picks: Callable[[dict[str, Any]], bool] | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def applies(self, call: Call) -> bool:
        """Whether the call is one of these, and the fault is not used up."""
        return (
            self.times != 0
            and self.endpoint in (None, call.endpoint)
            and (self.picks is None or self.picks(call.args))
        )


class ConvexLine(httpx.AsyncBaseTransport):
    """Carries a runtime's calls to a deployment.

    Args:
        carrier: How the deployment is reached.
        moved: Called whenever there is something new to look at.

    Attributes:
        url: The deployment's URL, as the runtime is told.
        module: The module of the host's endpoints.
        calls: Every call, in order.
        faults: What is done with calls; the first one that applies wins.
    """

    def __init__(self, carrier: Carrier, moved: Callable[[], None]) -> None:
        self._carrier = carrier
        self._moved = moved
        self.url = carrier.url
        self.module = carrier.module
        self.calls: list[Call] = []
        self.faults: list[Fault] = []

    def fault(self, trouble: Trouble, endpoint: str | None = None, **more: Any) -> Fault:
        """Have something go wrong with calls; see :class:`Fault`.

        Returns:
            The fault, for :meth:`lift`.
        """
        made = Fault(trouble, endpoint, **more)
        self.faults.insert(0, made)
        return made

    def lift(self, fault: Fault) -> None:
        """Let such calls go on as they are; those that are held are let go."""
        self.faults.remove(fault)
        fault.released.set()

    def called(self, endpoint: str) -> list[Call]:
        """Give the calls of an endpoint, in order."""
        return [call for call in self.calls if call.endpoint == endpoint]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a call; see :class:`httpx.AsyncBaseTransport`."""
        body: dict[str, Any] = json.loads(await request.aread())
        args = body["args"]
        path = body["path"]
        call = Call(path.rpartition(":")[2], args[0] if isinstance(args, list) else args)
        self.calls.append(call)
        self._moved()
        fault = next((fault for fault in self.faults if fault.applies(call)), None)
        headers = dict(self._carrier.headers)
        if fault is not None:
            if fault.times is not None:
                fault.times -= 1
            call.trouble = fault.trouble
            instead = await self._instead(fault, call, request)
            if instead is not None:
                return self._answered(call, instead)
            if fault.trouble == "missing":
                body["path"] = f"{path}NotThere"
            if fault.trouble == "token":
                headers["Authorization"] = EXPIRED
        response = await self._carry(request, body, headers)
        if fault is not None and fault.trouble == "lost":
            raise httpx.ReadError("the answer was lost", request=request)
        if fault is not None and fault.trouble == "altered" and fault.value is not None:
            response = success(fault.value(json.loads(response.content).get("value")))
        return self._answered(call, response)

    async def _instead(
        self, fault: Fault, call: Call, request: httpx.Request
    ) -> httpx.Response | None:
        """Give what is answered in the place of the deployment, if something is."""
        match fault.trouble:
            case "unreachable":
                raise httpx.ConnectError("nobody listens", request=request)
            case "held":
                await fault.released.wait()
            case "page":
                return httpx.Response(200, text="<html>Not a deployment.</html>")
            case "instead" if fault.value is not None:
                return success(fault.value(call.args))
            case "busy":
                return httpx.Response(503, json={"code": "Overloaded", "message": "try again"})
            case "code":
                data = {"code": fault.code, "message": f"[{fault.code}] by the suite"}
                told = {
                    "status": "error",
                    "errorMessage": "Uncaught ConvexError",
                    "errorData": data,
                }
                return httpx.Response(_FUNCTION_FAILED, json=told)
            case _:
                pass
        return None

    async def _carry(
        self, request: httpx.Request, body: dict[str, Any], headers: dict[str, str]
    ) -> httpx.Response:
        carried = httpx.Request(
            request.method,
            request.url,
            headers={"Content-Type": "application/json", **headers},
            content=json.dumps(body, ensure_ascii=False).encode(),
        )
        response = await self._carrier.transport.handle_async_request(carried)
        await response.aread()
        return httpx.Response(
            response.status_code, headers=_own(response.headers), content=response.content
        )

    def _answered(self, call: Call, response: httpx.Response) -> httpx.Response:
        call.answered = True
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = {}
        call.refused = response.is_error or answer.get("status") != "success"
        call.value = answer.get("value")
        self._moved()
        return response


def success(value: Any) -> httpx.Response:
    """Make the answer of a function that has returned something."""
    return httpx.Response(200, json={"status": "success", "value": value})


def _refused(code: str) -> httpx.Response:
    data = {"code": code, "message": f"[{code}] by the suite"}
    told = {"status": "error", "errorMessage": "Uncaught ConvexError", "errorData": data}
    return httpx.Response(_FUNCTION_FAILED, json=told)


def _own(headers: httpx.Headers) -> dict[str, str]:
    """The headers that say what the answer is; its length is another one when it is passed on."""
    return {"Content-Type": headers.get("Content-Type", "application/json")}
