"""What became of a call, in the words of the wire: the request's id, the redaction.

May import the values, the formats, the messages and the engine's outcome. The invariant: the text
of a failure begins with the request's id, and a deployment that redacts tells nothing else but the
data of a ``ConvexError``.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.outcome import FailureKind
from codex_fakes.convex.wire.formats import Format, write
from codex_fakes.convex.wire.refusals import Kind, Refusal, internal
from codex_fakes.convex.wire.server_messages import Answer
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import Undefined

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.convex.engine.outcome import Failure, Outcome

_OF_THE_FAKE: Final = "E_FAKE_CONVEX_"


class AnswerWriter:
    """Writes answers; it numbers the requests.

    Args:
        report: Takes the coded error of a function that misused the fake: no deployment would
            answer so, and a test should not pass with it.
        redact_logs: Whether clients get neither the texts of failures nor log lines, as from a
            production deployment.
        seed: Where the ids of the requests begin, so that a run can be repeated.
    """

    def __init__(
        self,
        report: Callable[[CodexRuntimeError], None],
        *,
        redact_logs: bool = False,
        seed: int = 0,
    ) -> None:
        self._report = report
        self._redact = redact_logs
        self._random = random.Random(seed)  # noqa: S311 - an id to find a line of log by

    def write(self, outcome: Outcome, how: Format = Format.ENCODED) -> Answer:
        """Write what became of a call.

        Args:
            outcome: What became of it.
            how: How values are written.

        Returns:
            The answer.

        Raises:
            Refusal: ``OptimisticConcurrencyControlFailure`` when it conflicted to the last,
                ``InternalServerError`` when it asked for a time that cannot be read.
        """
        logs = () if self._redact else outcome.log_lines
        if outcome.error is None:
            return Answer(True, write(outcome.value, how), log_lines=logs)
        check_carried_out(outcome.error)
        cause = outcome.error.cause
        if isinstance(cause, CodexRuntimeError) and cause.code.startswith(_OF_THE_FAKE):
            self._report(cause)
        data = outcome.error.data
        return Answer(
            False,
            message=self._told(outcome.error.message),
            data=None if isinstance(data, Undefined) else write(data, how),
            log_lines=logs,
        )

    def failure(self, message: str) -> Answer:
        """Write a failure that came before the function.

        Args:
            message: What the caller is told.

        Returns:
            The answer.
        """
        return Answer(False, message=self._told(message))

    def _told(self, message: str) -> str:
        head = f"[Request ID: {self._random.getrandbits(64):016x}] Server Error"
        if self._redact:
            return head
        return f"{head}\n{message}" if message.endswith("\n") else f"{head}\n{message}\n"


def check_carried_out(failure: Failure) -> None:
    """Tell a failure of the function from one of the server.

    Args:
        failure: Why a call failed.

    Raises:
        Refusal: It is the server's.
    """
    if failure.kind is FailureKind.CONFLICT:
        raise Refusal(Kind.OVERLOADED, "OptimisticConcurrencyControlFailure", failure.headline)
    if failure.kind is FailureKind.TIMESTAMP:
        raise internal()
