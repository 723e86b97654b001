"""A backend's data as a file, so that a deployment keeps it when its process ends.

May import the store and :mod:`codex_runtime.values`. The invariant: what is read back has the same
ids, creation times and timestamps, and what is no snapshot of ours is refused as a whole. What a
commit changed can be written down on its own, and added to the snapshot before it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.functions.jobs import Job
from codex_fakes.convex.engine.limits import UNLIMITED
from codex_runtime.errors import ConfigurationError
from codex_runtime.values import Int64, InvalidValue, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_fakes.convex.engine.store import Commit, Database

FORMAT: Final = "codex-fakes-convex"
VERSION: Final = 1


def write_snapshot(database: Database, jobs: Iterable[Job]) -> bytes:
    """Write everything down.

    Args:
        database: The data.
        jobs: The jobs that are not started yet.

    Returns:
        JSON in UTF-8.
    """
    return _written(
        {
            "format": FORMAT,
            "version": VERSION,
            "database": to_json(database.dump()),
            "jobs": _rows(jobs),
        }
    )


def write_change(database: Database, commit: Commit, jobs: Iterable[Job]) -> bytes:
    """Write down what one commit changed.

    Args:
        database: The data, with nothing committed since.
        commit: The commit; of a deployment, a whole snapshot has to be written.
        jobs: The jobs that it scheduled.

    Returns:
        JSON in UTF-8.
    """
    writes = [
        [
            write.table.space.path,
            write.table.name,
            write.table.number,
            write.id,
            None if write.new is None else to_json(write.new.fields),
        ]
        for write in commit.writes
    ]
    return _written(
        {
            "ts": commit.ts,
            "lastCreationTime": database.last_creation_time,
            "writes": writes,
            "jobs": _rows(jobs),
        }
    )


def read_snapshot(database: Database, data: bytes, changes: Iterable[bytes] = ()) -> list[Job]:
    """Bring everything back.

    Args:
        database: Where to: an empty database.
        data: What :func:`write_snapshot` gave.
        changes: What :func:`write_change` gave of each commit since, in order.

    Returns:
        The jobs that were not started yet, and perhaps some that were.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: that is no snapshot.
    """
    try:
        document: dict[str, Any] = json.loads(data)
        _check_head(document["format"], document["version"])
        contents: Any = from_json(document["database"], limits=UNLIMITED)
        rows = list(document["jobs"])
        rows += _add(contents, [json.loads(change) for change in changes])
        jobs = [
            Job(str(mount), str(identity), float(due), str(target))
            for mount, identity, due, target in rows
        ]
        database.load(contents)
    except (InvalidValue, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "E_FAKE_CONVEX_SNAPSHOT_INVALID", f"this is no snapshot of a backend: {error!r}"
        ) from error
    return jobs


def _add(contents: Any, changes: list[Any]) -> list[Any]:
    """Add commits to what a database has dumped; the jobs that they scheduled."""
    if not changes:
        return []
    spaces = {space["path"]: space for space in contents["spaces"]}
    documents = {
        (path, table["name"]): {document["_id"]: document for document in table["documents"]}
        for path, space in spaces.items()
        for table in space["tables"]
    }
    jobs = []
    for change in changes:
        for path, name, number, identity, fields in change["writes"]:
            if path not in spaces:
                spaces[path] = {"path": path, "tables": []}
            if (path, name) not in documents:
                documents[path, name] = {}
                spaces[path]["tables"].append({"name": name, "number": float(number)})
            if fields is None:
                del documents[path, name][identity]
            else:
                documents[path, name][identity] = from_json(fields, limits=UNLIMITED)
        contents["ts"] = Int64(change["ts"])
        contents["lastCreationTime"] = change["lastCreationTime"]
        jobs += change["jobs"]
    for path, space in spaces.items():
        for table in space["tables"]:
            table["documents"] = list(documents[path, table["name"]].values())
    contents["spaces"] = list(spaces.values())
    return jobs


def _rows(jobs: Iterable[Job]) -> list[list[object]]:
    return [[job.mount, job.id, job.due_ms, job.target] for job in jobs]


def _written(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _check_head(form: object, version: object) -> None:
    if (form, version) != (FORMAT, VERSION):
        raise ValueError(f"its format is {form!r}, its version {version!r}")
