"""The report for machines: one JSON object per line, from a header to a footer.

May import the runner's events, msgspec and the error catalogue. The invariant: a file without its
footer is the file of a run that did not end, and reading it is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from codex_conformance.report.tally import tally
from codex_conformance.runner.events import (
    CheckFinished,
    CheckStarted,
    Event,
    RunFinished,
    RunStarted,
)
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, Self

FORMAT: Final = 1
"""The version of the format."""


class Header(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="event",
    tag="header",
    forbid_unknown_fields=True,
):
    """The first line.

    Attributes:
        format: The version of the format.
        tool: Which program wrote it.
        tool_version: Its version.
    """

    format: Literal[1]
    tool: str
    tool_version: str


class Footer(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="event",
    tag="footer",
    forbid_unknown_fields=True,
):
    """The last line.

    Attributes:
        events: How many events stand between header and footer.
        outcomes: How often each outcome occurs.
    """

    events: Annotated[int, Meta(ge=0)]
    outcomes: dict[str, int]


_Line: TypeAlias = Header | RunStarted | CheckStarted | CheckFinished | RunFinished | Footer

_DECODER: Final = msgspec.json.Decoder(_Line)
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Record:
    """A run that was read from a file.

    Attributes:
        header: The first line.
        events: The events, in order.
        footer: The last line.
    """

    header: Header
    events: tuple[Event, ...]
    footer: Footer

    @property
    def results(self) -> tuple[CheckFinished, ...]:
        """What became of the checks, in the order in which they finished."""
        return tuple(event for event in self.events if isinstance(event, CheckFinished))

    @property
    def finished(self) -> RunFinished:
        """The run's last event."""
        return next(event for event in reversed(self.events) if isinstance(event, RunFinished))


class NdjsonReporter:
    """Writes a run for machines; a context manager that owns the file.

    Each event is written out at once, so that a file which is cut short holds what was known.

    Args:
        path: The file; it is replaced.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_REPORT_UNWRITABLE``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._events = 0
        self._results: list[CheckFinished] = []
        try:
            self._file: BinaryIO = path.open("wb", buffering=0)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            self._write(Header(format=FORMAT, tool="codex-conformance", tool_version=_version()))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def report(self, event: Event) -> None:
        """See :meth:`codex_conformance.runner.events.Reporter.report`.

        Raises:
            ConfigurationError: ``E_CONFORMANCE_REPORT_UNWRITABLE``.
        """
        self._write(event)
        self._events += 1
        if isinstance(event, CheckFinished):
            self._results.append(event)
        if isinstance(event, RunFinished):
            outcomes = {outcome.value: count for outcome, count in tally(self._results).items()}
            self._write(Footer(events=self._events, outcomes=outcomes))

    def _write(self, line: _Line) -> None:
        try:
            self._file.write(_ENCODER.encode(line) + b"\n")
        except OSError as error:
            raise _unwritable(self._path, error) from error


def read_record(path: Path) -> Record:
    """Read a run that was written to a file.

    Args:
        path: The file.

    Returns:
        The run.

    Raises:
        ConfigurationError: ``E_CONFORMANCE_REPORT_INVALID`` when the file cannot be read or a line
            is no line of this format, ``E_CONFORMANCE_REPORT_TRUNCATED`` when the footer is
            missing or does not fit what stands before it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            "E_CONFORMANCE_REPORT_INVALID", f"{path} cannot be read: {error.strerror or error}"
        ) from error
    *complete, rest = data.split(b"\n")
    if rest:
        raise _truncated(path, "the last line does not end")
    lines = [_decoded(path, number, raw) for number, raw in enumerate(complete, start=1)]
    if not lines or not isinstance(lines[-1], Footer):
        raise _truncated(path, f"there is no footer behind {len(lines)} lines")
    header, events, footer = lines[0], lines[1:-1], lines[-1]
    if not isinstance(header, Header):
        raise _invalid(path, 1, "the first line is no header")
    kept: list[Event] = []
    for number, event in enumerate(events, start=2):
        if isinstance(event, Header | Footer):
            raise _invalid(path, number, "a header or footer in the middle")
        kept.append(event)
    if footer.events != len(kept) or not any(isinstance(event, RunFinished) for event in kept):
        raise _truncated(path, f"the footer counts {footer.events} events, there are {len(kept)}")
    return Record(header, tuple(kept), footer)


def _decoded(path: Path, number: int, raw: bytes) -> _Line:
    try:
        line: _Line = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(path, number, str(error)) from None
    return line


def _invalid(path: Path, number: int, why: str) -> ConfigurationError:
    return ConfigurationError("E_CONFORMANCE_REPORT_INVALID", f"{path}, line {number}: {why}")


def _truncated(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError("E_CONFORMANCE_REPORT_TRUNCATED", f"{path}: {why}")


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        "E_CONFORMANCE_REPORT_UNWRITABLE", f"{path} cannot be written: {error.strerror or error}"
    )


def _version() -> str:
    from codex_runtime import __version__

    return __version__
