"""Deltas in, LangChain protocol (v3) events out, natively: blocks end as they end."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from langchain_protocol.protocol import MessagesData

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
)
from langchain_minimax._langchain import PROVIDER
from langchain_minimax._langchain.chunks import spoiler, usage_metadata


@dataclass(slots=True)
class _Open:
    """A text or thinking block that has begun."""

    type: Literal["text", "reasoning"]
    pieces: list[str] = field(default_factory=list)
    extras: Json = field(default_factory=dict)


class Events:
    """Turns the deltas of one reply into events.

    The message's id is left empty, so that LangChain's run id stands. Blocks are
    numbered without gaps, as the protocol asks; the `index` inside a block is our own,
    which keeps two replies apart that are merged later.

    Args:
        model: The model asked for, in case the server does not name it.
        usage: Whether the last event tells the usage.
    """

    def __init__(self, model: str, *, usage: bool = True) -> None:
        self._model = model
        self._with_usage = usage
        self._id = ""
        self._key = uuid.uuid4().hex
        self._index = -1
        self._first: int | None = None
        self._open: _Open | None = None

    def feed(self, delta: Delta) -> Sequence[MessagesData]:
        """Takes the next delta."""
        return cast("Sequence[MessagesData]", self._events(delta))

    def _events(self, delta: Delta) -> Sequence[Json]:  # noqa: C901, PLR0911, PLR0912 - an arm a delta
        match delta:
            case TextDelta(_, text):
                return self._more("text", text)
            case ThinkingDelta(_, thinking):
                return self._more("reasoning", thinking)
            case Signature(_, signature):
                return self._keep({"signature": signature})
            case SentAs(_, sent_as):
                return self._keep({"sent_as": sent_as})
            case BlockStopped():
                return self._stop()
            case ToolUseStarted(_, id, name):
                call = {"type": "tool_call_chunk", "id": id, "name": name, "args": ""}
                return (self._start(call),)
            case ToolUseDelta(_, partial_json):
                return (self._delta({"type": "tool-call-delta", "args": partial_json}),)
            case ToolUseStopped():
                return (self._finish(_call(delta)),)
            case OpaqueBlock(_, block):
                start = self._start({"type": "non_standard", "value": {}})
                value = {"type": "non_standard", "value": block, "index": self._at()}
                return (start, self._finish(value))
            case Started(id, model):
                is_second = self._first is not None
                self._first = self._index + 1
                self._id, self._key = id, id or uuid.uuid4().hex
                self._model = model or self._model
                if is_second:
                    return ()
                metadata = {"provider": PROVIDER, "model": self._model}
                start = {"event": "message-start", "role": "ai", "id": ""}
                return ({**start, "metadata": metadata},)
            case Stopped():
                return (self._end(delta),)
            case Unmet():
                return ()

    def _more(self, type: Literal["text", "reasoning"], piece: str) -> Sequence[Json]:
        events = []
        if self._open is None:
            self._open = _Open(type)
            events.append(self._start({"type": type, type: ""}))
        if piece:
            self._open.pieces.append(piece)
            events.append(self._delta({"type": f"{type}-delta", type: piece}))
        return events

    def _keep(self, extras: Json) -> Sequence[Json]:
        """Keeps what a thought has to come back with, for its end."""
        opened = self._more("reasoning", "")
        if self._open is not None:
            self._open.extras |= extras
        return opened

    def _stop(self) -> Sequence[Json]:
        block, self._open = self._open, None
        if block is None:  # a stop sequence left nothing of it
            return ()
        content: Json = {"type": block.type, block.type: "".join(block.pieces)}
        if block.extras:
            content["extras"] = block.extras
        return (self._finish({**content, "index": self._at()}),)

    def _at(self) -> str:
        return f"lc_{self._key}_{self._index - (self._first or 0)}"

    def _start(self, content: Json) -> Json:
        self._index += 1
        return self._event("content-block-start", content=content)

    def _delta(self, delta: Json) -> Json:
        return self._event("content-block-delta", delta=delta)

    def _finish(self, content: Json) -> Json:
        return self._event("content-block-finish", content=content)

    def _event(self, name: str, **fields: Any) -> Json:
        return {"event": name, "index": self._index, **fields}

    def _end(self, stopped: Stopped) -> Json:
        said = {
            "model_provider": PROVIDER,
            "id": self._id or None,
            "model_name": self._model,
            "stop_reason": stopped.stop_reason,
            "stop_sequence": stopped.stop_sequence,
            "service_tier": stopped.service_tier,
        }
        metadata = {key: value for key, value in said.items() if value is not None}
        metadata |= stopped.notes
        usage = usage_metadata(stopped.usage) if stopped.usage else None
        counted = {"usage": usage} if usage and self._with_usage else {}
        return {"event": "message-finish", "metadata": metadata, **counted}


def _call(stopped: ToolUseStopped) -> Json:
    call = {"id": stopped.id, "name": stopped.name}
    if stopped.input is not None:
        return {"type": "tool_call", **call, "args": stopped.input}
    # LangChain parses them anew when it merges messages.
    args = stopped.json + spoiler(stopped.json)
    error = "The arguments are not one whole JSON object."
    return {"type": "invalid_tool_call", **call, "args": args, "error": error}
