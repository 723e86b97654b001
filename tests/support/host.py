"""A host with the component behind it, in memory: what the tests of the component talk to.

``Host`` is one caller of one deployment. Endpoints are called by their name (``ingestBatch``),
functions of the component by theirs (``sync.replay``); the actor goes along by itself.
"""

from __future__ import annotations

import json
from functools import cache

from codex_fakes.component.host.definitions import define_codex_host_definitions
from codex_fakes.component.mounting import COMPONENT_NAME, component
from codex_fakes.convex import App, Backend, ConvexError, Identity
from codex_runtime.contract.endpoints import MANIFESTS
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.values import ValueLimits, from_json

ENDPOINTS = {endpoint.name: endpoint for manifest in MANIFESTS.values() for endpoint in manifest}
"""The endpoints by name."""


def deployment(*, trusted_actor=False, **backend):
    """Deploy a host of both manifests; the rest of the arguments are the backend's."""
    return Backend(_app(trusted_actor), **backend)


@cache
def _app(trusted_actor):
    endpoints = define_codex_host_definitions(trusted_actor=trusted_actor)
    return App(modules={"chat": endpoints}, components={COMPONENT_NAME: component})


class Host:
    """One caller of a deployment: a signed-in user, or somebody anonymous.

    ``user`` is signed in with a token; without one, the caller is ``anonymous`` (or nobody).
    """

    def __init__(self, backend=None, *, user="u", anonymous=None):
        self.backend = deployment() if backend is None else backend
        self.identity = None if user is None else Identity(subject=user)
        named = {"userId": user, "anonymousId": anonymous}
        self.actor = {name: value for name, value in named.items() if value is not None}

    def acting(self, user=None, *, anonymous=None):
        """Another caller of the same deployment."""
        return Host(self.backend, user=user, anonymous=anonymous)

    def outcome(self, name, **args):
        """Call an endpoint, or ``module.function`` of the component; give the whole outcome."""
        run, target = self._target(name)
        return run(**target, args={"actor": self.actor, **args})

    def call(self, name, **args):
        """Call it and give its result."""
        return self.outcome(name, **args).unwrap()

    def refusal(self, name, **args):
        """Call it and give the code it is refused with; it must be refused, with a code."""
        outcome = self.outcome(name, **args)
        assert outcome.error is not None, f"{name} was not refused but gave {outcome.value!r}"
        assert isinstance(outcome.error.data, dict), outcome.error.message
        return outcome.error.data["code"]

    def begin(self, name, **args):
        """Run a mutation and commit it later, with the ``commit`` of what this gives."""
        _, target = self._target(name)
        return self.backend.begin_mutation(**target, args={"actor": self.actor, **args})

    def internal(self, function, **args):
        """Call a function of the component with exactly these arguments: no actor goes along."""
        run, target = self._target(function)
        return run(**target, args=args).unwrap()

    def _target(self, name):
        of_component = "." in name
        declared = FUNCTIONS[name] if of_component else ENDPOINTS[name]
        run = self.backend.query if declared.kind == "query" else self.backend.mutation
        if of_component:
            return run, {"path": declared.path, "component": COMPONENT_NAME, "internal": True}
        target = {"path": f"chat:{name}", "internal": declared.operators_only}
        return run, {**target, "identity": self.identity}

    async def advance(self, milliseconds):
        """Let time pass; what becomes due runs."""
        return await self.backend.advance(milliseconds)

    async def settle(self):
        """Run what is due now, and what that makes due now."""
        return await self.backend.run_due()

    def tables(self):
        """Every row of the component by table, those of all actors."""
        return tables_of(self.backend)

    def kept(self):
        """The rows that make up conversations: no signs of life of sessions, no schedule."""
        passing = {"codex_sessions"}
        return {
            name: rows
            for name, rows in self.tables().items()
            if name not in passing and not name.startswith("_")
        }

    def rows(self, table, **wanted):
        """The rows of a table that have these values."""
        return [
            row
            for row in self.tables()[table]
            if all(row.get(name) == value for name, value in wanted.items())
        ]

    def conversation(self, conversation="c", *, session="s"):
        """Open a conversation with a session; give its thread's id."""
        thread = self.call("ensureConversationBinding", conversationId=conversation)["threadId"]
        self.call("ensureSession", sessionId=session, threadId=thread, lastEventCursor=0)
        return thread

    def ingest(self, thread, *events, session="s", **more):
        """Ingest deltas as a batch through the endpoint; give the result."""
        return self.call(
            "ingestBatch", sessionId=session, threadId=thread, deltas=list(events), **more
        )

    def page(self, conversation="c", *, size=50, cursor=None, **more):
        """A page of a conversation's messages, newest first."""
        return self.call(
            "listThreadMessagesByConversation",
            conversationId=conversation,
            paginationOpts={"numItems": size, "cursor": cursor},
            **more,
        )

    def messages(self, conversation="c"):
        """The latest messages of a conversation by id."""
        return {row["messageId"]: row for row in self.page(conversation, size=200)["page"]}

    def snapshot(self, conversation="c"):
        """A conversation at a glance; it must be there."""
        return self.call("threadSnapshotByConversation", conversationId=conversation)["data"]

    def turn(self, turn, conversation="c"):
        """The status of a turn."""
        turns = self.snapshot(conversation)["turns"]
        return next(row["status"] for row in turns if row["turnId"] == turn)


def tables_of(backend):
    """Every row of the component by table."""
    # A dump holds any number of rows; each of them was held to the limits on its own.
    unlimited = ValueLimits(nesting=1_000, array_length=1 << 40, object_fields=1 << 40)
    saved = from_json(json.loads(backend.snapshot())["database"], limits=unlimited)
    spaces = {space["path"]: space["tables"] for space in saved["spaces"]}
    return {table["name"]: table["documents"] for table in spaces[COMPONENT_NAME]}


def edited(backend, table, **changes):
    """The same deployment, where the rows of a table are something that no function makes them."""
    document = json.loads(backend.snapshot())
    for space in document["database"]["spaces"]:
        for saved in space["tables"]:
            if saved["name"] == table:
                for row in saved["documents"]:
                    row.update(changes)
    return Backend(backend.app, state=json.dumps(document).encode())


def refused(call, *args, **kwargs):
    """The code that a call is refused with; it must be refused, with a code."""
    try:
        value = call(*args, **kwargs)
    except ConvexError as error:
        return error.data["code"]
    raise AssertionError(f"it was not refused but gave {value!r}")


def rejected_with(result):
    """The public code of a rejected batch, and the code behind it."""
    assert (result["status"], result["ingestStatus"]) == ("rejected", "partial")
    assert result["ackedStreams"] == []
    (error,) = result["errors"]
    assert error["message"].startswith(f"[{error['cause']}] ")
    assert error["recoverable"] is False
    return error["code"], error["cause"]


class Stream:
    """Builds the events of one stream of one turn, each where the last one ended."""

    def __init__(self, turn="turn-1", stream=None, *, runtime_thread="rt", start=0, clock=1_000):
        self.turn = turn
        self.stream = f"stream:{turn}" if stream is None else stream
        self.runtime_thread = runtime_thread
        self.cursor = start
        self.clock = clock

    def event(self, method, params, *, request=None, **changed):
        """Any message of the app-server as the next event; ``changed`` overrides its fields."""
        message = {"method": method, "params": params}
        if request is not None:
            message["id"] = request
        start = self.cursor
        made = {
            "type": "stream_delta",
            "eventId": f"{self.stream}@{start}",
            "turnId": self.turn,
            "streamId": self.stream,
            "kind": method,
            "payloadJson": json.dumps(message),
            "cursorStart": start,
            "cursorEnd": start + 1,
            "createdAt": self.clock + start,
            **changed,
        }
        self.cursor = made["cursorEnd"]
        return made

    def _of_turn(self, **params):
        return {"threadId": self.runtime_thread, "turnId": self.turn, **params}

    def turn_started(self, **changed):
        turn = {"id": self.turn, "items": [], "status": "inProgress"}
        params = {"threadId": self.runtime_thread, "turn": turn}
        return self.event("turn/started", params, **changed)

    def turn_completed(self, status="completed", error=None, **changed):
        turn = {"id": self.turn, "items": [], "status": status}
        if error is not None:
            turn["error"] = {"message": error}
        params = {"threadId": self.runtime_thread, "turn": turn}
        return self.event("turn/completed", params, **changed)

    def failed(self, message, *, will_retry=False, **changed):
        params = self._of_turn(error={"message": message}, willRetry=will_retry)
        return self.event("error", params, **changed)

    def item_started(self, item, **changed):
        return self.event("item/started", self._of_turn(item=item), **changed)

    def item_completed(self, item, **changed):
        return self.event("item/completed", self._of_turn(item=item), **changed)

    def text(self, item, delta, **changed):
        params = self._of_turn(itemId=item, delta=delta)
        return self.event("item/agentMessage/delta", params, **changed)

    def summary(self, item, delta, index=0, **changed):
        params = self._of_turn(itemId=item, delta=delta, summaryIndex=index)
        return self.event("item/reasoning/summaryTextDelta", params, **changed)

    def summary_part(self, item, index=0, **changed):
        params = self._of_turn(itemId=item, summaryIndex=index)
        return self.event("item/reasoning/summaryPartAdded", params, **changed)

    def raw_reasoning(self, item, delta, index=0, **changed):
        params = self._of_turn(itemId=item, delta=delta, contentIndex=index)
        return self.event("item/reasoning/textDelta", params, **changed)

    def asks_for_command(self, item, reason=None, *, request=1, **changed):
        params = self._of_turn(itemId=item, **({} if reason is None else {"reason": reason}))
        method = "item/commandExecution/requestApproval"
        return self.event(method, params, request=request, **changed)

    def asks_for_patch(self, item, reason=None, *, request=1, **changed):
        params = self._of_turn(itemId=item, **({} if reason is None else {"reason": reason}))
        return self.event("item/fileChange/requestApproval", params, request=request, **changed)


def lifecycle(kind, message, *, event="l-1", at=1_000, turn=None):
    """An event of a thread that belongs to no stream; ``message`` is its payload as a value."""
    made = {
        "type": "lifecycle_event",
        "eventId": event,
        "kind": kind,
        "payloadJson": json.dumps(message),
        "createdAt": at,
    }
    return made if turn is None else {**made, "turnId": turn}


def said(item, text):
    """An item: what the agent says."""
    return {"type": "agentMessage", "id": item, "text": text}


def asked(item, text):
    """An item: what the user says."""
    return {"type": "userMessage", "id": item, "content": [{"type": "text", "text": text}]}


def ran(item, status="completed", output=None, command="ls"):
    """An item: a command."""
    return {
        "type": "commandExecution",
        "id": item,
        "command": command,
        "cwd": "/work",
        "status": status,
        "aggregatedOutput": output,
    }


def patched(item, status="completed"):
    """An item: a change of files."""
    return {"type": "fileChange", "id": item, "changes": [], "status": status}
