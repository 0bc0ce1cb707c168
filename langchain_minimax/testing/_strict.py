"""A request in, the refusal MiniMax would answer out, or `None`.

The order is the server's as far as it is known: key, size, JSON, fields, conversation.
Words marked "ours" stand where no capture shows the server's.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from langchain_minimax.testing._conversation import blocks_of, is_blank
from langchain_minimax.testing._faults import Fault
from langchain_minimax.testing._models import Model, find_model
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._records import RecordedRequest, Replay
from langchain_minimax.testing._replies import Json

_MAX_BODY = 64 * 2**20

# The role-play roles are in the official schema; only `system` was seen refused.
_ROLES = {
    "user",
    "assistant",
    "user_system",
    "group",
    "sample_message_user",
    "sample_message_ai",
}

_FIELDS: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "system": (str, list),
    "max_tokens": (int,),
    "stream": (bool,),
    "temperature": (int, float),
    "top_p": (int, float),
    "tools": (list,),
    "tool_choice": (dict,),
    "thinking": (dict,),
}

# What a block of the official request schema may hold, beside `type` and
# `cache_control`. `is_error` is not in it, but passes (Claude Code sends it).
_BLOCKS = {
    "text": {"text"},
    "image": {"source"},
    "video": {"source"},
    "tool_use": {"id", "name", "input"},
    "tool_result": {"tool_use_id", "content", "is_error"},
    "thinking": {"thinking", "signature"},
    "mid_conv_system": {"content"},
    "server_tool_use": {"id", "name", "input"},
    "web_search_tool_result": {"tool_use_id", "content"},
}


def refuse_key(headers: dict[str, str], api_key: str) -> Fault | None:
    """The 401 for a missing or wrong key; `Authorization` wins over `x-api-key`."""
    given = headers.get("authorization", headers.get("x-api-key", ""))
    key = given.removeprefix("Bearer ").strip()
    if not key:
        return Fault.error(1004)
    return None if key == api_key else Fault.error(2049)


def refuse_body(record: RecordedRequest, quirks: Quirks) -> Fault | None:
    """The first thing in a request's body that the server would not take."""
    return next(_problems(record, quirks), None)


def refuse_replay(replayed: list[Replay], quirks: Quirks) -> Fault | None:
    """The refusal of thinking that came back otherwise, if the quirks ask for it."""
    refused = {
        "thinking_altered": quirks.refuse_altered_thinking,
        "thinking_missing": quirks.refuse_missing_thinking,
    }
    for replay in replayed:
        if refused.get(replay.verdict):
            words = replay.verdict.replace("_", " block is ")  # ours
            return _bad(f"messages.{replay.turn_index}: {words}")
    return None


def stray_keys(body: Any) -> list[str]:
    """The paths of all keys in `messages` that the official schema does not know."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return []
    return [
        path
        for index, turn in enumerate(body["messages"])
        if isinstance(turn, dict)
        for path in _stray(turn, {"role", "content"}, f"messages[{index}]")
    ]


def _stray(item: Json, known: set[str], path: str) -> Iterator[str]:
    yield from (f"{path}.{key}" for key in item if key not in known)
    content = item.get("content")
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict) and block.get("type") in _BLOCKS:
            known = _BLOCKS[block["type"]] | {"type", "cache_control"}
            yield from _stray(block, known, f"{path}.content[{index}]")


def _bad(words: str) -> Fault:
    return Fault.error(2013, words)


def _mismatch(wanted: str, value: Any) -> Fault:
    # Seen for `thinking: true`; the names of the Go types are ours.
    return _bad(f"Mismatch type {wanted} with value {type(value).__name__}")


def _missing(field: str) -> Fault:
    return _bad(f"binding: expr_path={field}, cause=missing required parameter")


def _problems(record: RecordedRequest, quirks: Quirks) -> Iterator[Fault]:
    if len(record.raw) > _MAX_BODY:
        yield Fault(413, message="request body exceeds 64 MB")  # ours
    body = record.body
    if body is None:
        yield from _syntax(record.raw)
    if not isinstance(body, dict):
        yield _mismatch("object", body)
    yield from (_missing(name) for name in ("model", "messages") if name not in body)
    for name, wanted in _FIELDS.items():
        value = body.get(name)
        if value is not None and type(value) not in wanted:
            yield _mismatch(f"{name} {wanted[0].__name__}", value)
    model = find_model(body["model"])
    if model is None:
        words = f"unknown model '{body['model'].lower()}'"
        yield _bad(words) if quirks.unknown_model == "2013" else Fault(404, 0, words)
    else:
        yield from _settings(body, model)
        yield from _tools(body.get("tools"))
        yield from _turns(body["messages"], model)
        yield from _pairing(body["messages"])
    if quirks.enforce_alternation:
        yield from _alternation(body["messages"])


def _syntax(raw: bytes) -> Iterator[Fault]:
    try:
        json.loads(raw)
    except json.JSONDecodeError as error:
        word = "eof" if error.pos >= len(error.doc) else "invalid char"
        near = error.doc[max(0, error.pos - 40) : error.pos + 40]
        quoted = json.dumps(
            f"Syntax error at index {error.pos}: {word}\n\n\t{near}\n\t^\n",
            ensure_ascii=False,
        )
        yield _bad(quoted)
    except UnicodeDecodeError as error:
        yield _bad(f'"Syntax error at index {error.start}: invalid utf8"')  # ours


def _settings(body: Json, model: Model) -> Iterator[Fault]:
    limit = model.max_tokens
    max_tokens = body.get("max_tokens")
    if max_tokens is not None and max_tokens < 1:
        yield _bad("max_tokens must be at least 1")  # ours
    if max_tokens is not None and max_tokens > limit:
        yield _bad(f"model[{model.id}] does not support max tokens > {limit}")
    for name, highest in (("temperature", 2), ("top_p", 1)):
        if not 0 <= (body.get(name) or 0) <= highest:
            yield _bad(f"{name} must be within [0, {highest}]")  # ours
    thinking = (body.get("thinking") or {"type": "adaptive"}).get("type")
    if thinking not in ("disabled", "adaptive", "enabled"):
        words = f'invalid thinking.type: "{thinking}" (allowed: adaptive, disabled)'
        yield _bad(words)
    if thinking == "disabled" and model.thinks == "must":
        yield _bad(f'model "{model.id}" requires adaptive thinking')


def _tools(tools: list[Any] | None) -> Iterator[Fault]:
    if tools == []:
        yield _bad("tools is empty")  # the 400 was seen, the words are ours
    for tool in tools or ():
        if not isinstance(tool, dict):
            yield _mismatch("tool", tool)
        if not tool.get("name") or not isinstance(tool["name"], str):
            yield _bad("function name is empty")
        is_server_tool = str(tool.get("type", "")).startswith("web_search")
        if not isinstance(tool.get("input_schema"), dict) and not is_server_tool:
            yield _bad("function parameters is empty")


def _turns(turns: list[Any], model: Model) -> Iterator[Fault]:
    if not turns:
        yield _bad("chat content is empty")
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict):
            yield _mismatch("message", turn)
        if turn.get("role") not in _ROLES:
            role = turn.get("role", "")
            yield _bad(f"chat content has invalid message role: {role}")
        yield from _content(turn, f"messages.{index}.content", model)
        if all(is_blank(block) for block in blocks_of(turn)):
            yield _bad("chat content is empty")


def _content(holder: Json, path: str, model: Model) -> Iterator[Fault]:
    if not isinstance(holder.get("content") or [], (str, list)):
        yield _mismatch("content", holder["content"])
    for place, block in enumerate(blocks_of(holder)):
        yield from _block(block, f"{path}.{place}", model)


def _block(block: Any, path: str, model: Model) -> Iterator[Fault]:
    if not isinstance(block, dict):
        yield _mismatch("content block", block)
    kind = block.get("type")
    if kind not in _BLOCKS or (kind in ("image", "video") and not model.media):
        # The official example; the live server may well frame it as a 2013.
        yield Fault(400, message=f"{path}: unsupported content type '{kind}'")
    match block:
        case {"type": "text", "text": str()}:
            pass
        case {"type": "text"}:
            yield _missing("text")
        case {"type": "image" | "video"} if not isinstance(block.get("source"), dict):
            yield _missing("source")
        case {"type": "tool_use"}:
            yield from _tool_use(block)
        case {"type": "tool_result"}:
            yield from _content(block, f"{path}.content", model)


def _tool_use(block: Json) -> Iterator[Fault]:
    if not block.get("name"):
        yield _bad("function name is empty")
    if not isinstance(block.get("id"), str):
        yield _missing("id")
    if not isinstance(block.get("input"), dict):
        words = f"invalid function arguments json string, tool_call_id: {block['id']}"
        yield _bad(words)


def _pairing(turns: list[Json]) -> Iterator[Fault]:
    """Every result stands right behind its call, alone, and none is wanting."""
    calls = [_ids(turn, "tool_use", "id") for turn in turns]
    results = [_ids(turn, "tool_result", "tool_use_id") for turn in turns]
    for turn, asked, answered in zip(turns, [[], *calls], results, strict=False):
        beside = len(blocks_of(turn)) - len(answered)
        if answered and (beside or not asked):
            yield _bad("tool call result does not follow tool call")
        for id in answered:
            if id not in asked:
                yield _bad(f"tool result's tool id({id}) not found")
    for asked, answered in zip(calls, [*results[1:], []], strict=True):
        if sorted(asked) != sorted(answered):
            yield _bad("tool call and result not match")


def _ids(turn: Json, kind: str, key: str) -> list[str]:
    return [str(b.get(key)) for b in blocks_of(turn) if b["type"] == kind]


def _alternation(turns: list[Json]) -> Iterator[Fault]:
    for before, turn in pairwise(turns):
        if before["role"] == turn["role"]:
            yield _bad("messages must alternate between user and assistant")  # ours
