"""Running the handler of a query or a mutation to its end, in one go.

May import :mod:`codex_runtime.errors` and the standard library, not asyncio. The invariant: between
the first and the last line of such a handler nothing else runs, so an ``async def`` that waits for
anything is ended with a coded error instead of being left half done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Coroutine


def drive(coroutine: Coroutine[Any, Any, Any], path: str) -> Any:
    """Run a coroutine that waits for nothing.

    Args:
        coroutine: What the handler returned.
        path: The function's path, for the error.

    Returns:
        Its result.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_FOREIGN_AWAIT``: it waited.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        return end.value
    try:
        coroutine.close()
    except RuntimeError as error:
        raise _foreign(path, awaited) from error
    raise _foreign(path, awaited)


def _foreign(path: str, awaited: object) -> ConfigurationError:
    what = type(awaited).__name__ if awaited is not None else "the event loop"
    return ConfigurationError(
        "E_FAKE_CONVEX_FOREIGN_AWAIT",
        f"{path} is a query or a mutation and awaited {what}; such a function runs to its end "
        "without waiting, and what the context offers is returned, not awaited",
    )
