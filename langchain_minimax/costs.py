"""The tokens of a call in, what MiniMax charges for them out: dollars, or why not.

Prices are MiniMax's pay-as-you-go list prices, from `langchain_minimax.catalogue`. A
plan, a discount, a gateway or a server of your own costs something else: say what, with
`prices`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any, Literal
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import override

from langchain_minimax._langchain import PROVIDER
from langchain_minimax.catalogue import SERVICE_TIERS, Price, card

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
"""Prices by a model's name, as its replies say it."""

_ZERO = Decimal(0)
_PER_MILLION = -6  # as a power of ten


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
        return self.input + self.output + self.cache_read + self.cache_write

    def __add__(self, other: Cost) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            sources=tuple(dict.fromkeys((*self.sources, *other.sources))),
        )

    def __radd__(self, other: Literal[0]) -> Cost:
        """For `sum`, which begins with 0."""
        return self if other == 0 else NotImplemented

    def __str__(self) -> str:
        return f"${self.total.normalize():f}"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A call whose cost is not known.

    Attributes:
        model: The model's name.
        reason: `"no usage"`: the reply does not tell its tokens. `"unreadable usage"`:
            it tells some that have no price, or that do not add up. `"unknown model"`:
            it is not in the catalogue. `"elsewhere"`: another provider, a gateway or
            a server of your own. `"plan only"`: the model has no price per token.
            `"service tier"`: what the tier costs is not known. `"cache write"`: that
            fee is not known for the model. `"attempts"`: the tokens are those of
            several requests, and how many each had decides the price. `"failed"`:
            there was an error, and no usage with it.
        message: The same for a person.
        usage: The tokens, if they are known.
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
            answered costs nothing.
        service_tier: The tier that was asked for, in case the reply does not tell.
        prices: By a model's name, prices that go before the catalogue's, whatever the
            provider and the tier: `{"MiniMax-M3": [Price(0.25, 1.0, 0.05)]}`.

    Raises:
        UnknownCostError: If that is not known.

    Example:
        ```python
        from langchain_minimax import ChatMiniMax
        from langchain_minimax.costs import cost_of

        print(cost_of(ChatMiniMax(model="MiniMax-M3").invoke("Hello")))
        ```
    """
    return _cost(_call(message, "", service_tier), prices or {})


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
    """
    return _cost(_Call(model, usage, service_tier), prices or {})


# --- One call ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of a call."""

    model: str
    usage: UsageMetadata | None
    service_tier: str
    provider: str = PROVIDER
    attempts: int = 1

    def unknown(self, reason: Reason, message: str) -> UnknownCostError:
        return UnknownCostError(Unpriced(self.model, reason, message, self.usage))


def _call(message: AIMessage, model: str, service_tier: str) -> _Call:
    """A call by its reply; the rest is what was asked for."""
    said = message.response_metadata
    attempts = said.get("attempts")
    return _Call(
        model=str(said.get("model_name") or model),
        usage=message.usage_metadata,
        service_tier=str(said.get("service_tier") or service_tier),
        provider=said.get("model_provider") or PROVIDER,
        attempts=attempts if isinstance(attempts, int) else 1,
    )


def _cost(call: _Call, prices: Prices) -> Cost:
    if call.usage is None:
        raise call.unknown(
            "no usage",
            f"A reply of {call.model or 'a model'} does not tell its tokens. "
            "With `stream_usage=False` a stream never does.",
        )
    if call.usage.get("total_cost") == 0:  # LangChain's mark on what it had cached
        return Cost()
    terms = _terms(call, prices)
    tokens = _tokens(call, call.usage)
    row = _row(call, terms.rows, call.usage["input_tokens"])
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


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The tokens of a call by what they cost."""

    input: int
    output: int
    cache_read: int
    cache_write: int


def _tokens(call: _Call, usage: UsageMetadata) -> _Tokens:
    given = usage.get("input_token_details") or {}
    read, written = given.get("cache_read") or 0, given.get("cache_creation") or 0
    tokens = _Tokens(
        input=usage["input_tokens"] - read - written,
        output=usage["output_tokens"],
        cache_read=read,
        cache_write=written,
    )
    if min(tokens.input, tokens.output, read, written) < 0:
        raise call.unknown(
            "unreadable usage",
            f"The tokens of a call of {call.model} do not add up: {usage}.",
        )
    said = {**given, **(usage.get("output_token_details") or {})}
    odd = {kind for kind, count in said.items() if count} - _KINDS
    if odd:
        raise call.unknown(
            "unreadable usage",
            f"A call of {call.model} has tokens without a price of their own: "
            f"{', '.join(sorted(odd))}.",
        )
    return tokens


_KINDS = frozenset({"cache_read", "cache_creation", "reasoning"})


@dataclass(frozen=True, slots=True)
class _Terms:
    """The prices of a model, and what the service tier makes of them."""

    rows: Sequence[Price]
    source: str
    factor: Decimal = Decimal(1)

    def charged(self, tokens: int, price: float) -> Decimal:
        # `str` gives the digits that the price was written with.
        per_million = tokens * Decimal(str(price)) * self.factor
        return per_million.scaleb(_PER_MILLION)


def _terms(call: _Call, prices: Prices) -> _Terms:
    model = call.model
    if model in prices:
        return _Terms(prices[model], f"{model}: as given")
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is known of a call before its reply."""

    model: str
    service_tier: str


class CostCallbackHandler(BaseCallbackHandler):
    """Adds up what the calls of a chain or an agent cost, whichever model answers.

    Each call that ended is in `by_model` or in `unpriced`, once. Nothing is raised:
    what cannot be priced is listed. Threads and event loops may share it.

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
        """
        super().__init__()
        self._prices = prices or {}
        self._outer: CostCallbackHandler | None = None
        self._lock = Lock()
        self._running: dict[UUID, _Asked] = {}
        self._calls = 0
        self._costs: dict[str, Cost] = {}
        self._unpriced: list[Unpriced] = []

    @property
    def cost(self) -> Cost:
        """What all calls cost that have a price."""
        return sum(self.by_model.values(), Cost())

    @property
    def by_model(self) -> dict[str, Cost]:
        """The same by the model's name."""
        with self._lock:
            return dict(self._costs)

    @property
    def unpriced(self) -> list[Unpriced]:
        """The calls that are not in it, and why."""
        with self._lock:
            return list(self._unpriced)

    @property
    def calls(self) -> int:
        """How many calls ended, priced or not."""
        with self._lock:
            return self._calls

    @property
    def running(self) -> int:
        """How many calls began and did not end yet."""
        with self._lock:
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
        model = metadata.get("ls_model_name") or params.get("model") or ""
        tier = params.get("service_tier") or "standard"
        with self._lock:
            self._running[run_id] = _Asked(str(model), str(tier))
        if self._outer is not None:
            self._outer._begin(run_id, told)  # noqa: SLF001 - one of its own

    def _end(
        self, run_id: UUID, message: object, error: BaseException | None = None
    ) -> None:
        with self._lock:
            asked = self._running.pop(run_id, None)
            if asked is not None:  # some streams of events end twice in LangChain
                self._calls += 1
                self._enter(_ended(asked, message, error))
        if self._outer is not None:
            self._outer._end(run_id, message, error)  # noqa: SLF001 - one of its own

    def _enter(self, call: _Call | Unpriced) -> None:
        if isinstance(call, _Call):
            try:
                cost = _cost(call, self._prices)
            except UnknownCostError as unknown:
                call = unknown.call
            else:
                before = self._costs.get(call.model, Cost())
                self._costs[call.model] = before + cost
                return
        self._unpriced.append(call)


def _ended(
    asked: _Asked, message: object, error: BaseException | None
) -> _Call | Unpriced:
    said = message if isinstance(message, AIMessage) else AIMessage("")
    call = _call(said, asked.model, asked.service_tier)
    if error is None or call.usage is not None:
        return call
    return Unpriced(
        call.model,
        "failed",
        f"A call of {call.model or 'a model'} ended with {type(error).__name__}, and "
        "whether it is charged for is not told.",
    )


_current: ContextVar[CostCallbackHandler | None] = ContextVar(
    "langchain_minimax_costs", default=None
)
register_configure_hook(_current, inheritable=True)


@contextmanager
def get_cost_callback(*, prices: Prices | None = None) -> Iterator[CostCallbackHandler]:
    """Adds up what all calls cost that are made inside, without passing callbacks.

    May be nested; what the inner one counts, the outer one counts too.

    Args:
        prices: By a model's name, prices that go before the catalogue's, whatever the
            provider and the tier.

    Yields:
        The callback handler, to be read at any time.

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
        _current.reset(token)
