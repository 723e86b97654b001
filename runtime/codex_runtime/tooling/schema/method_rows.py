"""Writes the rows of :mod:`codex_runtime.protocol.methods` from the lock.

May import the lock's record and the shapes. The invariant: the text depends on the lock alone and
is formatted as ruff formats it, so that writing it again changes nothing.

The tables are Python rather than read from the lock because every import of the protocol needs
them, and nothing else of the lock.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.protocol.lock.record import MethodKind
from codex_runtime.tooling.schema.shapes import alternatives

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_runtime.protocol.lock.record import Lock, Method

FILE_NAME: Final = "method_rows.py"
"""The file, in the package of the protocol."""

_HEAD: Final = '''"""The rows of the method tables, as the protocol lock has them.

May import nothing of the project. Written by ``codex-runtime schema sync``, never by hand; the
invariant, which ``codex-runtime schema check`` holds it to: it says what the lock says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codex_runtime.protocol.methods import Params, ThreadIdPlace, TurnIdPlace
'''


def render_rows(lock: Lock) -> str:
    """Write the rows.

    Args:
        lock: The lock.

    Returns:
        The text of the file.
    """
    client = lock.methods[MethodKind.CLIENT_REQUEST]
    return "".join(
        (
            _HEAD,
            _table(
                "CLIENT_REQUESTS",
                "tuple[str, Params, bool]",
                ((m.name, _params(m), bool(m.experimental)) for m in client),
                "Name, whether it carries params, whether it is experimental.",
            ),
            _table(
                "SERVER_NOTIFICATIONS",
                "tuple[str, ThreadIdPlace, TurnIdPlace]",
                _addressed(lock, MethodKind.SERVER_NOTIFICATION),
                "Name, where its thread id is, where its turn id is.",
            ),
            _table(
                "SERVER_REQUESTS",
                "tuple[str, ThreadIdPlace, TurnIdPlace]",
                _addressed(lock, MethodKind.SERVER_REQUEST),
                "Name, where its thread id is, where its turn id is.",
            ),
            "\nCLIENT_NOTIFICATIONS: Final = frozenset(\n    {\n",
            *(
                f"        {json.dumps(method.name)},\n"
                for method in lock.methods[MethodKind.CLIENT_NOTIFICATION]
            ),
            '    }\n)\n"""Names."""\n',
        )
    )


def _table(name: str, row: str, rows: Iterable[tuple[object, ...]], says: str) -> str:
    lines = [f"\n{name}: Final[tuple[{row}, ...]] = (\n"]
    for cells in rows:
        written = (str(c) if isinstance(c, bool) else json.dumps(c) for c in cells)
        lines.append(f"    ({', '.join(written)}),\n")
    return "".join((*lines, f')\n"""{says}"""\n'))


def _params(method: Method) -> str:
    if method.params is None:
        return "none"
    return "required" if method.params_required else "optional"


def _addressed(lock: Lock, kind: MethodKind) -> Iterable[tuple[object, ...]]:
    for method in lock.methods[kind]:
        members = _members(lock, method)
        thread = _place(members, "threadId", "thread")
        if thread == "none" and "conversationId" in members:
            thread = "conversation"
        yield method.name, thread, _place(members, "turnId", "turn")


def _members(lock: Lock, method: Method) -> dict[str, tuple[bool, Any]]:
    """Find the members of a method's params: whether each is always there, and what it is."""
    forms = alternatives(True if method.params is None else method.params, lock.types).values()
    members: dict[str, tuple[bool, Any]] = {}
    for form in forms:
        for name, schema in form.get("properties", {}).items():
            always = all(name in other.get("required", ()) for other in forms)
            kinds = alternatives(schema, lock.types)
            members[name] = (always and "null" not in kinds, schema)
    return members


def _place(members: dict[str, tuple[bool, Any]], name: str, nested: str) -> str:
    if name in members:
        return "required" if members[name][0] else "optional"
    return "nested" if nested in members else "none"
