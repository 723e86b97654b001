"""Scripts in files: JSON or YAML, UTF-8.

May import the script language, and the YAML reader when a YAML file is read. The invariant:
whatever the bytes of a file, loading it gives a checked script or a coded error that names the
file and, inside it, either line and column or response, step and field.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias

from codex_fakes.script.reading import Plain, as_plain, read_script
from codex_fakes.script.validation import check_script
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import os

    from codex_fakes.script.steps import Script

Format: TypeAlias = Literal["json", "yaml"]

_FORMATS: Final[dict[str, Format]] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}


def load_script(path: str | os.PathLike[str]) -> Script:
    """Load a script from a file.

    Args:
        path: A UTF-8 file that ends in ``.json``, ``.yaml`` or ``.yml``.

    Returns:
        The script, checked.

    Raises:
        ConfigurationError: ``E_SCRIPT_FILE_UNREADABLE`` when there is no such file, its name does
            not say its format, or it is not UTF-8; ``E_SCRIPT_INVALID`` when it holds no script;
            ``E_EXTRA_MISSING`` for a YAML file where PyYAML is not installed.
    """
    file = Path(path)
    kind = _FORMATS.get(file.suffix.lower())
    if kind is None:
        raise ConfigurationError(
            "E_SCRIPT_FILE_UNREADABLE",
            f"{file}: the name ends in {file.suffix or 'nothing'!r}, expected one of "
            f"{', '.join(_FORMATS)}",
        )
    try:
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: a path with a NUL character in it.
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError("E_SCRIPT_FILE_UNREADABLE", f"{file}: {reason}") from error
    return parse_script(content, kind, name=str(file))


def parse_script(content: bytes | str, kind: Format, *, name: str = "script") -> Script:
    """Read a script from the content of a file.

    Args:
        content: The content; bytes are UTF-8, with or without a byte order mark.
        kind: ``"json"`` or ``"yaml"``.
        name: What errors call the file.

    Returns:
        The script, checked.

    Raises:
        ConfigurationError: As :func:`load_script`.
    """
    if isinstance(content, bytes):
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                "E_SCRIPT_FILE_UNREADABLE",
                f"{name}: byte {error.start} is not UTF-8 ({error.reason})",
            ) from error
    else:
        text = content
    value = _parse_json(text, name) if kind == "json" else _parse_yaml(text, name)
    try:
        return check_script(read_script(value))
    except ConfigurationError as error:
        raise ConfigurationError(error.code, f"{name}: {error.text}") from error


def dump_script(script: Script, kind: Format = "json") -> str:
    """Write a script down; what was left at its default is left out.

    Args:
        script: The script.
        kind: ``"json"`` or ``"yaml"``.

    Returns:
        A text that :func:`parse_script` reads back as an equal script.

    Raises:
        ConfigurationError: ``E_SCRIPT_INVALID`` for a script that breaks a rule,
            ``E_EXTRA_MISSING`` for YAML where PyYAML is not installed.
    """
    value = as_plain(check_script(script))
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    from codex_fakes.script.yaml_text import write_yaml

    return write_yaml(value)


def _parse_yaml(text: str, name: str) -> Plain:
    from codex_fakes.script.yaml_text import read_yaml

    return read_yaml(text, name)


def _parse_json(text: str, name: str) -> Plain:
    try:
        return json.loads(text, object_pairs_hook=_table, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            "E_SCRIPT_INVALID", f"{name}, line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise ConfigurationError("E_SCRIPT_INVALID", f"{name}: nested too deeply") from None
    except ValueError as error:
        # What JSON's grammar allows and this language does not, and numbers of absurd length.
        raise ConfigurationError("E_SCRIPT_INVALID", f"{name}: {error}") from None


def _table(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    table: dict[str, Plain] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the field {key!a} is there twice")
        table[key] = value
    return table


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
