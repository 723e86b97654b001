"""Telling the proposed plan apart from the rest of a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.app_server.model.plan_text import Piece, PlanText

BEGIN, END = "<proposed_plan>", "</proposed_plan>"


def pieces(*deltas):
    text = PlanText()
    shown = [piece for delta in deltas for piece in text.feed(delta)]
    return shown + text.end()


def joined(kind, shown):
    return "".join(piece.text for piece in shown if piece.kind == kind)


def test_a_plan_is_what_stands_between_its_marks():
    shown = pieces(f"before\n{BEGIN}\n- a\n{END}\nafter")
    assert shown == [
        Piece("message", "before\n"),
        Piece("plan_begins", ""),
        Piece("plan", "- a\n"),
        Piece("message", "after"),
    ]


def test_a_mark_inside_a_line_is_text():
    assert pieces(f"x {BEGIN}a{END}") == [Piece("message", f"x {BEGIN}a{END}")]


def test_a_line_is_held_back_while_it_may_become_a_mark():
    text = PlanText()
    assert text.feed("<proposed") == []
    assert text.feed("_text>") == [Piece("message", "<proposed_text>")]


def test_blanks_around_a_mark_do_not_matter():
    assert pieces(f"  {BEGIN} \nx\n") == [Piece("plan_begins", ""), Piece("plan", "x\n")]


def test_a_plan_that_is_not_closed_goes_on_to_the_end():
    assert joined("plan", pieces(f"{BEGIN}\na\n", "b")) == "a\nb"


def test_a_mark_without_its_newline_counts_at_the_end():
    assert pieces(f"{BEGIN}\na\n{END}") == [Piece("plan_begins", ""), Piece("plan", "a\n")]


PARTS = st.lists(st.sampled_from([BEGIN, END, "\n", "a", " ", "<", "plan"]), max_size=12)


@given(PARTS, st.data())
def test_how_the_text_is_cut_into_deltas_changes_nothing(parts, data):
    whole = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    deltas = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    for kind in ("message", "plan"):
        assert joined(kind, pieces(*deltas)) == joined(kind, pieces(whole))


@given(PARTS)
def test_nothing_but_marks_is_lost(parts):
    whole = "".join(parts)
    shown = "".join(piece.text for piece in pieces(whole))
    marks = {BEGIN, END}
    lines = [line for line in whole.split("\n") if line.strip() not in marks]
    assert all(line in shown for line in lines)
