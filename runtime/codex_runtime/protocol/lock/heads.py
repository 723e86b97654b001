"""Which messages their head decides: most of the traffic needs no second reading.

May import the lock's record and the messages. The invariant: the verdict from a head is the
validator's own. The head of a message holds its ids and its delta, typed, with ``None`` for a
member that is absent or of another type; where a schema asks for nothing but some of them, all
being strings and all being there, the head has the answer.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.protocol.lock.record import REF_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.protocol.messages import Head

MEMBERS: Final = {
    "threadId": "thread_id",
    "turnId": "turn_id",
    "itemId": "item_id",
    "delta": "delta",
}
"""The members of params that the head holds, and what it calls them."""

_STRING: Final = {"type": "string"}


def decided_by_head(schema: dict[str, Any]) -> Callable[[Head], bool] | None:
    """Make a verdict out of a head, where that is possible.

    Args:
        schema: The schema of a method's params, complete in itself.

    Returns:
        Says whether the params a head is of fit; ``None`` when the head does not tell.
    """
    params = schema["allOf"][0]
    if "$ref" in params:
        params = schema["definitions"][params["$ref"].removeprefix(REF_PREFIX)]
    properties = params.get("properties", {})
    if (
        params.keys() != {"type", "properties", "required"}
        or params["type"] != "object"
        or not properties.keys() <= MEMBERS.keys()
        or sorted(properties) != sorted(params["required"])
        or any(member != _STRING for member in properties.values())
        # With one name alone, attrgetter gives no tuple; no such method is worth a case.
        or len(properties) < 2
    ):
        return None
    read = attrgetter(*(MEMBERS[name] for name in properties))
    return lambda head: None not in read(head)
