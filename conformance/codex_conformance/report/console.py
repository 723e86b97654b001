"""The report for people: failures with their evidence, a table of checks, one line at the end.

May import the runner's events, the requirements and click; rich is imported when it draws. The
invariant: the last line is the summary, and every failure shows the command that replays it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import click

from codex_conformance.report.tally import summary
from codex_conformance.requirements import (
    EVERY_REQUIREMENT,
    HOST_REQUIREMENTS,
    RUNTIME_REQUIREMENTS,
)
from codex_conformance.runner.events import (
    CheckFinished,
    CheckStarted,
    Outcome,
    RunFinished,
    RunStarted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import Console

    from codex_conformance.runner.events import Event

STYLES: Final = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.UNKNOWN: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
    Outcome.ERROR: "bold magenta",
}
"""How a terminal shows each outcome."""

_HEADINGS: Final = ("check", "level", "outcome")


class ConsoleReporter:
    """Writes a run for people.

    Args:
        stream: Where to.
        terminal: Whether it is a terminal: then the table is drawn, and progress is shown.
        replay: The options that a replay needs beside the check and the target.
    """

    def __init__(self, stream: TextIO, *, terminal: bool, replay: tuple[str, ...] = ()) -> None:
        self._stream = stream
        self._terminal = terminal
        self._replay = replay
        self._started: RunStarted | None = None
        self._results: dict[str, CheckFinished] = {}

    def report(self, event: Event) -> None:
        """See :meth:`codex_conformance.runner.events.Reporter.report`."""
        match event:
            case RunStarted():
                self._started = event
                if event.target is not None:
                    self._line(f"target: {event.target} ({event.found})")
                if event.deployment is not None:
                    self._line(f"convex: {event.deployment} ({event.deployment_found})")
                if event.runtime is not None:
                    self._line(f"runtime: {event.runtime} ({event.runtime_found})")
                self._line(f"checks: {len(event.checks)}")
            case CheckFinished():
                self._results[event.id] = event
                self._progress()
            case RunFinished():
                self._end(event)
            case CheckStarted():
                pass

    def _progress(self) -> None:
        if self._terminal and self._started is not None:
            done, total = len(self._results), len(self._started.checks)
            self._stream.write(f"\r{done}/{total}" + ("\r\x1b[K" if done == total else ""))
            self._stream.flush()

    def _end(self, finished: RunFinished) -> None:
        if self._terminal and finished.not_run:
            self._stream.write("\r\x1b[K")
        ids = self._started.checks if self._started is not None else ()
        results = [self._results[id_] for id_ in ids if id_ in self._results]
        for result in results:
            if result.outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR):
                self._explain(result)
        self._line("")
        rows = [(r.id, r.level, r.outcome) for r in results]
        if self._terminal:
            self._draw(rows, finished.not_run)
        else:
            self._write(rows, finished.not_run)
        self._line("")
        self._line(summary(results, finished))

    def _explain(self, result: CheckFinished) -> None:
        requirement = EVERY_REQUIREMENT.get(result.id)
        self._line("")
        self._line(f"{result.outcome.value.upper()} {result.id} ({result.level})")
        if requirement is not None:
            self._line(f"  rule:     {requirement.text}")
        for label, text in (
            ("scene", result.scene),
            ("expected", result.expected),
            ("found", result.found),
            ("reason", result.reason),
        ):
            if text is not None:
                self._line(f"  {f'{label}:':<9} {text}")
        if result.evidence:
            self._line("  evidence:")
            for line in result.evidence:
                self._line(f"    {line}")
        if requirement is not None:
            self._line(f"  source:   {requirement.source}")
        self._line(f"  replay:   {self._replay_command(result.id)}")

    def _replay_command(self, check_id: str) -> str:
        started = self._started or RunStarted(capabilities=(), checks=())
        app_server = ("--app-server", started.target)
        deployment = ("--convex", started.deployment)
        options = [deployment if check_id in HOST_REQUIREMENTS else app_server]
        if check_id in RUNTIME_REQUIREMENTS:
            options += [deployment, ("--runtime", started.runtime)]
        where = tuple(part for option, value in options if value for part in (option, value))
        return shlex.join(("codex-conformance", "run", "--only", check_id, *where, *self._replay))

    def _write(self, rows: Sequence[tuple[str, str, Outcome]], not_run: tuple[str, ...]) -> None:
        width = max((len(id_) for id_ in (*(row[0] for row in rows), *not_run)), default=0)
        check, level, outcome = _HEADINGS
        self._line(f"{check:<{width}}  {level:<6}  {outcome}")
        for id_, level_, outcome_ in rows:
            self._line(f"{id_:<{width}}  {level_:<6}  {outcome_.value}")
        for id_ in not_run:
            self._line(f"{id_:<{width}}  {'':<6}  not run")

    def _draw(self, rows: Sequence[tuple[str, str, Outcome]], not_run: tuple[str, ...]) -> None:
        from rich.table import Table

        table = Table(*_HEADINGS)
        for id_, level, outcome in rows:
            table.add_row(id_, level, f"[{STYLES[outcome]}]{outcome.value}[/]")
        for id_ in not_run:
            table.add_row(id_, "", "[yellow]not run[/]")
        self._console().print(table)

    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, force_terminal=True)

    def _line(self, text: str) -> None:
        click.echo(text, file=self._stream)
