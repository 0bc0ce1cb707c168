from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._blocks import Block, Media, Opaque, Text, Thinking, ToolUse
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    OpaqueBlock,
    SentAs,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Usage,
)
from langchain_minimax._dialects.think_tags import (
    Closed,
    Inside,
    Outside,
    Piece,
    Splitter,
    ThinkTags,
    as_sent,
    put_back,
    unfinished,
    without_closing_tag,
)

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "60"))
NAMES = ("think", "thinking", "mm:think")
TAGS = [f"<{slash}{name}>" for name in NAMES for slash in ("", "/")]
MARK = {"type": "ephemeral"}


# --- Splitting a text ---------------------------------------------------------------


def split(*texts: str) -> list[Piece]:
    """The pieces of a text that comes so; neighbours of one kind are put together."""
    splitter = Splitter()
    pieces = [piece for text in texts for piece in splitter.feed(text)]
    return joined([*pieces, *splitter.finish()])


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    said: list[Piece] = []
    for piece in pieces:
        match said[-1:], piece:
            case [Inside(before)], Inside(more):
                said[-1] = Inside(before + more)
            case [Outside(before)], Outside(more):
                said[-1] = Outside(before + more)
            case _:
                said.append(piece)
    return said


def text_of(pieces: Iterable[Piece]) -> str:
    """The text that was split, from what became of it."""
    text = thinking = ""
    for piece in pieces:
        match piece:
            case Outside(more):
                text += more
            case Inside(more):
                thinking += more
            case Closed(opening, closing):
                text += opening + thinking + closing
                thinking = ""
    return text + thinking


NO_TAGS = [
    pytest.param("Ahoy", id="plain"),
    pytest.param(" \n Ahoy", id="white space before"),
    pytest.param(" \n ", id="white space"),
    pytest.param("Write <think> first, </think> last.", id="in the middle"),
    pytest.param("Ahoy\n</think>\n\n", id="at the end"),
    pytest.param("`<think>` opens it", id="quoted at the beginning"),
    pytest.param("<thinker>hm</thinker>", id="of another name"),
    pytest.param("<think >hm</think >", id="with a blank in it"),
    pytest.param("<Think>hm</Think>", id="in capitals"),
    pytest.param("< think>hm", id="apart"),
    pytest.param("<", id="an angle"),
    pytest.param("</", id="half a closing tag"),
    pytest.param("<mm:thi", id="most of a tag"),
    pytest.param("<p>hm</p>", id="other markup"),
    pytest.param(" " * 65 + "<think>hm</think>", id="too far in"),
    pytest.param("<<think>hm</think>", id="behind an angle"),
]


@pytest.mark.parametrize("text", NO_TAGS)
def test_without_a_tag_at_its_beginning_a_text_is_a_text(text: str):
    assert split(text) == split(*text) == [Outside(text)]


def test_of_nothing_there_are_no_pieces():
    assert split() == split("") == split("", "") == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<{}>", "</{}>"),
        ("<{}>\n", "\n</{}>\n"),
        ("<{}>\n", "\n</{}>\n\n"),
        ("\n<{}>", "</{}>\n\n"),
        (" \t\n\n <{}>", "</{}>"),
        (" " * 64 + "<{}>", "</{}>"),
    ],
)
def test_what_stands_between_tags_is_thinking(name: str, opening: str, closing: str):
    opening, closing = opening.format(name), closing.format(name)
    text = f"{opening}So they\nask.{closing}Ahoy"
    thought = [Inside("So they\nask."), Closed(opening, closing)]
    assert split(text) == split(*text) == [*thought, Outside("Ahoy")]
    text = text.removesuffix("Ahoy")
    assert split(text) == split(*text) == thought


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        pytest.param("<think>", [Closed("<think>", "")], id="only an opening"),
        pytest.param("<think>\n", [Closed("<think>\n", "")], id="and a line end"),
        pytest.param(
            "<think>\nhm", [Inside("hm"), Closed("<think>\n", "")], id="no closing"
        ),
        pytest.param(
            "<think>hm\n</thi",
            [Inside("hm\n</thi"), Closed("<think>", "")],
            id="half a closing",
        ),
        pytest.param(
            "<think></think>Ahoy",
            [Closed("<think>", "</think>"), Outside("Ahoy")],
            id="nothing between",
        ),
        pytest.param(
            "<think>\n\n</think>\n\nAhoy",
            [Closed("<think>\n", "\n</think>\n\n"), Outside("Ahoy")],
            id="lines between",
        ),
        pytest.param(
            "<think>\n\n hm \n\n</think>Ahoy",
            [
                Inside("\n hm \n"),
                Closed("<think>\n", "\n</think>"),
                Outside("Ahoy"),
            ],
            id="its own white space",
        ),
        pytest.param(
            "<think>hm</think>\n\n\n Ahoy",
            [Inside("hm"), Closed("<think>", "</think>\n\n"), Outside("\n Ahoy")],
            id="the text's own white space",
        ),
        pytest.param(
            "<think>hm</mm:think>Ahoy",
            [Inside("hm"), Closed("<think>", "</mm:think>"), Outside("Ahoy")],
            id="closed by another name",
        ),
        pytest.param(
            "<think>a <think>b</think> c</think>",
            [
                Inside("a <think>b"),
                Closed("<think>", "</think>"),
                Outside(" c</think>"),
            ],
            id="one in another",
        ),
        pytest.param(
            "<think>a < b, a</b, </thin</think>Ahoy",
            [
                Inside("a < b, a</b, </thin"),
                Closed("<think>", "</think>"),
                Outside("Ahoy"),
            ],
            id="angles between",
        ),
        pytest.param(
            "<think>hm</think>Not <think>this</think>.",
            [
                Inside("hm"),
                Closed("<think>", "</think>"),
                Outside("Not <think>this</think>."),
            ],
            id="spoken of afterwards",
        ),
        pytest.param(
            "<think>a</think>\n\n<mm:think>b</mm:think>\n</think>Ahoy",
            [
                Inside("a"),
                Closed("<think>", "</think>\n\n"),
                Inside("b"),
                Closed("<mm:think>", "</mm:think>\n"),
                Closed("", "</think>"),
                Outside("Ahoy"),
            ],
            id="one after the other",
        ),
    ],
)
def test_tags_may_stand_oddly(text: str, pieces: list[Piece]):
    assert split(text) == split(*text) == pieces


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", ["", "\n", " \n"])
@pytest.mark.parametrize("after", ["", "\n", "\n\n"])
def test_a_closing_tag_may_have_lost_its_opening(name: str, before: str, after: str):
    closing = f"{before}</{name}>{after}"
    for text in (f"{closing}Ahoy", closing):
        rest = [Outside("Ahoy")] if text != closing else []
        assert split(text) == split(*text) == [Closed("", closing), *rest]


QUOTED = ["`{}`", "'{}'", '"{}"', "“{}”", "«{}»"]


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_closing_tag_in_quotes_closes_nothing(quoted: str):
    named = quoted.format("</think>"), quoted.format("</mm:think>")
    said = "It ends in {} or\n{}".format(*named)
    for end, closing in [("", "\n</think>\n"), (".", "</thinking>")]:
        text = f"<think>{said}{end}{closing}Ahoy"
        pieces = [Inside(said + end), Closed("<think>", closing), Outside("Ahoy")]
        assert split(text) == split(*text) == pieces
        cut = split(text.removesuffix(f"{closing}Ahoy"))
        assert cut == [Inside(said + end), Closed("<think>", "")]


@pytest.mark.parametrize("before", ["`", '"', "“", "”", "»"])
@pytest.mark.parametrize(
    ("gap", "after"), [("", ""), ("", "Ahoy"), ("\n", '"'), ("\n\n", ""), ("", "“")]
)
def test_a_closing_tag_with_a_quote_on_one_side_closes(
    before: str, gap: str, after: str
):
    text = f"<think>hm{before}</think>{gap}{after}"
    closed = [Inside(f"hm{before}"), Closed("<think>", f"</think>{gap}")]
    assert split(text) == split(*text) == closed + [Outside(after)] * bool(after)


def test_a_quote_on_the_line_before_is_none():
    text = '<think>They say "hm"\n</think>"Ahoy"'
    pieces = [
        Inside('They say "hm"'),
        Closed("<think>", "\n</think>"),
        Outside('"Ahoy"'),
    ]
    assert split(text) == split(*text) == pieces


@pytest.mark.parametrize("text", ["", "Ahoy", "<think>hm", "</think>", " <thi"])
def test_what_comes_after_the_end_is_text(text: str):
    splitter = Splitter()
    list(splitter.feed(text))
    list(splitter.finish())
    more = [*splitter.feed("<think>"), *splitter.feed("hm"), *splitter.finish()]
    assert joined(more) == [Outside("<think>hm")]


def test_how_a_thought_was_sent():
    assert Closed("<think>\n", "</think>").sent_as == {
        "field": "content",
        "opening": "<think>\n",
        "closing": "</think>",
    }


# --- What is held back --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a<b", ["a", "<", "b"], id="in a text"),
        pytest.param("<b>", ["", "<b", ">"], id="at its beginning"),
        pytest.param("</b", ["", "", "</b"], id="a closing one"),
        pytest.param(" \na<", ["", "", " \na", "<"], id="white space first"),
        pytest.param("<<", ["", "<<"], id="two"),
        pytest.param(
            "<thinks", ["", "", "", "", "", "", "<thinks"], id="a longer name"
        ),
    ],
)
def test_only_what_may_become_a_tag_is_held(text: str, told: list[str]):
    splitter = Splitter()
    assert [text_of(splitter.feed(one)) for one in text] == told


@pytest.mark.parametrize(
    ("thinking", "told"),
    [
        pytest.param("a<b", ["a", "", "<b"], id="an angle"),
        pytest.param("</b>", ["", "", "</b", ">"], id="another closing tag"),
        pytest.param("a\nb", ["a", "", "\nb"], id="a line end"),
        pytest.param("a\n\nb", ["a", "", "\n", "\nb"], id="two of them"),
        pytest.param("a\n<b", ["a", "", "", "\n<b"], id="a line end and an angle"),
        pytest.param("a<<b", ["a", "", "<", "<b"], id="two angles"),
        pytest.param("a</t<b", ["a", "", "", "", "</t", "<b"], id="two beginnings"),
        pytest.param("<think", ["", "<t", "h", "i", "n", "k"], id="an opening tag"),
    ],
)
def test_in_thinking_only_what_may_close_it_is_held(thinking: str, told: list[str]):
    splitter = Splitter()
    assert [*splitter.feed("<think>\n")] == []
    assert [text_of(splitter.feed(one)) for one in thinking] == told


def test_the_end_of_a_thought_is_told_as_soon_as_it_is_known():
    splitter = Splitter()
    told = [list(splitter.feed(one)) for one in "<think>a</think>\n\nb"]
    assert told[7] == [Inside("a")]
    assert told[-4:] == [
        [],
        [],
        [Closed("<think>", "</think>\n\n")],
        [Outside("b")],
    ]
    for end, closing in [("b", "</think>"), ("\nb", "</think>\n")]:
        splitter = Splitter()
        assert [*splitter.feed("<think>a</think>")] == [Inside("a")]
        assert [*splitter.feed(end)] == [Closed("<think>", closing), Outside("b")]


def test_white_space_is_not_held_forever():
    splitter = Splitter()
    assert [*splitter.feed(" " * 64)] == []
    assert text_of(splitter.feed(" ")) == " " * 65
    assert text_of(splitter.feed("<")) == "<"


# --- However the text is cut --------------------------------------------------------

TAGGED = st.lists(
    st.sampled_from(
        [*TAGS, *TAGS, "<", ">", "</", "think>", "\n", "\n", " ", "`", '"', "a", "bc"]
    ),
    max_size=14,
).map("".join)


def cut(data: st.DataObject, text: str) -> list[str]:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    ends = [0, *sorted(places), len(text)]
    return [text[begin:end] for begin, end in pairwise(ends)]


def spoken(pieces: Iterable[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece != Outside("")]


@given(TAGGED, st.data())
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_any_cut_gives_the_same_pieces(text: str, data: st.DataObject):
    whole = split(text)
    assert spoken(split(*cut(data, text))) == whole
    assert split(*text) == whole


@given(TAGGED)
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_put_together_the_pieces_are_the_text(text: str):
    assert text_of(split(text)) == text


@given(TAGGED)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_is_held_may_become_a_tag(text: str):
    for end in range(len(text)):
        splitter = Splitter()
        for one in text[:end]:
            list(splitter.feed(one))
        for piece in splitter.finish():
            if not isinstance(piece, Closed):
                held = piece.text if isinstance(piece, Outside) else piece.thinking
                assert any(tag.startswith(held.strip()) for tag in TAGS)
                assert len(held.lstrip()) <= len("</mm:think>\n\n")


# --- The end of a thought -----------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ("", ""),
        ("hm", ""),
        ("hm ", ""),
        ("hm", "\n"),
        ("hm\n", "\n"),
        ("hm", "<"),
        ("hm", "\n<"),
        ("hm\n", "\n</mm:thi"),
        ("hm", "</think>"),
        ("hm", "\n</thinking>"),
        ("hm", "\n</mm:think>\n\n"),
        ("hm <b", ""),
        ("hm</thinks", ""),
        ("hm</think> so", ""),
        ("hm<think>", ""),
        ("a<b", "<"),
        ("</think>", "</think>"),
        ("< less", ""),
    ],
)
def test_what_may_become_a_closing_tag_is_at_the_end(told: str, held: str):
    thinking = told + held
    end = unfinished(thinking)
    assert (thinking[:end], thinking[end:]) == (told, held)


@pytest.mark.parametrize(
    ("thinking", "closing"),
    [
        ("hm", ""),
        ("hm\n", ""),
        ("", "</think>"),
        ("hm", "</think>"),
        ("hm", "\n</mm:think>"),
        ("hm", "\n</thinking>\n"),
        ("hm\n", "\n</think>\n\n"),
        ("hm</think>", "</think>"),
        ("hm</think> ", ""),
        ("hm</think>\n\n\n", ""),
        ("hm</think> so", ""),
        ("hm</thi", ""),
        ("<think>hm", ""),
    ],
)
def test_a_closing_tag_at_the_end_is_no_thinking(thinking: str, closing: str):
    assert without_closing_tag(thinking + closing) == thinking


# --- Between deltas -----------------------------------------------------------------


def filtered(*deltas: Delta) -> list[Delta]:
    stage = ThinkTags()
    return [told for delta in deltas for told in stage.feed(delta)]


def sent(opening: str, closing: str) -> dict[str, str]:
    return {"field": "content", "opening": opening, "closing": closing}


def text(place: int, *pieces: str) -> list[Delta]:
    return [*(TextDelta(place, piece) for piece in pieces), BlockStopped(place)]


def call(place: int) -> list[Delta]:
    return [
        ToolUseStarted(place, "c1", "get_tide"),
        ToolUseDelta(place, "{}"),
        ToolUseStopped(place, "c1", "get_tide", {}, "{}"),
    ]


def thought(place: int, thinking: str, opening: str, closing: str) -> list[Delta]:
    said = [ThinkingDelta(place, thinking)] if thinking else []
    return [*said, SentAs(place, sent(opening, closing)), BlockStopped(place)]


BEGIN, END = Started("r1", "MiniMax-M2"), Stopped("end_turn", Usage(7, 3))
SIGNED = [ThinkingDelta(0, "hm"), Signature(0, "5a84"), BlockStopped(0)]


@pytest.mark.parametrize(
    ("deltas", "told"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(text(0, "Aho", "y"), text(0, "Aho", "y"), id="a text"),
        pytest.param(text(0, "<thi"), text(0, "<thi"), id="half a tag"),
        pytest.param(
            text(0, "<think>\nhm\n</think>\n\nAhoy"),
            [*thought(0, "hm", "<think>\n", "\n</think>\n\n"), *text(1, "Ahoy")],
            id="a thought and a text",
        ),
        pytest.param(
            [*text(0, "<think>hm</think>", "Ahoy"), *call(1)],
            [*thought(0, "hm", "<think>", "</think>"), *text(1, "Ahoy"), *call(2)],
            id="and a call",
        ),
        pytest.param(
            [*text(0, "<think>hm</think>"), *call(1)],
            [*thought(0, "hm", "<think>", "</think>"), *call(1)],
            id="a thought and a call",
        ),
        pytest.param(
            [*text(0, "<think>hm"), *text(1, "Ahoy"), *call(2)],
            [*thought(0, "hm", "<think>", ""), *text(1, "Ahoy"), *call(2)],
            id="a thought that was cut",
        ),
        pytest.param(
            [*text(0, "</think>\nAhoy")],
            [*thought(0, "", "", "</think>\n"), *text(1, "Ahoy")],
            id="a closing tag",
        ),
        pytest.param(
            [*text(0, "<think>a</think><think>b</think>Ahoy"), *call(1)],
            [
                *thought(0, "a", "<think>", "</think>"),
                *thought(1, "b", "<think>", "</think>"),
                *text(2, "Ahoy"),
                *call(3),
            ],
            id="two thoughts",
        ),
        pytest.param(
            [*text(0, "<think>a</think>b"), *call(1), *text(2, "<think>c</think>d")],
            [
                *thought(0, "a", "<think>", "</think>"),
                *text(1, "b"),
                *call(2),
                *thought(3, "c", "<think>", "</think>"),
                *text(4, "d"),
            ],
            id="two texts",
        ),
        pytest.param(
            [*text(0, "a"), *text(1, "<think>b</think>"), *text(2, "c")],
            [
                *text(0, "a"),
                *thought(1, "b", "<think>", "</think>"),
                *text(2, "c"),
            ],
            id="three texts",
        ),
        pytest.param(
            [*SIGNED, *text(1, "<think>a</think>b"), OpaqueBlock(2, {"type": "x"})],
            [
                *SIGNED,
                *thought(1, "a", "<think>", "</think>"),
                *text(2, "b"),
                OpaqueBlock(3, {"type": "x"}),
            ],
            id="other blocks",
        ),
    ],
)
def test_thinking_in_a_text_becomes_thinking(deltas: list[Delta], told: list[Delta]):
    assert filtered(BEGIN, *deltas, END) == [BEGIN, *told, END]


def test_words_are_told_as_they_come():
    stage = ThinkTags()

    def feed(piece: str) -> list[Delta]:
        return list(stage.feed(TextDelta(2, piece)))

    assert feed("<think>") == []
    assert feed("h") == [ThinkingDelta(2, "h")]
    assert feed("m\n</thi") == [ThinkingDelta(2, "m")]
    assert feed("nk>\n") == []
    assert feed("Aho") == [
        SentAs(2, sent("<think>", "\n</think>\n")),
        BlockStopped(2),
        TextDelta(3, "Aho"),
    ]
    assert feed("y <think>") == [TextDelta(3, "y <think>")]
    assert list(stage.feed(BlockStopped(2))) == [BlockStopped(3)]
    assert not stage.done


# --- Back again ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (None, "hm"),
        ({"field": "reasoning"}, "hm"),
        ({"field": "reasoning_content", "closing": "\n</think>"}, "hm\n</think>"),
        (sent("<think>\n", "\n</think>\n\n"), "<think>\nhm\n</think>\n\n"),
        (sent("<mm:think>", ""), "<mm:think>hm"),
    ],
)
def test_a_thought_with_what_stood_around_it(said: dict[str, str] | None, text: str):
    assert as_sent(Thinking("hm", sent_as=said)) == text


def tagged(thinking: str) -> Thinking:
    return Thinking(thinking, sent_as=sent("<think>", "</think>\n"))


CALL = ToolUse("c1", "get_tide", {})
OTHERS = [
    Thinking("hm"),
    Thinking("hm", "5a84", sent("<think>", "</think>")),
    Thinking("hm", sent_as={"field": "reasoning_content"}),
    CALL,
    Media("image", url="https://example.org/tide.png"),
    Opaque({"type": "x"}),
]


@pytest.mark.parametrize(
    ("blocks", "put"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([Text("Ahoy", MARK)], [Text("Ahoy", MARK)], id="a text"),
        pytest.param(OTHERS, OTHERS, id="what did not stand in a text"),
        pytest.param([tagged("a")], [Text("<think>a</think>\n")], id="a thought"),
        pytest.param(
            [tagged("a"), Text("b", MARK), Text("c")],
            [Text("<think>a</think>\nb", MARK), Text("c")],
            id="a thought and a text",
        ),
        pytest.param(
            [tagged("a"), tagged("b"), Text("c")],
            [Text("<think>a</think>\n<think>b</think>\nc")],
            id="two thoughts",
        ),
        pytest.param(
            [tagged("a"), CALL, tagged("b")],
            [Text("<think>a</think>\n"), CALL, Text("<think>b</think>\n")],
            id="thoughts about a call",
        ),
        pytest.param(
            [Text("a"), tagged("b"), Text("c")],
            [Text("a"), Text("<think>b</think>\nc")],
            id="a thought between texts",
        ),
    ],
)
def test_a_thought_goes_back_to_where_it_stood(blocks: list[Block], put: list[Block]):
    assert list(put_back(blocks)) == put


def told_again(deltas: Iterable[Delta]) -> list[Block]:
    """The blocks that deltas tell of."""
    told: dict[int, Block] = {}
    for delta in deltas:
        match delta, told.get(getattr(delta, "place", -1)):
            case TextDelta(place, more), before:
                told[place] = Text(getattr(before, "text", "") + more)
            case ThinkingDelta(place, more), before:
                told[place] = Thinking(getattr(before, "thinking", "") + more)
            case SentAs(place, how), before:
                told[place] = Thinking(getattr(before, "thinking", ""), sent_as=how)
            case ToolUseStopped(place, id, name, dict(arguments)), _:
                told[place] = ToolUse(id, name, arguments)
    assert list(told) == list(range(len(told)))
    return list(told.values())


@given(st.lists(TAGGED.filter(bool), min_size=1, max_size=4), st.data())
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_what_was_taken_apart_is_put_back_as_it_was(
    texts: list[str], data: st.DataObject
):
    deltas: list[Delta] = []
    for count, words in enumerate(texts):
        pieces = [piece for piece in cut(data, words) if piece]
        deltas += [*text(2 * count, *pieces), *call(2 * count + 1)]
    blocks = [block for words in texts for block in (Text(words), CALL)]
    assert list(put_back(told_again(filtered(*deltas)))) == blocks
