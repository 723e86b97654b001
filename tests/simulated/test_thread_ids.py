"""Thread ids, accepted and refused as the real server does."""

from __future__ import annotations

import pytest

from codex_fakes.app_server.dialect.messages import Refusal
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id

ID = "01a201df-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    "text", [ID, ID.upper(), f"urn:uuid:{ID}", f"{{{ID}}}", ID.replace("-", "")]
)
def test_every_form_of_a_uuid_means_the_same_thread(text):
    assert parse_thread_id(text) == ID


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bogus", "invalid character: {prefix}, found `o` at 2"),
        ("é", "invalid character: {prefix}, found `é` at 1"),
        ("urn:uuid:xx", "invalid character: {prefix}, found `x` at 10"),
        ("{zz}", "invalid character: {prefix}, found `z` at 2"),
        ("", "invalid length: expected length 32 for simple format, found 0"),
        ("12", "invalid length: expected length 32 for simple format, found 2"),
        (ID[:-1], "invalid group length in group 4: expected 12, found 11"),
        (ID + "0", "invalid group length in group 4: expected 12, found 13"),
        (
            "01a201df-0000-7000-800-0000000000000",
            "invalid group length in group 3: expected 4, found 3",
        ),
        ("01a201df-0000-7000-8000", "invalid group count: expected 5, found 4"),
    ],
)
def test_what_is_no_uuid_is_refused_in_the_words_of_the_real_parser(text, complaint):
    prefix = "expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-]"
    with pytest.raises(Refusal) as refused:
        parse_thread_id(text)
    assert refused.value.message == f"invalid thread id: {complaint.format(prefix=prefix)}"


def test_resuming_calls_the_id_a_session_id():
    with pytest.raises(Refusal, match=r"^invalid session id: "):
        parse_thread_id("bogus", kind="session")
