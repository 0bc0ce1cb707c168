"""Every captured reply, cut after each of its bytes, in every way: a table of outcomes.

Fails at the first that is neither the right answer nor a typed error with exactly what
was whole by then. Takes an hour on one core; the suite runs a share of it.

    python tests/benchmarks/every_byte.py --to tests/figures/every_byte.md
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from langchain_core._api import LangChainBetaWarning

from support.cut_short import CUT_WAYS, ENDINGS, Cutter, Outcome, check, outcome
from support.samples import Sample, samples

PROTOCOLS = {"anthropic": "Messages", "openai": "Chat Completions"}
KINDS = ("answer", "error with `.partial`", "error before any word")

Cuts = Counter[tuple[str, str, str]]
"""How many, by protocol, way and outcome."""


def kind(came: Outcome) -> str:
    if came.message is not None:
        return KINDS[0]
    return KINDS[1] if came.error and came.error.partial is not None else KINDS[2]


async def cut(sample: Sample, share: int) -> Cuts:
    cutter, cuts = Cutter(sample), Cuts()
    for number, (name, ending) in enumerate(product(CUT_WAYS, ENDINGS)):
        for end in range(number % share, len(sample.body) + 1, share):
            cutter.cut(end, ending)
            came = await outcome(CUT_WAYS[name], cutter.model)
            try:
                check(sample, end, ending, came)
            except AssertionError as error:
                msg = f"{sample.name} {ending} after {end} bytes in `{name}`"
                raise AssertionError(msg) from error
            cuts[sample.wire, name, kind(came)] += 1
    return cuts


def all_cuts(share: int, sample: Sample) -> Cuts:
    warnings.simplefilter("ignore", LangChainBetaWarning)
    cuts = asyncio.run(cut(sample, share))
    sys.stderr.write(f"{sample.name}: {cuts.total():,}\n")
    return cuts


def table(cuts: Cuts, replies: int, share: int) -> str:
    pairs = len(CUT_WAYS) * len(ENDINGS)
    said = (
        f"{cuts.total():,} cuts of {replies} captured replies, after every byte in "
        f"{pairs // share} of the {pairs} pairs of a way and an ending, by turns. Not "
        "one was reported as a success that lacks something, nor had half a call among "
        "its `tool_calls`."
    )
    kinds = " | ".join(each.capitalize() for each in KINDS)
    rule = "---:|" * (len(KINDS) + 1)
    lines = [said, "", f"| Protocol | Way | Cuts | {kinds} |", f"|---|---|{rule}"]
    for wire, protocol in PROTOCOLS.items():
        for way in CUT_WAYS:
            counts = [cuts[wire, way, each] for each in KINDS]
            row = " | ".join(f"{count:,}" for count in (sum(counts), *counts))
            lines.append(f"| {protocol} | `{way}` | {row} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, help="where the table is to be written")
    parser.add_argument(
        "--share", type=int, default=1, help="every n-th byte of a pair, by turns"
    )
    asked = parser.parse_args()
    replies = [
        sample
        for errors in (False, True)
        for sample in samples(errors=errors, wire=None, self_hosted=None)
    ]
    replies.sort(key=lambda sample: -len(sample.body))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        cuts = sum(pool.map(partial(all_cuts, asked.share), replies), Cuts())
    text = table(cuts, len(replies), asked.share)
    sys.stdout.write(text)
    if asked.to:
        asked.to.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
