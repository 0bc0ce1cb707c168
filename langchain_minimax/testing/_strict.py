"""A request in, the refusal MiniMax would answer out, or `None`.

The order is the server's as far as it is known: key, size, JSON, fields, conversation.
Words marked "ours" stand where no capture shows the server's.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from langchain_minimax.testing._faults import Fault
from langchain_minimax.testing._message import prompt_tokens
from langchain_minimax.testing._models import Model, find_model
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._records import RecordedRequest, Replay, bearer_key
from langchain_minimax.testing._refusals import bad, mismatch, missing
from langchain_minimax.testing._replies import Json
from langchain_minimax.testing._turns import (
    BLOCKS,
    Turns,
    alternation_problems,
    pairing_problems,
)

_MAX_BODY = 64 * 2**20

# What can only be half a character: such an escape, or its bytes, if no pair.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")

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


def refuse_key(record: RecordedRequest, api_key: str) -> Fault | None:
    """The 401 for a missing or wrong key.

    Only under `/anthropic` may it come as `x-api-key` or without its `Bearer`, and
    there, too, `Authorization` wins.
    """
    key = bearer_key(record)
    if record.path.startswith("/anthropic"):
        given = record.headers.get("x-api-key", "")
        key = record.headers.get("authorization", given).removeprefix("Bearer ").strip()
    if not key:
        return Fault.error(1004)
    return None if key == api_key else Fault.error(2049)


def refuse_body(
    record: RecordedRequest, quirks: Quirks, videos: Collection[int] = ()
) -> Fault | None:
    """The first thing in a request's body that the server would not take.

    Args:
        record: The request.
        quirks: What to refuse oddly.
        videos: The ids of the files uploaded to be understood.
    """
    return next(_problems(record, quirks, videos), None)


def refuse_replay(replayed: list[Replay], quirks: Quirks) -> Fault | None:
    """The refusal of thinking that came back otherwise, if the quirks ask for it."""
    return next(_replay_problems(replayed, quirks), None)


def _replay_problems(replayed: list[Replay], quirks: Quirks) -> Iterator[Fault]:
    for replay in replayed:
        turn = f"messages.{replay.turn_index}"
        places = replay.altered if quirks.refuse_altered_thinking else ()
        for place in replay.signed if quirks.refuse_signatures else places:
            if place not in replay.signed:
                yield bad(f"{turn}: thinking block is altered")  # ours
            # Anthropic's words; MiniMax's are unknown (one 400, hermes PR #75779).
            words = "Invalid `signature` in `thinking` block"
            yield Fault(400, message=f"{turn}.content.{place}: {words}")
        if quirks.refuse_missing_thinking and replay.verdict == "thinking_missing":
            yield bad(f"{turn}: thinking block is missing")  # ours


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
        kind = str(block.get("type")) if isinstance(block, dict) else ""
        if kind in BLOCKS:
            known = BLOCKS[kind] | {"type", "cache_control"}
            yield from _stray(block, known, f"{path}.content[{index}]")


def _problems(
    record: RecordedRequest, quirks: Quirks, videos: Collection[int]
) -> Iterator[Fault]:
    if len(record.raw) > _MAX_BODY:
        yield Fault(413, message="request body exceeds 64 MB")  # ours
    body = record.body
    if body is None:
        yield from _syntax(record.raw)
    if _SURROGATE.search(record.raw) and not _is_utf8(body):
        yield bad('"invalid utf8"')  # ours
    if not isinstance(body, dict):
        yield mismatch("object", body)
    yield from _fields(body)
    model = find_model(body["model"], hosted=quirks.self_hosted is not None)
    if model is None:
        words = f"unknown model '{body['model'].lower()}'"
        yield bad(words) if quirks.unknown_model == "2013" else Fault(404, 0, words)
    else:
        yield from _settings(body, model)
        yield from _tools(body.get("tools"))
        yield from _conversation(body, Turns(model, videos))
    if quirks.enforce_alternation:
        yield from alternation_problems(body["messages"])


def _fields(body: Json) -> Iterator[Fault]:
    yield from (
        missing(name) for name in ("model", "messages") if body.get(name) is None
    )
    for name, wanted in _FIELDS.items():
        value = body.get(name)
        if value is not None and type(value) not in wanted:
            yield mismatch(f"{name} {wanted[0].__name__}", value)


def _conversation(body: Json, turns: Turns) -> Iterator[Fault]:
    yield from turns.system_problems(body.get("system"))
    yield from turns.problems(body["messages"])
    yield from pairing_problems(body["messages"])
    if prompt_tokens(body) > turns.model.context:
        yield bad("context window exceeds limit")


def _is_utf8(body: Any) -> bool:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


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
        yield bad(quoted)
    except UnicodeDecodeError as error:
        yield bad(f'"Syntax error at index {error.start}: invalid utf8"')  # ours


def _settings(body: Json, model: Model) -> Iterator[Fault]:
    limit = model.max_tokens
    max_tokens = body.get("max_tokens")
    if max_tokens is not None and max_tokens < 1:
        yield bad("max_tokens must be at least 1")  # ours
    if max_tokens is not None and max_tokens > limit:
        yield bad(f"model[{model.id}] does not support max tokens > {limit}")
    for name, highest in (("temperature", 2), ("top_p", 1)):
        if not 0 <= (body.get(name) or 0) <= highest:
            yield bad(f"{name} must be within [0, {highest}]")  # ours
    thinking = (body.get("thinking") or {"type": "adaptive"}).get("type")
    if thinking not in ("disabled", "adaptive", "enabled"):
        words = f'invalid thinking.type: "{thinking}" (allowed: adaptive, disabled)'
        yield bad(words)
    if thinking == "disabled" and model.thinks == "must":
        yield bad(f'model "{model.id}" requires adaptive thinking')


def _tools(tools: list[Any] | None) -> Iterator[Fault]:
    if tools == []:
        yield bad("tools is empty")  # the 400 was seen, the words are ours
    for tool in tools or ():
        if not isinstance(tool, dict):
            yield mismatch("tool", tool)
        if not tool.get("name") or not isinstance(tool["name"], str):
            yield bad("function name is empty")
        is_server_tool = str(tool.get("type", "")).startswith("web_search")
        if not isinstance(tool.get("input_schema"), dict) and not is_server_tool:
            yield bad("function parameters is empty")
