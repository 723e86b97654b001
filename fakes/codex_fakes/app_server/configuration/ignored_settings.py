"""Configuration that a client sends along with a thread and that the server does not know.

May import the list of known fields, and does so only when there is something to look up, because
most threads bring no configuration. The invariant: a name is ignored here exactly if
``config.toml`` could not hold it at its top, or among its features.
"""

from __future__ import annotations

from typing import Any


def unknown_names(config: dict[str, Any] | None) -> list[str]:
    """The names that the server does not know.

    Args:
        config: The ``config`` of thread/start, thread/resume or thread/fork, however it is nested.

    Returns:
        The names as they come, those of features behind the others.
    """
    if not config:
        return []
    from codex_fakes.app_server.configuration.known_fields import FEATURES, FIELDS

    names = dict.fromkeys(name.partition(".")[0] for name in config)
    nested = config.get("features")
    features = [
        *(nested if isinstance(nested, dict) else ()),
        *(path.split(".")[1] for path in config if path.startswith("features.")),
    ]
    return [
        *(name for name in names if name not in FIELDS),
        *(f"features.{name}" for name in dict.fromkeys(features) if name not in FEATURES),
    ]


def ignored_names(config: dict[str, Any] | None) -> list[str]:
    """The names that are ignored.

    Args:
        config: See :func:`unknown_names`.

    Returns:
        The names, sorted.
    """
    return sorted(unknown_names(config))


def ignored_text(names: list[str]) -> str:
    """What the clients of a thread are warned of because of ignored names."""
    count = f"{len(names)} unrecognized configuration setting{'' if len(names) == 1 else 's'}"
    lines = [f"Codex is ignoring {count}. Check for typos or deprecated settings."]
    lines += [f"  session-flags: `{name}` is ignored." for name in names]
    return "\n".join(lines)
