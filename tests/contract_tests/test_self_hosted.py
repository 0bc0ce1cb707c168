"""MiniMax's models under vLLM and SGLang: no key, other ids, thinking in odd places."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxModelNotFoundError,
    MiniMaxRateLimitError,
    MiniMaxStreamTruncatedError,
)
from langchain_minimax.testing import (
    Emulator,
    Fault,
    Quirks,
    Raw,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from support.sent import CHAT
from support.ways import CALLS, WAYS, Ask

Json = dict[str, Any]
STREAMS = ["stream", "astream", "events", "aevents"]
KINDS = ("reasoning", "append_think", "append_mm_think")
JSON = "application/json"

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
every_layout = pytest.mark.parametrize("layout", ["v0", "v1"])


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    """Where the server leaves the thinking."""
    return request.param


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MINIMAX_API_KEY", "MINIMAX_BASE_URL", "MINIMAX_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def host(kind: Any) -> Iterator[Callable[..., Emulator]]:
    """Starts self-hosted servers with the given script."""
    started: list[Emulator] = []

    def start(*replies: Any, **quirks: Any) -> Emulator:
        emulator = Emulator([*replies], quirks=Quirks(self_hosted=kind, **quirks))
        emulator.start()
        started.append(emulator)
        return emulator

    yield start
    for emulator in started:
        emulator.stop()


@pytest.fixture
def reach(protocol: str) -> Callable[..., ChatMiniMax]:
    """Makes a model that has no key."""

    def model(server: Emulator, **fields: Any) -> ChatMiniMax:
        return ChatMiniMax(
            **{
                "model": "MiniMax-M2.7",
                "protocol": protocol,
                "base_url": server.url,
                "max_retries": 0,
                **fields,
            }
        )

    return model


def thoughts(message: AIMessage) -> list[str]:
    """What the model thought, as every reader sees it."""
    blocks = message.content_blocks
    return [block["reasoning"] for block in blocks if block["type"] == "reasoning"]


def verdicts(server: Emulator) -> list[str]:
    """How what was said came back with the last request."""
    last = server.requests[-1]
    assert last.status == 200
    assert last.stray_keys == []
    return [replay.verdict for replay in last.replayed]


# --- Getting there -------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/v1", "/v1/"),
        *("/v1/chat/completions", "/v1/chat/completions/"),
        *("/v1/messages", "/v1/messages/"),
    ],
)
def test_every_spelling_of_the_address(
    path: str, protocol: str, host: Any, reach: Any
) -> None:
    server = host("Here.")
    model = reach(server, base_url=server.url + path)
    assert model.invoke("Hello").text == "Here."
    paths = {"anthropic": "/v1/messages", "openai": CHAT}
    assert [request.path for request in server.requests] == [paths[protocol]]


@pytest.mark.parametrize(
    "fields", [{}, {"api_key": None}, {"api_key": ""}], ids=["unset", "none", "empty"]
)
def test_no_key_is_needed_nor_sent(fields: Json, host: Any, reach: Any) -> None:
    server = host("Here.")
    assert reach(server, **fields).invoke("Hello").text == "Here."
    (request,) = server.requests
    assert not {"authorization", "x-api-key"} & request.headers.keys()


def test_a_key_that_is_given_is_sent(host: Any, reach: Any) -> None:
    server = host("Here.")
    reach(server, api_key="sk-of-the-gateway").invoke("Hello")
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-the-gateway"


# --- Thinking ------------------------------------------------------------------------

THOUGHT = "The user greets me.\n\nIs 1 < 2? Then é漢🎈."
TEXT = "Hello! I never say `<think>` aloud, nor </think>."


@every_way
@every_layout
def test_thinking_is_told_apart_and_goes_back_as_it_came(
    ask: Ask, layout: str, protocol: str, kind: str, host: Any, reach: Any
) -> None:
    server = host(Reply([Thinking(THOUGHT), Text(TEXT)]), "Bye.")
    model = reach(server, output_version=layout)
    reply = ask(model, "Hello")

    assert reply.text == TEXT
    assert thoughts(reply) == [THOUGHT]
    assert [block["type"] for block in reply.content_blocks] == ["reasoning", "text"]
    beside = reply.additional_kwargs.get("thinking_blocks", [])
    if layout == "v0" and ask in CALLS.values():
        assert reply.content == TEXT
        assert [block["thinking"] for block in beside] == [THOUGHT]
    else:
        assert beside == []
    start = "chatcmpl-" if protocol == "openai" else "msg_"
    assert reply.response_metadata["id"].startswith(start)
    assert reply.response_metadata["stop_reason"] == "end_turn"
    assert reply.usage_metadata["total_tokens"] > 0

    assert ask(model, ["Hello", reply, HumanMessage("Bye")]).text == "Bye."
    assert verdicts(server) == ["verbatim"]
    assert _where(server.requests[-1].body["messages"][1]) == {
        ("reasoning", "openai"): "reasoning",
        ("reasoning", "anthropic"): "thinking",
    }.get((kind, protocol), "text")


def _where(turn: Json) -> str:
    """Where a turn that goes back has the thinking."""
    content = turn["content"]
    parts = [{"text": content}] if isinstance(content, str) else content
    found = {
        "reasoning": turn.get("reasoning") == THOUGHT,
        "thinking": any(part.get("thinking") == THOUGHT for part in parts),
        "text": any(THOUGHT in part.get("text", "") for part in parts),
    }
    (place,) = [name for name, stands_there in found.items() if stands_there]
    return place


@pytest.mark.parametrize("way", ["stream", "aevents"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_tags_that_are_cut_anywhere(size: int, way: str, host: Any, reach: Any) -> None:
    reply = Reply([Thinking(THOUGHT), Text(TEXT)], delta_size=size)
    message = WAYS[way](reach(host(reply)), "Hello")
    assert (message.text, thoughts(message)) == (TEXT, [THOUGHT])


def test_text_is_not_kept_waiting(host: Any, reach: Any) -> None:
    """Once it is clear what is thought and what is said, each delta is told."""
    words = "One two three four."
    server = host(Reply([Thinking("Hm."), Text(words)], delta_size=1))
    texts = [chunk.text for chunk in reach(server).stream("Hello") if chunk.text]
    assert texts == [*words]


@pytest.mark.parametrize("way", ["invoke", "astream"])
@pytest.mark.parametrize(
    "blocks",
    [
        [Text(TEXT)],
        [Text("<b>Bold</b> & 1 < 2")],
        [Text("<")],
        [Text("In M2 a `</think>` ends it, and <think> begins it.")],
    ],
    ids=["quoted", "html", "smaller", "prose"],
)
def test_text_alone_stays_as_it_is(
    blocks: list, way: str, host: Any, reach: Any
) -> None:
    server = host(Reply(blocks), "Bye.")
    model = reach(server)
    reply = WAYS[way](model, "Hello")
    assert (reply.text, thoughts(reply)) == (blocks[0].text, [])
    WAYS[way](model, ["Hello", reply, HumanMessage("Bye")])
    assert verdicts(server) == ["verbatim"]


@pytest.mark.parametrize("way", ["ainvoke", "events"])
@every_layout
def test_thinking_alone(way: str, layout: str, host: Any, reach: Any) -> None:
    server = host(Reply([Thinking(THOUGHT)], stop_reason="max_tokens"), "Bye.")
    model = reach(server, output_version=layout)
    reply = WAYS[way](model, "Hello")
    assert (reply.text, thoughts(reply)) == ("", [THOUGHT])
    assert reply.response_metadata["stop_reason"] == "max_tokens"
    WAYS[way](model, ["Hello", reply, HumanMessage("Bye")])
    assert verdicts(server) == ["verbatim"]


# --- Tools ---------------------------------------------------------------------------


def dig(at: int) -> str:
    """Dig a hole."""
    return f"A stone, at {at}."


def look(where: str) -> str:
    """Look at a place."""
    return f"Nothing at {where}."


TOOLS: dict[str, Any] = {tool.__name__: tool for tool in (dig, look)}
LOOP = [
    Reply([Thinking("Look first."), Text("I look."), ToolUse("look", {"where": "up"})]),
    Reply([Thinking("Now dig."), ToolUse("dig", {"at": 1}), ToolUse("dig", {"at": 2})]),
    Reply([ToolUse("dig", {"at": 3})]),
    Reply([Thinking("Stones, then."), Text("Three stones.")]),
]


def converse(ask: Ask, model: Any, protocols: Any = None) -> list[BaseMessage]:
    """A thread until no more tools are called."""
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    while True:
        options = {"protocol": next(protocols)} if protocols else {}
        reply = ask(model, thread, **options)
        thread.append(reply)
        if not reply.tool_calls:
            return thread
        thread += results(reply)


def results(reply: AIMessage) -> list[ToolMessage]:
    return [
        ToolMessage(TOOLS[call["name"]](**call["args"]), tool_call_id=call["id"])
        for call in reply.tool_calls
    ]


@every_way
@every_layout
def test_a_tool_loop(ask: Ask, layout: str, host: Any, reach: Any) -> None:
    server = host(*LOOP)
    model = reach(server, output_version=layout).bind_tools([*TOOLS.values()])
    thread = converse(ask, model)
    assert thread[-1].text == "Three stones."
    calls = [call for m in thread if isinstance(m, AIMessage) for call in m.tool_calls]
    assert [call["args"] for call in calls] == [
        *({"where": "up"}, {"at": 1}, {"at": 2}, {"at": 3}),
    ]
    assert all(call["id"].startswith("chatcmpl-tool-") for call in calls)
    assert [thoughts(m) for m in thread if isinstance(m, AIMessage)] == [
        *(["Look first."], ["Now dig."], [], ["Stones, then."]),
    ]
    assert verdicts(server) == ["verbatim"] * 3


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke"])
@pytest.mark.parametrize("fragments", ["indexed", "bare"])
def test_a_tool_loop_in_fragments(
    fragments: str, way: str, host: Any, reach: Any
) -> None:
    server = host(*LOOP, chat_fragments=fragments)
    assert converse(WAYS[way], reach(server))[-1].text == "Three stones."
    assert verdicts(server) == ["verbatim"] * 3


@every_layout
@pytest.mark.parametrize("first", ["anthropic", "openai"])
def test_a_thread_that_changes_protocol(first: str, layout: str, host: Any) -> None:
    server = host(*LOOP)
    model = ChatMiniMax(
        model="MiniMax-M2.7", base_url=server.url, output_version=layout
    )
    both = ["anthropic", "openai"] if first == "anthropic" else ["openai", "anthropic"]
    thread = converse(WAYS["stream"], model, iter(both * 2))
    assert thread[-1].text == "Three stones."
    assert {request.path for request in server.requests} == {"/v1/messages", CHAT}
    assert verdicts(server) == ["verbatim"] * 3


@pytest.mark.parametrize("id", ["functions.dig:0", "call_1", "0", "x" * 80, "a b|c"])
@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_ids_of_any_shape(way: str, id: str, host: Any, reach: Any) -> None:
    server = host(Reply([Thinking("Hm."), ToolUse("dig", {"at": 1}, id)]), "Done.")
    thread = converse(WAYS[way], reach(server))
    assert thread[1].tool_calls[0]["id"] == id
    assert thread[-1].text == "Done."
    assert [request.status for request in server.requests] == [200, 200]


@pytest.mark.parametrize("way", ["invoke", "stream"])
@every_layout
def test_an_agent(way: str, layout: str, host: Any, reach: Any) -> None:
    server = host()  # the brain answers
    agent = create_agent(
        reach(server, output_version=layout, thinking=True),
        [*TOOLS.values()],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}
    for question in ("Dig at 7, please.", "Please look up.", "Thank you."):
        asked: Any = {"messages": [("human", question)]}
        if way == "invoke":
            agent.invoke(asked, thread)
        else:
            assert list(agent.stream(asked, thread, stream_mode="messages"))
    messages = agent.get_state(thread).values["messages"]
    replies = [message for message in messages if isinstance(message, AIMessage)]
    assert [len(thoughts(reply)) for reply in replies] == [1] * len(replies)
    assert not any("think>" in reply.text for reply in replies)
    assert len(server.requests) == 5
    assert verdicts(server) == ["verbatim"] * 4


# --- From here to MiniMax's own, and back --------------------------------------------


@every_layout
@pytest.mark.parametrize("there", ["anthropic", "openai"])
def test_a_thread_that_moves_to_minimax_and_back(
    there: str, layout: str, host: Any, reach: Any, serve: Any, as_official: Any
) -> None:
    at_home, official = host(*LOOP[:2]), serve(*LOOP[2:])
    home = reach(at_home, output_version=layout)
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    fields = {"protocol": there, **as_official(official)}
    away = home.model_copy(update=fields)
    for model in (home, away, home, away):
        reply = model.invoke(thread)
        thread += [reply, *results(reply)]
    assert thread[-1].text == "Three stones."
    # Each server knows again what it said itself, and has seen all else.
    assert verdicts(at_home) == ["verbatim", "unknown"]
    assert verdicts(official) == ["unknown", "verbatim", "unknown"]
    said = json.dumps(official.requests[-1].body["messages"])
    for thought in ("Look first.", "Now dig."):
        assert said.count(thought) == 1


# --- Errors --------------------------------------------------------------------------


def engine(status: int, words: str, kind: str, *, wrapped: bool) -> Raw:
    """An error as vLLM has it, wrapped since 2025, and SGLang."""
    error = {"message": words, "type": kind, "param": None, "code": status}
    body = {"error": error} if wrapped else {"object": "error", **error}
    return Raw(json.dumps(body), status=status, content_type=JSON)


LONG = "This model's maximum context length is 196608 tokens."


@pytest.mark.parametrize("way", ["invoke", "astream"])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("status", "words", "kind", "error"),
    [
        (400, LONG, "BadRequestError", MiniMaxInvalidRequestError),
        (401, "Unauthorized", "AuthenticationError", MiniMaxAuthenticationError),
        (
            404,
            "The model `MiniMax-M9` does not exist.",
            "NotFoundError",
            MiniMaxModelNotFoundError,
        ),
        (429, "Too many requests", "RateLimitError", MiniMaxRateLimitError),
        (500, "EngineCore died", "InternalServerError", MiniMaxAPIError),
        (503, "Not ready", "ServiceUnavailableError", MiniMaxAPIError),
    ],
)
def test_an_error_of_the_engine(
    status: int,
    words: str,
    kind: str,
    error: type[MiniMaxError],
    wrapped: bool,
    way: str,
    serve: Any,
    reach: Any,
) -> None:
    server = serve(engine(status, words, kind, wrapped=wrapped))
    model = reach(server, base_url=server.base_url, api_key=server.api_key)
    with pytest.raises(error) as caught:
        WAYS[way](model, "Hello")
    assert words in str(caught.value)
    assert caught.value.status_code == status
    assert caught.value.code is None


@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_that_breaks_off(way: str, host: Any, reach: Any) -> None:
    reply = Reply([Thinking("Hm, hm, hm."), Text("Once upon a time. " * 9)])
    server = host(Fault.cut(at_byte=1500, reply=reply))
    with pytest.raises(MiniMaxStreamTruncatedError) as caught:
        WAYS[way](reach(server), "Hello")
    partial = caught.value.partial
    assert reply.blocks[1].text.startswith(partial.text)
    assert "".join(thoughts(partial)) in reply.blocks[0].text
    assert thoughts(partial)


@pytest.mark.parametrize("way", ["invoke", "astream"])
def test_an_unknown_model(way: str, host: Any, reach: Any) -> None:
    with pytest.raises(MiniMaxModelNotFoundError):
        WAYS[way](reach(host(), model="MiniMaxAI/MiniMax-M99"), "Hello")
