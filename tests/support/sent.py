"""A recorded request of either protocol in, one shape for both out: that of Messages.

So that a test says once what is to be sent. What Chat Completions cannot carry is taken
from the expectation with `as_chat_can`. Shares no code with client or emulator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from langchain_minimax.testing import RecordedRequest

Json = dict[str, Any]

CHAT = "/v1/chat/completions"
PLAY = ("user_system", "group", "sample_message_user", "sample_message_ai")
"""The roles for role play, which only Messages has."""

_PLAYED = re.compile(rf'<message role="({"|".join(PLAY)})">')
_TAGGED = re.compile(r"<((?:mm:)?think)>\n?(.*?)\n?</\1>\n{0,2}", re.DOTALL)
_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)
_FAILED = re.compile(r"Error:( |$)")


def body_of(request: RecordedRequest) -> Json:
    """The body of a request, as `/v1/messages` would have it.

    All content is spelled out as blocks; consecutive results are one turn.
    """
    body = request.body
    if request.path == CHAT:
        body = _from_chat(body)
    turns = [
        {**turn, "content": spelled_out(turn["content"])} for turn in body["messages"]
    ]
    return {**body, "system": spelled_out(body.get("system")), "messages": turns}


def turns_of(request: RecordedRequest) -> list[Json]:
    """The same, of the messages alone."""
    return body_of(request)["messages"]


def spelled_out(content: Any) -> list[Json]:
    """Content as blocks, that of results likewise."""
    blocks = [text(content)] if isinstance(content, str) else content or []
    return [
        {**block, "content": spelled_out(block["content"])}
        if block["type"] == "tool_result"
        else block
        for block in blocks
    ]


def text(words: str) -> Json:
    return {"type": "text", "text": words}


# --- What Chat Completions can carry of it -------------------------------------------


def as_sent(protocol: str, turns: Iterable[Json]) -> list[Json]:
    """Turns in the Messages shape, as `turns_of` reads them when they were sent."""
    spelled = [{**turn, "content": spelled_out(turn["content"])} for turn in turns]
    return spelled if protocol == "anthropic" else [*map(as_chat_can, spelled)]


def system_as_sent(protocol: str, blocks: list[Json]) -> list[Json]:
    """The same of the system prompt: there it is one text, unless some is cached."""
    if protocol == "anthropic" or any("cache_control" in block for block in blocks):
        return blocks
    return [text("\n\n".join(block["text"] for block in blocks))] if blocks else []


def as_chat_can(turn: Json) -> Json:
    """A turn without signatures; a reply's words are one text, before its calls."""
    if turn["role"] != "assistant":
        return turn
    blocks = turn["content"]
    thoughts = [
        {"type": "thinking", "thinking": block["thinking"]}
        for block in blocks
        if block["type"] == "thinking"
    ]
    words = [block for block in blocks if block["type"] == "text"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    if words and not any("cache_control" in block for block in words):
        words = [text("".join(block["text"] for block in words))]
    return {**turn, "content": [*thoughts, *words, *calls]}


# --- Chat Completions, read ----------------------------------------------------------


def _from_chat(body: Json) -> Json:
    turns: list[Json] = []
    system: Any = None
    for message in body["messages"]:
        turn = _turn(message)
        if message["role"] == "system":
            assert message is body["messages"][0], "a system message comes late"
            system = turn["content"]
        elif message["role"] == "tool" and _holds_results(turns[-1:]):
            turns[-1]["content"] += turn["content"]
        else:
            turns.append(turn)
    return {**body, "system": system, "messages": turns}


def _holds_results(turns: list[Json]) -> bool:
    return any(turn["content"][0]["type"] == "tool_result" for turn in turns)


def _turn(message: Json) -> Json:
    match message["role"]:
        case "tool":
            return {"role": "user", "content": [_result(message)]}
        case "assistant":
            return {"role": "assistant", "content": [*_reply(message)]}
        case "user":
            return _played({"role": "user", "content": _blocks(message["content"])})
        case _:
            return {**message, "content": _blocks(message["content"])}


def _played(turn: Json) -> Json:
    """The turn of a role for role play, which stands here between labels."""
    blocks = turn["content"]
    found = _PLAYED.fullmatch(blocks[0].get("text", ""))
    if found and blocks[-1] == text("</message>"):
        return {"role": found[1], "content": blocks[1:-1]}
    return turn


def _result(message: Json) -> Json:
    blocks = _blocks(message["content"])
    failed = _FAILED.match(blocks[0].get("text", ""))
    result = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
    if failed is None:
        return {**result, "content": blocks}
    first = {**blocks[0], "text": blocks[0]["text"][failed.end() :]}
    kept = [first] if first["text"] else []
    return {**result, "content": [*kept, *blocks[1:]], "is_error": True}


def _reply(message: Json) -> Iterator[Json]:
    """A reply: its thoughts, wherever they stand, its words, its calls."""
    yield from ({"type": "thinking", "thinking": said} for said in _thoughts(message))
    blocks = _blocks(message["content"])
    tagged = _TAGGED.match(blocks[0].get("text", "")) if blocks else None
    if tagged:
        yield {"type": "thinking", "thinking": tagged[2]}
        rest = blocks.pop(0)["text"][tagged.end() :]
        yield from [text(rest)] if rest else []
    yield from blocks
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield {
            "type": "tool_use",
            "id": call["id"],
            "name": function["name"],
            "input": json.loads(function["arguments"]),
        }


def _thoughts(message: Json) -> Iterator[str]:
    details = [item["text"] for item in message.get("reasoning_details") or ()]
    yield from details
    for name in ("reasoning_content", "reasoning"):
        if message.get(name) and message[name] != "".join(details):
            yield message[name]


def _blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [text(content)]
    return [_block(part) for part in content or ()]


def _block(part: Json) -> Json:
    if part["type"] == "text":
        return part
    options = dict(part[part["type"]])
    url = options.pop("url")
    data = _DATA_URL.fullmatch(url)
    source = {"type": "url", "url": url}
    if data:
        source = {"type": "base64", "media_type": data[1], "data": data[2]}
    kind = part["type"].removesuffix("_url")
    mark = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    return {"type": kind, "source": {**source, **options}, **mark}
