"""The request that lists models: model/list.

May import the catalogue of models, the dialect and the shared world. A cursor is the number of
models before the page. The invariant: pages of one kind, hidden models with them or not, pass every
model of that kind once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.configuration.models import MODELS
from codex_fakes.app_server.dialect.messages import Refusal, Request

if TYPE_CHECKING:
    from codex_fakes.app_server.threads.world import Connection, World


class ModelLists:
    """Handles the request that lists models.

    Args:
        world: The shared part of the machine.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def models(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle model/list."""
        shown = [model for model in MODELS if params.get("includeHidden") or not model.hidden]
        start = _offset(params.get("cursor"), len(shown))
        limit = params.get("limit")
        end = len(shown) if limit is None else start + max(limit, 1)
        result = {
            "data": [model.on_wire() for model in shown[start:end]],
            "nextCursor": str(end) if end < len(shown) else None,
        }
        self._world.respond(client.number, request.id, result)


def _offset(cursor: str | None, count: int) -> int:
    """How many models a cursor leaves behind."""
    if cursor is None:
        return 0
    digits = cursor.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise Refusal(f"invalid cursor: {cursor}")
    if int(digits) > count:
        raise Refusal(f"cursor {int(digits)} exceeds total models {count}")
    return int(digits)
