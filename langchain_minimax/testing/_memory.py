"""Replies in; later, how faithfully each of them came back."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from langchain_minimax.testing._conversation import blocks_of, is_blank
from langchain_minimax.testing._records import Replay, Verdict
from langchain_minimax.testing._replies import Json

# From the most to the least faithful: of the replies a turn may be, the best fits.
_VERDICTS: tuple[Verdict, ...] = (
    "verbatim",
    "reordered",
    "changed",
    "thinking_altered",
    "thinking_missing",
)
_NAMESAKES = 32  # how many replies of one text are worth telling apart


class Memory:
    """Every reply the server made, found again by signature, call id or text."""

    def __init__(self) -> None:
        self._replies: dict[str, list[Json]] = {}
        self._by_handle: dict[tuple[str, str], deque[str]] = {}
        self._signed: dict[str, set[str]] = {}

    def remember(self, reply_id: str, blocks: list[Json]) -> None:
        """Keep a reply as it was answered."""
        self._replies[reply_id] = blocks
        for handle in _handles(blocks):
            known = self._by_handle.setdefault(handle, deque(maxlen=_NAMESAKES))
            known.appendleft(reply_id)
        for block in _thinking(blocks):
            match block:
                case {"thinking": str(words), "signature": str(signature)} if signature:
                    self._signed.setdefault(signature, set()).add(words)

    def thoughts(self, reply_id: str | None) -> list[str]:
        """The thinking texts of a remembered reply."""
        blocks = self._replies.get(reply_id or "", [])
        return [b["thinking"] for b in blocks if b.get("type") == "thinking"]

    def review(self, messages: list[Json]) -> list[Replay]:
        """One verdict per assistant turn."""
        return [
            self._recognize(index, blocks_of(turn))
            for index, turn in enumerate(messages)
            if turn["role"] == "assistant"
        ]

    def _recognize(self, index: int, blocks: list[Json]) -> Replay:
        candidates = [
            Replay(index, reply_id, _verdict(self._replies[reply_id], blocks))
            for handle in _handles(blocks)
            for reply_id in self._by_handle.get(handle, ())
        ]
        unknown = Replay(index, None, "unknown")
        best = min(
            candidates, key=lambda r: _VERDICTS.index(r.verdict), default=unknown
        )
        thoughts = [
            (place, block)
            for place, block in enumerate(blocks)
            if block.get("type") == "thinking"
        ]
        signed = [place for place, block in thoughts if block.get("signature")]
        altered = self._altered(best, thoughts)
        return replace(best, signed=tuple(signed), altered=tuple(altered))

    def _altered(
        self, replay: Replay, thoughts: list[tuple[int, Json]]
    ) -> Iterator[int]:
        """Where a known signature has other words, or known words have another."""
        said = _thinking(_sendable(self._replies.get(replay.reply_id or "", [])))
        unfaithful = replay.verdict == "thinking_altered"
        for place, block in thoughts:
            words = self._signed.get(block.get("signature", ""))
            forged = words is not None and block["thinking"] not in words
            if forged or (unfaithful and _sendable([block])[0] not in said):
                yield place


def _handles(blocks: list[Json]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        match block:
            case {"type": "thinking", "signature": str(signature)} if signature:
                yield "signature", signature
            case {"type": "tool_use", "id": str(id)}:
                yield "call", id
    text = "".join(b.get("text", "") for b in blocks if b.get("type") == "text").strip()
    if text:
        yield "text", text


def _verdict(said: list[Json], came: list[Json]) -> Verdict:
    before, after = _sendable(said), _sendable(came)
    if before == after:
        return "verbatim"
    thought, kept = _thinking(before), _thinking(after)
    if len(kept) < len(thought):
        return "thinking_missing"
    if _sorted(kept) != _sorted(thought):
        return "thinking_altered"
    return "reordered" if _sorted(before) == _sorted(after) else "changed"


def _sendable(blocks: list[Json]) -> list[Json]:
    """Without what may come and go: cache marks, blank text, an empty signature."""
    return [
        {
            key: value
            for key, value in block.items()
            if key != "cache_control" and (key, value) != ("signature", "")
        }
        for block in blocks
        if not is_blank(block)
    ]


def _thinking(blocks: list[Json]) -> list[Json]:
    return [block for block in blocks if block.get("type") == "thinking"]


def _sorted(blocks: list[Json]) -> list[str]:
    return sorted(repr(sorted(block.items())) for block in blocks)
