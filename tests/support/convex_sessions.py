"""A session of the sync protocol without sockets, and what it says, read."""

from __future__ import annotations

import base64
import json

from codex_fakes.convex import Backend
from codex_fakes.convex.wire.client_versions import from_header
from codex_fakes.convex.wire.effects import Close, Drop, RunAction, Send, Wait
from codex_fakes.convex.wire.server import ConvexServer
from codex_fakes.convex.wire.session import Session, Surroundings
from support.convex_app import APP

ZERO = "AAAAAAAAAAA="
SESSION = "c59cad04-95d4-41f7-9ec7-6fdc84ddd3a7"


def ts_of(text):
    return int.from_bytes(base64.b64decode(text), "little")


def ts_text(ts):
    return base64.b64encode(ts.to_bytes(8, "little")).decode()


class Talk:
    """The client's side of a session: says messages, hears what comes back."""

    def __init__(self, app=APP, *, server=None, client="npm-1.48.0", session_id=SESSION, **options):
        self.server = server or ConvexServer(Backend(app), **options)
        self.backend = self.server.backend
        surroundings = Surroundings(
            backend=self.backend,
            authenticate=self.server.authenticate,
            answered=self.server._answered,
            answers=self.server.answers,
            faults=self.server.faults,
            now_ms=self.backend.clock.now_ms,
        )
        self.session = Session(surroundings, from_header(client))
        self.backend.subscribe_commits(self.session.committed)
        self.session_id = session_id
        self.query_set = 0
        self.identity = 0
        self.queries = 0
        self.requests = 0

    def say(self, **message):
        """Say a message; what comes back, read."""
        return self.read(self.session.received(json.dumps(message)))

    def read(self, effects):
        heard = []
        for effect in effects:
            match effect:
                case Send(text):
                    heard.append(json.loads(text))
                case Close(code, reason):
                    heard.append({"type": "closed", "code": code, "reason": reason})
                case Drop():
                    heard.append({"type": "dropped"})
                case Wait(milliseconds):
                    heard.append({"type": "wait", "milliseconds": milliseconds})
                case RunAction():
                    heard.append({"type": "action", "action": effect})
        return heard

    def connect(self, **fields):
        known = {"connectionCount": 0, "lastCloseReason": "InitialConnect"}
        return self.say(type="Connect", sessionId=self.session_id, **{**known, **fields})

    def modify(self, *modifications, base=None, new=None):
        base = self.query_set if base is None else base
        self.query_set = base + 1 if new is None else new
        return self.say(
            type="ModifyQuerySet",
            baseVersion=base,
            newVersion=self.query_set,
            modifications=list(modifications),
        )

    def follow(self, path, args=None, **fields):
        """Follow a query; what comes back."""
        added = {"type": "Add", "queryId": self.queries, "udfPath": path, "args": [args or {}]}
        self.queries += 1
        return self.modify({**added, **fields})

    def unfollow(self, query_id):
        return self.modify({"type": "Remove", "queryId": query_id})

    def mutate(self, path, args=None, **fields):
        return self._call("Mutation", path, args, fields)

    def act(self, path, args=None, **fields):
        return self._call("Action", path, args, fields)

    def authenticate(self, value=None, *, kind="User", **fields):
        base = self.identity
        self.identity += 1
        given = {} if value is None else {"value": value}
        return self.say(
            type="Authenticate", baseVersion=base, tokenType=kind, **{**given, **fields}
        )

    def _call(self, kind, path, args, fields):
        request = {"requestId": self.requests, "udfPath": path, "args": [args or {}]}
        self.requests += 1
        return self.say(type=kind, **{**request, **fields})


def kinds(heard):
    return [message["type"] for message in heard]


def changes(transition):
    """The modifications of a Transition by query: kind, and value or failure."""
    return {
        change["queryId"]: (change["type"], change.get("value", change.get("errorMessage")))
        for change in transition["modifications"]
    }
