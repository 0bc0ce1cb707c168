"""Replies in, what they come to out: requests, records, tokens, dollars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from checkpoint import Reply
from langchain_core.messages.ai import UsageMetadata

from langchain_minimax.costs import UnknownCostError, cost_of_usage


@dataclass
class Total:
    """What was asked and answered, over all runs on a checkpoint."""

    replies: int = 0
    results: int = 0
    errors: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    usages: list[UsageMetadata] = field(default_factory=list)

    def add(self, replies: Iterable[Reply]) -> None:
        """Count these, too."""
        for reply in replies:
            self.replies += 1
            self.results += len(reply.results)
            self.errors += len(reply.errors)
            if not reply.usage:
                continue
            self.usages.append(reply.usage)
            details = reply.usage.get("input_token_details") or {}
            self.tokens["input"] += reply.usage.get("input_tokens", 0)
            self.tokens["output"] += reply.usage.get("output_tokens", 0)
            self.tokens["cached"] += details.get("cache_read") or 0

    def dollars(self, model: str) -> Decimal | None:
        """What the tokens cost by the list; `None` if that is not known of all."""
        try:
            costs = [cost_of_usage(usage, model) for usage in self.usages]
        except UnknownCostError:
            return None
        return sum(cost.total for cost in costs)

    def said(self, model: str) -> str:
        """All of it in two lines."""
        cost = self.dollars(model)
        price = "of unknown price" if cost is None else f"${cost:,.2f} by the list"
        return (
            f"{self.results:,} results and {self.errors:,} errors "
            f"from {self.replies:,} requests\n"
            f"{self.tokens['input']:,} tokens in, of these {self.tokens['cached']:,} "
            f"from the cache, {self.tokens['output']:,} out: {price}"
        )
