"""What we say: a conversation and a request, neutral between wire and LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Json = dict[str, Any]
"""A JSON object as it travels; only the edges of the package hold one."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words, of whoever's turn it is."""

    text: str
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """An earlier thought of the model, handed back unchanged.

    Attributes:
        thinking: What the model thought.
        signature: The server's own, if the Messages API sent it.
        sent_as: How it came where nothing is signed: the `field` that it was in, its
            `item` of `reasoning_details` without the text, and the `opening` and
            `closing` tags around it.
    """

    thinking: str
    signature: str | None = None
    sent_as: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model's call of a tool."""

    id: str
    name: str
    input: Json
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call `tool_use_id`.

    Attributes:
        tool_use_id: The call's id.
        content: A text, or blocks.
        is_error: Whether the tool failed.
        name: The tool's name; the server learns it from the call.
        cache_control: Where the server may cache up to.
    """

    tool_use_id: str
    content: str | tuple[Block, ...]
    is_error: bool = False
    name: str | None = None
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """An image or a video for the model to see.

    Attributes:
        kind: Which of the two.
        url: An address, or `mm_file://` and an id of the Files API; or
        data: the thing itself in base64, of
        media_type: this type, in the wire's own words.
        options: What else the source says: `detail`, `fps`, `max_long_side_pixel`.
        cache_control: Where the server may cache up to.
    """

    kind: Literal["image", "video"]
    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    options: Json = field(default_factory=dict)
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A block of the wire that we carry without understanding it."""

    block: Json


Block = Text | Thinking | ToolUse | ToolResult | Media | Opaque

Role = Literal[
    "system",
    "user",
    "assistant",
    # For role play (Messages API page, 2026).
    "user_system",
    "group",
    "sample_message_user",
    "sample_message_ai",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation."""

    role: Role
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The system prompt and the turns that follow it.

    As LangChain holds it, a system message is a turn anywhere; `_repair` makes it what
    the server takes: the prompt in front, and turns of all other roles.
    """

    system: tuple[Text, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str | None
    input_schema: Json
    cache_control: Json | None = None


class Check(Protocol):
    """Judges objects in the place of their schema, such as a Pydantic class."""

    def knows(self, tool: str | None) -> bool:
        """Whether it judges the arguments of a tool, or an answer if that is `None`."""

    def __call__(self, value: Json, tool: str | None) -> str | None:
        """What is wrong, in words for a model; `None` if nothing is."""


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model may, must or must not call a tool.

    Attributes:
        mode: `any` and `tool` force it.
        name: The tool that it is about.
        check: What judges the arguments of a forced call in place of the schema.
    """

    mode: Literal["auto", "none", "any", "tool"]
    name: str | None = None
    check: Check | None = None

    @property
    def is_forced(self) -> bool:
        """Whether a reply without a call will not do."""
        return self.mode in ("any", "tool")


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """That the text of the reply has to be one JSON object.

    Attributes:
        schema: What it has to fit, if anything.
        check: What judges it in place of the schema.
    """

    schema: Json | None = None
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything one request says; `None` and empty mean: leave it out.

    The server knows neither `answer` nor a forced `tool_choice`, nor that one call is
    enough where `parallel_tool_calls` is false: the client sees to them.
    `stream_usage` is whether a stream is asked to count, where that is to be asked for;
    `official` is whether it goes to one of MiniMax's own hosts.
    """

    model: str
    conversation: Conversation
    max_tokens: int | None
    stream: bool
    tools: tuple[Tool | Opaque, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    answer: JsonAnswer | None = None
    temperature: float | None = None
    top_p: float | None = None
    thinking: Json | None = None
    effort: str | None = None
    service_tier: str | None = None
    user_id: str | None = None
    stream_usage: bool = True
    official: bool = True
    extra: Mapping[str, Any] | None = None
