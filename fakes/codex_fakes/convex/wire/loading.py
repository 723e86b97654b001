"""The app that a server on the command line should serve.

May import the engine's app, by type, and the coded errors. The invariant: what cannot be imported
is refused with the reason in one line, whether the name is wrong or the module behind it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from codex_fakes.convex.engine.app import App
from codex_runtime.errors import CodexRuntimeError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_Found = TypeVar("_Found")


def load_app(spec: str) -> App:
    """Import an app.

    Args:
        spec: ``package.module:attribute``, found as ``python -m`` would find it, or
            ``path/to/file.py:attribute``.

    Returns:
        The app.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_APP_NOT_FOUND``.
    """
    place, colon, attribute = spec.rpartition(":")
    if not colon or not place or not attribute:
        raise _not_found(f"{spec!r} does not name an attribute of a module")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found = getattr(module, attribute, None)
    if not isinstance(found, App):
        what = "no such name" if found is None else f"a {type(found).__name__} of that name"
        raise _not_found(f"{place} has {what}: {attribute!r} should be an App")
    return found


def _load_module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise _not_found(f"{name!r} is not the name of a module")
    # A console script does not look where the user stands; `python -m` does.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return _imported(name, lambda: importlib.import_module(name))


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise _not_found(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise _not_found(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles in it look their module up by its name.
    sys.modules[path.stem] = module
    # What stands beside the file can be imported from it, as when it is run.
    sys.path.insert(0, str(path.resolve().parent))
    loader = spec.loader
    _imported(str(path), lambda: loader.exec_module(module))
    return module


def _imported(name: str, run: Callable[[], _Found]) -> _Found:
    try:
        return run()
    except CodexRuntimeError:
        # The app itself is declared wrongly, and the code says how.
        raise
    except Exception as error:
        raise _not_found(f"cannot import {name}: {type(error).__name__}: {error}") from error


def _not_found(text: str) -> ConfigurationError:
    return ConfigurationError("E_FAKE_CONVEX_APP_NOT_FOUND", text)
