"""Deltas in, LangChain's message chunks out; a finished reply gives one message.

Layout: `content` is the text as a plain string, thinking lives in
`additional_kwargs["thinking_blocks"]`. Each thinking block carries
`index: "lc_<reply id>_<place>"`, which makes LangChain merge the deltas of one block
and keeps two replies apart that are merged later. Text that does not come first among
text and tool calls carries such an index too, so that no order is lost.
With `output_version="v1"` content is the list of LangChain's standard blocks instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from copy import copy
from typing import Any, ClassVar, Protocol

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    InvalidToolCall,
    UsageMetadata,
)
from langchain_core.messages.ai import (
    InputTokenDetails,
    OutputTokenDetails,
    add_ai_message_chunks,
)
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_minimax._blocks import Json
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    OpaqueBlock,
    SentAs,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Unmet,
    Usage,
    total,
)
from langchain_minimax._langchain import PROVIDER


class _Layout(Protocol):
    """How the parts of a reply lie in a chunk: as fields of `AIMessageChunk`."""

    metadata: ClassVar[Json]

    def empty(self) -> str | list[Any]: ...

    def text(self, key: str, text: str, *, first: bool) -> Json: ...

    def thinking(self, key: str, thinking: str, kept: Json) -> Json: ...

    def tool_use(self, key: str, chunk: ToolCallChunk) -> Json: ...

    def opaque(self, key: str, block: Json) -> Json: ...


class _V0:
    """Text as a string, thinking in `additional_kwargs`."""

    metadata: ClassVar[Json] = {"model_provider": PROVIDER}

    def empty(self) -> str | list[Any]:
        return ""

    def text(self, key: str, text: str, *, first: bool) -> Json:
        if first:
            return {"content": text}
        return {"content": [{"type": "text", "text": text, "index": key}]}

    def thinking(self, key: str, thinking: str, kept: Json) -> Json:
        block = {"type": "thinking", "thinking": thinking, "index": key, **kept}
        return {"additional_kwargs": {"thinking_blocks": [block]}}

    def tool_use(self, key: str, chunk: ToolCallChunk) -> Json:  # noqa: ARG002
        return {"tool_call_chunks": [chunk]}

    def opaque(self, key: str, block: Json) -> Json:
        return {"content": [{**block, "index": key}]}


class _V1:
    """Everything in content, as LangChain's standard blocks."""

    metadata: ClassVar[Json] = {"model_provider": PROVIDER, "output_version": "v1"}

    def empty(self) -> str | list[Any]:
        return []

    def text(self, key: str, text: str, *, first: bool) -> Json:  # noqa: ARG002
        return {"content": [{"type": "text", "text": text, "index": key}]}

    def thinking(self, key: str, thinking: str, kept: Json) -> Json:
        block: Json = {"type": "reasoning", "reasoning": thinking, "index": key}
        return {"content": [{**block, "extras": kept} if kept else block]}

    def tool_use(self, key: str, chunk: ToolCallChunk) -> Json:
        return {"content": [{**chunk, "index": key}], "tool_call_chunks": [chunk]}

    def opaque(self, key: str, block: Json) -> Json:
        return {"content": [{"type": "non_standard", "value": block, "index": key}]}


class Chunks:
    """Turns the deltas of one reply into chunks.

    Args:
        model: The model asked for, in case the server does not name it.
        v1: Whether content is to be LangChain's standard blocks.
        usage: Whether the last chunk tells the usage.
    """

    def __init__(self, model: str, *, v1: bool = False, usage: bool = True) -> None:
        self._layout: _Layout = _V1() if v1 else _V0()
        self._with_usage = usage
        self._model = model
        self._id = ""
        self._key = ""
        self._text_place: int | None = None
        self._only_thinking = True
        self._open_call: tuple[int, list[str]] | None = None
        self._calls_before = self._last_call = -1
        self._unmet: list[Usage | None] = []

    def feed(self, delta: Delta) -> AIMessageChunk | None:
        """Takes the next delta; many have a chunk to show for it."""
        fields = self._fields(delta)
        return None if fields is None else self._message(fields)

    def spoiled(self) -> list[AIMessageChunk]:
        """What makes a call that is open none, once the reply broke off."""
        if self._open_call is None:
            return []
        place, pieces = self._open_call
        return [self._message(self._spoil(place, "".join(pieces)))]

    def broken_off(self) -> list[AIMessageChunk]:
        """The last chunks of a reply that has no end; those before it were counted."""
        end = self._end(Stopped(None, total(self._unmet)))
        return [*self.spoiled(), self._message(end)]

    def _fields(self, delta: Delta) -> Json | None:  # noqa: C901, PLR0912 - an arm a delta
        layout = self._layout
        match delta:
            case TextDelta(place, text):
                return layout.text(self._at(place), text, first=self._is_first(place))
            case ThinkingDelta(place, thinking):
                return layout.thinking(self._at(place), thinking, {})
            case Signature(place, signature):
                kept = {"signature": signature}
                return layout.thinking(self._at(place), "", kept)
            case SentAs(place, sent_as):
                return layout.thinking(self._at(place), "", {"sent_as": sent_as})
            case ToolUseStarted(place, id, name):
                self._only_thinking = False
                self._open_call = place, []
                return self._call(place, "", id, name)
            case ToolUseDelta(place, partial_json):
                if self._open_call is not None:
                    self._open_call[1].append(partial_json)
                return self._call(place, partial_json)
            case ToolUseStopped(place, _, _, input, json):
                self._open_call = None
                return self._spoil(place, json) if input is None else None
            case OpaqueBlock(place, block):
                self._only_thinking = False
                return layout.opaque(self._at(place), block)
            case Started(id, model):
                self._id = self._key = id
                self._model = model or self._model
                self._calls_before = self._last_call
                return {}
            case Stopped():
                return self._end(delta)
            case Unmet():
                self._unmet.append(delta.usage)
                return None
            case BlockStopped():
                return None

    def _is_first(self, place: int) -> bool:
        """Whether this is the text that stands before all tool calls."""
        if self._text_place is None and self._only_thinking:
            self._text_place = place
        self._only_thinking = False
        return place == self._text_place

    def _at(self, place: int) -> str:
        if not self._key:
            self._key = uuid.uuid4().hex
        return f"lc_{self._key}_{place}"

    def _call(
        self, place: int, args: str, id: str | None = None, name: str | None = None
    ) -> Json:
        # A second reply to one demand counts its places anew.
        self._last_call = self._calls_before + 1 + place
        chunk = tool_call_chunk(name=name, args=args, id=id, index=self._last_call)
        return self._layout.tool_use(self._at(place), chunk)

    def _spoil(self, place: int, json: str) -> Json:
        return self._call(place, spoiler(json))

    def _named(self) -> Json:
        return {
            **self._layout.metadata,
            **({"id": self._id} if self._id else {}),
            "model_name": self._model,
        }

    def _end(self, stopped: Stopped) -> Json:
        said = {
            "stop_reason": stopped.stop_reason,
            "stop_sequence": stopped.stop_sequence,
            "service_tier": stopped.service_tier,
        }
        metadata = {key: value for key, value in said.items() if value is not None}
        usage = stopped.usage if self._with_usage else None
        return {
            "response_metadata": {**self._named(), **metadata, **stopped.notes},
            "usage_metadata": usage_metadata(usage) if usage else None,
            "chunk_position": "last",
        }

    def _message(self, fields: Json) -> AIMessageChunk:
        calls = fields.get("tool_call_chunks")
        if not fields.keys() <= _UNCHECKED or (calls and any(map(_may_be_read, calls))):
            empty = {
                "content": self._layout.empty(),
                "response_metadata": self._layout.metadata,
            }
            return AIMessageChunk(**{**empty, **fields})
        chunk = copy(_EMPTY)
        vars(chunk).update(
            {
                "content": self._layout.empty(),
                "additional_kwargs": {},
                "response_metadata": {**self._layout.metadata},
                "tool_calls": [],
                "invalid_tool_calls": [*map(_unreadable, calls)] if calls else [],
                "tool_call_chunks": [],
                **fields,
            }
        )
        return chunk


_EMPTY = AIMessageChunk(
    content="",
    additional_kwargs={},
    response_metadata={},
    tool_calls=[],
    invalid_tool_calls=[],
    tool_call_chunks=[],
)
_EMPTY_GENERATION = ChatGenerationChunk(message=_EMPTY)

# LangChain's checks find out nothing of these, but for what follows from the chunks of
# calls; and there they take longer than all else that is done with a delta.
_UNCHECKED = frozenset(("content", "additional_kwargs", "tool_call_chunks"))


def generation_of(message: AIMessageChunk) -> ChatGenerationChunk:
    """A chunk as LangChain wants it of `_stream`, of which it has nothing to check."""
    content = message.content
    chunk = copy(_EMPTY_GENERATION)
    vars(chunk).update(
        message=message, text=content if isinstance(content, str) else message.text
    )
    return chunk


def _may_be_read(chunk: ToolCallChunk) -> bool:
    """Whether LangChain may take a fragment of arguments for an object."""
    args = chunk["args"]
    return not args or args.lstrip().startswith("{")


def _unreadable(chunk: ToolCallChunk) -> InvalidToolCall:
    """What LangChain makes of one that is none."""
    return InvalidToolCall(
        type="invalid_tool_call",
        name=chunk["name"],
        args=chunk["args"],
        id=chunk["id"],
        error=None,
    )


def fold(
    deltas: Iterable[Delta], model: str, *, v1: bool = False, usage: bool = True
) -> AIMessage:
    """The message that a reply, whole or broken off, amounts to.

    It is the sum of the chunks that a stream would have had.
    """
    chunks = Chunks(model, v1=v1, usage=usage)
    said = [chunk for delta in deltas if (chunk := chunks.feed(delta)) is not None]
    if not said or said[-1].chunk_position is None:
        said += chunks.broken_off()
    whole = add_ai_message_chunks(said[0], *said[1:])
    return AIMessage(
        content=whole.content,
        additional_kwargs=whole.additional_kwargs,
        response_metadata=whole.response_metadata,
        tool_calls=whole.tool_calls,
        invalid_tool_calls=whole.invalid_tool_calls,
        usage_metadata=whole.usage_metadata,
    )


def usage_metadata(usage: Usage) -> UsageMetadata:
    """MiniMax's count as LangChain's, whose input includes what the cache had."""
    given = UsageMetadata(
        input_tokens=usage.input
        + (usage.cache_read or 0)
        + (usage.cache_creation or 0),
        output_tokens=usage.output,
        total_tokens=0,
    )
    given["total_tokens"] = given["input_tokens"] + given["output_tokens"]
    details = InputTokenDetails()
    if usage.cache_read is not None:
        details["cache_read"] = usage.cache_read
    if usage.cache_creation is not None:
        details["cache_creation"] = usage.cache_creation
    if details:
        given["input_token_details"] = details
    if usage.reasoning is not None:
        given["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning)
    return given


def spoiler(json: str) -> str:
    """What to append to unusable arguments so that nobody takes them for usable ones.

    LangChain completes cut JSON, and an agent would then run `rm /srv/a` where
    `rm /srv/a/b` was meant (langchain#39275). A bracket that closes what is not open
    makes every parser refuse.
    """
    opened: list[str] = []
    in_string = escaped = False
    for character in json:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            opened.append(character)
        elif character in "}]" and opened:
            opened.pop()
    wrong = "}" if opened and opened[-1] == "[" else "]"
    return ("\\" if escaped else "") + ('"' if in_string else "") + wrong
