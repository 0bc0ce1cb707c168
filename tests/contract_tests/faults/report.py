"""The whole campaign, by hand.

    PYTHONPATH=tests python -m contract_tests.faults.report [--peers] [--share N]

Tries every case, or every N-th, with `ChatMiniMax`; with `--peers` a part of them with
the clients of others too. Writes the figures to `tests/figures`, and fails if anything
is not as the table says.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from contract_tests.faults.campaign import (
    Case,
    Found,
    chat_minimax,
    complaints,
    everything,
    proxy,
    tried,
)
from contract_tests.faults.peers import CLIENTS, VERDICTS, beside, verdict
from contract_tests.faults.proxy import Proxy
from contract_tests.faults.table import TABLE, Outcome, Row

FIGURES = Path(__file__).parents[2] / "figures"

Tried = list[tuple[Case, Found]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with proxy() as opened:
        os.environ["SSL_CERT_FILE"] = str(opened.certificates.bundle)
        report = _beside if options.peers else _alone
        return report(opened, options.share)


def _alone(opened: Proxy, share: int) -> int:
    since = time.monotonic()
    found = tried(everything()[::share], opened, chat_minimax, 48)
    seconds = time.monotonic() - since
    strayed = len(opened.trap.seen)
    wrong = [said for each in found for said in complaints(*each)]
    _write("fault_campaign.md", _summary(found, wrong, seconds, strayed), _table(found))
    print(*wrong, sep="\n")  # noqa: T201 - what was asked for
    return len(wrong) + strayed


def _beside(opened: Proxy, share: int) -> int:
    _write("fault_campaign_peers.md", _sides(opened, share))
    return 0


def _write(name: str, *parts: Iterable[str]) -> None:
    lines = [line for part in parts for line in part]
    text = "\n".join(lines).strip() + "\n"
    (FIGURES / name).write_text(text, encoding="utf-8")
    print(text)  # noqa: T201


def _summary(
    found: Tried, wrong: list[str], seconds: float, strayed: int
) -> Iterator[str]:
    kinds = {(case.row.stage, case.row.kind) for case, _ in found}
    stages = {case.row.stage for case, _ in found}
    requests = sum(each.attempts for _, each in found)
    yield (
        f"{len(found):,} cases, {len(stages)} stages, {len(kinds)} kinds of fault by "
        f"stage, {len(TABLE)} rows of the table; both protocols, eight ways of "
        f"calling, TCP and TLS; {requests:,} requests; {len(wrong)} not as the table "
        f"says; {strayed} requests that followed a redirect to another host."
    )
    yield ""
    yield (
        f"Python {sys.version.split()[0]}, langchain-core {version('langchain-core')}, "
        f"httpx {version('httpx')}; {seconds:.0f} s."
    )
    yield ""


# --- Side by side --------------------------------------------------------------------


def _sides(opened: Proxy, share: int) -> Iterator[str]:
    yield "| Client | cases | " + " | ".join(VERDICTS) + " | key sent elsewhere |"
    yield "| --- |" + " ---: |" * (len(VERDICTS) + 2)
    details = []
    for client in CLIENTS:
        opened.trap.seen.clear()
        found = tried(beside(client)[::share], opened, client.make, 64)
        counts = Counter(verdict(each, client) for each in found)
        leaks = sum(client.key_in(headers) for headers in opened.trap.seen)
        cells = [f"{len(found):,}", *(f"{counts[name]:,}" for name in VERDICTS)]
        yield f"| {client.name} | {' | '.join(cells)} | {leaks} |"
        details.append((client.name, found, client))
    yield ""
    yield "Where the worst of them happen, cases by stage:"
    yield ""
    yield "| Client | verdict | stages |"
    yield "| --- | --- | --- |"
    for name, found, client in details:
        for bad in ("untyped error", "silent loss", "hang"):
            stages = Counter(
                each[0].row.stage for each in found if verdict(each, client) == bad
            )
            told = ", ".join(f"{stage} {n}" for stage, n in stages.most_common())
            yield f"| {name} | {bad} | {told or 'none'} |"
    yield ""


# --- By stage and kind ---------------------------------------------------------------


def _table(found: Tried) -> Iterator[str]:
    counts = Counter((case.row.stage, case.row.kind) for case, _ in found)
    yield (
        "Tried again in time: before something was shown, within the time of the call, "
        "and if the server does not ask for more than a minute's patience."
    )
    yield ""
    yield "| When | What | What comes out | Tried again? | Cases |"
    yield "| --- | --- | --- | --- | ---: |"
    for stage, kind in dict.fromkeys((row.stage, row.kind) for row in TABLE):
        rows = [row for row in TABLE if (row.stage, row.kind) == (stage, kind)]
        named, again = _told(rows)
        yield f"| {stage} | {kind} | {named} | {again} | {counts[stage, kind]} |"


def _told(rows: list[Row]) -> tuple[str, str]:
    outcomes = [
        outcome
        for row in rows
        for outcome in (row.whole, row.stream)
        if outcome is not None
    ]
    names = dict.fromkeys(map(_name, outcomes))
    answers = dict.fromkeys("yes" if each.retryable else "no" for each in outcomes)
    late = any(each.retryable and each.requests == 1 for each in outcomes)
    if set(names) == {"the right message"}:
        return "the right message", "—"
    again = "yes, in time" if late else ", ".join(answers)
    return ", ".join(names), again


def _name(outcome: Outcome) -> str:
    return f"`{outcome.error.__name__}`" if outcome.error else "the right message"


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Not `sys.exit`: it would wait for clients that wait an hour to try again.
    os._exit(min(status, 1))
