"""``python -m benchmarks``: run the benchmarks and print one table.

With ``--strict`` a budget that is not kept makes the exit code 1.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from benchmarks import (
    codexes,
    component,
    convex_engine,
    convex_wire,
    host,
    ingest,
    memory,
    startup,
)

SECTIONS = (ingest, memory, host, startup, codexes, convex_engine, convex_wire, component)


def main(argv: list[str]) -> int:
    """Print the table; returns the exit code."""
    table = Table(title="codex-runtime benchmarks", show_lines=False)
    for heading in ("what", "measured", "ratio", "budget", ""):
        table.add_column(heading, no_wrap=True)
    broken = 0
    for section in SECTIONS:
        for row in section.rows():
            verdict = {None: "", True: "kept", False: "BROKEN"}[row.within]
            broken += row.within is False
            table.add_row(row.what, row.value, row.compared, row.budget, verdict)
        table.add_section()
    Console(width=160).print(table)
    return 1 if broken and "--strict" in argv else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
