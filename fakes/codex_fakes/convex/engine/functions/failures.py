"""What a client is told of an exception: its text, the frames of the handler, its data.

May import the outcome and the errors of the engine. The invariant: what a function threw reads
``Uncaught <name>: <text>`` with frames, what the backend itself refused reads as the backend wrote
it, and no path of the machine gets into either.
"""

from __future__ import annotations

from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.errors import Conflict, FunctionError, SnapshotUnavailable
from codex_fakes.convex.engine.functions.references import PathError
from codex_fakes.convex.engine.functions.registry import FunctionMissing, WrongKind
from codex_fakes.convex.engine.outcome import Failure, FailureKind
from codex_runtime.values import UNDEFINED, InvalidValue, Undefined, convex_error_data

if TYPE_CHECKING:
    from types import TracebackType

    from codex_fakes.convex.engine.functions.references import FunctionPath
    from codex_runtime.values import Value

MOST_FRAMES: Final = 10
"""How many frames V8 keeps of a stack."""

_ENGINE: Final = str(PurePath(__file__).parents[1])
_VALUES: Final = str(PurePath(InvalidValue.__init__.__code__.co_filename).parent)
_KINDS: Final[tuple[tuple[type[FunctionError], FailureKind], ...]] = (
    (FunctionMissing, FailureKind.MISSING),
    (PathError, FailureKind.BAD_PATH),
    (WrongKind, FailureKind.WRONG_KIND),
    (Conflict, FailureKind.CONFLICT),
    (SnapshotUnavailable, FailureKind.TIMESTAMP),
)


class Refusal(FunctionError):  # noqa: N818 - the backend's no, before or after the handler ran
    """The backend refused arguments or a result; no line of the handler threw it.

    Args:
        message: The whole text.
        kind: What kind of failure it makes.
    """

    def __init__(self, message: str, kind: FailureKind = FailureKind.FUNCTION) -> None:
        super().__init__(message)
        self.kind = kind


def refused(error: FunctionError) -> Failure:
    """The failure of a call that never got to its handler, or was refused after it.

    Args:
        error: What the backend says.

    Returns:
        The failure: the text alone, without frames.
    """
    kind = error.kind if isinstance(error, Refusal) else FailureKind.FUNCTION
    kind = next((found for cls, found in _KINDS if isinstance(error, cls)), kind)
    return Failure(f"{error.message}\n", kind, cause=error)


def thrown(error: Exception, path: FunctionPath) -> Failure:
    """The failure of a call whose handler threw.

    Args:
        error: What it threw.
        path: The function.

    Returns:
        The failure.
    """
    if isinstance(error, Refusal):
        return refused(error)
    data = data_of(error)
    name = "Error" if type(error) is Exception else type(error).__name__
    if isinstance(error, FunctionError | InvalidValue):
        name, text = "Error", error.message
    else:
        text = str(error)
    if not isinstance(data, Undefined):
        name = "ConvexError"
    lines = [f"Uncaught {name}: {text}", *_frames(error.__traceback__, path), ""]
    return Failure("\n".join(lines), data=data, cause=error)


def data_of(error: Exception) -> Value | Undefined:
    """The data that an exception carries to whoever called.

    Args:
        error: Any exception.

    Returns:
        The data of a ``ConvexError``, ours or the official client's; ``UNDEFINED`` for others.
    """
    if isinstance(error, FunctionError):
        return error.data
    try:
        return convex_error_data(error)
    except InvalidValue:
        return UNDEFINED


def message_of(error: Exception) -> str:
    """What a function that called another one is told of its failure.

    Args:
        error: What the call came to.

    Returns:
        The text.
    """
    if isinstance(error, FunctionError | InvalidValue):
        return error.message
    name = "Error" if type(error) is Exception else type(error).__name__
    return f"Uncaught {name}: {error}"


def _frames(traceback: TracebackType | None, path: FunctionPath) -> list[str]:
    """The frames of the app's own code, the innermost first, as V8 writes them."""
    found: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith((_ENGINE, _VALUES)):
            place = islice(code.co_positions(), traceback.tb_lasti // 2, None)
            column = next(place, (None, None, None, None))[2]
            where = f"{traceback.tb_lineno}:{(column or 0) + 1}"
            if found:
                name, file = code.co_name, PurePath(code.co_filename).stem
            else:
                name, file = "handler", path.module
            found.append(f"    at {name} (../convex/{file}.ts:{where})")
        traceback = traceback.tb_next
    return found[::-1][:MOST_FRAMES]
