"""A request to `/v1/chat/completions` in, its Messages shape out."""

import json
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from langchain_minimax.testing._conversation import is_blank, untagged
from langchain_minimax.testing._models import find_model
from langchain_minimax.testing._replies import Json

_SAME = ("model", "stream", "temperature", "top_p", "service_tier")

_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)


def to_messages(body: Json) -> Json:
    """The same request as `/anthropic/v1/messages` would have it."""
    same = {name: body[name] for name in _SAME if name in body}
    turns = to_turns(body) if isinstance(body.get("messages"), list) else []
    system = [b for turn in turns if turn["role"] == "system" for b in turn["content"]]
    # The name of a tool and "required" are dropped in silence (2026-04), "none" is not.
    silent = body.get("tool_choice") == "none"
    limit = body.get("max_completion_tokens")
    return {
        **same,
        "messages": list(_without_tool_role(turns)) if turns else body.get("messages"),
        "system": system or None,
        "max_tokens": body.get("max_tokens") if limit is None else limit,
        # Unlike there, M3 thinks here unless it is told not to.
        "thinking": body.get("thinking") or {"type": "adaptive"},
        "tools": _to_tools(body.get("tools")),
        "tool_choice": {"type": "none"} if silent else None,
    }


def to_turns(body: Json) -> list[Json]:
    """Each message by itself in the Messages shape, still with its own role."""
    model = find_model(str(body.get("model")), hosted=True)
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
    said = spoken(message, sees=sees)
    match message["role"]:
        case "tool":
            id = message["tool_call_id"]
            yield {"type": "tool_result", "tool_use_id": id, "content": said}
        case "assistant":
            yield from _own_blocks(message, said)
        case _:
            yield from said


def spoken(message: Json, *, sees: bool) -> list[Json]:
    """The content, without blank text: that is neither read nor, beside more, wrong."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    blocks = [_to_block(part) for part in parts if sees or part["type"] == "text"]
    return [block for block in blocks if not is_blank(block)]


def _own_blocks(message: Json, said: list[Json]) -> Iterator[Json]:
    told = [block for block in untagged(said) if not is_blank(block)]
    # What came in both places was said in both.
    inline = any(block["type"] == "thinking" for block in told)
    thought = "" if inline else _reasoning(message)
    if thought:
        yield {"type": "thinking", "thinking": thought}
    yield from told
    for call in message.get("tool_calls") or ():
        name, given = call["function"].get("name"), call["function"].get("arguments")
        input = _arguments(given)
        yield {"type": "tool_use", "id": call.get("id"), "name": name, "input": input}


def _reasoning(message: Json) -> str:
    """The thinking that has a field of its own; of several, the details count."""
    details = message.get("reasoning_details") or ()
    text = "".join(item.get("text", "") for item in details)
    return text or message.get("reasoning_content") or message.get("reasoning") or ""


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
