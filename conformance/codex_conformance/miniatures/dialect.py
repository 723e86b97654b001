"""Miniatures that break the dialect: lines, members, ids, answers, silence.

May import the faults, the definition of a miniature, and the plays' constants. The invariant: each
one breaks one rule, in the way an implementation would break it by mistake.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.faults import (
    Fault,
    FromClient,
    HangUp,
    Passing,
    answer,
    both,
    changed,
    heard,
    late,
    refusing,
    replaced,
)
from codex_conformance.miniatures.miniature import Miniature, broken_by, miniature
from codex_conformance.wire.messages import (
    Kind,
    Message,
    alike_ids,
    at,
    encode,
    is_answer,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing


def _any(_passing: Passing) -> bool:
    return True


def _is_request(passing: Passing) -> bool:
    return kind_of(passing.message) is Kind.REQUEST


def _wide(passing: Passing) -> Iterable[Outgoing]:
    return [json.dumps(passing.message, ensure_ascii=False).encode()]


def _id_as_text(passing: Passing) -> None:
    passing.message["id"] = str(passing.message["id"])


def _no_json(_raw: bytes, message: Message | None) -> bool:
    return message is None


def _no_message(raw: bytes, message: Message | None) -> bool:
    return message is None and not raw.lstrip().startswith(b"{")


def _strange_id(_raw: bytes, message: Message | None) -> bool:
    id_ = at(message, "id")
    asked = message is not None and kind_of(message) is Kind.REQUEST
    fits = isinstance(id_, str) or (type(id_) is int and -(2**63) <= id_ < 2**63)
    return asked and not fits


def _hang_up(_raw: bytes, _message: Message | None) -> FromClient:
    raise HangUp


def _objects_on(raw: bytes) -> list[Any]:
    """The JSON objects that stand on a line one behind the other."""
    text, found, place = raw.decode("utf-8", "replace"), [], 0
    while place < len(text):
        try:
            value, place = json.JSONDecoder().raw_decode(text, place)
        except ValueError:
            return []
        found.append(value)
    return found if all(isinstance(value, dict) for value in found) else []


def _answers_unknown_notification(_raw: bytes, message: Message | None) -> bool:
    return bool(at(message, "method") == "exit")


def _complains_of_stray_answers() -> Fault:
    asked: list[object] = []

    def out(passing: Passing) -> None:
        if _is_request(passing):
            asked.append(passing.message["id"])

    def back(_raw: bytes, message: Message | None) -> FromClient | None:
        if message is None or not is_answer(message):
            return None
        if any(alike_ids(message["id"], id_) for id_ in asked):
            return None
        error = {"code": -32600, "message": "no such request"}
        return FromClient(to_client=({"error": error, "id": message["id"]},))

    return Fault(out, back)


def _with_blanks(raw: bytes, _message: Message | None) -> bool:
    return raw != raw.strip()


LINES: Final[tuple[Miniature, ...]] = (
    miniature(
        "wide-json",
        "Messages are written with blanks between tokens.",
        replaced(_any, _wide),
        "protocol.lines.compact",
    ),
)

ANSWERS: Final[tuple[Miniature, ...]] = (
    miniature(
        "id-type-changed",
        "Integer ids come back as texts.",
        changed(lambda p: p.answers and isinstance(p.at("id"), int), _id_as_text),
        "protocol.ids.echoed",
        "lifecycle.interrupt.twice",
    ),
    broken_by(
        "answered-twice",
        "thread/start is answered twice.",
        "duplicate=thread/start[result]",
        "protocol.responses.once",
    ),
    miniature(
        "answers-out-of-order",
        "A thread/read waits until a turn/start that was sent later has been answered.",
        late(
            both(answer("thread/read"), lambda passing: passing.outstanding > 0),
            answer("turn/start"),
        ),
        "protocol.responses.order-in-thread",
    ),
)


SILENCE: Final[tuple[Miniature, ...]] = (
    miniature(
        "answers-parse-errors",
        "A line that is not JSON is answered with -32700, as JSON-RPC wants it.",
        refusing(_no_json, "Parse error", -32700),
        "protocol.silence.unparseable",
        "protocol.silence.one-object-per-line",
        "protocol.process.not-utf-8",
    ),
    miniature(
        "ends-on-garbage",
        "The app-server ends when it reads a line that is no object.",
        heard(_no_message, _hang_up),
        "protocol.silence.survives",
    ),
    miniature(
        "answers-strange-ids",
        "A request with an impossible id is refused instead of ignored.",
        refusing(_strange_id, "Invalid request: invalid id"),
        "protocol.silence.id-types",
    ),
    miniature(
        "splits-lines-itself",
        "Objects are read one behind the other, wherever the newlines are.",
        heard(
            lambda raw, message: message is None and len(_objects_on(raw)) > 1,
            lambda raw, _message: FromClient(tuple(encode(o) for o in _objects_on(raw))),
        ),
        "protocol.silence.one-object-per-line",
    ),
    miniature(
        "answers-notifications",
        "An unknown notification is answered with an error.",
        refusing(_answers_unknown_notification, "Invalid request: unknown variant `exit`"),
        "protocol.silence.notifications",
    ),
    miniature(
        "complains-of-stray-answers",
        "An answer nobody waits for is answered with an error.",
        _complains_of_stray_answers,
        "protocol.silence.stray-answers",
    ),
    miniature(
        "minds-blanks",
        "Lines with blanks or CR at their ends are not heard.",
        heard(_with_blanks, lambda _raw, _message: FromClient()),
        "protocol.requests.blanks-allowed",
    ),
)
