from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from langchain_minimax._leaked_calls import LeakedCalls
from support.samples import sample

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "60"))

STARTED = Started("r1", "MiniMax-M3")
USAGE = Usage(7, 3, cache_read=2)
END = Stopped("end_turn", USAGE, service_tier="standard")

POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "label": {"type": "string"}},
}
TOOLS: dict[str, Any] = {
    "run": {
        "type": "object",
        "properties": {"program": {"type": "string"}},
        "required": ["program"],
    },
    "draw-2": {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "width": {"type": "number"},
            "count": {"type": "integer"},
            "fill": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "origin": POINT,
            "points": {"type": "array", "items": POINT},
            "depth": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "maybe": {"anyOf": [{"type": "array", "items": POINT}, {"type": "null"}]},
            "either": {"type": ["string", "array"], "items": {"type": "integer"}},
            "weights": {
                "type": "object",
                "additionalProperties": {"type": "number"},
            },
            "-A": {"type": "integer"},
        },
    },
    "list_tabs": {"type": "object", "properties": {}},
}

MARK = "]<]minimax[>["
M2_OPENING, M3_OPENING = "<minimax:tool_call>", f"{MARK}<tool_call>"
GAP = 8

Call = tuple[str, dict[str, Any]]


def m2(*calls: tuple[str, dict[str, str]]) -> str:
    """Calls as M2 writes them; values are text."""
    invokes = "".join(
        f'<invoke name="{tool}">\n'
        + "".join(
            f'<parameter name="{key}">{value}</parameter>\n'
            for key, value in values.items()
        )
        + "</invoke>\n"
        for tool, values in calls
    )
    return f"<minimax:tool_call>\n{invokes}</minimax:tool_call>"


def m3(*calls: tuple[str, dict[str, Any]]) -> str:
    """Calls as M3 writes them: its template takes lists and objects apart."""
    invokes = "".join(
        f'{MARK}<invoke name="{tool}">{apart(values)}{MARK}</invoke>\n'
        for tool, values in calls
    )
    return f"{MARK}<tool_call>\n{invokes}{MARK}</tool_call>"


def apart(value: Any) -> str:
    match value:
        case dict():
            parts = list(value.items())
        case list():
            parts = [("item", each) for each in value]
        case str():
            return value
        case _:
            return json.dumps(value)
    return "".join(f"{MARK}<{key}>{apart(part)}{MARK}</{key}>" for key, part in parts)


def passed(*deltas: Delta, tools: dict[str, Any] = TOOLS) -> list[Delta]:
    stage = LeakedCalls(tools)
    return joined([out for delta in deltas for out in stage.feed(delta)])


def joined(deltas: Sequence[Delta]) -> list[Delta]:
    """Deltas with the pieces of a text put together."""
    said: list[Delta] = []
    for delta in deltas:
        match said[-1:], delta:
            case [TextDelta(place, before)], TextDelta(again, more) if place == again:
                said[-1] = TextDelta(place, before + more)
            case _:
                said.append(delta)
    return said


def of_pieces(pieces: Sequence[str], tools: dict[str, Any] = TOOLS) -> list[Delta]:
    """What becomes of a reply that is one text, and comes in pieces."""
    texts = [TextDelta(0, piece) for piece in pieces]
    return passed(STARTED, *texts, BlockStopped(0), END, tools=tools)


def read(text: str, tools: dict[str, Any] = TOOLS) -> list[str | Call]:
    """The blocks that a text becomes, whole and in single characters."""
    deltas = of_pieces([text], tools)
    assert of_pieces(list(text), tools) == deltas
    return blocks(deltas)


def blocks(deltas: Sequence[Delta]) -> list[str | Call]:
    """The blocks of a reply; that each is where it should be is looked at."""
    said: list[str | Call] = []
    calls = 0
    match deltas:
        case [Started(), *inside, Stopped() as end]:
            pass
        case _:
            raise AssertionError(deltas)
    while inside:
        place = len(said)
        match inside:
            case [TextDelta(at, text), BlockStopped(end_at), *inside]:
                assert at == end_at == place
                said.append(text)
            case [ToolUseStarted(), ToolUseDelta(), ToolUseStopped() as call, *inside]:
                head, more = deltas[deltas.index(call) - 2 : deltas.index(call)]
                assert head == ToolUseStarted(place, call.id, call.name)
                assert more == ToolUseDelta(place, call.json)
                assert json.loads(call.json) == call.input is not None
                assert re.fullmatch("call_[0-9a-f]{24}", call.id)
                said.append((call.name, call.input))
                calls += 1
            case _:
                raise AssertionError(inside)
    notes = {"rescued_tool_calls": calls} if calls else {}
    reason = "tool_use" if calls else "end_turn"
    assert end == Stopped(reason, USAGE, service_tier="standard", notes=notes)
    return said


LS: Call = ("run", {"program": "ls"})
M2_LS, M3_LS = m2(("run", {"program": "ls"})), m3(LS)
BOTH = pytest.mark.parametrize("markup", [M2_LS, M3_LS], ids=["M2", "M3"])


# --- What is a call ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # MiniMax-M2.5 issue #10, 2026-03-09
        pytest.param(
            '<minimax:tool_call>\n  <invoke name="run">\n    '
            '<parameter name="program">ls</parameter>\n  </invoke>\n'
            "</minimax:tool_call>",
            [LS],
            id="M2, indented",
        ),
        pytest.param(
            '<minimax:tool_call><invoke name="run"><parameter name="program">ls'
            "</parameter></invoke></minimax:tool_call>",
            [LS],
            id="M2, in a line",
        ),
        # MiniMax-M3 issue #31, 2026-08-19
        pytest.param(
            "Let me read that part.]<]minimax[>[<tool_call>\n"
            ']<]minimax[>[<invoke name="draw-2">]<]minimax[>[<title>C:\\src\\main.rs'
            "]<]minimax[>[</title>]<]minimax[>[<count>130]<]minimax[>[</count>"
            "]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
            [
                "Let me read that part.",
                ("draw-2", {"title": "C:\\src\\main.rs", "count": 130}),
            ],
            id="M3",
        ),
        # vLLM issue #51073 and pull request #51075, 2026-08
        pytest.param(
            ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="draw-2">'
            "]<]minimax[>[offerta.docx]<]minimax[>[</title>]<]minimax[>[<count>1"
            "]<]minimax[>[</count>]<]minimax[>[</invoke>]<]minimax[>[</tool_call>",
            [("draw-2", {"title": "offerta.docx", "count": 1})],
            id="M3, the first parameter not opened",
        ),
        pytest.param(
            m2(("list_tabs", {})), [("list_tabs", {})], id="M2, without arguments"
        ),
        pytest.param(
            m3(("list_tabs", {})), [("list_tabs", {})], id="M3, without arguments"
        ),
        pytest.param(
            m2(LS, ("list_tabs", {}), ("run", {"program": "pwd"})),
            [LS, ("list_tabs", {}), ("run", {"program": "pwd"})],
            id="M2, several in a wrapper",
        ),
        pytest.param(
            m3(LS, ("list_tabs", {}), ("run", {"program": "pwd"})),
            [LS, ("list_tabs", {}), ("run", {"program": "pwd"})],
            id="M3, several in a wrapper",
        ),
        pytest.param(f"{M2_LS}\n{M3_LS}{M2_LS}", [LS, LS, LS], id="several wrappers"),
        pytest.param(
            f"Look:\n{M2_LS}\nthen\n\n{M3_LS}Done.",
            ["Look:", LS, "then", LS, "Done."],
            id="between texts",
        ),
        pytest.param(
            f"a < b ]<] c\n<minimax\n{M2_LS}<minimax:tool",
            ["a < b ]<] c\n<minimax", LS, "<minimax:tool"],
            id="beside what only looks like one",
        ),
        pytest.param(
            f"<minimax:tool_call>\n{M2_LS}",
            ["<minimax:tool_call>", LS],
            id="opened twice",
        ),
    ],
)
def test_whole_calls_are_found(text: str, said: list[str | Call]):
    assert read(text) == said


@BOTH
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "", [LS]),
        ("\n\n", "\n", [LS]),
        ("\n\t \n", " \r\n\n  ", [LS]),
        ("\n\nLet me check.\n", "\n", ["\n\nLet me check.", LS]),
        ("  Look:  \n\n  ", "\n\n  Done.  \n", ["  Look:", LS, "Done.  \n"]),
        (f"a\n{chr(10) * 12}", f"{' ' * 99}b", ["a\n\n\n\n\n", LS, "b"]),
    ],
)
def test_white_space_that_only_sets_a_call_apart_is_dropped(
    markup: str, before: str, after: str, said: list[str | Call]
):
    assert read(before + markup + after) == said


# --- What stays text -----------------------------------------------------------------

NO_CALLS = [
    pytest.param("Ahoy", id="plain"),
    pytest.param(" \n\n ", id="white space"),
    pytest.param("<", id="an angle"),
    pytest.param("a\n<minimax:tool_call", id="most of M2's tag"),
    pytest.param(M3_OPENING[:-1], id="most of M3's tag"),
    pytest.param(M2_OPENING, id="M2's tag"),
    pytest.param(M3_OPENING, id="M3's tag"),
    pytest.param(f"{M2_OPENING} opens a call of M2.", id="about M2"),
    pytest.param(f"{M3_OPENING} opens a call of M3.", id="about M3"),
    pytest.param(f"{MARK} is a token of M3's, {MARK}<x> too.", id="about M3's token"),
    pytest.param(f"Write {M2_LS}", id="M2's amid a line"),
    pytest.param(f"- {M2_LS}", id="M2's in a list"),
    pytest.param(f"So:\n\n    {M2_LS}", id="M2's in code by indent"),
    pytest.param(f"So:\n\n\t{M2_LS}", id="M2's in code by a tab"),
    pytest.param(f"- ```\n  {M2_LS}\n  ```", id="M2's in a fence in a list"),
    pytest.param(f"> ```\n{M2_LS}\n> ```", id="M2's in a quoted fence"),
    pytest.param(f"It writes “{M3_LS}”.", id="M3's in quotes"),
    pytest.param(f'It writes "{M3_LS}".', id="M3's in straight quotes"),
    pytest.param(f"`{M2_LS}`", id="M2's in backticks"),
    pytest.param(f"`{M3_LS}`", id="M3's in backticks"),
    pytest.param(f"M3 writes ``a`b {M3_LS}``.", id="M3's in two backticks"),
    pytest.param(f"`a` ```b` {M3_LS}", id="M3's behind another quotation"),
    pytest.param(f"So:\n```\n{M2_LS}\n```\n", id="M2's in a fence"),
    pytest.param(f"So:\n\n  ```xml\n  {M2_LS}\n```", id="M2's in an indented fence"),
    pytest.param(f"~~~\n{M2_LS}\n~~~", id="M2's between tildes"),
    pytest.param(f"~~~\n```\n~~\n{M2_LS}\n~~~", id="M2's between tildes and more"),
    pytest.param(f"````\n```\n{M2_LS}\n```\n````", id="M2's in two fences"),
    pytest.param(f"```\n```xml\n{M2_LS}\n```", id="M2's in a fence that goes on"),
    pytest.param(f"```\na ```\n{M2_LS}\n```", id="M2's behind no fence's end"),
    pytest.param(f"```\n``` a\n{M2_LS}\n```", id="M2's behind none either"),
    pytest.param(f"```\n{M2_LS}", id="M2's in an open fence"),
    pytest.param(f"```\nfor M3:{M3_LS}\n```", id="M3's in a fence"),
    pytest.param(f"```{M3_LS}", id="M3's where a fence opens"),
    pytest.param(m2(("rm", {"program": "ls"})), id="M2's of another tool"),
    pytest.param(m3(("rm", {"program": "ls"})), id="M3's of another tool"),
    pytest.param(m2(LS, ("rm", {})), id="M2's of another tool too"),
    pytest.param(m3(LS, ("rm", {})), id="M3's of another tool too"),
    pytest.param(m2(("Run", {})), id="of a tool in capitals"),
    pytest.param(m2(("runs", {})), id="of a tool with a longer name"),
    pytest.param("<minimax:tool_call></minimax:tool_call>", id="M2's of nothing"),
    pytest.param(f"{M3_OPENING}{MARK}</tool_call>", id="M3's of nothing"),
    pytest.param(M2_LS.replace("\n<invoke", f"{' ' * 65}<invoke"), id="far apart"),
    pytest.param(M2_LS.replace("</parameter>", ""), id="M2's, a parameter open"),
    pytest.param(M2_LS.replace("</invoke>", ""), id="M2's, a call open"),
    pytest.param(M2_LS.replace("</invoke>", "</invoke> hm"), id="M2's, words between"),
    pytest.param(M2_LS.replace("<parameter", "hm <parameter"), id="M2's, words in it"),
    pytest.param(M2_LS.replace("parameter", "param"), id="M2's, other tags"),
    pytest.param(M2_LS.replace("</minimax:", "</"), id="M2's, another end"),
    pytest.param(
        m2(("run", {"program": "echo </minimax:tool_call>"})), id="M2's, its end in it"
    ),
    pytest.param(M3_LS.replace(f"{MARK}</program>", ""), id="M3's, a parameter open"),
    pytest.param(M3_LS.replace(f"{MARK}</invoke>", ""), id="M3's, a call open"),
    pytest.param(M3_LS.replace("</program>", "</p>"), id="M3's, ends another"),
    pytest.param(M3_LS.replace(f"{MARK}<prog", "hm <prog"), id="M3's, words in it"),
    pytest.param(M3_LS.replace("</invoke>", "</invoke> hm"), id="M3's, words between"),
    pytest.param(M3_LS.replace("<program>", f"<a>{MARK}</b>"), id="M3's, crossed"),
    pytest.param(
        M3_LS.replace(f"{MARK}</invoke>", f"{MARK}</invoke>{MARK}</invoke>"),
        id="M3's, ended twice",
    ),
    pytest.param(
        m3(("run", {"program": LS[1]})).replace("<program>", '<invoke name="run">', 1),
        id="M3's, a call in a call",
    ),
    pytest.param(
        M3_LS.replace(f"{MARK}</tool_call>", f"{MARK}x{MARK}</x>{MARK}</tool_call>"),
        id="M3's, a parameter beside a call",
    ),
    pytest.param(
        m3(("run", {})).replace(
            f"{MARK}</invoke>",
            f"{MARK}<a>" * 99 + f"{MARK}</a>" * 99 + f"{MARK}</invoke>",
        ),
        id="M3's, too deep",
    ),
    pytest.param(M3_LS.replace(f"{MARK}</tool", "</tool"), id="M3's, another end"),
    pytest.param(f"{M3_LS[:60]}", id="M3's, cut"),
    # github/app issue #2128, 2026-07-17
    pytest.param(
        f"{MARK}[]{MARK}<initial_wait>10{MARK}</initial_wait>{MARK}\n{MARK}</tool_call>",
        id="M3's, without a beginning",
    ),
]


@pytest.mark.parametrize("text", NO_CALLS)
def test_what_is_quoted_broken_or_unknown_stays_as_it_is(text: str):
    assert read(text) == [text]


@BOTH
def test_a_call_that_was_cut_off_is_none(markup: str):
    for end in range(1, len(markup)):
        assert read(f"So:\n{markup[:end]}") == [f"So:\n{markup[:end]}"]


@BOTH
def test_a_call_does_not_reach_from_one_text_into_the_next(markup: str):
    for cut in range(1, len(markup)):
        deltas = [
            STARTED,
            TextDelta(0, markup[:cut]),
            BlockStopped(0),
            TextDelta(1, markup[cut:]),
            BlockStopped(1),
            END,
        ]
        assert passed(*deltas) == deltas


@pytest.mark.parametrize(
    ("before", "said"),
    [
        pytest.param("`a` and ``b`c``:", "M3", id="spans that are closed"),
        pytest.param("a ` b\n", "both", id="a backtick on the line before"),
        pytest.param("```\na\n```\n", "both", id="a fence that is closed"),
        pytest.param("```\na\n`````  \n", "both", id="closed by more backticks"),
        pytest.param("````\n```\n````\n", "both", id="a fence in a fence"),
        pytest.param("~~~\n```\n~~~\n", "both", id="backticks between tildes"),
        pytest.param("```\na\n```", "M3", id="a fence that is closed right before"),
        pytest.param("```a``` b\n", "both", id="three backticks in a line"),
        pytest.param("a ```\n", "both", id="three backticks at the end of a line"),
        pytest.param("a ~~~\n", "both", id="three tildes at the end of a line"),
        pytest.param("~~a\n", "both", id="two tildes"),
        pytest.param(f"```\n{M2_LS}\n```\n", "both", id="a call in a fence"),
        pytest.param(f"`{M3_LS}`\n", "both", id="a call in backticks"),
        pytest.param(f"{m3(('rm', {}))}\n", "both", id="a call of another tool"),
        pytest.param(f"{M2_OPENING} `\n```x\n```\n", "both", id="about calls"),
    ],
)
def test_what_was_quoted_before_does_not_matter(before: str, said: str):
    apart_before = before.rstrip()
    assert read(before + M3_LS) == [apart_before, LS]
    m2s = [apart_before, LS] if said == "both" else [before + M2_LS]
    assert read(before + M2_LS) == m2s


def test_after_a_call_a_line_begins():
    assert read(f"{M3_LS} {M2_LS} and {M2_LS}") == [LS, LS, f"and {M2_LS}"]


@BOTH
def test_without_tools_everything_passes(markup: str):
    assert read(f"So:\n{markup}\n", {}) == [f"So:\n{markup}\n"]


# --- Arguments -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        pytest.param("title", "a b", "a b", id="a text"),
        pytest.param("title", "130", "130", id="a text that looks like a number"),
        pytest.param("title", '{"a": 1}', '{"a": 1}', id="one that looks like JSON"),
        pytest.param("title", "", "", id="an empty text"),
        pytest.param("title", "a &lt; b &amp;&quot;", "a &lt; b &amp;&quot;", id="raw"),
        pytest.param("title", "<b>a</b> < c", "<b>a</b> < c", id="tags in a text"),
        pytest.param("title", '潮水 🌊 \\n "', '潮水 🌊 \\n "', id="more than ASCII"),
        pytest.param("title", "a\n  b\n\n c", "a\n  b\n\n c", id="lines"),
        pytest.param("title", " a ", " a ", id="blanks"),
        pytest.param("title", "\ud83c", "\ud83c", id="half a character"),
        pytest.param("count", "130", 130, id="an integer"),
        pytest.param("count", "many", "many", id="no integer"),
        pytest.param("width", "-1.5", -1.5, id="a number"),
        pytest.param("fill", "true", True, id="a boolean"),
        pytest.param("fill", "false", False, id="another"),
        pytest.param("tags", '["a", "1"]', ["a", "1"], id="a list as JSON"),
        pytest.param("tags", '["a", "1"', '["a", "1"', id="half of it"),
        pytest.param("origin", '{"x": 1}', {"x": 1}, id="an object as JSON"),
        pytest.param("depth", "3", 3, id="an alternative"),
        pytest.param("depth", "null", None, id="the other"),
        pytest.param("-A", "3", 3, id="an odd name"),
        pytest.param("unknown", "130", "130", id="an unknown name"),
    ],
)
def test_a_value_is_what_its_schema_wants(key: str, text: str, value: object):
    for markup in (m2(("draw-2", {key: text})), m3(("draw-2", {key: text}))):
        assert read(markup) == [("draw-2", {key: value})]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\na\n", "a"),
        ("\n\na\n\n", "\na\n"),
        ("\r\na\r\n", "a"),
        ("\n", ""),
        ("\n\n", ""),
        ("\n  def a():\n    pass\n", "  def a():\n    pass"),
    ],
)
def test_a_line_break_around_a_value_is_markup_of_m2_and_the_value_of_m3(
    text: str, value: str
):
    assert read(m2(("run", {"program": text}))) == [("run", {"program": value})]
    assert read(m3(("run", {"program": text}))) == [("run", {"program": text})]


@pytest.mark.parametrize(
    "text",
    [
        "</parameter>",
        "<parameter>\n  <hello></hello>\n</parameter>",  # vLLM issue #44060, 2026-05-30
        '<invoke name="run">',
        "a</parameter> b",
        "</invoke>",
        M2_OPENING,
    ],
)
def test_a_value_of_m2_may_hold_its_tags(text: str):
    assert read(m2(("run", {"program": text}))) == [("run", {"program": text})]


@pytest.mark.parametrize(
    "text", [M2_LS, "</program>", "<program>a</program>", "]<] [>[", "</tool_call>"]
)
def test_a_value_of_m3_may_hold_tags_without_its_token(text: str):
    assert read(m3(("run", {"program": text}))) == [("run", {"program": text})]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"tags": ["a", "1", "true"]}, id="a list"),
        pytest.param({"tags": []}, id="an empty list"),
        pytest.param({"origin": {"x": 1, "label": "2"}}, id="an object"),
        pytest.param({"origin": {}}, id="an empty object"),
        pytest.param({"points": [{"x": 1}, {"label": "a\n"}]}, id="a list of objects"),
        pytest.param({"maybe": [{"x": 1}]}, id="an alternative"),
        pytest.param({"either": [1, 2]}, id="one of two types"),
        pytest.param({"either": ""}, id="the other"),
        pytest.param({"weights": {"a": 0.5, "b": 2}}, id="any names"),
    ],
)
def test_m3_takes_lists_and_objects_apart(values: dict[str, Any]):
    assert read(m3(("draw-2", values))) == [("draw-2", values)]


def test_tags_in_tags_may_stand_on_lines_of_their_own():
    markup = m3(("draw-2", {"points": [{"x": 1}, {"label": "a"}]}))
    values = {"points": [{"x": 1}, {"label": "a"}]}
    for tag in ("<points>", "<item>", "</item>"):
        markup = markup.replace(tag, f"{tag}\n  ")
    assert markup.count("\n  ") == 5
    assert read(markup) == [("draw-2", values)]


def test_what_cannot_be_taken_apart_stays_text():
    for key, value in [
        ("title", ["a", "b"]),  # a text is wanted
        ("unknown", {"a": 1}),
        ("count", [1]),
    ]:
        assert read(m3(("draw-2", {key: value}))) == [
            ("draw-2", {key: apart(value)}),
        ]
    mixed = f"see {apart(['a'])}"
    assert read(m3(("draw-2", {"tags": mixed}))) == [("draw-2", {"tags": mixed})]


def test_items_may_have_any_name():
    apart_tags = f"{MARK}<tag>a{MARK}</tag>{MARK}<tag>b{MARK}</tag>"
    assert read(m3(("draw-2", {"tags": apart_tags}))) == [
        ("draw-2", {"tags": ["a", "b"]})
    ]


@pytest.mark.parametrize(
    ("markup", "parameter"),
    [
        (M2_LS, '<parameter name="program">{}</parameter>'),
        (M3_LS, f"{MARK}<program>{{}}{MARK}</program>"),
    ],
    ids=["M2", "M3"],
)
def test_of_an_argument_that_is_given_twice_the_last_counts(
    markup: str, parameter: str
):
    once = parameter.format("ls")
    assert once in markup
    assert read(markup.replace(once, parameter.format("pwd") + once)) == [LS]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": None},
        {"properties": {"program": True}},
        {"properties": {"program": {"type": None, "anyOf": None}}},
        {"properties": {"program": {"anyOf": [True, "string"]}}},
    ],
)
def test_a_schema_may_say_little(schema: dict[str, Any]):
    for markup in (M2_LS, M3_LS):
        assert read(markup, {"run": schema}) == [LS]


# --- Deltas --------------------------------------------------------------------------


def real(place: int) -> list[Delta]:
    return [
        ToolUseStarted(place, "c1", "run"),
        ToolUseDelta(place, '{"program": "ls"}'),
        ToolUseStopped(place, "c1", "run", LS[1], '{"program": "ls"}'),
    ]


def rescued(
    place: int, id: str, name: str = "run", args: object = LS[1]
) -> list[Delta]:
    text = json.dumps(args)
    return [
        ToolUseStarted(place, id, name),
        ToolUseDelta(place, text),
        ToolUseStopped(place, id, name, json.loads(text), text),
    ]


def ids(deltas: Sequence[Delta]) -> list[str]:
    return [delta.id for delta in deltas if isinstance(delta, ToolUseStopped)]


@BOTH
def test_what_follows_a_call_moves_on(markup: str):
    said = passed(
        STARTED,
        ThinkingDelta(0, "hm"),
        Signature(0, "s"),
        BlockStopped(0),
        TextDelta(1, "So:\n"),
        TextDelta(1, f"{markup}\n"),
        TextDelta(1, f"and\n{markup}\n"),
        BlockStopped(1),
        *real(2),
        TextDelta(3, f"{markup}"),
        BlockStopped(3),
        ThinkingDelta(4, markup),
        SentAs(4, {"field": "reasoning"}),
        BlockStopped(4),
        OpaqueBlock(5, {"type": "search"}),
        TextDelta(6, f"{markup}Done."),
        BlockStopped(6),
        TextDelta(7, "Bye."),
        BlockStopped(7),
        END,
    )
    one, two, _, three, four = ids(said)
    assert said == [
        STARTED,
        ThinkingDelta(0, "hm"),
        Signature(0, "s"),
        BlockStopped(0),
        TextDelta(1, "So:"),
        BlockStopped(1),
        *rescued(2, one),
        TextDelta(3, "and"),
        BlockStopped(3),
        *rescued(4, two),
        *real(5),
        *rescued(6, three),
        ThinkingDelta(7, markup),
        SentAs(7, {"field": "reasoning"}),
        BlockStopped(7),
        OpaqueBlock(8, {"type": "search"}),
        *rescued(9, four),
        TextDelta(10, "Done."),
        BlockStopped(10),
        TextDelta(11, "Bye."),
        BlockStopped(11),
        Stopped(
            "tool_use",
            USAGE,
            service_tier="standard",
            notes={"rescued_tool_calls": 4},
        ),
    ]


def test_what_follows_a_text_without_a_word_moves_up():
    said = passed(
        STARTED, TextDelta(0, ""), BlockStopped(0), ThinkingDelta(1, "hm"), END
    )
    assert said == [STARTED, ThinkingDelta(0, "hm"), END]


def test_a_reply_without_such_calls_passes_unchanged():
    deltas = [
        STARTED,
        ThinkingDelta(0, M2_LS),
        Signature(0, "s"),
        BlockStopped(0),
        TextDelta(1, f"```\n{M2_LS}\n```"),
        BlockStopped(1),
        *real(2),
        OpaqueBlock(3, {"type": "search"}),
        Stopped("tool_use", USAGE, notes={"signatures_refused": True}),
    ]
    assert passed(*deltas) == deltas
    assert not LeakedCalls(TOOLS).done


@pytest.mark.parametrize(
    ("reason", "then"),
    [
        ("end_turn", "tool_use"),
        ("tool_use", "tool_use"),
        ("max_tokens", "max_tokens"),
        (None, None),
    ],
)
def test_a_reply_with_calls_stops_for_them(reason: str | None, then: str | None):
    end = Stopped(reason, USAGE, notes={"attempts": 2})
    said = passed(STARTED, TextDelta(0, M3_LS), BlockStopped(0), end)
    notes = {"attempts": 2, "rescued_tool_calls": 1}
    assert said[-1] == Stopped(then, USAGE, notes=notes)
    assert end.notes == {"attempts": 2}


def test_a_reply_that_breaks_off_has_no_half_call():
    for end in range(len(M3_LS)):
        said = passed(STARTED, TextDelta(0, f"So: {M3_LS[:end]}"))
        assert ids(said) == []
        assert said[:2] == [STARTED, TextDelta(0, "So:")]


def test_ids_are_those_of_the_same_reply_whenever_it_is_read():
    text = f"So:\n{m2(LS, LS)}"
    once, again = ids(of_pieces([text])), ids(of_pieces(list(text)))
    assert once == again
    assert len(set(once)) == 2


def test_ids_differ_between_replies_places_and_arguments():
    def of(reply: str, *texts: str) -> list[str]:
        blocks = [
            delta
            for place, text in enumerate(texts)
            for delta in (TextDelta(place, text), BlockStopped(place))
        ]
        return ids(passed(Started(reply, None), *blocks, END))

    pwd = m3(("run", {"program": "pwd"}))
    found = [
        *of("r1", M3_LS),
        *of("r2", M3_LS),
        *of("r1", "a", M3_LS),
        *of("r1", pwd),
        *of("r1", m3(("list_tabs", {}))),
        *of("", M3_LS),
    ]
    assert len(set(found)) == len(found)
    assert of("r1", M2_LS) == of("r1", M3_LS)


@pytest.mark.parametrize("name", ["m2_5_whole_xml_leak", "m2_5_stream_xml_leak"])
def test_a_call_that_leaked_is_found(name: str):
    block = sample(name).content[-1]
    *before, call = read(block["text"])
    assert before in ([], ["\n\nLet me check."])
    assert call == ("run", {"program": "uptime"})


def test_a_leak_that_is_no_whole_call_stays_text():
    (block,) = sample("m3_stream_marker_leak").content
    assert read(block["text"]) == [block["text"]]


# --- However it is cut, and no later than it must be ---------------------------------

WORDS = ["Ahoy. ", "a", " ", "\n", "\n\n", " " * 9, "\n" * 70, "<", "</", "]", "]<]"]
CODE = ["`", "```", "~~~", "```xml\n", "\n```\n"]
TAGS = [
    tag
    for mark, wrapper, key, closed in [
        ("", "minimax:tool_call", 'parameter name="program"', "parameter"),
        (MARK, "tool_call", "program", "program"),
    ]
    for tag in (
        mark,
        f"{mark}<{wrapper}>",
        f'{mark}<invoke name="run">',
        f"{mark}<{key}>",
        f"{mark}</{closed}>",
        f"{mark}</invoke>",
        f"{mark}</{wrapper}>",
    )
]
CALLS = [M2_LS, M3_LS, m2(LS, LS), m3(LS, ("list_tabs", {})), m3(("rm", {}))]
FRAGMENTS = st.sampled_from([*WORDS, *CODE, *TAGS, *CALLS])
MIXTURES = st.lists(FRAGMENTS, max_size=12).map("".join)


@given(MIXTURES, st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_however_a_text_is_cut_it_becomes_the_same(text: str, cuts: list[int]):
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    said = of_pieces([text] if text else [])
    assert of_pieces([piece for piece in pieces if piece]) == said
    assert of_pieces(list(text)) == said


@pytest.mark.parametrize(
    "text",
    [
        f"So:\n\n{M2_LS}\n\nand `{M3_LS}` or\n```\n{M2_LS}\n```\n{m3(LS, LS)} Done.",
        f"``a``` {M3_LS} ``\n~~~~\n{M2_LS}\n~~~~~ \n{M2_LS}",
    ],
)
def test_it_becomes_the_same_with_each_single_cut(text: str):
    said = of_pieces([text])
    for cut in range(1, len(text)):
        assert of_pieces([text[:cut], text[cut:]]) == said


PLAIN = st.lists(
    st.sampled_from(["Ahoy. ", "\n", "`", "```\n", "~~~", " if a < b:", "]", "潮水"]),
    min_size=1,
    max_size=9,
).map("".join)


@given(st.lists(st.one_of(PLAIN, st.sampled_from([M2_LS, M3_LS])), min_size=1))
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_nothing_is_lost_and_nothing_moves(parts: list[str]):
    text = "".join(parts)
    said = read(text)
    markup = "|".join(map(re.escape, (M2_LS, M3_LS)))
    pieces = (
        re.escape(part) if isinstance(part, str) else rf"\s*(?:{markup})\s*"
        for part in said
    )
    assert re.fullmatch("".join(pieces), text)


@given(
    st.lists(
        st.sampled_from(
            [
                *("Ahoy", " ", "\n", "<", "]", "]<]", "minimax", "<minimax", "`", "["),
                *(":tool_call", M2_OPENING[:-1], MARK, M3_OPENING[:-1]),
            ]
        ),
        max_size=20,
    ).map("".join)
)
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_plain_text_is_not_delayed_by_more_than_a_marker(text: str):
    if M2_OPENING in text or M3_OPENING in text:
        return
    stage = LeakedCalls(TOOLS)
    told = 0
    for heard, char in enumerate(text, 1):
        for delta in stage.feed(TextDelta(0, char)):
            assert isinstance(delta, TextDelta)
            told += len(delta.text)
        held = text[told:heard]
        assert len(held.lstrip()) < len(M3_OPENING)
        assert len(held) - len(held.lstrip()) <= GAP


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a<b", ["a", "", "<b"], id="an angle"),
        pytest.param("a]<b", ["a", "", "", "]<b"], id="a bracket"),
        pytest.param("<<m", ["", "<", ""], id="two angles"),
        pytest.param("]<]<", ["", "", "", "]<"], id="M3's token, begun twice"),
        pytest.param("a \nb", ["a", "", "", " \nb"], id="white space"),
    ],
)
def test_only_what_may_become_a_call_is_held(text: str, told: list[str]):
    stage = LeakedCalls(TOOLS)
    said = [stage.feed(TextDelta(0, char)) for char in text]
    assert ["".join(delta.text for delta in deltas) for deltas in said] == told


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{M2_OPENING} op", id="about it"),
        pytest.param(f'{M2_OPENING}<invoke name="rm"', id="of another tool"),
        pytest.param(f"{M2_OPENING}{' ' * 65}", id="too far apart"),
        pytest.param(f"`{M3_OPENING}\n", id="quoted"),
    ],
)
def test_what_can_be_no_call_any_more_is_told_at_once(text: str):
    stage = LeakedCalls(TOOLS)
    said = [delta for char in text for delta in stage.feed(TextDelta(0, char))]
    (told,) = joined(said)
    assert isinstance(told, TextDelta)
    assert text.startswith(told.text)
    assert M2_OPENING in told.text or M3_OPENING in told.text


@BOTH
def test_a_call_is_told_as_soon_as_it_is_whole(markup: str):
    stage = LeakedCalls(TOOLS)
    said = [stage.feed(TextDelta(0, char)) for char in markup]
    assert not any(said[:-1])
    assert len(said[-1]) == 3


HOSTILE = [
    pytest.param("<", id="angles"),
    pytest.param("]<", id="brackets"),
    pytest.param("\n", id="lines"),
    pytest.param("`", id="backticks"),
    pytest.param(f"{M2_OPENING}\n", id="openings"),
    pytest.param(f"`{M3_OPENING}", id="quoted openings"),
    pytest.param(f'\n{M2_OPENING}<invoke name="run"></minimax:tool_call>', id="broken"),
    pytest.param(f"\n{M2_LS}", id="calls"),
]
OPEN = {
    "M2": f'{M2_OPENING}<invoke name="run"><parameter name="program">',
    "M3": f'{M3_OPENING}{MARK}<invoke name="run">{MARK}<program>',
}
ENDS = {"M2": "</minimax:tool_call>", "M3": f"{MARK}</tool_call>"}


LENGTH = 6_000  # how the time grows is measured in tests/benchmarks


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_text_is_read_alike_however_it_is_cut(part: str):
    text = part * (LENGTH // len(part))
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    assert of_pieces(pieces) == of_pieces([text])


@pytest.mark.parametrize("form", OPEN)
@pytest.mark.parametrize(
    "part",
    [
        pytest.param("x", id="letters"),
        pytest.param("<", id="angles"),
        pytest.param("\n", id="lines"),
        pytest.param("</parameter>  ", id="M2's ends"),
        pytest.param('</parameter> <parameter name="a">', id="M2's parameters"),
        pytest.param(MARK, id="M3's token"),
        pytest.param(f"{MARK}<a>", id="M3's tags"),
        pytest.param(f"{MARK}<a>x{MARK}</a>", id="M3's parameters"),
    ],
)
@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("cut", [3, LENGTH * 2], ids=["in pieces", "whole"])
def test_a_hostile_call_that_is_none_stays_text(
    form: str, part: str, is_closed: bool, cut: int
):
    text = OPEN[form] + part * (LENGTH // len(part)) + ENDS[form] * is_closed
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    assert blocks(of_pieces(pieces)) == [text]
