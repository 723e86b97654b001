"""The ids of the protocol: request ids, and the form of thread ids.

May import nothing of the project. The invariant: a string and an integer are never the same id, and
a boolean, a fraction or a number beyond 64 bits is none (FACTS §4).
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias, TypeGuard

RequestId: TypeAlias = int | str
"""The id of a request: a string (also the empty one) or a 64-bit integer."""

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)


def is_request_id(value: object) -> TypeGuard[RequestId]:
    """Whether a value may be the id of a request.

    Args:
        value: Anything; a boolean is no id although Python counts it among the integers.

    Returns:
        ``True`` for strings and 64-bit integers.
    """
    if type(value) is int:
        return INT64_MIN <= value <= INT64_MAX
    return type(value) is str


def is_uuid_like_thread_id(value: object) -> bool:
    """Whether a value has the form of a thread id: 8-4-4-4-12 hexadecimal digits.

    Any version of UUID and either case will do; the ``urn:uuid:`` form, which the server would
    take, will not: ids are compared as text (spec 07 §8).

    Args:
        value: Anything.

    Returns:
        ``True`` when it is a string of that form and nothing else.
    """
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
