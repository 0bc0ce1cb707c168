"""A reply that leaves things open in, what `/v1/chat/completions` can tell of it out.

The shapes are those of the recordings of 2026-09-07; where they show nothing, those of
the captures of M3 before them and of its official examples.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from langchain_minimax.testing._chat import to_messages
from langchain_minimax.testing._conversation import untagged
from langchain_minimax.testing._message import Message, settle
from langchain_minimax.testing._models import Model, model_of
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._replies import Json, Reply, Text, ToolUse
from langchain_minimax.testing._wire import json_text, marks_of

STRAY = ("\n</th", "ink>")
"""The end of thinking that a stray mark closes, as it is cut over two deltas."""

_REASONS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
_ORDER = (
    "content",
    "role",
    "name",
    "tool_calls",
    "audio_content",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
)
_NAMED = {"name": "MiniMax AI", "audio_content": ""}
_SENSITIVE = {
    "input_sensitive": False,
    "output_sensitive": False,
    "input_sensitive_type": 0,
    "output_sensitive_type": 0,
    "output_sensitive_int": 0,
}
_NO_ERROR = {"status_code": 0, "status_msg": ""}


@dataclass(frozen=True)
class Completion:
    """A reply as far as this wire can tell it: one thought, one text, then the calls.

    Attributes:
        message: The reply with everything decided.
        thinking: All thinking, run together.
        text: All text, run together.
        calls: The tool calls, as this wire spells them.
        usage: What it is billed, in this wire's words.
        flags: The flags of sensitive content, if it says them.
        failed: The `base_resp` of a reply that is none.
        marks: What stands around the thinking in the content, if it stands there.
        split: Whether the thinking has fields of its own.
        quirks: How to spell it.
        created: The time of all its chunks.
    """

    message: Message
    thinking: str
    text: str
    calls: list[Json]
    usage: Json
    flags: Json
    failed: Json | None
    marks: tuple[str, str] | None
    split: bool
    quirks: Quirks
    created: int

    @property
    def id(self) -> str:
        """The id of the reply and of all its chunks."""
        id: str = self.message.body["id"]
        return id.replace("msg_", "chatcmpl-") if self.quirks.self_hosted else id

    @property
    def content(self) -> str:
        """The text, after the thinking if that stands there."""
        if not self.thinking or self.marks is None:
            return self.text
        return self.marks[0] + self.thinking + self.marks[1] + self.text

    @property
    def reasoning(self) -> str:
        """The thinking, if it has a place of its own."""
        stray = "".join(STRAY) if self.quirks.chat_stray_close else ""
        return self.thinking + stray if self.split and self.thinking else ""

    @property
    def finish_reason(self) -> str:
        """Why it ends."""
        reason: str = self.message.body["stop_reason"]
        return _REASONS.get(reason, reason)

    @property
    def result(self) -> Json:
        """Whether it failed after all, which an engine does not say."""
        if self.quirks.self_hosted and self.failed is None:
            return {}
        return {"base_resp": self.failed or _NO_ERROR}

    @property
    def whole(self) -> Json:
        """The reply in one piece."""
        message: Json = {"content": self.content}
        if self.calls:
            # Beside calls, empty content was left out (2026-07).
            message = {"content": self.content} if self.content else {}
            message["tool_calls"] = self.calls
        if self.reasoning:
            message |= self.reasoned(self.reasoning)
        choice = {
            "finish_reason": self.finish_reason,
            "index": 0,
            "message": self.ordered(message),
        }
        body = self.enveloped([choice], "chat.completion", self.usage)
        return {**body, **self.result}

    @property
    def blocks(self) -> Iterator[Json]:
        """What comes back if it comes back whole; signatures do not exist here."""
        if self.reasoning:
            yield {"type": "thinking", "thinking": self.reasoning}
        spoken = self.text if self.reasoning else self.content
        told = untagged([{"type": "text", "text": spoken}])
        yield from (b for b in told if b["type"] == "thinking" or b["text"])
        content = self.message.body["content"]
        yield from (block for block in content if block.get("type") == "tool_use")

    def reasoned(self, text: str) -> Json:
        """Thinking in fields of its own."""
        if self.quirks.self_hosted:
            return {"reasoning": text}
        detail = {
            "type": "reasoning.text",
            "id": "reasoning-text-1",
            "format": "MiniMax-response-v1",
            "index": 0,
            "text": text,
        }
        return {"reasoning_content": text, "reasoning_details": [detail]}

    def ordered(self, message: Json) -> Json:
        """A message or a delta of one, with its role in the recorded place."""
        named = _NAMED if self.quirks.chat_envelope else {}
        spoken = {"role": "assistant", **named, **message}
        return {name: spoken[name] for name in _ORDER if name in spoken}

    def enveloped(self, choices: list[Json], kind: str, usage: Json | None) -> Json:
        """A reply or a chunk of one."""
        body = {
            "id": self.id,
            "choices": choices,
            "created": self.created,
            "model": self.message.body["model"],
            "object": kind,
            "usage": usage,
            **self.flags,
        }
        tier = self.message.start.get("service_tier")
        return {**body, "service_tier": tier} if tier else body


def complete(
    answer: Reply | str, body: Json, quirks: Quirks, cached: int = 0
) -> Completion:
    """Decide what the answer left open."""
    reply = answer if isinstance(answer, Reply) else Reply([Text(answer)])
    # The leading line ends were captured on the other wire.
    quirks = replace(quirks, leading_newlines=False)
    message = settle(reply, to_messages(body), quirks, cached)
    blocks = message.body["content"]
    model = model_of(body)
    split = _splits(body, model, quirks)
    inline = not split or quirks.chat_thinks_twice
    flags = reply.sensitive or {}
    return Completion(
        message,
        "".join(b["thinking"] for b in blocks if b.get("type") == "thinking"),
        "".join(b["text"] for b in blocks if b.get("type") == "text"),
        list(_calls(message, quirks)),
        _usage(message.body["usage"], reply, model, quirks),
        flags=_SENSITIVE | flags if flags or quirks.chat_envelope else {},
        failed=reply.base_resp,
        marks=(marks_of(quirks) or _official_marks(model)) if inline else None,
        split=split,
        quirks=quirks,
        created=int(time.time()),
    )


def _splits(body: Json, model: Model, quirks: Quirks) -> bool:
    if quirks.self_hosted:
        return quirks.self_hosted == "reasoning"
    # M3.1 cannot do without.
    asked = bool(body.get("reasoning_split")) or model.thinks == "must"
    return asked or quirks.chat_thinks_twice


def _official_marks(model: Model) -> tuple[str, str]:
    # Two line ends were captured of M2.7; the official examples of M3 have one.
    gap = "\n\n" if model.id.startswith("MiniMax-M2") else "\n"
    return "<think>\n", f"\n</think>{gap}"


def _calls(message: Message, quirks: Quirks) -> Iterator[Json]:
    spelled = {b.id: b.input for b in message.blocks if isinstance(b, ToolUse)}
    calls = [b for b in message.body["content"] if b.get("type") == "tool_use"]
    for index, call in enumerate(calls):
        given = spelled.get(call["id"], call["input"])
        function = {"name": call["name"], "arguments": _spelled(given, quirks)}
        yield {
            "id": call["id"],
            "type": "function",
            "function": function,
            "index": index,
        }


def _spelled(given: Any, quirks: Quirks) -> str:
    if quirks.chat_empty_arguments and not given:
        return ""
    return given if isinstance(given, str) else json_text(given)


def _usage(counted: Json, reply: Reply, model: Model, quirks: Quirks) -> Json:
    """The other wire's count in this one's words, where what was cached is included."""
    if "total_tokens" in counted:  # the script speaks this wire's language
        return counted
    read = counted.get("cache_read_input_tokens") or 0
    written = counted.get("cache_creation_input_tokens") or 0
    prompt = counted.get("input_tokens", 0) + read + written
    completion = counted.get("output_tokens", 0)
    usage: Json = {
        "total_tokens": prompt + completion,
        **({} if quirks.self_hosted else {"total_characters": 0}),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
    }
    thought = (counted.get("output_tokens_details") or {}).get("thinking_tokens")
    # M3 was recorded thinking without saying how much.
    told = reply.usage is not None or model.id.startswith("MiniMax-M2")
    if thought and told:
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    cached = {"cached_tokens": read, "cache_creation_input_tokens": written}
    if read or written:
        usage["prompt_tokens_details"] = {k: v for k, v in cached.items() if v}
    return usage
