"""A reply's message in, LangChain's standard content blocks out, in wire order.

Registered with LangChain as the translator behind `message.content_blocks`, and the
way by which our own encoder reads a message: every layout that a reply may have had
(ours, `output_version="v1"`, Anthropic-style lists) becomes the same blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from langchain_minimax._blocks import Json
from langchain_minimax._langchain.chunks import PROVIDER

_CALLS = frozenset({"tool_call", "tool_use", "tool_call_chunk", "invalid_tool_call"})
_STANDARD = types.KNOWN_BLOCK_TYPES - _CALLS


def standard_blocks(message: AIMessage) -> list[Json]:
    """The blocks of a message in the order in which the server sent them.

    A block with an index of ours stands where that says; the others fill the places
    between in the order content, tool calls, invalid tool calls.
    """
    calls = _calls(message)
    placed: dict[int, Json] = {}
    loose: deque[Json] = deque()
    for raw in _parts(message):
        block = calls.pop(raw["id"], None) if _is_call(raw, calls) else None
        block = block or _standard(raw)
        place = _place(raw)
        if place is None or place in placed:
            loose.append(block)
        else:
            placed[place] = block
    loose.extend(calls.values())
    ordered: list[Json] = []
    for place in sorted(placed):
        while loose and len(ordered) < place:
            ordered.append(loose.popleft())
        ordered.append(placed[place])
    return [*ordered, *loose]


def _parts(message: AIMessage) -> Iterator[Json]:
    thinking = message.additional_kwargs.get("thinking_blocks")
    if isinstance(thinking, list):
        yield from (block for block in thinking if isinstance(block, dict))
    content = message.content
    for part in [content] if isinstance(content, str) else content:
        if isinstance(part, dict):
            yield part
        elif part:
            yield {"type": "text", "text": part}


def _calls(message: AIMessage) -> dict[str, Json]:
    """The message's calls by id, valid ones first; an id-less one gets a key."""
    calls: dict[str, Json] = {}
    for call in message.tool_calls:
        key = call["id"] or f"\0{len(calls)}"
        calls[key] = {**call, "type": "tool_call"}
    for invalid in message.invalid_tool_calls:
        key = invalid["id"] or f"\0{len(calls)}"
        calls[key] = {**invalid, "type": "invalid_tool_call"}
    return calls


def _is_call(block: Mapping[str, Any], calls: Mapping[str, Json]) -> bool:
    return block.get("type") in _CALLS and block.get("id") in calls


def _place(block: Mapping[str, Any]) -> int | None:
    index = block.get("index")
    if isinstance(index, str) and index.startswith("lc_"):
        place = index.rpartition("_")[2]
        return int(place) if place.isdecimal() else None
    return None


def _standard(block: Json) -> Json:
    kind = block.get("type")
    if kind in _TRANSLATE:
        return _TRANSLATE[str(kind)](block)
    if kind in _STANDARD:
        return block
    value = {key: part for key, part in block.items() if key != "index"}
    return _with_index({"type": "non_standard", "value": value}, block)


def _reasoning(block: Json) -> Json:
    reasoning: Json = {"type": "reasoning", "reasoning": block.get("thinking", "")}
    if block.get("signature"):
        reasoning["extras"] = {"signature": block["signature"]}
    return _with_index(reasoning, block)


def _tool_call(block: Json) -> Json:
    return {
        "type": "tool_call",
        "id": block.get("id"),
        "name": block.get("name") or "",
        "args": block.get("input") or {},
    }


_TRANSLATE: dict[str, Callable[[Json], Json]] = {
    "thinking": _reasoning,
    "tool_use": _tool_call,
}


def _with_index(block: Json, source: Json) -> Json:
    return {**block, "index": source["index"]} if "index" in source else block


def _translate(message: AIMessage) -> list[types.ContentBlock]:
    return cast("list[types.ContentBlock]", standard_blocks(message))


def _translate_chunk(chunk: AIMessageChunk) -> list[types.ContentBlock]:
    """The view of a part of a stream; once it is whole, that of the message."""
    if chunk.chunk_position == "last" or not chunk.tool_call_chunks:
        return _translate(chunk)
    blocks = [_standard(part) for part in _parts(chunk)]
    seen = {block.get("id") for block in blocks if block["type"] in _CALLS}
    blocks.extend(
        {**call, "type": "tool_call_chunk"}
        for call in chunk.tool_call_chunks
        if call["id"] is None or call["id"] not in seen
    )
    return cast("list[types.ContentBlock]", blocks)


register_translator(PROVIDER, _translate, _translate_chunk)
