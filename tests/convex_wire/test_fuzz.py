"""Whatever comes in, the server answers as documented and goes on serving."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from codex_fakes.convex.wire.in_process import InProcessConvex
from support.campaign import examples
from support.convex_app import APP
from support.convex_sessions import SESSION, Talk, kinds

MESSAGES = [
    {"type": "Connect", "sessionId": SESSION, "connectionCount": 0, "clientTs": 0},
    {
        "type": "ModifyQuerySet",
        "baseVersion": 0,
        "newVersion": 1,
        "modifications": [
            {"type": "Add", "queryId": 0, "udfPath": "messages:list", "args": [{}]},
            {"type": "Add", "queryId": 1, "udfPath": "counters:get", "args": [{"name": "a"}]},
        ],
    },
    {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": []},
    {"type": "Mutation", "requestId": 0, "udfPath": "messages:send", "args": [{"body": "hi"}]},
    {"type": "Action", "requestId": 1, "udfPath": "messages:relay", "args": [{"body": "hi"}]},
    {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "a.b.c"},
    {"type": "Authenticate", "baseVersion": 0, "tokenType": "None"},
    {"type": "Event", "eventType": "ClientConnect", "event": {}},
]
BODIES = [
    ("/api/query", {"path": "messages:list", "args": {}, "format": "convex_encoded_json"}),
    ("/api/mutation", {"path": "messages:send", "args": [{"body": "hi"}]}),
    ("/api/action", {"path": "messages:relay", "args": {"body": "hi"}}),
    ("/api/query_at_ts", {"path": "messages:list", "args": {}, "ts": "AAAAAAAAAAA="}),
    ("/api/query_batch", {"queries": [{"path": "messages:list", "args": {}}]}),
    ("/api/function", {"path": "messages:list", "args": {}, "componentPath": "x"}),
    ("/api/run/messages/list", {"args": {}}),
]

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["__proto__", "$integer", "x" * 5000, "\ud800", "messages.js:list", "a:b:c"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(
        st.sampled_from(["$integer", "$bytes", "$float", "a", ""]), st.text(), max_size=2
    ),
)


def places(tree, at=()):
    """Every place in a tree."""
    yield at
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    if isinstance(tree, dict | list):
        for key, child in items:
            yield from places(child, (*at, key)) if isinstance(child, dict | list) else [(*at, key)]


def changed(tree, at, how, value):
    """The tree with one place replaced, removed or added to."""
    if not at:
        return value
    copy = json.loads(json.dumps(tree))
    parent = copy
    for key in at[:-1]:
        parent = parent[key]
    if how == "remove":
        del parent[at[-1]]
    elif how == "add" and isinstance(parent, dict):
        parent[str(value)[:20]] = value
    else:
        parent[at[-1]] = value
    return copy


@st.composite
def mutated(draw, tree):
    """Text that is nearly the JSON of a tree."""
    for _ in range(draw(st.integers(0, 2))):
        if not isinstance(tree, dict | list):
            break
        at = draw(st.sampled_from(list(places(tree))))
        tree = changed(tree, at, draw(st.sampled_from(["replace", "remove", "add"])), draw(ODD))
    text = json.dumps(tree).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 6))
        text = text[:at] + draw(st.binary(max_size=6)) + text[at + length :]
    return text


FRAMES = st.sampled_from(MESSAGES).flatmap(mutated)

OF_A_SOCKET = {
    "Ping",
    "Transition",
    "MutationResponse",
    "ActionResponse",
    "AuthError",
    "FatalError",
    "action",
    "closed",
}


@settings(max_examples=examples(250, 12_500))
@given(st.lists(FRAMES, min_size=4, max_size=4))
def test_frames_are_answered_as_documented_and_the_next_client_is_served(frames):
    talk = Talk()
    ended = False
    for frame in frames:
        effects = talk.session.received(frame.decode("utf-8", "replace"))
        heard = kinds(talk.read(effects))
        assert set(heard) <= OF_A_SOCKET
        assert not (ended and heard)
        assert ("closed" in heard) == (not talk.session.open and not ended)
        assert heard.count("closed") <= 1
        ended = not talk.session.open
    after = Talk(server=talk.server)
    after.connect()
    assert kinds(after.mutate("messages:send", {"body": "still here"})) == [
        "MutationResponse",
        "Transition",
    ]


@settings(max_examples=examples(250, 12_500))
@given(
    st.lists(
        st.sampled_from(BODIES).flatmap(lambda one: st.tuples(st.just(one[0]), mutated(one[1]))),
        min_size=4,
        max_size=4,
    ),
    st.booleans(),
)
def test_bodies_are_answered_as_documented_and_the_next_one_is_served(bodies, admin):
    served = InProcessConvex(APP)
    headers = {"Content-Type": "application/json"}
    if admin:
        headers["Authorization"] = f"Convex {served.admin_key}"

    async def post_all():
        async with served.client(headers=headers) as http:
            answers = [await http.post(path, content=body) for path, body in bodies]
            last = await http.post("/api/query", json={"path": "messages:list", "args": {}})
        return answers, last

    answers, last = asyncio.run(post_all())
    for answer in answers:
        said = answer.json()
        if answer.status_code == 200:
            assert said.get("status") in {"success", "error"} or "results" in said
        else:
            assert answer.status_code in {400, 401, 403, 500}
            assert set(said) == {"code", "message"}
            assert (answer.status_code == 500) == (said["code"] == "InternalServerError")
    assert last.json()["status"] == "success"
    assert served.server.problems == []
