"""The same conversation over both protocols: nothing that a user observes differs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.rate_limiters import BaseRateLimiter
from tenacity import RetryCallState

from langchain_minimax import ChatMiniMax, MiniMaxError
from langchain_minimax.testing import (
    Emulator,
    Fault,
    Quirks,
    Raw,
    RecordedRequest,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from support.sent import CHAT, as_sent, body_of, spelled_out, system_as_sent
from support.ways import WAYS, Ask

Json = dict[str, Any]
PROTOCOLS = ("anthropic", "openai")
DEFAULT_MAX_TOKENS = 131_072  # M3's
STREAMS = ["stream", "astream", "events", "aevents"]

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
every_layout = pytest.mark.parametrize("layout", ["v0", "v1"])


def dig(at: int, deep: bool = False) -> str:
    """Dig a hole."""
    return f"A stone, at {at}{', deep' * deep}."


def look(where: str) -> str:
    """Look at a place."""
    return f"Nothing at {where}."


TOOLS = {tool.__name__: tool for tool in (dig, look)}


@pytest.fixture
def model_of() -> Callable[..., ChatMiniMax]:
    def model(server: Emulator, protocol: str, **fields: Any) -> ChatMiniMax:
        return ChatMiniMax(
            **{
                "model": "MiniMax-M3",
                "protocol": protocol,
                "api_key": server.api_key,
                "base_url": server.base_url,
                "max_retries": 0,
                **fields,
            }
        )

    return model


# --- Conversations -------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A conversation: what is asked, and what the model says, reply by reply.

    After each reply but the last its tools are run, or else a person goes on.
    """

    replies: Sequence[Reply]
    messages: Sequence[BaseMessage] = (HumanMessage("Hello"),)
    fields: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)


def says(*blocks: Any, cut: bool = False, tier: str = "standard") -> Reply:
    usage = {
        "input_tokens": 13,
        "output_tokens": 29,
        "cache_read_input_tokens": 157,
        "service_tier": tier,
    }
    return Reply(blocks, stop_reason="max_tokens" if cut else None, usage=usage)


PNG = "iVBORw0KGgo="
SHOWN = [
    {"type": "text", "text": "What is this?"},
    {"type": "image", "url": "https://example.com/a.png", "extras": {"detail": "low"}},
    {"type": "image", "base64": PNG, "mime_type": "image/png"},
    {"type": "video", "url": "https://example.com/a.mp4"},
]
THOUGHT = Thinking("The user greets me.\n\nI greet back.")

CASES = {
    "text": Case([says(Text("Hello, you there!"))]),
    "thinking": Case([says(THOUGHT, Text("Hello!"))], fields={"thinking": True}),
    "only thinking": Case([says(THOUGHT)], fields={"thinking": True}),
    "line ends": Case([says(THOUGHT, Text("\n\nHello.\n"))]),
    "tool": Case([says(ToolUse("dig", {"at": 3, "deep": True}, "c1"))]),
    "tool without arguments": Case([says(ToolUse("rest", {}, "c1"))]),
    "parallel tools": Case(
        [says(ToolUse("dig", {"at": 3}, "c1"), ToolUse("look", {"where": "up"}, "c2"))]
    ),
    "thinking, text and tool": Case(
        [says(THOUGHT, Text("I look."), ToolUse("look", {"where": "é漢🎈"}, "c1"))],
        fields={"thinking": True},
    ),
    "cut text": Case([says(Text("Once upon a"), cut=True)], fields={"max_tokens": 9}),
    "cut thinking": Case([says(Thinking("The user gr"), cut=True)]),
    "cut tool call": Case(
        [
            says(
                ToolUse("look", {"where": "up"}, "c1"),
                ToolUse("dig", '{"at": [3, {"x', "c2"),
                cut=True,
            )
        ]
    ),
    "arguments that are no object": Case([says(ToolUse("dig", "[3]", "c1"))]),
    "empty": Case([says()]),
    "cut before it began": Case([says(cut=True)]),
    "stop sequence": Case(
        [says(THOUGHT, Text("All is said. STOP and more."))],
        options={"stop": ["never", "STOP"]},
    ),
    "stop sequence in thinking": Case(
        [says(Thinking("STOP or not?"), Text("Not."))], options={"stop": ["STOP"]}
    ),
    "unicode": Case(
        [says(Thinking("é 漢字 👩‍👩‍👧 \u2028"), Text("é 漢字 👩‍👩‍👧 \u2028"))]
    ),
    "tags": Case([says(Text("Write `<think>` and </think>, <b>bold</b> & 1 < 2 <"))]),
    "images": Case([says(Text("A cat."))], [HumanMessage(SHOWN)]),
    "system messages": Case(
        [says(Text("Ahoy."))],
        [
            *(SystemMessage("Be kind."), SystemMessage("Be brief.")),
            *(HumanMessage("Hello"), SystemMessage("Talk like a pirate.")),
        ],
    ),
    "settings": Case(
        [says(Text("Hello."), tier="priority")],
        fields={"temperature": 0.5, "top_p": 0.9, "service_tier": "priority"},
        options={"max_tokens": 77, "thinking": "disabled"},
    ),
    "many turns": Case(
        [
            says(THOUGHT, Text("I look."), ToolUse("look", {"where": "up"}, "c1")),
            says(
                Thinking("Nothing, so I dig."),
                ToolUse("dig", {"at": 1}, "c2"),
                ToolUse("dig", {"at": 2}, "c3"),
            ),
            says(Thinking("Stones."), Text("Two stones.")),
            says(Text("You are welcome.")),
        ],
        fields={"thinking": True},
    ),
}


def converse(ask: Ask, model: Any, case: Case) -> list[BaseMessage]:
    """All messages of a conversation."""
    thread = list(case.messages)
    for place in range(len(case.replies)):
        if place:
            thread += go_on(thread[-1])
        thread.append(ask(model, thread, **case.options))
    return thread


def go_on(reply: AIMessage) -> list[BaseMessage]:
    results = [
        ToolMessage(TOOLS[call["name"]](**call["args"]), tool_call_id=call["id"])
        for call in reply.tool_calls
    ]
    return [*results] or [HumanMessage("Thank you. And then?")]


def told(message: AIMessage) -> Json:
    """All that a message tells its reader, but for what is each reply's own."""
    metadata = {k: v for k, v in message.response_metadata.items() if k != "id"}
    return {
        "type": type(message),
        "content": neutral(message.content),
        "text": message.text,
        "tool_calls": message.tool_calls,
        "invalid_tool_calls": message.invalid_tool_calls,
        "blocks": neutral(message.content_blocks),
        "beside": neutral(message.additional_kwargs),
        "metadata": metadata,
        "usage": message.usage_metadata,
    }


# What the server needs back, and where it stood: each protocol has its own.
KEPT = ("signature", "sent_as", "index")


def neutral(value: Any) -> Any:
    match value:
        case dict():
            kept = {k: neutral(v) for k, v in value.items() if k not in KEPT}
            return {k: v for k, v in kept.items() if (k, v) != ("extras", {})}
        case list():
            return [neutral(each) for each in value]
        case _:
            return value


def asked(protocol: str, request: RecordedRequest) -> Json:
    """What a request says, in one shape; as far as Chat Completions can say it."""
    assert (request.path == CHAT) is (protocol == "openai")
    assert request.stray_keys == []
    body = body_of(request)
    # What is always sent there, or only in streams.
    extra = ("reasoning_split", "stream_options") if protocol == "openai" else ()
    both = {key: value for key, value in body.items() if key not in extra}
    if protocol == "openai":
        # Unasked, a host that is not MiniMax's is given no limit here.
        both["max_tokens"] = both.pop("max_completion_tokens", DEFAULT_MAX_TOKENS)
    both["system"] = system_as_sent("openai", spelled_out(body["system"]))
    both["messages"] = as_sent("openai", body["messages"])
    both["tools"] = [_tool(tool) for tool in body.get("tools") or ()]
    return both


def _tool(tool: Json) -> Json:
    if "function" not in tool:
        return tool
    function = dict(tool["function"])
    schema = function.pop("parameters")
    return {**function, "input_schema": schema}


@every_way
@every_layout
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_conversation(
    case: Case, layout: str, ask: Ask, serve: Any, model_of: Any
) -> None:
    threads, requests = {}, {}
    for protocol in PROTOCOLS:
        server = serve(*case.replies)
        fields = {"output_version": layout, **case.fields}
        model = model_of(server, protocol, **fields)
        said = converse(ask, model.bind_tools([*TOOLS.values()]), case)
        threads[protocol] = [told(each) for each in said if isinstance(each, AIMessage)]
        requests[protocol] = [asked(protocol, each) for each in server.requests]
        assert all(
            replay.verdict == "verbatim"
            for request in server.requests
            for replay in request.replayed
        )
    assert len(threads["openai"]) == len(case.replies)
    assert threads["openai"] == threads["anthropic"]
    assert requests["openai"] == requests["anthropic"]


ODDITIES = {
    "usage in the last chunk": Quirks(chat_usage="last chunk"),
    "summary": Quirks(chat_summary=True),
    "[DONE]": Quirks(chat_done=True),
    "summary and [DONE]": Quirks(chat_summary=True, chat_done=True),
    "envelope": Quirks(chat_envelope=True),
    "empty role": Quirks(chat_empty_role=True),
    "snapshots": Quirks(chat_snapshots=True),
    "thinks twice": Quirks(chat_thinks_twice=True),
    "stray closing tag": Quirks(chat_stray_close=True),
    "one index": Quirks(chat_same_index=True, chat_fragments="indexed"),
    "fragments": Quirks(chat_fragments="bare"),
    "empty arguments": Quirks(chat_empty_arguments=True),
    "coarse": Quirks(fine_deltas=False),
    "older ids": Quirks(ids="clock", tool_ids="call_function_"),
    "base_resp": Quirks(base_resp_on_success=True),
}


@every_layout
@pytest.mark.parametrize("quirks", ODDITIES.values(), ids=ODDITIES)
@pytest.mark.parametrize(
    "name", ["many turns", "parallel tools", "tool without arguments"]
)
def test_whatever_is_odd_about_the_server(
    name: str, quirks: Quirks, layout: str, serve: Any, model_of: Any
) -> None:
    case, fields = CASES[name], {"output_version": layout, **CASES[name].fields}
    for way in ("invoke", "stream", "events"):
        plain = model_of(serve(*case.replies), "anthropic", **fields)
        server = serve(*case.replies, quirks=quirks)
        odd = model_of(server, "openai", **fields)
        wanted, found = (
            [
                told(message)
                for message in converse(WAYS[way], model, case)
                if isinstance(message, AIMessage)
            ]
            for model in (plain, odd)
        )
        assert found == wanted
        last = server.requests[-1]
        assert all(replay.verdict == "verbatim" for replay in last.replayed)


# --- Usage ---------------------------------------------------------------------------

# What each protocol counts; from the prompt, Messages leaves out what the cache had.
USAGE: dict[str, tuple[Json, Json]] = {
    "plain": (
        {"input_tokens": 13, "output_tokens": 29},
        {"total_tokens": 42, "prompt_tokens": 13, "completion_tokens": 29},
    ),
    "read from the cache": (
        {"input_tokens": 13, "output_tokens": 29, "cache_read_input_tokens": 157},
        {
            "total_tokens": 199,
            "prompt_tokens": 170,
            "completion_tokens": 29,
            "prompt_tokens_details": {"cached_tokens": 157},
        },
    ),
    "written to the cache": (
        {
            "input_tokens": 0,
            "output_tokens": 259,
            "cache_creation_input_tokens": 21,
            "cache_read_input_tokens": 36,
        },
        {
            "total_tokens": 316,
            "prompt_tokens": 57,
            "completion_tokens": 259,
            "prompt_tokens_details": {
                "cached_tokens": 36,
                "cache_read_input_tokens": 36,
                "cache_creation_input_tokens": 21,
            },
        },
    ),
    "thought": (
        {
            "input_tokens": 13,
            "output_tokens": 29,
            "output_tokens_details": {"thinking_tokens": 17},
        },
        {
            "total_tokens": 42,
            "prompt_tokens": 13,
            "completion_tokens": 29,
            "completion_tokens_details": {"reasoning_tokens": 17},
        },
    ),
    "zeros": (
        {"input_tokens": 0, "output_tokens": 0},
        {"total_tokens": 0, "total_characters": 0},
    ),
}


@every_way
@pytest.mark.parametrize("counts", USAGE.values(), ids=USAGE)
def test_usage(counts: tuple[Json, Json], ask: Ask, serve: Any, model_of: Any) -> None:
    there, here = (
        ask(model_of(serve(Reply([Text("Hi.")], usage=usage)), protocol), "Hello")
        for protocol, usage in zip(PROTOCOLS, counts, strict=True)
    )
    assert here.usage_metadata == there.usage_metadata
    if any(counts[0].values()):
        assert here.usage_metadata["total_tokens"] == counts[1]["total_tokens"]


@pytest.mark.parametrize("way", STREAMS)
def test_usage_that_is_not_wanted(way: str, serve: Any, model_of: Any) -> None:
    for protocol in PROTOCOLS:
        model = model_of(serve("Hi."), protocol, stream_usage=False)
        assert WAYS[way](model, "Hello").usage_metadata is None


# --- Streams -------------------------------------------------------------------------


@every_layout
@pytest.mark.parametrize(
    "name", ["thinking, text and tool", "stop sequence", "unicode"]
)
def test_the_steps_of_a_stream(
    name: str, layout: str, serve: Any, model_of: Any
) -> None:
    """Words come in the same pieces, in the same order."""
    case, steps = CASES[name], {}
    for protocol in PROTOCOLS:
        server = serve(*case.replies)
        model = model_of(server, protocol, output_version=layout, **case.fields)
        chunks = list(model.stream([*case.messages], **case.options))
        assert len(chunks) > 3
        steps[protocol] = [
            step for chunk in chunks for step in _steps(chunk.content_blocks)
        ]
    assert steps["openai"] == steps["anthropic"]


def _steps(blocks: list[Any]) -> list[Any]:
    """The words and calls of a chunk, if it has any."""
    keys = ("text", "reasoning", "args", "name")
    said = [tuple(block.get(key) or "" for key in keys) for block in blocks]
    return [each for each in said if any(each)]


def test_the_events_of_a_stream(serve: Any, model_of: Any) -> None:
    case, kinds = CASES["thinking, text and tool"], {}
    for protocol in PROTOCOLS:
        model = model_of(serve(*case.replies), protocol, **case.fields)
        events = [*model.stream_events([*case.messages], version="v3")]
        names = [event["event"] for event in events]
        kinds[protocol] = [
            name
            for name, before in zip(names, ["", *names], strict=False)
            if name != before
        ]
    assert kinds["openai"] == kinds["anthropic"]
    assert "content-block-delta" in kinds["openai"]


# --- Errors --------------------------------------------------------------------------

FAULTS: dict[str, Any] = {
    **{
        str(code): Fault.error(code)
        for code in (
            *(1000, 1002, 1004, 1008, 1013, 1026, 1027, 1033, 1039, 1041, 2013),
            *(2045, 2049, 2061, 2064),
        )
    },
    **{
        f"{code} in a 200": Fault.ok_with_base_resp(code)
        for code in (1000, 1002, 1004, 1008, 1026, 1027, 1039, 2013, 2056, 2064)
    },
    "2056": Fault.error(2056, resets_at="2027-05-15T15:00:00Z"),
    "2056 without a reset": Fault.error(2056, "Token Plan usage limit reached"),
    "too long": Fault.error(2013, "context window exceeds limit"),
    "pairing": Fault.error(2013, "tool call result does not follow tool call"),
    "403": Fault(403, message="forbidden"),
    "413": Fault(413, message="request body exceeds 64 MB"),
    "520": Fault(520, 1000),
    "html": Fault.html(),
    "html in a 200": Fault.html(200),
    "garbage": Fault.garbage(),
    "nothing": Fault.empty(),
    "502": Raw("", status=502),
    "cut": Fault.cut(),
    "reset": Fault.reset(),
    **{
        f"{'wrapped' if wrapped else 'bare'} {code} after the {after}": (
            Fault.error_event(
                after, wrapped=wrapped, code=code, reply=Reply([Text("A long story.")])
            )
        )
        for wrapped in (True, False)
        for after in ("start", "content")
        for code in (1000, 1027, 2064)
    },
}

# Where the server's own words differ: what each protocol has, Messages first.
_SENSITIVE = {"status_code": [(500, 422)]}  # 500 there is a claim, 422 is of 2026-08
_IN_A_STREAM = {"status_code": [(500, 422), (200, 200)]}
DIFFERENCES: dict[str, dict[str, list[tuple[Any, Any]]]] = {
    # No number in the words of Messages (2025-12 to 2026-06).
    "1004": {"code": [(None, 1004)]},
    "2049": {"code": [(None, 2049)]},
    "1026": _SENSITIVE,
    "1027": _SENSITIVE,
    **{name: _IN_A_STREAM for name in FAULTS if "1027 after" in name},
}


def shown(error: MiniMaxError) -> Json:
    """What a caller can go by."""
    partial = error.partial
    return {
        "class": type(error),
        "code": error.code,
        "status_code": error.status_code,
        "is_retryable": error.is_retryable,
        "resets_at": getattr(error, "resets_at", None),
        "partial": None if partial is None else told(partial),
        "has an id": error.request_id is not None,
        "has a response": error.response is not None,
    }


def error_of(ask: Ask, model: Any, question: Any = "Hello") -> Json:
    with pytest.raises(MiniMaxError) as caught:
        ask(model, question)
    return shown(caught.value)


@pytest.mark.parametrize("way", ["invoke", "astream", "events"])
@pytest.mark.parametrize("name", FAULTS)
def test_an_error(name: str, way: str, serve: Any, model_of: Any) -> None:
    there, here = (
        error_of(WAYS[way], model_of(serve(FAULTS[name]), protocol))
        for protocol in PROTOCOLS
    )
    for key, pairs in DIFFERENCES.get(name, {}).items():
        assert (there.pop(key), here.pop(key)) in pairs
    assert here == there


@every_way
def test_an_unknown_model(ask: Ask, serve: Any, model_of: Any) -> None:
    there, here = (
        error_of(ask, model_of(serve(), protocol, model="MiniMax-M99"))
        for protocol in PROTOCOLS
    )
    # 404 as documented, 400 as seen.
    assert (there.pop("code"), here.pop("code")) == (None, 2013)
    assert (there.pop("status_code"), here.pop("status_code")) == (404, 400)
    assert here == there


@every_way
@pytest.mark.parametrize(
    ("fields", "question"),
    [
        ({"model": "MiniMax-M2.7"}, [HumanMessage(SHOWN)]),
        ({}, []),
        ({}, [HumanMessage([{"type": "audio", "base64": PNG}])]),
    ],
    ids=["blind model", "empty", "audio"],
)
def test_what_is_refused_before_it_is_sent(
    fields: Json, question: Any, ask: Ask, serve: Any, model_of: Any
) -> None:
    server = serve()
    there, here = (
        error_of(ask, model_of(server, protocol, **fields), question)
        for protocol in PROTOCOLS
    )
    assert here == there
    assert server.requests == []


BROKEN = Reply(
    [
        Thinking("The user wants to know."),
        Text("I look it up now."),
        ToolUse("look", {"where": "up and down"}, "c1"),
        ToolUse("dig", {"at": 123_456_789}, "c2"),
    ],
    delta_size=6,
)
PLACES = {
    "head": 0,
    "thinking": 2,
    "end of the thinking": 4,
    "text": 5,
    "end of the text": 7,
    "first call": 8,
    "end of the first call": 12,
    "last call": 13,
}


@pytest.fixture(scope="module")
def frames() -> dict[str, list[bytes]]:
    """The events of that stream."""
    paths = zip(PROTOCOLS, ("/anthropic/v1/messages", CHAT), strict=True)
    hello = {"role": "user", "content": "Hello"}
    body = {"model": "MiniMax-M3", "messages": [hello], "stream": True}
    with Emulator([BROKEN, BROKEN]) as server:
        key = {"authorization": f"Bearer {server.api_key}"}
        return {
            protocol: httpx.post(
                server.url + path, headers=key, json={**body, "reasoning_split": True}
            ).content.split(b"\n\n")
            for protocol, path in paths
        }


def offset_of(frames: Sequence[bytes], deltas: int) -> int:
    """Where in the bytes of a stream the first so many deltas have been told."""
    first, *others = frames
    end = len(first) + 2
    for frame in others if deltas else ():
        end += len(frame) + 2
        deltas -= _tells(frame)
        if not deltas:
            break
    return end


def _tells(frame: bytes) -> bool:
    """Whether an event adds to a block."""
    event = json.loads(frame.partition(b"data: ")[2] or b"{}")
    if "choices" in event:
        told = [choice["delta"] for choice in event["choices"]]
        said = ("content", "reasoning_content", "tool_calls")
        return any(delta.get(key) for delta in told for key in said)
    return event.get("delta", {}).get("type") in (
        *("thinking_delta", "text_delta", "input_json_delta"),
    )


@every_layout
@pytest.mark.parametrize(
    ("way", "ending"),
    [*zip(STREAMS, [Fault.cut, Fault.reset, Fault.reset, Fault.cut], strict=True)],
)
@pytest.mark.parametrize("place", PLACES)
def test_a_stream_that_breaks_off(
    place: str,
    way: str,
    ending: Any,
    layout: str,
    frames: Any,
    serve: Any,
    model_of: Any,
) -> None:
    found = {}
    for protocol in PROTOCOLS:
        at = offset_of(frames[protocol], PLACES[place])
        server = serve(ending(at_byte=at, reply=BROKEN))
        model = model_of(server, protocol, output_version=layout)
        found[protocol] = error_of(WAYS[way], model)
    assert found["openai"] == found["anthropic"]
    # Not by chance: it broke where it should.
    partial = found["openai"]["partial"]
    assert bool(partial and partial["blocks"]) is (place != "head")


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_whole_reply_that_breaks_off(way: str, serve: Any, model_of: Any) -> None:
    there, here = (
        error_of(WAYS[way], model_of(serve(Fault.cut(100, BROKEN)), protocol))
        for protocol in PROTOCOLS
    )
    assert here == there


# --- Retries -------------------------------------------------------------------------


class Limiter(BaseRateLimiter):
    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += blocking
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        await asyncio.sleep(0)
        self.asked += blocking
        return True


class Retries(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[tuple[int, Any]] = []

    def on_retry(self, retry_state: RetryCallState, **_: Any) -> None:
        error = retry_state.outcome.exception()
        self.seen.append((retry_state.attempt_number, type(error), error.code))


def soon(code: int) -> Fault:
    return Fault.error(code, retry_after=0)


SCRIPTS: dict[str, tuple[list[Any], int]] = {
    "passes": ([soon(2064), soon(1000), "At last."], 2),
    "passes late": ([soon(1002), soon(2045), soon(1041), "At last."], 2),
    "never passes": ([soon(2064)] * 9, 3),
    "passes, then does not": ([soon(2064), Fault.error(2013), "Never."], 2),
    "cannot pass": ([Fault.error(1008), "Never."], 2),
    "sensitive": ([Fault.error(1026), "Never."], 2),
    "window": ([Fault.error(2056), "Never."], 2),
    "no retries": ([soon(2064), "Never."], 0),
    "after something was shown": (
        [Fault.error_event("content", reply="A long story."), "At last."],
        0,
    ),
}


@every_way
@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_tried_again(name: str, ask: Ask, serve: Any, model_of: Any) -> None:
    script, max_retries = SCRIPTS[name]
    seen = {}
    for protocol in PROTOCOLS:
        server, limiter, retries = serve(*script), Limiter(), Retries()
        model = model_of(
            server, protocol, max_retries=max_retries, rate_limiter=limiter
        )
        try:
            reply = ask(model, "Hello", config={"callbacks": [retries]})
            outcome = told(reply)["content"]
        except MiniMaxError as error:
            outcome = shown(error)
            outcome.pop("status_code")
        statuses = [request.status == 200 for request in server.requests]
        seen[protocol] = outcome, statuses, limiter.asked, retries.seen
    assert seen["openai"] == seen["anthropic"]
    assert seen["openai"][2] == len(seen["openai"][1])
