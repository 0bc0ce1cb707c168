"""A reply's message in, LangChain's standard content blocks out, in wire order.

Registered with LangChain as the translator behind `message.content_blocks`, and the
way by which our own encoder reads a message: every layout that a reply may have had
(ours, `output_version="v1"`, Anthropic-style lists) becomes the same blocks.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from langchain_minimax._blocks import Json
from langchain_minimax._json import parsed
from langchain_minimax._langchain import PROVIDER

_CALLS = frozenset(
    {"tool_call", "tool_use", "tool_call_chunk", "invalid_tool_call", "function_call"}
)


def standard_blocks(message: AIMessage) -> list[Json]:
    """The blocks of a message in the order in which the server sent them.

    A block with an index of ours stands where that says within its reply; the others
    fill the places between in the order content, tool calls, invalid tool calls. Calls
    are those of the message; only where it has none of an id does the content count.
    """
    return _in_order(_said(message))


_Said = tuple[object, Json]
"""The index that a block came with, and the block."""


def _said(message: AIMessage) -> list[_Said]:
    """What the content shows, each call of the message in the place of its part."""
    calls: list[Json] = [{**call, "type": "tool_call"} for call in message.tool_calls]
    calls += [
        {**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls
    ]
    parts = _parts(message)
    shown: set[str | None] = set()
    for part in parts:
        if part.get("type") in _CALLS and isinstance(id := _call_id(part), str | None):
            shown.add(id)
    said: list[_Said] = []
    for part in parts:
        if part.get("type") in _CALLS:
            *before, block = _taken(part, calls, shown)
            said += [(None, call) for call in before]
        else:
            block = _standard(part)
        said.append((part.get("index"), block))
    for call in calls:
        said.append((None, call))
    return said


# Ours: `lc_<reply id>_<place>`. OpenAI's client has `lc_txt_2`, `lc_rs_305030`.
_INDEX = re.compile(r"(lc_(?![a-z]{1,4}_\d+$).+)_(\d+)", re.DOTALL)


@dataclass(slots=True)
class _Reply:
    """The blocks of one reply: those whose place is known, and those in between."""

    placed: dict[int, Json] = field(default_factory=dict)
    loose: deque[Json] = field(default_factory=deque)

    def in_order(self) -> list[Json]:
        ordered: list[Json] = []
        for place in sorted(self.placed):
            while self.loose and len(ordered) < place:
                ordered.append(self.loose.popleft())
            ordered.append(self.placed[place])
        return [*ordered, *self.loose]


def _in_order(said: list[_Said]) -> list[Json]:
    """The blocks of a message, which LangChain may have merged from several replies."""
    replies: dict[str, _Reply] = {}
    last = _Reply()
    broken: list[Json] = []
    for index, block in said:
        if block["type"] == "invalid_tool_call" and _is_repeated(block, broken):
            continue
        found = _INDEX.fullmatch(index) if isinstance(index, str) else None
        if found is None:
            last.loose.append(block)
            continue
        key, place = found[1], int(found[2])
        if key not in replies:
            last = _Reply() if replies else last
            replies[key] = last
        reply = replies[key]
        if place in reply.placed:
            reply.loose.append(block)
        else:
            reply.placed[place] = block
    return [block for reply in replies.values() or [last] for block in reply.in_order()]


def _is_repeated(block: Json, broken: list[Json]) -> bool:
    """Whether it is a broken call that LangChain's replay of a message doubled."""
    if not block.get("id"):
        return False
    call = {key: block.get(key) for key in ("id", "name", "args")}
    repeated = call in broken
    broken.append(call)
    return repeated


def _parts(message: AIMessage) -> list[Json]:
    """The thoughts beside the content, then the content, each part as a dict."""
    content = message.content
    parts = [content] if isinstance(content, str) else content
    dicts = [
        part if isinstance(part, dict) else {"type": "text", "text": part}
        for part in parts
        if part
    ]
    beside = message.additional_kwargs.get("thinking_blocks")
    if not isinstance(beside, list):
        return dicts
    # `message.content = message.content_blocks` leaves thoughts in both places.
    known = [_standard(part) for part in dicts]
    thoughts = [
        block
        for block in beside
        if isinstance(block, dict) and (not known or _standard(block) not in known)
    ]
    return [*thoughts, *dicts]


def _taken(part: Json, calls: list[Json], shown: set[str | None]) -> list[Json]:
    """The call that a part stands for; first, calls before it that no part shows."""
    said = _call_id(part)
    for place, call in enumerate(calls):
        id, name = call["id"], call["name"]
        if said == id and (id is not None or part.get("name") == name):
            mark = part.get("cache_control")
            before = [each for each in calls[:place] if each["id"] not in shown]
            calls[: place + 1] = [each for each in calls[:place] if each["id"] in shown]
            return [*before, call | ({"cache_control": mark} if mark else {})]
    return [_standard(part)]


def _standard(block: Json) -> Json:
    kind = str(block.get("type"))
    if kind in _TRANSLATE:
        return _TRANSLATE[kind](block)
    if kind in types.KNOWN_BLOCK_TYPES:
        return block
    value = {key: part for key, part in block.items() if key != "index"}
    return _with_index({"type": "non_standard", "value": value}, block)


def _reasoning(block: Json) -> Json:
    reasoning: Json = {"type": "reasoning", "reasoning": block.get("thinking", "")}
    extras: Json = {}
    for key in ("signature", "sent_as"):
        if said := block.get(key):
            extras[key] = said
    if extras:
        reasoning["extras"] = extras
    return _with_index(reasoning, block)


def _tool_use(block: Json) -> Json:
    """Anthropic's call; its streams leave the arguments beside, as text."""
    arguments = block.get("partial_json") or block.get("input") or {}
    return _call(block.get("id"), block.get("name"), arguments)


def _tool_call(block: Json) -> Json:
    if isinstance(block.get("args"), dict):
        return {**block, "type": "tool_call"}
    return _call(block.get("id"), block.get("name"), block.get("args") or {})


def _function_call(block: Json) -> Json:
    """A call of OpenAI's Responses API."""
    return _call(_call_id(block), block.get("name"), block.get("arguments") or {})


def _drawn(block: Json) -> Json:
    """A picture of OpenAI's Responses API."""
    return {"type": "image", "base64": block.get("result")}


def _call_id(block: Json) -> Any:
    return block.get("call_id") or block.get("id")


def _call(id: object, name: object, arguments: object) -> Json:
    value = arguments
    if isinstance(arguments, str):
        value = parsed(arguments.encode("utf-8", "surrogatepass"))
    call = {"id": id, "name": name}
    if isinstance(value, dict):
        return {"type": "tool_call", **call, "args": value}
    error = "The arguments are not one whole JSON object."
    return {"type": "invalid_tool_call", **call, "args": arguments, "error": error}


_TRANSLATE: dict[str, Callable[[Json], Json]] = {
    "thinking": _reasoning,
    "tool_use": _tool_use,
    "tool_call": _tool_call,
    "tool_call_chunk": _tool_call,
    "function_call": _function_call,
    "image_generation_call": _drawn,
}


def _with_index(block: Json, source: Json) -> Json:
    if "index" in source:
        block["index"] = source["index"]
    return block


def _translate(message: AIMessage) -> list[types.ContentBlock]:
    return cast("list[types.ContentBlock]", standard_blocks(message))


def _translate_chunk(chunk: AIMessageChunk) -> list[types.ContentBlock]:
    """The view of a part of a stream; once it is whole, that of the message."""
    if chunk.chunk_position == "last" or not chunk.tool_call_chunks:
        return _translate(chunk)
    blocks: list[Any] = [
        _standard(part) for part in _parts(chunk) if part.get("type") not in _CALLS
    ]
    calls = [{**call, "type": "tool_call_chunk"} for call in chunk.tool_call_chunks]
    return [*blocks, *calls]


register_translator(PROVIDER, _translate, _translate_chunk)
