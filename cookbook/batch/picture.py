"""A run's evidence in, a picture out: records and requests in time, and the kills."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proof import Evidence

_MARKS = {
    "worker killed": ("tab:red", "--"),
    "run killed": ("tab:red", "-"),
    "worker began": ("tab:green", ":"),
}


def draw(evidence: Evidence, rate: float, to: Path) -> None:
    """Draw it.

    Args:
        evidence: What is left of the run.
        rate: Requests that were allowed in a second.
        to: An SVG file, say.
    """
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only for the picture

    start = evidence.events[0].at
    end = max(reply.at for reply in evidence.replies) - start
    step = max(1.0, end / 120)
    edges = [step * at for at in range(int(end / step) + 2)]
    plt.rcParams["svg.hashsalt"] = "batch"  # the same ids each time
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(8, 5.5))

    workers = list(dict.fromkeys(reply.worker for reply in evidence.replies))
    curves = [
        _a_second(
            [
                (reply.at - start, len(reply.results))
                for reply in evidence.replies
                if reply.worker == worker
            ],
            edges,
        )
        for worker in workers
    ]
    names = [f"process {number}" for number, _ in enumerate(workers, 1)]
    above.stackplot(edges, curves, labels=names, step="post", alpha=0.8)
    above.set_ylabel("records a second")
    below.step(
        edges,
        _a_second([(each.at - start, 1) for each in evidence.requests], edges),
        where="post",
        color="tab:gray",
        label="requests at the server",
    )
    below.axhline(rate, color="black", linewidth=1, label="the rate of all workers")
    below.set_ylabel("requests a second")
    below.set_xlabel("seconds")
    below.set_ylim(bottom=0)
    for axes in (above, below):
        for event in evidence.events:
            if event.what in _MARKS:
                color, style = _MARKS[event.what]
                axes.axvline(event.at - start, color=color, linestyle=style)
    for what, (color, style) in _MARKS.items():
        above.plot([], [], color=color, linestyle=style, label=what)
    for axes in (above, below):
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(to, metadata={"Date": None})


def _a_second(
    counted: Sequence[tuple[float, int]], edges: Sequence[float]
) -> list[float]:
    """How many a second came behind each edge."""
    step = edges[1]
    sums = [0.0] * len(edges)
    for at, number in counted:
        sums[int(at / step)] += number / step
    return sums
