"""Chunks that are joined: the parser hears the same, whatever the network does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._chunked import ChunkedReply

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
)
AHEAD = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
END = b"0\r\n\r\n"


def chunks(*payloads: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in payloads)


def joined(*reads: bytes) -> list[bytes]:
    """What is parsed instead of these reads."""
    reply = ChunkedReply()
    return [told for read in reads if (told := reply.joined(read))]


def is_over(*reads: bytes) -> bool:
    """Whether a reply has ended for certain, with the last of these reads."""
    reply = ChunkedReply()
    for read in reads:
        reply.joined(read)
    return reply.is_over


def heard(reads: Sequence[bytes]) -> tuple[bytes, list[str], bytes]:
    """What h11 makes of a reply: its body, what came to pass, and what is left."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    body, seen = b"", list[str]()
    try:
        for read in (*reads, b""):
            parser.receive_data(read)
            while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Data):
                    body += event.data
                else:
                    seen.append(repr(event))
                if isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                    return body, seen, parser.trailing_data[0]
    except h11.RemoteProtocolError:
        seen.append("refused")
    return body, seen, b""


# --- What is joined ------------------------------------------------------------------


def test_the_chunks_of_one_read_become_one() -> None:
    assert joined(HEAD + chunks(b"a", b"bc", b"def") + END) == [
        HEAD + chunks(b"abcdef") + END
    ]


def test_what_there_is_of_a_chunk_is_told_at_once() -> None:
    begun = chunks(b"a", b"bcdef")
    assert joined(HEAD, begun[:-4], begun[-4:] + chunks(b"g") + END) == [
        HEAD,
        chunks(b"abcd")[: -len(b"\r\n")] + b"\r\n",
        chunks(b"efg") + END,
    ]


def test_half_a_size_waits_for_the_rest() -> None:
    assert joined(HEAD, chunks(b"a") + b"0", b"01\r\nb", b"\r", b"\n") == [
        HEAD,
        chunks(b"a"),
        chunks(b"b"),
    ]


def test_so_does_what_follows_a_head_that_was_cut() -> None:
    reads = (HEAD[:-3], HEAD[-3:] + chunks(b"a", b"b") + END)
    assert joined(*reads) == [HEAD[:-3], HEAD[-3:] + chunks(b"ab") + END]


def test_a_head_may_come_ahead_of_the_reply_s() -> None:
    assert joined(AHEAD * 2 + HEAD + chunks(b"a", b"b")) == [
        AHEAD * 2 + HEAD + chunks(b"ab")
    ]


# --- What is left as it is -----------------------------------------------------------

UNTOUCHED = {
    "a body with a length": b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
    + chunks(b"a", b"b"),
    "a body until the end": b"HTTP/1.1 200 OK\r\n\r\n" + chunks(b"a", b"b"),
    "another coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"
    + chunks(b"a", b"b"),
    "chunked, after another": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked"
    b"\r\n\r\n" + chunks(b"a", b"b"),
    "a head whose lines end otherwise": HEAD.replace(b"\r\nT", b"\nT")
    + chunks(b"a", b"b"),
    "a change of protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + HEAD,
    "a chunk with an extension": HEAD + b"1;x=y\r\na\r\n" + chunks(b"b") + END,
    "a size that is none": HEAD + b"0x1\r\na\r\n" + chunks(b"b") + END,
    "trailers": HEAD + b"0\r\nX: 1\r\n\r\n",
    "no reply at all": b"SSH-2.0-OpenSSH\r\n\r\n" + chunks(b"a", b"b"),
}


@pytest.mark.parametrize("wire", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_is_no_plain_chunk_is_left_to_the_parser(wire: bytes) -> None:
    assert joined(wire) == [wire]


def test_so_is_all_that_follows_it() -> None:
    strange = b"1;x\r\nb\r\n" + chunks(b"c", b"d")
    assert joined(HEAD + chunks(b"a", b"b") + strange, chunks(b"e", b"f")) == [
        HEAD + chunks(b"ab") + strange,
        chunks(b"e", b"f"),
    ]


def test_a_head_without_end_is_not_kept() -> None:
    reply = ChunkedReply()
    for _ in range(3):
        assert reply.joined(b"x" * 2**16) == b"x" * 2**16
    assert reply.joined(b"\r\n\r\n" + chunks(b"a", b"b")) == b"\r\n\r\n" + chunks(
        b"a", b"b"
    )


def test_where_a_chunk_does_not_end_the_next_does_not_begin() -> None:
    """Else the length of a chunk would be the server's to misjudge."""
    body, seen, _ = heard(joined(HEAD, b"1\r\na", chunks(b"b") + END))
    assert (body, seen[-1]) == (b"a", "refused")


# --- Where a reply is over -----------------------------------------------------------

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
WHOLE = {
    "chunks": HEAD + chunks(b"a", b"bc") + END,
    "no chunk": HEAD + END,
    "a length": SIZED + b"abc",
    "no bytes": SIZED.replace(b"3", b"0"),
    "one behind another": AHEAD + SIZED + b"abc",
}
whole = pytest.mark.parametrize("wire", WHOLE.values(), ids=WHOLE)


@whole
def test_a_reply_is_over_with_its_last_byte_and_not_before(wire: bytes) -> None:
    for end in range(len(wire)):
        assert not is_over(wire[:end])
        assert is_over(wire[:end], wire[end:])


@whole
@pytest.mark.parametrize("more", [b"\n", b"HTTP/1.1 200 OK\r\n"])
def test_it_is_not_where_more_has_come(wire: bytes, more: bytes) -> None:
    for end in range(len(wire)):
        assert not is_over(wire[:end], wire[end:] + more)
    assert not is_over(wire, more)


@pytest.mark.parametrize(
    "wire",
    [
        HEAD + b"0\r\nX: 1\r\n\r\n",
        HEAD + b"0\r\n\n",
        HEAD + b"1\r\nab\r\n" + END,
        HEAD.replace(b"200 OK", b"204 No Content") + END,
        SIZED.replace(b"200 OK", b"304 Not Modified") + b"abc",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        SIZED.replace(b"3", b"3, 3") + b"abc",
        SIZED.replace(b"3", b"3" * 5000) + b"abc",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"x" * 2**18,
    ],
)
def test_nor_where_its_end_is_not_certain(wire: bytes) -> None:
    for end in range(min(len(wire), 100)):
        assert not is_over(wire[:end], wire[end:])
    assert not is_over(wire, b"\r\n\r\n")


# --- Whatever comes ------------------------------------------------------------------

LETTERS = st.binary(min_size=1, max_size=9) | st.sampled_from(
    [b"\r\n", b"0\r\n\r\n", b"a\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
BROKEN = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from([*b"04f\r\n;gx "]), st.booleans()),
    max_size=2,
)


@settings(max_examples=400)
@given(
    payloads=st.lists(LETTERS, max_size=6),
    ahead=st.booleans(),
    broken=BROKEN,
    places=st.lists(st.integers(0, 200), max_size=5),
    ends=st.booleans(),
)
def test_the_parser_hears_the_same(
    payloads: list[bytes],
    ahead: bool,
    broken: list[tuple[int, int, bool]],
    places: list[int],
    ends: bool,
) -> None:
    """Broken replies too: what h11 refuses is refused, at the same byte of the body.

    And of a reply that is over it has nothing left.
    """
    wire = bytearray(AHEAD * ahead + HEAD + chunks(*payloads) + END * ends)
    for place, byte, is_more in broken:
        wire[place % len(wire) : place % len(wire) + (not is_more)] = bytes([byte])
    edges = [0, *sorted(place for place in places if place < len(wire)), len(wire)]
    reads = [bytes(wire[start:end]) for start, end in pairwise(edges) if start < end]
    body, seen, left = heard(reads)
    assert heard(joined(*reads)) == (body, seen, left)
    if is_over(*reads) and seen[-1] != "refused":
        assert (seen[-1], left) == ("EndOfMessage(headers=<Headers([])>)", b"")
