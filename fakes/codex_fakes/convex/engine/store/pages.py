"""Pages of a query, and the cursors between them (FACTS §5.5).

May import the errors; scans and limits by type. The invariants: pages of unchanged data, put
together, are the query's result, each document once; a cursor works for the query it came from and
for no other; a page that is read again with its journal ends where it ended before.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict, cast

from codex_fakes.convex.engine.errors import FunctionError, InvalidCursor, LimitExceeded
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.convex.engine.limits import Limits
    from codex_fakes.convex.engine.store.scans import Scan
    from codex_runtime.values import Value

PageStatus: TypeAlias = Literal["SplitRecommended", "SplitRequired"]

_END: Final = b""
"""The position behind everything; a document's key is never empty."""
_DIGEST: Final = 12


class PaginationOptions(TypedDict, total=False):
    """What a client asks for; ``numItems`` and ``cursor`` must be there."""

    numItems: float
    cursor: str | None
    endCursor: str | None
    id: float
    maximumRowsRead: float
    maximumBytesRead: float


class PaginationResult(TypedDict):
    """A page, as functions return it."""

    page: list[dict[str, Any]]
    isDone: bool
    continueCursor: str
    splitCursor: str | None
    pageStatus: PageStatus | None


@dataclass(frozen=True, slots=True)
class _Request:
    """A page that is asked for: the options, checked, with the cursors read."""

    count: int
    start: bytes | None
    end: bytes | None
    rows: int | None
    size: int | None


@dataclass(slots=True)
class _Page:
    """What was read of a page so far."""

    documents: list[dict[str, Value]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    size: int = 0
    at_end: bool = False
    cut_short: bool = False


def read_page(
    limits: Limits,
    journal: str | None,
    scan: Scan,
    accepts: Callable[[dict[str, Value]], bool],
    fingerprint: str,
    options: PaginationOptions | Mapping[str, Value],
) -> PaginationResult:
    """Read a page.

    Args:
        limits: The limits.
        journal: Where the page ended when it was last read, ``None`` when it was not.
        scan: The reading of the whole range of the query.
        accepts: Whether a document passes the query's filters.
        fingerprint: What the query is, for cursors to be bound to.
        options: What is asked for.

    Returns:
        The page. ``isDone`` is true only when the end of the range was met: a page that is full
        with the last document does not know that.

    Raises:
        FunctionError: The options are not valid.
        InvalidCursor: A cursor is not one of this query.
        LimitExceeded: Not even one document could be read within the limits.
    """
    request = _parse(cast("Mapping[str, Any]", options), fingerprint, limits, journal)
    page = _Page()
    if request.start == _END:
        page.at_end = True
    else:
        if request.start is not None:
            scan.start_behind(request.start)
        if request.end:
            scan.end_with(request.end)
        _fill(page, scan, accepts, request)
    position = (request.end or _END) if page.at_end else page.keys[-1]
    cursor = _cursor(position, fingerprint)
    split = page.keys[len(page.keys) // 2] if len(page.keys) > 2 else None
    return {
        "page": page.documents,
        "isDone": position == _END,
        "continueCursor": cursor,
        "splitCursor": None if split is None else _cursor(split, fingerprint),
        "pageStatus": _status(page, request, limits),
    }


def _fill(
    page: _Page, scan: Scan, accepts: Callable[[dict[str, Value]], bool], request: _Request
) -> None:
    # A page with an end must reach it, however much that is: the next page begins there.
    bounded = request.end is None
    while not bounded or len(page.documents) < request.count:
        if bounded and (
            (request.rows is not None and len(page.keys) >= request.rows)
            or (request.size is not None and page.size >= request.size)
        ):
            page.cut_short = True
            return
        try:
            row = scan.next()
        except LimitExceeded:
            if not page.keys:
                raise
            page.cut_short = True
            return
        if row is None:
            page.at_end = True
            return
        key, stored = row
        page.keys.append(key)
        page.size += stored.size
        if accepts(stored.fields):
            page.documents.append(stored.copy())


def _status(page: _Page, request: _Request, limits: Limits) -> PageStatus | None:
    if page.cut_short:
        return "SplitRequired"
    rows = min(request.rows or limits.documents_read, limits.documents_read)
    size = min(request.size or limits.bytes_read, limits.bytes_read)
    if (
        len(page.keys) > _three_quarters(rows)
        or page.size > _three_quarters(size)
        or len(page.documents) > _three_quarters(limits.array_length)
    ):
        return "SplitRecommended"
    return None


def _three_quarters(limit: int) -> int:
    return limit * 3 // 4


def _parse(
    options: Mapping[str, Any], fingerprint: str, limits: Limits, journal: str | None
) -> _Request:
    count = options.get("numItems")
    if isinstance(count, bool) or not isinstance(count, int | float) or not count >= 0:
        raise FunctionError(f"`options.numItems` must be a positive number. Received `{count}`.")
    if count < 1:
        raise FunctionError("Must request at least 1 document while paginating")
    if count > limits.documents_read:
        raise FunctionError(f"Requested too many items: {count:.0f}")
    cursor, end = options.get("cursor"), _given(options, "endCursor")
    if end is None:
        end = journal
    return _Request(
        int(count),
        None if cursor is None else _position(cursor, fingerprint),
        None if end is None else _position(end, fingerprint),
        _maximum(options, "maximumRowsRead"),
        _maximum(options, "maximumBytesRead"),
    )


def _given(options: Mapping[str, Any], name: str) -> Any:
    value = options.get(name)
    return None if value is UNDEFINED else value


def _maximum(options: Mapping[str, Any], name: str) -> int | None:
    value = _given(options, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 1:
        raise FunctionError("maximumRowsRead and maximumBytesRead must be greater than 0")
    return int(value)


def _cursor(position: bytes, fingerprint: str) -> str:
    return urlsafe_b64encode(_digest(position, fingerprint) + position).decode()


def _position(cursor: object, fingerprint: str) -> bytes:
    if not isinstance(cursor, str):
        raise FunctionError(
            f"Invalid argument `cursor` for `paginate`: expected a string, got {cursor!r}"
        )
    try:
        data = b64decode(cursor, b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor("Failed to parse cursor") from error
    position = data[_DIGEST:]
    if data[:_DIGEST] != _digest(position, fingerprint):
        raise InvalidCursor(
            "Tried to run a query starting from a cursor, but it looks like this cursor is from a "
            "different query."
        )
    return position


def _digest(position: bytes, fingerprint: str) -> bytes:
    return sha256(fingerprint.encode() + b"\x00" + position).digest()[:_DIGEST]
