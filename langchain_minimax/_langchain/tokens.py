"""A conversation and its tools in, about how many tokens they cost out. No network.

MiniMax publishes no tokenizer that could be shipped, so texts are cut where one would
cut. The figures around them are DERIVED from usage that MiniMax reported:

- platform.minimax.io, Messages and Chat Completions pages, M2.7 era (2026-04-22) and M3
  era (2026-05-30), and "Estimate Input Tokens" (2026);
- terrylica/cc-skills, probed live with M2.7-highspeed (2026-04-28 and -29);
- anomalyco/opencode's provider tests, recorded with M3 (2026-09-07 and -29).

Within 15 % of those; other languages than English and Chinese are not covered by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Media,
    Opaque,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._json import dumped
from langchain_minimax._langchain.tools import to_json

_MARK = r"!-/:-@\[-`{-~"  # ASCII's punctuation
_ACCENTED = r"\u00c0-\u024f\u1e00-\u1eff"

# How far one token reaches, by script. Tuned on prose and code in twenty languages
# against o200k_base, a public vocabulary of MiniMax's size (200k): within 6 % for
# English, code and JSON, within 30 % elsewhere, and too low rather than too high. Only
# Chinese goes by MiniMax's own figures, and those differ: two characters a token in a
# prompt (588, "Estimate Input Tokens"), more in replies (52 and 30 on its pages).
_TOKEN = re.compile(
    rf"[ {_MARK}]?[A-Z]?"
    rf"(?:[a-z]{{0,3}}[{_ACCENTED}][a-z{_ACCENTED}]?|[a-z]{{1,8}})"
    rf"|[ {_MARK}]?[A-Z]{{1,5}}"
    r"|[0-9]{1,3}"
    rf"| ?([{_MARK}])\1{{2,15}}\n*"  # rules and fences
    rf"| ?[{_MARK}]{{1,2}}\n*"
    r"|\n+"
    r"|[ \t]+(?=[ \t])"  # an indentation, but for the blank that belongs to a word
    r"| ?[\u0370-\u03ff\u1f00-\u1fff]{1,3}"  # Greek
    r"| ?[\u0400-\u052f]{1,5}"  # Cyrillic
    r"| ?[\u0590-\u06ff\u0750-\u077f]{1,3}"  # Hebrew, Arabic
    r"| ?[\u0900-\u0dff]{1,4}"  # Indic scripts
    r"|[\u0e00-\u0eff]{1,3}"  # Thai, Lao
    r"|[\u3040-\u30ff]{1,2}"  # kana
    r"| ?[\uac00-\ud7af]{1,2}"  # hangul
    r"|[\u3400-\u9fff\uf900-\ufaff]{1,2}"  # Chinese characters
    r"| ?[^\W\d_]{1,2}"  # other alphabets
    r"|.",  # emoji and the like
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a family of models is billed for besides the words.

    Attributes:
        opening: The hidden preamble, with the marks of the first message and of the
            reply to come.
        default_prompt: The system prompt that stands where none is given.
        tools: What is said of tools in general, if there are any.
        tool: The marks around one of them.
        turn: The marks around each further message.
        call: Those around a call,
        argument: and around one of its arguments, besides its JSON.
        old_thoughts: Whether thoughts count after the user has spoken again.
    """

    opening: int
    default_prompt: int
    tools: int
    call: int
    argument: int
    old_thoughts: bool
    tool: int = 6
    turn: int = 4


# M2.7: a bare "Hello" is 39 to 42; 41 + words without a system prompt, 15 + words with
# one, which takes the place of MiniMax's own; the same with and without an old thought
# (70 and 70); one tool +197, the next +75. Calls: by the chat template of M2's
# repository.
_M2 = _Frame(
    opening=16,
    default_prompt=25,
    tools=115,
    call=14,
    argument=8,
    old_thoughts=False,
)
# M3: 14 words of 170 (Messages page) leave 156; with tools 411 to 428, and 442 where it
# thinks; 297 and 304 with a thought, a call and its result, but `tool_choice` "none",
# which takes the tools out. That the caller's system prompt takes the place of
# MiniMax's is M2.7's word; a reseller's bills (310 and 370; Venice, 2026-10-05, in
# anomalyco/opencode) agree with that, and with old thoughts that count.
_M3 = _Frame(
    opening=131,
    default_prompt=25,
    tools=170,
    call=36,
    argument=6,
    old_thoughts=True,
)

_THOUGHT = 4  # its tags
_RESULT = 6  # its tags

# Messages API page, summer 2026, on `detail`: up to 600, 1,000 to 3,000, several
# thousand. An image of its examples is 1,200; without looking at them, nobody can tell.
_IMAGE = {"low": 600, "high": 6000}
_DEFAULT_IMAGE = 1200
# A guess, and no more: a minute, of which each two frames are one small image.
_VIDEO_SECONDS = 60
_VIDEO_FRAME = {"low": 75, "high": 600}
_DEFAULT_FRAME = 150


def count_text(text: str) -> int:
    """About how many tokens a text has by itself, in time linear in its length."""
    return _TOKEN.subn("", text)[1]


def estimate(
    conversation: Conversation, tools: Sequence[Tool | Opaque], model: str
) -> int:
    """About how many tokens a request is billed for, caches aside.

    Args:
        conversation: What is said, repaired or not.
        tools: What may be called. A request with `tool_choice` "none" is billed as if
            it had none.
        model: Whose preamble to count: M2's for the M2 family, else M3's.

    Returns:
        The estimate; 0 if there is nothing to be sent.
    """
    if not conversation.turns and not conversation.system and not tools:
        return 0
    frame = _M2 if "minimax-m2" in model.lower() else _M3
    system = [turn for turn in conversation.turns if turn.role == "system"]
    said = [turn for turn in conversation.turns if turn.role != "system"]
    prompted = bool(system or conversation.system)
    return (
        frame.opening
        + (0 if prompted else frame.default_prompt)
        + _blocks(conversation.system, frame)
        + sum(_blocks(turn.blocks, frame) for turn in system)
        + _turns(said, frame)
        + (frame.tools if tools else 0)
        + sum(frame.tool + _tool(tool) for tool in tools)
    )


def _turns(turns: Sequence[Turn], frame: _Frame) -> int:
    counted = 0
    last = 0 if frame.old_thoughts else _last_question(turns)
    for place, turn in enumerate(turns):
        blocks: Iterable[Block] = turn.blocks
        if place < last:
            blocks = [each for each in blocks if not isinstance(each, Thinking)]
        counted += _blocks(blocks, frame) + (frame.turn if place else 0)
    return counted


def _last_question(turns: Sequence[Turn]) -> int:
    """Where the user spoke last; tools that answer are not the user."""
    spoke = [
        place
        for place, turn in enumerate(turns)
        if turn.role != "assistant"
        and any(not isinstance(block, ToolResult) for block in turn.blocks)
    ]
    return spoke[-1] if spoke else 0


def _blocks(blocks: Iterable[Block], frame: _Frame) -> int:
    return sum(_block(block, frame) for block in blocks)


def _block(block: Block, frame: _Frame) -> int:
    match block:
        case Text(text):
            return count_text(text)
        case Thinking(thinking):
            return _THOUGHT + count_text(thinking)
        case ToolUse(name=name, input=arguments):
            marks = frame.call + frame.argument * len(arguments)
            return marks + count_text(name) + count_text(dumped(arguments))
        case ToolResult(content=content):
            if isinstance(content, str):
                return _RESULT + count_text(content)
            return _RESULT + _blocks(content, frame)
        case Media():
            return _media(block)
        case Opaque(value):
            return count_text(dumped(value))


def _media(media: Media) -> int:
    detail = media.options.get("detail")
    if media.kind == "image":
        return _IMAGE.get(str(detail), _DEFAULT_IMAGE)
    frames = (media.options.get("fps") or 1) * _VIDEO_SECONDS
    return int(frames * _VIDEO_FRAME.get(str(detail), _DEFAULT_FRAME))


def _tool(tool: Tool | Opaque) -> int:
    said = {key: said for key, said in to_json(tool).items() if key != "cache_control"}
    return count_text(dumped(said))
