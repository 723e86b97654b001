"""The events of the Responses API, as Codex reads them.

May import the standard library's JSON only. The invariant: events are numbered without a gap from
0, output items without a gap from 0, and an item's last event holds all of the item.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def compact_json(value: Any) -> str:
    """Write a value as JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class EventStream:
    """Makes the events of one response.

    Args:
        response_id: The model's id of the response.
        model: The model's name, as the request says it.
    """

    def __init__(self, response_id: str, model: str) -> None:
        self._response_id = response_id
        self._model = model
        self._next_event = 0
        self._next_item = 0
        self._output: list[dict[str, Any]] = []

    def event(self, kind: str, **members: Any) -> bytes:
        """Make the next event.

        Args:
            kind: Its type.
            members: What else it says.
        """
        number = self._next_event
        self._next_event += 1
        body = compact_json({"type": kind, "sequence_number": number, **members})
        return f"event: {kind}\ndata: {body}\n\n".encode()

    def _response(self, status: str, **members: Any) -> dict[str, Any]:
        return {
            "id": self._response_id,
            "object": "response",
            "status": status,
            "model": self._model,
            "output": list(self._output),
            "error": None,
            "incomplete_details": None,
            "usage": None,
            **members,
        }

    def created(self) -> bytes:
        """Make the first event of the stream."""
        return self.event("response.created", response=self._response("in_progress"))

    def completed(self, usage: dict[str, Any]) -> bytes:
        """Make the last event of a regular stream.

        Args:
            usage: The ``usage`` member of the response.
        """
        response = self._response("completed", usage=usage)
        return self.event("response.completed", response=response)

    def failed(self, code: str, message: str) -> bytes:
        """Make the last event of a stream that fails."""
        error = {"code": code, "message": message}
        return self.event("response.failed", response=self._response("failed", error=error))

    def incomplete(self, reason: str) -> bytes:
        """Make the last event of a stream that stops early."""
        response = self._response("incomplete", incomplete_details={"reason": reason})
        return self.event("response.incomplete", response=response)

    def reasoning(
        self, item_id: str | None, summary: Sequence[Sequence[str]], raw: Sequence[str]
    ) -> Iterator[bytes]:
        """Make the events of a reasoning item.

        Args:
            item_id: The item's id; ``None`` when it has none.
            summary: The deltas of each part of the summary.
            raw: The deltas of the raw chain of thought.
        """
        index = self._take_index()
        item: dict[str, Any] = {"type": "reasoning", **_named(item_id), "summary": []}
        yield self.event("response.output_item.added", output_index=index, item=item)
        for number, deltas in enumerate(summary):
            at = {"item_id": item_id or "", "output_index": index, "summary_index": number}
            empty = {"type": "summary_text", "text": ""}
            yield self.event("response.reasoning_summary_part.added", **at, part=empty)
            for delta in deltas:
                yield self.event("response.reasoning_summary_text.delta", **at, delta=delta)
            text = "".join(deltas)
            part = {"type": "summary_text", "text": text}
            yield self.event("response.reasoning_summary_text.done", **at, text=text)
            yield self.event("response.reasoning_summary_part.done", **at, part=part)
        done = {
            **item,
            "summary": [{"type": "summary_text", "text": "".join(part)} for part in summary],
            "encrypted_content": None,
        }
        if raw:
            at = {"item_id": item_id or "", "output_index": index, "content_index": 0}
            for delta in raw:
                yield self.event("response.reasoning_text.delta", **at, delta=delta)
            text = "".join(raw)
            yield self.event("response.reasoning_text.done", **at, text=text)
            done["content"] = [{"type": "reasoning_text", "text": text}]
        yield self.finished(index, done)

    def call(
        self, call_id: str, name: str, arguments: str, namespace: str | None = None
    ) -> Iterator[bytes]:
        """Make the events of a function call.

        Args:
            call_id: The call's id.
            name: The function's name.
            arguments: Its arguments, JSON or not.
            namespace: The namespace the function is in.
        """
        index = self._take_index()
        item: dict[str, Any] = {
            "type": "function_call",
            "id": f"fc_{call_id}",
            "call_id": call_id,
            "name": name,
            "arguments": "",
            "status": "in_progress",
        }
        if namespace is not None:
            item["namespace"] = namespace
        yield self.event("response.output_item.added", output_index=index, item=item)
        at = {"item_id": item["id"], "output_index": index}
        yield self.event("response.function_call_arguments.delta", **at, delta=arguments)
        yield self.event("response.function_call_arguments.done", **at, arguments=arguments)
        yield self.finished(index, {**item, "arguments": arguments, "status": "completed"})

    def custom_call(self, call_id: str, name: str, deltas: Sequence[str]) -> Iterator[bytes]:
        """Make the events of a call whose input is free text.

        Args:
            call_id: The call's id.
            name: The tool's name.
            deltas: The pieces its input arrives in.
        """
        index = self._take_index()
        item: dict[str, Any] = {
            "type": "custom_tool_call",
            "id": f"ctc_{call_id}",
            "call_id": call_id,
            "name": name,
            "input": "",
            "status": "in_progress",
        }
        yield self.event("response.output_item.added", output_index=index, item=item)
        at = {"item_id": item["id"], "output_index": index}
        for delta in deltas:
            yield self.event("response.custom_tool_call_input.delta", **at, delta=delta)
        text = "".join(deltas)
        yield self.event("response.custom_tool_call_input.done", **at, input=text)
        yield self.finished(index, {**item, "input": text, "status": "completed"})

    def message(self, item_id: str | None, phase: str | None) -> MessageEvents:
        """Start a message item.

        Args:
            item_id: The item's id; ``None`` when it has none.
            phase: The part of the answer it is, when the model says so.
        """
        return MessageEvents(self, self._take_index(), item_id, phase)

    def _take_index(self) -> int:
        index = self._next_item
        self._next_item += 1
        return index

    def finished(self, index: int, item: dict[str, Any]) -> bytes:
        """Make the last event of an item.

        Args:
            index: The item's place among the stream's items.
            item: All of the item.
        """
        self._output.append(item)
        return self.event("response.output_item.done", output_index=index, item=item)


class MessageEvents:
    """Makes the events of one message item, which may stay open between steps.

    Args:
        stream: The stream it belongs to.
        index: Its place among the stream's items.
        item_id: Its id; ``None`` when it has none.
        phase: The part of the answer it is.
    """

    def __init__(
        self, stream: EventStream, index: int, item_id: str | None, phase: str | None
    ) -> None:
        self._stream = stream
        self._index = index
        self._text: list[str] = []
        self._item: dict[str, Any] = {"type": "message", **_named(item_id), "role": "assistant"}
        if phase is not None:
            self._item["phase"] = phase
        self._at = {"item_id": item_id or "", "output_index": index, "content_index": 0}

    def opened(self) -> Iterator[bytes]:
        """Make the events that start the item."""
        item = {**self._item, "status": "in_progress", "content": []}
        event = self._stream.event
        yield event("response.output_item.added", output_index=self._index, item=item)
        yield event("response.content_part.added", **self._at, part=_text_part(""))

    def delta(self, text: str) -> bytes:
        """Make the event of the next piece of text."""
        self._text.append(text)
        return self._stream.event("response.output_text.delta", **self._at, delta=text)

    def closed(self) -> Iterator[bytes]:
        """Make the events that end the item."""
        text = "".join(self._text)
        event = self._stream.event
        yield event("response.output_text.done", **self._at, text=text)
        yield event("response.content_part.done", **self._at, part=_text_part(text))
        item = {**self._item, "status": "completed", "content": [_text_part(text)]}
        yield self._stream.finished(self._index, item)


def _named(item_id: str | None) -> dict[str, str]:
    return {} if item_id is None else {"id": item_id}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}
