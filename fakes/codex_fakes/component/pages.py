"""Pages by key: the next one begins behind the last row of this one.

May import the rows, long texts and the contract. The invariant: a page reads its own rows and one
more, whatever lies before and behind it; it ends early when its texts become too much to read.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from codex_fakes.component.long_texts import bytes_of, whole
from codex_fakes.component.rows import select
from codex_runtime.contract.functions.pages import CURSOR_FIELDS
from codex_runtime.contract.limits import PAGE_MOST, READ_BYTES_MOST
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from codex_fakes.component.rows import Row


def page_of(
    ctx: Any,
    function: str,
    table: str,
    where: Mapping[str, Any],
    options: Mapping[str, Any],
    show: Callable[[Row], Row | None],
) -> Row:
    """Read a page, newest first.

    Args:
        ctx: The function's context.
        function: The contract's name of the list.
        table: The table.
        where: The values that all rows of the list have.
        options: What the caller asked for: ``numItems`` and ``cursor``.
        show: Makes what a reader sees of a row; ``None`` leaves it out.

    Returns:
        ``page``, ``isDone`` and ``continueCursor``.

    Raises:
        ContractError: ``E_PAGE_SIZE_INVALID`` or ``E_KEYSET_CURSOR_INVALID``.
    """
    fields = CURSOR_FIELDS[function]
    size = _size(options["numItems"])
    cursor = options["cursor"]
    # A field that all rows share stands in front of the key, not in it.
    key = tuple(name for name in fields if name not in where)
    rows = _rows(ctx, table, where, key, _decoded(cursor, fields))
    page: list[Row] = []
    read = 0
    more = False
    for row in islice(rows, size + 1):
        if len(page) == size or (page and read > READ_BYTES_MOST):
            more = True
            break
        full = whole(ctx, row)
        read += bytes_of(full, "text", "payloadJson")
        page.append(full)
    last = _encoded(page[-1], fields) if page else cursor or ""
    return {
        "page": [shown for row in page if (shown := show(row)) is not None],
        "isDone": not more,
        "continueCursor": last,
    }


def empty_page(options: Mapping[str, Any]) -> Row:
    """Give a page of nothing."""
    return {"page": [], "isDone": True, "continueCursor": options["cursor"] or ""}


def _rows(
    ctx: Any,
    table: str,
    where: Mapping[str, Any],
    fields: tuple[str, ...],
    cursor: Mapping[str, Any] | None,
) -> Iterator[Row]:
    """Give the rows behind a cursor: first those that share most of its key, then those before."""
    if cursor is None:
        yield from select(ctx.db, table, where, *fields).order("desc")
        return
    for depth in range(len(fields) - 1, -1, -1):
        shared = {name: cursor[name] for name in fields[:depth]}
        field = fields[depth]
        yield from select(
            ctx.db,
            table,
            {**where, **shared},
            *fields[depth:],
            # mypy cannot infer a lambda with a default.
            then=lambda q, field=field: q.lt(field, cursor[field]),  # type: ignore[misc]
        ).order("desc")


def _size(wanted: float) -> int:
    if not (0 <= wanted <= PAGE_MOST and float(wanted).is_integer()):
        raise ContractError(
            "E_PAGE_SIZE_INVALID",
            f"numItems must be a whole number from 0 to {PAGE_MOST}, not {wanted:g}.",
        )
    return int(wanted)


def _encoded(row: Row, fields: tuple[str, ...]) -> str:
    return json.dumps({name: row[name] for name in fields}, separators=(",", ":"))


def _decoded(cursor: str | None, fields: tuple[str, ...]) -> Row | None:
    if not cursor:
        return None
    try:
        key = json.loads(cursor)
    except (ValueError, RecursionError) as error:
        raise _bad_cursor(str(error)) from error
    if not isinstance(key, dict) or set(key) != set(fields):
        raise _bad_cursor(f"expected an object of {', '.join(fields)}")
    for name, value in key.items():
        number = name.endswith("At")
        if isinstance(value, bool) or not isinstance(value, int | float if number else str):
            raise _bad_cursor(f"{name} is not a {'number' if number else 'string'}")
    return {name: float(value) if name.endswith("At") else value for name, value in key.items()}


def _bad_cursor(why: str) -> ContractError:
    return ContractError("E_KEYSET_CURSOR_INVALID", f"Invalid keyset cursor: {why}")
