"""How long hostile replies take to be read: a table; fails if not linear.

Each reply and the same twice as long, measured in turns within one run: the best CPU
time of several rounds each. What a server can repeat as often as it likes must not make
each repetition dearer than the one before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from clock import in_turns

from langchain_minimax._deltas import BlockStopped, TextDelta
from langchain_minimax._dialects import anthropic, openai
from langchain_minimax._dialects.think_tags import Splitter
from langchain_minimax._leaked_calls import LeakedCalls
from langchain_minimax._sse import EventStream, ServerSentEvent

ROUNDS = 3
TIMES = 2_000
MOST = 3.0  # times as long for twice the reply; what is quadratic takes four
Json = Mapping[str, Any]


# --- Streams of events ---------------------------------------------------------------


def read(dialect: ModuleType, events: Iterable[Json]) -> None:
    """Hears the events of one reply."""
    decoder = dialect.decoder()
    for event in events:
        decoder.feed(ServerSentEvent("", json.dumps(event).encode()))
    decoder.finish()


def start(index: int, **block: Any) -> Json:
    """The start of a block of the Messages API."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def more(kind: str, index: int = 0, **said: Any) -> Json:
    """More of it."""
    delta = {"type": f"{kind}_delta", **said}
    return {"type": "content_block_delta", "index": index, "delta": delta}


MESSAGES: Mapping[str, Callable[[int], Iterable[Json]]] = {
    "pieces of a text": lambda _: (more("text", text="a"),),
    "pieces of a signature": lambda n: (more("signature", signature=f"{n:040}"),),
    "pieces of arguments": lambda n: (
        *([start(0, type="tool_use", id="c", name="run")] if not n else ()),
        more("input_json", partial_json="}"),
    ),
    "calls": lambda n: (start(n, type="tool_use", id=f"c{n}", name="run"),),
    "blocks that wait": lambda n: (
        *([start(0, type="text", text="a")] if not n else ()),
        start(n + 1, type="text", text="b"),
        more("text", n + 1, text="c"),
    ),
    "usages": lambda n: (
        {"type": "message_delta", "usage": {f"{n}": 1, "output_tokens": 1}},
    ),
}


def chunk(**delta: Any) -> Json:
    """An event of Chat Completions."""
    return {"id": "r", "choices": [{"index": 0, "delta": delta}]}


def item(n: int, text: str, **said: Any) -> Json:
    """A piece of reasoning details."""
    return chunk(reasoning_details=[{"id": f"r{n}", "text": text, **said}])


def call(arguments: str, **said: Any) -> Json:
    """A fragment of a call."""
    return {"function": {"arguments": arguments}, **said}


OPENED = chunk(tool_calls=[{"id": "c", "function": {"name": "run"}}])
QUOTE = chunk(tool_calls=[call('{"a": "', id="c")])

CHAT: Mapping[str, Callable[[int], Iterable[Json]]] = {
    "pieces of a text": lambda n: (chunk(content=f"{n}"),),
    "snapshots": lambda n: (chunk(content="a" * n),),
    "pieces of reasoning": lambda n: (chunk(reasoning_content=f"{n}"),),
    "items": lambda n: (item(n, "x"),),
    "items that say the same": lambda n: (item(n % 2, "x"),),
    "items with new keys": lambda n: (item(0, f"{n}", **{f"k{n}": 1}),),
    "items without words": lambda n: (
        chunk(reasoning_details=[{"id": "r", f"k{n}": 1}]),
    ),
    "thoughts behind a call": lambda n: (
        *((OPENED, QUOTE) if not n else ()),
        chunk(reasoning_content=f"thought {n}"),
    ),
    "brackets behind a call that waits": lambda n: (
        *((OPENED, QUOTE, chunk(content="x")) if not n else ()),
        chunk(tool_calls=[call("}" + "x" * 40 + "}", id="c")]),
    ),
    "calls": lambda n: (
        chunk(tool_calls=[call("", id=f"c{n}") | {"index": n}]),
        chunk(tool_calls=[call("{", id=f"c{n}") | {"index": n}]),
    ),
    "calls of one index": lambda n: (
        chunk(tool_calls=[{"index": 0, "function": {"name": f"n{n}"}}]),
    ),
    "thoughts in tags": lambda n: (chunk(content=f"<think>{n}</think>\n\n"),),
    "thoughts in tags and in a field": lambda n: (
        *([chunk(reasoning_content="a" * 100)] if not n else ()),
        chunk(content="<think>a</think>\n\n"),
    ),
    "thoughts in tags and beside them": lambda n: (
        *([chunk(content="<think>")] if not n else ()),
        chunk(content=f"{n} ", reasoning_content=f"{n} "),
    ),
    "echoes of a thought": lambda n: (
        *([chunk(content="<think>" + "ab" * 3 * TIMES + "</think>x")] if not n else ()),
        chunk(reasoning_content="ab"),
    ),
}


def of_events(
    dialect: ModuleType, made: Callable[[int], Iterable[Json]], times: int
) -> Callable[[], None]:
    """The work of reading so many."""
    events = [event for n in range(times) for event in made(n)]
    return lambda: read(dialect, events)


# --- Texts ---------------------------------------------------------------------------


def split(text: str) -> None:
    """Reads thinking in a text."""
    splitter = Splitter()
    list(splitter.feed(text))
    list(splitter.finish())


def rescue(text: str) -> None:
    """Reads calls in a text."""
    stage = LeakedCalls({"run": {}})
    stage.feed(TextDelta(0, text))
    stage.feed(BlockStopped(0))


def listen(text: str) -> None:
    """Reads events."""
    stream = EventStream()
    list(stream.feed(text.encode()))
    list(stream.flush())


LEAK = '\n<minimax:tool_call>\n<invoke name="run"></invoke></minimax:tool_call>'
TEXTS: Mapping[str, tuple[Callable[[str], None], str, str, str]] = {
    "thoughts": (split, "", "<think>a</think>\n\n", ""),
    "quoted ends": (split, "<think>", "`</think>`", ""),
    "ends of thoughts": (split, "", "</think>", ""),
    "white space": (split, "", " ", "<think>"),
    "calls": (rescue, "", LEAK, ""),
    "white space before a call": (rescue, "x\n", " " * 20, "x" + LEAK),
    "white space in a list": (rescue, "- ", " " * 20, "x" + LEAK),
    "bullets": (rescue, "", "- " * 10, "x" + LEAK),
    "quotations": (rescue, "", "> " * 10, "x" + LEAK),
    "lines": (listen, "", "data: x\n", "\n"),
    "events": (listen, "", "data: x\n\n", ""),
}


def of_text(name: str, times: int) -> Callable[[], None]:
    """The work of reading a text that repeats itself so often."""
    how, first, part, last = TEXTS[name]
    return lambda: how(first + part * times + last)


def main() -> int:
    """Measures, and says whether reading is linear."""
    works = {
        **{
            f"{protocol}: {name}": (
                of_events(dialect, made, TIMES),
                of_events(dialect, made, 2 * TIMES),
            )
            for protocol, dialect, table in (
                ("Messages", anthropic, MESSAGES),
                ("Chat Completions", openai, CHAT),
            )
            for name, made in table.items()
        },
        **{
            f"text: {name}": (of_text(name, 2 * TIMES), of_text(name, 4 * TIMES))
            for name in TEXTS
        },
    }
    worst = 0.0
    print("| reply | once | twice as long: ratio |")
    print("|---|--:|--:|")
    for name, (shorter, longer) in works.items():
        best = in_turns(shorter, longer, rounds=ROUNDS)
        times = best[1] / best[0]
        is_long = best[0] > 0.002  # below, the clock measures itself
        worst = max(worst, times if is_long else 0)
        print(f"| {name} | {1000 * best[0]:.1f} ms | {times:.2f} |", flush=True)
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
