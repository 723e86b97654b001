"""Texts that are too long for a row: they lie in parts beside it.

May import the rows and limits. The invariant: a text that was written is read back as it was, of
whatever length; a row never comes near the size of a document that Convex refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.rows import one, select
from codex_runtime.contract.limits import PART_BYTES, ROW_TEXT_MOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from codex_fakes.component.rows import Row, Rows

PARTS = "codex_payload_parts"


def insert(ctx: Any, table: str, row: Row, *fields: str, beside: bool = False) -> str:
    """Insert a row some of whose texts may be long.

    Args:
        ctx: The function's context.
        table: The table.
        row: The row, its texts whole.
        fields: The names of the texts.
        beside: Whether the texts lie beside the row whatever their length: for rows that are
            counted and compared far more often than read.

    Returns:
        The id of the row.
    """
    long = sorted(fields) if beside else _too_long(row, fields)
    if not long:
        reference: str = ctx.db.insert(table, row)
        return reference
    reference = ctx.db.insert(table, {**row, **dict.fromkeys(long, ""), "longFields": long})
    _write_parts(ctx, row, reference, long)
    return reference


def patch(
    ctx: Any, row: Row, changes: Row, *fields: str, parts: Mapping[str, list[str]] | None = None
) -> None:
    """Change a row some of whose texts may be long.

    Args:
        ctx: The function's context.
        row: The row as it is stored.
        changes: What is to change, texts whole.
        fields: The names of the texts that the row may have in parts.
        parts: The ids of the parts by text, where :func:`read` has read them already.
    """
    before = row.get("longFields", [])
    after = {**row, **changes}
    long = _too_long(after, [name for name in fields if name in changes])
    kept = [name for name in before if name not in changes]
    for name in before:
        if name in changes:
            if parts is None:
                known = [part["_id"] for part in parts_of(ctx, row, name).collect()]
            else:
                known = parts[name]
            for part_id in known:
                ctx.db.delete(part_id)
    if not before and not long:
        ctx.db.patch(row["_id"], changes)
        return
    ctx.db.patch(
        row["_id"], {**changes, **dict.fromkeys(long, ""), "longFields": sorted({*kept, *long})}
    )
    _write_parts(ctx, after, row["_id"], long)


def whole(ctx: Any, row: Row) -> Row:
    """Give a row with its texts whole.

    Args:
        ctx: The function's context.
        row: The row as it is stored.

    Returns:
        The row; the same one where nothing lies in parts.
    """
    return read(ctx, row)[0]


def read(ctx: Any, row: Row) -> tuple[Row, dict[str, list[str]]]:
    """Give a row with its texts whole, and what they are put together from.

    Args:
        ctx: The function's context.
        row: The row as it is stored.

    Returns:
        The row, the same one where nothing lies in parts; the ids of the parts by text.
    """
    long = row.get("longFields")
    if not long:
        return row, {}
    parts = {name: parts_of(ctx, row, name).collect() for name in long}
    texts = {name: "".join(part["text"] for part in parts[name]) for name in long}
    ids = {name: [part["_id"] for part in parts[name]] for name in long}
    return {**row, **texts}, ids


def lay_beside(ctx: Any, row: Row, field: str, texts: Iterable[str]) -> None:
    """Lay texts beside a row, to be read one at a time.

    Args:
        ctx: The function's context.
        row: The row as it is stored; it must name the field among its ``longFields``.
        field: What the texts are to the row.
        texts: The texts, each short enough for a row.
    """
    shared = _shared(row, row["_id"])
    for index, text in enumerate(texts):
        ctx.db.insert(PARTS, {**shared, "field": field, "partIndex": index, "text": text})


def beside(ctx: Any, row: Row, field: str, index: int) -> str | None:
    """Read one of the texts that :func:`lay_beside` laid there; ``None`` where there is none."""
    where = {"userScope": row["userScope"], "ownerRef": row["_id"], "field": field}
    part = one(ctx.db, PARTS, {**where, "partIndex": index})
    return None if part is None else part["text"]


def parts_of(ctx: Any, row: Row, field: str) -> Rows:
    """Find the parts of a text of a row, in order."""
    where = {"userScope": row["userScope"], "ownerRef": row["_id"], "field": field}
    return select(ctx.db, PARTS, where, "partIndex")


def drop(ctx: Any, row: Row) -> int:
    """Delete a row with all its parts.

    Args:
        ctx: The function's context.
        row: The row as it is stored.

    Returns:
        How many parts there were.
    """
    parts = 0
    for name in row.get("longFields", []):
        for part in parts_of(ctx, row, name).collect():
            ctx.db.delete(part["_id"])
            parts += 1
    ctx.db.delete(row["_id"])
    return parts


def bytes_of(row: Row, *fields: str) -> int:
    """Say how many bytes the texts of a row have."""
    return sum(len(row[name].encode(errors="surrogatepass")) for name in fields if name in row)


def split(text: str, most: int) -> Iterator[str]:
    """Split a text into parts of at most so many bytes, never inside a character.

    Args:
        text: The text.
        most: Bytes, at least 4.
    """
    raw = text.encode()
    start = 0
    while start < len(raw):
        end = min(start + most, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield raw[start:end].decode()
        start = end


def _too_long(row: Row, fields: tuple[str, ...] | list[str]) -> list[str]:
    """Name the texts that must go into parts: the longest first, until the others fit."""
    sizes = {name: bytes_of(row, name) for name in fields if name in row}
    total = sum(sizes.values())
    long: list[str] = []
    for name in sorted(sizes, key=lambda field: (-sizes[field], field)):
        if total <= ROW_TEXT_MOST:
            break
        long.append(name)
        total -= sizes[name]
    return sorted(long)


def _write_parts(ctx: Any, row: Row, reference: str, fields: list[str]) -> None:
    shared = _shared(row, reference)
    for name in fields:
        for index, text in enumerate(split(row[name], PART_BYTES)):
            ctx.db.insert(PARTS, {**shared, "field": name, "partIndex": index, "text": text})


def _shared(row: Row, reference: str) -> Row:
    shared = {
        "userScope": row["userScope"],
        "threadId": row.get("threadId", ""),
        "ownerRef": reference,
    }
    if "turnId" in row:
        shared["turnId"] = row["turnId"]
    return shared
