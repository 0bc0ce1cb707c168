"""LangChain messages in, a neutral conversation out; the messages are never touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Json,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._langchain.chunks import PROVIDER
from langchain_minimax._langchain.content_blocks import standard_blocks
from langchain_minimax.errors import MiniMaxInvalidRequestError

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}

_SHARED = frozenset({"text", "tool_call", "invalid_tool_call"})
"""What every provider's reply is made of; the rest is understood by its own alone."""

_MEDIA = frozenset(
    {"image", "video", "audio", "file", "text-plain", "image_url", "video_url"}
)


def to_conversation(messages: Sequence[BaseMessage]) -> Conversation:
    """Sorts messages into a system prompt and turns.

    System messages, wherever they stand, become the system prompt, in order. Tool
    messages that follow each other answer one turn and share one, with nothing else
    in it, as the server demands.

    Raises:
        MiniMaxInvalidRequestError: If a message has a role or a kind of content that
            MiniMax does not know, or if nothing is left to be said.
    """
    system = [
        block
        for message in messages
        if _role(message) == "system"
        for block in _system_blocks(message)
    ]
    turns = []
    said = [message for message in messages if _role(message) != "system"]
    for results, run in groupby(said, lambda each: isinstance(each, ToolMessage)):
        if results:
            turns.append(Turn("user", tuple(_tool_result(each) for each in run)))
        else:
            turns.extend(_turn(each) for each in run)
    turns = [turn for turn in turns if turn.blocks]
    if not turns:
        msg = (
            "The conversation is empty: MiniMax needs at least one message with "
            "content that is not a system message."
        )
        raise MiniMaxInvalidRequestError(msg)
    return Conversation(tuple(system), tuple(turns))


def _role(message: BaseMessage) -> Literal["system", "user", "assistant"]:
    match message:
        case SystemMessage():
            return "system"
        case HumanMessage() | ToolMessage():
            return "user"
        case AIMessage():
            return "assistant"
        case ChatMessage() if message.role.lower() in _ROLES:
            return _ROLES[message.role.lower()]
        case _:
            role = message.role if isinstance(message, ChatMessage) else message.type
            msg = (
                f"MiniMax knows no message with the role {role!r}. Use one of "
                f"{', '.join(map(repr, _ROLES))} or a message class of LangChain's."
            )
            raise MiniMaxInvalidRequestError(msg)


def _turn(message: BaseMessage) -> Turn:
    if isinstance(message, AIMessage):
        return Turn("assistant", tuple(_reply_blocks(message)))
    role: Literal["user", "assistant"] = (
        "assistant" if _role(message) == "assistant" else "user"
    )
    return Turn(role, tuple(_blocks(message.content)))


# --- What people and programs say ----------------------------------------------------


def _blocks(content: str | Iterable[Any]) -> Iterator[Block]:
    for part in [content] if isinstance(content, str) else content:
        if isinstance(part, str):
            part = {"type": "text", "text": part}  # noqa: PLW2901
        yield from _block(part)


def _block(part: Json) -> Iterator[Block]:
    kind = part.get("type")
    if not isinstance(kind, str):
        msg = f"This part of a message has no type: {part!r}."
        raise MiniMaxInvalidRequestError(msg)
    if kind == "text":
        if part.get("text"):
            yield Text(part["text"], _cache_control(part))
    elif kind == "non_standard":
        yield from _block(part.get("value") or {})
    elif kind in _MEDIA and "source" not in part:
        msg = (
            f"Content of type {kind!r} cannot be sent yet; only MiniMax's own image "
            'and video blocks are passed on: {"type": "image", "source": …}.'
        )
        raise MiniMaxInvalidRequestError(msg)
    else:
        yield Opaque(_wire(part))


def _system_blocks(message: BaseMessage) -> Iterator[Text]:
    for block in _blocks(message.content):
        if not isinstance(block, Text):
            msg = f"A system message can only hold text, not {block!r}."
            raise MiniMaxInvalidRequestError(msg)
        yield block


def _tool_result(message: BaseMessage) -> ToolResult:
    if not isinstance(message, ToolMessage):
        raise TypeError(message)
    content = message.content
    return ToolResult(
        message.tool_call_id,
        content if isinstance(content, str) else tuple(_blocks(content)),
        is_error=message.status == "error",
        cache_control=_cache_control(message.additional_kwargs),
    )


# --- What the model said -------------------------------------------------------------


def _reply_blocks(message: AIMessage) -> Iterator[Block]:
    """The server's own blocks, in its order; of others', the words and the calls."""
    provider = message.response_metadata.get("model_provider")
    foreign = provider not in (None, PROVIDER)
    for block in standard_blocks(message):
        if not foreign or block["type"] in _SHARED:
            yield from _reply_block(block)


def _reply_block(block: Json) -> Iterator[Block]:
    match block["type"]:
        case "reasoning":
            thinking = block.get("reasoning") or ""
            signature = (block.get("extras") or {}).get("signature")
            if thinking or signature:
                yield Thinking(thinking, signature)
        case "tool_call":
            mark = _cache_control(block)
            yield ToolUse(_id(block), _name(block), block["args"], mark)
        case "invalid_tool_call":
            # The server refuses broken arguments for good, and whoever answers the
            # call (LangChain does, with an error) needs it to be there.
            yield ToolUse(_id(block), _name(block), {})
        case _:
            yield from _block(block)


def _id(block: Json) -> str:
    """An id, since a call without one could not be answered."""
    return block.get("id") or f"call_{_name(block)}"


def _name(block: Json) -> str:
    return block.get("name") or "unknown"


# --- Keys ----------------------------------------------------------------------------


def _cache_control(part: Mapping[str, Any]) -> Json | None:
    extras = part.get("extras")
    mark = part.get("cache_control")
    if mark is None and isinstance(extras, dict):
        mark = extras.get("cache_control")
    return mark


def _wire(block: Json) -> Json:
    """A block of the wire's own, without what LangChain's streams put beside it."""
    return {
        key: value
        for key, value in block.items()
        if key not in ("index", "partial_json")
    }
