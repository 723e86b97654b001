"""The console script ``codex-simulated``, and ``python -m codex_fakes.app_server``.

May import the executable, once the interpreter is prepared for it. The invariant: what is done here
to be quick changes nothing but the time it takes.
"""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command; what the console script calls."""
    # A start makes much and drops little: looking for garbage in it takes a tenth of its time.
    gc.disable()
    _import_msgspec()
    from codex_fakes.app_server.shell.executable import run

    gc.freeze()
    gc.enable()
    sys.exit(run(sys.argv[1:], os.environ))


def _import_msgspec() -> None:
    """Import msgspec without typing_extensions.

    Where that is installed, msgspec takes from it what ``typing`` has, too, since Python 3.11; and
    importing it takes longer than all of msgspec. ``None`` in the table of modules makes its import
    fail, which msgspec allows for.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401 - for its place in the table of modules
    finally:
        del sys.modules["typing_extensions"]


if __name__ == "__main__":
    main()
