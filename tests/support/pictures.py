"""Tables of `tests/figures` in, pictures of the documentation out.

    PYTHONPATH=tests python -m support.pictures

Drawn as SVG without a library, so that they are the same everywhere, have text that
can be read aloud, and follow the page's light and dark.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "tests" / "figures"
ASSETS = ROOT / "docs" / "assets"

Table = list[dict[str, str]]

WIDTH = 480  # of every picture; a phone shows it at three quarters
SHOWN = 560  # where there is room
EDGE = 16
ROW = 20
SQUARE = 9
DOT = 4

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial,
  sans-serif; fill: #1f2328 }
.name { font-weight: 600; font-size: 13px }
.small { font-size: 11.5px; fill: #57606a }
.middle { text-anchor: middle }
.sheet { fill: #fff; stroke: #d5d9de }
.line { stroke: #d5d9de } .one { stroke: #57606a; stroke-width: 1.5 }
.green { fill: #1f8a47 } .blue { fill: #2f6fd8 } .grey { fill: #98a1ab }
.yellow { fill: #d99a1c } .red { fill: #d63a36 } .purple { fill: #8a4fd3 }
.on { fill: #fff; font-weight: 600; text-anchor: middle } .on-yellow { fill: #1f2328 }
.ring { fill: none; stroke: #2f6fd8; stroke-width: 2 }
.diamond { fill: none; stroke: #d99a1c; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e8eb } .small { fill: #a5adb8 }
  .sheet { fill: #15171c; stroke: #343941 }
  .line { stroke: #343941 } .one { stroke: #a5adb8 }
}"""


def tables(text: str) -> list[Table]:
    """Markdown's tables in a text, their rows by their heads."""
    blocks = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    return [_table(block.splitlines()) for block in blocks]


def _table(lines: list[str]) -> Table:
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines
    ]
    return [dict(zip(head, row, strict=True)) for row in rows]


def number(cell: str) -> float:
    """What a cell begins with."""
    return float(cell.split(maxsplit=1)[0].replace(",", ""))


def picture(title: str, told: str, height: int, parts: Iterable[str]) -> str:
    """A sheet with a title and a description for those who do not see it."""
    drawing = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"
  width="{SHOWN}" role="img" aria-labelledby="title told">
<title id="title">{escape(title)}</title>
<desc id="told">{escape(told)}</desc>
<style>{STYLE}</style>
<rect class="sheet" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>
{drawing}
</svg>
"""


def text(x: float, y: float, said: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.4g}" y="{y:.4g}">{escape(said)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}"/>'
    )


def line(x: float, top: float, bottom: float, kind: str) -> str:
    return f'<path class="{kind}" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>'


# --- The campaign, beside the others -------------------------------------------------

VERDICTS = {
    "right answer": "green",
    "typed error": "blue",
    "untyped error": "yellow",
    "silent loss": "red",
    "hang": "purple",
}
BAR = 50  # from one to the next
READABLE = 0.05  # of a bar; a number needs as much


def beside(figures: str) -> str:
    """A bar for each client: what its calls came to, in shares."""
    rows = tables(figures)[0]
    shares = {
        f"{row['Client'].split(' (')[0]}, {row['cases']} cases": _shares(row)
        for row in rows
    }
    told = "; ".join(f"{name}: {_percents(share)}" for name, share in shares.items())
    bars = [part for n, each in enumerate(shares.items()) for part in _bar(n, *each)]
    return picture(
        "What came of calls that were broken on purpose",
        f"{told}.",
        2 * EDGE + BAR * len(rows) + ROW,
        [*_names(), *bars],
    )


def _shares(row: Mapping[str, str]) -> dict[str, float]:
    return {name: number(row[name]) / number(row["cases"]) for name in VERDICTS}


def _percents(shares: Mapping[str, float]) -> str:
    return ", ".join(
        f"{share:.0%} {name}".replace("%", " %")
        for name, share in shares.items()
        if share
    )


def _names() -> Iterator[str]:
    x = EDGE
    for name, kind in VERDICTS.items():
        yield box(x, EDGE + 1, SQUARE, SQUARE, kind)
        yield text(x + 14, EDGE + 10, name)
        x += 30 + 6 * len(name)


def _bar(place: int, name: str, shares: Mapping[str, float]) -> Iterator[str]:
    top, whole = EDGE + ROW + BAR * place, WIDTH - 2 * EDGE
    yield text(EDGE, top + 22, name, "name")
    starts = accumulate(shares.values(), initial=0.0)
    for (kind, share), start in zip(shares.items(), starts, strict=False):
        if share:
            at = EDGE + whole * start
            yield box(at, top + 30, whole * share, 20, VERDICTS[kind])
        if share > READABLE:
            middle, color = at + whole * share / 2, VERDICTS[kind]
            yield text(middle, top + 44, f"{100 * share:.0f} %", f"on on-{color}")


# --- The campaign, by stage and kind -------------------------------------------------

OUTCOMES = {
    "the right message": "green",
    "a typed error, tried again before anything is shown": "blue",
    "a typed error, not tried again": "yellow",
    "one or the other, as the table below says": "grey",
}
FIRST = 214  # where the squares begin
STEP = SQUARE + 1
IN_A_ROW = (WIDTH - EDGE - FIRST) // STEP


def outcome(row: Mapping[str, str]) -> str:
    """What comes out of a kind of fault, and whether it is tried again."""
    right, again, once, mixed = OUTCOMES
    what, retried = row["What comes out"], row["Tried again?"]
    if "the right message" in what and "Error" in what:
        return mixed
    answers = {"—": right, "yes": again, "yes, in time": again, "no": once}
    return answers.get(retried, mixed)


def faults(figures: str) -> str:
    """A square for each kind of fault, a row for each stage of a call."""
    stages: dict[str, list[str]] = {}
    for row in tables(figures)[0]:
        stages.setdefault(row["When"], []).append(outcome(row))
    kinds = [kind for each in stages.values() for kind in each]
    counted = (f"{kinds.count(kind)} give {kind}" for kind in OUTCOMES)
    parts = [part for n, each in enumerate(OUTCOMES.items()) for part in _key(n, *each)]
    top = 2 * EDGE + ROW * len(OUTCOMES)
    for stage, found in stages.items():
        parts += [text(EDGE, top + 9, stage), *_squares(top, found)]
        top += max(ROW, STEP * math.ceil(len(found) / IN_A_ROW) + SQUARE)
    return picture(
        "What comes out of every fault, by the stage at which it happens",
        f"{len(kinds)} kinds of fault at {len(stages)} stages: {', '.join(counted)}.",
        top + EDGE // 2,
        parts,
    )


def _key(place: int, said: str, kind: str) -> Iterator[str]:
    top = EDGE + ROW * place
    yield box(EDGE, top, SQUARE, SQUARE, kind)
    yield text(EDGE + 18, top + 9, said)


def _squares(top: float, found: list[str]) -> Iterator[str]:
    for n, kind in enumerate(found):
        down, along = divmod(n, IN_A_ROW)
        x, y = FIRST + STEP * along, top + STEP * down
        yield box(x, y, SQUARE, SQUARE, OUTCOMES[kind])


# --- The speed, beside the others ----------------------------------------------------

REFERENCE = "ChatAnthropic"
LEFT = 232  # where the least ratio is
LEAST, MOST = 0.01, 10


def _circle(x: float, y: float, kind: str) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{DOT}"/>'


def _square(x: float, y: float, kind: str) -> str:
    return box(x - DOT, y - DOT, 2 * DOT, 2 * DOT, kind)


def _diamond(x: float, y: float, kind: str) -> str:
    d = DOT + 1
    return f'<path class="{kind}" d="M{x - d:.1f} {y:.1f}l{d} -{d} {d} {d} -{d} {d}z"/>'


Mark = Callable[[float, float, str], str]
MARKS: Mapping[str, tuple[Mark, str]] = {  # in this order, hollow ones on top
    "ChatMiniMax, Messages": (_circle, "blue"),
    "ChatMiniMax, Chat Completions": (_circle, "ring"),
    "ChatOpenAI": (_square, "red"),
    "ChatMistralAI": (_diamond, "diamond"),
}


def speed(figures: str) -> str:
    """A row for each thing measured, a mark for each model, as ratios, by decades."""
    rows = tables(figures)[0]
    top = 2 * EDGE + ROW * len(MARKS) + 2 * ROW
    bottom = top + ROW * len(rows)
    parts = [*_legend(), *_decades(top, bottom)]
    for n, row in enumerate(rows):
        parts += _ratios(top + ROW * (n + 0.5), row)
    least = {name: min(_ratio(row, name) for row in rows) for name in MARKS}
    most = {name: max(_ratio(row, name) for row in rows) for name in MARKS}
    told = (f"{name} from {least[name]:.2f} to {most[name]:.2f}" for name in MARKS)
    return picture(
        f"What each model takes, as a ratio to {REFERENCE}",
        f"Over {len(rows)} things measured: {'; '.join(told)}.",
        bottom + EDGE,
        parts,
    )


def _ratio(row: Mapping[str, str], name: str) -> float:
    return number(row[name]) / number(row[REFERENCE])


def _along(ratio: float) -> float:
    share = math.log10(ratio / LEAST) / math.log10(MOST / LEAST)
    return LEFT + share * (WIDTH - EDGE - LEFT)


def _legend() -> Iterator[str]:
    for n, (name, (mark, kind)) in enumerate(MARKS.items()):
        y = EDGE + 6 + ROW * n
        yield mark(EDGE + DOT, y, kind)
        yield text(EDGE + 18, y + 4, name)


def _decades(top: float, bottom: float) -> Iterator[str]:
    yield text(EDGE, top - 8, "as a ratio; less is better", "small")
    yield text(_along(1), top - ROW - 4, REFERENCE, "small middle")
    for ratio in (0.01, 0.1, 1, 10):
        yield line(_along(ratio), top, bottom, "one" if ratio == 1 else "line")
        yield text(_along(ratio), top - 8, f"{ratio:g}", "small middle")


def _ratios(y: float, row: Mapping[str, str]) -> Iterator[str]:
    name = next(iter(row.values()))
    yield text(EDGE, y + 4, name.rpartition(", ")[0])
    for model, (mark, kind) in MARKS.items():
        yield mark(_along(_ratio(row, model)), y, kind)


PICTURES = {
    "beside.svg": (beside, "fault_campaign_peers.md"),
    "faults.svg": (faults, "fault_campaign.md"),
    "speed.svg": (speed, "speed_everyone.md"),
}


def drawn(name: str) -> str:
    """A picture, as the figures have it today."""
    draw, figures = PICTURES[name]
    return draw((FIGURES / figures).read_text(encoding="utf-8"))


if __name__ == "__main__":
    for each in PICTURES:
        (ASSETS / each).write_text(drawn(each), encoding="utf-8")
