"""Requests about folders that survived of the older protocol: gitDiffToRemote, fuzzyFileSearch.

May import the files and the repositories. They are played as far as nothing is found: what they
say of a repository or of files that match is the business of programs that are not simulated. The
invariant: an answer is the real server's, or the coded refusal of what is not played.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.dialect.messages import Refusal, Request
from codex_fakes.app_server.dialect.not_simulated import not_simulated
from codex_fakes.app_server.surroundings.repositories import git_info

if TYPE_CHECKING:
    from codex_fakes.app_server.threads.world import Connection, World


class FolderQueries:
    """Handles the requests about folders.

    Args:
        world: The shared part of the machine.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def git_diff(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle gitDiffToRemote."""
        del client, request
        cwd = params["cwd"]
        if git_info(self._world.files, cwd) is not None:
            raise not_simulated("repositories compared", "gitDiffToRemote in a repository")
        raise Refusal(f'failed to compute git diff to remote for cwd: "{cwd}"')

    def fuzzy_search(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle fuzzyFileSearch."""
        query = params["query"].lower()
        for root in params["roots"]:
            for path in self._world.files.below(root, ""):
                if query and _is_in(query, posixpath.relpath(path, root).lower()):
                    raise not_simulated("files found", "fuzzyFileSearch with files that match")
        self._world.respond(client.number, request.id, {"files": []})


def _is_in(query: str, text: str) -> bool:
    """Whether all letters of a query come up in a text, in their order."""
    rest = iter(text)
    return all(letter in rest for letter in query)
