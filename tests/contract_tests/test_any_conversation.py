"""Any conversation that LangChain can hold is accepted, and nothing of it is lost.

The oracle knows the rules (docs, "any conversation"), and nothing of how they are
kept: it reads what was sent, and compares it with what the writer of the thread knows.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)

from langchain_minimax import ChatMiniMax
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._repair import repair
from langchain_minimax.errors import MiniMaxInvalidRequestError
from langchain_minimax.testing import Emulator, RecordedRequest
from support.sent import CHAT, as_sent, body_of, spelled_out, system_as_sent
from support.threads import (
    TOKEN,
    Call,
    Gone,
    Json,
    Legal,
    Media,
    Open,
    Result,
    Said,
    Text,
    Thought,
    Thread,
    any_threads,
    legal_threads,
    mended,
)

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "75"))  # of each protocol

many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

NO_OUTPUT = "(no output)"
LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
OPENING = re.compile(r"<(system|tool_result|message)(\s.*)?>", re.DOTALL)
CLOSING = re.compile(r"</(system|tool_result|message)>")


# --- A model and its server ----------------------------------------------------------


@dataclass
class Line:
    """A live connection, used over and over."""

    server: Emulator = field(repr=False)
    model: ChatMiniMax = field(repr=False)
    loop: asyncio.AbstractEventLoop = field(repr=False)

    def ask(self, way: str, messages: list[BaseMessage]) -> RecordedRequest:
        self.server.clear()
        if way == "stream":
            list(self.model.stream(messages))
        elif way == "ainvoke":
            self.loop.run_until_complete(self.model.ainvoke(messages))
        else:
            self.model.invoke(messages)
        (request,) = self.server.requests
        return request


@pytest.fixture(scope="module", params=["anthropic", "openai"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    loop = asyncio.new_event_loop()
    with Emulator() as server:
        model = ChatMiniMax(
            model="MiniMax-M3",
            protocol=request.param,
            api_key=server.api_key,
            base_url=server.base_url,
            max_retries=0,
        )
        yield Line(server, model, loop)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


# --- What was sent -------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """A text or a medium of a request, and where it stands."""

    what: str | Media
    role: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Use:
    """A `tool_use` of a request."""

    turn: int
    id: str
    name: str = field(compare=False)
    input: Any = field(compare=False)


@dataclass
class Sent:
    """A request, taken apart.

    Over Chat Completions the texts of a reply run together, as do those of the prompt
    and, where there is nothing else to replay, thoughts.
    """

    run_together: bool = False
    pieces: list[Piece] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    results: dict[tuple[int, str], Json] = field(default_factory=dict)


def read(request: RecordedRequest) -> Sent:
    body = body_of(request)
    sent = Sent(run_together=request.path == CHAT)
    sent.pieces += [Piece(block["text"], "system") for block in body["system"]]
    for index, turn in enumerate(body["messages"]):
        labels: list[str] = []
        for block in turn["content"]:
            _read_block(sent, index, turn["role"], block, labels)
        assert not labels, f"a label is not closed in its turn: {labels}"
    return sent


def _read_block(
    sent: Sent, index: int, role: str, block: Json, labels: list[str]
) -> None:
    match block["type"]:
        case "text":
            text = block["text"]
            if role == "user" and OPENING.fullmatch(text):
                labels.append(text)
            elif role == "user" and CLOSING.fullmatch(text):
                assert OPENING.fullmatch(labels.pop())[1] == text[2:-1]
            else:
                sent.pieces.append(Piece(text, role, tuple(labels)))
        case "image" | "video":
            sent.pieces.append(Piece(medium(block), role, tuple(labels)))
        case "thinking":
            sent.thoughts.append(block["thinking"])
        case "tool_use":
            use = Use(index, block["id"], block["name"], block["input"])
            sent.uses.append(use)
        case "tool_result":
            sent.results[index - 1, block["tool_use_id"]] = block


def medium(block: Json) -> Media:
    source = block["source"]
    return Media(block["type"], source.get("url") or source["data"])


def tokens(value: Any) -> list[str]:
    return TOKEN.findall(json.dumps(value))


# --- What was to be sent -------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """A result that answers this use."""

    use: Use


ORPHAN, SUPERSEDED, VANISHED, OPEN = "orphan", "superseded", "vanished", "open"
Fate = Held | str
Place = tuple[int, int]


class Oracle:
    """Says what becomes of a thread, and checks that it did."""

    def __init__(self, thread: Thread, sent: Sent) -> None:
        self.thread = thread
        self.sent = sent
        self.parts = [
            ((i, j), said, part)
            for i, said in enumerate(thread)
            for j, part in enumerate(said.parts)
        ]
        self.calls = [(p, c) for p, _, c in self.parts if isinstance(c, Call)]
        self.uses = self._uses()
        self.fates = self._fates()

    # Calls

    def _uses(self) -> dict[Place, Use | None]:
        """The use of each call; `None` where the rules leave it open."""
        places: dict[str, list[Place]] = defaultdict(list)
        for place, call in self.calls:
            places[call.token].append(place)
        found: dict[str, list[Use]] = defaultdict(list)
        for use in self.sent.uses:
            for token in tokens([use.name, use.input])[:1]:
                found[token].append(use)
        uses: dict[Place, Use | None] = dict.fromkeys(places.pop("", []))
        for token, where in places.items():
            there = found[token]
            assert there, f"the call {token} is lost"
            assert len(there) <= len(where), f"the call {token} is sent twice"
            if len(there) == len(where):
                uses |= dict(zip(where, there, strict=True))
            else:
                uses |= dict.fromkeys(where, there[0] if len(there) == 1 else None)
        return uses

    def check_calls(self) -> None:
        for place, call in self.calls:
            use = self.uses[place]
            if use is None:
                continue
            assert use.name == mended(call.name) if call.name else use.name.strip()
            if call.input is not None:
                assert use.input == call.input, "the input of a call changed"
        self._check_order_of_calls()

    def _check_order_of_calls(self) -> None:
        often = Counter(call.token for _, call in self.calls)
        once = [(p, c) for p, c in self.calls if often[c.token] == 1 and c.token]
        once.sort(key=lambda each: (each[0][0], int(each[1].token[1:-1])))
        rank = {use: at for at, use in enumerate(self.sent.uses)}
        at = {place: rank[use] for place, use in self.uses.items() if use}
        # Within one message its content and its list of calls may disagree.
        by_message = sorted((at[p], p[0]) for p, _ in once if p in at)
        messages = [message for _, message in by_message]
        assert messages == sorted(messages), "calls are out of order"

    def check_ids(self) -> None:
        originals: dict[str, set[Any]] = defaultdict(set)
        firsts: dict[str, set[str]] = defaultdict(set)
        seen: set[tuple[int, str]] = set()
        rank = {use: at for at, use in enumerate(self.sent.uses)}
        sent_calls = [(u, p, c) for p, c in self.calls if (u := self.uses[p])]
        for use, place, call in sorted(sent_calls, key=lambda each: rank[each[0]]):
            assert LEGAL_ID.fullmatch(use.id)
            if call.id is None:
                originals[use.id].add(place if call.legacy else None)
                continue
            originals[use.id].add(call.id)
            if (use.turn, call.id) not in seen:
                seen.add((use.turn, call.id))
                firsts[call.id].add(use.id)
        for id, mapped in firsts.items():
            assert len(mapped) == 1, f"the id {id!r} has become {mapped}"
            if LEGAL_ID.fullmatch(id):
                assert mapped == {id}, "a legal id was changed"
        for sent_id, several in originals.items():
            legacy = sum(isinstance(each, tuple) for each in several)
            assert len(several) - legacy <= 1, f"{several} have become {sent_id}"

    def ids(self) -> dict[str, list[str]]:
        """The ids sent for each call, by its token."""
        ids: dict[str, list[str]] = defaultdict(list)
        for place, call in self.calls:
            use = self.uses[place]
            if use is not None:
                ids[call.token].append(use.id)
        return ids

    # Results

    def _fates(self) -> dict[Place, Fate]:
        fates: dict[Place, Fate] = {}
        claims: dict[tuple[int, str], list[Place]] = defaultdict(list)
        for place, _, part in self.parts:
            match part:
                case Result(id=None):
                    fates[place] = self._legacy_fate(place, part)
                case Result(id=id):
                    claimed = self._claimed(place, id)
                    if claimed in (ORPHAN, OPEN):
                        fates[place] = claimed
                    else:
                        claims[claimed.turn, id].append(place)
        for (turn, id), places in claims.items():
            fates |= self._settled(turn, id, places)
        return fates

    def _claimed(self, place: Place, id: str) -> Use | str:
        calls = [p for p, c in self.calls if c.id == id and not c.legacy]
        if not calls:
            return ORPHAN
        if any(self.uses[call] is None for call in calls):
            return OPEN
        before = [call for call in calls if call < place]
        return self.uses[before[-1] if before else calls[0]] or OPEN

    def _settled(self, turn: int, id: str, places: list[Place]) -> dict[Place, Fate]:
        """Which of the results of one id that belong to one turn answers which call."""
        its = {self.uses[place] for place, call in self.calls if call.id == id}
        uses = [use for use in self.sent.uses if use in its and use.turn == turn]
        results = [self._part(place) for place in places]
        distinct = len({repr(result) for result in results}) == len(results)
        if len(uses) > 1:
            if not distinct or len(results) > len(uses):
                return dict.fromkeys(places, OPEN)
            return {p: Held(u) for p, u in zip(places, uses, strict=False)}
        fates: dict[Place, Fate] = {places[-1]: Held(uses[0])}
        for at, place in enumerate(places[:-1]):
            if results[at] == results[-1]:
                fates[place] = VANISHED
            elif results.count(results[at]) > 1:
                fates[place] = OPEN
            else:
                fates[place] = SUPERSEDED
        return fates

    def _legacy_fate(self, place: Place, result: Result) -> Fate:
        """Open, but for a function's result right behind its only call."""
        same = [p for p, c in self.calls if c.name == result.name]
        results = [p for p, _, r in self.parts if isinstance(r, Result)]
        again = [p for p in results if self._part(p).name == result.name]
        if not same and not again[1:]:
            return ORPHAN
        if [p[0] for p in same] == [place[0] - 1] and len(again) == 1:
            use = self.uses[same[0]]
            legacy = self._part(same[0]).legacy
            return Held(use) if use and legacy else OPEN
        return OPEN

    def _part(self, place: Place) -> Any:
        return self.thread[place[0]].parts[place[1]]

    def check_results(self) -> None:
        held = {f.use: p for p, f in self.fates.items() if isinstance(f, Held)}
        doubtful = {self._part(p).id for p, f in self.fates.items() if f == OPEN}
        sure = {use: place for place, use in self.uses.items() if use}
        for use, place in sure.items():
            block = self.sent.results[use.turn, use.id]
            if use in held:
                self._check_result(block, self._part(held[use]))
            elif self._part(place).id not in doubtful and None not in doubtful:
                assert block.get("is_error") is True, "a result came from nowhere"
                assert not tokens(block), "a result came from nowhere"

    def _check_result(self, block: Json, result: Result) -> None:
        assert bool(block.get("is_error")) is result.error
        wanted = [p for p in shown(result.parts) if not is_video(p)]
        got: list[Any] = [
            inner["text"] if inner["type"] == "text" else medium(inner)
            for inner in block["content"]
        ]
        if wanted != shown(result.parts) and len(got) > len(wanted):
            assert not tokens(got.pop())  # where the video went
        elif not wanted:
            assert got == [NO_OUTPUT], "an empty result is not told as such"
            return
        assert same(wanted, got), "a result is not what the tool gave"

    # What was spoken

    def check_spoken(self) -> None:
        wanted = [
            (part, said, place, fate)
            for place, said, whole in self.parts
            for part, fate in self._spoken(place, whole)
        ]
        loose = self._loose()
        got = [
            piece
            for piece in self.sent.pieces
            if not (
                piece.what in loose
                if isinstance(piece.what, Media)
                else not piece.what.strip()
                or piece.what == NO_OUTPUT
                or loose & set(TOKEN.findall(piece.what))
            )
        ]
        wanted = [each for each in wanted if not (loose & marks(each[0]))]
        # A picture may have to move to a turn that can hold it; it is never lost.
        shown = [each[0] for each in wanted if isinstance(each[0], Media)]
        assert all(each in [piece.what for piece in got] for each in shown)
        wanted = [each for each in wanted if not isinstance(each[0], Media)]
        got = [piece for piece in got if not isinstance(piece.what, Media)]
        texts = [each[0] for each in wanted]
        if self.sent.run_together:
            got = list(taken_apart(got, texts))
        assert same(texts, [piece.what for piece in got]), (
            f"said {texts}, sent {[piece.what for piece in got]}"
        )
        for (_, said, place, fate), piece in zip(wanted, got, strict=True):
            self._check_place(said, place, fate, piece)

    def _spoken(self, place: Place, part: Any) -> Iterator[tuple[Text | Media, str]]:
        match part:
            case Text() | Media():
                yield from ((each, "") for each in shown((part,)))
            case Result():
                fate = self.fates[place]
                if fate in (ORPHAN, SUPERSEDED):
                    yield from ((each, fate) for each in shown(part.parts))

    def _loose(self) -> set[Any]:
        """Media and tokens that may stand anywhere."""
        loose: set[Any] = set()
        for place, said, part in self.parts:
            match part:
                case Media() if said.who == "assistant" or self._leads(place):
                    loose.add(part)
                case Result():
                    media = {p for p in part.parts if isinstance(p, Media)}
                    loose |= media
                    if self.fates[place] == OPEN:
                        loose |= {m for p in part.parts for m in marks(p)}
                case Open():
                    loose.add(part.token)
        return loose

    def _leads(self, place: Place) -> bool:
        before = self.thread[: place[0] + 1]
        return all(said.who == "system" for said in before)

    def _check_place(self, said: Said, place: Place, fate: str, piece: Piece) -> None:
        label = piece.labels[-1] if piece.labels else ""
        if fate:
            assert piece.role == "user"
            assert label.startswith("<tool_result "), "an orphan is not labelled"
            assert ('superseded="true"' in label) is (fate == SUPERSEDED)
            return
        match said.who:
            case "system":
                self._check_system(place, piece)
            case "user":
                assert (piece.role, label) == ("user", "")
            case "assistant":
                assert (piece.role, label) == ("assistant", "")
            case "play":
                assert (piece.role, label) == (said.role, "")
            case "other":
                assert piece.role == "user"
                assert label.startswith("<message role="), "a role is not told"

    def _check_system(self, place: Place, piece: Piece) -> None:
        label = piece.labels[-1] if piece.labels else ""
        where = piece.role, label
        others = any(
            said.who != "system" and self._is_definite(said) for said in self.thread
        )
        earlier = self.thread[: place[0]]
        if self._leads(place) and others:
            assert where == ("system", ""), "a leading system message is not in front"
        elif any(s.who != "system" and self._is_definite(s) for s in earlier):
            assert where == ("user", "<system>"), "a late system message is not told"
        else:
            assert where in (("system", ""), ("user", ""), ("user", "<system>"))

    @staticmethod
    def _is_definite(said: Said) -> bool:
        return any(
            isinstance(part, (Media, Call))
            or (isinstance(part, Text) and part.text.strip())
            for part in said.parts
        )

    # Thinking, media, and what is to be gone

    def check_thinking(self) -> None:
        own = [p.text for _, _, p in self.parts if isinstance(p, Thought) and p.own]
        thoughts = self.sent.thoughts
        if self.sent.run_together:
            left = deque(map(Text, own))
            thoughts = [text for each in thoughts for text in _apart(each, left)]
        assert thoughts == own, "own thinking is not as it was"

    def check_media(self) -> None:
        inside = [
            Piece(medium(inner), "user", ("<tool_result>",))
            for block in self.sent.results.values()
            for inner in block["content"]
            if inner["type"] != "text"
        ]
        everywhere = [*self.sent.pieces, *inside]
        for _, said, part in self.parts:
            for wanted in shown(part.parts if isinstance(part, Result) else (part,)):
                if not isinstance(wanted, Media):
                    continue
                found = [piece for piece in everywhere if piece.what == wanted]
                assert found, f"{wanted} is lost"
                if isinstance(part, Result):
                    assert all(f.labels[-1:] for f in found), f"{wanted} has no label"
                    assert all(f.labels[-1].startswith("<tool_result") for f in found)
                elif said.who == "assistant":
                    label = ('<message role="assistant">',)
                    assert all(f.labels[-1:] == label for f in found)

    def check_gone(self, raw: bytes) -> None:
        sent = set(TOKEN.findall(raw.decode()))
        for _, _, part in self.parts:
            match part:
                case Gone(token):
                    assert token not in sent, "a removed call came back"
                case Thought(text, own=False):
                    assert not sent & set(TOKEN.findall(text)), "foreign thinking"
                case Result():
                    for token in (m for p in part.parts for m in marks(p)):
                        assert isinstance(token, Media) or token in sent, "lost"


def is_video(part: Text | Media) -> bool:
    return isinstance(part, Media) and part.kind == "video"


def shown(parts: Sequence[Any]) -> list[Text | Media]:
    """The texts and media that are not blank."""
    return [
        part
        for part in parts
        if isinstance(part, Media) or (isinstance(part, Text) and part.text.strip())
    ]


def marks(part: Text | Media) -> set[Any]:
    """What a part is recognised by."""
    return {part} if isinstance(part, Media) else set(TOKEN.findall(part.text))


def same(wanted: Sequence[Text | Media], got: Sequence[str | Media]) -> bool:
    return len(wanted) == len(got) and all(
        fits(part, piece) for part, piece in zip(wanted, got, strict=True)
    )


def fits(part: Text | Media, piece: str | Media) -> bool:
    if isinstance(part, Media) or isinstance(piece, Media):
        return part == piece
    return part.text == piece if part.exact else part.text in piece


def taken_apart(
    got: Sequence[Piece], wanted: Sequence[Text | Media]
) -> Iterator[Piece]:
    """The pieces, each text that ran into another one by itself."""
    left = deque(part for part in wanted if isinstance(part, Text))
    for piece in got:
        if piece.role in ("system", "assistant") and isinstance(piece.what, str):
            for text in _apart(piece.what, left):
                yield replace(piece, what=text)
        else:
            yield piece
            if left:
                left.popleft()


def _apart(whole: str, left: deque[Text]) -> Iterator[str]:
    """What a text is made of: as many as there are of those that are left."""
    while left and whole.strip():
        before, found, after = whole.partition(left[0].text)
        if not found or (before.strip() and left[0].exact):
            break
        if before.strip():  # it is told as JSON
            found, _, after = whole.lstrip().partition("\n\n")
        yield found
        whole = after
        left.popleft()
    if whole.strip():
        yield whole


# --- What a thread is worth ----------------------------------------------------------


def left_of(thread: Thread) -> str:
    """Whether something of the thread is sure to be sent: "yes", "no" or "perhaps"."""
    parts = [part for said in thread for part in said.parts]
    if any(
        isinstance(part, (Call, Media))
        or (isinstance(part, Text) and part.text.strip())
        or (isinstance(part, Result) and shown(part.parts))
        for part in parts
    ):
        return "yes"
    perhaps = any(
        isinstance(part, (Result, Open)) or (isinstance(part, Thought) and part.own)
        for part in parts
    )
    return "perhaps" if perhaps else "no"


def check_turns(body: Json) -> None:
    """Turns of one side are one turn, and results stand alone, in order."""
    turns = body["messages"]
    kinds = [{block["type"] for block in turn["content"]} for turn in turns]
    for (before, its), (after, _) in pairwise(zip(turns, kinds, strict=True)):
        if before["role"] == after["role"] and before["role"] in ("user", "assistant"):
            assert its == {"tool_result"}, "two turns of one side stand in a row"
    for (before, _), (after, its) in pairwise(zip(turns, kinds, strict=True)):
        calls = [b["id"] for b in before["content"] if b["type"] == "tool_use"]
        if calls:
            assert its == {"tool_result"}
            assert [b["tool_use_id"] for b in after["content"]] == calls, (
                "results are out of order"
            )


def as_code(messages: Sequence[BaseMessage]) -> str:
    """The messages as one would write them."""
    return "[\n" + "".join(f"    {_code(message)},\n" for message in messages) + "]"


def _code(message: BaseMessage) -> str:
    fields: dict[str, Any] = {
        key: value
        for key, value in message
        if value and key not in ("content", "type", "tool_call_chunks")
    }
    fields = {k: v for k, v in fields.items() if (k, v) != ("status", "success")}
    told = "".join(f", {key}={value!r}" for key, value in fields.items())
    return f"{type(message).__name__}({message.content!r}{told})"


# --- The properties ------------------------------------------------------------------

ANSWERED = [
    AIMessage(
        "And then?",
        tool_calls=[{"name": "later", "args": {"q": "later"}, "id": "call_later"}],
    ),
    ToolMessage("Later.", tool_call_id="call_later"),
]
SPOKEN = [HumanMessage("And then?"), AIMessage("Nothing.")]


@pytest.mark.filterwarnings("ignore:MiniMax knows no part")
@many
@given(
    thread=any_threads(),
    way=st.sampled_from(["invoke", "invoke", "stream", "ainvoke"]),
    more=st.sampled_from([ANSWERED, SPOKEN]),
)
def test_any_conversation_is_accepted(
    line: Line, thread: Thread, way: str, more: list[BaseMessage]
) -> None:
    messages = [said.message for said in thread]
    note(as_code(messages))
    before = copy.deepcopy(messages)
    left = left_of(thread)
    request, error = _try(line, messages)
    if request is None:
        assert left != "yes", error
        assert not line.server.requests, "refused by the server"
        assert messages == before
        return
    assert left != "no", "nothing is left of this conversation, and it was sent"
    assert messages == before, "the caller's messages were touched"
    assert request.stray_keys == []
    check(thread, request)
    _check_twice(messages)
    _check_way(line, way, messages, request)
    _check_later(line, thread, request, more)
    assert messages == before, "the caller's messages were touched"


def _try(line: Line, messages: list[BaseMessage]) -> tuple[RecordedRequest | None, str]:
    try:
        return line.ask("invoke", messages), ""
    except MiniMaxInvalidRequestError as error:
        return None, str(error)


def check(thread: Thread, request: RecordedRequest) -> None:
    """All that the rules say of one request."""
    body = body_of(request)
    note("\n".join(["sent:", str(body.get("system")), *map(str, body["messages"])]))
    check_turns(body)
    oracle = Oracle(thread, read(request))
    oracle.check_calls()
    oracle.check_ids()
    oracle.check_results()
    oracle.check_spoken()
    oracle.check_thinking()
    oracle.check_media()
    oracle.check_gone(request.raw)


def _check_twice(messages: list[BaseMessage]) -> None:
    once = repair(to_conversation(messages))
    assert repair(once) == once, "what is repaired is repaired again"


def _check_way(
    line: Line, way: str, messages: list[BaseMessage], request: RecordedRequest
) -> None:
    if way == "invoke":
        return
    raw = line.ask(way, messages).raw
    if way == "stream":
        raw = re.sub(rb'("stream": ?)true', rb"\1false", raw)
        raw = re.sub(rb', ?"stream_options": ?{[^}]*}', b"", raw)
    assert raw == request.raw, f"{way} sends something else than invoke"


def _check_later(
    line: Line, thread: Thread, request: RecordedRequest, more: list[BaseMessage]
) -> None:
    """Later in the same thread, the ids are the same."""
    messages = [said.message for said in thread]
    later = line.ask("invoke", [*messages, *more])
    now, then = (Oracle(thread, read(each)) for each in (request, later))
    assert now.ids() == then.ids(), "ids changed when the thread went on"


@many
@given(legal=legal_threads())
def test_a_legal_thread_is_sent_as_it_is(line: Line, legal: Legal) -> None:
    note(as_code(legal.messages))
    before = copy.deepcopy(legal.messages)

    request = line.ask("invoke", legal.messages)

    body, protocol = body_of(request), line.model.protocol
    assert legal.messages == before
    assert body["system"] == system_as_sent(protocol, legal.system)
    assert body["messages"] == as_sent(protocol, legal.turns)
    conversation = repair(to_conversation(legal.messages))
    assert not re.search(r"</?(system|tool_result|message)\b", repr(conversation))


@pytest.mark.parametrize("said", ["", " ", "\n", [{"type": "text", "text": " "}]])
def test_a_thought_beside_which_nothing_is_said(line: Line, said: Any) -> None:
    """A message without content is refused as empty; the thought is sent after all."""
    thought = {"type": "thinking", "thinking": "Hm."}
    reply = AIMessage(said, additional_kwargs={"thinking_blocks": [thought]})
    request = line.ask("invoke", [HumanMessage("Hello"), reply, HumanMessage("Yes?")])

    _, message, _ = request.body["messages"]
    assert any(
        part.get("text", "Hm.").strip() for part in spelled_out(message["content"])
    )
    assert read(request).thoughts == ["Hm."]


def test_an_id_that_another_one_is_mapped_to(line: Line) -> None:
    """Legal ids stay, and still no two ids become one."""
    foreign = _called("functions.get:0")
    (mapped,) = _sent_ids(line, foreign)
    assert LEGAL_ID.fullmatch(mapped)

    assert len(set(_sent_ids(line, foreign, _called(mapped)))) == 2
    assert len(set(_sent_ids(line, _called(mapped), foreign))) == 2


def _called(id: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "get", "args": {"q": id}, "id": id}])


def _sent_ids(line: Line, *messages: AIMessage) -> list[str]:
    answers = [
        ToolMessage("Yes.", tool_call_id=m.tool_calls[0]["id"]) for m in messages
    ]
    thread = [each for pair in zip(messages, answers, strict=True) for each in pair]
    sent = read(line.ask("invoke", thread))
    assert len(sent.uses) == len(messages)
    return [use.id for use in sent.uses]
