"""The component on the in-memory Convex: ingest, pages, imports and deletions, and what they cost.

Beside each stands what the seed's component takes on convex-test for the same (spec 13 §4): another
machine and another engine, so no budget hangs on it. The budgets are ratios within this run: a
message costs what it costs, however many there are.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, best_seconds
from codex_fakes.convex import Backend

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from support.component_growth import GARDEN, aged, copies, renamed
from support.component_world import documents
from support.host import Host, Stream, said

DELTAS = 2_048
SEED_INGEST = {1: "44-159", 32: "960-2,600", 256: "1,200-4,300"}
SEED_STORED = {32: "163-211", 256: "124"}
SEED_PAGES = {100: "13-20", 1_000: "25-32"}
FEW, MANY = 100, 100_000
PAGE = 50
READS = 50
IMPORTED = (1_000, 4_000)
CHUNK = 128
ROUNDS = 3
# A thousand times the rows are a longer bisection, and no longer all in the processor's caches.
FLAT_LIMIT = 2.0
# What one message costs must not depend on how many there are; what a run costs besides must not
# look like it did.
PER_ITEM_LIMIT = 1.5


def ingested(batch: int, *, stored: bool = False, host: Host | None = None) -> float:
    """Seconds that one delta takes in batches of that size, in a turn of its own."""
    host = with_messages(0) if host is None else host
    thread = host.conversation()
    turn = f"turn-{time.perf_counter_ns()}"
    stream = Stream(turn)
    host.ingest(thread, stream.turn_started())
    events = [stream.text("m-1", f" word{number}") for number in range(DELTAS)]
    options = {"runtime": {"saveStreamDeltas": stored}}
    begin = time.perf_counter()
    for start in range(0, DELTAS, batch):
        told = host.ingest(thread, *events[start : start + batch], **options)
        if told["status"] != "ok":
            raise RuntimeError(told)
    return (time.perf_counter() - begin) / DELTAS


def with_messages(count: int) -> Host:
    """A conversation with that many messages: a hundred that were ingested, and copies of them."""
    host = Host(Backend(GARDEN))
    thread = host.conversation()
    if not count:
        return host
    stream = Stream("turn-0")
    host.ingest(thread, *(stream.item_completed(said(f"m-{n}", "text")) for n in range(FEW)))
    ingested = {
        key: row for key, row in documents(host.backend).items() if key[1] == "codex_messages"
    }

    def later(_: str, row: dict[str, Any], number: int) -> dict[str, Any]:
        return aged(renamed(row, {"messageId", "turnId"}, number), -FEW * number)

    copies(host.backend, ingested, later, range(1, count // FEW))
    return host


def page_seconds(host: Host) -> list[float]:
    """Seconds of a page: the newest, and one in the middle."""
    middle = f'{{"createdAt":{_middle(host)},"messageId":"n","turnId":"t"}}'
    return [
        seconds / READS
        for seconds in best_seconds(
            lambda: [host.page(size=PAGE) for _ in range(READS)],
            lambda: [host.page(size=PAGE, cursor=middle) for _ in range(READS)],
        )
    ]


def _middle(host: Host) -> float:
    newest = host.page(size=1)["page"][0]["createdAt"]
    return 1_000 + (newest - 1_000) / 2


def imported(messages: int) -> tuple[float, float]:
    """Seconds that one message takes to be imported and verified, and then to be deleted."""
    host = Host()
    host.conversation()
    begin = time.perf_counter()
    source = host.call("startConversationSyncSource", conversationId="c")["sourceId"]
    manifest, sizes = [], 0
    chunks = list(_chunks(messages, manifest))
    for index, (payload, count) in enumerate(chunks):
        sizes += len(payload)
        host.call(
            "appendConversationSyncSourceChunk",
            sourceId=source,
            chunkIndex=index,
            payloadJson=payload,
            messageCount=count,
            byteSize=len(payload),
        )
    host.call(
        "sealConversationSyncSource",
        sourceId=source,
        expectedManifestJson=json.dumps(manifest),
        expectedChecksum=f"{len(chunks)}:{messages}:{sizes}",
    )
    asyncio.run(host.settle())
    done = time.perf_counter()
    state = host.call("getConversationSyncJob", conversationId="c")["state"]
    if state != "synced":
        raise RuntimeError(state)
    job = host.call("deleteThread", conversationId="c")["deletionJobId"]
    asyncio.run(host.settle())
    deleted = time.perf_counter()
    status = host.call("getDeletionStatus", deletionJobId=job)["status"]
    if status != "completed":
        raise RuntimeError(status)
    return (done - begin) / messages, (deleted - done) / messages


def _best_imports() -> list[tuple[float, float]]:
    """The least seconds of a message at either size; both are timed in turns."""
    best = [(float("inf"), float("inf")) for _ in IMPORTED]
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for place, messages in enumerate(IMPORTED):
                taken = imported(messages)
                best[place] = (min(best[place][0], taken[0]), min(best[place][1], taken[1]))
                gc.collect()
    finally:
        gc.enable()
    return best


def _chunks(messages: int, manifest: list[dict[str, str]]) -> Iterator[tuple[str, int]]:
    """Chunks of events, two for each message, as an importer makes them."""
    per_chunk = CHUNK // 2
    for start in range(0, messages, per_chunk):
        stream = Stream(f"turn-{start}", clock=start)
        events = []
        for number in range(start, min(start + per_chunk, messages)):
            item = said(f"m-{number}", "some text")
            events += [stream.item_started({**item, "text": ""}), stream.item_completed(item)]
            manifest.append({"turnId": stream.turn, "messageId": item["id"]})
        yield json.dumps(events), len(events) // 2


def rows() -> Iterator[Row]:
    """The lines of the table."""
    for stored, seeds in ((False, SEED_INGEST), (True, SEED_STORED)):
        for batch, seed in seeds.items():
            each = min(ingested(batch, stored=stored) for _ in range(3))
            what = "stored for replay, " if stored else ""
            yield Row(
                f"component: ingest, {what}batches of {batch}",
                f"{1 / each:,.0f} deltas/s",
                f"the seed on convex-test: {seed}",
            )
    short, long = with_messages(FEW), with_messages(MANY)
    few, many = page_seconds(short), page_seconds(long)
    for place, name in enumerate(("newest", "a middle")):
        ratio = many[place] / few[place]
        seed = f", the seed: {SEED_PAGES[FEW]} ms at {FEW}, 76-90 ms at 5,000" if not place else ""
        yield Row(
            f"component: {name} page of {PAGE} of {MANY:,} messages",
            f"{many[place] * 1000:.1f} ms",
            f"{ratio:.2f} x that of {FEW}{seed}",
            f"<= {FLAT_LIMIT} x",
            ratio <= FLAT_LIMIT,
        )
    quick, slow = (min(ingested(32, host=host) for _ in range(3)) for host in (short, long))
    yield Row(
        f"component: ingest into {MANY:,} messages, batches of 32",
        f"{1 / slow:,.0f} deltas/s",
        f"{slow / quick:.2f} x the time of {FEW}",
        f"<= {FLAT_LIMIT} x",
        slow / quick <= FLAT_LIMIT,
    )
    del short, long
    small, large = _best_imports()
    for what, place, seed in (("import", 0, "32.5 s"), ("deletion", 1, "7.1-8.2 s")):
        ratio = large[place] / small[place]
        yield Row(
            f"component: {what}, per 1,000 messages",
            f"{small[place] * 1000:.2f} s",
            f"{ratio:.2f} x of that at {IMPORTED[1]:,}; the seed: {seed}",
            f"<= {PER_ITEM_LIMIT} x",
            ratio <= PER_ITEM_LIMIT,
        )
