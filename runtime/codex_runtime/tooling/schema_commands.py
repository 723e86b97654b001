"""The commands ``codex-runtime schema sync``, ``check`` and ``verify``.

May import click at the top and everything else when a command needs it. The invariant: a command
prints what it found and returns its exit code; deciding and doing are elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_runtime.tooling.schema.checking import CheckReport
    from codex_runtime.tooling.schema.source import SchemaSource

INSTALLED: Final = "installed"
"""The value of ``--codex`` that means: the binary this machine has."""

_FAILED: Final = 1

_PATH: Final = click.Path(path_type=Path)


def _source_options(command: Any) -> Any:
    for option in (
        click.option(
            "--source-ref",
            envvar="CODEX_PROTOCOL_SCHEMA_SOURCE_REF",
            metavar="REF",
            help="What to call the source; the binary's version when it is one.",
        ),
        click.option(
            "--codex",
            is_flag=False,
            flag_value=INSTALLED,
            metavar="[BIN]",
            help="Let this codex binary generate its schemas; without BIN, the installed one.",
        ),
        click.option(
            "--source",
            type=_PATH,
            envvar="CODEX_PROTOCOL_SCHEMA_SOURCE_DIR",
            metavar="DIR",
            help="A folder of schemas that codex has generated, both JSON and TypeScript.",
        ),
        click.option(
            "--target",
            type=_PATH,
            envvar="CODEX_PROTOCOL_SCHEMA_TARGET_DIR",
            metavar="DIR",
            help="The lock's folder; this package's own when left out.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def schema() -> None:
    """Keep the protocol lock: what the app-server's messages look like."""


@schema.command()
@_source_options
def sync(
    *, target: Path | None, source: Path | None, codex: str | None, source_ref: str | None
) -> None:
    """Make the lock anew from a source: a folder, or (without --source) a codex binary.

    The lock is replaced as a whole or not at all.
    """
    from codex_runtime.tooling.schema.normalising import make_lock
    from codex_runtime.tooling.schema.writing import lock_files, write_lock

    folder, own = _target(target)
    with _opened(source, codex or (None if source else INSTALLED), source_ref, folder) as opened:
        lock = make_lock(opened)
        write_lock(folder, lock_files(lock), opened.provenance())
    click.echo(f"Synced protocol schemas to {folder}")
    click.echo(f"Wrote schema manifest: {folder / '.schema-manifest.json'}")
    if own:
        rows = _rows_file(folder)
        rows.write_text(_rows_of(folder), encoding="utf-8")
        click.echo(f"Wrote the tables of methods: {rows}")
    for kind, method in lock.every():
        if kind.answered and method.result is None:
            click.echo(f"the source does not tell the result of {method.name}", err=True)


@schema.command()
@_source_options
def check(
    *, target: Path | None, source: Path | None, codex: str | None, source_ref: str | None
) -> int:
    """Check the lock: that nobody has edited it and, with a source, that it still holds.

    Exit codes: 0 it holds (additions are reported); 1 it was edited, or something is removed or
    narrowed; 3 usage or configuration, an incomplete source among them; 70 a bug of ours.
    """
    return _check(target, source, codex, source_ref)


@schema.command()
@_source_options
@click.option(
    "--messages",
    type=_PATH,
    multiple=True,
    metavar="PATH",
    help="Recorded messages, a file or a folder; tests/recordings when left out. May be repeated.",
)
@click.option(
    "--simulated/--no-simulated",
    default=True,
    help="Whether to talk to codex-simulated, where it is installed.",
)
def verify(
    *,
    target: Path | None,
    source: Path | None,
    codex: str | None,
    source_ref: str | None,
    messages: tuple[Path, ...],
    simulated: bool,
) -> int:
    """Check the lock, then hold to it all messages there are.

    Every recorded message, every message our builders can make, and what the simulated app-server
    says when it is asked for each method of the lock. Exit codes as for check.
    """
    failed = _check(target, source, codex, source_ref)
    return _verify(target, messages, simulated=simulated) or failed


def _check(
    target: Path | None, source: Path | None, codex: str | None, source_ref: str | None
) -> int:
    from codex_runtime.protocol.lock import read_lock
    from codex_runtime.tooling.schema.checking import check_source

    folder, own = _target(target)
    read_lock(folder)
    click.echo("Protocol schema manifest is up to date.")
    failed = 0
    if own and _rows_file(folder).read_text(encoding="utf-8") != _rows_of(folder):
        click.echo(f"{_rows_file(folder)} does not say what the lock says; run schema sync")
        failed = _FAILED
    if source is None and codex is None:
        click.echo("Compared with no source: name one with --source or --codex.")
        return failed
    with _opened(source, codex, source_ref, folder) as opened:
        report = check_source(folder, opened)
    return _report(report) or failed


def _report(report: CheckReport) -> int:
    for change in report.additions:
        click.echo(f"added or loosened  {change}")
    for change in report.broken:
        click.echo(f"broken             {change}")
    if report.broken:
        click.echo(
            f"Protocol schema drift detected: {len(report.broken)} changes break what is built on "
            "the lock. Mend what they break, then run schema sync."
        )
        return _FAILED
    if report.same_source:
        click.echo("The lock is what its source gives.")
    elif report.additions:
        click.echo("The lock holds. Run schema sync to take the additions in.")
    elif report.restated:
        click.echo("The lock holds; the source says the same in other words.")
    else:
        click.echo("The lock holds; the source says the same.")
    return 0


def _verify(target: Path | None, messages: tuple[Path, ...], *, simulated: bool) -> int:
    from codex_runtime.tooling.schema.simulated import find_simulated
    from codex_runtime.tooling.schema.verifying import verify as verify_messages

    folder, _ = _target(target)
    executable = find_simulated() if simulated else None
    report = verify_messages(
        folder,
        [_resolved(path) for path in messages or (Path("tests/recordings"),)],
        None if executable is None else [str(executable)],
    )
    for problem in report.problems:
        click.echo(f"does not fit  {problem}")
    click.echo(
        f"{report.recorded} recorded messages of {report.methods} methods, from "
        f"{report.recordings} files; {report.built} messages of our own; "
        f"{report.simulated} simulated ones"
    )
    if report.census is None:
        click.echo("codex-simulated was not asked: its messages and the census are not verified.")
    else:
        click.echo(
            f"census: {len(report.census.simulated)} methods simulated, "
            f"{len(report.census.out_of_subject)} out of subject, "
            f"{len(report.census.unknown)} unknown"
        )
    click.echo(f"{len(report.problems)} problems" if report.problems else "Everything fits.")
    return _FAILED if report.problems else 0


def _target(target: Path | None) -> tuple[Path, bool]:
    """Find the lock's folder, and say whether it is this package's own."""
    from codex_runtime.protocol.lock import packaged_lock_folder

    own = Path(str(packaged_lock_folder()))
    folder = own if target is None else _resolved(target)
    return folder, folder.absolute() == own


def _resolved(path: Path) -> Path:
    """Read a relative path from here, or else from where the tool was first called."""
    called_in = os.environ.get("INIT_CWD")
    if path.is_absolute() or path.exists() or not called_in:
        return path
    return Path(called_in) / path


def _rows_file(folder: Path) -> Path:
    from codex_runtime.tooling.schema.method_rows import FILE_NAME

    return folder.parents[1] / FILE_NAME


def _rows_of(folder: Path) -> str:
    from codex_runtime.protocol.lock import read_lock
    from codex_runtime.tooling.schema.method_rows import render_rows

    return render_rows(read_lock(folder))


@contextlib.contextmanager
def _opened(
    source: Path | None, codex: str | None, ref: str | None, target: Path
) -> Iterator[SchemaSource]:
    """Read the source that was named; what a binary generates lasts as long as it is used."""
    import tempfile

    from codex_runtime.app_server.binary import find_codex
    from codex_runtime.errors import ConfigurationError
    from codex_runtime.tooling.schema.source import generate_source, read_source

    if source is not None and codex is not None:
        raise click.UsageError("--source (or its variable) and --codex exclude each other.")
    if source is not None:
        folder = _resolved(source).absolute()
        mine = target.absolute()
        if folder == mine or folder in mine.parents or mine in folder.parents:
            raise ConfigurationError(
                "E_SCHEMA_TARGET_INVALID",
                f"Refusing nested sync paths. source={folder} destination={mine}",
            )
        yield read_source(folder, ref)
        return
    binary = find_codex(None if codex == INSTALLED else codex)
    with tempfile.TemporaryDirectory(prefix="codex-schemas-") as made:
        yield generate_source(binary, Path(made), ref)
