"""A server that cannot be forced: a call that fits, or an error that says why not."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
    MiniMaxStreamTruncatedError,
    MiniMaxToolChoiceError,
)
from langchain_minimax.testing import (
    Emulator,
    Fault,
    Quirks,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from support.sent import body_of, turns_of
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

Blocks = list[Any]


def dig(depth: int) -> str:
    """Dig a hole."""
    return f"{depth} m"


def fill(material: str) -> str:
    """Fill the hole."""
    return material


TOOLS = [dig, fill]
PROSE = "You should dig, I think."
HM, OH = Thinking("Hm, a hole."), Thinking("Oh, a call.")
CALL = ToolUse("dig", {"depth": 3})

GOOD: dict[str, Blocks] = {
    "a call": [CALL],
    "JSON as text": [Text('{"depth": 3}')],
    "JSON in a fence": [Text('```json\n{"depth": 3}\n```')],
    "JSON in a fence behind a line": [Text('Here:\n```\n{"depth": 3}\n```')],
    "a call written as JSON": [Text('{"name": "dig", "arguments": {"depth": 3}}')],
    "prose and a call": [Text(PROSE), CALL],
    "thinking and a call": [OH, CALL],
    "thinking and JSON": [OH, Text('{"depth": 3}')],
}
BAD: dict[str, tuple[Blocks, str]] = {
    "prose": ([Text(PROSE)], "prose"),
    "thinking and prose": ([HM, Text(PROSE)], "prose"),
    "nothing": ([], "empty"),
    "only thinking": ([HM], "empty"),
    "white space": ([Text(" \n")], "empty"),
    "another tool": ([HM, ToolUse("fill", {"material": "sand"})], "wrong tool"),
    "arguments that do not fit": ([HM, ToolUse("dig", {"depth": "deep"})], "invalid"),
    "JSON that does not fit": ([Text('{"depth": "deep"}')], "invalid"),
    "broken arguments": ([ToolUse("dig", '{"depth": ]')], "invalid"),
    "half the arguments": ([HM, ToolUse("dig", '{"depth": 3')], "cut"),
    "half the prose": ([HM, Text(PROSE)], "cut"),
}
SECOND = ["prose", "nothing", "another tool", "arguments that do not fit"]
SECOND += ["broken arguments", "half the arguments"]


def reply(name: str, *, tokens: int) -> Reply:
    blocks, reason = BAD[name] if name in BAD else (GOOD[name], "")
    return Reply(
        blocks,
        stop_reason="max_tokens" if reason == "cut" else None,
        usage={"input_tokens": tokens, "output_tokens": tokens // 10},
    )


@pytest.fixture(scope="module")
def one_server() -> Iterator[Emulator]:
    with Emulator() as server:
        yield server


@pytest.fixture
def server(one_server: Emulator) -> Iterator[Emulator]:
    """The same for all tests, since there are many; it remembers no request."""
    one_server.clear()
    yield one_server
    one_server._script.clear()


@pytest.fixture
def bound(server: Emulator, connect: Callable[..., ChatMiniMax]) -> Callable[..., Any]:
    def model(choice: Any = "dig", **fields: Any) -> Any:
        thinking = connect(server, **{"thinking": True, **fields})
        return thinking.bind_tools(TOOLS, tool_choice=choice)

    return model


def check_wire(server: Emulator, asked: int) -> None:
    assert len(server.requests) == asked
    for request in server.requests:
        assert (request.status, request.stray_keys) == (200, [])
        assert request.body["tool_choice"] in ("auto", {"type": "auto"})
        assert "parallel_tool_calls" not in request.body


def thoughts(message: AIMessage) -> list[str]:
    return [
        block["reasoning"]
        for block in message.content_blocks
        if block["type"] == "reasoning"
    ]


def thoughts_in(*names: str) -> list[str]:
    blocks = [block for name in names for block in reply(name, tokens=0).blocks]
    return [block.text for block in blocks if isinstance(block, Thinking)]


def calls(message: AIMessage) -> list[tuple[str, Any]]:
    return [(call["name"], call["args"]) for call in message.tool_calls]


def counted(message: AIMessage) -> tuple[int, int, int]:
    usage = message.usage_metadata
    assert usage is not None
    return usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]


def check_call(message: AIMessage, *names: str) -> None:
    assert calls(message) == [("dig", {"depth": 3})]
    assert message.response_metadata["attempts"] == len(names)
    assert message.response_metadata["stop_reason"] == "tool_use"
    assert thoughts(message) == thoughts_in(*names)
    said = {1: (100, 10, 110), 2: (1100, 110, 1210)}
    assert counted(message) == said[len(names)]


# --- The table -----------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("first", GOOD)
@pytest.mark.parametrize("choice", ["dig", "any"])
def test_a_reply_that_will_do_is_asked_for_once(
    ask: Ask, first: str, choice: Any, server: Emulator, bound: Any
) -> None:
    server.script(reply(first, tokens=100))
    message = ask(bound(choice), "Dig.")
    check_wire(server, 1)
    check_call(message, first)
    assert message.text == (PROSE if first == "prose and a call" else "")
    assert message.invalid_tool_calls == []


@every_way
@pytest.mark.parametrize("second", ["a call", "JSON as text", "thinking and a call"])
@pytest.mark.parametrize("first", [name for name in BAD if BAD[name][1] != "cut"])
def test_a_reply_that_will_not_do_is_asked_for_once_more(
    ask: Ask, first: str, second: str, server: Emulator, bound: Any
) -> None:
    server.script(reply(first, tokens=100), reply(second, tokens=1000))
    message = ask(bound(), "Dig.")
    check_wire(server, 2)
    check_call(message, first, second)
    assert message.text == ""
    broken = {"arguments that do not fit", "broken arguments"}
    assert len(message.invalid_tool_calls) == (first in broken)


@every_way
@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("first", BAD)
def test_two_replies_that_will_not_do_are_an_error_that_says_why(
    ask: Ask, first: str, second: str, server: Emulator, bound: Any
) -> None:
    is_cut = BAD[first][1] == "cut"
    server.script(reply(first, tokens=100), reply(second, tokens=1000))
    with pytest.raises(MiniMaxToolChoiceError) as caught:
        ask(bound(), "Dig.")
    names = [first] if is_cut else [first, second]
    check_wire(server, len(names))
    error = caught.value
    assert isinstance(error, OutputParserException)
    assert (error.reason, error.attempts) == (BAD[names[-1]][1], len(names))
    assert "`dig`" in str(error)
    partial = error.partial
    assert partial is not None
    assert partial.tool_calls == []
    assert thoughts(partial) == thoughts_in(*names)
    assert counted(partial) == ((100, 10, 110) if is_cut else (1100, 110, 1210))
    assert partial.response_metadata["attempts"] == len(names)
    last = [block.text for block in BAD[names[-1]][0] if isinstance(block, Text)]
    assert partial.text == "".join(last)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, copy.attempts) == (error.reason, error.attempts)


@every_way
@pytest.mark.parametrize(
    "choice",
    [
        *("any", "required", True, "dig"),
        {"type": "any"},
        {"type": "tool", "name": "dig"},
        {"type": "function", "function": {"name": "dig"}},
    ],
    ids=str,
)
def test_every_spelling_of_a_choice_forces(
    ask: Ask, choice: Any, server: Emulator, bound: Any
) -> None:
    server.script(reply("prose", tokens=100), reply("a call", tokens=1000))
    check_call(ask(bound(choice), "Dig."), "prose", "a call")
    check_wire(server, 2)


@every_way
@pytest.mark.parametrize("choice", [None, False, "auto", "none", {"type": "auto"}])
def test_without_force_prose_will_do(
    ask: Ask, choice: Any, server: Emulator, bound: Any
) -> None:
    server.script(reply("prose", tokens=100))
    message = ask(bound(choice), "Dig.")
    assert message.text == PROSE
    assert "attempts" not in message.response_metadata
    assert len(server.requests) == 1


@every_way
def test_any_tool_will_do_where_any_was_wanted(
    ask: Ask, server: Emulator, bound: Any
) -> None:
    server.script(reply("another tool", tokens=100))
    assert calls(ask(bound("any"), "Fill.")) == [("fill", {"material": "sand"})]
    check_wire(server, 1)


@every_way
def test_a_tool_that_is_not_there_is_no_tool(
    ask: Ask, server: Emulator, bound: Any
) -> None:
    server.script(Reply([ToolUse("blast", {})]), Reply([ToolUse("blast", {})]))
    with pytest.raises(MiniMaxToolChoiceError, match="blast") as caught:
        ask(bound("any"), "Dig.")
    assert caught.value.reason == "invalid"
    assert caught.value.partial.tool_calls == []
    check_wire(server, 2)


@every_way
def test_a_good_call_beside_a_wrong_one_will_do(
    ask: Ask, server: Emulator, bound: Any
) -> None:
    server.script(Reply([ToolUse("fill", {"material": "sand"}), CALL]))
    assert calls(ask(bound(), "Dig.")) == [("dig", {"depth": 3})]
    check_wire(server, 1)


# --- What is asked -------------------------------------------------------------------


@pytest.mark.parametrize("first", [name for name in BAD if BAD[name][1] != "cut"])
def test_the_second_request_shows_the_reply_and_what_is_wrong(
    first: str, server: Emulator, bound: Any
) -> None:
    server.script(reply(first, tokens=100), reply("a call", tokens=1000))
    bound().invoke("Dig.")
    one, two = server.requests
    assert turns_of(one)[0]["role"] == "user"
    assert "`dig`" in str(turns_of(one)[-1])
    assert "`dig`" in str(turns_of(two)[-1])
    sent = turns_of(two)
    assert sent[: len(turns_of(one)) - 1] == turns_of(one)[:-1]
    said = [turn for turn in sent if turn["role"] == "assistant"]
    has_words = first not in ("nothing", "white space")
    assert len(said) == has_words
    for replay in two.replayed:
        assert replay.altered == ()
        assert replay.verdict in ("verbatim", "changed")
    ours, theirs = body_of(one), body_of(two)
    assert {**ours, "messages": 0} == {**theirs, "messages": 0}


# --- Every way tells the same --------------------------------------------------------


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize(
    "first", ["thinking and prose", "another tool", "arguments that do not fit"]
)
@pytest.mark.parametrize("second", ["thinking and a call", "JSON as text"])
def test_all_ways_tell_the_same(
    first: str, second: str, output_version: str, server: Emulator, bound: Any
) -> None:
    def told(ask: Ask) -> Any:
        server.script(reply(first, tokens=100), reply(second, tokens=1000))
        message = ask(bound(output_version=output_version), "Dig.")
        invalid = [call["name"] for call in message.invalid_tool_calls]
        # LangChain tells a broken call last, its v3 events where it stood.
        blocks = [
            block["type"]
            for block in message.content_blocks
            if block["type"] not in ("invalid_tool_call", "tool_call_chunk")
        ]
        kept = [message.text, calls(message), invalid, message.usage_metadata]
        return [*kept, thoughts(message), blocks]

    expected = told(WAYS["invoke"])
    for name in ("ainvoke", "stream", "astream", "events", "aevents"):
        assert told(WAYS[name]) == expected, name


@pytest.mark.parametrize("first", ["prose", "thinking and prose", "white space"])
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_shows_no_text_of_a_reply_that_will_not_do(
    way: str, first: str, server: Emulator, bound: Any
) -> None:
    model = bound()
    server.script(reply(first, tokens=100), reply("a call", tokens=1000))
    if way == "stream":
        chunks = list(model.stream("Dig."))
    else:

        async def heard() -> list[Any]:
            return [chunk async for chunk in model.astream("Dig.")]

        chunks = asyncio.run(heard())
    assert [chunk.text for chunk in chunks if chunk.text] == []
    assert [c.chunk_position for c in chunks if c.chunk_position] == ["last"]
    assert calls(add_ai_message_chunks(chunks[0], *chunks[1:])) == [
        ("dig", {"depth": 3})
    ]


def test_json_that_becomes_a_call_is_never_shown_as_text(
    server: Emulator, bound: Any
) -> None:
    server.script(Reply([Text('{"depth": 3}')], delta_size=2))
    assert [c.text for c in bound().stream("Dig.") if c.text] == []


def test_the_text_of_the_last_reply_is_shown_with_the_error(
    server: Emulator, bound: Any
) -> None:
    server.script("You should dig.", "You really should.")
    shown = ""
    with pytest.raises(MiniMaxToolChoiceError):  # noqa: PT012 - it is on the way
        for chunk in bound().stream("Dig."):
            shown += chunk.text
    assert shown == "You really should."


@pytest.mark.parametrize(
    "second", ["a call", "JSON as text", "thinking and a call", "prose and a call"]
)
@pytest.mark.parametrize("first", [name for name in BAD if BAD[name][1] != "cut"])
def test_events_of_two_attempts_have_one_life(
    first: str, second: str, server: Emulator, bound: Any
) -> None:
    server.script(reply(first, tokens=100), reply(second, tokens=1000))
    told = list(bound().stream_events("Dig.", version="v3"))
    assert_valid_event_stream(told)
    names = [event["event"] for event in told]
    assert (names[0], names[-1]) == ("message-start", "message-finish")


# --- Afterwards ----------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize(
    "first", ["thinking and prose", "another tool", "arguments that do not fit"]
)
def test_the_message_goes_on_in_the_next_turn(
    ask: Ask, first: str, output_version: str, server: Emulator, bound: Any
) -> None:
    model = bound(output_version=output_version)
    server.script(reply(first, tokens=100), reply("thinking and a call", tokens=1000))
    message = ask(model, "Dig.")
    assert loads(dumps(message), allowed_objects="core") == message
    assert pickle.loads(pickle.dumps(message)) == message
    server.clear()
    server.script("Done.")
    (call,) = message.tool_calls
    result = ToolMessage("3 m", tool_call_id=call["id"])
    kwargs = {"tool_choice": "auto"}
    later = ask(model, [HumanMessage("Dig."), message, result], **kwargs)
    assert later.text == "Done."
    (request,) = server.requests
    assert (request.status, request.stray_keys) == (200, [])
    said = [turn for turn in turns_of(request) if turn["role"] == "assistant"]
    blocks = [block for turn in said for block in turn["content"]]
    ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert call["id"] in ids
    kept = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    assert "".join(kept).replace("\n", "") == HM.text + OH.text


# --- Together with everything else ---------------------------------------------------


def soon() -> Fault:
    return Fault.error(2064, retry_after=0)


class Limiter(BaseRateLimiter):
    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += blocking
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire(blocking=blocking)


@every_way
def test_each_attempt_has_its_own_retries_and_asks_the_rate_limiter(
    ask: Ask, server: Emulator, bound: Any
) -> None:
    limiter = Limiter()
    server.script(soon(), reply("prose", tokens=100))
    server.script(soon(), reply("a call", tokens=1000))
    message = ask(bound(max_retries=1, rate_limiter=limiter), "Dig.")
    check_call(message, "prose", "a call")
    assert [request.status for request in server.requests] == [529, 200, 529, 200]
    assert limiter.asked == 4


@every_way
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(400), MiniMaxInvalidRequestError),
        (Fault.error(2064), MiniMaxOverloadedError),
    ],
    ids=["400", "529"],
)
def test_an_error_of_the_second_request_comes_out_as_what_it_is(
    ask: Ask, fault: Fault, kind: type[MiniMaxError], server: Emulator, bound: Any
) -> None:
    server.script(reply("thinking and prose", tokens=100), fault, "Never.")
    with pytest.raises(kind) as caught:
        ask(bound(), "Dig.")
    assert type(caught.value) is kind
    partial = caught.value.partial
    assert partial is not None
    assert thoughts(partial) == [HM.text]
    assert partial.tool_calls == []
    assert counted(partial) == (100, 10, 110)
    assert len(server.requests) == 2


@every_way
def test_an_error_of_the_first_request_has_nothing_partial(
    ask: Ask, server: Emulator, bound: Any
) -> None:
    server.script(Fault(400), "Never.")
    with pytest.raises(MiniMaxInvalidRequestError) as caught:
        ask(bound(), "Dig.")
    assert caught.value.partial is None
    assert len(server.requests) == 1


STREAMS = ["stream", "astream", "events", "aevents"]


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("first", ["prose", "thinking and prose", "another tool"])
def test_a_stream_that_breaks_in_the_second_attempt_leaves_no_call(
    way: str, first: str, server: Emulator, bound: Any
) -> None:
    half = Reply([ToolUse("dig", {"depth": 12345678})], delta_size=1)
    cut_within = 0
    for at_byte in range(400, 4000, 200):
        server.script(reply(first, tokens=100), Fault.cut(at_byte=at_byte, reply=half))
        try:
            WAYS[way](bound(), "Dig.")
        except MiniMaxStreamTruncatedError as error:
            partial = error.partial
            # A call that was whole by then is one.
            assert all(
                call["args"] == {"depth": 12345678} for call in partial.tool_calls
            )
            assert thoughts(partial) == thoughts_in(first)
            cut_within += len(partial.invalid_tool_calls)
        server._script.clear()
    assert cut_within


@every_way
def test_a_refused_signature_goes_together_with_a_forced_choice(
    ask: Ask, protocol: str, serve: Any, connect: Any
) -> None:
    server = serve(quirks=Quirks(refuse_signatures=True))
    server.script(
        *[reply("thinking and prose", tokens=100), reply("a call", tokens=1000)]
    )
    model = connect(server, thinking=True).bind_tools(TOOLS, tool_choice="dig")
    message = ask(model, "Dig.")
    check_call(message, "thinking and prose", "a call")
    signs = protocol == "anthropic"
    statuses = [request.status for request in server.requests]
    assert statuses == ([200, 400, 200] if signs else [200, 200])
    assert message.response_metadata.get("signatures_refused", False) is signs


@every_way
def test_a_call_written_as_text_is_a_call(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve(Reply([CALL]), quirks=Quirks(xml_tool_leak=True))
    model = connect(server).bind_tools(TOOLS, tool_choice="dig")
    assert calls(ask(model, "Dig.")) == [("dig", {"depth": 3})]
    assert len(server.requests) == 1


# --- At bind time --------------------------------------------------------------------


@pytest.mark.parametrize(
    "choice",
    [
        *("blast", 7, {"type": "tool", "name": "blast"}, {"type": "tool"}),
        {"type": "function", "function": {"name": "blast"}},
    ],
    ids=str,
)
def test_a_choice_of_no_tool_is_refused_before_anything_is_sent(
    choice: Any, server: Emulator, bound: Any
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match=r"'dig', 'fill'"):
        bound(choice)
    assert server.requests == []


# --- One call at a time --------------------------------------------------------------

THREE = [HM, CALL, ToolUse("dig", {"depth": 4}), ToolUse("fill", {"material": "x"})]


@every_way
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_only_the_first_of_three_calls_is_kept_where_one_is_wanted(
    ask: Ask, output_version: str, server: Emulator, connect: Any
) -> None:
    server.script(Reply(THREE))
    model = connect(server, thinking=True, output_version=output_version)
    bound = model.bind_tools(TOOLS, parallel_tool_calls=False)
    message = ask(bound, "Dig.")
    assert calls(message) == [("dig", {"depth": 3})]
    assert message.invalid_tool_calls == []
    assert message.response_metadata["dropped_tool_calls"] == 2
    assert "attempts" not in message.response_metadata
    assert thoughts(message) == [HM.text]
    assert "parallel_tool_calls" not in server.requests[0].body


@every_way
def test_anthropics_word_for_one_call_is_heard(
    ask: Ask, server: Emulator, connect: Any
) -> None:
    server.script(Reply(THREE))
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    message = ask(connect(server).bind_tools(TOOLS, tool_choice=choice), "Dig.")
    assert calls(message) == [("dig", {"depth": 3})]
    assert message.response_metadata["dropped_tool_calls"] == 2


@every_way
def test_where_no_tool_may_be_called_a_call_in_the_text_stays_text(
    ask: Ask, serve: Any, connect: Any
) -> None:
    server = serve(Reply([CALL]), quirks=Quirks(xml_tool_leak=True))
    message = ask(connect(server).bind_tools(TOOLS, tool_choice="none"), "Dig.")
    assert calls(message) == []
    assert "depth" in message.text


@every_way
def test_all_calls_are_kept_where_nothing_else_is_said(
    ask: Ask, server: Emulator, connect: Any
) -> None:
    server.script(Reply(THREE))
    message = ask(connect(server).bind_tools(TOOLS), "Dig.")
    assert len(message.tool_calls) == 3
    assert "dropped_tool_calls" not in message.response_metadata


@every_way
def test_the_one_call_is_one_that_was_wanted(
    ask: Ask, server: Emulator, connect: Any
) -> None:
    server.script(Reply([ToolUse("fill", {"material": "x"}), CALL]), Reply([CALL]))
    model = connect(server).bind_tools(
        TOOLS, tool_choice="dig", parallel_tool_calls=False
    )
    assert calls(ask(model, "Dig.")) == [("dig", {"depth": 3})]
    assert len(server.requests) <= 2
