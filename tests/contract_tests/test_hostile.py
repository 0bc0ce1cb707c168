"""Servers that never end or send nonsense, and conversations that hold it: a typed
error or a right answer, and no more memory than a reply may take."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.load import dumps
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxConnectionError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxResponseError,
)
from support.talker import Talker, head
from support.ways import CALLS, Ask

every_call = pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)

MB = 2**20
LARGEST = 32  # MB of an event, or of a reply that comes whole
ON_THE_WAY = 12  # MB that sockets hold, or that a loop reads ahead
PIECE = b"x" * 2**16

JSON, EVENTS = "application/json", "text/event-stream"

Reply = Callable[[], Iterator[bytes]]


def endless(start: bytes, piece: bytes = PIECE) -> Reply:
    """A gigabyte, if anybody wants it."""
    return lambda: chain([start], repeat(piece, 2**30 // len(piece)))


def packed(coding: str, body: bytes) -> Reply:
    return lambda: iter([head(content_type=JSON, content_encoding=coding), body])


ZIPPED = gzip.compress(b" " * 128 * MB, 1)
# The same, packed by Google's brotli.
PRESSED = bytes.fromhex(
    "cfffff7f002440e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffe7ff"
    "ff3f001200715800baf7fffcffff074002200e0b40f7fe9fffffff004800c46101e8defff3ffff1f"
    "000980382c00ddfb7ffeffff032001108705a07bff3f"
)

ENDLESS: dict[str, tuple[Reply, type[MiniMaxError], str, int]] = {
    "an event": (
        endless(head(content_type=EVENTS) + b"data: "),
        *(MiniMaxResponseError, "bytes", LARGEST),
    ),
    "lines of an event": (
        endless(head(content_type=EVENTS), b"data: " + PIECE + b"\n"),
        *(MiniMaxResponseError, "bytes", LARGEST),
    ),
    "comments": (
        endless(head(content_type=EVENTS), b": " + PIECE + b"\n\n"),
        *(MiniMaxResponseError, "bytes", LARGEST),
    ),
    "a whole reply": (
        endless(head(content_type=JSON)),
        *(MiniMaxResponseError, "bytes", LARGEST),
    ),
    "an error": (endless(head("400 No")), MiniMaxInvalidRequestError, "xx", 1),
    "headers": (
        endless(head()[:-2], b"x-y: " + b"y" * 4000 + b"\r\n"),
        *(MiniMaxConnectionError, "No connection", 1),
    ),
    "a status": (
        endless(b"HTTP/1.1 200 "),
        *(MiniMaxConnectionError, "No connection", 1),
    ),
    "a zipped reply": (packed("gzip", ZIPPED), MiniMaxResponseError, "bytes", LARGEST),
    "a reply zipped twice": (
        packed("gzip, gzip", gzip.compress(ZIPPED)),
        *(MiniMaxResponseError, "packed", LARGEST),
    ),
    "a pressed reply": (packed("br", PRESSED), MiniMaxResponseError, "packed", LARGEST),
}


@every_call
@pytest.mark.parametrize(
    ("reply", "kind", "words", "most"), ENDLESS.values(), ids=ENDLESS
)
def test_a_reply_without_end_is_hung_up_on(
    ask: Ask, reply: Reply, kind: type[MiniMaxError], words: str, most: int
) -> None:
    with Talker(reply) as server:
        model = ChatMiniMax(
            model="MiniMax-M3",
            api_key="sk-api-of-nobody",
            base_url=f"http://{server.address}",
            max_retries=0 if kind is MiniMaxConnectionError else 2,
        )
        with pytest.raises(MiniMaxError, match=words) as caught:
            ask(model, "Hello")
    assert type(caught.value) is kind
    assert server.sent <= (most + ON_THE_WAY) * MB


IN_LITTLE_ROOM = """
import resource
import pytest
from contract_tests import test_hostile as hostile
from support.ways import CALLS

for reply in hostile.ENDLESS.values():
    hostile.test_a_reply_without_end_is_hung_up_on(CALLS["invoke"], *reply)
    with open("/proc/self/statm") as sizes:
        used = int(sizes.read().split()[0]) * resource.getpagesize()
    room = used + 350 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
print("enough")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what is in use")
def test_a_reply_without_end_takes_little_memory() -> None:
    """Each of them once more, where there is no room for half a gigabyte."""
    ran = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_ROOM],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.stdout == "enough\n", ran.stderr


# --- Nonsense in a reply -------------------------------------------------------------

NONSENSE: dict[str, str] = {
    "nested deep": "[" * 190 + "]" * 190,
    "nested deeper": '{"a":' * 900 + "1" + "}" * 900,
    "nested without end": "[" * 100_000,
    "a number beyond floats": "1e999",
    "a number of many digits": "9" * 5000,
    "a negative number": "-5",
    "a fraction": "1.5",
    "no number": "NaN",
    "nothing": "null",
    "a truth": "true",
    "a number": "7",
    "a text": '"x"',
    "a list": "[1]",
    "an object": '{"a": 1}',
    "an object with a key twice": '{"a": 1, "a": 2}',
    "a zero character": r'"\u0000"',
    "half a character": r'"\ud800"',
    "a long text": json.dumps("x" * 100_000),
}

WHOLE = {
    "anthropic": '{"id": "i", "type": "message", "role": "assistant", "model": "m",'
    ' "content": CONTENT, "stop_reason": "end_turn", "usage": USAGE}',
    "openai": '{"id": "i", "object": "chat.completion", "model": "m", "choices":'
    ' [{"index": 0, "message": CONTENT, "finish_reason": "stop"}], "usage": USAGE}',
}
FINE = {"anthropic": '[{"type": "text", "text": "x"}]', "openai": '{"content": "x"}'}
COUNTS = {
    "anthropic": '{"input_tokens": ?, "output_tokens": ?}',
    "openai": '{"prompt_tokens": ?, "completion_tokens": ?,'
    ' "completion_tokens_details": ?}',
}
CONTENTS = {
    "anthropic": (
        "?",
        "[?]",
        '[{"type": ?, "text": "x"}]',
        '[{"type": "text", "text": ?}]',
        '[{"type": "thinking", "thinking": ?, "signature": ?}]',
        '[{"type": "tool_use", "id": ?, "name": ?, "input": ?}]',
        '[{"type": "tool_use", "id": "c", "name": "f", "input": {"x": ?}}]',
        '[{"type": "server_tool_use", "id": "c", "name": "f", "input": {"x": ?}}]',
    ),
    "openai": (
        "?",
        '{"content": ?}',
        '{"content": [?]}',
        '{"content": "x", "reasoning_content": ?, "refusal": ?}',
        '{"content": "x", "reasoning_details": ?}',
        '{"content": "x", "reasoning_details": [{"text": ?, "id": ?, "index": ?}]}',
        '{"tool_calls": ?}',
        '{"tool_calls": [?]}',
        '{"tool_calls": [{"id": ?, "index": ?, "function": ?}]}',
        '{"tool_calls": [{"id": "c", "function": {"name": ?, "arguments": ?}}]}',
    ),
}
STREAMS = {
    "anthropic": (
        '{"type": "message_start", "message": {"id": "i", "model": "m"}}',
        (
            '{"type": "content_block_start", "index": 0,'
            ' "content_block": {"type": "text", "text": "x"}}'
        ),
        "EVENT",
        '{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}',
        '{"type": "message_stop"}',
    ),
    "openai": (
        '{"id": "i", "choices": [{"index": 0, "delta": {"content": "x"}}]}',
        "EVENT",
        '{"id": "i", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}',
        "[DONE]",
    ),
}
STARTED = '{"type": "content_block_start", "index": ?, "content_block": BLOCK}'
CHANGED = '{"type": "content_block_delta", "index": 0, "delta": DELTA}'
CHUNK = '{"id": "i", "choices": [{"index": 0, "delta": DELTA}]}'
IN_EVENTS = {
    "anthropic": (
        *("?", '{"type": ?}', '{"type": "message_start", "message": ?}'),
        STARTED.replace("BLOCK", "?"),
        STARTED.replace("BLOCK", '{"type": "text", "text": ?}'),
        STARTED.replace("BLOCK", '{"type": "tool_use", "id": ?, "input": ?}'),
        CHANGED.replace("DELTA", "?"),
        CHANGED.replace("DELTA", '{"type": ?, "text": ?}'),
        CHANGED.replace("DELTA", '{"type": "input_json_delta", "partial_json": ?}'),
        CHANGED.replace("DELTA", '{"type": "signature_delta", "signature": ?}'),
        '{"type": "content_block_stop", "index": ?}',
        '{"type": "message_delta", "delta": ?, "usage": ?}',
        '{"type": "message_delta", "usage": {"input_tokens": ?, "output_tokens": ?}}',
    ),
    "openai": (
        *("?", '{"choices": ?}', '{"choices": [?]}', '{"id": ?, "usage": ?}'),
        '{"choices": [{"index": ?, "delta": ?, "finish_reason": ?}]}',
        *(CHUNK.replace("DELTA", delta) for delta in CONTENTS["openai"]),
        '{"choices": [], "usage": {"prompt_tokens": ?, "completion_tokens": ?}}',
    ),
}
ERRORS = (
    '{"base_resp": {"status_code": ?, "status_msg": ?}}',
    '{"type": "error", "error": ?}',
    '{"type": "error", "error": {"type": ?, "message": ?, "code": ?}}',
    '{"error": {"message": "x", "http_code": ?}, "request_id": ?}',
)


def bodies(protocol: str) -> list[str]:
    """Replies with a question mark where nonsense may stand."""
    whole = WHOLE[protocol]
    replies = [whole.replace("CONTENT", said) for said in CONTENTS[protocol]]
    counted = whole.replace("CONTENT", FINE[protocol])
    usages = [counted.replace("USAGE", usage) for usage in ("?", COUNTS[protocol])]
    return [*(each.replace("USAGE", "null") for each in replies), *usages, *ERRORS]


def streams(protocol: str) -> list[str]:
    """Streams likewise."""
    return [
        "".join(
            f"data: {event if each == 'EVENT' else each}\n\n"
            for each in STREAMS[protocol]
        )
        for event in (*IN_EVENTS[protocol], *ERRORS)
    ]


def answering(protocol: str, body: str, kind: str, status: int = 200) -> ChatMiniMax:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": kind}, text=body)

    return ChatMiniMax(
        model="MiniMax-M3",
        protocol=protocol,
        api_key="sk-api-of-nobody",
        max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
        http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )


def assert_sound(ask: Ask, model: ChatMiniMax) -> None:
    """A message that can be kept and sent again, or an error of ours."""
    try:
        reply = ask(model, "Hello")
    except MiniMaxError as error:
        words = str(error)
    else:
        words = "It is an answer."
        assert dumps(reply)
        thread = [HumanMessage("Hello"), reply, HumanMessage("Well?")]
        assert fine(model.protocol).invoke(thread).text
    assert len(words) < 5_000


nonsensical = pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)


@nonsensical
def test_nonsense_in_a_reply(nonsense: str, protocol: str) -> None:
    for body in bodies(protocol):
        said = body.replace("?", nonsense)
        assert_sound(CALLS["invoke"], answering(protocol, said, JSON))
        assert_sound(CALLS["invoke"], answering(protocol, said, JSON, status=400))


@nonsensical
def test_nonsense_in_a_stream(nonsense: str, protocol: str) -> None:
    for body in streams(protocol):
        said = body.replace("?", nonsense)
        assert_sound(CALLS["astream"], answering(protocol, said, EVENTS))


MANY = 5_000
MANY_BLOCKS = {
    "anthropic": WHOLE["anthropic"].replace(
        "CONTENT", json.dumps([{"type": "text", "text": "x"}] * MANY)
    ),
    "openai": WHOLE["openai"].replace(
        "CONTENT",
        json.dumps({"tool_calls": [{"function": {"name": "f"}, "id": "c"}] * MANY}),
    ),
}


@every_call
def test_blocks_without_end_are_refused(ask: Ask, protocol: str) -> None:
    body = MANY_BLOCKS[protocol].replace("USAGE", "null")
    with pytest.raises(MiniMaxResponseError, match="more than 1,024 blocks"):
        ask(answering(protocol, body, JSON), "Hello")


# --- Nonsense in a conversation ------------------------------------------------------


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


def nested_schema(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return {"title": "Answer", **schema}


def wrapped(levels: int) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(levels):
        part = {"type": "non_standard", "value": part}
    return part


def thread(result: Any = "done", **call: Any) -> list[AnyMessage]:
    made = {**CALL, **call}
    return [
        HumanMessage("Do it."),
        AIMessage("", tool_calls=[made]),
        ToolMessage(result, tool_call_id=made["id"]),
    ]


def tool(**fields: Any) -> dict[str, Any]:
    return {"name": "f", "input_schema": {"type": "object", "properties": {}}, **fields}


CALL: dict[str, Any] = {"name": "f", "args": {}, "id": "c", "type": "tool_call"}
DEEP, DEEPER = 800, 10_000
CIRCLE: dict[str, Any] = {}
CIRCLE["a"] = CIRCLE
DIGITS = 10**5_000

SENT: dict[str, tuple[Any, dict[str, Any]]] = {
    "deep arguments": (thread(args=nested(DEEP)), {}),
    "deep content": ([HumanMessage([{"type": "odd", "x": nested(DEEPER)}])], {}),
    "a deep result": (thread([nested(DEEPER)]), {}),
    "a circle": ([HumanMessage([{"type": "odd", "x": CIRCLE}])], {}),
    "digits in a result": (thread([{"x": DIGITS}]), {}),
    "infinity": (thread(args={"x": float("inf")}), {}),
    "zero characters": ([SystemMessage("a\0"), HumanMessage("b\0")], {}),
    "half characters": (thread("\ud800", args={"\ud800": "\udfff"}, id="\ud800"), {}),
    "both directions": ([HumanMessage("\u202eabc\u2066\u200f")], {}),
    "bytes in arguments": (thread(args={"x": b"y"}), {}),
    "bytes in a result": (thread([{"x": b"\xff"}]), {}),
    "a set": (thread(args={"x": {1}}), {}),
    "odd kwargs": (
        [
            HumanMessage("a"),
            AIMessage("b", additional_kwargs={"thinking_blocks": 5, "audio": []}),
            HumanMessage("c"),
        ],
        {},
    ),
    "a large schema": (
        "a",
        {
            "tools": [
                tool(
                    input_schema={
                        "type": "object",
                        "properties": {
                            f"p{n}": {"type": "string"} for n in range(10_000)
                        },
                    }
                )
            ]
        },
    ),
    **{
        f"a tool called {name[:9]!r}": (thread(name=name), {"tools": [tool(name=name)]})
        for name in (
            *("a b", "\U0001f600", "../a", "a\nb", "__proto__", "\0", "\ud800", "<a>"),
            "a" * 10_000,
        )
    },
    "two tools of a name": ("a", {"tools": [tool(), tool(description="b")]}),
    "calls of one id": (
        [
            HumanMessage("Do it."),
            AIMessage(
                "", tool_calls=[{**CALL, "args": {"n": n}} for n in range(3_000)]
            ),
        ],
        {},
    ),
}

FORMAT = {"type": "json_schema", "json_schema": {"schema": nested_schema(DEEPER)}}
REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    "deep arguments": (thread(args=nested(DEEPER)), {}),
    "deep wrapping": ([HumanMessage([wrapped(DEEPER)])], {}),
    "a deep schema": ("a", {"tools": [tool(input_schema=nested_schema(DEEPER))]}),
    "a deep answer": ("a", {"response_format": FORMAT}),
    "a circular schema": ("a", {"tools": [tool(input_schema={"properties": CIRCLE})]}),
    "a schema that is none": ("a", {"tools": [tool(input_schema="x")]}),
    "circular arguments": (thread(args=CIRCLE), {}),
    "bytes that are no text": (thread(args={"x": b"\xff"}), {}),
    "bytes as text": ([HumanMessage([{"type": "text", "text": b"x"}])], {}),
    "tools that are none": ("a", {"tools": 5}),
    "a tool that is none": ("a", {"tools": [None]}),
    "a tool without a name": ("a", {"tools": [tool(name="")]}),
    "a deep choice": ("a", {"tools": [tool()], "tool_choice": nested(DEEPER)}),
    "a deep format": ("a", {"response_format": nested(DEEPER)}),
    "deep stops": ("a", {"stop": [nested(DEEPER)]}),
    "a deep user": ("a", {"user_id": nested(DEEPER)}),
    "a hot number": ("a", {"temperature": DIGITS}),
    "no number": ("a", {"temperature": float("nan")}),
    "a deep body": ("a", {"model_kwargs": {"x": nested(DEEPER)}}),
    "too much": ([HumanMessage("x" * 65 * MB)], {}),
}


def fine(protocol: str) -> ChatMiniMax:
    said = WHOLE[protocol].replace("CONTENT", FINE[protocol])
    return answering(protocol, said.replace("USAGE", "null"), JSON)


def calls(table: dict[str, tuple[Any, dict[str, Any]]]) -> Any:
    return pytest.mark.parametrize(("messages", "said"), table.values(), ids=table)


@calls(SENT)
@pytest.mark.filterwarnings("ignore:MiniMax knows no part")
def test_what_can_be_said_is_sent(
    messages: Any, said: dict[str, Any], protocol: str
) -> None:
    assert fine(protocol).invoke(messages, **said).text == "x"


@calls(REFUSED)
@pytest.mark.parametrize("way", ["ainvoke", "stream"])
def test_what_cannot_be_said_is_refused_in_few_words(
    way: str, messages: Any, said: dict[str, Any], protocol: str
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError) as caught:
        CALLS[way](fine(protocol), messages, **said)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_a_schema_that_is_too_deep_is_refused(method: Any, protocol: str) -> None:
    with pytest.raises(MiniMaxInvalidRequestError) as caught:
        fine(protocol).with_structured_output(nested_schema(DEEPER), method=method)
    assert len(str(caught.value)) < 1_000
