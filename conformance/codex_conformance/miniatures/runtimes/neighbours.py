"""Miniatures that take their neighbours' faults wrongly.

May import what alters runtimes.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from codex_conformance.miniatures.runtimes.altering import (
    TAKEN,
    RuntimeMiniature,
    answered,
    built,
    called,
    calls,
    does,
    hears,
    speaks,
    wired,
    with_result,
)
from codex_conformance.targets.convex_line import success
from codex_conformance.wire.messages import at, is_answer, keyed
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codex_conformance.miniatures.runtimes.altering import Around, Carry, Change, Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message

_replace: Final = msgspec.structs.replace
_VERSION: Final = "0.163.0"
_COMMAND: Final = "item/commandExecution/requestApproval"
_EVERY: Final = 500


async def _connecting_anyway(inner: HostRuntime, **how: Any) -> Any:
    try:
        return await inner.connect(**how)
    except CodexRuntimeError:
        return inner.get_state()


def _this_version(result: Any) -> Any:
    if not isinstance(result, dict) or "userAgent" not in result:
        return result
    told = re.sub(r"/[^ ]+", f"/{_VERSION}", str(result["userAgent"]), count=1)
    return {**result, "userAgent": told}


async def _named_anyway(inner: HostRuntime, thread: str, name: str) -> None:
    try:
        await inner.set_thread_name(thread, name)
    except CodexRuntimeError as error:
        if error.code != "E_APP_SERVER_REQUEST_FAILED":
            raise


async def _waiting_for_ever(inner: HostRuntime) -> Any:
    try:
        return await inner.read_account()
    except CodexRuntimeError:
        return await asyncio.get_running_loop().create_future()


async def _believing(inner: HostRuntime, *args: Any, **how: Any) -> Any:
    try:
        return await inner.open_thread(*args, **how)
    except CodexRuntimeError as error:
        if error.code != "E_PROTOCOL_PAYLOAD_INVALID":
            raise
        return None


def _disturbed(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    asked: set[str] = set()
    disturbed: list[bool] = []

    def note(message: Message) -> tuple[Message]:
        if "id" in message and not is_answer(message):
            asked.add(keyed(message["id"]))
        return (message,)

    def answer(message: Message) -> Iterable[Message]:
        key = keyed(message.get("id"))
        if key not in asked:
            disturbed.append(True)
            return ()
        asked.remove(key)
        return (message,)

    def hear(message: Message) -> Iterable[Message]:
        return () if disturbed else (message,)

    incoming = {"answer": answer, "*": hear}
    return wired(surroundings, incoming=incoming, outgoing={"*": note}), {}


def _unreported(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    def report(message: str, line: str) -> None:
        if line.startswith("[runtime"):
            surroundings.report(message, line)

    return replace(surroundings, report=report), {}


def _puzzled() -> Mapping[str, Change]:
    puzzled: list[bool] = []

    def hear(message: Message) -> Iterable[Message]:
        if "New" in str(message.get("method")):
            puzzled.append(True)
        return () if puzzled else (message,)

    return {"answer": lambda message: (message,), "*": hear}


def _unanswering(message: Message) -> Iterable[Message]:
    return () if "error" in message else (message,)


def _named_only(message: Message) -> Iterable[Message]:
    return () if at(message, "params", "turnId") is None else (message,)


def _losing() -> Mapping[str, Change]:
    seen: list[int] = [0]

    def count(message: Message) -> Iterable[Message]:
        seen[0] += 1
        return () if seen[0] % _EVERY == 0 else (message,)

    return {"item/agentMessage/delta": count}


async def _asking_before_it_stops(inner: HostRuntime) -> None:
    if inner.get_state().running:
        await inner.read_account()
    await inner.stop()


CODEX: Final[tuple[RuntimeMiniature, ...]] = (
    does(
        "connects-anyway",
        "A start that fails is told to nobody.",
        {"connect": _connecting_anyway},
        "lifecycle.phase.start-failed",
        "lifecycle.phase.start-retried",
        "lifecycle.phase.stop-starting",
        "fail_closed.codex.start-refused",
        "fail_closed.codex.start-ends",
        "fail_closed.codex.start-hangs",
        "fail_closed.codex.other-version",
    ),
    hears(
        "any-version",
        "Every version of the app-server will do.",
        lambda: {"answer": with_result(_this_version)},
        "fail_closed.codex.other-version",
    ),
    does(
        "named-anyway",
        "Codex's refusal of a name is told to nobody.",
        {"set_thread_name": _named_anyway},
        "fail_closed.codex.refuses",
    ),
    does(
        "waits-in-vain",
        "Whoever waits for an answer that does not come waits for ever.",
        {"read_account": _waiting_for_ever},
        "fail_closed.codex.ends-unasked",
        "fail_closed.codex.never-answers",
        "fail_closed.codex.stop-waiting",
    ),
    does(
        "believes",
        "An answer that says nothing is believed.",
        {"open_thread": _believing},
        "fail_closed.codex.answer-malformed",
    ),
    built(
        "disturbed",
        "Behind an answer to nothing, Codex is not heard any more.",
        _disturbed,
        "fail_closed.codex.stray-answers",
    ),
    built(
        "garbage-unreported",
        "Nobody hears of lines that are no message.",
        _unreported,
        "lifecycle.phase.protocol-error",
        "fail_closed.codex.garbage",
        "fail_closed.convex.ingest-rejected",
    ),
    hears(
        "puzzled",
        "Behind a notification of an unknown kind, Codex is not heard any more.",
        _puzzled,
        "fail_closed.codex.unknown-notification",
    ),
    speaks(
        "never-refuses",
        "A request that is not understood is not answered.",
        lambda: {"answer": _unanswering},
        "fail_closed.codex.unknown-request",
    ),
    hears(
        "half-asked-unheard",
        "A request that names no turn is passed over in silence.",
        lambda: {_COMMAND: _named_only},
        "fail_closed.codex.request-malformed",
    ),
    hears(
        "loses-one-in-500",
        "One delta in 500 is lost.",
        _losing,
        "fail_closed.codex.flood",
    ),
    does(
        "asks-before-it-stops",
        "Stopping waits for an answer of Codex.",
        {"stop": _asking_before_it_stops},
        "fail_closed.codex.stop-waiting",
        "fail_closed.codex.stop-hanging",
    ),
)


async def _opening_anyway(inner: HostRuntime, *args: Any, **how: Any) -> Any:
    try:
        return await inner.open_thread(*args, **how)
    except CodexRuntimeError as error:
        if not error.code.startswith("E_PERSISTENCE_"):
            raise
        return None


async def _one_code(inner: HostRuntime, *args: Any, **how: Any) -> Any:
    try:
        return await inner.open_thread(*args, **how)
    except CodexRuntimeError as error:
        if not error.code.startswith("E_PERSISTENCE_"):
            raise
        raise CodexRuntimeError("E_PERSISTENCE_FUNCTION_FAILED", error.text) from error


async def _at_once(args: dict[str, Any], carry: Carry) -> httpx.Response:
    response = await carry(args)
    return (
        httpx.Response(400) if response.status_code == httpx.codes.SERVICE_UNAVAILABLE else response
    )


def _accepting_anew() -> Mapping[str, Around]:
    async def accept(args: dict[str, Any], carry: Carry) -> httpx.Response:
        try:
            return await carry(dict(args))
        except httpx.ReadError:
            again = {name: f"{args[name]}-again" for name in ("turnId", "idempotencyKey")}
            return await carry({**args, **again})

    return {"acceptTurnSend": accept}


def _delivering_anew() -> Mapping[str, Around]:
    async def deliver(args: dict[str, Any], carry: Carry) -> httpx.Response:
        try:
            return await carry(dict(args))
        except httpx.ReadError:
            anew = [{**one, "eventId": f"{one['eventId']}-again"} for one in args["deltas"]]
            return await carry({**args, "deltas": anew})

    return {"ingestBatch": deliver}


def _letting_go() -> Mapping[str, Around]:
    async def deliver(args: dict[str, Any], carry: Carry) -> httpx.Response:
        try:
            return await carry(args)
        except httpx.ConnectError:
            return success(TAKEN)

    return {"ingestBatch": deliver}


def _taken(result: Any) -> Any:
    return {**result, **TAKEN} if _is_final(result) else result


def _is_final(result: Any) -> bool:
    return result["status"] == "rejected" and not any(e["recoverable"] for e in result["errors"])


def _for_good(result: Any) -> Any:
    errors = [{**error, "recoverable": False} for error in result["errors"]]
    return {**result, "errors": errors}


async def _stopping_well(inner: HostRuntime) -> None:
    try:
        await inner.stop()
    except CodexRuntimeError:
        return


def _hurried(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    stopping = asyncio.Event()

    async def deliver(args: dict[str, Any], carry: Carry) -> httpx.Response:
        going = asyncio.ensure_future(carry(args))
        stopped = asyncio.ensure_future(stopping.wait())
        await asyncio.wait((going, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not going.done():
            going.cancel()
            return success(TAKEN)
        return await going

    async def stop(inner: HostRuntime) -> None:
        stopping.set()
        await inner.stop()

    return called(surroundings, {"ingestBatch": deliver}), {"stop": stop}


CONVEX: Final[tuple[RuntimeMiniature, ...]] = (
    does(
        "opens-anyway",
        "What the deployment says of a thread is told to nobody.",
        {"open_thread": _opening_anyway},
        "fail_closed.convex.unreachable",
        "fail_closed.convex.unreachable-then-there",
        "fail_closed.convex.token-expired",
        "fail_closed.convex.endpoint-missing",
        "fail_closed.convex.no-deployment",
        "fail_closed.convex.answer-malformed",
    ),
    does(
        "one-code",
        "Every trouble with the deployment has one code.",
        {"open_thread": _one_code},
        "fail_closed.convex.token-expired",
        "fail_closed.convex.endpoint-missing",
        "fail_closed.convex.no-deployment",
        "fail_closed.convex.answer-malformed",
    ),
    calls(
        "gives-up-at-once",
        "A deployment that is busy is not asked again.",
        lambda: {"*": _at_once},
        "fail_closed.convex.busy",
    ),
    calls(
        "accepts-anew",
        "A lost acceptance is another turn.",
        _accepting_anew,
        "fail_closed.convex.accept-lost",
    ),
    calls(
        "delivers-anew",
        "A batch is delivered again as other events.",
        _delivering_anew,
        "fail_closed.convex.ingest-lost",
    ),
    calls(
        "lets-go",
        "What cannot be kept is let go in silence.",
        _letting_go,
        "fail_closed.convex.ingest-fails",
        "fail_closed.convex.ingest-recovers",
        "fail_closed.convex.stop-unkept",
    ),
    calls(
        "rejections-unread",
        "What is refused for good is taken for kept.",
        lambda: {"ingestBatch": answered(_taken)},
        "fail_closed.convex.ingest-rejected",
    ),
    calls(
        "sessions-lost-for-good",
        "A session that is lost is not replaced.",
        lambda: {"ingestBatch": answered(_for_good)},
        "fail_closed.convex.session-lost",
    ),
    does(
        "stops-well",
        "Stopping never says what is not kept.",
        {"stop": _stopping_well},
        "fail_closed.convex.stop-unkept",
    ),
    built(
        "hurried",
        "Stopping drops what is being kept.",
        _hurried,
        "fail_closed.convex.stop-hanging",
    ),
)
