"""Miniatures that keep a conversation wrongly: its words, events, tokens, requests.

May import what alters runtimes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_conformance.miniatures.runtimes.altering import (
    RuntimeMiniature,
    built,
    called,
    calls,
    does,
    given,
    hears,
    showing,
    shows,
    skipped,
    speaks,
    wired,
    with_params,
    with_result,
)
from codex_conformance.wire.messages import at, is_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

    from codex_conformance.miniatures.runtimes.altering import Around, Carry, Change, Methods
    from codex_conformance.targets.runtimes import HostRuntime, Surroundings
    from codex_conformance.wire.messages import Message

_replace: Final = msgspec.structs.replace
_DELTA: Final = "item/agentMessage/delta"
_KEEP: Final = "upsertPendingServerRequest"
_RESOLVE: Final = "resolvePendingServerRequest"


def _item(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def changed(params: dict[str, Any]) -> dict[str, Any]:
        item = params.get("item")
        return {**params, "item": change(item)} if isinstance(item, dict) else params

    return with_params(changed)


def _together(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("type") != "agentMessage":
        return item
    return {**item, "text": item["text"].replace(" ", "")}


def _thoughtless(message: Message) -> Iterable[Message]:
    method = str(message.get("method"))
    thought = method.startswith("item/reasoning/") or at(message, "params", "item", "type") == (
        "reasoning"
    )
    return () if thought else (message,)


def _events(change: Callable[[dict[str, Any]], Iterable[dict[str, Any]]]) -> Around:
    def changed(args: dict[str, Any]) -> dict[str, Any]:
        return {**args, "deltas": [one for delta in args["deltas"] for one in change(delta)]}

    return given(changed)


def _of_codex(delta: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if delta["kind"] != "turn/started":
        return (delta,)
    payload = json.loads(delta["payloadJson"])
    payload["params"]["turn"]["id"] = "of-codex"
    return ({**delta, "payloadJson": json.dumps(payload)},)


def _from_one(delta: dict[str, Any]) -> Iterable[dict[str, Any]]:
    moved = {name: delta[name] + 1 for name in ("cursorStart", "cursorEnd")}
    return ({**delta, **moved},)


def _split(delta: dict[str, Any]) -> Iterable[dict[str, Any]]:
    payload = json.loads(delta["payloadJson"])
    text = at(payload, "params", "delta")
    start, end = delta["cursorStart"], delta["cursorEnd"]
    if delta["kind"] != _DELTA or not isinstance(text, str) or end - start < 1.5:
        return (delta,)
    halves = ((text[:1], start, start + 1), (text[1:], start + 1, end))
    return tuple(
        {
            **delta,
            "eventId": f"{delta['eventId']}-{place}",
            "payloadJson": json.dumps({**payload, "params": {**payload["params"], "delta": part}}),
            "cursorStart": begins,
            "cursorEnd": ends,
        }
        for place, (part, begins, ends) in enumerate(halves)
    )


def _one_more(state: Any) -> Any:
    metrics = state.ingest_metrics
    more = _replace(metrics, enqueued_event_count=metrics.enqueued_event_count + 1)
    return _replace(state, ingest_metrics=more)


def _windowless(args: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name != "modelContextWindow"}


KEEPING: Final[tuple[RuntimeMiniature, ...]] = (
    hears(
        "words-run-together",
        "Messages are kept without their spaces.",
        lambda: {"item/completed": _item(_together)},
        "lifecycle.kept.words",
        "fail_closed.codex.flood",
    ),
    hears(
        "thoughtless",
        "What the model thinks is not kept.",
        lambda: {"*": _thoughtless},
        "lifecycle.kept.reasoning",
        "lifecycle.kept.counted",
    ),
    calls(
        "keeps-codexs-turn",
        "The event of a turn's start names Codex's turn inside.",
        lambda: {"ingestBatch": _events(_of_codex)},
        "lifecycle.kept.turn-id",
        "fail_closed.convex.ingest-recovers",
        "fail_closed.convex.session-lost",
    ),
    calls(
        "numbers-from-one",
        "Streams are numbered from 1.",
        lambda: {"ingestBatch": _events(_from_one)},
        "lifecycle.kept.cursors",
    ),
    calls(
        "splits-deltas",
        "Deltas that waited together are delivered as two.",
        lambda: {"ingestBatch": _events(_split)},
        "lifecycle.kept.batches",
    ),
    shows(
        "counts-one-more",
        "The state counts one event more.",
        _one_more,
        "lifecycle.connect.afresh",
        "lifecycle.kept.counted",
    ),
    calls(
        "tokens-unkept",
        "Tokens are not kept.",
        lambda: {"upsertTokenUsage": skipped()},
        "lifecycle.kept.usage",
        "lifecycle.kept.window",
        "fail_closed.convex.usage-fails",
    ),
    calls(
        "windowless",
        "The size of the model's window is not kept.",
        lambda: {"upsertTokenUsage": given(_windowless)},
        "lifecycle.kept.window",
    ),
)


def _waiting_for_ever(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    most: list[int] = [0]

    def change(state: Any) -> Any:
        most[0] = max(most[0], state.pending_server_request_count)
        return _replace(state, pending_server_request_count=most[0])

    return surroundings, showing(change)


def _declining(result: Any) -> Any:
    return {"decision": "decline"} if "decision" in result else result


async def _accepting(inner: HostRuntime, request_id: str | int, _decision: Any) -> None:
    await inner.respond_command_approval(request_id, "accept")


async def _keeping_files(inner: HostRuntime, request_id: str | int, _decision: Any) -> None:
    await inner.respond_file_change_approval(request_id, "decline")


def _writing_first(surroundings: Surroundings) -> tuple[Surroundings, Methods]:
    doors: list[Any] = []
    kept: list[Message] = []
    written: list[bool] = []

    def hold(message: Message) -> Iterable[Message]:
        if not is_answer(message) or written:
            return (message,)
        kept.append(message)
        return ()

    async def resolve(args: dict[str, Any], carry: Carry) -> httpx.Response:
        response = await carry(args)
        written.append(True)
        for message in kept:
            await doors[-1].send(msgspec.json.encode(message) + b"\n")
        kept.clear()
        return response

    async def noting() -> Any:
        doors.append(await surroundings.open_app_server())
        return doors[-1]

    noted = replace(surroundings, open_app_server=noting)
    return called(wired(noted, outgoing={"answer": hold}), {_RESOLVE: resolve}), {}


REQUESTS: Final[tuple[RuntimeMiniature, ...]] = (
    calls(
        "requests-unkept",
        "Requests are not kept.",
        lambda: {_KEEP: skipped()},
        "lifecycle.server-request.kept",
        "lifecycle.server-request.answered",
        "lifecycle.server-request.declined",
        "lifecycle.server-request.files",
        "lifecycle.server-request.answered-first",
        "lifecycle.server-request.turn-ends",
        "lifecycle.server-request.stop",
        "lifecycle.server-request.retried",
        "fail_closed.convex.request-not-kept",
    ),
    built(
        "requests-wait-for-ever",
        "The state never counts fewer requests.",
        _waiting_for_ever,
        "lifecycle.server-request.counted",
        "lifecycle.server-request.turn-ends",
    ),
    speaks(
        "declines",
        "Codex is always answered that nothing may be done.",
        lambda: {"answer": with_result(_declining)},
        "lifecycle.server-request.answered",
        "lifecycle.server-request.files",
    ),
    does(
        "never-declines",
        "A command that is declined is accepted.",
        {"respond_command_approval": _accepting},
        "lifecycle.server-request.declined",
    ),
    does(
        "keeps-files",
        "Files may never change, whatever is answered.",
        {"respond_file_change_approval": _keeping_files},
        "lifecycle.server-request.files",
    ),
    built(
        "writes-first",
        "Codex is answered when the answer is kept.",
        _writing_first,
        "lifecycle.server-request.answered-first",
        "fail_closed.codex.unknown-request",
    ),
)
