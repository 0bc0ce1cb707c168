"""A model's name in, what is known of that model out: a card, or nothing.

Every row names its sources: MiniMax's own pages where no other owner is named.
"CLAIMED" marks what only a third party says, with neither an official page nor
captured wire behind it, and "DERIVED" what was concluded from the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Price:
    """List price of one service tier, in USD per million tokens.

    Attributes:
        input: Input tokens that no cache had.
        output: Output tokens, thinking included.
        cache_read: Input tokens that a cache had.
        cache_write: Input tokens written to the explicit cache; `None` where no
            such fee is known.
        above: The row holds for the whole request once its input, cache included,
            exceeds this many tokens; `None` for the row that holds otherwise.
    """

    input: float
    output: float
    cache_read: float
    cache_write: float | None = None
    above: int | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of one model.

    Attributes:
        id: The name in its official spelling.
        released: ISO date.
        context_window: Tokens of input that the model takes.
        max_output_tokens: The largest `max_tokens` that the server accepts.
        default_max_tokens: What is sent when the user says nothing.
        thinking: `"always"` when it cannot be switched off.
        efforts: Levels of `effort`, weakest first, the server's default last; empty
            where the model has none.
        inputs: Kinds of content that the model reads.
        explicit_cache: Whether marks (`cache_control`) say what to cache. The explicit
            cache page, 2026, lists the M2 family alone; M3 takes marks, and caches by
            itself (passive cache page, 2026).
        prices: Pay-as-you-go prices, standard service tier; empty for models that
            only come with a plan.
        source: Where the row's facts come from, with dates.
        status: `"retiring"` while an announced end is ahead, `"retired"` once its
            date has passed. Retired names may still be answered, see `note`.
        note: What a user of the model should know.
        aliases: Older names of the same model.
    """

    id: str
    released: str
    context_window: int
    max_output_tokens: int
    default_max_tokens: int
    thinking: Literal["always", "optional"]
    efforts: tuple[str, ...]
    inputs: frozenset[str]
    prices: tuple[Price, ...]
    source: str
    status: Literal["active", "retiring", "retired"] = "active"
    note: str = ""
    aliases: tuple[str, ...] = ()
    explicit_cache: bool = False


_TEXT = frozenset({"text"})
_VISION = frozenset({"text", "image", "video"})

# Words for the `source` and `note` of several rows.
_LIMITS = (
    "Compatible Anthropic API guide, M2.7 era, 2026-04 (window); Messages API page, "
    "M3 era, 2026-05-30 (max_tokens, inputs, thinking); GET /v1/models of a real "
    "account, 2026-09-01 (release); "
)
_CACHE_PAGE = "explicit cache page, 2026 (prices)"
_FAST_PRICES = (
    "CLAIMED: third parties' readings of the pay-as-you-go page, mid 2026 (prices; "
    "litellm's docs had 0.30 for input)"
)
_M3_1 = (
    "Text-generation guide, M3.1-Flash-Preview era, 2026-09-30 (window, inputs, "
    "thinking, efforts); CLAIMED: Vercel gateway page and Codeep release notes "
    "v3.14.0, 2026-10-20 (release, prices, max_tokens); DERIVED: the default is "
    "MiniMax-M3's, whose window and maximum are the same, and whose family it is; the "
    "65,536 of the Messages API page were written for M2.x alone"
)
_M2_ENDED = (
    "Pay-as-you-go stopped on 2026-11-18; plans answer the name with "
    "MiniMax-M3.1-Flash (CLAIMED: aihubmix, 2026-10-19, quoting the official models "
    "page)."
)
_PREVIEW_ENDED = (
    "Plans only. The name ended on 2026-10-19 and is answered by MiniMax-M3.1-Flash "
    "(CLAIMED: Codeep release notes v3.14.0, 2026-10-20)."
)


def _m2(
    name: str,
    released: str,
    price: Price,
    prices_from: str = _CACHE_PAGE,
    *,
    ended: bool = False,
    aliases: tuple[str, ...] = (),
) -> ModelCard:
    """A row of the M2 family, whose members differ in little."""
    return ModelCard(
        id=name,
        released=released,
        context_window=204_800,
        max_output_tokens=204_800,
        default_max_tokens=65_536,
        thinking="always",
        efforts=(),
        inputs=_TEXT,
        prices=(price,),
        source=_LIMITS + prices_from,
        status="retired" if ended else "active",
        note=_M2_ENDED if ended else "",
        aliases=aliases,
        explicit_cache=True,
    )


def _m3_1(
    name: str,
    released: str,
    prices: tuple[Price, ...],
    source: str,
    *,
    ended: bool = False,
) -> ModelCard:
    """A row of M3.1-Flash, under its own name or the one of its preview."""
    return ModelCard(
        id=name,
        released=released,
        context_window=1_000_000,
        max_output_tokens=524_288,
        default_max_tokens=131_072,
        thinking="always",
        efforts=("low", "medium", "high", "xhigh", "max"),
        inputs=_VISION,
        prices=prices,
        source=source,
        status="retired" if ended else "active",
        note=_PREVIEW_ENDED if ended else "",
    )


CARDS: tuple[ModelCard, ...] = (
    _m3_1("MiniMax-M3.1-Flash", "2026-10-18", (Price(0.15, 0.60, 0.015),), _M3_1),
    _m3_1(
        "MiniMax-M3.1-Flash-Preview",
        "2026-09-25",
        (),
        f"{_M3_1}; CLAIMED: the day of release, which may be off by a few",
        ended=True,
    ),
    ModelCard(
        id="MiniMax-M3",
        released="2026-06-01",
        context_window=1_000_000,
        max_output_tokens=524_288,
        default_max_tokens=131_072,
        thinking="optional",
        efforts=(),
        inputs=_VISION,
        prices=(
            Price(0.30, 1.20, 0.06),
            Price(0.60, 2.40, 0.12, above=512_000),
        ),
        source=(
            "Messages API page, M3 era, 2026-05-30 (max_tokens, inputs, thinking); GET "
            "/v1/models of a real account, 2026-09-01 (release); terrylica/cc-skills, "
            "probed live 2026-06-23 (window: 1,048,576 is refused); pay-as-you-go "
            "page, 2026-07 (prices; DERIVED: that its 512K is 512,000)"
        ),
    ),
    _m2("MiniMax-M2.7", "2026-03-18", Price(0.30, 1.20, 0.06, 0.375), ended=True),
    _m2(
        "MiniMax-M2.7-highspeed",
        "2026-03-18",
        Price(0.60, 2.40, 0.06, 0.375),
        ended=True,
    ),
    _m2("MiniMax-M2.5", "2026-02-13", Price(0.30, 1.20, 0.03, 0.375), ended=True),
    _m2(
        "MiniMax-M2.5-highspeed",
        "2026-02-13",
        Price(0.60, 2.40, 0.03),
        f"{_CACHE_PAGE}; CLAIMED: models.dev, 2026 (no cache_write there)",
        ended=True,
    ),
    _m2("MiniMax-M2.1", "2025-12-23", Price(0.30, 1.20, 0.03, 0.375)),
    _m2(
        "MiniMax-M2.1-highspeed",
        "2025-12-23",
        Price(0.60, 2.40, 0.03, 0.375),
        _FAST_PRICES,
        aliases=("MiniMax-M2.1-lightning",),
    ),
    _m2("MiniMax-M2", "2025-10-27", Price(0.30, 1.20, 0.03, 0.375)),
)
"""Every known model, newest first."""

SERVICE_TIERS: dict[str, float] = {"standard": 1, "priority": 1.5}
"""What a service tier costs, as a multiple of the standard one (Messages API schema,
summer 2026; DERIVED: for all models, and for what the cache costs too)."""

_BY_NAME = {name.lower(): row for row in CARDS for name in (row.id, *row.aliases)}


def card(model: str) -> ModelCard | None:
    """The card of a model, or `None` for one that is not in the catalogue.

    Args:
        model: Its name in any case. What stands before the last slash is dropped, so
            that self-hosted and gateway names such as `MiniMaxAI/MiniMax-M2.1` are
            understood.

    Returns:
        The card; `None` means that nothing is known and nothing should be assumed.
    """
    return _BY_NAME.get(model.rpartition("/")[2].lower())
