"""Bills, each figure computed by hand: tokens x dollars a million, in the comments."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal, localcontext
from threading import Barrier, Thread, get_ident
from time import sleep
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.language_models import FakeListLLM, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableLambda

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxOverloadedError,
    MiniMaxToolChoiceError,
)
from langchain_minimax.catalogue import CARDS, SERVICE_TIERS, Price
from langchain_minimax.costs import (
    Cost,
    CostCallbackHandler,
    UnknownCostError,
    Unpriced,
    cost_of,
    cost_of_usage,
    get_cost_callback,
)

FAST = "MiniMax-M2.5-highspeed"  # the one of M2 whose fee for writing is not known


def used(input: int, output: int, **details: int) -> UsageMetadata:
    """A usage as LangChain has it: the cache's tokens are among the input's."""
    return UsageMetadata(
        input_tokens=input,
        output_tokens=output,
        total_tokens=input + output,
        input_token_details=details,
    )


def reply(usage: Any, model: str | None = "MiniMax-M3", **metadata: Any) -> AIMessage:
    named = {} if model is None else {"model_name": model}
    said = {"model_provider": "minimax", **named, **metadata}
    return AIMessage("Hello.", usage_metadata=usage, response_metadata=said)


def parts(cost: Cost) -> tuple[str, ...]:
    """The parts and the total, as a reader would write them."""
    figures = (cost.input, cost.output, cost.cache_read, cost.cache_write, cost.total)
    return tuple(f"{figure.normalize():f}" for figure in figures)


def refused(call: Any, **options: Any) -> Unpriced:
    """What there is to say of a reply whose cost is not known."""
    with pytest.raises(UnknownCostError) as caught:
        cost_of(call, **options)
    assert str(caught.value) == str(caught.value.call) != ""
    return caught.value.call


# --- Bills ---------------------------------------------------------------------------

BILLS = {
    # M3: 1,000 x 0.30 + 500 x 1.20 = 300 + 600 = 900 millionths.
    "plain": (
        "MiniMax-M3",
        used(1_000, 500),
        ("0.0003", "0.0006", "0", "0", "0.0009"),
    ),
    # M3: of 10,000, the cache had 8,000:
    # 2,000 x 0.30 + 8,000 x 0.06 + 100 x 1.20 = 600 + 480 + 120 = 1,200 millionths.
    "cache read": (
        "MiniMax-M3",
        used(10_000, 100, cache_read=8_000),
        ("0.0006", "0.00012", "0.00048", "0", "0.0012"),
    ),
    # M2.1: of 10,000, the cache had 3,000 and was given 6,000, so 1,000 are left:
    # 1,000 x 0.30 + 3,000 x 0.03 + 6,000 x 0.375 + 200 x 1.20
    # = 300 + 90 + 2,250 + 240 = 2,880 millionths.
    "cache write": (
        "MiniMax-M2.1",
        used(10_000, 200, cache_read=3_000, cache_creation=6_000),
        ("0.0003", "0.00024", "0.00009", "0.00225", "0.00288"),
    ),
    # M2.7, as captured in 2026-09, of a prompt in which all was cached or written:
    # 36 x 0.06 + 21 x 0.375 + 259 x 1.20 = 2.16 + 7.875 + 310.8 = 320.835 millionths.
    "no input besides": (
        "MiniMax-M2.7",
        used(57, 259, cache_read=36, cache_creation=21),
        ("0", "0.0003108", "0.00000216", "0.000007875", "0.000320835"),
    ),
    # M3.1-Flash: 7 x 0.15 + 1 x 0.015 + 1 x 0.60 = 1.05 + 0.015 + 0.6 millionths.
    "less than a millionth": (
        "MiniMax-M3.1-Flash",
        used(8, 1, cache_read=1),
        ("0.00000105", "0.0000006", "0.000000015", "0", "0.000001665"),
    ),
    # M3 at 512,000: the lower price. 512,000 x 0.30 + 1,000 x 1.20 = 153,600 + 1,200.
    "at the bound": (
        "MiniMax-M3",
        used(512_000, 1_000),
        ("0.1536", "0.0012", "0", "0", "0.1548"),
    ),
    # M3 above it: twice the price, for the whole call.
    # 512,001 x 0.60 + 1,000 x 2.40 = 307,200.6 + 2,400.
    "above the bound": (
        "MiniMax-M3",
        used(512_001, 1_000),
        ("0.3072006", "0.0024", "0", "0", "0.3096006"),
    ),
    # The cache counts towards the bound, though but 1 token is not from there:
    # 1 x 0.60 + 512,000 x 0.12 + 1,000 x 2.40 = 0.6 + 61,440 + 2,400.
    "above the bound by what was cached": (
        "MiniMax-M3",
        used(512_001, 1_000, cache_read=512_000),
        ("0.0000006", "0.0024", "0.06144", "0", "0.0638406"),
    ),
    # An old name, in another case: M2.1-highspeed. 1,000 x 0.60 + 1,000 x 2.40.
    "an older name": (
        "minimax-m2.1-lightning",
        used(1_000, 1_000),
        ("0.0006", "0.0024", "0", "0", "0.003"),
    ),
    # Nothing was written, so a fee that is not known is not missed.
    # 1,000 x 0.60 + 100 x 2.40 = 600 + 240.
    "no fee where nothing is written": (
        FAST,
        used(1_000, 100, cache_creation=0),
        ("0.0006", "0.00024", "0", "0", "0.00084"),
    ),
}


@pytest.mark.parametrize(("model", "usage", "bill"), BILLS.values(), ids=BILLS)
def test_a_bill(model: str, usage: UsageMetadata, bill: tuple[str, ...]):
    assert parts(cost_of_usage(usage, model)) == bill
    assert cost_of(reply(usage, model)) == cost_of_usage(usage, model)


def test_thinking_is_output():
    usage = used(1_000, 500)
    usage["output_token_details"] = {"reasoning": 400}
    # 1,000 x 0.30 + 500 x 1.20, as without thinking.
    assert cost_of(reply(usage)).total == Decimal("0.0009")


def test_priority_costs_half_as_much_again():
    usage = used(10_000, 100, cache_read=8_000)
    # 1.5 x (600 + 120 + 480 millionths), see "cache read" above.
    dearer = ("0.0009", "0.00018", "0.00072", "0", "0.0018")
    assert parts(cost_of(reply(usage, service_tier="priority"))) == dearer
    assert parts(cost_of(reply(usage), service_tier="priority")) == dearer
    assert parts(cost_of_usage(usage, "MiniMax-M3", service_tier="priority")) == dearer


def test_the_tier_that_served_goes_before_the_one_that_was_asked_for():
    served = reply(used(1_000, 500), service_tier="standard")
    assert cost_of(served, service_tier="priority").total == Decimal("0.0009")


def test_every_price_of_the_catalogue_can_be_charged():
    for row in CARDS:
        for price in row.prices:
            tokens = (price.above or 0) + 1
            cost = cost_of_usage(used(tokens, 1), row.id)
            # A token costs a millionth of the price of a million.
            assert cost.input == tokens * Decimal(repr(price.input)) / 1_000_000
            assert cost.output == Decimal(repr(price.output)) / 1_000_000
            assert cost.sources == (
                f"{row.id}: {row.source}.{f' {row.note}' if row.note else ''}",
            )


def test_a_retired_models_bill_says_so():
    (source,) = cost_of_usage(used(1, 1), "MiniMax-M2.7").sources
    assert "Pay-as-you-go stopped on 2026-11-18" in source


def test_what_langchain_had_in_its_own_cache_is_free():
    cached = reply({**used(1_000, 500), "total_cost": 0})
    assert cost_of(cached) == Cost()
    uncounted = reply(None).model_copy(update={"usage_metadata": {"total_cost": 0}})
    assert cost_of(uncounted) == Cost()


# --- Costs ---------------------------------------------------------------------------


def test_costs_add_up():
    usages = [used(1_000, 500), used(10_000, 100, cache_read=8_000)]
    first, second = costs = [cost_of_usage(usage, "MiniMax-M3") for usage in usages]
    third = cost_of_usage(used(10_000, 200, cache_creation=6_000), "MiniMax-M2.1")
    # 300 + 600, 600 + 120, 0 + 480 millionths.
    assert parts(first + second) == ("0.0009", "0.00072", "0.00048", "0", "0.0021")
    assert sum(costs) == first + second
    assert sum(costs, Cost()) == first + second
    assert sum([], Cost()) == Cost()
    assert (first + second).sources == first.sources
    assert (first + third + second).sources == first.sources + third.sources


def test_many_small_sums_lose_nothing():
    one = cost_of_usage(used(8, 1, cache_read=1), "MiniMax-M3.1-Flash")
    # 0.000001665 each, see above. Floats do not get there.
    assert sum([one] * 10_000, Cost()).total == Decimal("0.01665")
    assert sum([0.000001665] * 10_000) != 0.01665


def test_a_cost_prints_as_a_price():
    assert str(Cost()) == "$0"
    assert str(cost_of_usage(used(8, 1, cache_read=1), "MiniMax-M3.1-Flash")) == (
        "$0.000001665"
    )
    assert str(Cost(input=Decimal("1E-9"))) == "$0.000000001"
    assert str(Cost(output=Decimal(100))) == "$100"


def test_no_digit_is_lost_where_the_caller_rounds():
    usage = used(123_457, 1, cache_read=1)
    with localcontext() as context:
        context.prec = 3
        cost = cost_of_usage(usage, "MiniMax-M3") + cost_of_usage(usage, "MiniMax-M3")
        written, total = str(cost), cost.total
    # 2 x (123,456 x 0.30 + 1 x 0.06 + 1 x 1.20) = 2 x 37,038.06 millionths.
    assert (written, total) == ("$0.07407612", Decimal("0.07407612"))
    dear = {"MiniMax-M3": [Price(1e300, 1e-300, 0)]}
    far_apart = cost_of_usage(used(1, 1), "MiniMax-M3", prices=dear)
    assert str(far_apart) == f"${10**294}.{'0' * 305}1"


def test_only_costs_are_added():
    for other in (1, Decimal(1), "1"):
        with pytest.raises(TypeError):
            Cost() + other
        with pytest.raises(TypeError):
            other + Cost()


def test_costs_and_what_has_none_are_values():
    cost = cost_of(reply(used(1_000, 500)))
    assert copy.deepcopy(cost) == pickle.loads(pickle.dumps(cost)) == cost
    assert hash(cost) == hash(cost_of(reply(used(1_000, 500))))
    with pytest.raises(AttributeError):
        cost.input = Decimal(0)  # type: ignore[misc]
    error = UnknownCostError(refused(reply(None)))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.call) == (str(error), error.call)


# --- What is not known ---------------------------------------------------------------

TOKENS = used(1_000, 500)

UNKNOWN: dict[str, tuple[AIMessage, str]] = {
    "no usage": (reply(None), "no usage"),
    "no such model": (reply(TOKENS, "MiniMax-M9"), "unknown model"),
    "only with a plan": (reply(TOKENS, "MiniMax-M3.1-Flash-Preview"), "plan only"),
    "another tier": (reply(TOKENS, service_tier="express"), "service tier"),
    "a fee that is not known": (
        reply(used(1_000, 500, cache_creation=1), FAST),
        "cache write",
    ),
    "M3 writing": (reply(used(1_000, 500, cache_creation=1)), "cache write"),
    "another provider": (
        reply(TOKENS, "gpt-5", model_provider="openai"),
        "elsewhere",
    ),
    "MiniMax by another provider": (
        reply(TOKENS, "MiniMax-M3", model_provider="anthropic"),
        "elsewhere",
    ),
    "a gateway's name": (reply(TOKENS, "minimax/minimax-m3"), "elsewhere"),
    "an engine's name": (reply(TOKENS, "MiniMaxAI/MiniMax-M2.1"), "elsewhere"),
    "more cached than sent": (
        reply(used(10, 1, cache_read=11)),
        "unreadable usage",
    ),
    "tokens of sound": (reply(used(10, 1, audio=4)), "unreadable usage"),
    "tokens of images": (reply(used(10, 1, image=4)), "unreadable usage"),
    "less than nothing said": (reply(used(10, -1)), "unreadable usage"),
    "less than nothing read": (
        reply(used(10, 1, cache_read=-1)),
        "unreadable usage",
    ),
    "less than nothing written": (
        reply(used(10, 1, cache_creation=-1)),
        "unreadable usage",
    ),
    "two requests that may be dear": (
        reply(used(512_001, 500), attempts=2),
        "attempts",
    ),
}


@pytest.mark.parametrize(("call", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_an_error(call: AIMessage, reason: str):
    unknown = refused(call)
    assert unknown.reason == reason
    assert unknown.model == call.response_metadata["model_name"]
    assert unknown.usage == call.usage_metadata


@pytest.mark.parametrize(("call", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_and_a_line_in_the_callbacks_list(call: AIMessage, reason: str):
    bill = CostCallbackHandler()
    ended(bill, call)
    assert [unpriced.reason for unpriced in bill.unpriced] == [reason]
    assert (bill.calls, bill.by_model, bill.cost) == (1, {}, Cost())


MALFORMED: list[Any] = [
    {},
    {"input_tokens": 1},
    {"output_tokens": 1},
    {"input_tokens": None, "output_tokens": 1},
    {"input_tokens": 1.5, "output_tokens": 1},
    {"input_tokens": 1, "output_tokens": "1"},
    {**TOKENS, "input_token_details": {"cache_read": 0.5}},
    {**TOKENS, "input_token_details": ["cache_read"]},
    {**TOKENS, "output_token_details": 7},
    [1, 2],
    "many",
]


@pytest.mark.parametrize("usage", MALFORMED, ids=repr)
def test_usage_that_is_none_is_told_and_not_lost(usage: Any):
    call = reply(None).model_copy(update={"usage_metadata": usage})
    unknown = refused(call)
    assert (unknown.reason, unknown.usage) == ("unreadable usage", usage)
    with pytest.raises(UnknownCostError) as caught:
        cost_of_usage(usage, "MiniMax-M3")
    assert caught.value.call == unknown
    bill = CostCallbackHandler()
    ended(bill, call)
    assert (bill.unpriced, bill.calls) == ([unknown], 1)


def test_details_that_are_not_told_are_none():
    usage: Any = {
        "input_tokens": 1_000,
        "output_tokens": 500,
        "input_token_details": {"cache_read": None, "audio": None},
        "output_token_details": None,
    }
    assert cost_of_usage(usage, "MiniMax-M3").total == Decimal("0.0009")


@pytest.mark.parametrize(
    "other", [HumanMessage("Hi"), {"raw": 1}, "Hi", None], ids=repr
)
def test_what_is_no_reply_costs_nothing_that_could_be_told(other: Any):
    with pytest.raises(TypeError, match=f"AIMessage .*{type(other).__name__}"):
        cost_of(other)


def test_a_reply_that_names_no_model_has_no_price():
    unknown = refused(reply(TOKENS, None))
    assert (unknown.model, unknown.reason) == ("", "unknown model")


def test_two_requests_together_are_priced_where_the_price_is_the_same():
    # 512,000 x 0.30 + 500 x 1.20: neither request can have been above the bound.
    cost = cost_of(reply(used(512_000, 500), attempts=2))
    assert cost.total == Decimal("0.1542")
    # M2.1 has one price for all lengths: 600,000 x 0.30 + 500 x 1.20.
    other = cost_of(reply(used(600_000, 500), "MiniMax-M2.1", attempts=2))
    assert other.total == Decimal("0.1806")


def test_prices_may_be_given():
    prices = {
        "gpt-5": [Price(2.0, 8.0, 0.2), Price(4.0, 16.0, 0.4, 5.0, above=1_000)],
        "MiniMax-M9": [Price(1.0, 2.0, 0.1)],
        FAST: [Price(0.6, 2.4, 0.03, 0.75)],
    }
    elsewhere = {"model_provider": "openai", "service_tier": "flex"}
    # 1,000 x 2 + 500 x 8 = 6,000 millionths.
    cheap = cost_of(reply(TOKENS, "gpt-5", **elsewhere), prices=prices)
    assert (cheap.total, cheap.sources) == (Decimal("0.006"), ("gpt-5: as given",))
    # 900 x 4 + 1 x 0.4 + 100 x 5 + 500 x 16 = 3,600 + 0.4 + 500 + 8,000.
    usage = used(1_001, 500, cache_read=1, cache_creation=100)
    dear = cost_of(reply(usage, "gpt-5", **elsewhere), prices=prices)
    assert dear.total == Decimal("0.0121004")
    # 100 x 1 + 10 x 2.
    assert cost_of_usage(used(100, 10), "MiniMax-M9", prices=prices).total == (
        Decimal("0.00012")
    )
    # 900 x 0.6 + 100 x 0.75 = 540 + 75.
    written = used(1_000, 0, cache_creation=100)
    assert cost_of_usage(written, FAST, prices=prices).total == Decimal("0.000615")


def test_given_prices_hold_whatever_the_case_and_the_order():
    rows = [
        Price(3.0, 3.0, 0.1, above=2_000),
        Price(2.0, 2.0, 0.1, above=1_000),
        Price(1.0, 1.0, 0.1),
    ]
    prices = {"minimax-M3": rows}
    for tokens, price in ((1_000, 1), (1_001, 2), (2_000, 2), (2_001, 3)):
        usage = used(tokens, 0)
        for name in ("MiniMax-M3", "minimax-m3"):
            cost = cost_of_usage(usage, name, prices=prices)
            assert cost.total == tokens * price / Decimal(1_000_000)
            assert cost.sources == (f"{name}: as given",)
        bill = CostCallbackHandler(prices=prices)
        ended(bill, reply(usage))
        assert bill.cost == cost_of(reply(usage), prices=prices)


def test_decimals_and_whole_numbers_are_prices_too():
    prices = {"MiniMax-M3": [Price(Decimal("0.1"), 1, 0, Decimal(0))]}  # type: ignore[arg-type]
    usage = used(3, 1, cache_read=1, cache_creation=1)
    # 1 x 0.1 + 1 x 1.
    assert cost_of_usage(usage, "MiniMax-M3", prices=prices).total == (
        Decimal("0.0000011")
    )


NO_PRICES: dict[str, Any] = {
    "a price": {"MiniMax-M3": Price(0.3, 1.2, 0.06)},
    "a number": {"MiniMax-M3": 0.3},
    "nothing": {"MiniMax-M3": None},
    "an empty list": {"MiniMax-M3": []},
    "numbers": {"MiniMax-M3": [0.3, 1.2]},
    "an iterator": {"MiniMax-M3": iter([Price(0.3, 1.2, 0.06)])},
    "a list of models": [Price(0.3, 1.2, 0.06)],
    "no input": {"MiniMax-M3": [Price(None, 1.2, 0.06)]},  # type: ignore[arg-type]
    "a word": {"MiniMax-M3": [Price(0.3, "1.2", 0.06)]},  # type: ignore[arg-type]
    "not a number": {"MiniMax-M3": [Price(0.3, 1.2, float("nan"))]},
    "without end": {"MiniMax-M3": [Price(0.3, 1.2, 0.06, float("inf"))]},
    "negative": {"MiniMax-M3": [Price(-0.3, 1.2, 0.06)]},
    "a bound in words": {
        "MiniMax-M3": [Price(0.3, 1.2, 0.06, above="512K")]  # type: ignore[arg-type]
    },
    "the second": {"MiniMax-M3": [Price(0.3, 1.2, 0.06), Price(0.3, -1.2, 0.06)]},
}


@pytest.mark.parametrize("prices", NO_PRICES.values(), ids=NO_PRICES)
def test_prices_that_are_none_are_refused_at_once(prices: Any):
    uses: list[Callable[[], Any]] = [
        lambda: cost_of(reply(TOKENS), prices=prices),
        lambda: cost_of_usage(TOKENS, "MiniMax-M3", prices=prices),
        lambda: CostCallbackHandler(prices=prices),
        lambda: get_cost_callback(prices=prices).__enter__(),
    ]
    for use in uses:
        with pytest.raises(ValueError, match=r"prices.* has to be a"):
            use()


def test_tokens_that_a_price_has_no_column_for_are_listed():
    # As langchain-anthropic has it, where writing for five minutes and for an hour
    # cost differently.
    written = used(110, 5, cache_creation=0, ephemeral_5m_input_tokens=100)
    prices = {"claude": [Price(3.0, 15.0, 0.3, 3.75)]}
    unknown = refused(reply(written, "claude"), prices=prices)
    assert unknown.reason == "unreadable usage"
    assert "ephemeral_5m_input_tokens" in str(unknown)


def test_given_prices_that_say_nothing_of_a_length():
    prices = {"MiniMax-M3": [Price(1.0, 2.0, 0.1, above=2_000)]}
    assert refused(reply(TOKENS), prices=prices).reason == "unknown model"


def test_the_standard_tier_is_the_catalogues():
    assert SERVICE_TIERS["standard"] == 1


# --- The callback --------------------------------------------------------------------


def begun(bill: CostCallbackHandler, **params: Any) -> UUID:
    run_id = uuid4()
    bill.on_chat_model_start(
        {},
        [[]],
        run_id=run_id,
        metadata={"ls_model_name": "MiniMax-M3"},
        invocation_params=params,
    )
    return run_id


def result(message: AIMessage) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=message)]])


def ended(bill: CostCallbackHandler, *messages: AIMessage, **params: Any) -> None:
    for message in messages:
        bill.on_llm_end(result(message), run_id=begun(bill, **params))


def test_several_models_are_summed_each_by_itself():
    bill = CostCallbackHandler()
    ended(
        bill,
        reply(used(1_000, 500)),  # 900 millionths
        reply(used(10_000, 100, cache_read=8_000)),  # 1,200 millionths
        reply(used(1_000, 1_000), "MiniMax-M2.1-highspeed"),  # 600 + 2,400
        reply(used(1_000, 500), "gpt-5", model_provider="openai"),
    )
    assert {name: str(cost) for name, cost in bill.by_model.items()} == {
        "MiniMax-M3": "$0.0021",
        "MiniMax-M2.1-highspeed": "$0.003",
    }
    assert bill.cost.total == Decimal("0.0051")
    assert [each.model for each in bill.unpriced] == ["gpt-5"]
    assert repr(bill) == "<$0.0051 for 4 calls, 1 unpriced>"


def test_a_call_that_ends_twice_is_counted_once():
    # So it is with LangChain's asynchronous v3 events, where the loop ends first.
    bill = CostCallbackHandler()
    run_id = begun(bill)
    assert (bill.running, bill.calls) == (1, 0)
    bill.on_llm_end(result(reply(TOKENS)), run_id=run_id)
    bill.on_llm_end(result(reply(TOKENS)), run_id=run_id)
    bill.on_llm_error(GeneratorExit(), run_id=run_id)
    assert (bill.running, bill.calls, bill.unpriced) == (0, 1, [])
    assert bill.cost.total == Decimal("0.0009")


def test_a_failed_call_is_priced_by_what_it_brings():
    bill = CostCallbackHandler()
    error = MiniMaxToolChoiceError("It does not call.", attempts=2)
    error.partial = reply(used(1_000, 500), attempts=2)
    bill.on_llm_error(error, run_id=begun(bill))
    assert (bill.calls, bill.unpriced) == (1, [])
    assert bill.cost.total == Decimal("0.0009")


@pytest.mark.parametrize("partial", [None, reply(None), "no message"])
@pytest.mark.parametrize("kind", [MiniMaxOverloadedError, MiniMaxToolChoiceError])
def test_a_failed_call_that_brings_no_usage_is_listed(partial: Any, kind: Any):
    bill = CostCallbackHandler()
    error = kind("Too much to do.")
    error.partial = partial
    bill.on_llm_error(error, run_id=begun(bill))
    (unpriced,) = bill.unpriced
    assert (unpriced.model, unpriced.reason) == ("MiniMax-M3", "failed")
    assert unpriced.usage is None
    assert kind.__name__ in str(unpriced)


def test_a_failed_call_of_which_a_part_is_known_is_listed_with_it():
    # Its first request was answered and counted, its second one was not.
    bill = CostCallbackHandler()
    error = MiniMaxOverloadedError("Too much to do.")
    error.partial = reply(TOKENS)
    bill.on_llm_error(error, run_id=begun(bill))
    (unpriced,) = bill.unpriced
    assert (unpriced.reason, unpriced.usage) == ("failed", TOKENS)
    assert bill.by_model == {}


def test_a_reply_that_names_no_provider_is_of_the_one_that_was_asked():
    # GenericFakeChatModel is its own provider, and says so before it answers.
    bill = CostCallbackHandler()
    fake(reply(TOKENS, model_provider=None)).invoke("Hi", {"callbacks": [bill]})
    assert [each.reason for each in bill.unpriced] == ["elsewhere"]
    ended(bill, reply(TOKENS, model_provider=None))
    assert bill.cost == cost_of(reply(TOKENS, model_provider=None))
    assert bill.cost.total == Decimal("0.0009")


def test_the_tier_that_was_asked_for_holds_where_the_reply_tells_none():
    bill = CostCallbackHandler()
    ended(bill, reply(TOKENS), service_tier="priority")
    # 1.5 x 900 millionths.
    assert bill.cost.total == Decimal("0.00135")


def test_a_reply_without_a_model_is_of_the_one_that_was_asked():
    bill = CostCallbackHandler()
    ended(bill, reply(TOKENS, None))
    assert [*bill.by_model] == ["MiniMax-M3"]


def test_what_is_no_reply_of_a_chat_model_is_listed():
    bill = CostCallbackHandler()
    bill.on_llm_end(LLMResult(generations=[[]]), run_id=begun(bill))
    FakeListLLM(responses=["Hello."]).invoke("Hello", {"callbacks": [bill]})
    assert [each.reason for each in bill.unpriced] == ["no usage", "no usage"]


def test_given_prices_hold_for_every_call():
    bill = CostCallbackHandler(prices={"gpt-5": [Price(2.0, 8.0, 0.2)]})
    ended(bill, reply(TOKENS, "gpt-5", model_provider="openai"))
    assert bill.cost.total == Decimal("0.006")  # 1,000 x 2 + 500 x 8


def test_what_is_read_does_not_change():
    bill = CostCallbackHandler()
    ended(bill, reply(TOKENS), reply(None))
    before = bill.by_model, bill.unpriced
    ended(bill, reply(TOKENS), reply(None))
    assert [len(each) for each in before] == [1, 1]
    assert before[0]["MiniMax-M3"].total == Decimal("0.0009")
    assert bill.calls == 4


@pytest.fixture
def rush() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def at_once(*works: Callable[[], Any]) -> None:
    start = Barrier(len(works))
    with ThreadPoolExecutor(len(works)) as threads:
        runs = [threads.submit(lambda do=do: (start.wait(), do())) for do in works]
    for run in runs:
        run.result()


@pytest.mark.usefixtures("rush")
def test_threads_lose_no_call():
    bill = CostCallbackHandler()
    seen: list[Decimal] = []

    def work() -> None:
        for _ in range(250):
            ended(bill, reply(used(1, 0)), reply(None))
            seen.append(bill.cost.total)

    at_once(*[work] * 8)
    assert (bill.calls, len(bill.unpriced), bill.running) == (4_000, 2_000, 0)
    assert bill.cost.total == max(seen) == Decimal("0.0006")  # 2,000 x 0.30


def test_a_call_that_two_threads_end_is_counted_once():
    class Halting(UUID):
        """A run that lets another thread go first, whenever it is looked up."""

        def __hash__(self) -> int:
            sleep(1e-5)
            return super().__hash__()

    bill = CostCallbackHandler()
    runs = [Halting(int=number) for number in range(100)]
    for run_id in runs:
        bill.on_chat_model_start({}, [[]], run_id=run_id)

    def end() -> None:
        for run_id in runs:
            bill.on_llm_end(result(reply(used(1, 0))), run_id=run_id)

    at_once(*[end] * 4)
    assert (bill.calls, bill.running, bill.unpriced) == (100, 0, [])
    assert bill.cost.total == Decimal("0.00003")  # 100 x 0.30


def test_a_stream_may_be_collected_in_the_midst_of_a_bill():
    class Collecting(dict[str, Any]):
        """A usage that makes Python collect what is left, when it is read."""

        def get(self, *key: Any) -> Any:
            gc.collect()
            return super().get(*key)

    bill = CostCallbackHandler()
    lying: list[Any] = [fake(AIMessage("One two.")).stream("Hi", {"callbacks": [bill]})]
    next(lying[0])
    lying.append(lying)  # so that only the collector finds it
    del lying
    call = reply(None).model_copy(update={"usage_metadata": Collecting(TOKENS)})
    # A thread, since a lock would hold it for ever.
    work = Thread(target=ended, args=(bill, call), daemon=True)
    work.start()
    work.join(30)
    assert not work.is_alive()
    assert [each.reason for each in bill.unpriced] == ["failed"]
    assert (bill.calls, bill.running, str(bill.cost)) == (2, 0, "$0.0009")


def test_it_does_its_work_where_the_call_is_made():
    # A thread for each callback would end after the call does, or with the loop never.
    class Watched(CostCallbackHandler):
        def on_llm_end(self, *given: Any, **known: Any) -> None:
            super().on_llm_end(*given, **known)
            threads.append(get_ident())

    threads: list[int] = []
    bill = Watched()
    asyncio.run(fake(reply(TOKENS)).ainvoke("Hi", {"callbacks": [bill]}))
    assert threads == [get_ident()]
    assert bill.calls == 1


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda each: pickle.loads(pickle.dumps(each)),
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_a_copy_has_what_ended_and_counts_on_by_itself(make: Callable[[Any], Any]):
    prices = {"gpt-5": [Price(2.0, 8.0, 0.2)]}
    with get_cost_callback() as outer, get_cost_callback(prices=prices) as bill:
        ended(bill, reply(TOKENS), reply(None))
        run_id = begun(bill)
        assert str(bill.cost) == "$0.0009"
        twin = make(bill)
        assert (repr(twin), twin.running) == (repr(bill), 0)
        bill.on_llm_end(result(reply(TOKENS)), run_id=run_id)
        assert (bill.calls, twin.calls) == (3, 2)
        for _ in range(2):
            ended(twin, reply(TOKENS, "gpt-5", model_provider="openai"))
    assert (bill.calls, twin.calls, outer.calls) == (3, 4, 3)
    assert str(bill.cost) == "$0.0018"
    # 900 + 2 x (1,000 x 2 + 500 x 8) millionths.
    assert str(twin.cost) == "$0.0129"
    assert len(twin.unpriced) == 1


def test_a_model_with_a_bill_can_be_copied():
    bill = CostCallbackHandler()
    ended(bill, reply(TOKENS))
    model = ChatMiniMax(model="MiniMax-M3", api_key="k", callbacks=[bill])
    for twin in (
        model.model_copy(deep=True),
        *(make(model) for make in COPIES.values()),
    ):
        (its,) = twin.callbacks
        assert its.cost == bill.cost


# --- The context ---------------------------------------------------------------------


def fake(*messages: AIMessage) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(messages))


def test_what_is_called_inside_counts_and_nothing_else():
    model = fake(*[reply(TOKENS) for _ in range(3)])
    model.invoke("Before.")
    with get_cost_callback() as bill:
        model.invoke("Inside.")
    model.invoke("After.")
    assert (bill.calls, str(bill.cost)) == (1, "$0.0009")


def test_an_error_inside_ends_it_too():
    model = fake(reply(TOKENS))

    def fail() -> None:
        with get_cost_callback() as bill:
            bills.append(bill)
            raise KeyError

    bills: list[CostCallbackHandler] = []
    with pytest.raises(KeyError):
        fail()
    model.invoke("After.")
    assert bills[0].calls == 0


def test_nested_contexts_both_count_each_call_once():
    model = fake(*[reply(TOKENS) for _ in range(4)])

    def inside(_: Any) -> None:
        # The outer bill is among the callbacks of this run already.
        with get_cost_callback() as bill:
            model.invoke("Inner.")
        inner.append(bill)

    inner: list[CostCallbackHandler] = []
    with get_cost_callback() as outer:
        model.invoke("Outer.")
        RunnableLambda(inside).invoke(None)
        inside(None)
        model.invoke("Outer.")
    assert [bill.calls for bill in inner] == [1, 1]
    assert (outer.calls, outer.running) == (4, 0)
    assert str(outer.cost) == "$0.0036"  # 4 x 900 millionths


def test_a_handler_passed_and_in_context_counts_once_each():
    model = fake(reply(TOKENS))
    passed = CostCallbackHandler()
    with get_cost_callback() as bill:
        model.invoke("Hello", {"callbacks": [passed, bill]})
    assert passed.calls == bill.calls == 1


def generated() -> Iterator[CostCallbackHandler]:
    with get_cost_callback() as bill:
        yield bill
        yield bill


def test_a_generator_may_end_in_another_context():
    model = fake(reply(TOKENS))
    steps = generated()
    bills = [copy_context().run(next, steps) for _ in range(2)]
    assert copy_context().run(next, steps, None) is None
    model.invoke("After.")
    assert [bill.calls for bill in bills] == [0, 0]
