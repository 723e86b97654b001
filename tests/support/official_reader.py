"""Reads queries with the official Python client and prints each result as a line of JSON.

A process of its own: that client holds the interpreter lock while it waits. Arguments: the URL, and
a JSON list of ``[path, arguments]``; each line is ``[number, "value" or "error", encoded]``.
"""

from __future__ import annotations

import asyncio
import json
import sys

from convex import ConvexClient, ConvexError

from codex_runtime.values import canonical, convex_error_data, from_json, to_json


async def read(client: ConvexClient, number: int, path: str, arguments: object) -> None:
    subscription = client.subscribe(path, from_json(arguments))
    while True:
        try:
            value = await subscription.__anext__()
        except ConvexError as error:
            found = [number, "error", to_json(convex_error_data(error))]
        else:
            found = [number, "value", to_json(canonical(value))]
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


async def main(url: str, queries: str) -> None:
    client = ConvexClient(url)
    async with asyncio.TaskGroup() as tasks:
        for number, (path, arguments) in enumerate(json.loads(queries)):
            tasks.create_task(read(client, number, path, arguments))


asyncio.run(main(*sys.argv[1:]))
