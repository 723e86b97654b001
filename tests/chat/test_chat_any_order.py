"""Whatever happens in whatever order, the dialogue keeps its promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.chat.effects import Decide, End, Import, ListThreads, Send
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.listing import ListedThreads
from support.chat_pieces import Chat, asks_command, asks_user, state, told

LINES = ("", "hello", "yes", "no", "1", "/interrupt", "/steer x", "/state", "/threads", "/quit")
CLAIMS = Send | ListThreads | Import
DELTA = told("item/agentMessage/delta", itemId="a", delta="x")
LOST = CodexRuntimeError("E_PERSISTENCE_UNREACHABLE", "No connection.")

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("typed"), st.sampled_from(LINES)),
        st.tuples(st.just("asked"), st.integers(1, 3)),
        st.tuples(st.just("inquired"), st.integers(4, 5)),
        st.tuples(st.just("resolved"), st.integers(1, 5)),
        st.tuples(st.just("turn"), st.booleans()),
        st.tuples(st.just("done"), st.booleans()),
        st.tuples(st.sampled_from(["delta", "ctrl-c", "end", "gone"]), st.none()),
    ),
    max_size=40,
)


class Neighbours:
    """A runtime and a user that do anything, as far as they can."""

    def __init__(self, *, interactive):
        self.chat = Chat(interactive=interactive)
        self.under_way = []
        self.input_ended = False

    def does(self, what, how):
        """Let something happen; give what the dialogue wants done, or nothing if it cannot be."""
        chat = self.chat
        match what:
            case "typed" if chat.dialogue.takes_lines and not self.input_ended:
                effects = chat.typed(how)
            case "asked":
                effects = chat.requested(asks_command(how))
            case "inquired":
                effects = chat.requested(asks_user(("q", {}), request_id=how))
            case "resolved":
                effects = chat.told(told("serverRequest/resolved", requestId=how))
            case "turn":
                effects = chat.state_changed(state(turn_in_flight=how))
            case "done" if self.under_way:
                call = self.under_way.pop(0)
                result = ListedThreads(data=(), next_cursor=None)
                effects = chat.call_done(call, result) if how else chat.call_failed(call, LOST)
            case "delta":
                effects = chat.told(DELTA)
            case "ctrl-c":
                effects = chat.interrupt_key()
            case "end":
                self.input_ended = True
                effects = chat.input_ended()
            case "gone":
                effects = chat.state_changed(state(running=False, phase="error"))
            case _:
                effects = []
        self.under_way += [one for one in effects if isinstance(one, CLAIMS)]
        return effects


@given(EVENTS, st.booleans())
def test_only_an_answer_that_is_typed_now_approves_and_the_end_comes_once(events, interactive):
    world = Neighbours(interactive=interactive)
    ended = False
    for what, how in events:
        effects = world.does(what, how)
        approved = [one for one in effects if isinstance(one, Decide) and one.decision == "accept"]
        if approved and interactive:
            assert (what, how) == ("typed", "yes")
        assert len(approved) <= 1
        assert len(world.under_way) <= 1
        if ended:
            assert effects == []
        ended = ended or any(isinstance(one, End) for one in effects)
    assert len(world.chat.ended) <= 1


@given(EVENTS)
def test_in_a_pipe_every_text_is_said_or_answers_in_its_order(events):
    world = Neighbours(interactive=False)
    lines = [f"line {number}" for number in range(len(events))]
    said = []
    for (what, how), line in zip(events, lines, strict=True):
        effects = world.does(what, line if what == "typed" else how)
        said += [one.text for one in effects if isinstance(one, Send)]
    assert said == sorted(said, key=lines.index)
    assert len(said) == len(set(said))
