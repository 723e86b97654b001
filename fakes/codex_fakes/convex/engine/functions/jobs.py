"""The scheduler's rows, written in the transaction of who schedules.

May import the store and the registry. The invariant: a job exists exactly when the transaction that
wrote its row committed, and a finished row never changes (FACTS §5.9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.errors import FunctionError
from codex_runtime.values import InvalidValue, canonical, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.convex.engine.functions.execution import Execution
    from codex_fakes.convex.engine.functions.references import Reference
    from codex_runtime.values import Value

TABLE: Final = "_scheduled_functions"
PENDING: Final = "pending"
IN_PROGRESS: Final = "inProgress"
SUCCESS: Final = "success"
FAILED: Final = "failed"
CANCELED: Final = "canceled"
UNFINISHED: Final = frozenset({PENDING, IN_PROGRESS})


class JobGone(FunctionError):  # noqa: N818 - names the state, as the engine's errors do
    """A job is no longer to be run."""


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the scheduler, and what it runs.

    Attributes:
        mount: The component that scheduled it, whose table the row is in.
        id: The row's id.
        due_ms: When it is due, in milliseconds since the epoch.
        target: The component of the function; the row does not tell.
    """

    mount: str
    id: str
    due_ms: float
    target: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A row of the scheduler that will not change any more.

    Attributes:
        mount: The component whose table it is in.
        id: The row's id.
        ended_ms: When the job ended, in milliseconds since the epoch.
    """

    mount: str
    id: str
    ended_ms: float


def moment_after(delay_ms: float, now_ms: float) -> float:
    """When a delay is over.

    Args:
        delay_ms: The delay, in milliseconds.
        now_ms: The time, in milliseconds since the epoch.

    Returns:
        The moment, in milliseconds since the epoch.

    Raises:
        FunctionError: It is no delay.
    """
    if isinstance(delay_ms, bool) or not isinstance(delay_ms, int | float):
        raise FunctionError("`delayMs` must be a number")
    if not math.isfinite(delay_ms):
        raise FunctionError("`delayMs` must be a finite number")
    if delay_ms < 0:
        raise FunctionError("`delayMs` must be non-negative")
    return now_ms // 1 + delay_ms


def moment_at(moment: float | datetime) -> float:
    """When a moment is.

    Args:
        moment: Milliseconds since the epoch, or an aware datetime.

    Returns:
        The moment, in milliseconds since the epoch.

    Raises:
        FunctionError: It is no moment.
    """
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.timestamp() * 1000
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        raise FunctionError("The invoke time must a Date or a timestamp")
    if not math.isfinite(moment) or moment < 0:
        raise FunctionError(f"Invalid argument `ts` for `scheduler.runAt`: {moment}")
    return float(moment)


def schedule(
    execution: Execution,
    mount: str,
    when_ms: float,
    reference: Reference,
    args: Mapping[str, Any] | None,
) -> str:
    """Write the row of a new job.

    Args:
        execution: The transaction to write it in.
        mount: The component that schedules.
        when_ms: When it is due, in milliseconds since the epoch.
        reference: The function.
        args: Its arguments; what it declares is checked only when it runs.

    Returns:
        The id of the row.

    Raises:
        FunctionError: There is no such function, the moment is too far away, or a limit is passed.
    """
    around, transaction = execution.around, execution.transaction
    export = around.registry.target(mount, reference)
    distance = when_ms - execution.now_ms
    if abs(distance) > around.limits.schedule_distance_ms:
        where = "future" if distance > 0 else "past"
        raise FunctionError(f"{when_ms / 1000} is more than 5 years in the {where}")
    try:
        given = {} if args is None else canonical(args, limits=around.values)
    except InvalidValue as error:
        raise FunctionError(error.message) from error
    transaction.usage.schedule(size_of(given))
    row: dict[str, Value] = {
        "name": export.path.canonical,
        "args": [given],
        "scheduledTime": when_ms,
        "state": {"kind": PENDING},
    }
    if _is_canceled(execution):
        row |= {"state": {"kind": CANCELED}, "completedTime": execution.now_ms}
    writer = transaction.system_writer(around.spaces[mount])
    identity = writer.insert(TABLE, row)
    execution.scheduled.append(Job(mount, identity, max(when_ms, execution.now_ms), export.mount))
    return identity


def cancel(execution: Execution, mount: str, job: str) -> None:
    """Cancel a job, if it has not finished.

    Args:
        execution: The transaction to do it in.
        mount: The component that cancels.
        job: The id of its row.

    Raises:
        FunctionError: It is no id of such a row.
    """
    space = execution.around.spaces[mount]
    if space.table_of(job) != TABLE:
        raise FunctionError(
            "Invalid scheduled function ID. The ID must be an ID on the '_scheduled_functions' "
            "table."
        )
    finish(execution, mount, job, {"kind": CANCELED}, execution.now_ms)


def start(execution: Execution, job: Job) -> None:
    """Write that a job is running.

    Args:
        execution: The transaction to do it in.
        job: The job.

    Raises:
        JobGone: It was canceled, or runs already: it must not run now.
    """
    if state_of(execution, job.mount, job.id) != PENDING:
        raise JobGone(f"the job {job.id} is not pending")
    writer = execution.transaction.system_writer(execution.around.spaces[job.mount])
    writer.patch(job.id, {"state": {"kind": IN_PROGRESS}})


def state_of(execution: Execution, mount: str, job: str) -> str | None:
    """Tell the state of a job.

    Args:
        execution: The transaction to read it in.
        mount: The component that scheduled it.
        job: The id of its row.

    Returns:
        The kind of its state; ``None`` when the row is gone.
    """
    row = execution.transaction.system_writer(execution.around.spaces[mount]).get(job)
    return None if row is None else state_kind(row)


def finish(
    execution: Execution, mount: str, job: str, state: dict[str, Value], now_ms: float
) -> None:
    """Write how a job ended, unless it has ended already or is gone.

    Args:
        execution: The transaction to do it in.
        mount: The component that scheduled it.
        job: The id of its row.
        state: Its last state.
        now_ms: When it ended, in milliseconds since the epoch.
    """
    if state_of(execution, mount, job) in UNFINISHED:
        writer = execution.transaction.system_writer(execution.around.spaces[mount])
        writer.patch(job, {"state": state, "completedTime": now_ms})
        execution.ended.append(Ended(mount, job, now_ms))


def _is_canceled(execution: Execution) -> bool:
    job = execution.job
    return job is not None and state_of(execution, job.mount, job.id) == CANCELED


def remove(execution: Execution, ended: Ended) -> None:
    """Delete the row of a job that has ended.

    Args:
        execution: The transaction to do it in.
        ended: The job.
    """
    writer = execution.transaction.system_writer(execution.around.spaces[ended.mount])
    writer.delete(ended.id)


def state_kind(row: Mapping[str, Value]) -> str:
    """Tell the state that a row is in.

    Args:
        row: A row of the scheduler.

    Returns:
        The kind of the state: ``pending`` and so on.
    """
    state = row["state"]
    assert isinstance(state, dict)  # noqa: S101 - rows are written here alone
    kind = state["kind"]
    assert isinstance(kind, str)  # noqa: S101 - as above
    return kind
