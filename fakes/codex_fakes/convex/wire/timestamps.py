"""Timestamps as the wire writes them: base64 of eight bytes, little endian.

May import the standard library only. The invariant: every ``u64`` survives the round trip, and a
text that is not one is a :class:`ValueError`, never a wrong number.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

_BYTES: Final = 8


def encode_ts(ts: int) -> str:
    """Write a timestamp.

    Args:
        ts: Nanoseconds since the epoch.

    Returns:
        Its text; zero is ``"AAAAAAAAAAA="``.
    """
    return base64.b64encode(ts.to_bytes(_BYTES, "little")).decode("ascii")


def decode_ts(text: str) -> int:
    """Read a timestamp.

    Args:
        text: What :func:`encode_ts` wrote.

    Returns:
        Nanoseconds since the epoch.

    Raises:
        ValueError: It is not base64 of eight bytes.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a timestamp is base64") from None
    if len(raw) != _BYTES:
        raise ValueError("u64 must be 8 bytes")
    return int.from_bytes(raw, "little")
