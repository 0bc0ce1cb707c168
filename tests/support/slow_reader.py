"""The first bytes of a captured stream in, what they say for certain out.

An oracle for replies that break off: read anew from the first byte each time, one whole
event after the other, with none of the client's code. It knows what the samples need.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from support.samples import Sample

Json = dict[str, Any]

_END = re.compile(r"\r?\n\r?\n")
_THOUGHT = re.compile(r"\s*<((?:mm:)?think)>\n?(.*?)(?:\n?</\1>\n{0,2}|\Z)", re.DOTALL)
_STRAY = re.compile(r"\n?</(?:mm:)?think>\Z")
_REPEATS = "chat_m3_stream_snapshots"
"""The sample whose every piece repeats all that came before."""


@dataclass
class Said:
    """What was said so far.

    Attributes:
        text: The answer.
        thinking: All thoughts.
        calls: The calls that were said to their end, if their arguments are JSON.
        has_ended: Whether the stop reason was told, or else the end.
        has_failed: Whether an error was reported.
    """

    text: str = ""
    thinking: str = ""
    calls: list[Json] = field(default_factory=list)
    has_ended: bool = False
    has_failed: bool = False


def said_in(sample: Sample, body: bytes) -> Said:
    """What the whole events of these first bytes of a sample say."""
    reader = _Messages() if sample.wire == "anthropic" else _Chat()
    reader.repeats = sample.name == _REPEATS
    for data in _events(body):
        if data == "[DONE]":
            reader.said.has_ended = True
        else:
            reader.take(json.loads(data))
    said = reader.said
    over = [call for call in reader.calls if call.is_over or said.has_ended]
    said.calls = [call.told() for call in over if call.is_usable]
    if sample.wire == "openai" or sample.self_hosted:
        _take_from_tags(said)
    return said


def _events(body: bytes) -> Iterator[str]:
    *whole, _ = _END.split(body.decode("utf-8", "ignore"))
    for event in whole:
        lines = re.split(r"\r?\n", event)
        data = [line[5:].strip() for line in lines if line.startswith("data:")]
        if data:
            yield "\n".join(data)


def _take_from_tags(said: Said) -> None:
    said.thinking = _STRAY.sub("", said.thinking)
    thought = _THOUGHT.match(said.text)
    if thought is None:
        return
    said.text = said.text[thought.end() :]
    longer, shorter = sorted((said.thinking, thought[2]), key=len, reverse=True)
    # M3 may say a thought twice, in a field and between tags.
    said.thinking = longer if longer.startswith(shorter) else said.thinking + thought[2]


@dataclass
class _Call:
    id: str
    name: str
    json: str = ""
    is_over: bool = False

    @property
    def is_usable(self) -> bool:
        try:
            self.told()
        except ValueError:
            return False
        return True

    def told(self) -> Json:
        args = json.loads(self.json or "{}")
        return {"id": self.id, "name": self.name, "args": args}


class _Reader:
    repeats = False

    def __init__(self) -> None:
        self.said = Said()
        self.calls: list[_Call] = []

    def begin_call(self, id: str, name: str = "") -> None:
        for call in self.calls:
            call.is_over = True
        self.calls.append(_Call(id, name))


class _Messages(_Reader):
    def take(self, event: Json) -> None:
        match event["type"]:
            case "content_block_start":
                self._hear(event["content_block"])
            case "content_block_delta":
                self._hear(event["delta"])
            case "content_block_stop" if self.calls and self.calls[-1].json:
                self.calls[-1].is_over = True  # one without arguments may be cut
            case "message_delta":
                self.said.has_ended |= event["delta"].get("stop_reason") is not None
            case "message_stop":
                self.said.has_ended = True
            case kind:
                self.said.has_failed |= kind.endswith("error")

    def _hear(self, part: Json) -> None:
        match part["type"]:
            case "text" | "text_delta":
                self.said.text += part["text"]
            case "thinking" | "thinking_delta":
                self.said.thinking += part["thinking"]
            case "tool_use":
                self.begin_call(part["id"], part["name"])
                if part["input"]:
                    self.calls[-1].json = json.dumps(part["input"])
            case "input_json_delta" if self.calls:
                self.calls[-1].json += part["partial_json"]


class _Chat(_Reader):
    def take(self, event: Json) -> None:
        status = (event.get("base_resp") or {}).get("status_code")
        self.said.has_failed |= "error" in event or bool(status)
        for choice in event.get("choices") or ():
            self._hear(choice.get("delta") or {})
            reason = choice.get("finish_reason")
            self.said.has_ended |= reason is not None
            self.said.has_failed |= reason == "content_filter"

    def _hear(self, delta: Json) -> None:
        details = delta.get("reasoning_details") or ()
        plain = delta.get("reasoning_content") or delta.get("reasoning") or ""
        thought = "".join(item["text"] for item in details) or plain
        self.said.thinking = self._with(self.said.thinking, thought)
        self.said.text = self._with(self.said.text, delta.get("content") or "")
        for part in delta.get("tool_calls") or ():
            self._hear_call(part)

    def _with(self, before: str, piece: str) -> str:
        return piece if self.repeats and piece else before + piece

    def _hear_call(self, part: Json) -> None:
        if part.get("id") and part["id"] not in [call.id for call in self.calls]:
            self.begin_call(part["id"])
        function = part["function"]
        self.calls[-1].name += function.get("name") or ""
        self.calls[-1].json += function.get("arguments") or ""
