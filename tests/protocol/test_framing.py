"""Bytes in, lines out, whatever the chunks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.framing import EXCERPT_BYTES, MAX_LINE_BYTES, LineFramer

LINES = st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line))


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def read(framer: LineFramer, chunks: list[bytes]) -> list[bytes | str]:
    arrived = [line for chunk in chunks for line in framer.feed(chunk)] + framer.end()
    return [line if isinstance(line, bytes) else line.code for line in arrived]


@given(lines=LINES, last=st.booleans(), cuts=st.lists(st.integers(min_value=0)))
def test_any_split_gives_the_same_lines(lines: list[bytes], last: bool, cuts: list[int]) -> None:
    data = b"\n".join(lines) + (b"\n" if last and lines else b"")
    whole = read(LineFramer(), [data])
    assert read(LineFramer(), chunked(data, cuts)) == whole
    expected = [line.removesuffix(b"\r") for line in lines]
    if lines and not last and not lines[-1]:
        expected.pop()  # what follows the last line end is no line unless there is something
    assert whole == expected


@given(
    lines=st.lists(st.integers(min_value=0, max_value=12)),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    cuts=st.lists(st.integers(min_value=0)),
)
def test_a_line_at_the_limit_arrives_and_a_longer_one_costs_only_itself(
    lines: list[int], ending: bytes, cuts: list[int]
) -> None:
    data = b"".join(b"x" * length + ending for length in lines)
    expected: list[bytes | str] = [
        b"x" * length if length <= 6 else "E_PROTOCOL_LINE_TOO_LONG" for length in lines
    ]
    assert read(LineFramer(limit=6), chunked(data, cuts)) == expected


def test_a_line_of_64_mib_arrives_whole_in_small_chunks() -> None:
    framer = LineFramer()
    chunk = b"y" * 65536
    for _ in range(MAX_LINE_BYTES // len(chunk)):
        assert framer.feed(chunk) == []
    (line,) = framer.feed(b"\r\n")
    assert isinstance(line, bytes)
    assert len(line) == MAX_LINE_BYTES
    assert framer.buffered == 0


def test_an_endless_line_is_reported_once_and_holds_no_memory() -> None:
    framer = LineFramer(limit=1000)
    reports = [found for _ in range(500) for found in framer.feed(b"z" * 100)]
    assert len(reports) == 1
    assert framer.buffered == 0
    assert framer.feed(b"\nnext\n") == [b"next"]


def test_the_report_of_a_long_line_says_how_it_began() -> None:
    (report,) = LineFramer(limit=5000).feed(b"abc" * 4000)
    assert isinstance(report, RemoteProtocolError)
    assert report.raw == (b"abc" * 4000)[:EXCERPT_BYTES]
    assert "5000 bytes" in str(report)


def test_a_last_line_without_line_end_arrives_at_the_end() -> None:
    framer = LineFramer()
    assert framer.feed(b"one\ntwo") == [b"one"]
    assert framer.end() == [b"two"]
    assert framer.end() == []


def test_an_empty_line_is_a_line() -> None:
    assert LineFramer().feed(b"\n\r\na\n") == [b"", b"", b"a"]


@pytest.mark.parametrize("data", [b"", b"\r", b"partial"])
def test_nothing_arrives_before_the_line_end(data: bytes) -> None:
    assert LineFramer().feed(data) == []
