"""A request to `/v1/chat/completions` in, its Messages shape or its refusal out.

What is wrong only here is looked for first, then the Messages shape is checked like any
other. Words marked "ours" stand where no capture shows the server's.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from langchain_minimax.testing._faults import Fault
from langchain_minimax.testing._models import find_model
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._records import RecordedRequest
from langchain_minimax.testing._refusals import (
    EMPTY,
    bad,
    mismatch,
    missing,
    unsupported,
)
from langchain_minimax.testing._replies import Json
from langchain_minimax.testing._strict import refuse_body

CHAT = "/v1/chat/completions"

# What a message of the official schema may hold, and what replies have that come back.
_MESSAGE = {
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "reasoning_content",
    "reasoning_details",
    "audio_content",
}
_ROLES = ("system", "user", "assistant", "tool")
_SAME = ("model", "stream", "temperature", "top_p", "service_tier")

# The first name was seen in a refusal (2026-06-01); that 1 is no bool, too.
_TYPES: dict[str, tuple[type, str]] = {
    "thinking": (dict, "open_platform_oai.ThinkingConfig"),
    "reasoning_split": (bool, "bool"),
    "stream_options": (dict, "open_platform_oai.StreamOptions"),
}

_THOUGHT = re.compile(r"<think>\n(.*?)\n</think>\n{0,2}", re.DOTALL)
_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)


def refuse_chat(
    record: RecordedRequest, quirks: Quirks, videos: Collection[int] = ()
) -> Fault | None:
    """The first thing in a request's body that the server would not take."""
    body = record.body
    if isinstance(body, dict):
        problem = next(_problems(body), None)
        if problem is not None:
            return problem
        record = replace(record, body=to_messages(body))
    here = replace(quirks, unknown_model="2013", enforce_alternation=False)
    return refuse_body(record, here, videos)


def stray_chat_keys(body: Any) -> list[str]:
    """The paths of the keys of messages that MiniMax's schema does not know."""
    messages = body.get("messages") if isinstance(body, dict) else None
    return [
        f"messages[{index}].{key}"
        for index, message in enumerate(messages if isinstance(messages, list) else ())
        if isinstance(message, dict)
        for key in message
        if key not in _MESSAGE
    ]


def to_messages(body: Json) -> Json:
    """The same request as `/anthropic/v1/messages` would have it."""
    same = {name: body[name] for name in _SAME if name in body}
    turns = to_turns(body) if isinstance(body.get("messages"), list) else []
    system = [b for turn in turns if turn["role"] == "system" for b in turn["content"]]
    # The name of a tool and "required" are dropped in silence (2026-04), "none" is not.
    silent = body.get("tool_choice") == "none"
    return {
        **same,
        "messages": list(_without_tool_role(turns)) if turns else body.get("messages"),
        "system": system or None,
        "max_tokens": body.get("max_completion_tokens") or body.get("max_tokens"),
        # Unlike there, M3 thinks here unless it is told not to.
        "thinking": body.get("thinking") or {"type": "adaptive"},
        "tools": _to_tools(body.get("tools")),
        "tool_choice": {"type": "none"} if silent else None,
    }


def to_turns(body: Json) -> list[Json]:
    """Each message by itself in the Messages shape, still with its own role."""
    model = find_model(str(body.get("model")))
    # The others drop images in silence (M2.7, 2026-04).
    sees = model is None or model.media
    return [
        {"role": message["role"], "content": list(_to_blocks(message, sees=sees))}
        for message in body["messages"]
    ]


def _without_tool_role(turns: list[Json]) -> Iterator[Json]:
    """Without the system's; results that stand together become one turn."""
    for role, group in groupby(turns, key=lambda turn: turn["role"]):
        if role == "tool":
            yield {"role": "user", "content": [b for t in group for b in t["content"]]}
        elif role != "system":
            yield from group


def _to_blocks(message: Json, *, sees: bool) -> Iterator[Json]:
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    blocks = [_to_block(part) for part in parts if sees or part["type"] == "text"]
    # Blank text is neither refused nor read, as long as there is something else.
    spoken = [b for b in blocks if b["type"] != "text" or b["text"].strip()]
    match message["role"]:
        case "tool":
            id = message["tool_call_id"]
            yield {"type": "tool_result", "tool_use_id": id, "content": spoken}
        case "assistant":
            yield from _own_blocks(message, spoken)
        case _:
            yield from spoken


def _own_blocks(message: Json, spoken: list[Json]) -> Iterator[Json]:
    details = message.get("reasoning_details") or ()
    thought = "".join(item.get("text", "") for item in details)
    thought = thought or message.get("reasoning_content") or ""
    content = message.get("content")
    found = _THOUGHT.match(content) if isinstance(content, str) else None
    if found:
        thought, rest = found[1], found.string[found.end() :]
        spoken = [{"type": "text", "text": rest}] if rest.strip() else []
    if thought:
        yield {"type": "thinking", "thinking": thought}
    yield from spoken
    for call in message.get("tool_calls") or ():
        name, given = call["function"].get("name"), call["function"].get("arguments")
        input = _arguments(given)
        yield {"type": "tool_use", "id": call.get("id"), "name": name, "input": input}


def _to_block(part: Json) -> Json:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    options = dict(part[part["type"]])
    url = options.pop("url", None)
    data = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    source = {"type": "url", "url": url}
    if data:
        source = {"type": "base64", "media_type": data[1], "data": data[2]}
    return {"type": part["type"].removesuffix("_url"), "source": {**options, **source}}


def _arguments(given: Any) -> Any:
    """The object; `None`, which is refused, for what is no JSON."""
    try:
        return json.loads(given)
    except (TypeError, ValueError):
        return None


def _to_tools(tools: Any) -> Any:
    if not isinstance(tools, list):
        return tools
    functions = [tool["function"] for tool in tools]
    return [
        {
            "name": function.get("name"),
            "description": function.get("description"),
            "input_schema": function.get("parameters"),
        }
        for function in functions
    ]


def _problems(body: Json) -> Iterator[Fault]:
    yield from _setting_problems(body)
    tools, messages = body.get("tools"), body.get("messages")
    for tool in tools if isinstance(tools, list) else ():
        yield from _tool_problems(tool)
    if messages is not None and not isinstance(messages, list):
        yield mismatch("messages list", messages)
    for index, message in enumerate(messages or ()):
        if not isinstance(message, dict):
            yield mismatch("message", message)
        role = message.get("role", "")
        if role not in _ROLES:
            yield bad(f"chat content has invalid message role: {role}")
        if role == "system" and index:
            yield bad("invalid chat setting")
        yield from _content_problems(message, f"messages.{index}.content")
        yield from _call_problems(message)


def _setting_problems(body: Json) -> Iterator[Fault]:
    for name, (wanted, vendor) in _TYPES.items():
        if body.get(name) is not None and type(body[name]) is not wanted:
            yield mismatch(vendor, body[name])
    thinking = (body.get("thinking") or {"type": "adaptive"}).get("type")
    if thinking not in ("adaptive", "disabled"):
        words = f'invalid thinking.type: "{thinking}" (allowed: adaptive, disabled)'
        yield bad(words)


def _tool_problems(tool: Any) -> Iterator[Fault]:
    if not isinstance(tool, dict):
        yield mismatch("tool", tool)
    if tool.get("type") != "function":
        yield bad(f"invalid tool type: {tool.get('type') or ''}".rstrip())
    if not isinstance(tool.get("function"), dict):
        yield bad("function name is empty")


def _content_problems(message: Json, path: str) -> Iterator[Fault]:
    content = message.get("content")
    if not isinstance(content or "", (str, list)):
        yield mismatch("content", content)
    for place, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict):
            yield mismatch("content part", part)
        kind = part.get("type")
        if kind not in ("text", "image_url", "video_url"):
            yield unsupported(f"{path}.{place}", kind)  # ours
        if not isinstance(part.get(kind), str if kind == "text" else dict):
            yield missing(kind)
    # An official example has a system message with a name and no content.
    named = message["role"] != "system" or content is None
    if not named and not list(_to_blocks(message, sees=True)):
        yield bad(EMPTY)


def _call_problems(message: Json) -> Iterator[Fault]:
    if message["role"] == "tool" and not message.get("tool_call_id"):
        yield missing("tool_call_id")
    calls, details = message.get("tool_calls"), message.get("reasoning_details")
    for items in (calls or [], details or []):
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            yield mismatch("list of objects", items)
    for call in calls or ():
        if not isinstance(call.get("function"), dict):
            yield bad("function name is empty")
    for item in details or ():
        if not isinstance(item.get("text", ""), str):
            yield mismatch("text string", item["text"])
    if not isinstance(message.get("reasoning_content") or "", str):
        yield mismatch("reasoning_content string", message["reasoning_content"])
