"""What we say: a conversation and a request, neutral between wire and LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
"""A JSON object as it travels; only the edges of the package hold one."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words, of whoever's turn it is."""

    text: str
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """An earlier thought of the model, handed back unchanged."""

    thinking: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model's call of a tool."""

    id: str
    name: str
    input: Json
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call `tool_use_id`."""

    tool_use_id: str
    content: str | tuple[Block, ...]
    is_error: bool = False
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A block of the wire that we carry without understanding it."""

    block: Json


Block = Text | Thinking | ToolUse | ToolResult | Opaque


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The system prompt and the turns that follow it."""

    system: tuple[Text, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str | None
    input_schema: Json
    cache_control: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model may, must or must not call a tool."""

    mode: Literal["auto", "none", "any", "tool"]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything one request says; `None` and empty mean: leave it out."""

    model: str
    conversation: Conversation
    max_tokens: int
    stream: bool
    tools: tuple[Tool | Opaque, ...] = ()
    tool_choice: ToolChoice | None = None
    temperature: float | None = None
    top_p: float | None = None
    thinking: Json | None = None
    effort: str | None = None
    service_tier: str | None = None
    user_id: str | None = None
    extra: Mapping[str, Any] | None = None
