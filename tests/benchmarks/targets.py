"""Who is measured: ChatMiniMax, the others, and what nobody can be faster than."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from replayed import TOOL, parts

Json = dict[str, Any]
Turn = Callable[[str, str, Json], AIMessage]
"""An assistant's turn: a thought, its signature, and the call that it led to."""


# --- What an agent's thread holds, with each -----------------------------------------


def thoughtless_turn(_thought: str, _signature: str, call: Json) -> AIMessage:
    return AIMessage("", tool_calls=[call])


def our_turn(thought: str, signature: str, call: Json) -> AIMessage:
    block = {"type": "thinking", "thinking": thought, "signature": signature}
    return AIMessage(
        "",
        tool_calls=[call],
        additional_kwargs={"thinking_blocks": [block]},
        response_metadata={"model_provider": "minimax"},
    )


def anthropics_turn(thought: str, signature: str, call: Json) -> AIMessage:
    used = {"type": "tool_use", "id": call["id"], "name": call["name"]}
    return AIMessage(
        [
            {"type": "thinking", "thinking": thought, "signature": signature},
            {**used, "input": call["args"]},
        ],
        tool_calls=[call],
        response_metadata={"model_provider": "anthropic"},
    )


# --- Targets -------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A model to be measured, and how it is made to ask one of `replayed`'s addresses.

    `known` is a model that it has a profile of. `only` are the scenarios that it takes
    part in, if not in all.
    """

    module: str
    name: str
    settings: Json = field(default_factory=dict)
    address: str = "base_url"
    version: str = ""
    thinking: Json = field(default_factory=dict)
    turn: Turn = thoughtless_turn
    known: str = "MiniMax-M3"
    only: frozenset[str] | None = None

    @property
    def is_here(self) -> bool:
        return find_spec(self.module) is not None

    def takes_part(self, scenario: str) -> bool:
        return self.only is None or scenario in self.only

    def make(self, url: str, **more: Any) -> Any:
        model = getattr(import_module(self.module), self.name)
        where = {self.address: url + self.version}
        named = {"model": "MiniMax-M3", "api_key": "sk-nobodys-key-0123456789"}
        return model(**{**named, **where, **self.settings, **more})

    def history(self, length: int) -> list[BaseMessage]:
        """What an agent's thread of so many messages holds with this model."""
        thread: list[BaseMessage] = []
        for number in range(length // 4):
            hole, name = f"hole {number}", f"call_{number}"
            call = {"name": TOOL, "args": {"text": hole}, "id": name}
            thread += [
                HumanMessage(f"How deep is {hole}? " * 5),
                self.turn(f"Dig {hole} deep. " * 10, f"{number:064x}", call),
                ToolMessage(f"It is {number} metres deep. " * 20, tool_call_id=name),
                AIMessage(f"{hole} is {number} metres deep. " * 10),
            ]
        return [*thread[:-1], HumanMessage("And the last?")]


# --- Floors --------------------------------------------------------------------------


class ReadyMade(BaseChatModel):
    """LangChain's own work: the chunks are there already, and no network."""

    address: str
    _chunks: list[ChatGenerationChunk]

    def model_post_init(self, _: Any) -> None:
        kind, number, _interval = urlsplit(self.address).path[1:].split("/")
        self._chunks = [ready(kind, part) for part in parts(kind, int(number))]

    @property
    def _llm_type(self) -> str:
        return "ready-made"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        return self.bind(tools=tools)

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Hello"))])

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        return self._generate()

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        yield from self._chunks

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._chunks:
            yield chunk


def ready(kind: str, part: str) -> ChatGenerationChunk:
    if kind == "text":
        message = AIMessageChunk(part)
    elif kind == "thinking":
        message = AIMessageChunk("", additional_kwargs={"reasoning_content": part})
    else:
        piece = tool_call_chunk(name=None, args=part, id=None, index=0)
        message = AIMessageChunk("", tool_call_chunks=[piece])
    return ChatGenerationChunk(message=message)


class Raw:
    """A socket, bytes split at empty lines, and JSON: no client needs less."""

    def __init__(self, address: str, **_: Any) -> None:
        url = urlsplit(address)
        self._path = url.path
        self._socket = socket.create_connection((url.hostname, url.port))

    def bind_tools(self, _: Any) -> Raw:
        return self

    def stream(self, _: str) -> Iterator[Any]:
        self._ask(b'{"stream":true}')
        rest = b""
        while rest != b"0\r\n\r\n":
            *events, rest = (rest + self._socket.recv(2**16)).split(b"\n\n\r\n")
            for event in events:
                yield json.loads(event.partition(b"data: ")[2])

    def invoke(self, _: str) -> Any:
        self._ask(b"{}")
        return json.loads(self._socket.recv(2**16).partition(b"\r\n\r\n")[2])

    def _ask(self, body: bytes) -> None:
        head = f"POST {self._path}/v1/messages HTTP/1.1\r\nhost: localhost\r\n"
        length = f"content-length: {len(body)}\r\n\r\n"
        self._socket.sendall((head + length).encode() + body)


# --- All -----------------------------------------------------------------------------

OURS, REFERENCE, FLOOR = "ChatMiniMax", "ChatAnthropic", "LangChain alone"
MINIMAX = ("langchain_minimax", "ChatMiniMax")
OUR_WAYS: Json = {"thinking": {"thinking": True}, "turn": our_turn}
KINDS = ("text", "thinking", "tool arguments")

TARGETS = {
    f"{OURS}, Messages": Target(*MINIMAX, **OUR_WAYS),
    f"{OURS}, Chat Completions": Target(*MINIMAX, {"protocol": "openai"}, **OUR_WAYS),
    REFERENCE: Target(
        "langchain_anthropic",
        "ChatAnthropic",
        {"max_tokens": 100_000},
        thinking={"thinking": {"type": "enabled", "budget_tokens": 10_000}},
        turn=anthropics_turn,
        known="claude-sonnet-4-5",
    ),
    "ChatOpenAI": Target(
        "langchain_openai", "ChatOpenAI", version="/v1", known="gpt-4o"
    ),
    "ChatMistralAI": Target(
        "langchain_mistralai",
        "ChatMistralAI",
        version="/v1",
        known="mistral-large-latest",
    ),
    FLOOR: Target(
        __name__,
        "ReadyMade",
        address="address",
        only=frozenset(
            [
                *(f"{way} {kind}" for way in ("stream", "astream") for kind in KINDS),
                *("invoke", "ainvoke", "invoke, 200 messages"),
                *("invoke, 2,000 messages", "first chunk, stream"),
                "first chunk, astream",
            ]
        ),
    ),
    "raw socket": Target(
        __name__,
        "Raw",
        address="address",
        only=frozenset([*(f"stream {kind}" for kind in KINDS), "invoke"]),
    ),
}
