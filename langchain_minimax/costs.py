"""The tokens of a call in, what MiniMax charges for them out: dollars, or why not.

Prices are MiniMax's pay-as-you-go list prices, from `langchain_minimax.catalogue`. A
plan, a discount, a gateway or a server of your own costs something else: say what, with
`prices`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from functools import reduce
from operator import index
from typing import Any, Literal
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import override

from langchain_minimax._langchain import PROVIDER
from langchain_minimax.catalogue import SERVICE_TIERS, Price, card
from langchain_minimax.errors import MiniMaxOutputError

Reason = Literal[
    "no usage",
    "unreadable usage",
    "unknown model",
    "elsewhere",
    "plan only",
    "service tier",
    "cache write",
    "attempts",
    "failed",
]

Prices = Mapping[str, Sequence[Price]]
"""Prices by a model's name, as its replies say it, in any case."""

_ZERO = Decimal(0)
_MILLIONTH = Decimal("0.000001")

# More digits than a sum of any two floats has, whatever the caller's context rounds to.
_EXACT = Context(prec=1_000, traps=[])


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call, or several, cost in USD.

    Costs add up with `+` and `sum`. The figures are `Decimal`, since list prices are
    decimal fractions: a bill is exact to the last digit and prints as it is, which
    `float` would not do and whole micro-dollars could not (a token that M3.1-Flash
    reads from the cache costs 0.015 of one). `str` gives the total, such as `$0.00123`.

    Attributes:
        input: For input tokens that no cache had.
        output: For output tokens, thinking included.
        cache_read: For input tokens that a cache had.
        cache_write: For input tokens that were written to the explicit cache.
        sources: Where the prices come from, with dates, each source once.
    """

    input: Decimal = _ZERO
    output: Decimal = _ZERO
    cache_read: Decimal = _ZERO
    cache_write: Decimal = _ZERO
    sources: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """All of it."""
        return _sum(self.input, self.output, self.cache_read, self.cache_write)

    def __add__(self, other: Cost) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(
            input=_sum(self.input, other.input),
            output=_sum(self.output, other.output),
            cache_read=_sum(self.cache_read, other.cache_read),
            cache_write=_sum(self.cache_write, other.cache_write),
            sources=tuple(dict.fromkeys((*self.sources, *other.sources))),
        )

    def __radd__(self, other: Literal[0]) -> Cost:
        """For `sum`, which begins with 0."""
        return self if other == 0 else NotImplemented

    def __str__(self) -> str:
        return f"${_EXACT.normalize(self.total):f}"


def _sum(*figures: Decimal) -> Decimal:
    return reduce(_EXACT.add, figures)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A call whose cost is not known.

    Attributes:
        model: The model's name.
        reason: `"no usage"`: the reply does not tell its tokens. `"unreadable usage"`:
            it tells some that have no price, do not add up or are no numbers.
            `"unknown model"`: it is not in the catalogue. `"elsewhere"`: another
            provider, a gateway or a server of your own. `"plan only"`: the model has
            no price per token.
            `"service tier"`: what the tier costs is not known. `"cache write"`: that
            fee is not known for the model. `"attempts"`: the tokens are those of
            several requests, and how many each had decides the price. `"failed"`:
            there was an error, and not all of its tokens are known.
        message: The same for a person.
        usage: The tokens, if they are known; of a failed call, perhaps not all.
    """

    model: str
    reason: Reason
    message: str
    usage: UsageMetadata | None = None

    def __str__(self) -> str:
        return self.message


class UnknownCostError(ValueError):
    """What a call cost is not known.

    Attributes:
        call: Of which call, and why.
    """

    def __init__(self, call: Unpriced) -> None:
        super().__init__(call)
        self.call = call


def cost_of(
    message: AIMessage, *, service_tier: str = "standard", prices: Prices | None = None
) -> Cost:
    """What a reply cost.

    Args:
        message: The reply, or the sum of its chunks. What LangChain's own cache
            answered costs nothing. An error's `partial` costs at least as much.
        service_tier: The tier that was asked for, in case the reply does not tell.
        prices: By a model's name, prices that go before the catalogue's, whatever the
            provider and the tier: `{"MiniMax-M3": [Price(0.25, 1.0, 0.05)]}`.

    Raises:
        UnknownCostError: If that is not known.
        TypeError: If this is no reply.
        ValueError: If `prices` is malformed.

    Example:
        ```python
        from langchain_minimax import ChatMiniMax
        from langchain_minimax.costs import cost_of

        print(cost_of(ChatMiniMax(model="MiniMax-M3").invoke("Hello")))
        ```
    """
    asked = _Call("", service_tier=service_tier)
    return _cost(_answered(asked, message), _checked(prices))


def cost_of_usage(
    usage: UsageMetadata,
    model: str,
    *,
    service_tier: str = "standard",
    prices: Prices | None = None,
) -> Cost:
    """What a call cost, or would cost.

    Args:
        usage: The tokens of one call, the cache's among `input_tokens`, as LangChain
            counts. A sum over calls is wrong where a price depends on a call's length.
        model: The model's name.
        service_tier: `"standard"` or `"priority"`.
        prices: By a model's name, prices that go before the catalogue's, whatever the
            tier.

    Raises:
        UnknownCostError: If that is not known.
        ValueError: If `prices` is malformed.
    """
    return _cost(_Call(model, usage, service_tier), _checked(prices))


# --- Prices of one's own -------------------------------------------------------------


def _checked(prices: Any) -> Prices:
    """The same, by names in lower case: once here, so that no bill fails later."""
    if prices is None:
        return {}
    if not isinstance(prices, Mapping):
        msg = f"`prices` has to be a mapping of models' names to lists, not {prices!r}."
        raise ValueError(msg)  # noqa: TRY004 - one kind for all that may be wrong
    return {
        str(model).lower(): _checked_rows(model, rows) for model, rows in prices.items()
    }


def _checked_rows(model: object, rows: Any) -> Sequence[Price]:
    if isinstance(rows, Sequence) and rows and all(map(_is_price, rows)):
        return tuple(rows)
    msg = (
        f"prices[{model!r}] has to be a list of one `Price` or more, their figures "
        f"numbers from 0 on, not {rows!r}."
    )
    raise ValueError(msg)


def _is_price(row: object) -> bool:
    if not isinstance(row, Price):
        return False
    figures: list[object] = [row.input, row.output, row.cache_read]
    figures += [each for each in (row.cache_write, row.above) if each is not None]
    return all(map(_is_figure, figures))


def _is_figure(figure: object) -> bool:
    if not isinstance(figure, (int, float, Decimal)):
        return False
    exact = Decimal(str(figure))
    return exact.is_finite() and exact >= 0


# --- One call ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of a call."""

    model: str
    usage: UsageMetadata | None = None
    service_tier: str = "standard"
    provider: str = PROVIDER
    attempts: int = 1

    def unknown(self, reason: Reason, message: str) -> UnknownCostError:
        return UnknownCostError(Unpriced(self.model, reason, message, self.usage))


def _answered(asked: _Call, message: Any) -> _Call:
    """A call by its reply; what that does not tell is as it was asked for."""
    if not isinstance(message, AIMessage):
        msg = f"What an AIMessage cost can be told, not {type(message).__name__}'s."
        raise TypeError(msg)
    said = message.response_metadata
    attempts = said.get("attempts")
    return replace(
        asked,
        model=str(said.get("model_name") or asked.model),
        usage=message.usage_metadata,
        service_tier=str(said.get("service_tier") or asked.service_tier),
        provider=str(said.get("model_provider") or asked.provider),
        attempts=attempts if isinstance(attempts, int) else 1,
    )


def _cost(call: _Call, prices: Prices) -> Cost:
    if call.usage is None:
        raise call.unknown(
            "no usage",
            f"A reply of {call.model or 'a model'} does not tell its tokens. "
            "With `stream_usage=False` a stream never does.",
        )
    if _is_cached(call.usage):
        return Cost()
    terms = _terms(call, prices)
    tokens = _tokens(call)
    row = _row(call, terms.rows, tokens.sent)
    if tokens.cache_write and row.cache_write is None:
        raise call.unknown(
            "cache write",
            f"What {call.model} charges for writing to the cache is not known, and "
            f"{tokens.cache_write:,} tokens were.",
        )
    return Cost(
        input=terms.charged(tokens.input, row.input),
        output=terms.charged(tokens.output, row.output),
        cache_read=terms.charged(tokens.cache_read, row.cache_read),
        cache_write=terms.charged(tokens.cache_write, row.cache_write or 0),
        sources=(terms.source,),
    )


def _is_cached(usage: Mapping[str, Any]) -> bool:
    """Whether LangChain's own cache answered, which marks what it had so."""
    return isinstance(usage, Mapping) and usage.get("total_cost") == 0


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The tokens of a call by what they cost."""

    input: int
    output: int
    cache_read: int
    cache_write: int

    @property
    def sent(self) -> int:
        """The whole request."""
        return self.input + self.cache_read + self.cache_write


def _tokens(call: _Call) -> _Tokens:
    try:
        counts = _counts(call.usage)
    except (AttributeError, KeyError, TypeError):
        raise call.unknown(
            "unreadable usage",
            f"The tokens of a call of {call.model} cannot be read: {call.usage!r}.",
        ) from None
    read, written = counts.get("cache_read", 0), counts.get("cache_creation", 0)
    tokens = _Tokens(
        input=counts["input"] - read - written,
        output=counts["output"],
        cache_read=read,
        cache_write=written,
    )
    if min(tokens.input, *counts.values()) < 0:
        raise call.unknown(
            "unreadable usage",
            f"The tokens of a call of {call.model} do not add up: {call.usage}.",
        )
    odd = {kind for kind, count in counts.items() if count} - _KINDS
    if odd:
        raise call.unknown(
            "unreadable usage",
            f"A call of {call.model} has tokens without a price of their own: "
            f"{', '.join(sorted(odd))}.",
        )
    return tokens


_KINDS = frozenset({"input", "output", "cache_read", "cache_creation", "reasoning"})


def _counts(usage: Any) -> dict[str, int]:
    """The tokens of a usage by their kind; what is no usage is some error."""
    details = {
        str(kind): index(count)
        for way in ("input", "output")
        for kind, count in (usage.get(f"{way}_token_details") or {}).items()
        if count is not None
    }
    sent, said = index(usage["input_tokens"]), index(usage["output_tokens"])
    return {**details, "input": sent, "output": said}


@dataclass(frozen=True, slots=True)
class _Terms:
    """The prices of a model, and what the service tier makes of them."""

    rows: Sequence[Price]
    source: str
    factor: Decimal = Decimal(1)

    def charged(self, tokens: int, price: float) -> Decimal:
        # `str` gives the digits that the price was written with.
        factors = (Decimal(str(price)), self.factor, _MILLIONTH)
        return reduce(_EXACT.multiply, factors, Decimal(tokens))


def _terms(call: _Call, prices: Prices) -> _Terms:
    model = call.model
    own = prices.get(model.lower())
    if own is not None:
        return _Terms(own, f"{model}: as given")
    if call.provider != PROVIDER or "/" in model:
        raise call.unknown(
            "elsewhere",
            f"{model or 'A model'} ({call.provider}) is not MiniMax's own service, "
            "whose prices are in the catalogue. Say others with `prices`.",
        )
    known = card(model)
    if known is None:
        raise call.unknown(
            "unknown model",
            f"{model or 'A model without a name'} is not in the catalogue. Say what "
            "it costs with `prices`.",
        )
    if not known.prices:
        raise call.unknown(
            "plan only", f"{model} comes with a plan and has no price per token."
        )
    factor = SERVICE_TIERS.get(call.service_tier)
    if factor is None:
        raise call.unknown(
            "service tier",
            f"What the service tier {call.service_tier!r} costs is not known.",
        )
    source = f"{known.id}: {known.source}.{f' {known.note}' if known.note else ''}"
    return _Terms(known.prices, source, Decimal(str(factor)))


def _row(call: _Call, rows: Sequence[Price], tokens: int) -> Price:
    """The row that holds for so much input: of those that do, the highest bound's."""
    held = [row for row in rows if tokens > (row.above or 0) or row.above is None]
    if not held:
        raise call.unknown(
            "unknown model",
            f"The prices of {call.model} say nothing of {tokens:,} tokens of input.",
        )
    row = max(held, key=lambda row: row.above or 0)
    if row.above is not None and call.attempts > 1:
        raise call.unknown(
            "attempts",
            f"{call.model} was asked {call.attempts} times, with {tokens:,} tokens of "
            f"input together. Above {row.above:,} another price holds, and whether one "
            "of the requests was is not told.",
        )
    return row


# --- Many calls ----------------------------------------------------------------------


class CostCallbackHandler(BaseCallbackHandler):
    """Adds up what the calls of a chain or an agent cost, whichever model answers.

    Each call that ended is in `by_model` or in `unpriced`, once. Nothing is raised:
    what cannot be priced is listed. Threads and event loops may share it.

    A copy, such as that in a model's deep copy or in another process, has the calls
    that ended so far, and counts on by itself. Those that run stay the original's.

    Example:
        ```python
        from langchain_minimax import ChatMiniMax
        from langchain_minimax.costs import CostCallbackHandler

        bill = CostCallbackHandler()
        model = ChatMiniMax(model="MiniMax-M3")
        model.invoke("Hello", config={"callbacks": [bill]})
        print(bill.cost, bill.unpriced)
        ```
    """

    run_inline = True  # it takes microseconds, a thread of its own would take longer

    def __init__(self, *, prices: Prices | None = None) -> None:
        """Begins a bill of nothing.

        Args:
            prices: By a model's name, prices that go before the catalogue's, whatever
                the provider and the tier.

        Raises:
            ValueError: If `prices` is malformed.
        """
        super().__init__()
        self._prices = _checked(prices)
        self._outer: CostCallbackHandler | None = None
        # Callbacks run in many threads, and in a thread whenever Python collects a
        # stream that was left lying, in the midst of whatever else: no lock could be
        # held. What is done here is done in one step: `pop`, `append`.
        self._running: dict[UUID, _Call] = {}
        self._ended: list[tuple[str, Cost] | Unpriced] = []
        self._summed: tuple[int, dict[str, Cost]] = 0, {}

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has, be it of `copy` or `pickle`."""
        state = vars(self).copy()
        state.update(_outer=None, _running={}, _ended=list(self._ended))
        return state

    @property
    def cost(self) -> Cost:
        """What all calls cost that have a price."""
        return sum(self.by_model.values(), Cost())

    @property
    def by_model(self) -> dict[str, Cost]:
        """The same by the model's name."""
        count, before = self._summed
        costs, more = dict(before), self._ended[count:]
        for call in more:
            if not isinstance(call, Unpriced):
                model, cost = call
                costs[model] = costs.get(model, Cost()) + cost
        self._summed = count + len(more), costs
        return dict(costs)

    @property
    def unpriced(self) -> list[Unpriced]:
        """The calls that are not in it, and why."""
        return [call for call in tuple(self._ended) if isinstance(call, Unpriced)]

    @property
    def calls(self) -> int:
        """How many calls ended, priced or not."""
        return len(self._ended)

    @property
    def running(self) -> int:
        """How many calls began, and LangChain did not tell of their end."""
        return len(self._running)

    def __repr__(self) -> str:
        return f"<{self.cost} for {self.calls} calls, {len(self.unpriced)} unpriced>"

    @override
    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        self._begin(run_id, kwargs)

    @override
    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        self._begin(run_id, kwargs)

    @override
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        said = next((each for row in response.generations for each in row), None)
        self._end(run_id, said.message if isinstance(said, ChatGeneration) else None)

    @override
    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, **kwargs: Any
    ) -> None:
        self._end(run_id, getattr(error, "partial", None), error)

    def _begin(self, run_id: UUID, told: Mapping[str, Any]) -> None:
        params = told.get("invocation_params") or {}
        metadata = told.get("metadata") or {}
        self._running[run_id] = _Call(
            model=str(metadata.get("ls_model_name") or params.get("model") or ""),
            service_tier=str(params.get("service_tier") or "standard"),
            provider=str(metadata.get("ls_provider") or PROVIDER),
        )
        if self._outer is not None:
            self._outer._begin(run_id, told)  # noqa: SLF001 - one of its own

    def _end(
        self, run_id: UUID, message: object, error: BaseException | None = None
    ) -> None:
        asked = self._running.pop(run_id, None)
        if asked is not None:  # some streams of events end twice in LangChain
            said = message if isinstance(message, AIMessage) else AIMessage("")
            call = _answered(asked, said)
            self._ended.append(_priced(call, error, self._prices))
        if self._outer is not None:
            self._outer._end(run_id, message, error)  # noqa: SLF001 - one of its own


def _priced(
    call: _Call, error: BaseException | None, prices: Prices
) -> tuple[str, Cost] | Unpriced:
    # Only where the model answered and its answers would not do are all of them known.
    is_answered = isinstance(error, MiniMaxOutputError) and call.usage is not None
    if error is not None and not is_answered:
        return Unpriced(
            call.model,
            "failed",
            f"A call of {call.model or 'a model'} ended with {type(error).__name__}, "
            "and whether it is charged for is not told.",
            call.usage,
        )
    try:
        return call.model, _cost(call, prices)
    except UnknownCostError as unknown:
        return unknown.call


_current: ContextVar[CostCallbackHandler | None] = ContextVar(
    "langchain_minimax_costs", default=None
)
register_configure_hook(_current, inheritable=True)


@contextmanager
def get_cost_callback(*, prices: Prices | None = None) -> Iterator[CostCallbackHandler]:
    """Adds up what all calls cost that are made inside, without passing callbacks.

    May be nested; what the inner one counts, the outer one counts too. "Inside" is a
    context (`contextvars`): where a framework runs each step of a generator in another
    one, pass a `CostCallbackHandler` instead.

    Args:
        prices: By a model's name, prices that go before the catalogue's, whatever the
            provider and the tier.

    Yields:
        The callback handler, to be read at any time.

    Raises:
        ValueError: If `prices` is malformed.

    Example:
        ```python
        from langchain_minimax import ChatMiniMax
        from langchain_minimax.costs import get_cost_callback

        with get_cost_callback() as bill:
            ChatMiniMax(model="MiniMax-M3").invoke("Hello")
        print(bill.cost)
        ```
    """
    bill = CostCallbackHandler(prices=prices)
    bill._outer = _current.get()  # noqa: SLF001 - one of its own
    token = _current.set(bill)
    try:
        yield bill
    finally:
        with suppress(ValueError):  # a generator that ends in another context
            _current.reset(token)
