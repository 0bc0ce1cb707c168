"""What is tried again, how often, and what is told to whom in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.rate_limiters import BaseRateLimiter
from tenacity import RetryCallState

from langchain_minimax import (
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxOverloadedError,
    MiniMaxQuotaExceededError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)
from langchain_minimax.testing import Fault, Raw, Reply, ToolUse
from support.streams import SAID, STOPPED
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

STREAMS = ["stream", "astream", "events", "aevents"]
NOW = {"retry-after": "0"}


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


# The first event of a stream that shows anything.
SHOWN = {
    "anthropic": {
        "thinking": '{"type":"content_block_start","index":0,"content_block":'
        '{"type":"thinking","thinking":"Hm"}}',
        "a call": '{"type":"content_block_start","index":0,"content_block":'
        '{"type":"tool_use","id":"call_1","name":"dig","input":{}}}',
    },
    "openai": {
        "thinking": '{"id":"1","choices":[{"index":0,"delta":'
        '{"reasoning_content":"Hm"}}]}',
        "a call": '{"id":"1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,'
        '"id":"call_1","function":{"name":"dig","arguments":""}}]}}]}',
    },
}


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("shown", ["thinking", "a call"])
def test_nor_is_it_after_other_than_text(
    way: str, shown: str, protocol: str, serve: Any, connect: Any
) -> None:
    server = serve(Raw(f"data: {SHOWN[protocol][shown]}\n\n"), "Never.")
    with pytest.raises(MiniMaxStreamTruncatedError) as caught:
        WAYS[way](connect(server, max_retries=2), "Hello")
    assert caught.value.partial.tool_calls == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", STREAMS)
def test_nor_is_it_in_a_stream_that_is_called_something_else(
    way: str, protocol: str, serve: Any, connect: Any
) -> None:
    half = Raw(SAID[protocol] % "Half", content_type="application/json")
    server = serve(half, "Never.")
    with pytest.raises(MiniMaxStreamTruncatedError) as caught:
        WAYS[way](connect(server, max_retries=2), "Hello")
    assert caught.value.partial.text == "Half"
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


class Retries(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.pauses: list[float] = []

    def on_retry(self, retry_state: RetryCallState, **_: Any) -> None:
        error = retry_state.outcome.exception()
        self.seen.append(f"{retry_state.attempt_number}: {error.code}")
        self.pauses.append(retry_state.upcoming_sleep)


@dataclass(frozen=True)
class Script:
    """What fails before the server answers, and what is seen of it.

    Attributes:
        faults: What the first requests are answered with.
        heard: What the callback hears.
        error: What comes out in the end; `None`: the answer.
    """

    faults: Sequence[Any]
    heard: Sequence[str] = ()
    error: type[MiniMaxError] | None = None


NEVER_READY = Raw("", status=503, headers=NOW)
SCRIPTS = {
    "nothing": Script([]),
    "once": Script([soon(2064)], ["1: 2064"]),
    "in three ways": Script(
        # The first says nothing of when, and early pauses are short.
        [Fault.ok_with_base_resp(1002), soon(1000), NEVER_READY],
        ["1: 1002", "2: 1000", "3: None"],
    ),
    "too often": Script(
        [soon(2064)] * 4, ["1: 2064", "2: 2064", "3: 2064"], MiniMaxOverloadedError
    ),
    "at last for good": Script(
        [soon(1002), Fault.error(1004)], ["1: 1002"], MiniMaxAuthenticationError
    ),
    "until the plan is used up": Script(
        [soon(1002), Fault.error(2056)], ["1: 1002"], MiniMaxQuotaExceededError
    ),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("way", WAYS)
def test_all_hear_of_each_attempt(
    way: str, script: Script, serve: Any, connect: Any
) -> None:
    """But for the callback of `stream`: there LangChain does not say whom to tell."""
    limiter, handler = CountingLimiter(), Retries()
    server = serve(*script.faults, "At last.")
    model = connect(server, max_retries=3, rate_limiter=limiter)
    with pytest.raises(script.error) if script.error else nullcontext():
        answer = WAYS[way](model, "Hello", config={"callbacks": [handler]})
        assert answer.text == "At last."
    attempts = len(script.heard) + 1
    assert len(server.requests) == limiter.asked == attempts
    assert handler.seen == ([] if way in ("stream", "astream") else [*script.heard])


def test_without_retries_there_is_none(serve: Any, connect: Any) -> None:
    server = serve(soon(2064), "Never.")
    with pytest.raises(MiniMaxOverloadedError):
        connect(server, max_retries=0).invoke("Hello")
    assert len(server.requests) == 1


# --- How long between them -----------------------------------------------------------


def date(seconds: float) -> str:
    """The date in so many seconds, as a server says it."""
    then = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return format_datetime(then, usegmt=True)


WAITS: dict[str, tuple[dict[str, str], float, float]] = {
    "nothing said": ({}, 0.375, 0.5),
    "seconds": ({"retry-after": "0.05"}, 0.05, 0.05),
    "a date": ({"retry-after": date(-60)}, 0.0, 0.0),
    "no time": ({"retry-after": "soon"}, 0.375, 0.5),
}


@pytest.mark.parametrize(("said", "least", "most"), WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("way", ["invoke", "aevents"])
def test_the_server_says_how_long_to_wait(
    way: str, said: Any, least: float, most: float, serve: Any, connect: Any
) -> None:
    handler = Retries()
    model = connect(serve(Raw("", status=503, headers=said), "At last."), max_retries=1)
    WAYS[way](model, "Hello", config={"callbacks": [handler]})
    (pause,) = handler.pauses
    assert least <= pause <= most


@every_way
@pytest.mark.parametrize("wait", ["61", date(3600)], ids=["seconds", "a date"])
def test_a_server_that_asks_for_too_long_is_not_waited_for(
    ask: Ask, wait: str, serve: Any, connect: Any
) -> None:
    server = serve(Raw("", status=503, headers={"retry-after": wait}), "Never.")
    with pytest.raises(MiniMaxError, match=f"It asks to wait: {wait}"):
        ask(connect(server, max_retries=2), "Hello")
    assert len(server.requests) == 1


@every_way
def test_a_plan_that_is_used_up_says_when_it_opens_again(
    ask: Ask, serve: Any, connect: Any
) -> None:
    server = serve(Fault.error(2056, resets_at="2027-05-15T15:00:00Z"), "Never.")
    with pytest.raises(MiniMaxQuotaExceededError, match="15T15:00:00Z") as caught:
        ask(connect(server, max_retries=2), "Hello")
    assert caught.value.resets_at == datetime(2027, 5, 15, 15, tzinfo=timezone.utc)
    assert len(server.requests) == 1


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


@pytest.mark.parametrize("way", ["invoke", "aevents"])
def test_the_servers_own_error_comes_out_when_no_time_is_left_to_try_again(
    way: str, serve: Any, connect: Any
) -> None:
    server = serve(*[Fault.error(2064)] * 9)
    with pytest.raises(MiniMaxOverloadedError):
        WAYS[way](connect(server, max_retries=9, timeout=2), "Hello")
    assert len(server.requests) < 5


@every_way
def test_what_follows_a_stop_sequence_can_break_nothing(
    ask: Ask, protocol: str, serve: Any, connect: Any
) -> None:
    server = serve(Raw(SAID[protocol] % "All is said. STOP and more"), "Never.")
    message = ask(connect(server, max_retries=2), "Hello", stop=["STOP"])
    assert message.text == "All is said. "
    assert message.response_metadata["stop_reason"] == "stop_sequence"
    assert len(server.requests) == 1


# --- One time limit for all of it ----------------------------------------------------

DIG = {"name": "dig", "input_schema": {"type": "object", "properties": {}}}
SIGNED: list[BaseMessage] = [
    HumanMessage("Hi"),
    AIMessage(
        "Hello",
        additional_kwargs={
            "thinking_blocks": [
                {"type": "thinking", "thinking": "A greeting.", "signature": "5ig"}
            ]
        },
    ),
    HumanMessage("Dig."),
]
NOT_SIGNED = Fault(400, message="Invalid `signature` in `thinking` block (2013)")


@pytest.mark.parametrize(
    ("protocol", "way", "first", "second"),
    [
        ("anthropic", "invoke", soon(2064), "At last."),
        ("openai", "astream", soon(2064), "At last."),
        ("anthropic", "invoke", NOT_SIGNED, "At last."),
        ("anthropic", "aevents", "No call.", Reply([ToolUse("dig", {})])),
        ("openai", "invoke", "No call.", Reply([ToolUse("dig", {})])),
    ],
    ids=["retry", "retry, stream", "signature", "no call, events", "no call"],
)
def test_two_requests_share_one_time_limit(
    protocol: str, way: str, first: Any, second: Any, serve: Any, connect: Any
) -> None:
    """Each takes a second, which is less than the limit."""
    slow = [Fault.stall(seconds=1.0, reply=reply) for reply in (first, second)]
    server = serve(*slow)
    model = connect(server, protocol=protocol, max_retries=1, timeout=1.8)
    if first == "No call.":
        model = model.bind_tools([DIG], tool_choice="dig")
    with pytest.raises(MiniMaxTimeoutError, match=r"its 1\.8 s"):
        WAYS[way](model, SIGNED)
    assert len(server.requests) == 2
