"""Pages: how a list is asked for part by part, and what one part looks like.

May import the shapes. The invariant: a cursor is the sort key of the last row of the page, so the
next page begins exactly behind it whatever was written in between (spec 01 §4).
"""

from __future__ import annotations

from typing import Final

from codex_runtime.contract.shapes import UNSET, Record, UnsetType


class PaginationOpts(Record, frozen=True, kw_only=True):
    """Which page is wanted.

    Attributes:
        num_items: How many rows: a whole number, at least 0.
        cursor: Where the last page ended; null or empty for the first one.
        end_cursor: What the framework's own pages know beyond that; nothing here reads it, nor the
            three that follow.
    """

    num_items: float
    cursor: str | None
    end_cursor: str | UnsetType | None = UNSET
    id: float | UnsetType = UNSET
    maximum_rows_read: float | UnsetType = UNSET
    maximum_bytes_read: float | UnsetType = UNSET


class PageEnd(Record, frozen=True, kw_only=True):
    """What every page says of its end.

    Attributes:
        is_done: Whether no row follows.
        continue_cursor: What to ask the next page with.
    """

    is_done: bool
    continue_cursor: str


CURSOR_FIELDS: Final = {
    "threads.list": ("updatedAt", "threadId"),
    "messages.listByThread": ("createdAt", "messageId", "turnId"),
    "reasoning.listByThread": ("createdAt", "segmentId"),
    "approvals.listPending": ("createdAt", "threadId", "itemId", "turnId"),
}
"""The fields of each list's cursor, in the order of its sorting, newest first."""
