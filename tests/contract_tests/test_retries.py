"""What is tried again, how often, and what is told to whom in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.rate_limiters import BaseRateLimiter
from tenacity import RetryCallState

from langchain_minimax import (
    MiniMaxError,
    MiniMaxOverloadedError,
    MiniMaxStreamTruncatedError,
)
from langchain_minimax.testing import Fault, Raw
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

STREAMS = ["stream", "astream", "events", "aevents"]
NOW = {"retry-after": "0"}

# A stream that has said so much, and how it goes on to its stop reason.
SAID = {
    "anthropic": (
        'data: {"type":"message_start","message":{"id":"1","model":"MiniMax-M3"}}\n\n'
        'data: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"text_delta","text":"%s"}}\n\n'
    ),
    "openai": (
        'data: {"id":"1","model":"MiniMax-M3",'
        '"choices":[{"index":0,"delta":{"role":"assistant","content":"%s"}}]}\n\n'
    ),
}
STOPPED = {
    "anthropic": (
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    ),
    "openai": (
        'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    ),
}


def soon(code: int) -> Fault:
    return Fault.error(code, retry_after=0)


@every_way
@pytest.mark.parametrize("code", [1000, 1002, 1013, 1033, 1041, 2045, 2064])
def test_what_may_pass_is_tried_again(
    ask: Ask, code: int, serve: Any, connect: Any
) -> None:
    server = serve(soon(code), soon(code), "At last.")
    assert ask(connect(server, max_retries=2), "Hello").text == "At last."
    assert len(server.requests) == 3


@every_way
@pytest.mark.parametrize("code", [1004, 1008, 1026, 1027, 1039, 2013, 2049, 2056, 2061])
def test_what_cannot_pass_is_not(ask: Ask, code: int, serve: Any, connect: Any) -> None:
    server = serve(Fault.error(code), "Never.")
    with pytest.raises(MiniMaxError):
        ask(connect(server, max_retries=2), "Hello")
    assert len(server.requests) == 1


@every_way
@pytest.mark.parametrize(
    "fault",
    [
        Fault.ok_with_base_resp(1002),
        Fault.cut(),
        Fault.reset(),
        Raw("", status=503, headers=NOW),
        Raw("", status=408, headers=NOW),
        Raw("{]", content_type="application/json", headers=NOW),
    ],
    ids=["200 with a code", "cut", "reset", "503", "408", "no JSON"],
)
def test_other_faults_that_may_pass(
    ask: Ask, fault: Any, serve: Any, connect: Any
) -> None:
    server = serve(fault, "At last.")
    assert ask(connect(server, max_retries=1), "Hello").text == "At last."
    assert len(server.requests) == 2


@every_way
def test_no_more_attempts_than_allowed(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve(*[soon(2064)] * 5)
    with pytest.raises(MiniMaxError, match="high load"):
        ask(connect(server, max_retries=3), "Hello")
    assert len(server.requests) == 4


@pytest.mark.parametrize("way", STREAMS)
def test_an_error_before_the_first_content_is_tried_again(
    way: str, serve: Any, connect: Any
) -> None:
    server = serve(Fault.error_event("start"), "At last.")
    message = WAYS[way](connect(server, max_retries=1), "Hello")
    assert message.text == "At last."
    assert len(server.requests) == 2


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault.error_event("content", reply="A long story."),
        Fault.cut(at_byte=700, reply="A long story that has no end."),
        Fault.reset(at_byte=700, reply="A long story that has no end."),
    ],
    ids=["event", "cut", "reset"],
)
def test_nothing_is_tried_again_once_something_was_shown(
    way: str, fault: Any, serve: Any, connect: Any
) -> None:
    server = serve(fault, "Never.")
    with pytest.raises(MiniMaxError) as caught:
        WAYS[way](connect(server, max_retries=2), "Hello")
    assert caught.value.partial.text
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_whole_reply_that_broke_off_is_tried_again(
    way: str, serve: Any, connect: Any
) -> None:
    """Nobody has seen any of it."""
    server = serve(Fault.cut(at_byte=100, reply="Lost."), "At last.")
    assert WAYS[way](connect(server, max_retries=1), "Hello").text == "At last."


@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_that_lost_only_its_last_event_is_whole(
    way: str, protocol: str, serve: Any, connect: Any
) -> None:
    body = SAID[protocol] % "All is said." + STOPPED[protocol]
    server = serve(Fault.reset(at_byte=len(body), reply=Raw(body + "data: {}\n\n")))
    message = WAYS[way](connect(server), "Hello")
    assert message.text == "All is said."
    assert message.response_metadata["stop_reason"] == "end_turn"


# --- What others are told ------------------------------------------------------------


class CountingLimiter(BaseRateLimiter):
    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += blocking
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        await asyncio.sleep(0)
        self.asked += blocking
        return True


@every_way
def test_the_rate_limiter_is_asked_before_each_attempt(
    ask: Ask, serve: Any, connect: Any
) -> None:
    limiter = CountingLimiter()
    server = serve(soon(2064), soon(2064), "At last.")
    ask(connect(server, max_retries=2, rate_limiter=limiter), "Hello")
    assert limiter.asked == 3


class Retries(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_retry(self, retry_state: RetryCallState, **_: Any) -> None:
        error = retry_state.outcome.exception()
        self.seen.append(f"{retry_state.attempt_number}: {error.code}")


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "events", "aevents"])
def test_a_callback_hears_of_each_retry(way: str, serve: Any, connect: Any) -> None:
    """`stream` is missing: there LangChain does not say whom to tell."""
    handler = Retries()
    server = serve(soon(2064), soon(1000), "At last.")
    model = connect(server, max_retries=2)
    WAYS[way](model, "Hello", config={"callbacks": [handler]})
    assert handler.seen == ["1: 2064", "2: 1000"]


@every_way
def test_a_server_that_asks_for_more_than_the_call_has_is_not_waited_for(
    ask: Ask, serve: Any, connect: Any
) -> None:
    server = serve(Fault.error(2064, retry_after=50), "Never.")
    with pytest.raises(MiniMaxError, match="high load"):
        ask(connect(server, max_retries=2, timeout=30), "Hello")
    assert len(server.requests) == 1


def test_the_error_of_a_broken_stream_is_one_that_langchain_may_retry() -> None:
    assert MiniMaxStreamTruncatedError.is_retryable


@every_way
def test_the_servers_own_error_comes_out_when_no_time_is_left_to_try_again(
    ask: Ask, serve: Any, connect: Any
) -> None:
    server = serve(*[Fault.error(2064)] * 9)
    with pytest.raises(MiniMaxOverloadedError):
        ask(connect(server, max_retries=9, timeout=0.2), "Hello")
    assert len(server.requests) == 1


@every_way
def test_what_follows_a_stop_sequence_can_break_nothing(
    ask: Ask, protocol: str, serve: Any, connect: Any
) -> None:
    server = serve(Raw(SAID[protocol] % "All is said. STOP and more"), "Never.")
    message = ask(connect(server, max_retries=2), "Hello", stop=["STOP"])
    assert message.text == "All is said. "
    assert message.response_metadata["stop_reason"] == "stop_sequence"
    assert len(server.requests) == 1
