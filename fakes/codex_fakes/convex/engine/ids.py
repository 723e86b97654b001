"""Document ids: what is in them, how they are written, and a factory that is the same every time.

May import the standard library only. An id is base32 of the table's number, sixteen bytes of the
document's own, and a checksum of both (FACTS §5.1). The invariant: an id is decoded only in the one
spelling that encoding it gives, so ids can be compared as text, and for one table number their
order as text is the order of their bytes.
"""

from __future__ import annotations

import random
from base64 import b32decode
from functools import cache, lru_cache
from operator import mul
from typing import Final

FIRST_SYSTEM_TABLE: Final = 513
FIRST_USER_TABLE: Final = 10_001
DAY_MS: Final = 86_400_000

_INTERNAL: Final = 16
_CHECKSUM: Final = 2
_SHORTEST, _LONGEST = 31, 37
_LARGEST_TABLE: Final = (1 << 32) - 1
_RFC: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CONVEX: Final = b"0123456789abcdefghjkmnpqrstvwxyz"
_TO_RFC: Final = bytes.maketrans(_CONVEX, _RFC)
_ALPHABET: Final = frozenset(_CONVEX.decode())
_PAIRS: Final = [first + second for first in _CONVEX.decode() for second in _CONVEX.decode()]
"""Ten bits as two characters: an id is written for every insert, and this halves the look-ups."""
_WEIGHTS: Final = tuple(range(_INTERNAL + 5, 0, -1))


class InvalidId(ValueError):  # noqa: N818 - names the thing, as Convex does
    """A text is not a document id; the message says why, in Convex's words."""


def encode_id(table_number: int, internal: bytes) -> str:
    """Write an id.

    Args:
        table_number: The table's number.
        internal: The document's sixteen bytes.

    Returns:
        Its text: 32 characters for the tables of users.
    """
    body = _vint(table_number) + internal
    return _base32(body + _checksum(body))


def decode_id(text: str) -> tuple[int, bytes]:
    """Read an id.

    Args:
        text: Any text.

    Returns:
        The table's number and the document's sixteen bytes.

    Raises:
        InvalidId: It is not an id.
    """
    if not _SHORTEST <= len(text) <= _LONGEST:
        raise InvalidId(f"Invalid ID length {len(text)}")
    if not _ALPHABET.issuperset(text):
        raise InvalidId("ID wasn't valid base32")
    padded = text.encode().translate(_TO_RFC)
    try:
        data = b32decode(padded + b"=" * (-len(padded) % 8))
    except ValueError as error:
        raise InvalidId("ID wasn't valid base32") from error
    table_number, used = _read_vint(data)
    end = used + _INTERNAL
    internal, footer = data[used:end], data[end : end + _CHECKSUM]
    if len(footer) != _CHECKSUM:
        raise InvalidId(f"Invalid ID length {len(text)}")
    expected = _checksum(data[:end])
    if footer != expected:
        found, wanted = int.from_bytes(footer, "little"), int.from_bytes(expected, "little")
        raise InvalidId(f"Invalid ID version {found} (expected {wanted})")
    if encode_id(table_number, internal) != text:
        raise InvalidId(f"Invalid ID length {len(text)}")
    return table_number, internal


@cache
def id_prefixes(table_number: int) -> tuple[str, ...]:
    """The first four characters that ids of a table can have.

    Args:
        table_number: The number of a table that is written in two bytes (128 to 16,383).

    Returns:
        The sixteen of them: no id of another such table starts with one.
    """
    number = int.from_bytes(_vint(table_number), "big") << 4
    return tuple(
        "".join(chr(_CONVEX[(number | low) >> shift & 31]) for shift in (15, 10, 5, 0))
        for low in range(16)
    )


class IdFactory:
    """Makes ids that look like Convex's and are the same whenever a test runs again.

    Args:
        seed: Where chance starts.
    """

    def __init__(self, seed: int | str = 0) -> None:
        self._seed = seed
        self._random = random.Random(f"ids:{seed}")  # noqa: S311 - repeatable on purpose

    def restart(self, token: int) -> None:
        """Go on with ids that this factory has not made before, nor one with another token.

        Args:
            token: What tells this start from others with the same seed.
        """
        self._random = random.Random(f"ids:{self._seed}:{token}")  # noqa: S311 - as above

    def new_id(self, table_number: int, now_ms: float) -> str:
        """Make an id.

        Args:
            table_number: The table of the document.
            now_ms: The time, in milliseconds since the epoch: ids name their day.

        Returns:
            An id that was never made before.
        """
        day = int(now_ms // DAY_MS) & 0xFFFF
        return encode_id(table_number, self._random.randbytes(14) + day.to_bytes(2, "big"))


def _base32(data: bytes) -> str:
    bits = 8 * len(data)
    padding = -bits % 10
    number = int.from_bytes(data, "big") << padding
    shifts = range(bits + padding - 10, -1, -10)
    text = "".join([_PAIRS[number >> shift & 1023] for shift in shifts])
    return text[:-1] if padding >= 5 else text


def _checksum(body: bytes) -> bytes:
    # Fletcher-16: the second sum adds the first one up after every byte, so a byte counts in it
    # once for itself and once for every byte behind it. Convex lets both overflow a byte.
    return bytes((sum(body) & 0xFF, sum(map(mul, body, _WEIGHTS[-len(body) :])) & 0xFF))


@lru_cache(maxsize=1024)
def _vint(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _read_vint(data: bytes) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(data[:5]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if not 0 < number <= _LARGEST_TABLE:
                break
            return number, index + 1
    raise InvalidId("Invalid table number")
