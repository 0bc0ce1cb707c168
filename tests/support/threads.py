"""Threads of LangChain messages of any kind, each with a ledger of what it holds.

A strategy gives a list of `Said`: a message, and what whoever wrote it knows about it.
Every text holds a token of its own (`t17q`), so that it can be found again.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)

Json = dict[str, Any]
Who = Literal["system", "user", "assistant", "play", "other", "result"]

PLAY = ("user_system", "group", "sample_message_user", "sample_message_ai")
"""The role-play roles, sent as they are."""

TOKEN = re.compile(r"t\d+q")

# --- The ledger ----------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """A text; `exact` if it is to be a block by itself, in these very words."""

    text: str
    exact: bool = True


@dataclass(frozen=True)
class Media:
    """An image or a video, with its address or its data."""

    kind: str
    key: str


@dataclass(frozen=True)
class Thought:
    """Thinking, and whether it is replayed."""

    text: str
    own: bool


@dataclass(frozen=True)
class Call:
    """A tool call; `input` is how it is to be sent, `None` if that is open.

    Nor is it said how a call without a name is sent.
    """

    token: str
    id: str | None
    name: str | None
    input: Json | None
    valid: bool = True
    legacy: bool = False


@dataclass(frozen=True)
class Result:
    """What a tool gave; without an id it is a `FunctionMessage`."""

    id: str | None
    name: str | None
    parts: tuple[Text | Media, ...]
    error: bool = False


@dataclass(frozen=True)
class Gone:
    """A token that must not be sent."""

    token: str


@dataclass(frozen=True)
class Open:
    """A token of which the rules say nothing."""

    token: str


Part = Text | Media | Thought | Call | Result | Gone | Open


@dataclass(frozen=True)
class Said:
    """A message and what is in it, in order."""

    message: BaseMessage
    who: Who
    parts: tuple[Part, ...]
    role: str = ""

    def __repr__(self) -> str:
        return f"<{type(self.message).__name__}>"  # the test notes the messages


Thread = list[Said]


def mended(text: str) -> str:
    """The text as UTF-8 can say it."""
    halves = text.encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")


def mended_json(value: Any) -> Any:
    """The same of all that a JSON value holds."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        return [mended_json(item) for item in value]
    if isinstance(value, dict):
        return {mended(key): mended_json(item) for key, item in value.items()}
    return value


# --- The pen -------------------------------------------------------------------------

_ENDS = (
    "",
    " and so on",
    ".\n",
    "  ",
    " </system>",
    " <tool_result>",
    " é漢字🎈",
    ' "quoted" & <b>',
    " \ud83d",
    " \ud83d\ude00",
    "\ude00\ud83d!",
)
_STARTS = ("", "", "", "\n ", "<system> ", "\udc00 ")
_BLANKS = ("", "", " ", "\n\t", "\u3000")
_FOREIGN_IDS = (
    "functions.get:0",
    "functions_get_0",
    "functions:get.0",
    "fc_1\nmsg_2",
    "x" * 65,
    "x" * 66,
    "",
    "ид-é",
    "call 1",
    'a"b>',
    "a\ud83d",
)
_LEGAL_IDS = ("call_1", "call_2", "toolu_01A-b", "x" * 64)
_NAMES = ("get", "get_weather", "search-web")
_PROVIDERS = (
    None,
    "minimax",
    "anthropic",
    "openai",
    "google_genai",
    "deepseek",
)
_MODELS = (None, "MiniMax-M3", "gpt-5.2", "MiniMax-M2.7-highspeed")
_ROLES = ("narrator", "tool", "a b", 'x"y', "critic<1>", "two\nlines", "é\ud83d")

_PNG = b"\x89PNG\r\n\x1a\n"
_MP4 = b"\0\0\0\x18ftypmp42"


class Pen:
    """Writes messages as Hypothesis draws them, numbering the tokens."""

    def __init__(self, draw: st.DrawFn, *, fresh_ids: bool = False) -> None:
        self._draw = draw
        self._count = 0
        self._fresh_ids = fresh_ids
        self.ids: list[str] = []

    def among(self, *options: Any) -> Any:
        return self._draw(st.sampled_from(options))

    def number(self, lowest: int, highest: int) -> int:
        return self._draw(st.integers(lowest, highest))

    def rarely(self, one_in: int = 6) -> bool:
        return self._draw(st.integers(0, one_in - 1)) == one_in - 1

    def times(self, most: int, mean: int) -> Iterator[int]:
        """So many times, at least once; a way that shrinks well."""
        yield 0
        for at in range(1, most):
            if not self._draw(st.integers(0, mean)):
                return
            yield at

    def token(self) -> str:
        self._count += 1
        return f"t{self._count}q"

    # --- Parts

    def text(self) -> str:
        if self.rarely(7):
            return self.among(*_BLANKS)
        token = self.token()
        if not self.rarely(3):
            return token
        return self.among(*_STARTS) + token + self.among(*_ENDS)

    def odd_part(self) -> tuple[Json, tuple[Part, ...]]:
        """What neither the wire nor LangChain knows; it is told as JSON."""
        token = self.token()
        odd = self.among(
            {"type": "weather", "rain": [token, 1.5, None]},
            {"type": "search_result", "content": [{"type": "text", "text": token}]},
        )
        return odd, (Text(token, exact=False),)

    def text_part(self) -> tuple[Any, tuple[Part, ...]]:
        if self.rarely(12):
            return self.odd_part()
        return self.plain_text_part()

    def plain_text_part(self) -> tuple[Any, tuple[Part, ...]]:
        text = self.text()
        part: Any = self.among(
            {"type": "text", "text": text},
            text,
            {"text": text},
            {"type": "text", "text": text, "annotations": [], "index": 0},
            {"type": "text", "text": text, "id": "lc_1", "extras": {"a": 1}},
            {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}},
        )
        return part, (Text(mended(text)),)

    def media_part(self, kind: str = "") -> tuple[Json, tuple[Part, ...]]:
        kind = kind or self.among("image", "image", "video")
        url = f"https://example.com/{self.token()}"
        start, mime = (_PNG, "image/png") if kind == "image" else (_MP4, "video/mp4")
        data = base64.b64encode(start + self.token().encode()).decode()
        whole = f"data:{mime};base64,{data}"
        name = f"{kind}_url"
        shapes: list[tuple[Json, str]] = [
            ({"type": kind, "url": url}, url),
            ({"type": kind, "source": {"type": "url", "url": url}}, url),
            ({"type": name, name: {"url": url}}, url),
            ({"type": name, name: url}, url),
            ({"type": name, name: {"url": whole}}, data),
            ({"type": kind, "base64": data, "mime_type": mime}, data),
            ({"type": kind, "source_type": "url", "url": url}, url),
            (
                {
                    "type": kind,
                    "source_type": "base64",
                    "data": data,
                    "mime_type": mime,
                },
                data,
            ),
            (
                {
                    "type": kind,
                    "source": {"type": "base64", "media_type": mime, "data": data},
                },
                data,
            ),
        ]
        shape, key = self.among(*shapes)
        return shape, (Media(kind, key),)

    def parts(self, *, media: bool = True) -> tuple[Any, tuple[Part, ...]]:
        """The content of a message that a person wrote."""
        if not self.rarely(3):
            text = self.text()
            return text, (Text(mended(text)),)
        content: list[Any] = []
        parts: list[Part] = []
        for _ in range(self.number(0, 3)):
            seen = media and self.rarely(3)
            part, ledger = self.media_part() if seen else self.text_part()
            content.append(part)
            parts += ledger
        return content, tuple(parts)

    def id(self) -> str:
        if self._fresh_ids and not (self.ids and self.rarely()):
            number = len(self.ids)
            pattern = self.among("call_{}", "call_{}", "functions.get:{}", "{}\n|")
            id = pattern.format(number)
        elif self._fresh_ids:
            id = self.among(*self.ids)
        else:
            pool = _FOREIGN_IDS if self.rarely(3) else _LEGAL_IDS
            id = self.among(*pool)
        self.ids.append(id)
        return id

    # --- Messages of people

    def system(self) -> Said:
        content, parts = self.parts()
        role = self.among("", "", "system", "developer")
        if role:
            return Said(self._chat(content, role), "system", parts)
        make = self.among(SystemMessage, SystemMessage, SystemMessageChunk)
        return Said(make(content), "system", parts)

    def _chat(self, content: Any, role: str) -> BaseMessage:
        make = self.among(ChatMessage, ChatMessage, ChatMessageChunk)
        return make(content=content, role=role)

    def human(self) -> Said:
        if self.rarely(12):
            return self._anthropic_results()
        content, parts = self.parts()
        role = self.among("", "", "", "", "user", "human")
        if role:
            return Said(self._chat(content, role), "user", parts)
        name = self.among(None, None, "Ann")
        make = self.among(HumanMessage, HumanMessage, HumanMessageChunk)
        return Said(make(content, name=name), "user", parts)

    def player(self) -> Said:
        content, parts = self.parts(media=False)
        role = self.among(*PLAY)
        return Said(self._chat(content, role), "play", parts, role)

    def other(self) -> Said:
        content, parts = self.parts()
        role = self.among(*_ROLES)
        return Said(self._chat(content, role), "other", parts, role)

    def _anthropic_results(self) -> Said:
        """A human message that holds the results, as the Anthropic wire has them."""
        content: list[Any] = []
        parts: list[Part] = []
        for _ in range(self.number(1, 2)):
            block: Json = {"type": "tool_result", "tool_use_id": self.id()}
            block["content"], inner = self._result_parts()
            error = self.rarely()
            if error:
                block["is_error"] = True
            content.append(block)
            parts.append(Result(block["tool_use_id"], None, inner, error))
        if self.rarely(2):
            part, ledger = self.text_part()
            content.append(part)
            parts += ledger
        return Said(HumanMessage(content), "user", tuple(parts))

    # --- Messages of tools

    def _result_parts(self) -> tuple[Any, tuple[Any, ...]]:
        content, parts = self.parts()
        if isinstance(content, list) and self.rarely(3):
            token = self.token()
            odd = self.among(
                {"foo": token},
                {"type": "weather", "rain": [token, 1.5, None]},
                {"type": "json", "json": {"é\ud83d": token}},
                {"type": "text", "text": {"not": token}},
                {"type": "file", "name": token},
                {"type": "document", "page_content": token},
                {"type": "image", "name": token},
                {"type": "tool_use", "id": token, "name": "get", "input": {}},
                {"type": "non_standard", "value": {"odd": token}},
            )
            return [*content, odd], (*parts, Text(token, exact=False))
        return content, parts

    def result(self, id: str | None = None) -> Said:
        id = self.id() if id is None else id
        content, parts = self._result_parts()
        error = self.rarely()
        name = self.among(None, None, "get", 'od"d')
        make = self.among(ToolMessage, ToolMessage, ToolMessageChunk)
        message = make(
            content,
            tool_call_id=id,
            name=name,
            status="error" if error else "success",
            artifact=self.among(None, {"a": 1}),
        )
        return Said(message, "result", (Result(id, name, parts, error),))

    def function_result(self, name: str = "") -> Said:
        name = name or self.among(*_NAMES)
        text = self.text()
        make = self.among(FunctionMessage, FunctionMessage, FunctionMessageChunk)
        message = make(content=text, name=name)
        part = Result(None, name, (Text(mended(text)),))
        return Said(message, "result", (part,))

    # --- Messages of models

    def reply(self, calls: int = 0, ids: tuple[str, ...] = ()) -> Said:
        """A reply of some model, with so many calls."""
        if not calls and self.rarely(10):
            content = self.text()
            parts = (Text(mended(content)),)
            role = self.among("assistant", "ai")
            return Said(self._chat(content, role), "assistant", parts)
        return _Reply(self, calls, ids).said()

    def legacy_reply(self) -> Said:
        """A reply of the time before tools, when models called functions."""
        token, name = self.token(), self.among(*_NAMES)
        arguments, sent, valid = self.raw_arguments(token)
        text = self.text()
        message = AIMessage(
            text,
            additional_kwargs={
                "function_call": {"name": name, "arguments": arguments or ""}
            },
        )
        call = Call(token, None, name, sent, valid, legacy=True)
        if token not in (arguments or ""):
            call = replace(call, token="")
        return Said(message, "assistant", (Text(mended(text)), call))

    def raw_arguments(self, token: str) -> tuple[str | None, Json | None, bool]:
        """Arguments as text, what is to be sent for them, and whether they are any."""
        raw: str | None = self.among(
            f'{{"q": "{token}"}}',
            f'{{"q": "{token}',
            f"{token} is no JSON \ud83d",
            "",
            None,
            " ",
        )
        if raw is None or raw == "":
            return raw, {}, False
        if raw == " ":
            return raw, None, False
        if raw.endswith("}"):
            return raw, json.loads(raw), True
        return raw, {"invalid_arguments": mended(raw)}, False


class _Reply:
    """A reply of some model, written step by step."""

    def __init__(self, pen: Pen, calls: int, ids: tuple[str, ...]) -> None:
        self._pen = pen
        self._kwargs: Json = {}
        self._metadata: Json = {}
        self._ledger: list[Part] = []
        self._late: list[Part] = []
        self._tool_calls: list[Json] = []
        self._invalid: list[Json] = []
        self._content: list[Any] = []
        self._placed = True
        self._listed = not pen.rarely(5)
        self._own = self._sign()
        self._way = pen.among("str", "str", "parts", "anthropic", "v1")
        if self._way == "v1":
            self._metadata["output_version"] = "v1"
        self._think()
        self._speak()
        for at in range(calls):
            self._call(ids[at] if at < len(ids) else pen.id())
        self._leave_copies()

    def said(self) -> Said:
        pen = self._pen
        text = "".join(self._content) if self._way == "str" else self._content
        make: Callable[..., AIMessage] = pen.among(
            AIMessage, AIMessage, AIMessage, AIMessageChunk
        )
        message = make(
            text,
            additional_kwargs=self._kwargs,
            response_metadata=self._metadata,
            tool_calls=self._tool_calls,
            invalid_tool_calls=self._invalid,
            name=pen.among(None, None, "agent"),
        )
        return Said(message, "assistant", (*self._ledger, *self._late))

    def _sign(self) -> bool:
        """Say which model this is; whether its thinking is to be replayed."""
        provider = self._pen.among(*_PROVIDERS)
        model = self._pen.among(*_MODELS)
        if provider:
            self._metadata["model_provider"] = provider
        if model:
            self._metadata["model_name"] = model
        by_name = (model or "").startswith("MiniMax")
        return provider == "minimax" or by_name or not (provider or model)

    def _think(self) -> None:
        pen = self._pen
        if not pen.rarely(3):
            return
        text = pen.token() + pen.among("", " hm\n", " \ud83d\ude00 \ud83d")
        thinking = {"type": "thinking", "thinking": text, "signature": "c2ln"}
        match self._way, pen.among("in place", "aside"):
            case "anthropic", "in place":
                self._content.append(thinking)
            case "v1", "in place":
                reasoning = {"type": "reasoning", "reasoning": text}
                extras = pen.among({}, {"extras": {"signature": "c2ln"}})
                self._content.append({**reasoning, **extras})
            case _:
                aside = pen.among(
                    {"thinking_blocks": [thinking]}, {"reasoning_content": text}
                )
                self._kwargs |= aside
        self._ledger.append(Thought(mended(text), self._own))

    def _speak(self) -> None:
        pen = self._pen
        if self._way == "str":
            text = pen.text()
            self._content.append(text)
            self._ledger.append(Text(mended(text)))
            return
        for _ in range(pen.number(0, 3)):
            kind = "text"
            if pen.rarely(4):
                kind = pen.among("media", "refusal", "foreign")
            part, ledger = getattr(self, f"_{kind}")()
            self._content.append(part)
            self._ledger += ledger

    def _text(self) -> tuple[Any, tuple[Part, ...]]:
        return self._pen.plain_text_part()

    def _media(self) -> tuple[Any, tuple[Part, ...]]:
        return self._pen.media_part()

    def _refusal(self) -> tuple[Any, tuple[Part, ...]]:
        token = self._pen.token()
        return {"type": "refusal", "refusal": token}, (Text(token, exact=False),)

    def _foreign(self) -> tuple[Any, tuple[Part, ...]]:
        token = self._pen.token()
        use = {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": token},
        }
        odd = {"type": "redacted_thinking", "data": token}
        if self._metadata.get("model_provider") == "minimax":
            odd = use  # what we said ourselves goes back as it is
        block = self._pen.among(
            use,
            {"type": "non_standard", "value": use},
            {"type": "non_standard", "value": {"odd": token}},
            odd,
        )
        return block, (Open(token),)

    def _call(self, id: str) -> None:
        pen = self._pen
        token, name = pen.token(), pen.among(*_NAMES)
        unlisted = self._way == "anthropic" and not self._listed
        if not unlisted and pen.rarely(5):
            self._invalid_call(token, id, name)
            return
        args = pen.among(
            {"q": token},
            {"q": token},
            {"q\ud83d": [token, {"x": " \ud83d\ude00"}], "n": 1.5, "b": None},
        )
        call = Call(token, id, name, mended_json(args))
        if unlisted:
            use = {"type": "tool_use", "id": id, "name": name, "input": args}
            self._content.append(use)
            self._ledger.append(call)
            return
        if pen.rarely(20):
            self._hardly_a_call(call, args)
            return
        self._tool_calls.append(
            {"name": name, "args": args, "id": id, "type": "tool_call"}
        )
        again = any(other["id"] == id for other in self._tool_calls[:-1])
        self._placed = self._placed if again else not pen.rarely(4)
        if self._way == "anthropic" and self._placed:
            use = {"type": "tool_use", "id": id, "name": name, "input": args}
            if not again and pen.rarely(5):  # someone changed the call
                use["input"] = {"q": pen.token()}
                self._ledger.append(Gone(use["input"]["q"]))
            self._content.append({**use, **pen.among({}, {"index": 1})})
            self._ledger.append(call)
        elif self._way == "v1" and self._placed:
            self._content.append(
                {"type": "tool_call", "id": id, "name": name, "args": args}
            )
            self._ledger.append(call)
        else:
            self._late.append(call)

    def _hardly_a_call(self, call: Call, args: Json) -> None:
        nameless = {"name": "", "args": args, "id": self._pen.among(None, "")}
        self._tool_calls.append({**nameless, "type": "tool_call"})
        self._late.append(replace(call, id="", name=None))

    def _invalid_call(self, token: str, id: str, name: str) -> None:
        raw, sent, valid = self._pen.raw_arguments(token)
        if valid:
            sent = {"invalid_arguments": raw}
        if token not in (raw or ""):
            name = f"{name}_{token}"
        self._invalid.append(
            {
                "name": name,
                "args": raw,
                "id": id,
                "error": "no JSON",
                "type": "invalid_tool_call",
            }
        )
        self._late.append(Call(token, id, name, sent, valid=False))

    def _leave_copies(self) -> None:
        """Raw copies of the calls, as OpenAI's clients leave them; one was removed."""
        pen = self._pen
        if not self._tool_calls or not pen.rarely(4):
            return
        raw = [
            {
                "id": call["id"],
                "type": "function",
                "function": {
                    "name": call["name"],
                    "arguments": json.dumps(call["args"]),
                },
            }
            for call in self._tool_calls
        ]
        token = pen.token()
        removed = {"name": "removed", "arguments": json.dumps({"q": token})}
        if pen.rarely(2):
            raw.append({"id": "call_removed", "type": "function", "function": removed})
            self._late.append(Gone(token))
        if pen.rarely(3):
            self._kwargs["function_call"] = raw[0]["function"]
        self._kwargs["tool_calls"] = raw


# --- Threads -------------------------------------------------------------------------


def _round(pen: Pen) -> Thread:
    """What a well-kept thread goes on with."""
    kind = pen.among(
        "talk", "talk", "calls", "calls", "calls", "system", "play", "legacy"
    )
    match kind:
        case "talk":
            return [pen.human(), pen.reply()]
        case "calls":
            reply = pen.reply(calls=pen.number(1, 3))
            ids = [part.id for part in reply.parts if isinstance(part, Call)]
            return [pen.human(), reply, *(pen.result(id or "") for id in ids)]
        case "system":
            return [pen.system(), pen.human()]
        case "play":
            return [pen.among(pen.player, pen.other)()]
        case _:
            reply = pen.legacy_reply()
            name = next(part.name for part in reply.parts if isinstance(part, Call))
            return [pen.human(), reply, pen.function_result(name or "")]


def _anything(pen: Pen) -> Said:
    """A message of any kind."""
    write = pen.among(
        pen.human,
        pen.reply,
        lambda: pen.reply(calls=pen.number(1, 3)),
        pen.result,
        pen.result,
        pen.system,
        pen.player,
        pen.other,
        pen.legacy_reply,
        pen.function_result,
    )
    return write()


def _break(pen: Pen, thread: Thread) -> Thread:
    """The thread with one thing done to it that applications do."""
    end = len(thread)
    at, to = pen.number(0, end - 1), pen.number(0, end - 1)
    before, after = thread[:at], thread[at + 1 :]
    results = [i for i, said in enumerate(thread) if said.who == "result"]
    match pen.number(0, 8):
        case 0 if end > 1:
            return before + after
        case 1:
            rest = before + after
            return [*rest[:to], thread[at], *rest[to:]]
        case 2:
            return [*thread[:to], thread[at], *thread[to:]]
        case 3 if at:
            return thread[at:]
        case 4:
            return thread[: at + 1]
        case 5:
            return [*before, pen.among(pen.system, pen.human)(), *thread[at:]]
        case 6 if pen.ids:
            return [*before, pen.result(pen.among(*pen.ids)), *thread[at:]]
        case 7 if len(results) > 1:
            one, two = pen.among(*results), pen.among(*results)
            swapped = list(thread)
            swapped[one], swapped[two] = thread[two], thread[one]
            return swapped
        case _:
            return [*before, _anything(pen), *thread[at:]]


_MOST = 40


@st.composite
def broken_threads(draw: st.DrawFn) -> Thread:
    """A well-kept thread, and what was done to it."""
    pen = Pen(draw, fresh_ids=True)
    thread: Thread = []
    if pen.rarely(3):
        thread += [pen.system() for _ in range(pen.number(1, 2))]
    mean = pen.among(1, 3, 9)
    for _ in pen.times(_MOST, mean):
        thread += _round(pen)
    if pen.rarely(8):
        return thread[:_MOST]
    for _ in pen.times(5, 2):
        thread = _break(pen, thread)
    return thread[:_MOST]


@st.composite
def wild_threads(draw: st.DrawFn) -> Thread:
    """Any messages in any order; the same few ids come again and again."""
    pen = Pen(draw)
    mean = pen.among(3, 5, 20)
    return [_anything(pen) for _ in pen.times(_MOST, mean)]


def any_threads() -> st.SearchStrategy[Thread]:
    """Threads of 1 to 40 messages."""
    return st.one_of(broken_threads(), wild_threads())


# --- Legal threads -------------------------------------------------------------------


@dataclass(frozen=True)
class Legal:
    """A thread that is legal on the wire, and how it goes there."""

    messages: list[BaseMessage]
    system: list[Json]
    turns: list[Json]


class _LegalPen(Pen):
    """Writes what needs no mending, and its encoding beside it."""

    def word(self) -> str:
        return self.token() + self.among("", " and", "\n", " é漢字🎈")

    def spoken(self, *, media: bool) -> tuple[Any, list[Json]]:
        if not self.rarely(3):
            text = self.word()
            return text, [{"type": "text", "text": text}]
        blocks: list[Json] = []
        for _ in range(self.number(1, 3)):
            blocks.append({"type": "text", "text": self.word()})
            if self.rarely(4):
                blocks[-1]["cache_control"] = {"type": "ephemeral"}
            if media and self.rarely(3):
                url = f"https://example.com/{self.token()}.png"
                source = {"type": "url", "url": url}
                blocks.append({"type": "image", "source": source})
        return [dict(block) for block in blocks], blocks

    def answer(self, calls: int) -> tuple[AIMessage, list[Json]]:
        thinking = {"type": "thinking", "thinking": self.word(), "signature": "c2ln"}
        blocks = [{"type": "text", "text": self.word()}] if self.rarely(2) else []
        thoughts = [thinking] if self.rarely(2) else []
        uses = [
            {
                "type": "tool_use",
                "id": f"call_{self.token()}",
                "name": self.among(*_NAMES),
                "input": self.among({}, {"q": self.token(), "n": [1, None, 2.5]}),
            }
            for _ in range(calls)
        ]
        if not calls and not blocks:
            blocks = [{"type": "text", "text": self.word()}]
        whole = [*thoughts, *blocks, *uses]
        kwargs: Json = {}
        match self.among("v0", "anthropic", "v1"):
            case "v0":
                content: Any = blocks[0]["text"] if blocks else ""
                if thoughts:
                    kwargs = {"additional_kwargs": {"thinking_blocks": [thinking]}}
            case "anthropic":
                content = [dict(block) for block in whole]
            case _:
                content = [_standard(block) for block in whole]
                kwargs = {"response_metadata": {"output_version": "v1"}}
        kwargs.setdefault("response_metadata", {})["model_provider"] = "minimax"
        message = AIMessage(
            content,
            tool_calls=[
                {"name": use["name"], "args": use["input"], "id": use["id"]}
                for use in uses
            ],
            **kwargs,
        )
        return message, whole


def _standard(block: Json) -> Json:
    """A block of the wire as LangChain's standard has it."""
    match block:
        case {"type": "thinking"}:
            extras = {"signature": block["signature"]}
            words = block["thinking"]
            return {"type": "reasoning", "reasoning": words, "extras": extras}
        case {"type": "tool_use"}:
            args = block["input"]
            name, id = block["name"], block["id"]
            return {"type": "tool_call", "name": name, "args": args, "id": id}
    return dict(block)


@st.composite
def legal_threads(draw: st.DrawFn) -> Legal:
    """Alternating turns, every call answered in its place, nothing blank."""
    pen = _LegalPen(draw)
    legal = Legal([], [], [])
    for _ in range(pen.among(0, 1, 1, 2)):
        content, blocks = pen.spoken(media=False)
        legal.messages.append(SystemMessage(content))
        legal.system.extend(blocks)
    for _ in range(pen.number(1, 5)):
        content, blocks = pen.spoken(media=True)
        legal.messages.append(HumanMessage(content))
        legal.turns.append({"role": "user", "content": blocks})
        for _ in range(pen.number(0, 3)):
            _legal_calls(pen, legal)
        message, blocks = pen.answer(0)
        legal.messages.append(message)
        legal.turns.append({"role": "assistant", "content": blocks})
    if pen.rarely(2):  # the last word is a person's or a tool's
        del legal.messages[-1], legal.turns[-1]
    return legal


def _legal_calls(pen: _LegalPen, legal: Legal) -> None:
    message, blocks = pen.answer(pen.number(1, 3))
    legal.messages.append(message)
    legal.turns.append({"role": "assistant", "content": blocks})
    results: list[Json] = []
    for call in message.tool_calls:
        content, inner = pen.spoken(media=True)
        error = pen.rarely()
        status = "error" if error else "success"
        legal.messages.append(
            ToolMessage(content, tool_call_id=str(call["id"]), status=status)
        )
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": inner}
        results.append({**result, "is_error": True} if error else result)
    legal.turns.append({"role": "user", "content": results})
