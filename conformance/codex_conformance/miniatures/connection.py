"""Miniatures that break refusals, the introduction, and the process.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.faults import (
    Fault,
    FromClient,
    Passing,
    answer,
    changed,
    dropped,
    ended,
    heard,
    named,
    put,
    refusal,
    replaced,
)
from codex_conformance.miniatures.miniature import Miniature, miniature
from codex_conformance.wire.messages import Kind, Message, at, encode, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_conformance.miniatures.faults import FaultOf, Outgoing


def _reworded(text: str, by: str) -> FaultOf:
    return changed(refusal(text), put(by, "error", "message"))


def _granted(result: object) -> Callable[[Passing], Iterable[Outgoing]]:
    def grant(passing: Passing) -> Iterable[Outgoing]:
        return [{"id": passing.message["id"], "result": result}]

    return grant


def _json_rpc_code(passing: Passing) -> None:
    passing.message["error"] = {"code": -32601, "message": "Method not found"}


def _waits_for_initialized() -> Fault:
    introduced = initialized = False

    def back(_raw: bytes, message: Message | None) -> FromClient | None:
        nonlocal introduced, initialized
        method = at(message, "method")
        initialized = initialized or method == "initialized"
        asked = message is not None and kind_of(message) is Kind.REQUEST
        refused = introduced and not initialized and asked and method != "initialize"
        introduced = introduced or method == "initialize"
        if not refused:
            return None
        error = {"code": -32600, "message": "Not initialized"}
        return FromClient(to_client=({"error": error, "id": at(message, "id")},))

    return Fault(from_client=back)


def _opts_out(_raw: bytes, message: Message | None) -> bool:
    return bool(at(message, "params", "capabilities", "optOutNotificationMethods"))


def _without_opt_out(_raw: bytes, message: Message | None) -> FromClient:
    capabilities = dict(at(message, "params", "capabilities"))
    del capabilities["optOutNotificationMethods"]
    params = {**at(message, "params"), "capabilities": capabilities}
    return FromClient((encode({**(message or {}), "params": params}),))


REFUSALS: Final[tuple[Miniature, ...]] = (
    miniature(
        "works-before-initialize",
        "Requests before initialize are answered.",
        replaced(refusal("Not initialized"), _granted({"data": [], "nextCursor": None})),
        "protocol.errors.not-initialized",
    ),
    miniature(
        "initializes-again",
        "A second initialize is granted.",
        replaced(refusal("Already initialized"), _granted({"userAgent": "again"})),
        "protocol.errors.already-initialized",
    ),
    miniature(
        "method-not-found",
        "An unknown method is refused with -32601, as JSON-RPC wants it.",
        changed(refusal("Invalid request: unknown variant"), _json_rpc_code),
        "protocol.errors.unknown-method",
    ),
    miniature(
        "vague-about-missing-fields",
        "A missing field is not named.",
        _reworded("Invalid request: missing field", "Invalid params"),
        "protocol.errors.missing-field",
    ),
    miniature(
        "vague-about-wrong-types",
        "A field of the wrong type is not described.",
        _reworded("Invalid request: invalid type", "Invalid params"),
        "protocol.errors.wrong-type",
    ),
    miniature(
        "vague-about-malformed-ids",
        "A malformed thread id is called unknown.",
        _reworded("invalid thread id: ", "thread not found"),
        "protocol.errors.malformed-thread-id",
    ),
    miniature(
        "unknown-thread-reworded",
        "thread/read says of an unknown thread what turn/start says.",
        _reworded("thread not loaded: ", "thread not found"),
        "protocol.errors.unknown-thread",
    ),
)

INTRODUCTION: Final[tuple[Miniature, ...]] = (
    miniature(
        "server-info",
        "The result of initialize has a serverInfo.",
        changed(answer("initialize"), put({"name": "codex"}, "result", "serverInfo")),
        "protocol.initialize.result",
    ),
    miniature(
        "anonymous-user-agent",
        "The user agent names neither client nor version.",
        changed(answer("initialize"), put("Codex", "result", "userAgent")),
        "protocol.initialize.user-agent",
    ),
    miniature(
        "no-remote-control-status",
        "remoteControl/status/changed does not come.",
        dropped(named("remoteControl/status/changed")),
        "protocol.initialize.remote-control",
    ),
    miniature(
        "waits-for-initialized",
        "Requests are refused until `initialized` has come.",
        _waits_for_initialized,
        "protocol.initialize.initialized-optional",
    ),
    miniature(
        "ignores-opt-outs",
        "Notifications come that the client opted out of.",
        heard(_opts_out, _without_opt_out),
        "protocol.initialize.opt-out",
    ),
)

PROCESS: Final[tuple[Miniature, ...]] = (
    miniature(
        "exits-mid-turn",
        "The process ends in the middle of a message.",
        ended(named("item/agentMessage/delta")),
        "protocol.process.stays",
    ),
    miniature(
        "exits-with-1",
        "At the end of its input the process exits with 1.",
        lambda: Fault(exit_code=1),
        "protocol.process.ends-with-input",
    ),
)
