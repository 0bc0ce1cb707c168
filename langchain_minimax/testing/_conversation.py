"""A message of a request in, its blocks or its text out."""

import re
from collections.abc import Iterator

from langchain_minimax.testing._replies import Json

# MiniMax's own has a line end inside both marks, vLLM's none behind the first.
_THOUGHT = re.compile(r"<((?:mm:)?think)>\n?(.*?)\n?</\1>\n{0,2}", re.DOTALL)


def blocks_of(turn: Json) -> list[Json]:
    """The content of a message as blocks, whichever way it was spelled."""
    content = turn.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content or []


def text_of(turn: Json) -> str:
    """The text of a message or of a tool result, without everything else in it."""
    return "\n".join(block["text"] for block in blocks_of(turn) if block.get("text"))


def untagged(blocks: list[Json]) -> Iterator[Json]:
    """Thinking that a text begins with becomes a block of its own."""
    for block in blocks:
        match block:
            case {"type": "text", "text": str(text)}:
                while found := _THOUGHT.match(text):
                    yield {"type": "thinking", "thinking": found[2]}
                    text = text[found.end() :]
                yield {**block, "text": text}
            case _:
                yield block


def is_blank(block: Json) -> bool:
    """Whether a block is text that says nothing."""
    return block.get("type") == "text" and not block.get("text", "").strip()
