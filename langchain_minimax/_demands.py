"""A demand and the deltas of a reply in, a reply that meets it out, or what is wrong.

MiniMax knows the tool choices `auto` and `none` (Messages API page, M3 era, 2026-05-30)
and no schema for its answers; on both protocols more is accepted and ignored. So the
model is told what is wanted, its reply is looked at, and it is asked once more.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from langchain_minimax._blocks import (
    ChatRequest,
    Check,
    Conversation,
    Json,
    JsonAnswer,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
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
    blocks_in,
    total,
)
from langchain_minimax._json import arguments_in, dumped
from langchain_minimax._repair import repair
from langchain_minimax._schema import problem
from langchain_minimax.errors import MiniMaxOutputError, MiniMaxToolChoiceError

ATTEMPTS = 2
"""How often the model is asked before its answer counts as an error."""

# What stands around a block may say that it is no answer, so only a lead-in may.
_LONE_FENCE = re.compile(r"(?:[^\n`]{0,80}\n+)?```[\w-]*\s([^`]*)```")
_CUT = "The reply was cut by `max_tokens`: give it more."


class Demand(ABC):
    """What a reply has to be."""

    error: type[MiniMaxOutputError]
    wish: str
    """What is wanted, for a message to a person: "to …"."""

    @property
    @abstractmethod
    def instruction(self) -> str:
        """What the model is told."""

    @abstractmethod
    def allows(self, tool: str) -> bool:
        """Whether calls of this tool count."""

    @abstractmethod
    def problem(self, call: ToolUseStopped) -> str | None:
        """What is wrong with a call."""

    @abstractmethod
    def read(self, text: str) -> Meant | str:
        """What a reply without a call means; or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a text stands for: arguments of a tool, or the JSON of an answer."""

    value: Json
    tool: str | None = None


@dataclass(frozen=True, slots=True)
class CallDemand(Demand):
    """A call of one tool, or of any."""

    choice: ToolChoice
    schemas: Mapping[str, Json]
    error = MiniMaxToolChoiceError

    @property
    def _names(self) -> list[str]:
        return [name for name in self.schemas if self.allows(name)]

    @property
    def wish(self) -> str:  # type: ignore[override]
        """What is wanted."""
        return f"call {_listed(self._names)}"

    @property
    def instruction(self) -> str:
        """What the model is told."""
        return (
            f"Your reply must be a tool call: call {_listed(self._names)}. Write no "
            "other answer."
        )

    def allows(self, tool: str) -> bool:
        """Whether calls of this tool count."""
        return self.choice.name in (None, tool)

    def problem(self, call: ToolUseStopped) -> str | None:
        """What is wrong with a call."""
        if call.input is None:
            return f"The arguments of {call.name} are not one whole JSON object."
        if call.name not in self.schemas:
            return f"There is no tool {call.name!r}."
        return self._misfit(call.name, call.input)

    def _misfit(self, name: str, given: Json) -> str | None:
        wrong = _misfit(given, self.schemas[name], self.choice.check, name)
        return f"`{name}`: {wrong}" if wrong and len(self._names) > 1 else wrong

    def read(self, text: str) -> Meant | str:
        """A lone JSON object that fits a tool is a call of it."""
        value = _object_in(text)
        if value is None:
            return "The reply was text, and no tool was called."
        problems = {
            name: self._misfit(name, given) for name, given in self._arguments(value)
        }
        fitting = [name for name, wrong in problems.items() if wrong is None]
        if len(fitting) == 1:
            return Meant(dict(self._arguments(value))[fitting[0]], fitting[0])
        wrong = next(
            filter(None, problems.values()), "It is unclear which one is meant."
        )
        return f"The reply was JSON, and no tool was called. {wrong}"

    def _arguments(self, value: Json) -> Iterator[tuple[str, Json]]:
        """The tools that an object may be arguments of, and which those are."""
        match value:
            case {"name": str(name), **rest} if name in self._names:
                given = next((rest[key] for key in _ARGUMENTS if key in rest), None)
            case _ if len(value) == 1 and next(iter(value)) in self._names:
                ((name, given),) = value.items()
            case _:
                given = None
        if isinstance(given, str):
            given = arguments_in(given)
        if isinstance(given, dict):
            yield name, given
            return
        for name in self._names:
            known = self.schemas[name].get("properties") or {}
            is_meant = known.keys() & value.keys() or not (known or value)
            if len(self._names) == 1 or is_meant:
                yield name, value


_ARGUMENTS = ("arguments", "input", "parameters", "args")


@dataclass(frozen=True, slots=True)
class AnswerDemand(Demand):
    """A text that is one JSON object; calls of tools may come before it."""

    answer: JsonAnswer
    schemas: Mapping[str, Json]
    error = MiniMaxOutputError
    wish = "answer with JSON"

    @property
    def instruction(self) -> str:
        """What the model is told."""
        calls = "Unless you call a tool, your" if self.schemas else "Your"
        told = f"{calls} reply must be one JSON object and nothing else: no other text,"
        told += " no code fence."
        if self.answer.schema is None:
            return told
        return f"{told} It has to fit this JSON schema: {dumped(self.answer.schema)}"

    def allows(self, tool: str) -> bool:  # noqa: ARG002 - all do
        """Whether calls of this tool count."""
        return True

    def problem(self, call: ToolUseStopped) -> str | None:
        """What is wrong with a call."""
        if call.input is None:
            return f"The arguments of {call.name} are not one whole JSON object."
        return None

    def read(self, text: str) -> Meant | str:
        """The object that the text is, fenced or not."""
        value = _object_in(text)
        if value is None:
            return "The reply was no JSON object."
        wrong = _misfit(value, self.answer.schema or {}, self.answer.check)
        return Meant(value) if wrong is None else wrong


def demand_of(request: ChatRequest) -> Demand | None:
    """What a request demands of the reply that the server does not see to."""
    if request.tool_choice is not None and request.tool_choice.is_forced:
        return CallDemand(request.tool_choice, schemas_of(request))
    if request.answer is not None:
        return AnswerDemand(request.answer, schemas_of(request))
    return None


def callable_tools(request: ChatRequest) -> dict[str, Json]:
    """The tools that the reply may call."""
    choice = request.tool_choice
    is_none = choice is not None and choice.mode == "none"
    return {} if is_none else schemas_of(request)


def schemas_of(request: ChatRequest) -> dict[str, Json]:
    """The tools that a request declares, by their names."""
    tools = (tool for tool in request.tools if isinstance(tool, Tool))
    return {tool.name: tool.input_schema for tool in tools}


def _misfit(
    value: Json, schema: Json, check: Check | None, tool: str | None = None
) -> str | None:
    if check is not None and check.knows(tool):
        return check(value, tool)
    return problem(value, schema)


def _object_in(text: str) -> Json | None:
    """The JSON object that a text is, or its one code block behind at most a line."""
    bare = text.strip()
    fenced = _LONE_FENCE.fullmatch(bare)
    return arguments_in((fenced[1] if fenced else bare).strip() or "?")


def _listed(names: Sequence[str], word: str = "or") -> str:
    quoted = [f"`{name}`" for name in names]
    return f" {word} ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


# --- What is asked -------------------------------------------------------------------


def instructed(conversation: Conversation, demand: Demand) -> Conversation:
    """The conversation with the demand at its end, where it disturbs no cache."""
    return _with_turns(conversation, _told(demand.instruction))


def asked_again(
    conversation: Conversation, demand: Demand, unmet: Unmet
) -> Conversation:
    """The conversation with the reply that would not do, and what is wrong with it."""
    said = tuple(blocks_in(unmet.said))
    results = [
        ToolResult(block.id, unmet.problem, is_error=True)
        for block in said
        if isinstance(block, ToolUse)
    ]
    return _with_turns(
        conversation,
        Turn("assistant", said),
        Turn("user", tuple(results)),
        _told(f"{unmet.problem} {demand.instruction}"),
    )


def _told(instruction: str) -> Turn:
    return Turn("system", (Text(instruction),))


def _with_turns(conversation: Conversation, *turns: Turn) -> Conversation:
    said = tuple(turn for turn in turns if turn.blocks)
    return repair(replace(conversation, turns=(*conversation.turns, *said)))


def failure(demand: Demand, asked: Sequence[Unmet], model: str) -> MiniMaxOutputError:
    """The error that says that a demand was not met, and why."""
    last = asked[-1]
    times = "once" if len(asked) == 1 else "twice"
    what = _CUT if last.reason == "cut" else f"The last time: {last.problem}"
    how = " with what fits" if last.reason == "invalid" else ""
    return demand.error(
        f"{model} was asked {times} to {demand.wish}, and did not{how}. {what}",
        reason=last.reason,
        attempts=len(asked),
    )


def summed_up(heard: Sequence[Delta]) -> list[Delta]:
    """Replies that would not do as one that ended, with the tokens of all."""
    if not isinstance(heard[-1] if heard else None, Unmet):
        return list(heard)  # the last of them broke off
    unmet = [delta for delta in heard if isinstance(delta, Unmet)]
    said: list[Delta] = [each for each in heard if not isinstance(each, Unmet)]
    usage = total(each.usage for each in unmet)
    notes = {"attempts": len(unmet)}
    return [*said, replace(_stopped(unmet[-1]), usage=usage, notes=notes)]


# --- What is heard -------------------------------------------------------------------


class Demanded:
    """Lets through what meets a demand; a reply that does not ends in `Unmet`.

    Thinking and calls pass as they come. Text is held back until it is known not to be
    the answer. A call that does not fit is told as one that cannot be made.

    Args:
        demand: What the reply has to be.
        earlier: The replies before it that would not do.
        one_call: Whether calls after the first that fits are left out.
    """

    done = False

    def __init__(
        self, demand: Demand, earlier: Sequence[Unmet] = (), *, one_call: bool = False
    ) -> None:
        self._demand = demand
        self._one_call = one_call
        self._dropped = 0
        self._earlier = earlier
        self._said: list[Delta] = []
        self._held: list[TextDelta | BlockStopped] = []
        self._text_places: set[int] = set()
        self._refused: set[int] = set()
        self._problems: list[str] = []
        self._met = False

    @property
    def is_last(self) -> bool:
        """Whether nothing will be asked after this."""
        return len(self._earlier) + 1 >= ATTEMPTS

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Takes the next delta of the reply."""
        self._said.append(delta)
        match delta:
            case TextDelta(place):
                self._text_places.add(place)
                self._held.append(delta)
                return ()
            case BlockStopped(place) if place in self._text_places:
                self._held.append(delta)
                return ()
            case ToolUseStarted(place) if self._one_call and self._met:
                self._refused.add(place)
                self._dropped += 1
                return ()
            case ToolUseStarted(place, _, name) if not self._demand.allows(name):
                self._refused.add(place)
                return ()
            case ToolUseStarted():
                return (*self._released(), delta)
            case ToolUseDelta(place) | ToolUseStopped(place) if place in self._refused:
                return ()
            case ToolUseStopped():
                return (self._judged(delta),)
            case Stopped():
                return self._end(delta)
            case _:
                return (delta,)

    def _judged(self, call: ToolUseStopped) -> ToolUseStopped:
        wrong = self._demand.problem(call)
        if wrong is None:
            self._met = True
            return call
        self._problems.append(wrong)
        return replace(call, input=None)

    def _end(self, stopped: Stopped) -> Sequence[Delta]:
        ended = replace(
            stopped,
            usage=total([*(each.usage for each in self._earlier), stopped.usage]),
            notes={
                **stopped.notes,
                "attempts": len(self._earlier) + 1,
                **({"dropped_tool_calls": self._dropped} if self._dropped else {}),
            },
        )
        if self._met:
            return (*self._released(), ended)
        fault: str | None = None
        for text in self._held_texts():
            read = self._demand.read(text)
            if isinstance(read, Meant):
                return self._said_as(read, ended)
            fault = read
        unmet = self._unmet(stopped, fault)
        rest = self._released() if self.is_last or unmet.is_final else ()
        return (*rest, unmet)

    def _called(self) -> str:
        names = (each.name for each in self._said if isinstance(each, ToolUseStarted))
        return _listed(list(dict.fromkeys(names)), "and")

    def _held_texts(self) -> Iterator[str]:
        """What was held back: each text by itself, the last one first, then all."""
        held = [each for each in self._held if isinstance(each, TextDelta)]
        places = sorted({each.place for each in held}, reverse=True)
        whole = [places] if len(places) > 1 else []
        for chosen in (*([place] for place in places), *whole):
            text = "".join(each.text for each in held if each.place in chosen)
            if text.strip():
                yield text

    def _unmet(self, stopped: Stopped, wrong: str | None) -> Unmet:
        said = tuple(self._said)
        if stopped.stop_reason == "max_tokens":
            return Unmet("cut", _CUT, said)
        if self._problems:
            return Unmet("invalid", " ".join(self._problems), said)
        if self._refused:
            return Unmet("wrong tool", f"{self._called()} was called.", said)
        if wrong is None:
            return Unmet("empty", "The reply was empty.", said)
        is_json = _object_in("".join(_texts(said))) is not None
        return Unmet("invalid" if is_json else "prose", wrong, said)

    def _said_as(self, meant: Meant, stopped: Stopped) -> Sequence[Delta]:
        """The reply as it was meant, in the place of its text."""
        place, json = self._held[0].place, dumped(meant.value)
        if meant.tool is None:
            return (TextDelta(place, json), BlockStopped(place), stopped)
        origin = f"{self._reply_id} {meant.tool} {json}".encode("utf-8", "replace")
        id = f"call_{sha256(origin).hexdigest()[:24]}"
        return (
            ToolUseStarted(place, id, meant.tool),
            ToolUseDelta(place, json),
            ToolUseStopped(place, id, meant.tool, meant.value, json),
            replace(stopped, stop_reason="tool_use"),
        )

    @property
    def _reply_id(self) -> str:
        return next((each.id for each in self._said if isinstance(each, Started)), "")

    def _released(self) -> Sequence[Delta]:
        held, self._held = self._held, []
        return held


class OneCall:
    """Lets only the first call of a reply through, where more are not wanted."""

    done = False

    def __init__(self) -> None:
        self._first: int | None = None
        self._dropped = 0

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Passes everything on but further calls; the end says how many they were."""
        if isinstance(delta, ToolUseStarted):
            self._first = delta.place if self._first is None else self._first
            self._dropped += delta.place != self._first
        match delta:
            case ToolUseStarted(place) | ToolUseDelta(place) | ToolUseStopped(place):
                return (delta,) if place == self._first else ()
            case Stopped(notes=notes) if self._dropped:
                said = {**notes, "dropped_tool_calls": self._dropped}
                return (replace(delta, notes=said),)
            case _:
                return (delta,)


def _texts(deltas: Iterable[Delta]) -> Iterator[str]:
    return (each.text for each in deltas if isinstance(each, TextDelta))


def _stopped(unmet: Unmet) -> Stopped:
    return next(each for each in unmet.said if isinstance(each, Stopped))
