"""A reply that leaves things open in, a message with everything decided out."""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from langchain_minimax.testing._models import model_of, thinks
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._replies import (
    Block,
    Json,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

HIDDEN_PROMPT = 38  # MiniMax's own preamble: a bare "Hello" was billed 39
CHARACTERS_PER_TOKEN = 4  # about


@dataclass(frozen=True)
class Message:
    """What the model says, down to the last id.

    Attributes:
        body: The whole reply to a request without a stream.
        blocks: Its content, as the script wrote it.
        start: The `message` of `message_start`.
        delta_size: Characters in one delta; `None` leaves it to the quirks.
    """

    body: Json
    blocks: Sequence[Block]
    start: Json
    delta_size: int | None


def settle(reply: Reply, body: Json, quirks: Quirks, cached: int = 0) -> Message:
    """Decide what the reply left open: ids, signatures, usage, stop reason.

    Args:
        reply: What is said.
        body: The request that it answers.
        quirks: What to do oddly.
        cached: How many tokens of the prompt a cache had.
    """
    blocks = list(_blocks(reply, body, quirks))
    calls = any(isinstance(block, ToolUse) for block in blocks)
    tier = body.get("service_tier") or "standard"
    tiers = {} if quirks.self_hosted else {"service_tier": tier}
    head = {"id": new_id(quirks), "type": "message", "role": "assistant"}
    named = {"model": body["model"] if quirks.self_hosted else model_of(body).id}
    counted = _input_usage(body, tier, quirks, cached)
    usage = reply.usage
    if usage is None:
        usage = {**counted, **_output_usage(blocks, quirks)}
    message = {
        **head,
        **named,
        "content": [as_json(block) for block in blocks],
        "usage": usage,
        "stop_reason": reply.stop_reason or ("tool_use" if calls else "end_turn"),
    }
    if reply.base_resp or quirks.base_resp_on_success:
        no_error = {"status_code": 0, "status_msg": "success"}
        message["base_resp"] = reply.base_resp or no_error
    start: Json = {
        **head,
        "content": [],
        **named,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _start_usage(counted, tier, quirks),
        **tiers,
    }
    return Message(message, blocks, start, reply.delta_size)


def new_id(quirks: Quirks) -> str:
    """An id for a reply, which is also its `Trace-Id`."""
    if quirks.self_hosted:
        return f"msg_{secrets.token_hex(12)}"
    if quirks.ids == "random":
        return secrets.token_hex(16)
    seconds_since_2023 = int(time.time()) - 1_672_531_200
    return f"{seconds_since_2023:08x}{secrets.token_hex(12)}"


def as_json(block: Block) -> Json:
    """A block as a whole, its keys in the captured order."""
    match block:
        case Thinking(text, False):
            return {"thinking": text, "type": "thinking"}
        case Thinking(text, signature):
            return {"thinking": text, "signature": signature, "type": "thinking"}
        case Text(text):
            return {"text": text, "type": "text"}
        case ToolUse(name, _, id):
            return {"type": "tool_use", "id": id, "name": name, "input": _input(block)}
        case _:
            return block


def prompt_tokens(body: Json) -> int:
    """What a prompt is billed, cached or not."""
    return HIDDEN_PROMPT + _tokens(
        body.get("system"), body["messages"], body.get("tools")
    )


def _blocks(reply: Reply, body: Json, quirks: Quirks) -> Iterator[Block]:
    if quirks.empty_content and not thinks(body):
        return
    signed = quirks.signature_in_stream or not body.get("stream")
    signed = signed and not quirks.self_hosted
    newlines = ""
    for ordinal, block in enumerate(reply.blocks, 1):
        match block:
            case Thinking(text, signature):
                fresh = secrets.token_hex(32) if signature is None else signature
                yield Thinking(text, fresh if signed else False)
                newlines = "\n\n" if quirks.leading_newlines else ""
            case Text(text):
                yield Text(newlines + text)
                newlines = ""
            case ToolUse() if quirks.xml_tool_leak:
                yield Text(_as_xml(block))
            case ToolUse(name, input, id):
                yield ToolUse(name, input, id or _tool_id(ordinal, quirks))
            case _:
                yield block


def _tool_id(ordinal: int, quirks: Quirks) -> str:
    if quirks.self_hosted:
        return f"chatcmpl-tool-{secrets.token_hex(16)}"
    if quirks.tool_ids == "call_":
        return f"call_{secrets.token_hex(12)}"
    return f"call_function_{secrets.token_hex(6)}_{ordinal}"


def _as_xml(call: ToolUse) -> str:
    given = _input(call)
    parameters = "".join(
        f'    <parameter name="{name}">{value}</parameter>\n'
        for name, value in (given.items() if isinstance(given, dict) else ())
    )
    invoke = f'  <invoke name="{call.name}">\n{parameters}  </invoke>\n'
    return f"<minimax:tool_call>\n{invoke}</minimax:tool_call>"


def _input(call: ToolUse) -> Any:
    """The arguments as JSON; broken JSON stays the string it is."""
    try:
        return json.loads(call.input) if isinstance(call.input, str) else call.input
    except ValueError:
        return call.input


def _output_usage(blocks: list[Block], quirks: Quirks) -> Json:
    thought = _tokens(*(block.text for block in blocks if isinstance(block, Thinking)))
    said = _tokens(*(block.text for block in blocks if isinstance(block, Text)))
    called = _tokens(*(b.input for b in blocks if isinstance(b, ToolUse)))
    usage: Json = {"output_tokens": max(1, thought + said + called)}
    if thought and quirks.delta_usage_details and not quirks.self_hosted:
        usage["output_tokens_details"] = {"thinking_tokens": thought}
    return usage


def _start_usage(counted: Json, tier: str, quirks: Quirks) -> Json:
    match "truth" if quirks.self_hosted else quirks.start_usage:
        case "zeros":
            return {"input_tokens": 0, "output_tokens": 0, "service_tier": tier}
        case "bogus":
            prompt = counted["input_tokens"] + counted["cache_read_input_tokens"]
            return {
                "input_tokens": 0,
                "output_tokens": 0,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": prompt,
            }
        case "truth":
            return counted


def _input_usage(body: Json, tier: str, quirks: Quirks, cached: int) -> Json:
    prompt = prompt_tokens(body)
    if quirks.self_hosted:
        return {"input_tokens": prompt, "output_tokens": 0}
    # `input_tokens` leaves out what was cached.
    usage: Json = {"input_tokens": prompt - cached, "output_tokens": 0}
    if not quirks.delta_usage_details:
        usage["cache_creation_input_tokens"] = 0
    usage["cache_read_input_tokens"] = cached
    if quirks.delta_usage_details:
        usage["service_tier"] = tier
    return usage


def _tokens(*values: Any) -> int:
    texts = (text for value in values for text in spoken(value))
    return sum(map(len, texts)) // CHARACTERS_PER_TOKEN


def spoken(value: Any) -> Iterator[str]:
    """What of a part of a request is text to the model, in order.

    Marks for the cache are none, and a digest stands for the bytes of an image.
    """
    match value:
        case dict():
            for key, inner in value.items():
                if key == "data":
                    yield blake2b(str(inner).encode(), digest_size=4).hexdigest()
                elif key != "cache_control":
                    yield key
                    yield from spoken(inner)
        case list():
            for inner in value:
                yield from spoken(inner)
        case _:
            yield str(value)
