"""Text with tool calls written into it in, text and calls out.

At times the server's own parser misses a call, and the model's markup stays in the
text (MiniMax-M2.5 issue #10, 2026-03; MiniMax-M3 issue #31, 2026-08). M2 writes
(its `docs/tool_calling_guide.md`)

    <minimax:tool_call>
    <invoke name="tool"><parameter name="key">value</parameter></invoke>
    </minimax:tool_call>

and M3, with a token of its own before each tag, names a tag after the parameter and
takes lists and objects apart (vLLM's `parser/minimax_m3.py`, SGLang's
`function_call/minimax_m3.py`, both after M3's chat template)

    ]<]minimax[>[<tool_call>
    ]<]minimax[>[<invoke name="tool">]<]minimax[>[<key>value]<]minimax[>[</key>
    ]<]minimax[>[<list>]<]minimax[>[<item>1]<]minimax[>[</item>]<]minimax[>[</list>
    ]<]minimax[>[</invoke>
    ]<]minimax[>[</tool_call>

Values are raw in both: an entity such as `&lt;` is what the model meant to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from langchain_minimax._blocks import Json
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    Started,
    Stopped,
    TextDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Unmet,
)
from langchain_minimax._json import arguments_in, dumped, encoded, object_in
from langchain_minimax._schema import typed

_MARK = "]<]minimax[>["
_GAP = 8  # white space before a call that only sets it apart
_INDENT = 64  # white space between two tags; behind more of it there is no call
_DEPTH = 32  # tags in tags; no schema that a model can follow has more
_FENCE = 3  # backticks or tildes that fence code

# --- Markup --------------------------------------------------------------------------


@dataclass(slots=True)
class _Element:
    """A tag and what stands in it.

    Attributes:
        name: Of a call the tool's, else the parameter's; empty until it is known.
        tag: What closes it.
        start: Where its inside begins.
        text: All of its inside.
        children: The tags in it.
        has_words: Whether there is more than white space besides them.
    """

    name: str
    tag: str = ""
    start: int = 0
    text: str = ""
    children: list[_Element] = field(default_factory=list)
    has_words: bool = False


_M2_INVOKE = re.compile(r'\s*<invoke name="([^"]+)">\s*')
_M2_INVOKED = re.compile(r"</invoke>\s*")
# A value may hold `</parameter>`; MiniMax's own parsers cut it there (vLLM #44060).
# One line break on each side sets it apart, and is not the value's own.
_M2_PARAMETER = re.compile(
    r'<parameter name="([^"]+)">(?:\r?\n)?(.*?)(?:\r?\n)?</parameter>\s*'
    r'(?=<parameter name="|</invoke>)',
    re.DOTALL,
)


def _read_m2(markup: str) -> list[_Element]:
    """The calls in a wrapper, none if they are not as they should be."""
    calls: list[_Element] = []
    end = 0
    while invoke := _M2_INVOKE.match(markup, end):
        call = _Element(invoke[1])
        end = invoke.end()
        while parameter := _M2_PARAMETER.match(markup, end):
            name, text = parameter.groups()
            call.children.append(_Element(name, text=text, has_words=True))
            end = parameter.end()
        invoked = _M2_INVOKED.match(markup, end)
        if not invoked:
            return []
        calls.append(call)
        end = invoked.end()
    return calls if end == len(markup) else []


_M3_TAG = re.compile(
    re.escape(_MARK)
    + r'(?:</(?P<closed>[^<>]+)>|<invoke name="(?P<tool>[^"]+)">|<(?P<key>[^<>]+)>|)'
)


def _read_m3(markup: str) -> list[_Element]:
    """The calls in a wrapper, none if they are not as they should be."""
    root = _Element("")
    path = [root]
    end = 0
    for tag in _M3_TAG.finditer(markup):
        inner = path[-1]
        inner.has_words |= bool(markup[end : tag.start()].strip())
        end = tag.end()
        if closed := tag["closed"]:
            # A first parameter may lack its opening tag: the value stands behind the
            # bare mark (vLLM #51073, M3's FP8 checkpoints).
            if inner is root or inner.tag not in ("", closed):
                return []
            inner.name = inner.name or closed
            inner.text = markup[inner.start : tag.start()]
            path.pop()
            path[-1].children.append(inner)
        elif bool(tag["tool"]) != (inner is root) or len(path) > _DEPTH:
            return []
        elif tag["tool"]:
            path.append(_Element(tag["tool"], "invoke", end))
        else:
            key = tag["key"] or ""
            path.append(_Element(key, key, end))
    is_whole = path == [root] and not markup[end:].strip()
    has_words = any(part.has_words for part in (root, *root.children))
    return root.children if is_whole and not has_words else []


@dataclass(frozen=True, slots=True)
class _Form:
    """How a generation of models writes its calls: one or more in a wrapper."""

    mark: str
    wrapper: str
    read: Callable[[str], list[_Element]]

    @property
    def opening(self) -> str:
        return f"{self.mark}<{self.wrapper}>"

    @property
    def closing(self) -> str:
        return f"{self.mark}</{self.wrapper}>"

    def invoke(self, tool: str) -> str:
        """The tag of a call."""
        return f'{self.mark}<invoke name="{tool}">'


_M2 = _Form("", "minimax:tool_call", _read_m2)
_M3 = _Form(_MARK, "tool_call", _read_m3)
_FORMS = {form.opening: form for form in (_M2, _M3)}


# --- Values --------------------------------------------------------------------------


def _arguments(elements: Iterable[_Element], schema: Json) -> Json:
    """What stands in some tags, by their names; the last of several counts."""
    known = object_in(schema, "properties")
    others = schema.get("additionalProperties")
    return {
        element.name: _value(element, known.get(element.name, others))
        for element in elements
    }


def _value(element: _Element, schema: Any) -> Any:
    """What stands in a tag, as its schema wants it; the text where there is none."""
    if not isinstance(schema, dict):
        return element.text
    for shape in () if element.has_words else _shapes(schema):
        kind = shape.get("type") or ()
        if "string" in kind and not element.children:
            break
        if "array" in kind:
            return [_value(child, shape.get("items")) for child in element.children]
        if "object" in kind:
            return _arguments(element.children, shape)
    return typed(element.text, schema)


def _shapes(schema: Json) -> Iterator[Json]:
    """A schema and what it may be made of."""
    yield schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(keyword) or ():
            if isinstance(choice, dict):
                yield from _shapes(choice)


# --- Text ----------------------------------------------------------------------------


_PIECE = re.compile(r"\n|`+|~+|[^\n`~]+")
# What stands before the text of a line, in lists and in quotations.
_LEADER = re.compile(r"(?:[\s>]|(?:[-*+]|\d{1,9}[.)])(?=\s))*")
_CODE_INDENT = 4
_QUOTES = "\"'\u201c\u2018\u00ab"


class _Surroundings:
    """What the end of a text stands in: amid a line, in a code span, in a fence.

    As CommonMark has it, but a span ends with its line, and a fence may be indented.
    """

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._code = ""  # the backticks or tildes that opened the code that is open
        self._is_fence = self._is_closing = False
        self._line_begun = self._has_words = self._code_leads = False
        self._indent = 0
        self._before = ""

    def hear(self, text: str) -> None:
        """Takes the next piece of the text; it is only read if there is a call."""
        self._unread.append(text)

    def allow(self, form: _Form) -> bool:
        """Whether what stands here next is a call, and not spoken of."""
        for piece in _PIECE.findall("".join(self._unread)):
            if piece == "\n":
                self._end_line()
            elif piece[0] in "`~":
                self._mark_code(piece)
            elif not piece.isspace():
                self._line_begun, self._is_closing = True, False
                self._has_words = self._has_words or not _LEADER.fullmatch(piece)
            elif not self._line_begun:
                self._indent += len(piece.expandtabs(_CODE_INDENT))
            self._before = piece[-1]
        self._unread.clear()
        if self._code and not self._is_closing:
            return False
        # M3's mark is a token of its own: it stands anywhere but in code and quotes.
        if form.mark:
            return self._before not in tuple(_QUOTES)
        return not self._line_begun and self._indent < _CODE_INDENT

    def _mark_code(self, run: str) -> None:
        leads = not self._has_words
        self._line_begun = self._has_words = True
        if self._is_fence:
            self._is_closing = leads and run.startswith(self._code)
        elif self._code == run:
            self._code = ""
        elif not self._code and (run[0] == "`" or (leads and len(run) >= _FENCE)):
            self._code, self._code_leads = run, leads

    def _end_line(self) -> None:
        # What began its line and is open at its end is a fence; a span ends here.
        opens = self._code_leads and len(self._code) >= _FENCE
        self._is_fence = (self._is_fence or opens) and not self._is_closing
        if not self._is_fence:
            self._code = ""
        self._line_begun = self._has_words = self._is_closing = False
        self._indent = 0


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that was found."""

    name: str
    arguments: Json


_OPENING = re.compile("|".join(map(re.escape, _FORMS)))
_BRACKET = re.compile(r"[<\]]")
_STRIDE = 2**16  # characters; what is left of it is copied for each opening in it
_WINDOW = max(map(len, _FORMS)) - 1


class _Splitter:
    """Splits one text, as it comes, at the calls in it.

    Only what may become a call is held back; once it is one, for a declared tool, it is
    held until it is whole, and the first closing tag decides.
    """

    def __init__(self, tools: Mapping[str, Json]) -> None:
        self._tools = tools
        self._read: Callable[[], Iterator[str | _Call]] = self._outside
        self._around = _Surroundings()
        self._form = _M2
        self._held = self._last = ""
        self._kept: list[str] = []

    def feed(self, text: str) -> Iterator[str | _Call]:
        """Takes the next piece of the text."""
        for start in range(0, len(text), _STRIDE):
            self._held += text[start : start + _STRIDE]
            read = None
            while self._held and read != self._read:
                read = self._read
                yield from read()

    def finish(self) -> str:
        """Takes the end of the text; gives what was held: half a call is none."""
        return "".join(self._kept) + self._held

    def _outside(self) -> Iterator[str | _Call]:
        text, heard = self._held, 0
        for opening in _OPENING.finditer(text):
            self._around.hear(text[heard : opening.start()])
            self._form = _FORMS[opening[0]]
            if self._around.allow(self._form):
                self._read = self._opened
                end = _without_gap(text, opening.start())
                break
            self._around.hear(opening[0])
            heard = opening.end()
        else:
            end = _without_gap(text, _unfinished(text, heard))
            self._around.hear(text[heard:end])
        if end:
            yield text[:end]
        self._held = text[end:]

    def _opened(self) -> Iterator[str | _Call]:
        gap, opening, rest = self._held.partition(self._form.opening)
        tag = rest.lstrip()
        tags = tuple(self._form.invoke(tool) for tool in self._tools)
        is_near = len(rest) - len(tag) <= _INDENT
        if is_near and tag.startswith(tags):
            self._read = self._inside
        elif not (is_near and _may_become(tag, tags)):
            self._read, self._held = self._outside, rest
            self._around.hear(opening)
            yield gap + opening

    def _inside(self) -> Iterator[str | _Call]:
        closing = self._form.closing
        text = self._last + self._held
        start = text.find(closing)
        if start < 0:
            self._kept.append(self._held)
            self._held, self._last = "", text[1 - len(closing) :]
            return
        end = start + len(closing) - len(self._last)
        markup = "".join((*self._kept, self._held[:end]))
        self._held, self._last = self._held[end:], ""
        self._kept.clear()
        calls = self._calls(markup.lstrip())
        if calls:
            self._read, self._around = self._after, _Surroundings()
            yield from calls
        else:
            self._read = self._outside
            self._around.hear(markup.lstrip())
            yield markup

    def _after(self) -> Iterator[str | _Call]:
        self._held = self._held.lstrip()
        if self._held:
            self._read = self._outside
        yield from ()

    def _calls(self, markup: str) -> list[_Call]:
        form = self._form
        found = form.read(markup[len(form.opening) : -len(form.closing)])
        if any(call.name not in self._tools for call in found):
            return []
        return [
            _Call(call.name, _arguments(call.children, self._tools[call.name]))
            for call in found
        ]


def _unfinished(text: str, start: int) -> int:
    """Where the end of a text begins that may become the opening of a call."""
    for bracket in _BRACKET.finditer(text, max(start, len(text) - _WINDOW)):
        if _may_become(text[bracket.start() :], _FORMS):
            return bracket.start()
    return len(text)


def _without_gap(text: str, end: int) -> int:
    """Where the white space begins that stands before `end`."""
    gap = text[max(0, end - _GAP) : end]
    return end - len(gap) + len(gap.rstrip())


def _may_become(text: str, tags: Iterable[str]) -> bool:
    return any(tag.startswith(text) for tag in tags)


# --- Deltas --------------------------------------------------------------------------


class LeakedCalls:
    """Makes calls of the tool calls that were written into the text.

    Only of whole ones, for declared tools, that are not quoted; all else stays text,
    byte for byte, but for the white space around a call. The places of what follows
    move on.

    Args:
        tools: The schema of each declared tool's input, by the tool's name; refs are
            written out in it.
    """

    done = False

    def __init__(self, tools: Mapping[str, Json]) -> None:
        self._tools = tools
        self._reply = ""
        self._splitter: _Splitter | None = None
        self._is_open = False
        self._moved = self._rescued = 0

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Passes everything on, what was written as calls as calls."""
        match delta:
            case Started(id):
                self._reply = id
                return (delta,)
            case Stopped():
                return (self._ended(delta),)
            case Unmet():
                return (delta,)
            case TextDelta(place, text):
                self._splitter = self._splitter or _Splitter(self._tools)
                return self._told(self._splitter.feed(text), place)
            case BlockStopped(place) if self._splitter is not None:
                rest, self._splitter = self._splitter.finish(), None
                said = self._told([rest] if rest else [], place)
                ends = [BlockStopped(place + self._moved)] if self._is_open else []
                # A text that ended with a call leaves its own place empty.
                self._moved -= not self._is_open
                self._is_open = False
                return [*said, *ends]
            case _ if self._moved:
                return (replace(delta, place=delta.place + self._moved),)
            case _:
                return (delta,)

    def _told(self, pieces: Iterable[str | _Call], place: int) -> list[Delta]:
        said: list[Delta] = []
        for piece in pieces:
            if isinstance(piece, str):
                self._is_open = True
                said.append(TextDelta(place + self._moved, piece))
                continue
            if self._is_open:
                self._is_open = False
                said.append(BlockStopped(place + self._moved))
                self._moved += 1
            said += self._called(piece, place + self._moved)
            self._moved += 1
            self._rescued += 1
        return said

    def _called(self, call: _Call, place: int) -> Sequence[Delta]:
        name, json = call.name, dumped(call.arguments)
        known = encoded([self._reply, place, name, json])
        id = f"call_{sha256(known).hexdigest()[:24]}"
        return (
            ToolUseStarted(place, id, name),
            ToolUseDelta(place, json),
            ToolUseStopped(place, id, name, arguments_in(json), json),
        )

    def _ended(self, stopped: Stopped) -> Stopped:
        if not self._rescued:
            return stopped
        reason = stopped.stop_reason
        return replace(
            stopped,
            stop_reason="tool_use" if reason == "end_turn" else reason,
            notes={**stopped.notes, "rescued_tool_calls": self._rescued},
        )
