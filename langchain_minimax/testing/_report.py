"""Recorded requests in, a text for people out."""

from collections.abc import Iterable

from langchain_minimax.testing._memory import Memory
from langchain_minimax.testing._records import RecordedRequest, Replay, Verdict

_CAME_BACK: dict[Verdict, str] = {
    "verbatim": "came back verbatim",
    "thinking_missing": "came back WITHOUT its thinking",
    "thinking_altered": "came back with its thinking ALTERED",
    "reordered": "came back in ANOTHER ORDER",
    "changed": "came back with its text or calls CHANGED",
    "unknown": "was never said by this server",
}


def report(requests: Iterable[RecordedRequest], memory: Memory) -> str:
    """One line per request."""
    lines = (describe(record, memory) for record in requests)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def describe(record: RecordedRequest, memory: Memory) -> str:
    """What a request held, and how earlier replies came back in it."""
    said = f"{record.method} {record.path} -> {record.status}"
    match record.body:
        case {"messages": [*messages]}:
            tools = record.body.get("tools")
            offered = len(tools) if isinstance(tools, list) else 0
            said += f", {len(messages)} messages, {offered} tools"
    return "; ".join([said, *(_replay(replay, memory) for replay in record.replayed)])


def _replay(replay: Replay, memory: Memory) -> str:
    thoughts = [f"<{text[:40].strip()}…>" for text in memory.thoughts(replay.reply_id)]
    held = f"thinking {' + '.join(thoughts)}" if thoughts else "no thinking"
    return f"message {replay.turn_index} ({held}) {_CAME_BACK[replay.verdict]}"
