"""An examiner nobody here wrote: `llmock`, which breaks replies and judges the client.

It sees what a server sees: each attempt, when, and whether another one follows; of the
errors that a client raises it sees nothing. So a small application stands behind each
client here, which asks once more if a stream broke. Who raises nothing has taken half a
reply for a whole one, which is what llmock then says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import add_ai_message_chunks
from llmock.journal import RequestRecord
from llmock.scenarios import (
    Behavior,
    Delay,
    Fail,
    Reply,
    SlowFirstToken,
    StreamFault,
    ToolCall,
    ToolFault,
)
from llmock.testing import LLMockServer
from llmock.verdict import Finding, judge

from langchain_minimax import (
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxContextOverflowError,
    MiniMaxInsufficientBalanceError,
    MiniMaxInvalidRequestError,
    MiniMaxModelNotFoundError,
    MiniMaxPermissionDeniedError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)
from support.ways import WAYS

QUESTION = "How much is two and two, and what is the weather in Paris?"
ANSWER = "Two and two is four."
LONG = Reply(f"{ANSWER}{' And so on.' * 5000}")  # not all sent before a client leaves
CALL = ToolCall("get_weather", {"city": "Paris"})

Errors = type[Exception] | tuple[type[Exception], ...]

STREAMS = ("stream", "astream", "events", "aevents")
HALF = 5  # chunks: some of the words are out, on both protocols
HEAD = 1  # chunk: the reply has begun, and nothing of it was said


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Sunny in {city}"


@dataclass(frozen=True)
class Scenario:
    """What llmock does, and what must come out of a client.

    Attributes:
        faults: What llmock does to the first requests; then it answers.
        why: The reason for what must come out.
        error: What the first call must raise; `None` if it must succeed.
        requests: How many llmock must have seen, of all calls.
        again: Whether the application asks once more after an error.
        calls: The tool calls of the reply.
        invalid: How many more it has that cannot be run.
        text: The words of the reply.
        warned: llmock's warnings that are to be expected, as `why` explains.
        ways: The call ways to which the faults apply.
        idle: Seconds after which a silent stream is given up.
    """

    faults: tuple[Behavior, ...]
    why: str
    error: Errors | None = None
    requests: int = 1
    again: bool = False
    calls: tuple[ToolCall, ...] = ()
    invalid: int = 0
    text: str = ANSWER
    warned: tuple[str, ...] = ()
    ways: tuple[str, ...] = tuple(WAYS)
    idle: float = 60

    def is_told_by(self, message: AIMessage) -> bool:
        """Whether a message has these words and calls, and no others."""
        calls = [ToolCall(each["name"], each["args"]) for each in message.tool_calls]
        told = (message.text, tuple(calls), len(message.invalid_tool_calls))
        return told == (self.text, self.calls, self.invalid)


def refused(status: int, error: Errors, why: str, **fields: Any) -> Scenario:
    """A refusal that no repetition helps."""
    return Scenario((Fail(status, **fields),), why, error)


def passing(status: int) -> Scenario:
    """A failure that passes."""
    why = "passes: tried again as soon as the server allows it"
    return Scenario((Fail(status, retry_after=0, times=2),), why, requests=3)


def broken(
    kind: Any,
    after: int,
    why: str,
    error: type[Exception] | None = None,
    *,
    reply: Reply | None = None,
    idle: float = 60,
) -> Scenario:
    """A stream that breaks after so many of its chunks; the next one is whole."""
    fault = StreamFault(kind, after_chunks=after, stall_seconds=20)
    return Scenario(
        faults=(fault, reply) if reply else (fault,),
        why=why,
        error=error,
        requests=2,
        again=True,
        ways=STREAMS,
        idle=idle,
    )


SCENARIOS: dict[str, Scenario] = {
    "nothing": Scenario((), "the examiner itself is understood"),
    "slow": Scenario((Delay(0.2),), "slow is no fault"),
    "slow first token": Scenario(
        (SlowFirstToken(0.2),), "nor is a thoughtful start", ways=STREAMS
    ),
    # --- Refusals that stay ---
    "400": refused(400, MiniMaxInvalidRequestError, "would be refused again"),
    "401": refused(401, MiniMaxAuthenticationError, "the key stays wrong"),
    "402": refused(402, MiniMaxInsufficientBalanceError, "the wallet stays empty"),
    "403": refused(403, MiniMaxPermissionDeniedError, "the key may not"),
    "404": refused(
        404,
        (MiniMaxModelNotFoundError, MiniMaxInvalidRequestError),
        "stays so; only Messages says that it is no address that was not found",
    ),
    "413": refused(413, MiniMaxInvalidRequestError, "it stays too large"),
    "422": refused(422, MiniMaxInvalidRequestError, "would be refused again"),
    "prompt too long": refused(
        400,
        MiniMaxContextOverflowError,
        "summarization middleware waits for this class",
        message="This model's maximum context length was exceeded.",
        code="context_length_exceeded",
    ),
    # --- Refusals that pass ---
    **{str(status): passing(status) for status in (408, 409, 429, 500, 502, 503)},
    **{str(status): passing(status) for status in (504, 529)},
    "429, wait a second": Scenario(
        (Fail(429, retry_after=1),), "asked to wait, and waited", requests=2
    ),
    "429, wait an hour": Scenario(
        (Fail(429, retry_after=3600),),
        "no call lasts so long: said at once, with the time, for the caller to decide",
        MiniMaxRateLimitError,
        warned=("gave_up",),
    ),
    "500 without a word": Scenario(
        (Fail(500),), "tried again after a pause of the client's own", requests=2
    ),
    "outage": Scenario(
        (Fail(503, retry_after=0, times=None),),
        "two more attempts, no storm, and a typed error",
        MiniMaxAPIError,
        requests=3,
    ),
    # --- Broken streams ---
    "dropped at the start": broken("disconnect", HEAD, "nothing shown: tried again"),
    "dropped half-way": broken(
        "disconnect", HALF, "shown words stay shown: raised", MiniMaxConnectionError
    ),
    "cut before it begins": broken("truncate", 0, "nothing shown: tried again"),
    "cut at the start": broken("truncate", HEAD, "nothing shown: tried again"),
    "cut half-way": broken(
        "truncate",
        HALF,
        "half an answer is none, though it ends in good order: raised",
        MiniMaxStreamTruncatedError,
    ),
    "garbled at the start": broken(
        "malformed", HEAD, "nothing shown: tried again", reply=LONG
    ),
    "garbled half-way": broken(
        "malformed",
        HALF,
        "a lost piece is not passed over, nor what follows it read on",
        MiniMaxResponseError,
        reply=LONG,
    ),
    "silent at the start": broken("stall", HEAD, "nothing shown: tried again", idle=3),
    "silent half-way": broken(
        "stall", HALF, "not waited for without end", MiniMaxTimeoutError, idle=3
    ),
    # --- Tool calls ---
    "tool call": Scenario(
        (Reply(tool_calls=(CALL,)),), "a call as it was made", calls=(CALL,), text=""
    ),
    "tool call cut off": broken(
        "truncate",
        3,
        "half a call is none",
        MiniMaxStreamTruncatedError,
        reply=Reply(tool_calls=(CALL,)),
    ),
    "arguments that are no JSON": Scenario(
        (Reply(tool_calls=(CALL,)), ToolFault("malformed_arguments")),
        "an invalid call, which no agent runs",
        invalid=1,
        text="",
        ways=STREAMS,
    ),
    "unknown tool": Scenario(
        (Reply(tool_calls=(CALL,)), ToolFault("unknown_tool")),
        "the agent tells the model which tools there are",
        calls=(replace(CALL, name="llmock_unknown_tool"),),
        text="",
    ),
}


# --- Examining -----------------------------------------------------------------------


async def _ainvoke(client: Any, said: str, /, **options: Any) -> AIMessage:
    return await client.ainvoke(said, **options)


async def _astream(client: Any, said: str, /, **options: Any) -> AIMessage:
    chunks = [chunk async for chunk in client.astream(said, **options)]
    return add_ai_message_chunks(chunks[0], *chunks[1:])


async def _aevents(client: Any, said: str, /, **options: Any) -> AIMessage:
    stream = await client.astream_events(said, version="v3", **options)
    return await stream.output


HERE: dict[str, Callable[..., Awaitable[AIMessage]]] = {
    "ainvoke": _ainvoke,
    "astream": _astream,
    "aevents": _aevents,
}
"""The asynchronous ways in the caller's event loop; in `WAYS` each makes its own."""

_numbers = count(1)


@dataclass(frozen=True)
class Seen:
    """What came out of a client's calls, and what llmock saw and says of them."""

    outcomes: tuple[AIMessage | Exception, ...]
    requests: int
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(each.code for each in self.findings if each.severity == "error")

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(each.code for each in self.findings if each.severity == "warning")

    def wrong(self, scenario: Scenario) -> str:
        """What is wrong with it, by what any client can be held to; or nothing.

        That is llmock's verdict, and that in the end there is the right answer, or an
        error of whatever kind where there is none to be had.
        """
        last = self.outcomes[-1]
        if self.failures:
            return ", ".join(self.failures)
        if scenario.error and not scenario.again:
            return "" if isinstance(last, Exception) else "no error"
        if isinstance(last, Exception):
            return type(last).__name__
        return "" if scenario.is_told_by(last) else "another reply"


async def examine(
    server: LLMockServer, scenario: Scenario, way: str, client: Any, *, here: bool
) -> Seen:
    """Puts a client through a scenario.

    Args:
        server: The examiner.
        scenario: What it does.
        way: How the client is called.
        client: A chat model, with `get_weather` bound to it.
        here: Whether in this event loop, or in one that the call makes for itself.
    """
    model = f"MiniMax-M3-{next(_numbers)}"  # llmock knows by it whose request it is
    behaviors = (*scenario.faults, Reply(ANSWER, times=None))
    server.state.scenarios.add(
        *(replace(each, match=replace(each.match, model=model)) for each in behaviors)
    )

    async def ask() -> AIMessage | Exception:
        try:
            if here and way in HERE:
                return await HERE[way](client, QUESTION, model=model)
            return await asyncio.to_thread(WAYS[way], client, QUESTION, model=model)
        except Exception as error:  # noqa: BLE001 - that is what came out
            return error

    async def records() -> list[RequestRecord]:
        """Once llmock has seen the end of them."""
        journal = server.state.journal
        return [
            record
            for record in await asyncio.to_thread(journal.records, wait=5)
            if record.model == model
        ]

    outcomes = [await ask()]
    if scenario.again and isinstance(outcomes[0], Exception):
        await records()  # or it takes the repetition for another call
        outcomes.append(await ask())
    seen = await records()
    return Seen(tuple(outcomes), len(seen), judge(seen).findings)
