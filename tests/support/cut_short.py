"""A reply that ends after any of its bytes, and what each way of calling makes of it.

Either the right answer, or a typed error with what was whole by then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import httpx
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks

from langchain_minimax import (
    MiniMaxConnectionError,
    MiniMaxError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
)
from support.play import playing
from support.samples import Sample
from support.slow_reader import Json, Said, said_in

Ending = Literal["ends", "breaks off"]
ENDINGS: tuple[Ending, ...] = ("ends", "breaks off")
"""A gateway that lost its server may well end the body properly."""


@dataclass
class CutShort(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that ends early."""

    body: bytes
    ending: Ending

    def __iter__(self) -> Iterator[bytes]:
        yield self.body
        if self.ending == "breaks off":
            raise httpx.ReadError("Connection reset by peer")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class Cutter:
    """A server that sends of one sample what it is told to, whatever it is asked."""

    def __init__(self, sample: Sample, **fields: Any) -> None:
        self.sample = sample
        self._reply = CutShort(sample.body, "ends")
        transport = httpx.MockTransport(self._answer)
        self.model = playing(
            sample,
            http_client=httpx.Client(transport=transport),
            http_async_client=httpx.AsyncClient(transport=transport),
            **fields,
        )

    def cut(self, end: int, ending: Ending) -> None:
        self._reply = CutShort(self.sample.body[:end], ending)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        kind = "text/event-stream" if self.sample.stream else "application/json"
        headers = {"content-type": f"{kind}; charset=utf-8"}
        return httpx.Response(self.sample.status, headers=headers, stream=self._reply)


@dataclass
class Outcome:
    """What came of a call.

    Attributes:
        message: The answer, if it is one.
        error: The error, if not.
        shown: The chunks that a stream yielded.
    """

    message: AIMessage | None = None
    error: MiniMaxError | None = None
    shown: list[AIMessageChunk] = field(default_factory=list)


Way = Callable[[Any, list[AIMessageChunk]], Awaitable[AIMessage]]
_SAID = "Go on."


async def outcome(way: Way, model: Any) -> Outcome:
    """What comes of a call; an error that is not typed comes out."""
    shown: list[AIMessageChunk] = []
    try:
        return Outcome(message=await way(model, shown), shown=shown)
    except MiniMaxError as error:
        return Outcome(error=error, shown=shown)


async def _invoke(model: Any, _: list[AIMessageChunk]) -> AIMessage:
    return model.invoke(_SAID)


async def _ainvoke(model: Any, _: list[AIMessageChunk]) -> AIMessage:
    return await model.ainvoke(_SAID)


async def _batch(model: Any, _: list[AIMessageChunk]) -> AIMessage:
    return model.batch([_SAID])[0]


async def _abatch(model: Any, _: list[AIMessageChunk]) -> AIMessage:
    return (await model.abatch([_SAID]))[0]


async def _stream(model: Any, shown: list[AIMessageChunk]) -> AIMessage:
    shown.extend(model.stream(_SAID))
    return add_ai_message_chunks(shown[0], *shown[1:])


async def _astream(model: Any, shown: list[AIMessageChunk]) -> AIMessage:
    async for chunk in model.astream(_SAID):
        shown.append(chunk)  # noqa: PERF401 - what came before an error is kept
    return add_ai_message_chunks(shown[0], *shown[1:])


async def _events(model: Any, _: list[AIMessageChunk]) -> AIMessage:
    return model.stream_events(_SAID, version="v3").output


async def _aevents(model: Any, _: list[AIMessageChunk]) -> AIMessage:
    return await (await model.astream_events(_SAID, version="v3")).output


CUT_WAYS: dict[str, Way] = {
    "invoke": _invoke,
    "ainvoke": _ainvoke,
    "batch": _batch,
    "abatch": _abatch,
    "stream": _stream,
    "astream": _astream,
    "events": _events,
    "aevents": _aevents,
}
"""All ways, within one event loop: hundreds of thousands of cuts have no time for more.
"""


# --- What has to come of it ----------------------------------------------------------

_HELD = len("\n</mm:think>\n\n")
"""Characters that may yet prove to be a closing tag, or to be said once more."""


def check(sample: Sample, end: int, ending: Ending, came: Outcome) -> None:
    """Fails if the outcome of a sample that was cut is not what it has to be."""
    said, last = _said(sample, sample.body[:end], ending)
    if last.has_ended and not last.has_failed:
        assert came.error is None
        assert _told(came.message) == meant(sample)
        return
    assert came.message is None
    partial = came.error.partial
    _check_partial(sample, said, partial)
    if partial is None:
        assert not came.shown  # so that another model may be asked instead
    if came.shown:
        shown = add_ai_message_chunks(came.shown[0], *came.shown[1:])
        assert _told(shown) == _told(partial)
    if sample.status != HTTPStatus.OK:
        assert not isinstance(came.error, MiniMaxConnectionError)
        assert came.error.status_code == sample.status
    elif not last.has_failed:
        assert type(came.error) is _error_of_a_cut(sample, ending)


def _error_of_a_cut(sample: Sample, ending: Ending) -> type[MiniMaxError]:
    """What a gateway ends in good order, half a document, is no reply."""
    is_half = not sample.stream and ending == "ends"
    return MiniMaxResponseError if is_half else MiniMaxStreamTruncatedError


def _said(sample: Sample, body: bytes, ending: Ending) -> tuple[Said, Said]:
    """What whole events say, and the same with the last words.

    These need no blank line, if they are whole, and if nothing is missing after them.
    """
    if not sample.stream:
        is_whole = body.rstrip() == sample.body.rstrip()
        said = Said(has_ended=is_whole, has_failed=sample.error is not None)
        return said, said
    said = said_in(sample, body)
    if ending == "ends" or said.has_ended:
        with suppress(ValueError):
            return said, said_in(sample, body + b"\n\n")
    return said, said


def _check_partial(sample: Sample, said: Said, partial: AIMessage | None) -> None:
    text, thinking, calls = _told(partial)
    assert calls == said.calls
    if sample.wire == "anthropic" and not sample.self_hosted:
        assert (text, thinking) == (said.text, said.thinking)
    else:
        assert said.text.startswith(text)
        assert said.thinking.startswith(thinking)
        assert len(said.text) - len(text) <= _HELD
        assert len(said.thinking) - len(thinking) <= _HELD


Told = tuple[str, str, list[Json]]


def _told(message: AIMessage | None) -> Told:
    """Text, thinking and calls of a message."""
    if message is None:
        return "", "", []
    thoughts = (block.get("reasoning", "") for block in message.content_blocks)
    calls = [
        {key: call[key] for key in ("id", "name", "args")}
        for call in message.tool_calls
    ]
    return message.text, "".join(thoughts), calls


def meant(sample: Sample) -> Told:
    """The same of the content that the sample has by hand."""
    texts = (block.get("text", "") for block in sample.content)
    thoughts = (block.get("thinking", "") for block in sample.content)
    calls = [
        {"id": block["id"], "name": block["name"], "args": block["input"]}
        for block in sample.content
        if block["type"] == "tool_use"
    ]
    return "".join(texts), "".join(thoughts), calls
