"""The part of YAML that scripts use: what JSON can say, and nothing else.

The one module that imports PyYAML. The invariant: a text means the same here as it does to a
reader who knows JSON. ``yes`` and ``2026-01-01`` are texts, a key is there once, and there are no
tags, no aliases and no second document, so no text can mean more than it says.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from codex_runtime.errors import ConfigurationError

try:
    import yaml
except ImportError:
    raise ConfigurationError(
        "E_EXTRA_MISSING",
        "a script in YAML needs PyYAML, which the extra `fakes` installs",
        advice="pip install 'codex-runtime[fakes]', or write the script in JSON",
    ) from None


class _Mark(Protocol):
    line: int
    column: int


_TAG: Final = "tag:yaml.org,2002:"
_UNICODE_BREAK: Final = re.compile("[\x85\u2028\u2029]")


class _Loader(yaml.SafeLoader):
    # Resolves plain scalars as JSON would, see the table below; SafeLoader's own are YAML 1.1's.
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own attribute


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        # An object that is there twice is written twice: scripts have no aliases.
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML writes Unicode's line breaks as they are, and reads them back as blanks.
    style = '"' if _UNICODE_BREAK.search(text) else None
    return dumper.represent_scalar(_TAG + "str", text, style=style)


_Dumper.add_representer(str, _represent_text)


for _kind, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    (
        "float",
        r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)",
        list("-0123456789"),
    ),
):
    # The dumper has SafeDumper's resolvers too: it quotes what either kind of reader would misread.
    for _side in (_Loader, _Dumper):
        _side.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), _first)


def read_yaml(text: str, name: str) -> Any:
    """Read the one YAML document of a text as a plain value.

    Args:
        text: The text.
        name: What errors call the file.

    Returns:
        Mappings with text keys, lists, texts, numbers, booleans and null.

    Raises:
        ConfigurationError: ``E_SCRIPT_INVALID`` with line and column.
    """
    try:
        _refuse_aliases(text, name)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            return None if root is None else _plain(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        where = _where(error.problem_mark or error.context_mark)
        said = error.problem or error.context or "this is not YAML"
        raise ConfigurationError("E_SCRIPT_INVALID", f"{name}{where}: {said}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConfigurationError(
            "E_SCRIPT_INVALID", f"{name}, line {line}, column {column}: {error.reason}"
        ) from None
    except RecursionError:
        raise ConfigurationError("E_SCRIPT_INVALID", f"{name}: nested too deeply") from None
    except (ValueError, OverflowError) as error:
        # PyYAML turns an escape like \UFFFFFFFF into a character without looking first.
        raise ConfigurationError("E_SCRIPT_INVALID", f"{name}: {error}") from None


def write_yaml(value: Any) -> str:
    """Write a plain value as a YAML document.

    Args:
        value: Mappings with text keys, lists, texts, numbers, booleans and null.

    Returns:
        A text that :func:`read_yaml` reads back as an equal value.
    """
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


def _refuse_aliases(text: str, name: str) -> None:
    # Before anything is composed: nested aliases make a short text say exponentially much.
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(
                "E_SCRIPT_INVALID",
                f"{name}{_where(event.start_mark)}: an alias (*name) cannot be used in a script",
            )


def _where(mark: _Mark | None) -> str:
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        return [_plain(part) for part in node.value]
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return _table(node)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    raise yaml.MarkedYAMLError(
        problem=f"the tag {node.tag} cannot be used in a script", problem_mark=node.start_mark
    )


def _table(node: yaml.MappingNode) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _plain(key_node)
        if not isinstance(key, str):
            raise yaml.MarkedYAMLError(
                problem="expected the name of a field", problem_mark=key_node.start_mark
            )
        if key in table:
            raise yaml.MarkedYAMLError(
                problem=f"the field {key!a} is there twice", problem_mark=key_node.start_mark
            )
        table[key] = _plain(value_node)
    return table


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "str":
            return _joined(text)
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "bool" if text in {"true", "false"}:
            return text == "true"
        case "null" if text in {"", "~", "null"}:
            return None
    raise yaml.MarkedYAMLError(
        problem=f"the tag {node.tag} cannot be used here", problem_mark=node.start_mark
    )


def _joined(text: str) -> str:
    # JSON says a character outside the first plane as two escapes; PyYAML leaves them apart.
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    # What is half a pair stays, and is refused where the script is read.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
