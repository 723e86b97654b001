"""A list of the local Codex's threads, as a person chooses from it (spec 06 §5, ``listThreads``).

May import asyncio, the app-server's builders and the exceptions. The invariant: a thread that
cannot be read stands in the list nevertheless, and at most a few are read at a time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.app_server import requests
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_runtime.protocol import params as p

READ_AT_A_TIME: Final = 4
_MESSAGES: Final = ("userMessage", "agentMessage")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedThread:
    """A thread of the local Codex in a list.

    Attributes:
        thread_id: Its id.
        preview: What it begins with, or ``Untitled thread``.
        updated_at: When it changed last, in seconds since the epoch.
        message_count: How many messages it has; 0 when it could not be read.
    """

    thread_id: str
    preview: str
    updated_at: int
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedThreads:
    """A page of threads of the local Codex.

    Attributes:
        data: The threads, in Codex's order.
        next_cursor: Where the next page begins; ``None`` after the last one.
    """

    data: tuple[ListedThread, ...]
    next_cursor: str | None


async def list_threads(
    ask: Callable[[Any], Awaitable[Any]],
    report: Callable[[str], None],
    params: p.ThreadListParams | None,
) -> ListedThreads:
    """List threads, each with how many messages it has.

    Args:
        ask: Makes a request to the app-server.
        report: Hears of a thread that could not be read.
        params: Which threads.

    Returns:
        A page of them.

    Raises:
        CodexRuntimeError: What the app-server refuses the list with.
    """
    page = await ask(requests.thread_list(params))
    gate = asyncio.Semaphore(READ_AT_A_TIME)

    async def listed(thread: Any) -> ListedThread:
        async with gate:
            count = await _count_messages(ask, report, thread.id)
        return ListedThread(
            thread_id=thread.id,
            preview=thread.preview.strip() or "Untitled thread",
            updated_at=max(0, thread.updated_at),
            message_count=count,
        )

    async with asyncio.TaskGroup() as group:
        rows = [group.create_task(listed(thread)) for thread in page.data]
    return ListedThreads(data=tuple(row.result() for row in rows), next_cursor=page.next_cursor)


async def _count_messages(
    ask: Callable[[Any], Awaitable[Any]], report: Callable[[str], None], thread_id: str
) -> int:
    try:
        read = await ask(requests.thread_read(thread_id, include_turns=True))
    except CodexRuntimeError as error:
        report(f"Failed to enrich thread messageCount for {thread_id}: {error}")
        return 0
    return sum(item.get("type") in _MESSAGES for turn in read.thread.turns for item in turn.items)
