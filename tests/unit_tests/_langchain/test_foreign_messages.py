"""What we read in the messages of other providers' clients.

Where the client can be had, its messages come out of its own converters, which hear a
reply of their provider's; the others are written down from their documentation.
"""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import anthropic
import openai
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    convert_to_openai_messages,
    merge_message_runs,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_openai import ChatOpenAI

from langchain_minimax._blocks import Block, Media, Text, Thinking, ToolResult, ToolUse
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._repair import repair
from support.ways import CALLS

Json = dict[str, Any]
Turns = list[tuple[str, list[Block]]]

QUESTION = HumanMessage("Well?")
ASKED = ("user", [Text("Well?")])
DIG = tool_call(name="dig", args={"at": 1}, id="c1")
DUG = ToolMessage("gold", tool_call_id="c1")
ANSWERED = ("user", [ToolResult("c1", "gold")])
CALLED = ToolUse("c1", "dig", {"at": 1})


def turns(*messages: BaseMessage) -> Turns:
    """The turns of a thread, which stays as it is itself."""
    before = copy.deepcopy(messages)
    conversation = repair(to_conversation(messages))
    assert list(messages) == list(before)
    assert [m.__dict__ for m in messages] == [m.__dict__ for m in before]
    assert conversation.system == ()
    assert repair(conversation) == conversation
    return [(turn.role, list(turn.blocks)) for turn in conversation.turns]


def said(message: BaseMessage) -> list[Block]:
    """What the model said, after a question."""
    asked, *rest = turns(QUESTION, message)
    assert asked == ASKED
    if not rest:
        return []
    ((role, blocks),) = rest
    assert role == "assistant"
    return blocks


def answered(message: BaseMessage) -> list[Block]:
    """What the model said; the result of its one call follows it."""
    asked, (role, blocks), after = turns(QUESTION, message, DUG)
    assert (asked, role, after) == (ASKED, "assistant", ANSWERED)
    return blocks


def by(provider: str | None, model: str | None = None) -> Json:
    named = {"model_provider": provider, "model_name": model}
    return {key: name for key, name in named.items() if name is not None}


def http_library(sdk: ModuleType) -> ModuleType:
    """What an SDK sends its requests with: httpx, or a fork of it."""
    base = sdk.DefaultHttpxClient.__mro__[1]
    return importlib.import_module(base.__module__.partition(".")[0])


# --- OpenAI's Responses API, by its own client ---------------------------------------

REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [
        {"type": "summary_text", "text": "Think one."},
        {"type": "summary_text", "text": "Think two."},
    ],
    "encrypted_content": "ENCRYPTED",
}
SEARCH = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "gold"},
}
CITED = {
    "type": "url_citation",
    "start_index": 0,
    "end_index": 5,
    "title": "Gold",
    "url": "https://example.com",
}


def output_text(text: str, annotations: list[Json]) -> Json:
    part = {"type": "output_text", "text": text, "annotations": annotations}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def function_call(number: int, arguments: str) -> Json:
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"c{number}",
        "name": "dig",
        "arguments": arguments,
        "status": "completed",
    }


REFUSED = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "refusal", "refusal": "I will not."}],
}


def response(output: list[Json], model: str = "gpt-5") -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": model,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
        "output": output,
        "usage": {
            "input_tokens": 1,
            "output_tokens": 1,
            "total_tokens": 2,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def response_events(output: list[Json], model: str) -> Iterator[Json]:
    """How the Responses API streams an output."""
    begun = {**response([], model), "status": "in_progress", "usage": None}
    yield {"type": "response.created", "response": begun}
    for place, item in enumerate(output):
        at = {"output_index": place, "item_id": item["id"]}
        yield {
            "type": "response.output_item.added",
            "item": {**item, **empty(item)},
            **at,
        }
        for kind, fields in item_events(item):
            yield {"type": f"response.{kind}", **at, **fields}
        yield {"type": "response.output_item.done", "item": item, **at}
    yield {"type": "response.completed", "response": response(output, model)}


def empty(item: Json) -> Json:
    bare = {"content": [], "summary": [], "arguments": "", "status": "in_progress"}
    return {key: value for key, value in bare.items() if key in item}


def item_events(item: Json) -> Iterator[tuple[str, Json]]:
    for number, part in enumerate(item.get("summary", ())):
        at = {"summary_index": number}
        yield "reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        yield "reasoning_summary_text.delta", {**at, "delta": part["text"]}
        yield "reasoning_summary_part.done", {**at, "part": part}
    for number, part in enumerate(item.get("content", ())):
        at = {"content_index": number, "logprobs": []}
        if part["type"] == "refusal":
            yield "refusal.delta", {**at, "delta": part["refusal"]}
            yield "refusal.done", {**at, "refusal": part["refusal"]}
            continue
        for delta in pieces(part["text"]):
            yield "output_text.delta", {**at, "delta": delta}
        for place, note in enumerate(part["annotations"]):
            noted = {"annotation_index": place, "annotation": note}
            yield "output_text.annotation.added", {**at, **noted}
        yield "output_text.done", {**at, "text": part["text"]}
    for delta in pieces(item.get("arguments", "")):
        yield "function_call_arguments.delta", {"delta": delta}


def pieces(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def sse(events: Iterator[Json]) -> bytes:
    lines = (
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events
    )
    return "".join(lines).encode()


def responses_api(
    way: str, layout: str, output: list[Json], model: str = "gpt-5"
) -> AIMessage:
    """What OpenAI's client makes of an output."""
    http = http_library(openai)
    numbered = (
        {**event, "sequence_number": number}
        for number, event in enumerate(response_events(output, model))
    )
    if way == "stream":
        stream = {"content-type": "text/event-stream"}
        reply = http.Response(200, headers=stream, content=sse(numbered))
    else:
        reply = http.Response(200, json=response(output, model))
    client = ChatOpenAI(
        model=model,
        api_key="sk-nobody",
        use_responses_api=True,
        output_version=layout,
        http_client=http.Client(transport=http.MockTransport(lambda _: reply)),
    )
    return CALLS[way](client, "Well?")


two_layouts = pytest.mark.parametrize("layout", ["v0", "v1"])
both_ways = pytest.mark.parametrize("way", ["invoke", "stream"])
responses_layouts = pytest.mark.parametrize("layout", ["v0", "responses/v1", "v1"])


@both_ways
@responses_layouts
def test_of_openais_responses_the_words_and_calls_are_kept(
    way: str, layout: str
) -> None:
    output = [
        REASONING,
        SEARCH,
        output_text("Gold is there.", [CITED]),
        function_call(1, '{"at": 1}'),
    ]
    message = responses_api(way, layout, output)
    assert "Gold is there." in str(message.content)
    assert answered(message) == [Text("Gold is there."), CALLED]


@both_ways
@responses_layouts
def test_of_openais_replies_without_metadata_the_order_is_kept(
    way: str, layout: str
) -> None:
    output = [output_text("Gold is there.", [CITED]), function_call(1, '{"at": 1}')]
    message = responses_api(way, layout, [REASONING, SEARCH, *output])
    bare = AIMessage(message.content, tool_calls=message.tool_calls)
    spoken = [block for block in answered(bare) if not isinstance(block, Thinking)]
    assert spoken == [Text("Gold is there."), CALLED]


@both_ways
@responses_layouts
def test_of_openais_parallel_calls_each_has_its_result(way: str, layout: str) -> None:
    output = [
        REASONING,
        function_call(1, '{"at": 1}'),
        function_call(2, '{"at": 2}'),
    ]
    message = responses_api(way, layout, output)
    late = ToolMessage("silver", tool_call_id="c2")
    assert turns(QUESTION, message, late, DUG) == [
        ASKED,
        ("assistant", [CALLED, ToolUse("c2", "dig", {"at": 2})]),
        ("user", [ToolResult("c1", "gold"), ToolResult("c2", "silver")]),
    ]


@responses_layouts
def test_of_openais_broken_calls_the_arguments_are_told(layout: str) -> None:
    message = responses_api("invoke", layout, [function_call(1, '{"at":')])
    assert message.invalid_tool_calls
    assert answered(message) == [ToolUse("c1", "dig", {"invalid_arguments": '{"at":'})]


@both_ways
@responses_layouts
def test_openais_refusals_are_words(way: str, layout: str) -> None:
    message = responses_api(way, layout, [REFUSED])
    assert said(message) == [Text("I will not.")]


@both_ways
@responses_layouts
def test_openais_thoughts_alone_say_nothing(way: str, layout: str) -> None:
    assert said(responses_api(way, layout, [REASONING])) == []


@both_ways
@responses_layouts
def test_a_picture_of_openais_tool_is_shown_where_the_content_has_it(
    way: str, layout: str
) -> None:
    drawn = {
        "type": "image_generation_call",
        "id": "ig_1",
        "status": "completed",
        "result": PNG,
    }
    message = responses_api(way, layout, [drawn, output_text("There.", [])])
    (role, blocks), *shown = turns(QUESTION, message)[1:]
    assert (role, blocks) == ("assistant", [Text("There.")])
    # The layout "v0" keeps it outside the content, as a raw output of a tool.
    expected = [] if layout == "v0" else [("user", shown_by_the_model(image(PNG)))]
    assert shown == expected


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501


def image(data: str) -> Media:
    return Media("image", data=data, media_type="image/png")


def shown_by_the_model(*media: Media) -> list[Block]:
    return [Text('<message role="assistant">'), *media, Text("</message>")]


# --- Chat Completions, by OpenAI's client --------------------------------------------


def chat_completion(message: Json, model: str, layout: str = "v0") -> AIMessage:
    http = http_library(openai)
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": None, **message},
            }
        ],
    }
    reply = http.Response(200, json=body)
    transport = http.MockTransport(lambda _: reply)
    return ChatOpenAI(
        model=model,
        api_key="sk-nobody",
        output_version=layout,
        http_client=http.Client(transport=transport),
    ).invoke("Well?")


@two_layouts
def test_of_chat_completions_the_words_and_calls_are_kept(layout: str) -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "dig", "arguments": '{"at": 1}'},
    }
    message = chat_completion({"content": "So.", "tool_calls": [call]}, "gpt-5", layout)
    assert answered(message) == [Text("So."), CALLED]


@two_layouts
def test_the_refusal_of_a_chat_completion_is_words(layout: str) -> None:
    message = chat_completion({"refusal": "I will not."}, "gpt-5", layout)
    assert said(message) == [Text("I will not.")]


@two_layouts
def test_a_spoken_chat_completion_is_its_transcript(layout: str) -> None:
    audio = {"id": "a1", "data": "UklGRg==", "transcript": "Gold.", "expires_at": 1}
    message = chat_completion({"audio": audio}, "gpt-audio", layout)
    assert said(message) == [Text("Gold.")]


@two_layouts
def test_thoughts_in_the_words_of_a_chat_completion_stay_there(layout: str) -> None:
    text = "<think>\nHm.\n</think>\n\nGold."
    assert said(chat_completion({"content": text}, "MiniMax-M3", layout)) == [
        Text(text)
    ]


# --- Claude, by Anthropic's client ---------------------------------------------------

CLAUDE_MODEL = "claude-of-tomorrow"  # real ones are deprecated, and say so
CLAUDE = [
    {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
    {"type": "redacted_thinking", "data": "REDACTED"},
    {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "web_search",
        "input": {"query": "gold"},
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [
            {
                "type": "web_search_result",
                "url": "https://example.com",
                "title": "Gold",
                "encrypted_content": "ENCRYPTED",
                "page_age": None,
            }
        ],
    },
    {
        "type": "text",
        "text": "Gold is there.",
        "citations": [
            {
                "type": "web_search_result_location",
                "url": "https://example.com",
                "title": "Gold",
                "encrypted_index": "ENCRYPTED",
                "cited_text": "gold",
            }
        ],
    },
    {"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}},
]


def claude_events(content: list[Json], model: str) -> Iterator[Json]:
    yield {
        "type": "message_start",
        "message": {**claude_body([], model), "stop_reason": None},
    }
    for index, block in enumerate(content):
        start, deltas = claude_deltas(block)
        at = {"index": index}
        yield {"type": "content_block_start", **at, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", **at, "delta": delta}
        yield {"type": "content_block_stop", **at}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 1},
    }
    yield {"type": "message_stop"}


def claude_deltas(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "thinking":
            thought = {"type": "thinking_delta", "thinking": block["thinking"]}
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [thought, signed]
        case "text":
            words = [
                {"type": "text_delta", "text": text} for text in pieces(block["text"])
            ]
            cited = [
                {"type": "citations_delta", "citation": citation}
                for citation in block.get("citations", ())
            ]
            return {"type": "text", "text": ""}, [*cited, *words]
        case "tool_use" | "server_tool_use":
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": part}
                for part in pieces(json.dumps(block["input"]))
            ]
        case _:
            return block, []


def claude_body(content: list[Json], model: str) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def messages_api(way: str, layout: str, content: list[Json], model: str) -> AIMessage:
    """What Anthropic's client makes of a reply."""
    http = http_library(anthropic)
    if way == "stream":
        stream = {"content-type": "text/event-stream"}
        events = sse(claude_events(content, model))
        reply = http.Response(200, headers=stream, content=events)
    else:
        reply = http.Response(200, json=claude_body(content, model))
    client = ChatAnthropic(
        model=model, api_key="sk-nobody", max_tokens=64, output_version=layout
    )
    transport = http.MockTransport(lambda _: reply)
    # It takes no HTTP client of ours (langchain#36056).
    client.__dict__["_client"] = anthropic.Client(
        api_key="sk-nobody", http_client=http.Client(transport=transport)
    )
    dig = {"name": "dig", "input_schema": {"type": "object", "properties": {}}}
    return CALLS[way](client.bind_tools([dig]), "Well?")


@both_ways
@two_layouts
def test_of_claude_the_words_and_calls_are_kept(way: str, layout: str) -> None:
    message = messages_api(way, layout, CLAUDE, CLAUDE_MODEL)
    assert "SIGNED" in str(message.content)
    assert answered(message) == [Text("Gold is there."), CALLED]


@both_ways
@two_layouts
def test_of_minimax_by_anthropics_client_the_thoughts_are_kept_too(
    way: str, layout: str
) -> None:
    content = [CLAUDE[0], {"type": "text", "text": "So."}, CLAUDE[-1]]
    message = messages_api(way, layout, content, "MiniMax-M3")
    assert answered(message) == [Thinking("Hm.", "SIGNED"), Text("So."), CALLED]


WIRE = {"thinking", "text", "tool_use", "server_tool_use", "web_search_tool_result"}
"""What MiniMax takes in a turn of the model's (official OpenAPI, summer 2026)."""


@both_ways
@two_layouts
def test_of_minimax_by_anthropics_client_only_blocks_of_the_wire_are_sent(
    way: str, layout: str
) -> None:
    message = messages_api(way, layout, CLAUDE, "MiniMax-M3")
    blocks = answered(message)
    opaque = [block.block for block in blocks if hasattr(block, "block")]
    assert {block["type"] for block in opaque} <= WIRE
    assert [block for block in blocks if not hasattr(block, "block")] == [
        Thinking("Hm.", "SIGNED"),
        Text("Gold is there."),
        CALLED,
    ]


# --- By hand -------------------------------------------------------------------------

SO = Text("So.")
HM = Thinking("Hm.", "SIGNED")

# Name, message (with one call `c1`), and what is said of it.
FOREIGN: dict[str, AIMessage] = {
    "google-genai 3": AIMessage(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
            {"type": "text", "text": "So.", "extras": {"signature": "SIGNED"}},
        ],
        tool_calls=[DIG],
        additional_kwargs={
            "function_call": {"name": "dig", "arguments": '{"at": 1.0}'},
            "__gemini_function_call_thought_signatures__": {"c1": "SIGNED"},
        },
        response_metadata=by("google_genai", "gemini-3-pro-preview"),
    ),
    "google-genai 3, v1": AIMessage(
        [
            {"type": "reasoning", "reasoning": "Hm."},
            {"type": "text", "text": "So.", "extras": {"signature": "SIGNED"}},
            {**DIG, "extras": {"signature": "SIGNED"}},
        ],
        tool_calls=[DIG],
        response_metadata={
            **by("google_genai", "gemini-3-pro-preview"),
            "output_version": "v1",
        },
    ),
    "google-genai 2": AIMessage(
        [{"type": "thinking", "thinking": "Hm."}, "So."],
        tool_calls=[DIG],
        additional_kwargs={
            "function_call": {"name": "dig", "arguments": '{"at": 1.0}'},
        },
        response_metadata=by(None, "gemini-2.5-flash"),
    ),
    "google-genai runs code": AIMessage(
        [
            {
                "type": "executable_code",
                "executable_code": "1",
                "language": "PYTHON",
                "id": "x",
            },
            {
                "type": "code_execution_result",
                "code_execution_result": "1",
                "outcome": 1,
            },
            "So.",
        ],
        tool_calls=[DIG],
        response_metadata=by("google_genai", "gemini-3-pro-preview"),
    ),
    "anthropic 0.3": AIMessage(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
            {"type": "text", "text": "So."},
            {"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}},
        ],
        tool_calls=[DIG],
        response_metadata={
            "id": "msg_1",
            "model": "claude-3-7-sonnet-20250219",
            "stop_reason": "tool_use",
        },
    ),
    "bedrock converse": AIMessage(
        [
            {
                "type": "reasoning_content",
                "reasoning_content": {"text": "Hm.", "signature": "SIGNED"},
            },
            {"type": "text", "text": "So."},
            {"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}},
        ],
        tool_calls=[DIG],
        response_metadata=by(
            "bedrock_converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
        ),
    ),
    "bedrock, words without a type": AIMessage(
        [{"text": "So."}], tool_calls=[DIG], response_metadata=by("amazon_bedrock")
    ),
    "deepseek": AIMessage(
        "So.",
        tool_calls=[DIG],
        additional_kwargs={"reasoning_content": "Hm.", "refusal": None},
        response_metadata=by("deepseek", "deepseek-reasoner"),
    ),
    "mistral": AIMessage(
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "text", "text": "So."},
            {"type": "reference", "reference_ids": [1]},
        ],
        tool_calls=[DIG],
        response_metadata=by("mistralai", "magistral-medium-latest"),
    ),
    "ollama": AIMessage(
        "So.",
        tool_calls=[DIG],
        additional_kwargs={"reasoning_content": "Hm."},
        response_metadata={**by("ollama", "qwen3"), "model": "qwen3", "done": True},
    ),
    "groq, v1": AIMessage(
        [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "So."}],
        tool_calls=[DIG],
        response_metadata={**by("groq", "gpt-oss-120b"), "output_version": "v1"},
    ),
    "cohere": AIMessage(
        "So.",
        tool_calls=[DIG],
        additional_kwargs={"tool_plan": "Hm.", "finish_reason": "TOOL_CALL"},
    ),
    "raw copies of the call": AIMessage(
        "So.",
        tool_calls=[DIG],
        additional_kwargs={
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "dig", "arguments": '{"at": 1}'},
                }
            ],
            "function_call": {"name": "dig", "arguments": '{"at": 1}'},
        },
        response_metadata=by("openai", "gpt-4"),
    ),
}


@pytest.mark.parametrize("name", list(FOREIGN))
def test_of_other_providers_the_words_and_calls_are_kept_and_no_thoughts(
    name: str,
) -> None:
    assert answered(FOREIGN[name]) == [SO, CALLED]


STORES: dict[str, Callable[[list[BaseMessage]], list[BaseMessage]]] = {
    "messages_to_dict": lambda m: messages_from_dict(messages_to_dict(m)),
    "dumps": lambda m: loads(dumps(m), allowed_objects="messages"),
    "json": lambda m: messages_from_dict(json.loads(json.dumps(messages_to_dict(m)))),
    "model_dump": lambda m: [type(each)(**each.model_dump()) for each in m],
    "dicts": lambda m: convert_to_messages([each.model_dump() for each in m]),
    "chunks": lambda m: [
        AIMessageChunk(**each.model_dump(exclude={"type"}))
        if isinstance(each, AIMessage)
        else each
        for each in m
    ],
}


@pytest.mark.parametrize("store", list(STORES))
@pytest.mark.parametrize("name", list(FOREIGN))
def test_a_stored_message_of_another_provider_says_the_same(
    name: str, store: str
) -> None:
    stored = STORES[store]([QUESTION, FOREIGN[name], DUG])
    assert turns(*stored) == [ASKED, ("assistant", [SO, CALLED]), ANSWERED]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("MiniMax-M3", "anthropic"),
        ("MiniMax-M2.5", "openai"),
        ("minimax/minimax-m2.5", "openrouter"),
        ("MiniMaxAI/MiniMax-M2", "vllm"),
        ("minimax-m2:cloud", "ollama"),
        ("MiniMax-M3", None),
    ],
)
def test_thoughts_are_minimaxs_own_under_any_clients_name(
    model: str, provider: str | None
) -> None:
    message = AIMessage(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
            {"type": "text", "text": "So."},
        ],
        tool_calls=[DIG],
        response_metadata=by(provider, model),
    )
    assert answered(message) == [HM, SO, CALLED]


ITEM = {"type": "reasoning.text", "id": "reasoning-text-1", "index": 0}
DETAILED = Thinking("Hm.", sent_as={"field": "reasoning_details", "item": ITEM})


@pytest.mark.parametrize(
    ("kwargs", "thoughts"),
    [
        pytest.param(
            {"reasoning_details": [{**ITEM, "text": "Hm."}]}, [DETAILED], id="details"
        ),
        pytest.param(
            {
                "reasoning_details": [
                    {**ITEM, "text": "Hm."},
                    7,
                    {"type": "reasoning.encrypted", "data": "x9"},
                ],
                "reasoning_content": "Hm.",
                "reasoning": "Hm.",
            },
            [
                DETAILED,
                Thinking(
                    "",
                    sent_as={
                        "field": "reasoning_details",
                        "item": {"type": "reasoning.encrypted", "data": "x9"},
                    },
                ),
            ],
            id="details before the others",
        ),
        pytest.param({"reasoning_content": "Hm."}, [Thinking("Hm.")], id="content"),
        pytest.param({"reasoning": "Hm."}, [Thinking("Hm.")], id="reasoning"),
        pytest.param(
            {"reasoning_details": [], "reasoning_content": "Hm.", "reasoning": "So"},
            [Thinking("Hm.")],
            id="the first of two",
        ),
        pytest.param(
            {"reasoning_details": "x", "reasoning_content": "", "reasoning": "Hm."},
            [Thinking("Hm.")],
            id="what is no thought",
        ),
        pytest.param(
            {"reasoning_details": None, "reasoning_content": ["Hm."], "reasoning": 7},
            [],
            id="none",
        ),
    ],
)
@pytest.mark.parametrize(
    ("provider", "model", "kept"),
    [
        (None, None, True),
        ("openrouter", "minimax/minimax-m2.5", True),
        ("minimax", "MiniMax-M3", True),
        ("openai", "gpt-5", False),
    ],
)
def test_what_other_clients_keep_of_a_thought_is_one(
    kwargs: Json,
    thoughts: list[Block],
    provider: str | None,
    model: str | None,
    kept: bool,
) -> None:
    metadata = {"model_provider": provider, "model_name": model} if provider else {}
    message = AIMessage(
        "So.",
        tool_calls=[DIG],
        additional_kwargs=kwargs,
        response_metadata=metadata,
    )
    assert answered(message) == [*(thoughts if kept else []), SO, CALLED]


@pytest.mark.parametrize("provider", ["deepseek", "openrouter", None])
def test_minimaxs_thoughts_beside_the_content_are_its_own(
    provider: str | None,
) -> None:
    message = AIMessage(
        "So.",
        tool_calls=[DIG],
        additional_kwargs={"reasoning_content": "Hm."},
        response_metadata=by(provider, "minimax/minimax-m2.5"),
    )
    assert answered(message) == [Thinking("Hm."), SO, CALLED]


@pytest.mark.parametrize(
    "content",
    [
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
            {"type": "text", "text": "So."},
        ],
        [
            {
                "type": "reasoning",
                "reasoning": "Hm.",
                "extras": {"signature": "SIGNED"},
            },
            {"type": "text", "text": "So."},
        ],
        [
            "",
            {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED", "index": 0},
            "So.",
        ],
        [
            {
                "type": "non_standard",
                "value": {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
            },
            {"type": "text", "text": "So."},
        ],
    ],
    ids=["v0", "v1", "mixed", "non_standard"],
)
def test_thoughts_of_nobody_in_particular_are_kept(content: list[Any]) -> None:
    assert answered(AIMessage(content, tool_calls=[DIG])) == [HM, SO, CALLED]


def test_of_minimax_on_bedrock_nothing_is_sent_that_the_wire_does_not_know() -> None:
    message = AIMessage(
        [
            {
                "type": "reasoning_content",
                "reasoning_content": {"text": "Hm.", "signature": ""},
            },
            {"type": "text", "text": "So."},
        ],
        tool_calls=[DIG],
        response_metadata=by("bedrock_converse", "minimax.minimax-m2"),
    )
    blocks = answered(message)
    assert blocks in ([SO, CALLED], [Thinking("Hm."), SO, CALLED])


@pytest.mark.parametrize("provider", [None, "minimax"])
def test_thoughts_in_parts_are_never_sent_as_pythons_own_words(
    provider: str | None,
) -> None:
    message = AIMessage(
        [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, "So."],
        response_metadata=by(provider),
    )
    assert said(message) in ([SO], [Thinking("Hm."), SO])


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image", "base64": PNG, "mime_type": "image/png", "id": "ig_1"},
    ],
    ids=["google", "v1"],
)
def test_a_picture_by_another_model_is_shown_after_its_words(part: Json) -> None:
    message = AIMessage(
        ["Look.", part],
        response_metadata=by("google_genai", "gemini-3-pro-image-preview"),
    )
    assert turns(QUESTION, message, HumanMessage("Nice.")) == [
        ASKED,
        ("assistant", [Text("Look.")]),
        ("user", [*shown_by_the_model(image(PNG)), Text("Nice.")]),
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "file_id": "file-1"},
        {"type": "image", "url": "gs://bucket/a.png"},
        {"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"},
        {"type": "file", "file_id": "file-1"},
        {"type": "media", "mime_type": "audio/wav", "data": "UklGRg=="},
    ],
    ids=lambda part: f"{part['type']} {[*part][1]}",
)
def test_what_another_model_made_and_minimax_cannot_take_ends_no_thread(
    part: Json,
) -> None:
    message = AIMessage(["Look.", part], response_metadata=by("openai", "gpt-5"))
    after = turns(QUESTION, message, HumanMessage("Nice."))[1:]
    assert after[0][0] == "assistant"
    assert after[0][1][0] == Text("Look.")
    assert after[-1] == ("user", [Text("Nice.")])


# --- Ids -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id",
    [
        "toolu_01A09q90qw90lq917835lq9",
        "call_abc123",
        "tooluse_kZJMlvQmRJ6eAyJE5GIl7Q",
        "D681PevKs",
        "0d5a4d04-1f8b-4b7b-9b5c-3f4c0b7a2f0e",
        "chatcmpl-tool-8b1c",
    ],
)
def test_legal_ids_of_other_providers_stay(id: str) -> None:
    call = AIMessage("", tool_calls=[{**DIG, "id": id}])
    assert turns(QUESTION, call, ToolMessage("gold", tool_call_id=id)) == [
        ASKED,
        ("assistant", [ToolUse(id, "dig", {"at": 1})]),
        ("user", [ToolResult(id, "gold")]),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("functions.dig:0", "functions.dig:1"),
        ("call_1|fc_1", "call_1|fc_2"),
        ("call\n1", "call\n2"),
        ("x" * 65, "x" * 65 + "y"),
        ("调用:1", "调用:2"),
        ("functions.dig:0", "functions_dig_0"),
    ],
    ids=["kimi", "responses", "newline", "long", "chinese", "near"],
)
def test_illegal_ids_become_legal_ones_of_their_own(first: str, second: str) -> None:
    calls = [{**DIG, "id": first}, {**DIG, "id": second}]
    spoken, results = turns(
        QUESTION,
        AIMessage("", tool_calls=calls, response_metadata=by("moonshot", "kimi-k2")),
        ToolMessage("two", tool_call_id=second),
        ToolMessage("one", tool_call_id=first),
    )[1:]
    ids = [block.id for block in spoken[1] if isinstance(block, ToolUse)]
    assert len({*ids}) == 2
    assert all(id.isascii() and len(id) <= 64 for id in ids)
    assert all(id.replace("_", "").replace("-", "").isalnum() for id in ids)
    assert results[1] == [ToolResult(ids[0], "one"), ToolResult(ids[1], "two")]


def test_an_id_that_kimi_uses_again_keeps_each_result_with_its_call() -> None:
    id = "functions.dig:0"
    call = AIMessage("", tool_calls=[{**DIG, "id": id}])
    first, second = (ToolMessage(text, tool_call_id=id) for text in ("gold", "mud"))
    spoken = turns(QUESTION, call, first, call, second)[1:]
    assert [blocks[0].content for _, blocks in spoken[1::2]] == ["gold", "mud"]
    assert len({blocks[0].id for _, blocks in spoken[0::2]}) == 1


# --- Dicts of web pages and scripts, without metadata --------------------------------

OPENAI_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "dig", "arguments": '{"at": 1}'},
}
DICTS: dict[str, list[Json]] = {
    "openai": [
        {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "gold"},
    ],
    "openai, empty words": [
        {"role": "assistant", "content": "", "tool_calls": [OPENAI_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "gold"},
    ],
    "langchain": [
        {"role": "assistant", "content": "", "tool_calls": [DIG]},
        {"role": "tool", "tool_call_id": "c1", "content": "gold"},
    ],
    "langgraph": [
        {"type": "ai", "content": "", "tool_calls": [DIG], "id": "run-1"},
        {"type": "tool", "tool_call_id": "c1", "content": "gold", "name": "dig"},
    ],
    "anthropic": [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}}
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "gold"}
            ],
        },
    ],
    "v1": [
        {"role": "assistant", "content": [dict(DIG)]},
        {"role": "tool", "tool_call_id": "c1", "content": "gold"},
    ],
    "raw copies": [
        {
            "type": "ai",
            "content": "",
            "additional_kwargs": {"tool_calls": [OPENAI_CALL]},
        },
        {"role": "tool", "tool_call_id": "c1", "content": "gold"},
    ],
}


@pytest.mark.parametrize("name", list(DICTS))
def test_dicts_of_a_call_and_its_result_are_understood(name: str) -> None:
    messages = convert_to_messages([{"role": "user", "content": "Well?"}, *DICTS[name]])
    asked, called, (role, (result,)) = turns(*messages)
    assert (asked, called) == (ASKED, ("assistant", [CALLED]))
    assert role == "user"
    assert (result.tool_use_id, result.content) == ("c1", "gold")


def test_anthropics_results_with_words_behind_them_are_parted() -> None:
    messages = convert_to_messages(
        [
            {"role": "user", "content": "Well?"},
            *DICTS["anthropic"][:1],
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [{"type": "text", "text": "mud"}],
                        "is_error": True,
                    },
                    {"type": "text", "text": "Again!"},
                ],
            },
        ]
    )
    assert turns(*messages) == [
        ASKED,
        ("assistant", [CALLED]),
        ("user", [ToolResult("c1", (Text("mud"),), is_error=True)]),
        ("user", [Text("Again!")]),
    ]


def test_a_thread_that_was_openais_dicts_in_between_says_the_same() -> None:
    messages = [QUESTION, AIMessage("So.", tool_calls=[DIG]), DUG, AIMessage("Gold.")]
    there_and_back = convert_to_messages(convert_to_openai_messages(messages))
    assert turns(*there_and_back) == [
        ASKED,
        ("assistant", [SO, CALLED]),
        ANSWERED,
        ("assistant", [Text("Gold.")]),
    ]


def test_function_calls_of_2023_are_calls() -> None:
    messages = [
        QUESTION,
        AIMessage(
            "",
            additional_kwargs={
                "function_call": {"name": "dig", "arguments": '{"at": 1}'}
            },
        ),
        FunctionMessage("gold", name="dig"),
        AIMessage("Gold."),
    ]
    _, (_, (call,)), (_, (result,)), answer = turns(*messages)
    assert isinstance(call, ToolUse)
    assert isinstance(result, ToolResult)
    assert (call.name, call.input, result.content) == ("dig", {"at": 1}, "gold")
    assert call.id == result.tool_use_id
    assert answer == ("assistant", [Text("Gold.")])


# --- Parts of streams ----------------------------------------------------------------


def test_a_chunk_is_a_message() -> None:
    chunk = AIMessageChunk(
        "So.",
        tool_call_chunks=[tool_call_chunk(name="dig", args='{"at": 1}', id="c1")],
    )
    assert answered(chunk) == [SO, CALLED]


def test_chunks_that_nobody_added_up_still_say_everything() -> None:
    chunks = [AIMessageChunk(text) for text in ("Go", "ld", "")]
    assert turns(QUESTION, *chunks) == [ASKED, ("assistant", [Text("Go"), Text("ld")])]


def test_a_chunk_of_anthropics_takes_its_arguments_from_the_call() -> None:
    chunk = AIMessageChunk(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED", "index": 0},
            {
                "type": "tool_use",
                "id": "c1",
                "name": "dig",
                "input": {},
                "partial_json": '{"at": 1}',
                "index": 1,
            },
        ],
        tool_call_chunks=[
            tool_call_chunk(name="dig", args='{"at": 1}', id="c1", index=1)
        ],
        response_metadata=by("anthropic", "MiniMax-M3"),
    )
    assert answered(chunk) == [HM, CALLED]


def test_replies_that_langchain_merged_keep_their_words_and_calls() -> None:
    first = AIMessage("So.", response_metadata=by("openai", "gpt-5"))
    second = AIMessage(
        [{"type": "text", "text": "Dig."}],
        tool_calls=[DIG],
        response_metadata=by("anthropic", CLAUDE_MODEL),
    )
    (merged,) = merge_message_runs([first, second])
    assert answered(merged) == [SO, Text("Dig."), CALLED]


def test_a_call_that_openais_stream_left_in_its_text_keeps_its_place() -> None:
    # ChatOpenAI 1.7, Chat Completions, `output_version="v1"`: text and call merge.
    fill = tool_call(name="fill", args={}, id="c2")
    message = AIMessage(
        [
            {
                "type": "text",
                "text": "So.",
                "index": 0,
                "id": "c1",
                "name": "dig",
                "args": '{"at": 1}',
            },
            dict(fill),
        ],
        tool_calls=[DIG, fill],
        response_metadata={**by("openai", "MiniMax-M3"), "output_version": "v1"},
    )
    _, (_, blocks), _ = turns(QUESTION, message, DUG)
    assert blocks == [SO, CALLED, ToolUse("c2", "fill", {})]


# --- A thread of many ----------------------------------------------------------------


def test_a_thread_of_every_provider_is_one_conversation() -> None:
    messages: list[BaseMessage] = []
    for message in FOREIGN.values():
        messages += [QUESTION, message, DUG]
    expected = [ASKED, ("assistant", [SO, CALLED]), ANSWERED]
    parted = [turn for _ in FOREIGN for turn in expected]
    assert turns(*messages) == parted


def test_a_supervisors_thread_keeps_who_is_told_what() -> None:
    conversation = repair(
        to_conversation(
            [
                SystemMessage("You lead."),
                HumanMessage("Well?", name="ann"),
                AIMessage("So.", name="digger", response_metadata=by("openai", "o3")),
                SystemMessage("Be brief."),
                ChatMessage("Dig.", role="critic"),
            ]
        )
    )
    assert conversation.system == (Text("You lead."),)
    assert [(turn.role, list(turn.blocks)) for turn in conversation.turns] == [
        ASKED,
        ("assistant", [SO]),
        (
            "user",
            [
                Text("<system>"),
                Text("Be brief."),
                Text("</system>"),
                Text('<message role="critic">'),
                Text("Dig."),
                Text("</message>"),
            ],
        ),
    ]
