"""A fuzzer's bytes in, choices out: replies that are wrong in more telling ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, AnyStr, TypeVar

Json = dict[str, Any]
Choice = TypeVar("Choice")

TEXTS = (
    *("", " ", "\n", "\n\n", "\r\n", "a", "and", "1", "10", "100", "---", "ünï", "🙂"),
    *("\ud83d", "\x00", "The sky is blue.", "The sky is blue. And so is the sea."),
    *("<think>", "<think>\n", "</think>", "\n</think>\n\n", "<", "thi", "nk>"),
    *("<mm:think>", "</mm:think>", "<thinking>", "</thinking>", "`", "```\n", "'"),
    *("<minimax:tool_call>", '<invoke name="run">', '<parameter name="program">'),
    *("</parameter>", "</invoke>", "</minimax:tool_call>", "    ", " " * 65, "> "),
    *("]<]minimax[>[", "<tool_call>", "</tool_call>", "<program>", "</program>"),
    *("<lines>", "</lines>", "<item>", "</item>", '<invoke name="read">', "- ", "<b>"),
)
JSONS = (
    *("{", "}", "{}", '{"program": "ls', '"}', '{"a": ', "1", "[", "]", ",", '"', "\\"),
    *('{"program": "ls"}', "NaN", "1e999", " ", "\n", "null", "}}", '"b": ', "🙂", ""),
    *("\\u", "d83d", "9" * 99, '{"a": 1, "a": 2}', "[[[[", "]]]]", "\x00"),
)
VALUES: tuple[Any, ...] = (
    *(None, "", {}, [], 0, 1, -1, 2.5, 10**30, True, "x", "\ud83d", ["x"], {"x": None}),
    *({"text": "t"}, [{"text": "t"}, 1], {"type": "text"}, {"message": "m"}, 10**4000),
)
IDS = (None, "", "c1", "c2", "c3", 7)
NAMES = (None, "", "run", "read", "unknown", " ")
INDEXES = (None, 0, 1, 2, "0", 0.0, [], True)


_MOST = 40  # events of a reply; what goes wrong, goes wrong within fewer
_SPELLED = 224  # from here on, a byte says how long the text is that follows


class Tape:
    """Reads choices off bytes; where there are none left, the first choice."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def __bool__(self) -> bool:
        return bool(self.rest)

    def byte(self) -> int:
        """The next byte."""
        read, self.rest = self.rest[:1], self.rest[1:]
        return read[0] if read else 0

    def flag(self) -> bool:
        """Yes or no."""
        return bool(self.byte() % 2)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of the choices."""
        return choices[self.byte() % len(choices)]

    def some(self, choices: Sequence[Choice]) -> Sequence[Choice]:
        """Some of the choices; all of them where there is none."""
        return [self.pick(choices) for _ in range(self.byte() % 4)] or choices

    def text(self, known: Sequence[str] = TEXTS) -> str:
        """A text that is known, or one that stands on the tape."""
        place = self.byte()
        if place < _SPELLED:
            return known[place % len(known)]
        length = place - _SPELLED
        read, self.rest = self.rest[:length], self.rest[length:]
        return read.decode("utf-8", "replace")

    def cuts(self) -> Callable[[AnyStr], Iterator[AnyStr]]:
        """How to cut what the network brings."""
        sizes = [1 + self.byte() for _ in range(1 + self.byte() % 4)]

        def cut(body: AnyStr) -> Iterator[AnyStr]:
            start = 0
            for size in cycle(sizes):
                if start >= len(body):
                    return
                yield body[start : start + size]
                start += size

        return cut


def event(data: Json, name: str | None = None) -> bytes:
    """An event of a stream."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def known(**fields: Any) -> Json:
    """What is said of the fields."""
    return {name: value for name, value in fields.items() if value is not None}


# --- Messages ------------------------------------------------------------------------


def messages_stream(tape: Tape) -> bytes:
    """A stream of Messages events, which end well."""
    start = {"id": tape.pick(("msg_1", "", "msg_2")), "model": "MiniMax-M3"}
    said = [event({"type": "message_start", "message": start}, "message_start")]
    events = islice(_messages_events(tape), _MOST)
    said += [event(data, data.get("type")) for data in events]
    end = {"stop_reason": tape.pick(("end_turn", "tool_use", "max_tokens"))}
    usage = {"input_tokens": 3, "output_tokens": 2}
    said.append(event({"type": "message_delta", "delta": end, "usage": usage}))
    said.append(event({"type": "message_stop"}))
    return b"".join(said)


def _messages_events(tape: Tape) -> Iterator[Json]:
    kinds = tape.some(("text", "thinking", "signature", "input_json"))
    blocks = tape.some(("text", "thinking", "tool_use", "server_tool_use", None))
    while tape:
        index = known(index=tape.pick(INDEXES))
        match tape.byte() % 8:
            case 0 | 1:
                block = {"content_block": _messages_block(tape, tape.pick(blocks))}
                yield {"type": "content_block_start", **index, **block}
            case 2:
                yield {"type": "content_block_stop", **index}
            case 3:
                usage = known(output_tokens=tape.pick(VALUES))
                yield {"type": tape.pick(("ping", "message_delta")), "usage": usage}
            case _:
                delta = _messages_delta(tape, tape.pick(kinds))
                yield {"type": "content_block_delta", **index, "delta": delta}


def _messages_block(tape: Tape, kind: str | None) -> Json:
    match kind:
        case "text":
            block = {"text": tape.text()}
        case "thinking":
            block = {"thinking": tape.text(), "signature": tape.text()}
        case "tool_use":
            block = known(id=tape.pick(IDS), name=tape.pick(NAMES))
            block["input"] = tape.pick(({}, {"program": "ls"}, *VALUES))
        case _:
            block = {"input": {}}
    return known(type=kind, **block)


def _messages_delta(tape: Tape, kind: str) -> Json:
    key = "partial_json" if kind == "input_json" else kind
    said = tape.text(JSONS if kind == "input_json" else TEXTS)
    return {"type": f"{kind}_delta", key: said}


# --- Chat Completions ----------------------------------------------------------------


def chat_stream(tape: Tape) -> bytes:
    """A stream of Chat Completions chunks, which end well."""
    start = {"id": tape.pick(("chat_1", "")), "model": "MiniMax-M3"}
    choices = islice(_chat_choices(tape), _MOST)
    said = [event({**start, "choices": [choice]}) for choice in choices]
    end = {"finish_reason": tape.pick(("stop", "tool_calls", "length")), "delta": {}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    said.append(event({**start, "choices": [end]}))
    said.append(event({"choices": [], "usage": usage}))
    return b"".join(said)


def _chat_choices(tape: Tape) -> Iterator[Json]:
    kinds = tape.some(tuple(_CHAT))
    while tape:
        delta: Json = {}
        for _ in range(tape.pick((1, 1, 1, 2, 3))):
            name = tape.pick(kinds)
            delta[name] = _CHAT[name](tape)
        yield {"index": 0, "delta": delta}


def _items(tape: Tape) -> list[Json]:
    return [_item(tape) for _ in range(tape.pick((1, 1, 2)))]


def _item(tape: Tape) -> Json:
    said = known(id=tape.pick((None, "r1", "r2")), index=tape.pick(INDEXES))
    return said if tape.byte() % 8 == 0 else {**said, "text": tape.text()}


def _fragments(tape: Tape) -> list[Json]:
    return [_fragment(tape) for _ in range(tape.pick((1, 1, 2)))]


def _fragment(tape: Tape) -> Json:
    said = known(id=tape.pick(IDS), index=tape.pick(INDEXES))
    return {**said, "function": _function(tape)}


def _function(tape: Tape) -> Json:
    return known(name=tape.pick(NAMES), arguments=tape.text(JSONS))


_CHAT: dict[str, Callable[[Tape], Any]] = {
    "content": Tape.text,
    "reasoning_content": Tape.text,
    "reasoning": Tape.text,
    "reasoning_details": _items,
    "tool_calls": _fragments,
    "function_call": _function,
}
