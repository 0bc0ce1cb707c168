"""A request to `/v1/chat/completions` in, its refusal out, or `None`.

What is wrong only here is looked for first, then the Messages shape is checked like any
other. Words marked "ours" stand where no capture shows the server's.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from types import NoneType
from typing import Any

from langchain_minimax.testing._chat import spoken, to_messages
from langchain_minimax.testing._faults import Fault
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

# What a message of the official schema may hold, and what replies have that come back;
# `reasoning` takes turns with its longer name (claimed of M3, pi #5605).
_MESSAGE = {
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "audio_content",
}
_INSIDE = {
    "content": {"type", "text", "image_url", "video_url", "cache_control"},
    "tool_calls": {"id", "type", "function", "index"},
    "reasoning_details": {"type", "id", "format", "index", "text"},
}
_ROLES = ("system", "user", "assistant", "tool")

# The first name was seen in a refusal (2026-06-01), and that 1 is no bool (2026-06-26).
_TYPES: dict[str, tuple[type, str]] = {
    "thinking": (dict, "open_platform_oai.ThinkingConfig"),
    "reasoning_split": (bool, "bool"),
    "stream_options": (dict, "open_platform_oai.StreamOptions"),
}


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
    """The paths of the keys of messages that the server's schema does not know."""
    messages = body.get("messages") if isinstance(body, dict) else None
    return [
        stray
        for path, message in _objects_in(messages, "messages")
        for stray in _stray(message, path)
    ]


def _stray(message: Json, path: str) -> Iterator[str]:
    yield from (f"{path}.{key}" for key in message if key not in _MESSAGE)
    for name, inside in _INSIDE.items():
        for where, item in _objects_in(message.get(name), f"{path}.{name}"):
            yield from (f"{where}.{key}" for key in item if key not in inside)


def _objects_in(items: Any, path: str) -> Iterator[tuple[str, Json]]:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield f"{path}[{index}]", item


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
        yield from _empty_problems(message)
        yield from _thought_problems(message)
    yield from _name_problems(messages or [])


def _name_problems(messages: list[Json]) -> Iterator[Fault]:
    # deer-flow 1773a5480, 2026-06-08; that no name differs from any is ours.
    if len({str(m.get("name")) for m in messages if m["role"] == "user"}) > 1:
        yield bad("user name must be consistent")


def _setting_problems(body: Json) -> Iterator[Fault]:
    for name, (wanted, vendor) in _TYPES.items():
        if not isinstance(body.get(name), (wanted, NoneType)):
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
    if not isinstance(content, (str, list, NoneType)):
        yield mismatch("content", content)
    for place, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict):
            yield mismatch("content part", part)
        kind = part.get("type")
        if kind not in ("text", "image_url", "video_url"):
            yield unsupported(f"{path}.{place}", kind)  # ours
        if not isinstance(part.get(kind), str if kind == "text" else dict):
            yield missing(kind)


def _empty_problems(message: Json) -> Iterator[Fault]:
    """Messages without content; blank ones are looked for in the Messages shape."""
    match message:
        case {"role": "system"} if message.get("content") is None:
            return  # an official example has one with a name and no content
        case {"role": "system"} if not spoken(message, sees=True):
            yield bad(EMPTY)
        case {"role": "assistant"} if not message.get("tool_calls"):
            # That thinking in fields of its own does not help is ours.
            if not message.get("content"):
                yield bad(EMPTY)


def _call_problems(message: Json) -> Iterator[Fault]:
    if message["role"] == "tool" and not message.get("tool_call_id"):
        yield missing("tool_call_id")
    calls = message.get("tool_calls")
    yield from _objects(calls)
    if calls and message.get("content") == "":
        # TinyHarness #36, 2026-06-24: `null` is right.
        yield bad("tool call result does not follow tool call")
    for call in calls or ():
        if not isinstance(call.get("function"), dict):
            yield bad("function name is empty")


def _thought_problems(message: Json) -> Iterator[Fault]:
    details = message.get("reasoning_details")
    yield from _objects(details)
    for item in details or ():
        if not isinstance(item.get("text", ""), str):
            yield mismatch("text string", item["text"])
    for name in ("reasoning_content", "reasoning"):
        if not isinstance(message.get(name), (str, NoneType)):
            yield mismatch(f"{name} string", message[name])


def _objects(items: Any) -> Iterator[Fault]:
    listed = [] if items is None else items
    if not isinstance(listed, list) or not all(isinstance(i, dict) for i in listed):
        yield mismatch("list of objects", items)
