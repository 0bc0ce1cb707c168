from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._sse import EventStream, ServerSentEvent
from support.samples import Sample, samples

BOM = b"\xef\xbb\xbf"
STREAMS = samples(stream=True) + samples(stream=True, errors=True)


def heard(*pieces: bytes) -> list[ServerSentEvent]:
    """All events of a stream that arrives in these pieces and then ends."""
    stream = EventStream()
    events = [event for piece in pieces for event in stream.feed(piece)]
    return [*events, *stream.flush()]


def event(data: bytes, name: str = "") -> ServerSentEvent:
    return ServerSentEvent(name, data)


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def expected(body: bytes) -> list[ServerSentEvent]:
    """The grammar, read off the whole body; its end counts as a blank line."""
    events, name, data = [], "", []
    for line in [*re.split(rb"\r\n|\r|\n", body.removeprefix(BOM)), b""]:
        key, _, value = line.partition(b":")
        value = re.sub(rb"^ ", b"", value)
        if key == b"data":
            data.append(value)
        if key == b"event":
            name = value.decode(errors="replace")
        if line == b"":
            events += [event(b"\n".join(data), name)] if data else []
            name, data = "", []
    return events


# --- The grammar ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "events"),
    [
        pytest.param(b"data: a\n\n", [event(b"a")], id="one space is taken off"),
        pytest.param(b"data:a\n\n", [event(b"a")], id="or none"),
        pytest.param(b"data:  a \n\n", [event(b" a ")], id="and no more than one"),
        pytest.param(b"data: a: b\n\n", [event(b"a: b")], id="a colon in the data"),
        pytest.param(b"data: a\ndata: b\n\n", [event(b"a\nb")], id="two lines"),
        pytest.param(b"data\n\n", [event(b"")], id="data without a colon"),
        pytest.param(b"data\ndata\n\n", [event(b"\n")], id="twice"),
        pytest.param(b"event: x\ndata: a\n\n", [event(b"a", "x")], id="a name"),
        pytest.param(b"data: a\nevent: x\n\n", [event(b"a", "x")], id="a late name"),
        pytest.param(
            b"event: x\nevent: y\ndata: a\n\n", [event(b"a", "y")], id="the last name"
        ),
        pytest.param(
            b"event: \xc3\xa9\xff\ndata: a\n\n", [event(b"a", "é�")], id="a bad name"
        ),
        pytest.param(
            b"event: x\ndata: a\n\ndata: b\n\n",
            [event(b"a", "x"), event(b"b")],
            id="a name is good for one event",
        ),
        pytest.param(
            b"event: x\n\ndata: a\n\n",
            [event(b"a")],
            id="an event without data is none",
        ),
        pytest.param(b": hello\ndata: a\n:\n\n", [event(b"a")], id="comments"),
        pytest.param(
            b"id: 7\nretry: 9\nstray: x\n data: b\nData: c\ndata: a\n\n",
            [event(b"a")],
            id="unknown fields",
        ),
        pytest.param(b"\n\n\ndata: a\n\n\n\n", [event(b"a")], id="more blank lines"),
        pytest.param(BOM + b"data: a\n\n", [event(b"a")], id="a byte order mark"),
        pytest.param(
            BOM + b"\ndata: a\n\n", [event(b"a")], id="a byte order mark alone"
        ),
        pytest.param(
            b"data: a\n\n" + BOM + b"data: b\n\n",
            [event(b"a")],
            id="a byte order mark later is none",
        ),
    ],
)
def test_the_grammar_of_events(wire: bytes, events: list[ServerSentEvent]):
    assert list(EventStream().feed(wire)) == events


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_every_line_end_will_do(end: bytes):
    wire = end.join([b"event: x", b"data: a", b"data: b", b"", b"data: c", b"", b""])
    assert heard(wire) == [event(b"a\nb", "x"), event(b"c")]


def test_line_ends_may_be_mixed():
    assert heard(b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n") == [
        event(b"a\nb\nc"),
        event(b"d"),
    ]


def test_crlf_that_arrives_in_two_pieces_is_one_line_end():
    assert heard(b"data: a\r", b"\ndata: b\r", b"", b"\n\r", b"\n") == [event(b"a\nb")]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c"])
def test_what_only_python_calls_a_line_end_stays_in_the_data(separator: str):
    data = f"one{separator}two".encode()
    assert heard(b"data: " + data + b"\n\n") == [event(data)]


# --- Pieces --------------------------------------------------------------------------


def test_an_event_comes_as_soon_as_its_blank_line_does():
    stream = EventStream()
    assert list(stream.feed(b"data: a\n")) == []
    assert list(stream.feed(b"\n")) == [event(b"a")]
    assert list(stream.feed(b"data: b\n\ndata: c")) == [event(b"b")]
    assert list(stream.flush()) == [event(b"c")]


def test_a_carriage_return_waits_for_one_more_byte_and_no_longer():
    stream = EventStream()
    assert list(stream.feed(b"data: a\r\r")) == []  # a line feed may follow
    assert list(stream.feed(b"d")) == [event(b"a")]


def test_a_huge_line_may_arrive_in_very_many_pieces():
    pieces = [b"0123456789"] * 100_000  # hours, if every piece were looked at anew
    assert heard(b"data: ", *pieces, b"\n\n") == [event(b"0123456789" * 100_000)]


@pytest.mark.parametrize(
    ("wire", "events"),
    [
        (b"data: a", [event(b"a")]),
        (b"data: a\n", [event(b"a")]),
        (b"data: a\r", [event(b"a")]),
        (b"data: a\r\r", [event(b"a")]),
        (b"data: a\r\n", [event(b"a")]),
        (b"event: x\ndata: a\nda", [event(b"a", "x")]),
        (b"event: x", []),
        (b": a", []),
        (b"", []),
    ],
)
def test_the_end_completes_the_last_event(wire: bytes, events: list[ServerSentEvent]):
    stream = EventStream()
    assert list(stream.feed(wire)) == []
    assert list(stream.flush()) == events
    assert list(stream.flush()) == []


@pytest.mark.parametrize("one", STREAMS, ids=lambda one: one.name)
def test_a_captured_stream_gives_the_same_events_wherever_it_is_cut(one: Sample):
    events = expected(one.body)
    assert len(events) > 0
    assert heard(*(bytes([byte]) for byte in one.body)) == events
    for place in range(len(one.body) + 1):
        assert heard(one.body[:place], one.body[place:]) == events


FRAGMENTS = st.sampled_from(
    [
        b"data",
        b"event",
        b"id",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"x",
        b"\xff",
        BOM,
        "\u2028".encode(),
    ]
)


def test_it_tells_how_much_it_holds():
    stream = EventStream()
    for piece, held in [
        (b"data: ab", 8),
        (b"cd", 10),
        (b"\n", 5),
        (b"data: e\n: f", 10),
        (b"\n\n", 0),
    ]:
        list(stream.feed(piece))
        assert stream.held == held


@given(st.lists(FRAGMENTS, max_size=30).map(b"".join), st.data())
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_the_same_events_however_they_are_cut(
    body: bytes, data: st.DataObject
):
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    assert heard(*cut(body, places)) == expected(body)
