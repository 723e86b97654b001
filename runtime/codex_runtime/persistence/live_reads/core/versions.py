"""The version of what a connection has seen.

May import the exceptions of live reads only. The invariant: a timestamp is an unsigned 64-bit
number of nanoseconds, on the wire the base64 of its 8 bytes, little end first.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from codex_runtime.persistence.live_reads.failures import LiveReadsError

_BYTES = 8


@dataclass(frozen=True, slots=True)
class Version:
    """What a deployment had taken in when it sent a transition.

    Attributes:
        query_set: The version of the set of queries.
        identity: The version of the identity.
        ts: The timestamp of the data, in nanoseconds.
    """

    query_set: int = 0
    identity: int = 0
    ts: int = 0


def encode_ts(ts: int) -> str:
    """Write a timestamp.

    Args:
        ts: Nanoseconds.

    Returns:
        Its text.
    """
    return binascii.b2a_base64(ts.to_bytes(_BYTES, "little"), newline=False).decode()


def decode_ts(text: str) -> int:
    """Read a timestamp.

    Args:
        text: Its text.

    Returns:
        Nanoseconds.

    Raises:
        LiveReadsError: ``E_LIVE_PROTOCOL``.
    """
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise LiveReadsError("E_LIVE_PROTOCOL", f"no timestamp: {text!r:.80}: {error}") from None
    if len(raw) != _BYTES:
        raise LiveReadsError("E_LIVE_PROTOCOL", f"a timestamp of {len(raw)} bytes, not {_BYTES}")
    return int.from_bytes(raw, "little")
