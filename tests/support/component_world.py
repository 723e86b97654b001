"""One actor's whole world, and the arguments of every function of the contract that name it.

A world holds something of every kind: conversations, turns, messages, reasoning, approvals,
requests, streams, sessions, imports, deletions, dispatches. The arguments are made from the
contract's own shapes, field by field: a function that is added tomorrow is called tomorrow, or the
field that nobody knows a value of is named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App, Backend, VirtualClock
from codex_runtime.contract.endpoints import ENDPOINTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.shapes import fields_of
from codex_runtime.values import from_json
from support.host import Host, Stream, asked, lifecycle, said

START = 1_700_000_000_000.0
APP = App(
    modules={"chat": define_codex_host_definitions(trusted_actor=True)},
    components={COMPONENT_NAME: component},
)
"""A host that believes its callers, so that an actor can be any text."""

PUBLIC = sorted(name for name, function in FUNCTIONS.items() if not function.internal)
"""Every public function of the component."""
DOORS = sorted(ENDPOINTS)
"""Every endpoint of the host."""


@dataclass(frozen=True)
class World:
    """What there is of one actor, and a value for every argument that names some of it.

    Attributes:
        state: A backend's snapshot; nothing is due in it.
        values: The values by the names of arguments.
    """

    state: bytes
    values: dict

    def backend(self, **more):
        """A backend of its own that goes on from here."""
        return Backend.restore(APP, self.state, clock=VirtualClock(START), **more)


def nobody():
    """A backend without anybody's data."""
    return Backend(APP, clock=VirtualClock(START))


@cache
def world_of(user=None, anonymous=None):
    """The world of an actor; it is built once."""
    host = Host(nobody(), user=user, anonymous=anonymous)
    values = populate(host)
    return World(host.backend.snapshot(), values)


def populate(host, mark=""):
    """Give an actor a world, its names marked; give the values that name what there is.

    Nothing is due afterwards.
    """
    values = _built(host, mark)
    settle(host.backend)
    return values


def arguments(name, values):
    """The arguments a function or endpoint is called with: the least, and everything it takes."""
    shape = fields_of((FUNCTIONS[name] if "." in name else ENDPOINTS[name]).args)

    def filled(fields):
        return {field: values[field] for field in fields if field != "actor"}

    least = filled(field for field, validator in shape.items() if not validator.is_optional)
    most = filled(shape)
    made = [least] if least == most else [least, most]
    if "streamArgs" in shape:
        made.append({**least, "streamArgs": {"kind": "list"}})
    return made


def call(backend, name, actor, args):
    """Call a function of the component, or an endpoint by its bare name; give the outcome."""
    whole = {"actor": actor, **args}
    if "." in name:
        function = FUNCTIONS[name]
        run = backend.query if function.kind == "query" else backend.mutation
        return run(function.path, whole, component=COMPONENT_NAME)
    endpoint = ENDPOINTS[name]
    run = backend.query if endpoint.kind == "query" else backend.mutation
    return run(f"chat:{name}", whole, internal=endpoint.operators_only)


def documents(backend):
    """Every document of every table of app and component, those of the system too, by its id."""
    saved = from_json(json.loads(backend.snapshot())["database"])
    return {
        (space["path"], table["name"], row["_id"]): row
        for space in saved["spaces"]
        for table in space["tables"]
        for row in table["documents"]
    }


def settle(backend):
    """Run what is due; the component has no actions, so nothing is ever waited for."""
    driven = backend.run_due()
    try:
        driven.send(None)
    except StopIteration:
        return
    raise AssertionError("a mutation of the component waited for something")


def _built(host, mark):
    names = {name: f"{name}{mark}" for name in ("c", "c2", "c3", "s")}
    thread = host.conversation(names["c"], session=names["s"])
    other = host.call("ensureConversationBinding", conversationId=names["c2"])["threadId"]
    host.call("ensureConversationBinding", conversationId=names["c3"])
    host.call("archiveConversation", conversationId=names["c3"])
    stream = _turns(host, thread, names["s"], mark)
    claimed = host.call("claimTurnDispatch", threadId=thread, claimOwner="owner", leaseMs=600_000)
    job = _import_that_waits(host, names["c2"], other, mark)
    collecting = host.call("startConversationSyncSource", conversationId=names["c"])["sourceId"]
    _requests(host, thread)
    scheduled = host.call("scheduleDeleteThread", conversationId=names["c3"])["deletionJobId"]
    more = Stream("turn-1", stream, start=50)
    cursors = [{"streamId": stream, "cursor": 0}]
    return {
        **_PLAIN,
        "conversationId": names["c"],
        "runtimeConversationId": names["c"],
        "runtimeConversationIds": [names["c"], names["c2"], "nowhere"],
        "sessionId": names["s"],
        "streamId": stream,
        "streamArgs": {"kind": "deltas", "cursors": cursors},
        "streamCursorsById": cursors,
        "threadId": thread,
        "sourceId": collecting,
        "jobId": job,
        "deletionJobId": scheduled,
        "dispatchId": claimed["dispatchId"],
        "claimToken": claimed["claimToken"],
        "streamDeltas": [more.item_started(said("m-9", ""))],
        "deltas": [more.item_started(said("m-10", ""))],
        "event": more.item_started(said("m-11", "")),
    }


def _turns(host, thread, session, mark):
    """A turn that has ended, one that goes on, one that waits; gives the stream of the second."""
    done = Stream("turn-0", f"stream:turn-0{mark}")
    host.ingest(
        thread,
        done.turn_started(),
        done.item_completed(asked("q-0", "what I asked first")),
        done.item_completed(said("m-0", "what was answered")),
        done.turn_completed(),
        session=session,
    )
    for number in (1, 2):
        host.call(
            "acceptTurnSend",
            threadId=thread,
            turnId=f"turn-{number}",
            idempotencyKey=f"k-{number}",
            inputText=f"secret {number}",
            dispatchId=f"d-{number}",
        )
    going = Stream("turn-1", f"stream:turn-1{mark}")
    host.ingest(
        thread,
        going.turn_started(),
        going.item_completed(asked("q-1", "a private question")),
        going.text("m-1", "a private "),
        going.text("m-1", "answer"),
        going.summary("r-1", "a private thought"),
        going.raw_reasoning("r-1", "a rawer one"),
        going.asks_for_command("cmd-1", "because"),
        session=session,
        runtime={"saveReasoningDeltas": True, "exposeRawReasoningDeltas": True},
    )
    named = {"method": "thread/name/updated", "params": {"threadName": "a private name"}}
    host.call(
        "sync.ingest",
        sessionId=session,
        threadId=thread,
        streamDeltas=[],
        lifecycleEvents=[lifecycle("thread/name/updated", named)],
    )
    host.call("acknowledgeStream", threadId=thread, streamId=going.stream, cursor=1)
    return going.stream


def _requests(host, thread):
    host.call(
        "upsertPendingServerRequest",
        requestId="req-1",
        threadId=thread,
        turnId="turn-1",
        itemId="ask-1",
        method="item/tool/requestUserInput",
        payloadJson="{}",
        questionsJson="[]",
        requestedAt=1,
    )
    counts = {name: 5 for name in _PLAIN if name.endswith("Tokens")}
    host.call("upsertTokenUsage", threadId=thread, turnId="turn-1", **counts)


def _import_that_waits(host, conversation, thread, mark):
    """An import whose chunk is rejected, so that it waits to try again; gives its job."""
    chunk = [Stream("turn-8", f"stream:turn-8{mark}").item_completed(said("m-8", "imported"))]
    chunk.append({**chunk[0], "eventId": "another", "cursorStart": 0.5})
    payload = json.dumps(chunk)
    source = host.call("startConversationSyncSource", conversationId=conversation, threadId=thread)
    key = {"sourceId": source["sourceId"]}
    host.call(
        "appendConversationSyncSourceChunk",
        **key,
        chunkIndex=0,
        payloadJson=payload,
        messageCount=1,
        byteSize=len(payload),
    )
    sealed = host.call(
        "sealConversationSyncSource",
        **key,
        expectedManifestJson='[{"turnId":"turn-8","messageId":"m-8"}]',
        expectedChecksum=f"1:1:{len(payload)}",
    )
    return sealed["jobId"]


_TOKENS = ("total", "input", "cachedInput", "output", "reasoningOutput")
_PLAIN = {
    "approvalPolicy": "never",
    "batchSize": 10,
    "byteSize": 2,
    "chunkIndex": 0,
    "claimOwner": "somebody",
    "code": "E_X",
    "cursor": 2,
    "cwd": "/work",
    "decision": "accepted",
    "delayMs": 5_000,
    "ensureLastEventCursor": 0,
    "errorCode": "E_X",
    "errorMessage": "because",
    "expectedChecksum": "0:0:0",
    "expectedDigest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "expectedManifestJson": "[]",
    "expectedMessageCount": 0,
    "expectedSyncJobId": "no-such-job",
    "fromCursor": 0,
    "idempotencyKey": "k-1",
    "includeArchived": True,
    "includeRaw": True,
    "input": [{"type": "text", "text": "hello"}],
    "inputText": "hello",
    "itemId": "cmd-1",
    "lastEventCursor": 1,
    "leaseMs": 5_000,
    "lifecycleEvents": [],
    "limit": 1,
    "localThreadId": "rt",
    "messageCount": 0,
    "method": "item/tool/call",
    "model": "m",
    "modelContextWindow": 10,
    "name": "ensureSession",
    "options": {"model": "m"},
    "paginationOpts": {"numItems": 1, "cursor": None},
    "payloadJson": "[]",
    "personality": "p",
    "questionsJson": "[]",
    "reason": "because",
    "reasonCode": "E_X",
    "requestId": "req-1",
    "requestedAt": 1,
    "reset": False,
    "resolvedAt": 2,
    "responseJson": "{}",
    "runtime": {"saveStreamDeltas": True},
    "runtimeThreadId": "rt",
    "runtimeTurnId": "rt-1",
    "status": "answered",
    "syncJobErrorCode": "E_X",
    "syncJobId": "no-such-job",
    "syncJobPolicyVersion": 4,
    "syncJobStartedAt": 1,
    "syncJobState": "syncing",
    "syncJobUpdatedAt": 1,
    "syncState": "syncing",
    "turnId": "turn-1",
    **{f"{name}Tokens": 7 for name in _TOKENS},
    **{f"last{name[0].upper()}{name[1:]}Tokens": 7 for name in _TOKENS},
}
"""A value for every argument that names nothing an actor's own calls gave out."""
