"""Different actors have different conversations, whatever their names look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.convex import Identity
from codex_runtime.contract.actors import Actor, canonical_actor
from codex_runtime.contract.shapes import UNSET, to_value
from support.host import Stream, deployment, said

NAMES = st.one_of(
    st.text(max_size=4),
    st.sampled_from(["a", "A", " a", "anon:a", "user:a", "user:anon:a", "__anonymous__", "", " "]),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "anon:", "user:", "user:user:", "__anonymous__"]),
        st.sampled_from(["a", "\u0430", "e\u0301", "\u00e9", "a\u200b", "a\u0000"]),
        st.sampled_from(["", " ", "\ufeff"]),
    ),
)
ACTORS = st.builds(
    Actor,
    user_id=st.one_of(st.just(UNSET), NAMES),
    anonymous_id=st.one_of(st.just(UNSET), NAMES),
)


class Crowd:
    """Callers of one deployment, each with a conversation of the same name."""

    def __init__(self, *, trusted_actor):
        self.backend = deployment(trusted_actor=trusted_actor)
        self.trusted_actor = trusted_actor
        self.threads = {}

    def visit(self, actor):
        """Open the conversation, say one's name in it, and read it."""
        known = canonical_actor(actor)
        opened = self._run("mutation", "ensureConversationBinding", actor, conversationId="c")
        thread = opened["threadId"]
        assert opened["created"] is (known not in self.threads)
        assert self.threads.setdefault(known, thread) == thread
        if opened["created"]:
            spoken = Stream().item_completed(said("m", repr(known)))
            self._run(
                "mutation",
                "ingestBatch",
                actor,
                sessionId="s",
                threadId=thread,
                deltas=[spoken],
            )
        page = self._run(
            "query",
            "listThreadMessagesByConversation",
            actor,
            conversationId="c",
            paginationOpts={"numItems": 5, "cursor": None},
        )
        assert [message["text"] for message in page["page"]] == [repr(known)]
        assert len(set(self.threads.values())) == len(self.threads)

    def _run(self, kind, name, actor, **args):
        known = canonical_actor(actor)
        signed_in = not self.trusted_actor and known.user_id is not UNSET
        identity = Identity(subject=known.user_id) if signed_in else None
        asked = to_value(Actor(user_id=actor.user_id) if signed_in else actor)
        run = getattr(self.backend, kind)
        return run(f"chat:{name}", {"actor": asked, **args}, identity=identity).unwrap()


@pytest.fixture(scope="module", params=[False, True], ids=["bound", "trusted"])
def crowd(request):
    return Crowd(trusted_actor=request.param)


@given(st.lists(ACTORS, min_size=1, max_size=4))
def test_each_of_a_crowd_of_lookalikes_has_their_own_conversation(crowd, actors):
    for actor in actors:
        crowd.visit(actor)
