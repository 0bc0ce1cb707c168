"""A message of a request in, its blocks or its text out."""

from langchain_minimax.testing._replies import Json


def blocks_of(turn: Json) -> list[Json]:
    """The content of a message as blocks, whichever way it was spelled."""
    content = turn.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content or []


def text_of(turn: Json) -> str:
    """The text of a message or of a tool result, without everything else in it."""
    return "\n".join(block["text"] for block in blocks_of(turn) if block.get("text"))


def is_blank(block: Json) -> bool:
    """Whether a block is text that says nothing."""
    return block.get("type") == "text" and not block.get("text", "").strip()
