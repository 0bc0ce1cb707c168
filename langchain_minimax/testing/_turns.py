"""The messages of a request in, what is wrong with them out."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from langchain_minimax.testing._conversation import blocks_of, is_blank
from langchain_minimax.testing._faults import Fault
from langchain_minimax.testing._media import source_problems
from langchain_minimax.testing._models import Model
from langchain_minimax.testing._refusals import (
    EMPTY,
    bad,
    mismatch,
    missing,
    unsupported,
)
from langchain_minimax.testing._replies import Json

# What a block of the official request schema may hold, beside `type` and
# `cache_control`. `is_error` is not in it, but passes (Claude Code sends it).
BLOCKS = {
    "text": {"text"},
    "image": {"source"},
    "video": {"source"},
    "tool_use": {"id", "name", "input"},
    "tool_result": {"tool_use_id", "content", "is_error"},
    "thinking": {"thinking", "signature"},
    "mid_conv_system": {"content"},
    "server_tool_use": {"id", "name", "input"},
    "web_search_tool_result": {"tool_use_id", "content"},
}

# Which blocks stand where. Of a tool result it is the official schema's word, of the
# roles ours: there Anthropic's rules are taken for MiniMax's. The role-play roles are
# in the official schema; only `system` was seen refused.
_SPOKEN = {"text", "image", "video", "mid_conv_system"}
_HOLDS = {
    "user": {*_SPOKEN, "tool_result"},
    "assistant": {
        "text",
        "thinking",
        "tool_use",
        "server_tool_use",
        "web_search_tool_result",
    },
    "user_system": _SPOKEN,
    "group": _SPOKEN,
    "sample_message_user": _SPOKEN,
    "sample_message_ai": _SPOKEN,
}
_HOLDS_INSIDE = {
    "tool_result": {"text", "image"},
    "mid_conv_system": {"text"},
    "system": {"text"},
}

# Anthropic's pattern; MiniMax's own was never published, only its refusal.
_TOOL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Turns:
    """Looks through messages on behalf of one model.

    Attributes:
        model: The model that is asked.
        videos: The ids of the files uploaded to be understood.
    """

    model: Model
    videos: Collection[int] = ()

    def problems(self, turns: list[Any]) -> Iterator[Fault]:
        """What is wrong with each message by itself."""
        if not turns:
            yield bad(EMPTY)
        for index, turn in enumerate(turns):
            if not isinstance(turn, dict):
                yield mismatch("message", turn)
            role = turn.get("role", "")
            if not isinstance(role, str) or role not in _HOLDS:
                yield bad(f"chat content has invalid message role: {role}")
            path = f"messages.{index}.content"
            yield from self._content(turn, _HOLDS[role], path)
            yield from _blank_texts(blocks_of(turn), path, own=role == "assistant")
            calls = ids_of(turn, "tool_use", "id")
            if len(set(calls)) < len(calls):
                yield bad(f"{path}: `tool_use` ids must be unique")  # ours

    def system_problems(self, system: str | list[Any] | None) -> Iterator[Fault]:
        """What is wrong with the `system` field."""
        blocks = blocks_of({"content": system}) if isinstance(system, list) else []
        yield from self._blocks(blocks, _HOLDS_INSIDE["system"], "system")
        yield from _blank_texts(blocks, "system")

    def _content(self, holder: Json, held: set[str], path: str) -> Iterator[Fault]:
        if not isinstance(holder.get("content") or [], (str, list)):
            yield mismatch("content", holder["content"])
        blocks = blocks_of(holder)
        yield from self._blocks(blocks, held, path)
        if all(is_blank(block) for block in blocks):
            yield bad(EMPTY)

    def _blocks(self, blocks: list[Any], held: set[str], path: str) -> Iterator[Fault]:
        for place, block in enumerate(blocks):
            where = f"{path}.{place}"
            if not isinstance(block, dict):
                yield mismatch("content block", block)
            kind = block.get("type")
            blind = kind in ("image", "video") and not self.model.media
            if not isinstance(kind, str) or kind not in held or blind:
                yield unsupported(where, kind)
            yield from self._block(block, where)

    def _block(self, block: Json, path: str) -> Iterator[Fault]:
        match block:
            case {"type": "text"} if not isinstance(block.get("text"), str):
                yield missing("text")
            case {"type": "image" | "video" as kind}:
                if not isinstance(block.get("source"), dict):
                    yield missing("source")
                yield from source_problems(kind, block["source"], self.videos)
            case {"type": "tool_use"}:
                yield from _tool_use(block)
            case {"type": "tool_result" | "mid_conv_system" as kind}:
                if kind == "tool_result":
                    yield from _tool_id(block, "tool_use_id")
                within = f"{path}.content"
                yield from self._content(block, _HOLDS_INSIDE[kind], within)
                yield from _blank_texts(blocks_of(block), within)
            case {"type": "thinking"}:
                yield from _thinking(block)


def _blank_texts(
    blocks: list[Json], path: str, *, own: bool = False
) -> Iterator[Fault]:
    """Text that says nothing, beside other blocks.

    Anthropic refuses it, in these words; that MiniMax does is ours. Whitespace in a
    turn of the model's own passes, for MiniMax itself sends a bare line end.
    """
    for place, block in enumerate(blocks):
        if is_blank(block) and not (own and block["text"]):
            words = "text content blocks must contain non-whitespace text"
            yield bad(f"{path}.{place}: {words}")


def _thinking(block: Json) -> Iterator[Fault]:
    if not isinstance(block.get("thinking"), str):
        yield missing("thinking")
    signature = block.get("signature")
    if signature is not None and not isinstance(signature, str):
        yield mismatch("signature string", signature)


def _tool_use(block: Json) -> Iterator[Fault]:
    if not block.get("name"):
        yield bad("function name is empty")
    if not isinstance(block["name"], str):
        yield mismatch("name string", block["name"])
    yield from _tool_id(block, "id")
    if not isinstance(block.get("input"), dict):
        words = f"invalid function arguments json string, tool_call_id: {block['id']}"
        yield bad(words)


def _tool_id(block: Json, field: str) -> Iterator[Fault]:
    if not isinstance(block.get(field), str):
        yield missing(field)
    if not _TOOL_ID.fullmatch(block[field]):
        yield bad("tool call id is invalid")  # Kilo-Org/kilocode#3967, 2025-11-22


def pairing_problems(turns: list[Json]) -> Iterator[Fault]:
    """Every result stands right behind its call, alone, and none is wanting."""
    calls = [ids_of(turn, "tool_use", "id") for turn in turns]
    results = [ids_of(turn, "tool_result", "tool_use_id") for turn in turns]
    for turn, asked, answered in zip(turns, [[], *calls], results, strict=False):
        beside = len(blocks_of(turn)) - len(answered)
        if answered and (beside or not asked):
            yield bad("tool call result does not follow tool call")
        for id in answered:
            if id not in asked:
                yield bad(f"tool result's tool id({id}) not found")
    for asked, answered in zip(calls, [*results[1:], []], strict=True):
        if sorted(asked) != sorted(answered):
            yield bad("tool call and result not match")


def ids_of(turn: Json, kind: str, key: str) -> list[str]:
    """The ids of a turn's blocks of one type."""
    return [str(b.get(key)) for b in blocks_of(turn) if b["type"] == kind]


def alternation_problems(turns: list[Json]) -> Iterator[Fault]:
    """No two turns of one role in a row."""
    for before, turn in pairwise(turns):
        if before["role"] == turn["role"]:
            yield bad("messages must alternate between user and assistant")  # ours
