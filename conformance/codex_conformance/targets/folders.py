"""Folders for scenes: made when a scene begins, gone when it is over.

May import the error catalogue. The invariant: a folder that cannot be made is a coded error before
anything is started in it.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def scene_folder(workspace: Path | None = None) -> Iterator[Path]:
    """Make a folder for one scene.

    Args:
        workspace: Where; the system's folder for temporary files when ``None``.

    Yields:
        The folder, without symbolic links in its path.

    Raises:
        ConfigurationError: ``E_CODEX_HOME_UNWRITABLE``.
    """
    try:
        made = Path(tempfile.mkdtemp(prefix="codex-conformance-", dir=workspace)).resolve()
    except OSError as error:
        raise ConfigurationError(
            "E_CODEX_HOME_UNWRITABLE",
            f"no folder can be made in {workspace or tempfile.gettempdir()}: "
            f"{error.strerror or error}",
            advice="Pass --workspace with a folder that exists and that this user may write.",
        ) from error
    try:
        yield made
    finally:
        # What an app-server left running may still write while the folder goes.
        shutil.rmtree(made, ignore_errors=True)
