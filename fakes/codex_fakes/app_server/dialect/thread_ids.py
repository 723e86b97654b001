"""Thread ids as clients write them: UUIDs in every form the real server accepts.

May import the dialect. The invariant: an id that is accepted comes back in the one form the server
uses; one that is not is refused in the words of the real server's UUID parser.
"""

from __future__ import annotations

import re
import uuid
from typing import Final

from codex_fakes.app_server.dialect.messages import Refusal

_ACCEPTED: Final = re.compile(
    r"\{?(?:urn:uuid:)?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})\}?"
)
_GROUPS: Final = (8, 4, 4, 4, 12)
_STARTS: Final = (0, 9, 14, 19, 24)
_PREFIX: Final = "urn:uuid:"


def parse_thread_id(text: str, *, kind: str = "thread") -> str:
    """Read a thread id.

    Args:
        text: What the client sent.
        kind: How the request calls the id in its error: ``thread`` or ``session``.

    Returns:
        The id in lower case with hyphens.

    Raises:
        Refusal: ``invalid thread id: …``.
    """
    found = _ACCEPTED.fullmatch(text)
    if found is None or (text.startswith("{") != text.endswith("}")):
        raise Refusal(f"invalid {kind} id: {_complaint(text)}")
    return str(uuid.UUID(found.group(1)))


def _complaint(text: str) -> str:
    """Say what is wrong with a UUID, as the parser of the real server does."""
    body, offset = text, 0
    simple = True
    if text.startswith("{") and text.endswith("}"):
        body, offset, simple = text[1:-1], 1, False
    elif text.startswith(_PREFIX):
        body, offset, simple = text[len(_PREFIX) :], len(_PREFIX), False
    for index, character in enumerate(body):
        if character not in "-0123456789abcdefABCDEF":
            position = len(body[:index].encode()) + offset + 1
            return (
                "invalid character: expected an optional prefix of `urn:uuid:` followed by "
                f"[0-9a-fA-F-], found `{character}` at {position}"
            )
    hyphens = [index for index, character in enumerate(body) if character == "-"]
    if not hyphens and simple:
        return f"invalid length: expected length 32 for simple format, found {len(text)}"
    if len(hyphens) != len(_GROUPS) - 1:
        return f"invalid group count: expected 5, found {len(hyphens) + 1}"
    for group, hyphen in enumerate(hyphens):
        if hyphen != _STARTS[group + 1] - 1:
            return _group_length(group, hyphen - _STARTS[group])
    return _group_length(len(_GROUPS) - 1, len(text) - _STARTS[-1])


def _group_length(group: int, length: int) -> str:
    return f"invalid group length in group {group}: expected {_GROUPS[group]}, found {length}"
