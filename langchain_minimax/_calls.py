"""A model's options and LangChain's messages in, one call out: what is sent and heard.

Imported with the first call: whoever only makes a model needs nothing of this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_minimax._address import is_official
from langchain_minimax._deltas import Delta
from langchain_minimax._demands import OneCall, callable_tools, summed_up
from langchain_minimax._dialects import Dialect, anthropic, openai
from langchain_minimax._dialects.think_tags import ThinkTags
from langchain_minimax._exchange import Exchange, exchange
from langchain_minimax._filters import Filter, StopSequences
from langchain_minimax._langchain.chunks import Chunks, fold, generation_of
from langchain_minimax._langchain.events import Events
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._langchain.options import Options
from langchain_minimax._leaked_calls import LeakedCalls
from langchain_minimax._repair import repair
from langchain_minimax._round_trips import Draft, Trips, round_trips
from langchain_minimax.errors import MiniMaxError

if TYPE_CHECKING:
    from langchain_minimax._http import Deadline

DIALECTS: Mapping[str, Dialect] = {"anthropic": anthropic, "openai": openai}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a call goes, and with what."""

    url: str
    secret: str | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what is sent, and how the reply is to look."""

    trips: Trips = field(repr=False)
    deadline: Deadline
    model: str
    v1: bool
    usage: bool
    heard: list[Delta] = field(default_factory=list)

    def next_trip(
        self, heard: Sequence[Delta], refusal: MiniMaxError | None = None
    ) -> Exchange | None:
        """The exchange that follows what was heard of the last one, if any.

        A refusal comes out again if nothing is left to be tried, and an error once
        something was heard: nothing can follow then.
        """
        self.heard.extend(heard)
        try:
            if refusal is None:
                return self.trips.send(heard)
            if heard:
                raise refusal
            return self.trips.throw(refusal)
        except StopIteration:
            return None
        except MiniMaxError as error:
            said = summed_up(self.heard)
            error.partial = self.message(said) if said else None
            raise

    def shown(self, reply: Iterator[Sequence[Delta]]) -> Iterator[ChatGenerationChunk]:
        """The chunks of a reply; if it breaks off, the last one spoils an open call."""
        chunks = Chunks(self.model, v1=self.v1, usage=self.usage)
        try:
            for batch in reply:
                for delta in batch:
                    if (chunk := chunks.feed(delta)) is not None:
                        yield generation_of(chunk)
        except MiniMaxError:
            yield from map(generation_of, chunks.spoiled())
            raise

    async def ashown(
        self, reply: AsyncIterator[Sequence[Delta]]
    ) -> AsyncIterator[ChatGenerationChunk]:
        """The same, awaited."""
        chunks = Chunks(self.model, v1=self.v1, usage=self.usage)
        try:
            async for batch in reply:
                for delta in batch:
                    if (chunk := chunks.feed(delta)) is not None:
                        yield generation_of(chunk)
        except MiniMaxError:
            for chunk in chunks.spoiled():
                yield generation_of(chunk)
            raise

    def events(self) -> Events:
        """The events of a reply, to be fed."""
        return Events(self.model, usage=self.usage)

    def message(self, deltas: Sequence[Delta]) -> AIMessage:
        """The message that a whole reply is."""
        return fold(deltas, self.model, v1=self.v1)

    def result(self, deltas: Sequence[Delta]) -> ChatResult:
        """The same, as LangChain wants it of `_generate`."""
        return ChatResult(generations=[ChatGeneration(message=self.message(deltas))])


def trips_of(
    options: Options, messages: Sequence[BaseMessage], to: Address, *, stream: bool
) -> Trips:
    """The exchanges of a call; nothing has been sent when this refuses.

    Raises:
        MiniMaxInvalidRequestError: If the messages or the options cannot be sent.
    """
    official = is_official(to.url)
    request = options.request(
        repair(to_conversation(messages)), stream=stream, official=official
    )
    stops = options.stop_sequences()
    # Self-hosted servers may leave thinking in the text, on this protocol too.
    tagged = options.protocol == "anthropic" and not official

    def write(draft: Draft) -> Exchange:
        schemas = callable_tools(draft.request)
        stages: list[Callable[[], Filter]] = [
            *([ThinkTags] if tagged else []),
            *([partial(LeakedCalls, schemas)] if schemas else []),
            *([partial(StopSequences, stops)] if stops else []),
            *([] if draft.request.parallel_tool_calls else [OneCall]),
            *draft.filters,
        ]
        return exchange(
            DIALECTS[options.protocol],
            draft.request,
            url=to.url,
            secret=to.secret,
            headers=to.headers,
            filters=lambda: [stage() for stage in stages],
        )

    return round_trips(request, write)
