"""The way of a delta: bytes in, delta queued; against the official SDK and plain decoding."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

import msgspec
from openai_codex.client import CodexClient

from benchmarks.measure import Row, best_seconds
from codex_runtime.protocol.classification import thread_and_turn_of
from codex_runtime.protocol.framing import LineFramer
from codex_runtime.protocol.inbound import InboundStream
from codex_runtime.protocol.items import TextDelta, text_delta_of
from codex_runtime.protocol.lock import LockValidators
from codex_runtime.protocol.messages import Notification
from codex_runtime.protocol.payloads import message_problem

MESSAGES = 20_000
CHUNK = 1 << 16
THREAD, TURN = "01a20215-7b53-7623-bd44-a5d268ddeda7", "01a20215-7b66-7831-b8a1-0c2e6d42df4b"


def stream(count: int = MESSAGES) -> bytes:
    """A turn's deltas as the app-server writes them."""

    def lines() -> Iterator[bytes]:
        for number in range(count):
            params = {"threadId": THREAD, "turnId": TURN, "itemId": "msg_1", "delta": f" w{number}"}
            message = {"method": "item/agentMessage/delta", "params": params}
            yield json.dumps(
                message | {"emittedAtMs": 1795331292111}, separators=(",", ":")
            ).encode()

    return b"\n".join(lines()) + b"\n"


def chunks(data: bytes) -> list[bytes]:
    """The stream as a pipe delivers it."""
    return [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]


def framing_only(parts: list[bytes]) -> None:
    """Bytes to lines."""
    framer = LineFramer()
    for part in parts:
        framer.feed(part)


def to_queued_delta(
    parts: list[bytes], *, check: bool = False, validators: LockValidators | None = None
) -> None:
    """Bytes to messages, checked, told apart by thread and turn, and their deltas queued there."""
    reader = InboundStream()
    turns: dict[tuple[str | None, str | None], deque[TextDelta | None]] = {}
    for part in parts:
        for message in reader.feed(part):
            if not isinstance(message, Notification):
                raise TypeError(message)
            if check and message_problem(message) is not None:
                raise ValueError(message)
            if validators is not None and not validators.fits_message(message):
                raise ValueError(message)
            route = thread_and_turn_of(message)
            queue = turns.get(route)
            if queue is None:
                queue = turns[route] = deque()
            queue.append(text_delta_of(message))


def official_sdk(lines: list[str]) -> None:
    """The SDK's own path from a line to its router: loads, coerce, route."""
    client = CodexClient()
    client._router.register_turn(TURN)
    for line in lines:
        message = json.loads(line)
        client._router.route_notification(
            client._coerce_notification(message["method"], message.get("params"))
        )


def rows() -> Iterator[Row]:
    """The lines of the table."""
    data = stream()
    parts = chunks(data)
    raw = data.splitlines()
    text = [line.decode() for line in raw]
    plain = msgspec.json.Decoder()
    validators = LockValidators()
    framing, ours, checked, validated, sdk, loads, fast = best_seconds(
        lambda: framing_only(parts),
        lambda: to_queued_delta(parts),
        lambda: to_queued_delta(parts, check=True),
        lambda: to_queued_delta(parts, validators=validators),
        lambda: official_sdk(text),
        lambda: [json.loads(line) for line in text],
        lambda: [plain.decode(line) for line in raw],
    )

    def rate(seconds: float) -> str:
        return f"{MESSAGES / seconds:>11,.0f} /s"

    yield Row("official SDK: loads, coerce, route", rate(sdk))
    yield Row("plain decoding, json.loads", rate(loads))
    yield Row("plain decoding, msgspec", rate(fast))
    yield Row("framing alone", rate(framing), f"{fast / framing:.1f} x plain msgspec")
    yield Row(
        "bytes in -> delta queued",
        rate(ours),
        f"{sdk / ours:.1f} x SDK, {fast / ours:.2f} x plain msgspec",
        ">= 5 x SDK, >= 100,000 /s",
        sdk / ours >= 5 and MESSAGES / ours >= 100_000,
    )
    yield Row(
        "the same, payloads checked",
        rate(checked),
        f"{sdk / checked:.1f} x SDK",
        ">= 3.5 x SDK",
        sdk / checked >= 3.5,
    )
    yield Row(
        "the same, validated against the lock's schemas",
        rate(validated),
        f"{sdk / validated:.1f} x SDK",
        ">= 3.5 x SDK",
        sdk / validated >= 3.5,
    )
