"""An import as the suite's checks make one: chunks, their manifest, their checksum.

May import the conversations and events. The invariant: what is expected of a host is computed here
from the chunks themselves, never asked of the host.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codex_conformance.suites.stream_events import Stream

if TYPE_CHECKING:
    from codex_conformance.suites.stream_events import Event
    from codex_conformance.suites.talking import Talk

ENDED = frozenset({"synced", "failed", "cancelled"})
"""The public states of an import that has ended."""


@dataclass
class Import:
    """A source that collects, and what was fed to it.

    Attributes:
        talk: The conversation.
        source: The source's id.
        payloads: The chunks so far.
        counts: How many messages each has.
        manifest: The messages so far.
    """

    talk: Talk
    source: str
    payloads: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    manifest: list[dict[str, str]] = field(default_factory=list)

    def chunk(self, index: int, payload: str, messages: int) -> dict[str, Any]:
        """The arguments that append a chunk."""
        return {
            "sourceId": self.source,
            "chunkIndex": index,
            "payloadJson": payload,
            "messageCount": messages,
            "byteSize": len(payload),
        }

    async def feed(self, messages: int = 2) -> dict[str, Any]:
        """Append a chunk with the messages of a turn; give the arguments it was appended with."""
        stream = Stream(self.talk.visit.name("imported"))
        items = [f"m{place}" for place in range(messages)]
        self.manifest += [{"turnId": stream.turn, "messageId": item} for item in items]
        return await self.feed_events([stream.closes(item, f"text of {item}") for item in items])

    async def feed_events(self, events: list[Event]) -> dict[str, Any]:
        """Append a chunk of certain events."""
        return await self.feed_payload(json.dumps(events), len(events))

    async def feed_payload(self, payload: str, messages: int) -> dict[str, Any]:
        """Append a chunk with a certain payload."""
        args = self.chunk(len(self.payloads), payload, messages)
        await self.talk.guest.mutate("appendConversationSyncSourceChunk", **args)
        self.payloads.append(payload)
        self.counts.append(messages)
        return args

    def seal_args(self, **changes: Any) -> dict[str, Any]:
        """The arguments that seal what was fed."""
        size = sum(map(len, self.payloads))
        return {
            "sourceId": self.source,
            "expectedManifestJson": json.dumps(self.manifest),
            "expectedChecksum": f"{len(self.payloads)}:{sum(self.counts)}:{size}",
            **changes,
        }

    @property
    def digest(self) -> str:
        """The digest of the chunks: SHA-256 over the SHA-256 of each."""
        each = (hashlib.sha256(payload.encode()).digest() for payload in self.payloads)
        return hashlib.sha256(b"".join(each)).hexdigest()

    async def seal(self, **changes: Any) -> str:
        """Seal what was fed; give the import's id."""
        sealed = await self.talk.guest.mutate(
            "sealConversationSyncSource", **self.seal_args(**changes)
        )
        return str(sealed["jobId"])

    async def job(self, job: str) -> Any:
        """An import as a reader sees it."""
        return await self.talk.guest.query(
            "getConversationSyncJob", conversationId=self.talk.conversation, jobId=job
        )

    async def ended(self, job: str, *, needed: bool = False) -> Any:
        """Wait until an import has ended, and give it."""
        return await self.talk.visit.until(
            lambda: self.job(job), _has_ended, "the end of the import", needed=needed
        )


def _has_ended(job: Any) -> bool:
    return job is not None and job["state"] in ENDED


async def start_import(talk: Talk) -> Import:
    """Begin to collect what is to be imported into a conversation."""
    started = await talk.guest.mutate(
        "startConversationSyncSource", conversationId=talk.conversation
    )
    return Import(talk, started["sourceId"])


async def marked(talk: Talk) -> Any:
    """What a conversation says of its sync; asked by a mark that is ignored as stale."""
    return await talk.guest.mutate(
        "markConversationSyncProgress",
        conversationId=talk.conversation,
        cursor=0,
        expectedSyncJobId="no-such-import",
    )
