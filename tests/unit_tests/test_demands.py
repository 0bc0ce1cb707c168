"""What meets a demand passes; what does not ends in `Unmet`, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_minimax._blocks import (
    ChatRequest,
    Conversation,
    Json,
    JsonAnswer,
    Opaque,
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
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Unmet,
    Usage,
)
from langchain_minimax._demands import (
    AnswerDemand,
    CallDemand,
    Demand,
    Demanded,
    Meant,
    OneCall,
    asked_again,
    demand_of,
    failure,
    instructed,
    schemas_of,
    summed_up,
)
from langchain_minimax._json import arguments_in
from langchain_minimax.errors import MiniMaxOutputError, MiniMaxToolChoiceError


def of_type(**properties: str) -> Json:
    return {
        "type": "object",
        "properties": {name: {"type": type} for name, type in properties.items()},
        "required": list(properties),
    }


DIG = of_type(depth="integer")
SCHEMAS = {
    "dig": DIG,
    "fill": of_type(material="string"),
    "drill": of_type(depth="integer"),
    "rest": {"type": "object", "properties": {}},
}
ANY = CallDemand(ToolChoice("any"), SCHEMAS)
ONE = CallDemand(ToolChoice("tool", "dig"), SCHEMAS)
TWO = CallDemand(ToolChoice("any"), {key: SCHEMAS[key] for key in ("dig", "fill")})
ANSWER = AnswerDemand(JsonAnswer(DIG), {})
USAGE = Usage(10, 5)
START, END = Started("r1", "MiniMax-M3"), Stopped("end_turn", USAGE)
ENDED = replace(END, notes={"attempts": 1})
CONVERSATION = Conversation((Text("Be kind."),), (Turn("user", (Text("Dig."),)),))


def text(place: int, words: str, size: int = 99) -> list[Delta]:
    pieces = [words[at : at + size] for at in range(0, len(words), size)]
    return [*(TextDelta(place, piece) for piece in pieces), BlockStopped(place)]


def thinking(place: int, words: str) -> list[Delta]:
    return [ThinkingDelta(place, words), Signature(place, "5ig"), BlockStopped(place)]


def call(place: int, name: str, json: str, size: int = 99) -> list[Delta]:
    id = f"c{place}"
    pieces = [json[at : at + size] for at in range(0, len(json), size)]
    return [
        ToolUseStarted(place, id, name),
        *(ToolUseDelta(place, piece) for piece in pieces),
        ToolUseStopped(place, id, name, arguments_in(json), json),
    ]


def heard(
    deltas: Sequence[Delta], demand: Demand = TWO, earlier: Sequence[Unmet] = ()
) -> list[Delta]:
    stage = Demanded(demand, earlier)
    return [passed for delta in deltas for passed in stage.feed(delta)]


def unmet(
    deltas: Sequence[Delta], reason: Any = "prose", problem: str = "No."
) -> Unmet:
    return Unmet(reason, problem, tuple(deltas))


# --- What is demanded ----------------------------------------------------------------

TOOLS = (Tool("dig", None, DIG), Opaque({"type": "web_search"}))
REQUEST = ChatRequest("MiniMax-M3", CONVERSATION, 9, stream=True, tools=TOOLS)


@pytest.mark.parametrize(
    ("fields", "demand"),
    [
        ({}, None),
        ({"tool_choice": ToolChoice("auto")}, None),
        ({"tool_choice": ToolChoice("none")}, None),
        (
            {"tool_choice": ToolChoice("any")},
            CallDemand(ToolChoice("any"), {"dig": DIG}),
        ),
        (
            {"tool_choice": ToolChoice("tool", "dig")},
            CallDemand(ToolChoice("tool", "dig"), {"dig": DIG}),
        ),
        ({"answer": JsonAnswer()}, AnswerDemand(JsonAnswer(), {"dig": DIG})),
        (
            {"answer": JsonAnswer(), "tool_choice": ToolChoice("auto")},
            AnswerDemand(JsonAnswer(), {"dig": DIG}),
        ),
        (
            {"answer": JsonAnswer(), "tool_choice": ToolChoice("any")},
            CallDemand(ToolChoice("any"), {"dig": DIG}),
        ),
    ],
)
def test_what_a_request_demands(fields: Json, demand: Demand | None) -> None:
    assert demand_of(replace(REQUEST, **fields)) == demand


def test_only_tools_of_the_caller_have_a_schema() -> None:
    assert schemas_of(REQUEST) == {"dig": DIG}


@pytest.mark.parametrize(
    ("demand", "words"),
    [
        (ONE, "call `dig`. "),
        (TWO, "call `dig` or `fill`. "),
        (ANY, "call `dig`, `fill`, `drill` or `rest`. "),
        (AnswerDemand(JsonAnswer(), {}), "Your reply must be one JSON object"),
        (AnswerDemand(JsonAnswer(), SCHEMAS), "Unless you call a tool, your reply"),
        (ANSWER, '"required": ["depth"]'),
    ],
)
def test_what_the_model_is_told(demand: Demand, words: str) -> None:
    assert words in demand.instruction


def test_an_answer_without_a_schema_is_told_of_none() -> None:
    assert "schema" not in AnswerDemand(JsonAnswer(), {}).instruction


@pytest.mark.parametrize(
    ("demand", "allowed"),
    [
        (ONE, ["dig"]),
        (ANY, ["dig", "fill", "blast"]),
        (ANSWER, ["dig", "fill", "blast"]),
    ],
)
def test_which_tools_count(demand: Demand, allowed: list[str]) -> None:
    names = ["dig", "fill", "blast"]
    assert [name for name in names if demand.allows(name)] == allowed


# --- What a text means ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("demand", "words", "tool", "value"),
    [
        (TWO, '{"depth": 3}', "dig", {"depth": 3}),
        (TWO, ' \n{"depth": 3}\n ', "dig", {"depth": 3}),
        (TWO, '{"material": "sand"}', "fill", {"material": "sand"}),
        (TWO, '```json\n{"depth": 3}\n```', "dig", {"depth": 3}),
        (TWO, '```\n{"depth": 3}\n```', "dig", {"depth": 3}),
        (TWO, 'Here:\n\n```json\n{\n  "depth": 3\n}\n```\n', "dig", {"depth": 3}),
        (TWO, '{"name": "dig", "arguments": {"depth": 3}}', "dig", {"depth": 3}),
        (TWO, '{"name": "dig", "input": {"depth": 3}}', "dig", {"depth": 3}),
        (TWO, '{"name": "dig", "parameters": {"depth": 3}}', "dig", {"depth": 3}),
        (TWO, '{"name": "dig", "args": {"depth": 3}}', "dig", {"depth": 3}),
        (ANY, '{"name": "drill", "args": {"depth": 3}}', "drill", {"depth": 3}),
        (ANY, "{}", "rest", {}),
        (ANY, '{"name": "rest", "arguments": {}}', "rest", {}),
        (ONE, '{"depth": 3}', "dig", {"depth": 3}),
        (ANSWER, '{"depth": 3}', None, {"depth": 3}),
        (ANSWER, '```json\n{"depth": 3}\n```', None, {"depth": 3}),
    ],
)
def test_a_lone_object_that_fits_is_what_was_meant(
    demand: Demand, words: str, tool: str | None, value: Json
) -> None:
    assert demand.read(words) == Meant(value, tool)


@pytest.mark.parametrize(
    ("demand", "words", "problem"),
    [
        (TWO, "You should dig.", "The reply was text"),
        (TWO, 'I say {"depth": 3}.', "The reply was text"),
        (TWO, '[{"depth": 3}]', "The reply was text"),
        (TWO, "3", "The reply was text"),
        (TWO, '{"depth": 3', "The reply was text"),
        (TWO, '{"depth": NaN}', "The reply was text"),
        (TWO, '{"depth": 1}{"depth": 2}', "The reply was text"),
        (
            TWO,
            '```\n{"depth": 1}\n```\nor\n```\n{"depth": 2}\n```',
            "The reply was text",
        ),
        (TWO, '```json\n{"depth": 1}\n```\nNot this!', "The reply was text"),
        (TWO, '```python\nprint("hi")\n```', "The reply was text"),
        (TWO, '{"depth": "deep"}', "integer"),
        (TWO, '{"name": "dig", "arguments": {"depth": "deep"}}', "integer"),
        (TWO, '{"other": 3}', "unclear"),
        (TWO, "{}", "unclear"),
        (ANY, '{"depth": 3}', "unclear"),
        (ONE, '{"material": "sand"}', "no tool was called"),
        (ONE, '{"name": "fill", "arguments": {"material": "s"}}', "no tool was called"),
        (ANSWER, "Deep.", "no JSON object"),
        (ANSWER, '{"depth": "deep"}', "integer"),
        (ANSWER, "{}", "depth"),
    ],
)
def test_everything_else_says_what_is_wrong(
    demand: Demand, words: str, problem: str
) -> None:
    said = demand.read(words)
    assert isinstance(said, str)
    assert problem in said


class Shallow:
    """Judges depths in place of the schema, and nothing else."""

    limit = 5

    def knows(self, tool: str | None) -> bool:
        return tool != "fill"

    def __call__(self, value: Json, tool: str | None) -> str | None:
        assert self.knows(tool)
        depth = value["depth"]
        is_fine = isinstance(depth, str) or depth < self.limit
        return None if is_fine else "That is too deep."


check = Shallow()


@pytest.mark.parametrize(
    "demand",
    [
        CallDemand(ToolChoice("tool", "dig", check), SCHEMAS),
        AnswerDemand(JsonAnswer(DIG, check), {}),
    ],
    ids=["call", "answer"],
)
def test_a_check_decides_in_place_of_the_schema(demand: Demand) -> None:
    assert isinstance(demand.read('{"depth": 4}'), Meant)
    assert "too deep" in str(demand.read('{"depth": 6}'))
    assert isinstance(demand.read('{"depth": "x"}'), Meant)


def test_the_schema_decides_where_a_check_does_not() -> None:
    demand = CallDemand(ToolChoice("any", None, check), SCHEMAS)
    assert isinstance(demand.read('{"material": "sand"}'), Meant)
    assert "string" in str(demand.read('{"material": 3}'))


@pytest.mark.parametrize(
    ("demand", "name", "json", "problem"),
    [
        (TWO, "dig", '{"depth": 3}', None),
        (TWO, "dig", '{"depth": "x"}', "integer"),
        (TWO, "dig", '{"depth": ', "not one whole JSON object"),
        (TWO, "blast", "{}", "no tool 'blast'"),
        (ANSWER, "dig", '{"depth": "x"}', None),
        (ANSWER, "dig", '{"depth": ', "not one whole JSON object"),
    ],
)
def test_what_is_wrong_with_a_call(
    demand: Demand, name: str, json: str, problem: str | None
) -> None:
    stopped = call(0, name, json)[-1]
    assert isinstance(stopped, ToolUseStopped)
    said = demand.problem(stopped)
    assert said is None if problem is None else problem in (said or "")


# --- What passes ---------------------------------------------------------------------


def test_thinking_and_a_call_pass_as_they_come() -> None:
    deltas = [START, *thinking(0, "Hm"), *call(1, "dig", '{"depth": 3}')]
    stage = Demanded(ONE)
    for delta in deltas:
        assert stage.feed(delta) == (delta,)
    assert stage.feed(END) == (ENDED,)


def test_text_is_held_back_until_a_call_begins() -> None:
    stage = Demanded(ONE)
    held = text(0, "I dig.")
    assert [list(stage.feed(delta)) for delta in held] == [[], []]
    first, *others = call(1, "dig", '{"depth": 3}')
    assert list(stage.feed(first)) == [*held, first]
    assert [list(stage.feed(delta)) for delta in others] == [[d] for d in others]


def test_text_after_a_good_call_comes_with_the_end() -> None:
    made, said = call(0, "dig", '{"depth": 3}'), text(1, "There.")
    assert heard([START, *made, *said, END], ONE) == [START, *made, *said, ENDED]


def test_a_wrong_tool_is_left_out_and_the_wanted_one_stays() -> None:
    wrong, right = call(0, "fill", '{"material": "x"}'), call(1, "dig", '{"depth": 3}')
    assert heard([START, *wrong, *right, END], ONE) == [START, *right, ENDED]


def test_a_call_that_does_not_fit_is_told_as_none() -> None:
    *others, stopped = call(0, "dig", '{"depth": "x"}')
    *passed, last = heard([START, *others, stopped, END], ONE)
    assert isinstance(stopped, ToolUseStopped)
    assert passed == [START, *others, replace(stopped, input=None)]
    assert isinstance(last, Unmet)


def test_json_becomes_the_call_that_it_means() -> None:
    said = [START, *thinking(0, "Hm"), *text(1, '```\n{"depth":3}\n```'), END]
    *before, started, delta, stopped, end = heard(said, TWO)
    assert before == said[:4]
    assert isinstance(started, ToolUseStarted)
    id = started.id
    assert id.startswith("call_")
    assert started == ToolUseStarted(1, id, "dig")
    assert delta == ToolUseDelta(1, '{"depth": 3}')
    assert stopped == ToolUseStopped(1, id, "dig", {"depth": 3}, '{"depth": 3}')
    assert end == replace(ENDED, stop_reason="tool_use")


def test_json_over_two_blocks_is_one_text() -> None:
    said = [START, *text(0, '{"depth"'), *text(2, ": 3}"), END]
    stopped = heard(said, TWO)[-2]
    assert isinstance(stopped, ToolUseStopped)
    assert stopped.input == {"depth": 3}


def test_a_call_in_place_of_text_takes_no_other_blocks_place() -> None:
    said = [START, *text(0, "Well:"), *call(1, "dig", '{"depth": "x"}')]
    passed = heard([*said, *text(2, '{"depth": 3}'), END], ONE)
    began = [each.place for each in passed if isinstance(each, ToolUseStarted)]
    assert began == [1, 2]


def test_the_same_reply_gives_the_same_id_and_another_one_another() -> None:
    def id_of(reply: str, json: str) -> str:
        started = heard([Started(reply, None), *text(0, json), END], TWO)[1]
        assert isinstance(started, ToolUseStarted)
        return started.id

    assert id_of("r", '{"depth":3}') == id_of("r", ' {"depth": 3}')
    ids = [("r", '{"depth": 3}'), ("s", '{"depth": 3}'), ("r", '{"depth": 4}')]
    assert len({id_of(*each) for each in ids}) == 3


def test_a_surrogate_in_the_json_does_no_harm() -> None:
    said = heard([START, *text(0, '{"material": "\\ud83d"}'), END], TWO)
    assert isinstance(said[-2], ToolUseStopped)


def test_an_answer_is_told_as_plain_json() -> None:
    said = heard([START, *text(0, '```json\n{"depth":3}\n```'), END], ANSWER)
    assert said == [START, TextDelta(0, '{"depth": 3}'), BlockStopped(0), ENDED]


def test_a_call_may_come_in_place_of_an_answer() -> None:
    demand = AnswerDemand(JsonAnswer(DIG), SCHEMAS)
    deltas = [START, *text(0, "I look."), *call(1, "fill", "{}")]
    assert heard([*deltas, END], demand) == [*deltas, ENDED]


def test_the_end_has_the_tokens_of_all_attempts_and_the_other_notes() -> None:
    earlier = unmet([START, Stopped("end_turn", Usage(1, 2))])
    end = replace(END, notes={"signatures_refused": True})
    *_, last = heard([START, *call(0, "dig", '{"depth": 3}'), end], ONE, [earlier])
    notes = {"signatures_refused": True, "attempts": 2}
    assert last == replace(end, usage=Usage(11, 7), notes=notes)


# --- What does not do ----------------------------------------------------------------

CUT = Stopped("max_tokens", USAGE)
REASONS: list[tuple[Demand, list[Delta], Stopped, str, str]] = [
    (TWO, [], END, "empty", "empty"),
    (TWO, thinking(0, "Hm"), END, "empty", "empty"),
    (TWO, text(0, " \n"), END, "empty", "empty"),
    (TWO, text(0, "Dig."), END, "prose", "no tool was called"),
    (TWO, text(0, '{"depth": "x"}'), END, "invalid", "integer"),
    (TWO, call(0, "dig", '{"depth": "x"}'), END, "invalid", "integer"),
    (TWO, call(0, "dig", '{"depth":'), END, "invalid", "not one whole"),
    (TWO, call(0, "blast", "{}"), END, "invalid", "blast"),
    (ONE, call(0, "fill", '{"material": "x"}'), END, "wrong tool", "`fill` was called"),
    (TWO, text(0, "Dig"), CUT, "cut", "max_tokens"),
    (TWO, [], CUT, "cut", "max_tokens"),
    (TWO, call(0, "dig", '{"dep'), CUT, "cut", "max_tokens"),
    (ANSWER, text(0, "Deep."), END, "prose", "no JSON"),
    (ANSWER, text(0, '{"depth": "x"}'), END, "invalid", "integer"),
    (ANSWER, [], END, "empty", "empty"),
    (ANSWER, text(0, '{"dep'), CUT, "cut", "max_tokens"),
]


@pytest.mark.parametrize(("demand", "said", "end", "reason", "problem"), REASONS)
def test_a_reply_that_will_not_do_says_why(
    demand: Demand, said: list[Delta], end: Stopped, reason: str, problem: str
) -> None:
    *_, last = heard([START, *said, end], demand)
    assert isinstance(last, Unmet)
    assert last.reason == reason
    assert problem in last.problem
    assert last.said == (START, *said, end)
    assert last.is_final is (reason == "cut")


@pytest.mark.parametrize(
    ("earlier", "end", "is_shown"),
    [([], END, False), ([], CUT, True), ([unmet([START, END])], END, True)],
    ids=["asked again", "cut", "the last"],
)
def test_the_text_of_what_is_asked_again_is_not_shown(
    earlier: list[Unmet], end: Stopped, is_shown: bool
) -> None:
    said = text(0, "You should dig.")
    *passed, last = heard([START, *said, end], ONE, earlier)
    assert passed == [START, *(said if is_shown else ())]
    assert isinstance(last, Unmet)


@given(
    words=st.sampled_from(["Dig.", '{"depth": 3}', '```\n{"depth": 3}\n```', " "]),
    json=st.sampled_from(["", '{"depth": 3}', '{"depth": "x"}', '{"dep']),
    size=st.integers(1, 7),
    is_last=st.booleans(),
)
def test_it_does_not_matter_how_a_reply_was_cut_into_deltas(
    words: str, json: str, size: int, is_last: bool
) -> None:
    def told(size: int) -> Any:
        said = [START, *text(0, words, size)]
        said += call(1, "dig", json, size) if json else []
        earlier = [unmet([START, END])] if is_last else []
        merged: list[Any] = []
        for delta in heard([*said, END], TWO, earlier):
            last = merged[-1] if merged else None
            if isinstance(delta, TextDelta) and isinstance(last, TextDelta):
                merged[-1] = replace(last, text=last.text + delta.text)
            elif isinstance(delta, ToolUseDelta) and isinstance(last, ToolUseDelta):
                whole = last.partial_json + delta.partial_json
                merged[-1] = replace(last, partial_json=whole)
            elif isinstance(delta, Unmet):
                merged.append((delta.reason, delta.problem))
            else:
                merged.append(delta)
        return merged

    assert told(size) == told(99)


# --- What is asked -------------------------------------------------------------------


def turns_after(conversation: Conversation) -> list[tuple[str, Any]]:
    """What follows the words of the user, and it stands in front as it was."""
    (asked,) = CONVERSATION.turns
    first, *others = conversation.turns
    assert conversation.system == CONVERSATION.system
    assert first.role == "user"
    assert first.blocks[: len(asked.blocks)] == asked.blocks
    rest = first.blocks[len(asked.blocks) :]
    begun = [("user", rest)] if rest else []
    return [*begun, *((turn.role, turn.blocks) for turn in others)]


def test_the_instruction_stands_at_the_end_and_the_prompt_stays() -> None:
    ((role, blocks),) = turns_after(instructed(CONVERSATION, ONE))
    assert role == "user"
    assert ONE.instruction in "".join(block.text for block in blocks)


def test_the_reply_and_what_is_wrong_with_it_are_sent_back() -> None:
    said = [START, *text(0, "Well."), *call(1, "dig", '{"depth": "x"}'), END]
    again = asked_again(CONVERSATION, ONE, unmet(said, "invalid", "Not deep."))
    (role, blocks), *others = turns_after(again)
    assert (role, blocks) == (
        "assistant",
        (Text("Well."), ToolUse("c1", "dig", {"depth": "x"})),
    )
    rest = [block for role, blocks in others for block in blocks]
    assert {role for role, _ in others} == {"user"}
    result, *told = rest
    assert result == ToolResult("c1", "Not deep.", is_error=True)
    words = "".join(block.text for block in told)
    assert "Not deep." in words
    assert ONE.instruction in words


def test_every_call_of_the_reply_has_a_result() -> None:
    said = [START, *call(0, "fill", "{}"), *call(1, "fill", "{}"), END]
    again = asked_again(CONVERSATION, ONE, unmet(said))
    blocks = [block for _, blocks in turns_after(again) for block in blocks]
    results = [each.tool_use_id for each in blocks if isinstance(each, ToolResult)]
    assert results == ["c0", "c1"]


def test_a_reply_of_nothing_is_no_turn() -> None:
    again = asked_again(CONVERSATION, ONE, unmet([START, END], "empty"))
    assert {role for role, _ in turns_after(again)} == {"user"}


# --- When it was asked often enough --------------------------------------------------


@pytest.mark.parametrize(
    ("demand", "kind", "wish"),
    [
        (ONE, MiniMaxToolChoiceError, "call `dig`"),
        (ANSWER, MiniMaxOutputError, "answer with JSON"),
    ],
)
def test_the_error_says_what_was_wanted_and_what_came(
    demand: Demand, kind: type[MiniMaxOutputError], wish: str
) -> None:
    asked = [unmet([START, END], "empty", "Was empty."), unmet([START, END])]
    error = failure(demand, asked, "MiniMax-M3")
    assert type(error) is kind
    assert (error.reason, error.attempts) == ("prose", 2)
    assert "MiniMax-M3 was asked twice" in str(error)
    assert wish in str(error)
    assert "No." in str(error)
    assert "Was empty." not in str(error)


def test_a_cut_reply_was_asked_for_once_and_says_what_to_do() -> None:
    error = failure(ONE, [unmet([START, CUT], "cut")], "MiniMax-M3")
    assert (error.reason, error.attempts) == ("cut", 1)
    assert "once" in str(error)
    assert "max_tokens" in str(error)


def test_replies_that_would_not_do_are_summed_up_as_one() -> None:
    one = [START, *thinking(0, "Hm"), END]
    two = [Started("r2", None), *text(0, "Dig."), CUT]
    summed = summed_up([*one[:-1], unmet(one), *two[:-1], unmet(two)])
    end = replace(CUT, usage=Usage(20, 10), notes={"attempts": 2})
    assert summed == [*one[:-1], *two[:-1], end]


def test_what_is_no_reply_to_a_demand_is_left_as_it_is() -> None:
    assert summed_up([START, *text(0, "Hi"), END]) == [START, *text(0, "Hi"), END]
    assert summed_up([]) == []


def test_a_second_reply_that_broke_off_is_not_summed_up_as_one_that_ended() -> None:
    begun = ToolUseStarted(0, "c0", "dig")
    broken = [Started("r2", None), begun, ToolUseDelta(0, '{"depth": 12')]
    heard = [START, unmet([START, END]), *broken]
    assert summed_up(heard) == heard


# --- One call ------------------------------------------------------------------------


def alone(deltas: Sequence[Delta]) -> list[Delta]:
    stage = OneCall()
    return [passed for delta in deltas for passed in stage.feed(delta)]


@pytest.mark.parametrize("more", [0, 1, 3])
def test_only_the_first_call_passes_and_the_others_are_counted(more: int) -> None:
    kept = [START, *thinking(0, "Hm"), *text(1, "I dig."), *call(2, "dig", "{}")]
    others = [delta for place in range(more) for delta in call(3 + place, "dig", "{}")]
    notes = {"dropped_tool_calls": more} if more else {}
    end = replace(END, notes=notes)
    assert alone([*kept, *others, *text(9, "So."), END]) == [
        *kept,
        *text(9, "So."),
        end,
    ]


def test_other_notes_stay_beside_the_number_of_calls_left_out() -> None:
    end = replace(END, notes={"attempts": 2})
    *_, last = alone([*call(0, "dig", "{}"), *call(1, "dig", "{}"), end])
    assert last == replace(end, notes={"attempts": 2, "dropped_tool_calls": 1})


def test_a_reply_without_calls_passes_as_it_is() -> None:
    said = [START, *text(0, "Hi"), END]
    assert alone(said) == said
