"""Manifests: which messages an import is to end with (spec 03 §2).

May import the error catalogue and the limits. The invariant: a manifest that is read names each
message once; it is kept in pages, so that a step of the verification reads its part alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from codex_runtime.contract.limits import (
    MANIFEST_BYTES_MOST,
    MANIFEST_ID_BYTES_MOST,
    MANIFEST_PAGE,
)
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

Entry: TypeAlias = tuple[str, str]
"""The turn and the message of an entry."""


def parsed(text: str) -> list[Entry]:
    """Read a manifest.

    Args:
        text: A JSON array of ``{turnId, messageId}``.

    Returns:
        The turn and message of each entry.

    Raises:
        ContractError: ``E_SYNC_MANIFEST_INVALID``.
    """
    if len(text.encode()) > MANIFEST_BYTES_MOST:
        raise _invalid(f"must not have more than {MANIFEST_BYTES_MOST} bytes.")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid("must be valid JSON.") from error
    if not isinstance(entries, list):
        raise _invalid("must be an array.")
    manifest = [
        (entry["turnId"], entry["messageId"])
        for entry in entries
        if isinstance(entry, dict)
        and set(entry) == {"turnId", "messageId"}
        and all(_is_id(value) for value in entry.values())
    ]
    if len(manifest) != len(entries) or len(set(manifest)) != len(manifest):
        raise _invalid("contains invalid manifest entries.")
    return manifest


def _is_id(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        return len(_written(value).encode()) <= MANIFEST_ID_BYTES_MOST
    except UnicodeEncodeError:
        # Half of a surrogate pair is the id of nothing that can be stored.
        return False


def pages_of(manifest: list[Entry]) -> Iterator[str]:
    """Write a manifest as the pages it is kept in.

    Args:
        manifest: Its entries.

    Yields:
        Pages of :data:`MANIFEST_PAGE` entries; the last one may have fewer.
    """
    for begin in range(0, len(manifest), MANIFEST_PAGE):
        yield _written(manifest[begin : begin + MANIFEST_PAGE])


def page_in(text: str) -> list[Entry]:
    """Read a page that :func:`pages_of` wrote.

    Raises:
        ContractError: ``E_SYNC_MANIFEST_INVALID``: it is none any more.
    """
    try:
        entries = msgspec.json.decode(text, type=list[tuple[str, str]])
    except msgspec.MsgspecError as error:
        raise _invalid("can no longer be read.") from error
    return entries


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _invalid(why: str) -> ContractError:
    return ContractError("E_SYNC_MANIFEST_INVALID", f"expectedManifestJson {why}")
