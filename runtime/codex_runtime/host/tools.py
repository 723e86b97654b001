"""Python functions as tools of the model: their schema from their type hints, their calls.

May import msgspec and the protocol. The invariant: a tool that fails answers the model, in words;
nothing it does can stop the runtime.
"""

from __future__ import annotations

import inspect
import re
import typing
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.host.common import HostError
from codex_runtime.protocol.answers import DynamicToolResult, InputText
from codex_runtime.protocol.values import DynamicTool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
"""The names that Codex takes (FACTS §9)."""


class ToolBox:
    """The tools that a host has registered.

    Args:
        tools: The functions by the names the model calls them. What one returns is told to the
            model: text as it is, anything else as JSON. A plain function is called in the loop, and
            must not block it; an async one may take its time, and is cancelled when nobody waits
            for it any more.

    Raises:
        HostError: ``E_RUNTIME_CONFIG_INVALID``: a name that Codex does not take, or a function
            whose parameters have no type hints, or hints that no JSON can satisfy.
    """

    def __init__(self, tools: Mapping[str, Callable[..., Any]]) -> None:
        self._tools = dict(tools)
        self._params = {name: _params_of(name, tool) for name, tool in tools.items()}

    def __contains__(self, name: object) -> bool:
        """Whether there is such a tool."""
        return name in self._tools

    @property
    def definitions(self) -> tuple[DynamicTool, ...]:
        """What Codex is told of the tools."""
        return tuple(
            DynamicTool(
                name=name,
                description=inspect.getdoc(tool) or name,
                input_schema=_schema_of(self._params[name]),
            )
            for name, tool in self._tools.items()
        )

    async def run(self, name: str, arguments: Any) -> DynamicToolResult:
        """Run a tool.

        Args:
            name: Its name.
            arguments: What the model calls it with.

        Returns:
            What the model is told.
        """
        try:
            given = msgspec.convert(arguments or {}, self._params[name])
            result = self._tools[name](**msgspec.structs.asdict(given))
            if inspect.isawaitable(result):
                result = await result
            text = result if isinstance(result, str) else msgspec.json.encode(result).decode()
        except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model is told
            return _told(f"{type(error).__name__}: {error}", success=False)
        return _told(text, success=True)


def _told(text: str, *, success: bool) -> DynamicToolResult:
    # Half of a pair of surrogates is a text in Python, and none on the wire.
    sendable = text.encode("utf-8", "backslashreplace").decode()
    return DynamicToolResult(content_items=(InputText(text=sendable),), success=success)


def _params_of(name: str, tool: Callable[..., Any]) -> type[msgspec.Struct]:
    if not _NAME.fullmatch(name):
        raise HostError(
            "E_RUNTIME_CONFIG_INVALID",
            f"A tool cannot be called {name!r}: letters, digits, - and _ make a name.",
        )
    try:
        hints = typing.get_type_hints(tool)
    except (NameError, TypeError) as error:
        raise HostError(
            "E_RUNTIME_CONFIG_INVALID", f"The type hints of tool {name} cannot be read: {error}"
        ) from error
    fields: list[Any] = []
    for parameter in inspect.signature(tool).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise HostError(
                "E_RUNTIME_CONFIG_INVALID", f"Tool {name} takes {parameter}; name each parameter."
            )
        if parameter.name not in hints:
            raise HostError(
                "E_RUNTIME_CONFIG_INVALID",
                f"Parameter {parameter.name} of tool {name} has no type hint.",
            )
        default = () if parameter.default is parameter.empty else (parameter.default,)
        fields.append((parameter.name, hints[parameter.name], *default))
    try:
        params = msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
        _schema_of(params)
    except TypeError as error:
        raise HostError(
            "E_RUNTIME_CONFIG_INVALID", f"Tool {name} takes what JSON does not have: {error}"
        ) from error
    return params


def _schema_of(params: type[msgspec.Struct]) -> dict[str, Any]:
    (schema,), definitions = msgspec.json.schema_components([params], ref_template="#/$defs/{name}")
    # The one schema is a reference to the struct's own definition.
    own = definitions.pop(params.__name__, schema)
    return {**own, "$defs": definitions} if definitions else dict(own)
