"""Any conversation in, one that the server accepts out; nothing that was said is lost.

What stands in the wrong place is moved; what has no place becomes text with a label
around it. MiniMax answers 400 (2013) for a single message out of order, and does so
again in every later turn: the thread is dead (MiniMax-M2#76, opencode#32608,
deer-flow#1936).
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import groupby, takewhile
from xml.sax.saxutils import quoteattr

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Media,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._json import dumped
from langchain_minimax.errors import MiniMaxInvalidRequestError

_log = logging.getLogger(__name__)

_NO_RESULT = "There is no result: this call was never answered."
_NO_OUTPUT = "(no output)"
_CONTINUED = "(The rest of this result is in the next message.)"
_ALONE = "results stand alone behind their calls, in the calls' order"
_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+")

Place = tuple[int, int]
"""Which turn, and which block of it."""

Key = tuple[int, str]
"""Which turn, and which id of a call in it."""


def repair(conversation: Conversation) -> Conversation:
    """Makes a conversation one that the server accepts; a legal one stays as it is.

    Each kind of repair is logged once for a conversation, at DEBUG.

    Raises:
        MiniMaxInvalidRequestError: If nothing is left to be said.
    """
    note = _Notes()
    spoken = list(_without_blanks(conversation.turns, note))
    system, said = _with_system_in_front(conversation.system, spoken, note)
    turns = _as_they_stand(said, note)
    if turns is None:
        paired = _with_results_behind_calls(said, note)
        turns = _with_legal_ids(list(_merged(paired, note)), note)
    if not turns:
        msg = (
            "The conversation is empty: MiniMax needs at least one message with "
            "content."
        )
        raise MiniMaxInvalidRequestError(msg)
    return Conversation(system, tuple(turns))


def without_signatures(conversation: Conversation) -> Conversation:
    """The same thoughts, unsigned, for a server that refuses a signature."""
    turns = [
        replace(turn, blocks=tuple(_unsigned(turn.blocks)))
        for turn in conversation.turns
    ]
    return repair(replace(conversation, turns=tuple(turns)))


def _unsigned(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if not isinstance(block, Thinking):
            yield block
        elif block.thinking:
            yield replace(block, signature=None)


def labelled(tag: str, blocks: Iterable[Block], **attributes: str) -> Iterator[Block]:
    """Blocks between two texts that say what they are."""
    said = "".join(f" {key}={quoteattr(text)}" for key, text in attributes.items())
    yield Text(f"<{tag}{said}>")
    yield from blocks
    yield Text(f"</{tag}>")


class _Notes:
    """Tells the log of each kind of repair, once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, kind: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            _log.debug("Repaired the conversation: %s.", kind)


# --- What says nothing ---------------------------------------------------------------


def _without_blanks(turns: Iterable[Turn], note: _Notes) -> Iterator[Turn]:
    for turn in turns:
        blocks = turn.blocks
        if not blocks or any(map(is_blank, blocks)):
            blocks = _with_something_to_say(turn)
        if len(blocks) != len(turn.blocks) or not blocks:
            note("what was empty or blank is left out")
        if blocks:
            yield turn if blocks == turn.blocks else Turn(turn.role, blocks)


def _with_something_to_say(turn: Turn) -> tuple[Block, ...]:
    """The blocks that say something; a reply keeps the line ends between its own."""
    spoken = tuple(block for block in turn.blocks if not is_blank(block))
    if turn.role != "assistant" or not spoken:
        return spoken
    return tuple(
        block for block in turn.blocks if not isinstance(block, Text) or block.text
    )


def is_blank(block: Block) -> bool:
    """Whether it is text that says nothing."""
    return isinstance(block, Text) and (not block.text or block.text.isspace())


# --- The system prompt ---------------------------------------------------------------


def _with_system_in_front(
    system: tuple[Text, ...], turns: Sequence[Turn], note: _Notes
) -> tuple[tuple[Text, ...], list[Turn]]:
    """The system messages that come first become the prompt; later ones keep place."""
    leading = list(takewhile(lambda turn: turn.role == "system", turns))
    blocks = [block for turn in leading for block in turn.blocks]
    prompt = (*system, *(block for block in blocks if isinstance(block, Text)))
    shown = tuple(block for block in blocks if not isinstance(block, Text))
    said = [Turn("user", shown)] if shown else []
    for turn in turns[len(leading) :]:
        if turn.role == "system":
            note("a later system message stays in its place, labelled")
            said.append(Turn("user", tuple(labelled("system", turn.blocks))))
        else:
            said.append(turn)
    if said or not prompt:
        return prompt, said
    note("nothing but a system message: it is said by the user")
    return (), [Turn("user", prompt)]


# --- What is legal -------------------------------------------------------------------

_SAID_BY_ANYBODY = frozenset({Text, Media, Opaque})
_SAID_BY_A_MODEL = frozenset({Text, Thinking, ToolUse, Opaque})


def _as_they_stand(turns: Sequence[Turn], note: _Notes) -> list[Turn] | None:
    """The turns, results in a row as one; `None` if there is more to be repaired.

    Most conversations need no more than this look at each of their turns.
    """
    said: list[Turn] = []
    calls: list[str] = []
    joined = False
    for is_answer, run in groupby(turns, _is_answer):
        if is_answer:
            answer, *more = run
            if not _are_legal_answers([answer, *more], calls):
                return None
            joined = joined or bool(more)
            said.append(_joined(answer, more))
            calls = []
            continue
        last: object = None
        for turn in run:
            if calls or turn.role == last or not _is_legal(turn):
                return None
            said.append(turn)
            last = turn.role if turn.role in _MERGING else None
            calls = [block.id for block in turn.blocks if isinstance(block, ToolUse)]
    if calls:
        return None
    if joined:
        note(_ALONE)
    return said


def _is_answer(turn: Turn) -> bool:
    return isinstance(turn.blocks[0], ToolResult)


def _is_legal(turn: Turn) -> bool:
    """Whether it holds nothing that another would have to hold."""
    is_reply = turn.role == "assistant"
    allowed = _SAID_BY_A_MODEL if is_reply else _SAID_BY_ANYBODY
    return allowed.issuperset(map(type, turn.blocks))


def _are_legal_answers(turns: Sequence[Turn], calls: Sequence[str]) -> bool:
    """Whether they are the results of these calls, in their order, and all legal."""
    blocks = [block for turn in turns for block in turn.blocks]
    results = [block for block in blocks if isinstance(block, ToolResult)]
    return (
        len(results) == len(blocks)
        and [result.tool_use_id for result in results] == calls
        and len(set(calls)) == len(calls)
        and all(map(_LEGAL_ID.fullmatch, calls))
        and all(turn.role == "user" for turn in turns)
        and all(_is_whole(result.content) for result in results)
    )


def _is_whole(content: str | tuple[Block, ...]) -> bool:
    """Whether all of it says something, and can stand in a result."""
    if isinstance(content, str):
        return not is_blank(Text(content))
    return bool(content) and all(
        _fits_in_result(block) and not is_blank(block) for block in content
    )


def _joined(first: Turn, more: Sequence[Turn]) -> Turn:
    if not more:
        return first
    blocks = (block for turn in (first, *more) for block in turn.blocks)
    return Turn(first.role, tuple(blocks))


# --- Calls and results ---------------------------------------------------------------


class _Pairs:
    """Which result answers which call.

    A result belongs to the nearest call of its id before it, or else to the next one
    after it. Of several, the newest counts.

    Attributes:
        answers: The result of a call, by the call's place.
        counted: The places of those results.
        newer: What counts instead, by the place of an older result.
        copies: The places of calls that stand twice in one turn.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.answers: dict[Place, ToolResult] = {}
        self.counted: set[Place] = set()
        self.newer: dict[Place, ToolResult] = {}
        self.copies: set[Place] = set()
        self._calls: dict[Key, list[tuple[Place, ToolUse]]] = defaultdict(list)
        self._results: dict[Key, list[tuple[Place, ToolResult]]] = defaultdict(list)
        self._made: dict[Key, set[str]] = {}
        self._sort(turns)
        for key, calls in self._calls.items():
            self._pair([place for place, _ in calls], self._results[key])

    def _sort(self, turns: Sequence[Turn]) -> None:
        latest: dict[str, Key] = {}
        early: dict[str, list[tuple[Place, ToolResult]]] = defaultdict(list)
        for number, turn in enumerate(turns):
            for position, block in enumerate(turn.blocks):
                place = number, position
                if isinstance(block, ToolResult):
                    id = block.tool_use_id
                    known = self._results[latest[id]] if id in latest else early[id]
                    known.append((place, block))
                elif isinstance(block, ToolUse) and turn.role == "assistant":
                    key = latest[block.id] = number, block.id
                    self._results[key] += early.pop(block.id, ())
                    if self._is_copy(key, block):
                        self.copies.add(place)
                    else:
                        self._calls[key].append((place, block))

    def _is_copy(self, key: Key, call: ToolUse) -> bool:
        """Whether the turn has this very call already."""
        calls = self._calls[key]
        if not call.id or not calls:
            return False
        if key not in self._made:
            self._made[key] = {_written(each) for _, each in calls}
        made = self._made[key]
        known = len(made)
        made.add(_written(call))
        return len(made) == known

    def _pair(
        self, calls: list[Place], results: list[tuple[Place, ToolResult]]
    ) -> None:
        older, newest = results[: -len(calls)], results[-len(calls) :]
        for call, (place, result) in zip(calls, newest, strict=False):
            self.answers[call] = result
            self.counted.add(place)
        self.newer.update((place, newest[-1][1]) for place, _ in older)


def _written(call: ToolUse) -> str:
    # As JSON, since 1 and true are equal in Python.
    return f"{call.name}({dumped(call.input)})"


def _with_results_behind_calls(turns: Sequence[Turn], note: _Notes) -> Iterator[Turn]:
    """Each result right behind its call, and nothing else there."""
    pairs = _Pairs(turns)
    if pairs.copies:
        note("a call that stands twice in one turn is made once")
    for number, turn in enumerate(turns):
        here = [
            ((number, position), block)
            for position, block in enumerate(turn.blocks)
            if (number, position) not in pairs.copies
        ]
        if turn.role == "assistant":
            following = turns[number + 1] if number + 1 < len(turns) else None
            yield from _reply(turn, here, pairs, following, note)
        elif said := tuple(_in_place(here, pairs, note)):
            yield replace(turn, blocks=said)


def _reply(
    turn: Turn,
    here: list[tuple[Place, Block]],
    pairs: _Pairs,
    following: Turn | None,
    note: _Notes,
) -> Iterator[Turn]:
    """The model's turn; its calls' results; and what it cannot hold itself."""
    spoken: list[Block] = []
    results: list[ToolResult] = []
    aside: list[Block] = []
    ids: Counter[str] = Counter()
    for place, block in here:
        match block:
            case ToolUse():
                call = _distinct(block, ids, note)
                result, rest = _result(call, pairs.answers.get(place), note)
                spoken.append(call)
                results.append(result)
                aside += rest
            case ToolResult():
                aside += _in_place([(place, block)], pairs, note)
            case Media():
                note("what the model showed is shown by the user, labelled")
                aside += labelled("message", [block], role="assistant")
            case _:
                spoken.append(block)
    if not all(is_blank(block) for block in spoken):
        yield replace(turn, blocks=tuple(spoken))
    if results:
        answer = Turn("user", tuple(results))
        if answer != following:
            note(_ALONE)
        yield answer
    if aside:
        yield Turn("user", tuple(aside))


def _distinct(call: ToolUse, ids: Counter[str], note: _Notes) -> ToolUse:
    """The call, by another id if the turn has one of its id already."""
    ids[call.id] += 1
    if ids[call.id] == 1:
        return call
    note("calls of one id in one turn get an id each")
    # An id that nobody gives; it is made legal later.
    return replace(call, id=f"{call.id}\0{ids[call.id]}")


def _result(
    call: ToolUse, found: ToolResult | None, note: _Notes
) -> tuple[ToolResult, list[Block]]:
    """What answers a call, and what of it a result cannot hold."""
    if found is None:
        note("a call without a result gets one that says so")
        return ToolResult(call.id, _NO_RESULT, is_error=True, name=call.name), []
    result = (
        found if found.tool_use_id == call.id else replace(found, tool_use_id=call.id)
    )
    content = result.content
    if isinstance(content, str):
        if content.strip():
            return result, []
        note("an empty result says that it is empty")
        return replace(result, content=_NO_OUTPUT), []
    said = tuple(block for block in content if not is_blank(block))
    kept = tuple(block for block in said if _fits_in_result(block))
    rest = [block for block in said if not _fits_in_result(block)]
    if rest:
        note("a video in a result follows in a message of its own")
        kept += (Text(_CONTINUED),)
        rest = list(labelled("tool_result", rest, **_attributes(found)))
    if not kept:
        note("an empty result says that it is empty")
        return replace(result, content=_NO_OUTPUT), []
    return (result if kept == content else replace(result, content=kept)), rest


def _fits_in_result(block: Block) -> bool:
    # A result holds text and images (official OpenAPI, summer 2026).
    return isinstance(block, Text) or (
        isinstance(block, Media) and block.kind == "image"
    )


def _in_place(
    here: Iterable[tuple[Place, Block]], pairs: _Pairs, note: _Notes
) -> Iterator[Block]:
    """What people say, where they say it; what only a model can say, as text."""
    for place, block in here:
        match block:
            case ToolResult() if place in pairs.counted:
                pass
            case ToolResult() if place in pairs.newer:
                note("a result that a newer one replaced becomes text")
                if block.content != pairs.newer[place].content:
                    yield from _readable(block, superseded="true")
            case ToolResult():
                note("a result without a call becomes text")
                yield from _readable(block)
            case ToolUse(id, name, input):
                note("a call that no model made becomes text")
                arguments = Text(dumped(input))
                yield from labelled("tool_call", [arguments], id=id, name=name)
            case Thinking(thinking):
                note("a thought that no model had becomes text")
                said = [Text(thinking)] if thinking.strip() else []
                yield from labelled("thinking", said)
            case _:
                yield block


def _readable(result: ToolResult, **attributes: str) -> Iterator[Block]:
    content = result.content
    blocks = (Text(content),) if isinstance(content, str) else content
    said = [block for block in blocks if not is_blank(block)]
    return labelled("tool_result", said, **_attributes(result), **attributes)


def _attributes(result: ToolResult) -> dict[str, str]:
    name = {"name": result.name} if result.name else {}
    status = {"status": "error"} if result.is_error else {}
    return {"id": result.tool_use_id, **name, **status}


# --- Turns of one role ---------------------------------------------------------------


def _merged(turns: Iterable[Turn], note: _Notes) -> Iterator[Turn]:
    """Turns of one role in a row as one; results stay alone, and so does role play."""
    for _, run in groupby(turns, _merges_with):
        first, *others = run
        if others:
            note("turns of one role in a row become one")
        yield _joined(first, others)


def _merges_with(turn: Turn) -> object:
    is_alone = _is_answer(turn) or turn.role not in _MERGING
    return object() if is_alone else turn.role


_MERGING = ("user", "assistant")


# --- Ids -----------------------------------------------------------------------------


def _with_legal_ids(turns: list[Turn], note: _Notes) -> list[Turn]:
    """Other providers' ids as ones that MiniMax takes, one for one.

    An id becomes the same one in every request, so that caches keep hitting.
    """
    ids = {
        id: None
        for turn in turns
        for block in turn.blocks
        if (id := _id(block)) is not None
    }
    illegal = [id for id in ids if not _LEGAL_ID.fullmatch(id)]
    if not illegal:
        return turns
    note("ids of other providers are made legal")
    legal: dict[str, str] = {}
    taken = ids.keys() - illegal
    for id in illegal:
        legal[id] = _legal_id(id, taken)
        taken.add(legal[id])
    return [
        replace(turn, blocks=tuple(_renamed(block, legal) for block in turn.blocks))
        for turn in turns
    ]


def _id(block: Block) -> str | None:
    match block:
        case ToolUse(id) | ToolResult(id):
            return id
        case _:
            return None


def _legal_id(id: str, taken: set[str]) -> str:
    clean = _ILLEGAL.sub("_", id)[:40].strip("_") or "call"
    salt = id
    while True:
        digest = sha256(salt.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        legal = f"{clean}_{digest}"
        if legal not in taken:
            return legal
        salt += "+"


def _renamed(block: Block, legal: dict[str, str]) -> Block:
    match block:
        case ToolUse(id) if id in legal:
            return replace(block, id=legal[id])
        case ToolResult(id) if id in legal:
            return replace(block, tool_use_id=legal[id])
        case _:
            return block
