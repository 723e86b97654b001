"""Configuration that a client sends along with a thread and that the server does not know.

May import the list of known fields, and does so only when there is something to look up, because
most threads bring no configuration. The invariant: a name is ignored here exactly if
``config.toml`` could not hold it at its top.
"""

from __future__ import annotations

from typing import Any


def ignored_names(config: dict[str, Any] | None) -> list[str]:
    """The names that are ignored.

    Args:
        config: The ``config`` of thread/start, thread/resume or thread/fork.

    Returns:
        The names, sorted.
    """
    if not config:
        return []
    from codex_fakes.app_server.configuration.known_fields import FIELDS

    return sorted(name for name in config if name.partition(".")[0] not in FIELDS)


def ignored_text(names: list[str]) -> str:
    """What the clients of a thread are warned of because of ignored names."""
    count = f"{len(names)} unrecognized configuration setting{'' if len(names) == 1 else 's'}"
    lines = [f"Codex is ignoring {count}. Check for typos or deprecated settings."]
    lines += [f"  session-flags: `{name}` is ignored." for name in names]
    return "\n".join(lines)
