"""A request of Codex to its model, as received and as read.

May import the standard library's JSON only. The invariant: reading never fails; what cannot be
read is said in :attr:`ModelRequest.unreadable`, and the raw body is always kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SESSION: Final = re.compile(r"^Process running with session ID (\d+)$", re.MULTILINE)
_INSERTED: Final = (
    "<environment_context>",
    "<turn_aborted>",
    "<user_action>",
    "<codex_internal_context",
)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One POST to ``/v1/responses``.

    Attributes:
        number: Its place among the requests of this server, from 1.
        headers: Its HTTP headers, names in lower case.
        raw: Its body as received.
        body: Its body, decoded; empty when that failed.
        unreadable: Why the body could not be decoded, or an empty string.
    """

    number: int
    headers: Mapping[str, str]
    raw: bytes = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    unreadable: str = ""

    @property
    def model(self) -> str:
        """The model that is asked."""
        model = self.body.get("model")
        return model if isinstance(model, str) else ""

    @property
    def items(self) -> tuple[Mapping[str, Any], ...]:
        """The items of the conversation so far, as Codex tells it."""
        items = self.body.get("input")
        if not isinstance(items, list):
            return ()
        return tuple(item for item in items if isinstance(item, dict))

    @property
    def thread_id(self) -> str:
        """The thread that asks, or an empty string when the request does not say."""
        metadata = self.body.get("client_metadata")
        said = metadata.get("thread_id") if isinstance(metadata, dict) else None
        return said if isinstance(said, str) else self.headers.get("thread-id", "")

    @property
    def window_id(self) -> str:
        """Which window of the thread's history this is; compaction starts a new one."""
        return self.headers.get("x-codex-window-id", self.thread_id)

    @property
    def turn_metadata(self) -> Mapping[str, Any]:
        """What Codex says about the turn that asks; empty when it says nothing."""
        try:
            said = json.loads(self.headers.get("x-codex-turn-metadata", "{}"))
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def kind(self) -> str:
        """What the request is for: ``turn``, ``compaction`` …; empty when it does not say."""
        said = self.turn_metadata.get("request_kind")
        return said if isinstance(said, str) else ""

    @property
    def user_texts(self) -> tuple[str, ...]:
        """The texts of the user's messages, without what Codex itself puts in as the user."""
        texts = (
            item_text(item)
            for item in self.items
            if item.get("type") == "message" and item.get("role") == "user"
        )
        return tuple(text for text in texts if not text.startswith(_INSERTED))

    @property
    def user_text(self) -> str:
        """The text of the newest user message; empty when there is none."""
        texts = self.user_texts
        return texts[-1] if texts else ""

    @property
    def outputs(self) -> Mapping[str, str]:
        """What the calls gave, by call id."""
        return {
            item["call_id"]: item_text(item, "output")
            for item in self.items
            if str(item.get("type")).endswith("_call_output")
            and isinstance(item.get("call_id"), str)
        }

    @property
    def sessions(self) -> Mapping[str, int]:
        """The session of each command that was left running, by the call that started it."""
        running: dict[str, int] = {}
        for call_id, output in self.outputs.items():
            head = output.partition("\nOutput:")[0]
            if found := _SESSION.search(head):
                running.setdefault(call_id, int(found[1]))
        return running


def read_request(number: int, headers: Mapping[str, str], raw: bytes) -> ModelRequest:
    """Read a request.

    Args:
        number: Its place among the requests of this server, from 1.
        headers: Its HTTP headers, names in lower case.
        raw: Its body as received.

    Returns:
        The request; see :attr:`ModelRequest.unreadable`.
    """
    encoding = headers.get("content-encoding", "identity")
    if encoding != "identity":
        return ModelRequest(number, headers, raw, {}, f"the body is encoded as {encoding}")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return ModelRequest(number, headers, raw, {}, f"the body is not JSON: {error}")
    if not isinstance(body, dict):
        return ModelRequest(number, headers, raw, {}, "the body is no JSON object")
    return ModelRequest(number, headers, raw, body)


def item_text(item: Mapping[str, Any], member: str = "content") -> str:
    """Join the text of an item.

    Args:
        item: An item of a request.
        member: The member that holds it: a string, or a list of parts with a ``text``.

    Returns:
        The text; parts that are no text (images) are left out.
    """
    content = item.get(member)
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))
