"""Replies in; later, how faithfully each of them came back."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from langchain_minimax.testing._conversation import blocks_of, is_blank, untagged
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
_STRAY = "\n</think>"  # what may be left at the end of thinking (vellum #34556)

Spelling = Callable[[list[Json]], list[Json]]
"""What of a reply can come back at all over one of the two protocols."""


def as_message(blocks: list[Json]) -> list[Json]:
    """The Messages protocol has all, but unsigned thinking closed by a stray mark."""
    return [
        {**block, "thinking": block["thinking"].removesuffix(_STRAY)}
        if block.get("thinking") and not block.get("signature")
        else block
        for block in blocks
    ]


def as_completion(blocks: list[Json]) -> list[Json]:
    """Chat Completions has one thought without a signature, one text, then the rest."""
    kinds = ("thinking", "text")
    joined = [{"type": kind, kind: _joined(blocks, kind)} for kind in kinds]
    said = [block for block in joined if block[block["type"]]]
    return [*said, *(block for block in blocks if block.get("type") not in kinds)]


class Memory:
    """Every reply the server made, found again by signature, call id or words."""

    def __init__(self) -> None:
        self._replies: dict[str, list[Json]] = {}
        self._by_handle: dict[tuple[str, str], deque[str]] = {}
        self._signed: dict[str, set[str]] = {}

    def remember(self, reply_id: str, blocks: list[Json]) -> None:
        """Keep a reply as it was answered, its thinking told from its text."""
        blocks = self._replies[reply_id] = list(untagged(blocks))
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

    def review(
        self, messages: list[Json], spelling: Spelling = as_message
    ) -> list[Replay]:
        """One verdict per assistant turn.

        Args:
            messages: The turns in the Messages shape, whichever way they came.
            spelling: What the protocol they came over can carry.
        """
        return [
            self._recognize(index, blocks_of(turn), spelling)
            for index, turn in enumerate(messages)
            if turn["role"] == "assistant"
        ]

    def _recognize(self, index: int, blocks: list[Json], spelling: Spelling) -> Replay:
        plain = list(untagged(blocks))
        came = spelling(plain)
        candidates = [
            Replay(index, reply_id, _verdict(spelling(self._replies[reply_id]), came))
            for handle in _handles(plain)
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
    text, thought = _joined(blocks, "text"), _joined(blocks, "thinking")
    yield from (
        (kind, words.strip())
        for kind, words in (("text", text), ("thinking", thought.removesuffix(_STRAY)))
        if words.strip()
    )


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


def _joined(blocks: list[Json], kind: str) -> str:
    return "".join(b.get(kind, "") for b in blocks if b.get("type") == kind)


def _thinking(blocks: list[Json]) -> list[Json]:
    return [block for block in blocks if block.get("type") == "thinking"]


def _sorted(blocks: list[Json]) -> list[str]:
    return sorted(repr(sorted(block.items())) for block in blocks)
