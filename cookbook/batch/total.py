"""Replies in, what they come to out: tokens, dollars, and files of results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from checkpoint import Checkpoint, Reply, write_whole
from chunks import Chunk
from langchain_core.messages.ai import UsageMetadata

from langchain_minimax.costs import Cost, UnknownCostError, cost_of_usage


@dataclass
class Total:
    """What was asked and answered, over all runs on a checkpoint.

    Attributes:
        results: Records with a result, each counted once.
        errors: Records with an error instead.
        replies: Requests that came to a line, also those that made up for others.
        tokens: Of all replies.
        usages: Of each reply.
    """

    results: int = 0
    errors: int = 0
    replies: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    usages: list[UsageMetadata] = field(default_factory=list)

    def add(self, replies: Iterable[Reply]) -> None:
        """Count these, too."""
        for reply in replies:
            self.replies += 1
            if not reply.usage:
                continue
            self.usages.append(reply.usage)
            details = reply.usage.get("input_token_details") or {}
            self.tokens["input"] += reply.usage.get("input_tokens", 0)
            self.tokens["output"] += reply.usage.get("output_tokens", 0)
            self.tokens["cached"] += details.get("cache_read") or 0

    def cost(self, model: str) -> Cost | None:
        """What the tokens cost by the list; `None` if that is not known of all."""
        try:
            costs = [cost_of_usage(usage, model) for usage in self.usages]
        except UnknownCostError:
            return None
        return sum(costs, Cost())

    def said(self, model: str) -> str:
        """All of it in two lines."""
        cost = self.cost(model)
        price = "of unknown price" if cost is None else f"{cost} by the list"
        return (
            f"{_counted(self.results, 'result')} and {_counted(self.errors, 'error')} "
            f"from {_counted(self.replies, 'request')}\n"
            f"{self.tokens['input']:,} tokens in, of these {self.tokens['cached']:,} "
            f"from the cache, {self.tokens['output']:,} out: {price}"
        )


def write_results(folder: Path, every: Iterable[Chunk]) -> Total:
    """Puts the verdicts into one file, in order, and the errors into another.

    Args:
        folder: Where the files go, and the checkpoint is.
        every: All chunks that were asked for.
    """
    kept, total = Checkpoint(folder), Total()
    verdicts, errors = [], []
    for chunk in every:
        total.add(kept.replies(chunk.number))
        finished = kept.finished(chunk.number)
        for number in sorted(finished.keys() & set(chunk.records)):
            reply = finished[number]
            if number in reply.results:
                verdicts.append(json.dumps(reply.results[number]))
            else:
                why = {"number": number, "why": reply.errors[number]}
                errors.append(json.dumps(why))
    write_whole(folder / "results.jsonl", verdicts)
    write_whole(folder / "errors.jsonl", errors)
    total.results, total.errors = len(verdicts), len(errors)
    return total


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
