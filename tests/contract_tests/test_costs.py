"""What calls cost, however they are made: that of the messages, each counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxToolChoiceError,
)
from langchain_minimax.costs import (
    Cost,
    CostCallbackHandler,
    cost_of,
    get_cost_callback,
)
from langchain_minimax.middleware import MiniMaxPromptCachingMiddleware
from langchain_minimax.testing import Emulator, Fault, Reply, Text, Thinking, ToolUse
from support.ways import WAYS, Ask

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

# By each protocol's way of counting: 1,000 of 1,800 tokens of input were cached.
USAGE = {
    "input_tokens": 800,
    "cache_read_input_tokens": 1_000,
    "output_tokens": 500,
}
# M3: 800 x 0.30 + 1,000 x 0.06 + 500 x 1.20 = 240 + 60 + 600 millionths.
BILL = Decimal("0.0009")


def counted(*blocks: Any, **usage: int) -> Reply:
    return Reply(blocks or [Text("Hello.")], usage={**USAGE, **usage})


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"18 degrees and sunny in {city}"


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


JOKE = {"setup": "Why?", "punchline": "Because."}


# --- Each way ------------------------------------------------------------------------


@every_way
def test_a_call_is_counted_once_and_by_its_usage(
    ask: Ask, serve: Serve, connect: Connect
):
    model = connect(serve(counted()))
    passed = CostCallbackHandler()
    with get_cost_callback() as bill:
        message = settled(ask, model, [passed])
    assert cost_of(message).total == BILL
    for each in (bill, passed):
        assert (each.calls, each.running, each.unpriced) == (1, 0, [])
        assert each.by_model == {"MiniMax-M3": cost_of(message)}


def settled(ask: Ask, model: Any, callbacks: list[Any]) -> AIMessage:
    """A reply, its callbacks done: `await stream.output` does not wait for them."""
    if ask is not WAYS["aevents"]:
        return ask(model, "Hello", config={"callbacks": callbacks})

    async def whole() -> AIMessage:
        config = {"callbacks": callbacks}
        return await (await model.astream_events("Hello", config, version="v3"))

    return asyncio.run(whole())


def test_a_stream_of_events_that_nobody_waits_for_is_not_lost(
    serve: Serve, connect: Connect
):
    model = connect(serve(counted()))
    bill = CostCallbackHandler()

    async def ask() -> None:
        config = {"callbacks": [bill]}
        stream = await model.astream_events("Hello", config, version="v3")
        async for _ in stream:
            pass  # and the loop ends while LangChain tells of the end

    asyncio.run(ask())
    assert (bill.calls, bill.running) == (1, 0)
    assert len(bill.by_model) + len(bill.unpriced) == 1


def test_older_events_count_once_too(serve: Serve, connect: Connect):
    model = connect(serve(counted()))

    async def ask() -> None:
        async for _ in model.astream_events("Hello", version="v2"):
            pass

    with get_cost_callback() as bill:
        asyncio.run(ask())
    assert (bill.calls, bill.cost.total) == (1, BILL)


def test_a_batch_is_the_sum_of_its_messages(serve: Serve, connect: Connect):
    model = connect(serve(*[counted(output_tokens=n) for n in range(1, 9)]))
    bills = [CostCallbackHandler() for _ in range(2)]
    messages = model.batch(["Hello"] * 4, {"callbacks": [bills[0]]})
    more = asyncio.run(model.abatch(["Hello"] * 4, {"callbacks": [bills[1]]}))
    for bill, said in zip(bills, (messages, more), strict=True):
        assert (bill.calls, bill.unpriced) == (4, [])
        assert bill.cost == sum(map(cost_of, said), Cost())
    # 8 x (240 + 60) + (1 + 2 + … + 8) x 1.20 = 2,400 + 43.2 millionths.
    assert sum((bill.cost.total for bill in bills), Decimal(0)) == Decimal("0.0024432")


def test_the_tier_that_was_asked_for_is_paid(serve: Serve, connect: Connect):
    model = connect(serve(counted()), service_tier="priority")
    with get_cost_callback() as bill:
        message = model.invoke("Hello")  # the usage above tells no tier
        assert bill.cost == cost_of(message, service_tier="priority")
        assert bill.cost.total == BILL * 3 / 2


def test_the_tier_that_the_reply_tells_is_paid(serve: Serve, connect: Connect):
    model = connect(serve("Hello."), service_tier="priority")
    usual = connect(serve("Hello."))
    dear, cheap = model.invoke("Hello"), usual.invoke("Hello")
    assert dear.response_metadata["service_tier"] == "priority"
    assert dear.usage_metadata == cheap.usage_metadata
    assert cost_of(dear).total == cost_of(cheap).total * 3 / 2 > 0


def test_langchains_cache_is_free(serve: Serve, connect: Connect):
    model = connect(serve(counted()), cache=InMemoryCache())
    with get_cost_callback() as bill:
        first, second = model.invoke("Hello"), model.invoke("Hello")
    assert [cost_of(each).total for each in (first, second)] == [BILL, 0]
    assert (bill.calls, bill.cost.total, bill.unpriced) == (2, BILL, [])


# --- Two requests, one call ----------------------------------------------------------


@every_way
def test_a_second_attempt_is_on_the_bill(ask: Ask, serve: Serve, connect: Connect):
    replies = counted(Text("Sunny.")), counted(ToolUse("get_weather", {"city": "Rome"}))
    server = serve(*replies)
    model = connect(server).bind_tools([get_weather], tool_choice="any")
    bill = CostCallbackHandler()
    message = settled(ask, model, [bill])
    assert message.response_metadata["attempts"] == len(server.requests) == 2
    assert cost_of(message).total == bill.cost.total == 2 * BILL
    assert bill.calls == 1


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_and_so_are_two_that_did_not_help(way: str, serve: Serve, connect: Connect):
    server = serve(*[counted(Text("Sunny."))] * 2)
    model = connect(server).bind_tools([get_weather], tool_choice="any")
    with get_cost_callback() as bill, pytest.raises(MiniMaxToolChoiceError):
        WAYS[way](model, "Hello")
    assert len(server.requests) == 2
    assert (bill.calls, bill.unpriced, bill.cost.total) == (1, [], 2 * BILL)


# What the first of two requests is known to have used.
USED = {
    "input_tokens": 1_800,
    "output_tokens": 500,
    "total_tokens": 2_300,
    "input_token_details": {"cache_read": 1_000},
}
LONG = counted(Thinking("Hm. " * 500), Text("Sunny. " * 500))


@every_way
@pytest.mark.parametrize(
    "fault",
    [Fault(500), Fault.cut(300, LONG), Fault.cut(4_000, LONG)],
    ids=["refused", "cut at its beginning", "cut in its midst"],
)
def test_one_that_helped_not_and_one_that_failed_are_listed_with_what_is_known(
    ask: Ask, fault: Fault, serve: Serve, connect: Connect
):
    server = serve(counted(Text("Sunny.")), fault)
    model = connect(server, max_retries=0)
    bound = model.bind_tools([get_weather], tool_choice="any")
    bill = CostCallbackHandler()
    with pytest.raises(MiniMaxError) as caught:
        settled(ask, bound, [bill])
    assert len(server.requests) == 2
    assert not isinstance(caught.value, MiniMaxToolChoiceError)
    assert caught.value.partial.usage_metadata == USED
    assert [(each.reason, each.usage) for each in bill.unpriced] == [("failed", USED)]
    assert (bill.calls, bill.cost.total) == (1, 0)


@pytest.mark.parametrize("told", [0, 1])
def test_the_tokens_of_one_request_do_not_pass_for_those_of_two(told: int):
    blocks: list[Any] = [
        {"type": "text", "text": "Sunny."},
        {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "A"}},
    ]
    replies = [
        {
            "id": "r1",
            "type": "message",
            "role": "assistant",
            "model": "MiniMax-M3",
            "content": [block],
            "stop_reason": "end_turn",
            **({"usage": USAGE} if place == told else {}),
        }
        for place, block in enumerate(blocks)
    ]
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=replies.pop(0)))
    with httpx.Client(transport=answer) as client:
        model = ChatMiniMax(model="MiniMax-M3", api_key="k", http_client=client)
        bound = model.bind_tools([get_weather], tool_choice="any")
        with get_cost_callback() as bill:
            message = bound.invoke("Hello")
    assert message.response_metadata["attempts"] == 2
    assert message.usage_metadata is None
    assert [each.reason for each in bill.unpriced] == ["no usage"]


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_structured_output_that_took_two(method: str, serve: Serve, connect: Connect):
    good = [
        ToolUse("Joke", JOKE)
        if method == "function_calling"
        else Text('{"setup": "Why?", "punchline": "Because."}')
    ]
    model = connect(serve(counted(Text("A joke!")), counted(*good)))
    with get_cost_callback() as bill:
        joke = model.with_structured_output(Joke, method=method).invoke("A joke?")
    assert joke == Joke(**JOKE)
    assert (bill.calls, bill.unpriced, bill.cost.total) == (1, [], 2 * BILL)


def test_a_refused_call_is_listed(serve: Serve, connect: Connect):
    model = connect(serve(Fault(400), counted()))
    with get_cost_callback() as bill:
        with pytest.raises(MiniMaxInvalidRequestError):
            model.invoke("Hello")
        model.invoke("Hello")
    assert [each.reason for each in bill.unpriced] == ["failed"]
    assert (bill.calls, bill.cost.total) == (2, BILL)


def test_a_stream_without_usage_is_listed(serve: Serve, connect: Connect):
    model = connect(serve(counted()), stream_usage=False)
    with get_cost_callback() as bill:
        list(model.stream("Hello"))
    assert [each.reason for each in bill.unpriced] == ["no usage"]


def test_a_dropped_stream_is_listed(serve: Serve, connect: Connect):
    model = connect(serve(counted(Text("Hello. " * 50))))
    with get_cost_callback() as bill:
        stream = model.stream("Hello")
        next(stream)
        stream.close()
    assert [each.reason for each in bill.unpriced] == ["failed"]
    assert (bill.calls, bill.running) == (1, 0)


def test_a_cancelled_call_goes_on_running(serve: Serve, connect: Connect):
    # LangChain tells callbacks of a stream that was cancelled, and of `ainvoke` not.
    model = connect(serve(Fault.stall(), Fault.stall()))
    bills = [CostCallbackHandler() for _ in range(2)]

    async def follow() -> None:
        async for _ in model.astream("Hello", {"callbacks": [bills[1]]}):
            pass

    async def cancel() -> None:
        whole = model.ainvoke("Hello", {"callbacks": [bills[0]]})
        for call in (whole, follow()):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.2)

    asyncio.run(cancel())
    assert [(bill.calls, bill.running) for bill in bills] == [(0, 1), (1, 0)]
    assert [each.reason for each in bills[1].unpriced] == ["failed"]


# --- Agents --------------------------------------------------------------------------


def agent_of(model: Any, **fields: Any) -> Any:
    return create_agent(model, [get_weather], **fields)


QUESTION = {"messages": [("human", "What is the weather in Paris?")]}


def said_by(state: Any) -> list[AIMessage]:
    return [each for each in state["messages"] if isinstance(each, AIMessage)]


def run(agent: Any) -> Any:
    return agent.invoke(QUESTION)


def arun(agent: Any) -> Any:
    return asyncio.run(agent.ainvoke(QUESTION))


def follow(agent: Any) -> Any:
    return list(agent.stream(QUESTION, stream_mode=["messages", "values"]))[-1][1]


def follow_events(agent: Any) -> Any:
    return agent.stream_events(QUESTION, version="v3").output


def afollow_events(agent: Any) -> Any:
    async def go() -> Any:
        stream = await agent.astream_events(QUESTION, version="v3")
        return await stream.output()

    return asyncio.run(go())


RUNS = [run, arun, follow, follow_events, afollow_events]


@pytest.mark.parametrize("go", RUNS)
def test_an_agents_bill_is_the_sum_over_its_messages(
    go: Callable[[Any], Any], serve: Serve, connect: Connect
):
    with get_cost_callback() as bill:
        state = go(agent_of(connect(serve())))
    messages = said_by(state)
    assert len(messages) == bill.calls == 2
    assert (bill.unpriced, bill.running) == ([], 0)
    assert bill.cost == sum(map(cost_of, messages), Cost())
    assert bill.cost.total > 0


def test_a_models_call_in_a_tool_counts(serve: Serve, connect: Connect):
    model = connect(serve())

    def ask_an_expert(question: str) -> str:
        """Ask an expert about the weather."""
        answers.append(model.invoke(question))
        return answers[-1].text

    answers: list[AIMessage] = []
    agent = create_agent(model, [ask_an_expert])
    question = {"messages": [("human", "Ask an expert about the weather.")]}
    bill = CostCallbackHandler()
    state = agent.invoke(question, {"callbacks": [bill]})
    assert len(answers) == 1
    assert bill.calls == 3
    assert bill.cost == sum(map(cost_of, [*said_by(state), *answers]), Cost())


def test_writing_to_the_cache_is_paid(serve: Serve, connect: Connect):
    reply = counted(cache_creation_input_tokens=2_000)
    agent = agent_of(
        connect(serve(reply), model="MiniMax-M2.1"),
        middleware=[MiniMaxPromptCachingMiddleware()],
    )
    with get_cost_callback() as bill:
        run(agent)
    # 800 x 0.30 + 500 x 1.20 + 1,000 x 0.03 + 2,000 x 0.375
    # = 240 + 600 + 30 + 750 millionths.
    assert bill.cost.cache_write == Decimal("0.00075")
    assert bill.cost.total == Decimal("0.00162")


def test_several_models_in_one_run(serve: Serve, connect: Connect):
    server = serve(Fault(400), counted())
    other = connect(server, model="MiniMax-M2.1")
    agent = agent_of(connect(server), middleware=[ModelFallbackMiddleware(other)])
    with get_cost_callback() as bill:
        run(agent)
    assert [(each.model, each.reason) for each in bill.unpriced] == [
        ("MiniMax-M3", "failed")
    ]
    # 800 x 0.30 + 1,000 x 0.03 + 500 x 1.20 = 240 + 30 + 600.
    assert {name: cost.total for name, cost in bill.by_model.items()} == {
        "MiniMax-M2.1": Decimal("0.00087")
    }


def test_other_providers_models_are_listed(serve: Serve, connect: Connect):
    usage = {"input_tokens": 10, "output_tokens": 1, "total_tokens": 11}
    named = {"model_name": "gpt-5", "model_provider": "openai"}
    theirs = AIMessage("Hm.", usage_metadata=usage, response_metadata=named)
    other = GenericFakeChatModel(messages=iter([theirs]))
    chain = other | RunnableLambda(lambda said: said.text) | connect(serve(counted()))
    with get_cost_callback() as bill:
        chain.invoke("Hello")
    assert [(each.model, each.reason) for each in bill.unpriced] == [
        ("gpt-5", "elsewhere")
    ]
    assert (bill.calls, bill.cost.total) == (2, BILL)
