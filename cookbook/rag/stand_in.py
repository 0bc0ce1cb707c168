"""A request to the emulator in, a reply made of the passages in that request out.

It stands in for the model where there is no key. It quotes the sentences that share the
most telling words with the question, and cites the passages they stand in. So what is
cited was really found and sent; how well MiniMax would put it, this cannot show.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from langchain_minimax.testing import RecordedRequest, Reply, Text, Thinking, ToolUse

_PASSAGE = re.compile(r"^\[(\d+)\] (.*?)(?=^\[\d+\] |\Z)", re.DOTALL | re.MULTILINE)
_NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|^\|.*?$|^#.*?$", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"[A-Z][^.!?:]+(?:[.:](?=\S)[^.!?:]+)*[.!](?=\s|\Z)")
_QUOTES = 2


def stand_in(request: RecordedRequest) -> Reply:
    """Searches if it can and has not, then answers from what it was given."""
    turns, tools = request.body["messages"], request.body.get("tools")
    question, searched = _last_question(turns)
    if tools and not searched:
        if "minimax" not in question.lower():
            return Reply([Thinking("Nothing to look up."), Text("You are welcome!")])
        call = ToolUse(tools[0]["name"], {"query": question})
        return Reply([Thinking("This is about the package: I look it up."), call])
    given = _texts([request.body.get("system"), turns[-1]["content"]])
    quotes = _quotes(question, "\n\n".join(given).removesuffix(question))
    if not quotes:
        return Reply([Text("The passages do not answer that.")])
    plan = f"What fits best is in {' and '.join(number for number, _ in quotes)}."
    answer = " ".join(f"{sentence} [{number}]" for number, sentence in quotes)
    return Reply([Thinking(plan), Text(answer)])


def _last_question(turns: list[Any]) -> tuple[str, bool]:
    """The human's last words, and whether anything came after them."""
    asked = [
        place
        for place, turn in enumerate(turns)
        if turn["role"] == "user"
        and any(block["type"] == "text" for block in turn["content"])
    ]
    text = "\n".join(_texts(turns[asked[-1]]["content"]))
    return text.rpartition("Question: ")[2], asked[-1] + 1 < len(turns)


def _texts(content: Any) -> Iterator[str]:
    match content:
        case str():
            yield content
        case list():
            for part in content:
                yield from _texts(part)
        case {"text": str(text)}:
            yield text
        case {"type": "tool_result", "content": inner}:
            yield from _texts(inner)


def _quotes(question: str, given: str) -> list[tuple[str, str]]:
    """The best sentence of each of the best passages, with the passage's number."""
    found = [(n, *_parts(text)) for n, text in _PASSAGE.findall(given)]
    everywhere = Counter(
        word for _, title, body in found for word in _words(title + body)
    )
    asked = _words(question)
    best = []
    for number, title, body in found:
        for sentence in _SENTENCE.findall(body):
            words = _words(sentence)
            shared = asked & (words | _words(title))
            score = sum(1 / everywhere[word] for word in shared) / len(words | asked)
            best.append((score, number, sentence))
    ranked = sorted(best, key=lambda each: -each[0])
    quotes: dict[str, str] = {}
    for score, number, sentence in ranked:
        if score > ranked[0][0] / 2:  # what is worse hardly belongs there
            quotes.setdefault(number, " ".join(sentence.split()))
    return list(quotes.items())[:_QUOTES]


def _parts(passage: str) -> tuple[str, str]:
    title, _, body = passage.partition("\n")
    return title, _NOT_PROSE.sub("", body)


def _words(text: str) -> set[str]:
    """Telling words, without endings, so that `errors` is `error`."""
    return {word[:4] for word in re.findall(r"[a-z_]{4,}", text.lower())}
