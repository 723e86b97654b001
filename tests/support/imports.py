"""Importing a conversation into the component: histories, importers, and tampering with rows."""

import hashlib
import json
from dataclasses import dataclass, fields, replace

from codex_fakes.component.mounting import COMPONENT_NAME
from codex_fakes.convex import Limits
from codex_fakes.convex.engine.limits import DEFAULT_LIMITS
from support.host import Stream, said

COUNTED = (
    "documents_read",
    "bytes_read",
    "ranges_read",
    "documents_written",
    "bytes_written",
    "functions_scheduled",
    "scheduled_bytes",
)
"""The limits of a transaction that are about how much it does."""

HALF_LIMITS = replace(
    DEFAULT_LIMITS, **{name: getattr(DEFAULT_LIMITS, name) // 2 for name in COUNTED}
)
"""A deployment where going beyond half of what Convex allows is an error."""

assert {field.name for field in fields(Limits)} >= set(COUNTED)


@dataclass(frozen=True)
class Chunk:
    """A part of what is to be imported, as an importer sends it."""

    payload: str
    messages: int

    @property
    def size(self):
        """Its size as the seed's importer counts it: in UTF-16 units."""
        return len(self.payload.encode("utf-16-le")) // 2


@dataclass(frozen=True)
class History:
    """What was said in the turns of a thread: ``{turn: {message: text}}``."""

    turns: dict

    @staticmethod
    def of(turns, messages, text="hello", *, name="T"):
        """A history of so many turns with so many messages each."""
        return History(
            {
                f"{name}{turn}": {f"{name}{turn}m{place}": text for place in range(messages)}
                for turn in range(turns)
            }
        )

    @property
    def manifest(self):
        """The turn and message of each entry."""
        return [(turn, message) for turn, messages in self.turns.items() for message in messages]

    def manifest_json(self):
        """The manifest as an importer sends it."""
        entries = [{"turnId": turn, "messageId": message} for turn, message in self.manifest]
        return json.dumps(entries)

    def events(self):
        """What the app-server would have sent, a stream for each turn."""
        for turn, messages in self.turns.items():
            stream = Stream(turn, f"import:{turn}")
            yield stream.turn_started()
            for message, text in messages.items():
                yield stream.item_completed(said(message, text))
            yield stream.turn_completed()

    def chunks(self, size=128):
        """The events in chunks of so many."""
        events = list(self.events())
        return [chunk_of(events[begin : begin + size]) for begin in range(0, len(events), size)]


def chunk_of(events):
    """A chunk of some events."""
    messages = sum(event["kind"] == "item/completed" for event in events)
    return Chunk(json.dumps(events), messages)


def checksum(chunks):
    """What an importer has counted."""
    messages, size = sum(chunk.messages for chunk in chunks), sum(chunk.size for chunk in chunks)
    return f"{len(chunks)}:{messages}:{size}"


def digest(chunks):
    """The digest over the chunks' contents."""
    whole = hashlib.sha256()
    for chunk in chunks:
        whole.update(hashlib.sha256(chunk.payload.encode()).digest())
    return whole.hexdigest()


class Importer:
    """Brings a history into a conversation of a host, call by call."""

    def __init__(self, host, history, conversation="c", *, size=128):
        self.host = host
        self.history = history
        self.conversation = conversation
        self.chunks = history.chunks(size)
        self.source = None
        self.job = None

    def start(self, **more):
        """Begin to collect."""
        name = "threads.startConversationSyncSource"
        self.source = self.host.call(name, conversationId=self.conversation, **more)["sourceId"]
        return self

    def chunk(self, index, **changed):
        """The arguments that append a chunk."""
        chunk = self.chunks[index]
        return {
            "sourceId": self.source,
            "chunkIndex": index,
            "payloadJson": chunk.payload,
            "messageCount": chunk.messages,
            "byteSize": chunk.size,
            **changed,
        }

    def append(self, index, **changed):
        """Append a chunk; tell whether this call did it."""
        args = self.chunk(index, **changed)
        return self.host.call("threads.appendConversationSyncSourceChunk", **args)["appended"]

    def append_all(self):
        """Append every chunk."""
        for index in range(len(self.chunks)):
            self.append(index)
        return self

    def sealing(self, **changed):
        """The arguments that seal the source."""
        return {
            "sourceId": self.source,
            "expectedManifestJson": self.history.manifest_json(),
            "expectedChecksum": checksum(self.chunks),
            "expectedDigest": digest(self.chunks),
            **changed,
        }

    def seal(self, **changed):
        """Seal the source; give the whole result."""
        sealed = self.host.call("threads.sealConversationSyncSource", **self.sealing(**changed))
        self.job = sealed["jobId"]
        return sealed

    def collected(self):
        """Start, append everything and seal."""
        self.start().append_all().seal()
        return self

    def read(self, job=None):
        """The job as a reader sees it."""
        wanted = job or self.job
        args = {} if wanted is None else {"jobId": wanted}
        name = "threads.getConversationSyncJob"
        return self.host.call(name, conversationId=self.conversation, **args)

    def cancel(self, **more):
        """Cancel the job."""
        return self.host.call("threads.cancelConversationSyncJob", jobId=self.job, **more)

    def row(self):
        """The job as it is stored."""
        return self.host.rows("codex_sync_import_jobs", jobId=self.job)[0]

    def binding(self):
        """The conversation's binding as it is stored."""
        return self.host.rows("codex_thread_bindings", conversationId=self.conversation)[0]

    def kept(self):
        """The texts that the thread has, by turn and message."""
        rows = self.host.rows("codex_messages", threadId=self.binding()["threadId"])
        return {(row["turnId"], row["messageId"]): row["text"] for row in rows}

    def wanted(self):
        """The texts that the thread is to have, by turn and message."""
        return {
            (turn, message): text
            for turn, messages in self.history.turns.items()
            for message, text in messages.items()
        }


def tamper(backend, change):
    """Change rows of the component behind its back; ``change`` gets a writer of its tables."""
    runner = backend._runner
    runner.transact(
        lambda execution: change(
            execution.transaction.writer(execution.around.spaces[COMPONENT_NAME])
        )
    )
