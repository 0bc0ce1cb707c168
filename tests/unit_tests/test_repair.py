"""Each rule of the repair as a table of small conversations: before, and after."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any

import pytest

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Json,
    Media,
    Opaque,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._repair import labelled, repair, without_signatures
from langchain_minimax.errors import MiniMaxInvalidRequestError

IMAGE = Media("image", url="https://example.com/a.png")
VIDEO = Media("video", url="mm_file://7")
SEARCH = Opaque({"type": "server_tool_use", "id": "s1", "name": "web_search"})
MARK = {"type": "ephemeral"}

UNANSWERED = "There is no result: this call was never answered."
CONTINUED = Text("(The rest of this result is in the next message.)")


def turn(role: Role, *said: Block | str) -> Turn:
    return Turn(role, tuple(Text(one) if isinstance(one, str) else one for one in said))


def user(*said: Block | str) -> Turn:
    return turn("user", *said)


def assistant(*said: Block | str) -> Turn:
    return turn("assistant", *said)


def system(*said: Block | str) -> Turn:
    return turn("system", *said)


def call(id: str = "c1", name: str = "dig", /, **input: Any) -> ToolUse:
    return ToolUse(id, name, input)


def result(
    id: str = "c1", content: str | tuple[Block, ...] = "sand", /, **said: Any
) -> ToolResult:
    return ToolResult(id, content, **said)


def stub(id: str = "c1", name: str = "dig") -> ToolResult:
    return result(id, UNANSWERED, is_error=True, name=name)


def talk(*turns: Turn, prompt: tuple[Text, ...] = ()) -> Conversation:
    return Conversation(prompt, turns)


Table = dict[str, tuple[Conversation, Conversation]]


def each_of(table: Table) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("before", "after"), table.values(), ids=table)


# --- What is legal -------------------------------------------------------------------

LEGAL: dict[str, Conversation] = {
    "a question": talk(user("Hi")),
    "a prompt": talk(user("Hi"), prompt=(Text("Be kind."), Text("Be brief.", MARK))),
    "a talk": talk(user("Hi"), assistant("Hello"), user("Bye")),
    "an answer that begins": talk(user("Say A."), assistant("A is")),
    "a reply first": talk(assistant("Hello"), user("Hi")),
    "line ends in a reply": talk(
        user("Hi"), assistant(Thinking("Hm.", "5ig"), "\n\n", call()), user(result())
    ),
    "a loop": talk(
        user("Dig."),
        assistant(Thinking("Where?", "5ig"), "I dig.", call("c1", at=1)),
        user(result("c1")),
        assistant(call("c2", at=2)),
        user(result("c2", "water", is_error=True)),
        assistant("Done."),
    ),
    "two calls at once": talk(
        user("Dig."),
        assistant(call("c1"), call("c2")),
        user(result("c1"), result("c2")),
    ),
    "one id in two turns": talk(
        user("Dig."),
        assistant(call("c1")),
        user(result("c1", "sand")),
        assistant(call("c1")),
        user(result("c1", "water")),
    ),
    "a word after a result": talk(
        user("Dig."), assistant(call()), user(result()), user("And now?")
    ),
    "pictures": talk(
        user("Look:", IMAGE, VIDEO),
        assistant(call()),
        user(result("c1", (Text("There:"), IMAGE))),
    ),
    "longest id": talk(
        user("Dig."),
        assistant(call("a-Z_9" + 59 * "x")),
        user(result("a-Z_9" + 59 * "x")),
    ),
    "role play": talk(
        turn("user_system", "A knight."),
        turn("sample_message_user", "Hail!"),
        turn("sample_message_ai", "Hail."),
        turn("group", "The court."),
        user("Hi"),
    ),
    "a block of the wire": talk(user("Find it."), assistant(SEARCH, "Found.")),
    "marks": talk(
        user(Text("Hi", MARK)),
        assistant(ToolUse("c1", "dig", {}, MARK)),
        user(result("c1", "sand", cache_control=MARK)),
    ),
}


@pytest.mark.parametrize("legal", LEGAL.values(), ids=LEGAL)
def test_a_legal_conversation_stays_as_it_is_and_nothing_is_noted(
    legal: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "langchain_minimax._repair"):
        assert repair(legal) == legal
    assert caplog.messages == []


# --- The system prompt ---------------------------------------------------------------

SYSTEM: Table = {
    "in front": (
        talk(system("Be kind."), system("Be", Text("brief.", MARK)), user("Hi")),
        talk(user("Hi"), prompt=(Text("Be kind."), Text("Be"), Text("brief.", MARK))),
    ),
    "behind a prompt": (
        talk(system("Be brief."), user("Hi"), prompt=(Text("Be kind."),)),
        talk(user("Hi"), prompt=(Text("Be kind."), Text("Be brief."))),
    ),
    "later": (
        talk(system("Be kind."), user("Hi"), assistant("Hello"), system("Be brief.")),
        talk(
            user("Hi"),
            assistant("Hello"),
            user("<system>", "Be brief.", "</system>"),
            prompt=(Text("Be kind."),),
        ),
    ),
    "later, of two parts": (
        talk(assistant("Hello"), system("Be", "kind.")),
        talk(assistant("Hello"), user("<system>", "Be", "kind.", "</system>")),
    ),
    "later, among people's words": (
        talk(user("Hi"), system("Be kind."), user("Well?")),
        talk(user("Hi", "<system>", "Be kind.", "</system>", "Well?")),
    ),
    "two later": (
        talk(user("Hi"), system("Be kind."), system("Be brief.")),
        talk(
            user(
                *("Hi", "<system>", "Be kind.", "</system>"),
                *("<system>", "Be brief.", "</system>"),
            )
        ),
    ),
    "first after a blank message": (
        talk(user(" "), system("Be kind."), user("Hi")),
        talk(user("Hi"), prompt=(Text("Be kind."),)),
    ),
    "between a call and its result": (
        talk(user("Dig."), assistant(call()), system("Be quick."), user(result())),
        talk(
            user("Dig."),
            assistant(call()),
            user(result()),
            user("<system>", "Be quick.", "</system>"),
        ),
    ),
    "nothing else": (
        talk(system("Be kind.", "Be brief."), system("Be wise.")),
        talk(user("Be kind.", "Be brief.", "Be wise.")),
    ),
    "nothing but a prompt": (
        talk(prompt=(Text("Be kind."),)),
        talk(user("Be kind.")),
    ),
    "nothing else that says anything": (
        talk(system("Be kind."), user(""), assistant("\n")),
        talk(user("Be kind.")),
    ),
    "with a picture in front": (
        talk(system("Like this:", IMAGE, "Be kind."), user("Hi")),
        talk(user(IMAGE, "Hi"), prompt=(Text("Like this:"), Text("Be kind."))),
    ),
    "with a picture in front of another": (
        talk(system("Like this:", IMAGE), system("Be kind."), user("Hi")),
        talk(user(IMAGE, "Hi"), prompt=(Text("Like this:"), Text("Be kind."))),
    ),
    "with a picture and nothing else": (
        talk(system("Like this:", IMAGE)),
        talk(user(IMAGE), prompt=(Text("Like this:"),)),
    ),
    "with a picture later": (
        talk(user("Hi"), system(IMAGE)),
        talk(user("Hi", "<system>", IMAGE, "</system>")),
    ),
    "blank parts": (
        talk(system("Be kind.", "", " \n"), system("\t"), user("Hi")),
        talk(user("Hi"), prompt=(Text("Be kind."),)),
    ),
}


@each_of(SYSTEM)
def test_system_messages_lead_or_stay_where_they_were_said(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


# --- Calls and results ---------------------------------------------------------------

PLACES: Table = {
    "a message each": (
        talk(assistant(call("c1"), call("c2")), user(result("c1")), user(result("c2"))),
        talk(assistant(call("c1"), call("c2")), user(result("c1"), result("c2"))),
    ),
    "in another order": (
        talk(
            assistant(call("c1"), call("c2"), call("c3")),
            user(result("c3", "3"), result("c1", "1")),
            user(result("c2", "2")),
        ),
        talk(
            assistant(call("c1"), call("c2"), call("c3")),
            user(result("c1", "1"), result("c2", "2"), result("c3", "3")),
        ),
    ),
    "a word before it": (
        talk(assistant(call()), user("Wait."), user(result())),
        talk(assistant(call()), user(result()), user("Wait.")),
    ),
    "a word beside it": (
        talk(assistant(call()), user("Here:", result(), "And now?")),
        talk(assistant(call()), user(result()), user("Here:", "And now?")),
    ),
    "a picture beside it": (
        talk(assistant(call()), user(result(), IMAGE)),
        talk(assistant(call()), user(result()), user(IMAGE)),
    ),
    "a reply in between": (
        talk(
            *(assistant(call()), user("Wait."), assistant("I wait.")),
            *(user("So?"), user(result())),
        ),
        talk(
            *(assistant(call()), user(result()), user("Wait.")),
            *(assistant("I wait."), user("So?")),
        ),
    ),
    "another call in between": (
        talk(
            *(assistant(call("c1")), assistant(call("c2"))),
            *(user(result("c1")), user(result("c2"))),
        ),
        talk(
            *(assistant(call("c1")), user(result("c1"))),
            *(assistant(call("c2")), user(result("c2"))),
        ),
    ),
    "results between the calls' texts": (
        talk(assistant("I dig.", call(), "I hope."), user(result())),
        talk(assistant("I dig.", call(), "I hope."), user(result())),
    ),
    "in front of its call": (
        talk(user(result()), assistant(call()), user("And?")),
        talk(assistant(call()), user(result()), user("And?")),
    ),
    "in front of its call, with words": (
        talk(user("Here:", result()), assistant(call())),
        talk(user("Here:"), assistant(call()), user(result())),
    ),
    "in the reply itself": (
        talk(user("Dig."), assistant(call(), result(), "Sand!")),
        talk(user("Dig."), assistant(call(), "Sand!"), user(result())),
    ),
    "role play in between": (
        talk(assistant(call()), turn("group", "Hush!"), user(result())),
        talk(assistant(call()), user(result()), turn("group", "Hush!")),
    ),
    "nearest of one id before it": (
        talk(
            assistant(call("c1", at=1)),
            assistant(call("c1", at=2)),
            user(result("c1")),
        ),
        talk(
            *(assistant(call("c1", at=1)), user(stub())),
            *(assistant(call("c1", at=2)), user(result("c1"))),
        ),
    ),
    "each of one id its own": (
        talk(
            *(assistant(call("c1")), user(result("c1", "1"))),
            *(user("Again."), assistant(call("c1")), user("Well?")),
            user(result("c1", "2")),
        ),
        talk(
            *(assistant(call("c1")), user(result("c1", "1")), user("Again.")),
            *(assistant(call("c1")), user(result("c1", "2")), user("Well?")),
        ),
    ),
    "next of one id after it": (
        talk(
            user(result("c1", "1")),
            assistant(call("c1", at=1)),
            assistant(call("c1", at=2)),
        ),
        talk(
            *(assistant(call("c1", at=1)), user(result("c1", "1"))),
            *(assistant(call("c1", at=2)), user(stub())),
        ),
    ),
}


@each_of(PLACES)
def test_results_stand_alone_behind_their_calls_and_words_come_after(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


ORPHANS: Table = {
    "nobody called": (
        talk(user("Hi"), user(result("c9", "sand", name="dig")), assistant("Hello")),
        talk(
            user("Hi", '<tool_result id="c9" name="dig">', "sand", "</tool_result>"),
            assistant("Hello"),
        ),
    ),
    "without a name": (
        talk(user(result("c9"))),
        talk(user('<tool_result id="c9">', "sand", "</tool_result>")),
    ),
    "an error": (
        talk(user(result("c9", "No.", name="dig", is_error=True))),
        talk(
            user(
                '<tool_result id="c9" name="dig" status="error">',
                *("No.", "</tool_result>"),
            )
        ),
    ),
    "parts": (
        talk(user(result("c9", (Text("Look:"), Text(" "), IMAGE, VIDEO, SEARCH)))),
        talk(
            user(
                '<tool_result id="c9">',
                *("Look:", IMAGE, VIDEO, SEARCH, "</tool_result>"),
            )
        ),
    ),
    "empty": (
        talk(user(result("c9", ""))),
        talk(user('<tool_result id="c9">', "</tool_result>")),
    ),
    "an id that is no attribute": (
        talk(user(result('"<c>"', "sand", name="a&b"))),
        talk(
            user(
                '<tool_result id=\'"&lt;c&gt;"\' name="a&amp;b">',
                *("sand", "</tool_result>"),
            )
        ),
    ),
    "beside a result that somebody called for": (
        talk(assistant(call("c1")), user(result("c9", "9"), result("c1", "1"))),
        talk(
            assistant(call("c1")),
            user(result("c1", "1")),
            user('<tool_result id="c9">', "9", "</tool_result>"),
        ),
    ),
    "called by a person": (
        talk(user(call("c1", at=1)), user(result("c1"))),
        talk(
            user(
                *('<tool_call id="c1" name="dig">', '{"at": 1}', "</tool_call>"),
                *('<tool_result id="c1">', "sand", "</tool_result>"),
            )
        ),
    ),
    "in a reply": (
        talk(user("Hi"), assistant("Look:", result("c9"))),
        talk(
            user("Hi"),
            assistant("Look:"),
            user('<tool_result id="c9">', "sand", "</tool_result>"),
        ),
    ),
    "after trimming": (
        talk(
            system("Be kind."), user(result("c0")), assistant("Sand."), user("And now?")
        ),
        talk(
            user('<tool_result id="c0">', "sand", "</tool_result>"),
            assistant("Sand."),
            user("And now?"),
            prompt=(Text("Be kind."),),
        ),
    ),
    "a thought of a person's": (
        talk(user(Thinking("Hm.", "5ig"), Thinking("", "5ig"))),
        talk(
            user(
                *("<thinking>", "Hm.", "</thinking>"),
                *("<thinking>", "</thinking>"),
            )
        ),
    ),
}


@each_of(ORPHANS)
def test_what_nobody_called_for_becomes_text_where_it_stood(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


OLDER = '<tool_result id="c1" superseded="true">'

TWICE: Table = {
    "another one follows": (
        talk(assistant(call()), user(result("c1", "old")), user(result("c1", "new"))),
        talk(
            assistant(call()),
            user(result("c1", "new")),
            user(OLDER, "old", "</tool_result>"),
        ),
    ),
    "much later": (
        talk(
            *(assistant(call()), user(result("c1", "old")), assistant("Sand.")),
            *(user("Again!"), user(result("c1", "new"))),
        ),
        talk(
            assistant(call()),
            user(result("c1", "new")),
            user(OLDER, "old", "</tool_result>"),
            assistant("Sand."),
            user("Again!"),
        ),
    ),
    "three": (
        talk(assistant(call()), user(*(result("c1", each) for each in "123"))),
        talk(
            assistant(call()),
            user(result("c1", "3")),
            user(OLDER, "1", "</tool_result>", OLDER, "2", "</tool_result>"),
        ),
    ),
    "the same": (
        talk(assistant(call()), user(result("c1", "same")), user(result("c1", "same"))),
        talk(assistant(call()), user(result("c1", "same"))),
    ),
    "the same but for one": (
        talk(
            assistant(call()),
            user(*(result("c1", each) for each in ("same", "other", "same"))),
        ),
        talk(
            assistant(call()),
            user(result("c1", "same")),
            user(OLDER, "other", "</tool_result>"),
        ),
    ),
    "before and behind the call": (
        talk(user(result("c1", "old")), assistant(call()), user(result("c1", "new"))),
        talk(
            user(OLDER, "old", "</tool_result>"),
            assistant(call()),
            user(result("c1", "new")),
        ),
    ),
    "a stub that came true": (
        talk(
            *(assistant(call()), user(stub()), user("Well?")),
            user(result("c1", "sand", name="dig")),
        ),
        talk(
            assistant(call()),
            user(result("c1", "sand", name="dig")),
            user(
                '<tool_result id="c1" name="dig" status="error" superseded="true">',
                *(UNANSWERED, "</tool_result>", "Well?"),
            ),
        ),
    ),
}


@each_of(TWICE)
def test_of_two_results_the_newest_counts_and_the_older_is_not_lost(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


UNANSWERED_CALLS: Table = {
    "at the end": (
        talk(user("Dig."), assistant("I dig.", call())),
        talk(user("Dig."), assistant("I dig.", call()), user(stub())),
    ),
    "before a word": (
        talk(assistant(call("c1", "fill")), user("Stop!"), assistant("I stop.")),
        talk(
            *(assistant(call("c1", "fill")), user(stub("c1", "fill"))),
            *(user("Stop!"), assistant("I stop.")),
        ),
    ),
    "one of three": (
        talk(
            assistant(call("c1"), call("c2"), call("c3")),
            user(result("c3"), result("c1")),
        ),
        talk(
            assistant(call("c1"), call("c2"), call("c3")),
            user(result("c1"), stub("c2"), result("c3")),
        ),
    ),
    "before another reply": (
        talk(assistant(call("c1")), assistant("Never mind.")),
        talk(assistant(call("c1")), user(stub()), assistant("Never mind.")),
    ),
}


@each_of(UNANSWERED_CALLS)
def test_a_call_without_a_result_gets_one_that_says_so(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


def test_a_stub_gives_way_when_the_result_arrives() -> None:
    called = talk(user("Dig."), assistant(call()))
    once = repair(called)
    again = repair(talk(*called.turns, user(result("c1", "sand"))))
    assert once.turns[:2] == again.turns[:2]
    assert again.turns[2] == user(result("c1", "sand"))


# --- Calls of one id in one turn -----------------------------------------------------


def test_an_exact_copy_of_a_call_is_one_call() -> None:
    before = talk(
        assistant(call("c1", at=1), "and", call("c1", at=1), call("c2", at=1)),
        user(result("c1"), result("c2")),
    )
    assert repair(before) == talk(
        assistant(call("c1", at=1), "and", call("c2", at=1)),
        user(result("c1"), result("c2")),
    )


def test_a_copy_with_another_mark_is_a_copy() -> None:
    marked = ToolUse("c1", "dig", {"at": 1}, MARK)
    assert repair(talk(assistant(call("c1", at=1), marked), user(result()))) == talk(
        assistant(call("c1", at=1)), user(result())
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (call("c1", at=1), call("c1", at=True)),
        (call("c1", at=1), call("c1", at=1.0)),
        (call("c1", at=1), call("c1", "fill", at=1)),
        (call("c1"), call("c1", at=None)),
    ],
    ids=["true", "1.0", "name", "null"],
)
def test_what_is_not_the_same_json_is_no_copy(first: ToolUse, second: ToolUse) -> None:
    before = talk(assistant(first, second), user(result("c1", "1"), result("c1", "2")))
    calls, answers, *more = repair(before).turns
    assert len(calls.blocks) == len(answers.blocks) == 2
    assert more == []


def test_of_two_results_for_a_copied_call_the_newest_counts() -> None:
    before = talk(assistant(call(), call()), user(result("c1", "a"), result("c1", "b")))
    assert repair(before) == talk(
        assistant(call()),
        user(result("c1", "b")),
        user(OLDER, "a", "</tool_result>"),
    )


def calls_and_answers(conversation: Conversation) -> list[tuple[Json, object]]:
    """What each call asked, and what was answered to its id."""
    pairs: list[tuple[Json, object]] = []
    for reply, answers in zip(conversation.turns, conversation.turns[1:], strict=False):
        calls = [block for block in reply.blocks if isinstance(block, ToolUse)]
        if calls:
            assert [answer.tool_use_id for answer in answers.blocks] == [
                call.id for call in calls
            ]
            pairs += [
                (call.input, answer.content)
                for call, answer in zip(calls, answers.blocks, strict=True)
            ]
    return pairs


@pytest.mark.parametrize("id", ["c1", "", "c:1", "\ud800"])
def test_other_calls_of_one_id_get_one_each_and_their_results_in_order(
    id: str,
) -> None:
    before = talk(
        assistant(call(id, at=1), call(id, at=2), call("other"), call(id, at=3)),
        user(result(id, "1"), result("other", "o"), result(id, "2")),
    )
    after = repair(before)
    ids = [block.id for block in after.turns[0].blocks if isinstance(block, ToolUse)]
    assert len(set(ids)) == 4
    assert calls_and_answers(after) == [
        ({"at": 1}, "1"),
        ({"at": 2}, "2"),
        ({}, "o"),
        ({"at": 3}, UNANSWERED),
    ]


def test_the_first_of_two_calls_of_one_id_keeps_it() -> None:
    after = repair(talk(assistant(call("c1", at=1), call("c1", at=2))))
    first, second = after.turns[0].blocks
    assert first == call("c1", at=1)
    assert isinstance(second, ToolUse)
    assert second.id.startswith("c1_2_")


def test_calls_of_one_name_and_without_ids_are_no_copies() -> None:
    before = talk(
        assistant(call("", at=1), call("", at=1)),
        user(result("", "1"), result("", "2")),
    )
    assert calls_and_answers(repair(before)) == [({"at": 1}, "1"), ({"at": 1}, "2")]


def test_of_three_results_for_two_calls_of_one_id_the_oldest_is_too_many() -> None:
    before = talk(
        assistant(call("c1", at=1), call("c1", at=2)),
        user(*(result("c1", each) for each in "123")),
    )
    after = repair(before)
    assert calls_and_answers(after) == [({"at": 1}, "2"), ({"at": 2}, "3")]
    assert after.turns[2:] == (user(OLDER, "1", "</tool_result>"),)


# --- What says nothing ---------------------------------------------------------------

BLANK: Table = {
    "parts of a person's": (
        talk(user("", "Hi", " \n\t", Text("", MARK), IMAGE)),
        talk(user("Hi", IMAGE)),
    ),
    "empty parts of a reply": (
        talk(user("Hi"), assistant("", Thinking("Hm.", "5ig"), "\n\n", "Hello", "")),
        talk(user("Hi"), assistant(Thinking("Hm.", "5ig"), "\n\n", "Hello")),
    ),
    "an empty part with a mark": (
        talk(user("Hi"), assistant("Hello", Text("", MARK))),
        talk(user("Hi"), assistant("Hello")),
    ),
    "blank reply": (
        talk(user("Hi"), assistant("\n", " "), user("Hello?")),
        talk(user("Hi", "Hello?")),
    ),
    "a reply without blocks": (
        talk(user("Hi"), assistant(), user("Hello?")),
        talk(user("Hi", "Hello?")),
    ),
    "a thought is something": (
        talk(user("Hi"), assistant(Thinking("Hm."), " "), user("Hello?")),
        talk(user("Hi"), assistant(Thinking("Hm."), " "), user("Hello?")),
    ),
    "a signature is something": (
        talk(user("Hi"), assistant(Thinking("", "5ig")), user("Hello?")),
        talk(user("Hi"), assistant(Thinking("", "5ig")), user("Hello?")),
    ),
    "an unknown block is something": (
        talk(user(SEARCH, "")),
        talk(user(SEARCH)),
    ),
    "a blank word between call and result": (
        talk(assistant(call()), user(" "), user(result())),
        talk(assistant(call()), user(result())),
    ),
    "a blank word beside a result": (
        talk(assistant(call()), user(result(), "\n")),
        talk(assistant(call()), user(result())),
    ),
    "blank role play": (
        talk(turn("group", " "), user("Hi")),
        talk(user("Hi")),
    ),
    "a blank reply with a picture": (
        talk(user("Draw."), assistant("\n", IMAGE), user("Thanks.")),
        talk(
            user(
                *("Draw.", '<message role="assistant">', IMAGE),
                *("</message>", "Thanks."),
            )
        ),
    ),
    "a blank reply with somebody's result": (
        talk(user("Hi"), assistant("\n", result("c9"))),
        talk(user("Hi", '<tool_result id="c9">', "sand", "</tool_result>")),
    ),
    "an empty result": (
        talk(assistant(call()), user(result("c1", ""))),
        talk(assistant(call()), user(result("c1", "(no output)"))),
    ),
    "a blank result": (
        talk(assistant(call()), user(result("c1", " \n", is_error=True))),
        talk(assistant(call()), user(result("c1", "(no output)", is_error=True))),
    ),
    "a result without parts": (
        talk(assistant(call()), user(result("c1", ()))),
        talk(assistant(call()), user(result("c1", "(no output)"))),
    ),
    "a result of blank parts": (
        talk(assistant(call()), user(result("c1", (Text(""), Text("\n"))))),
        talk(assistant(call()), user(result("c1", "(no output)"))),
    ),
    "a result with a blank part": (
        talk(assistant(call()), user(result("c1", (Text(""), Text("sand"))))),
        talk(assistant(call()), user(result("c1", (Text("sand"),)))),
    ),
}


@each_of(BLANK)
def test_what_says_nothing_is_left_out(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


@pytest.mark.parametrize(
    "nothing",
    [
        talk(),
        talk(user()),
        talk(user("")),
        talk(user(" \n"), assistant("\t"), user()),
        talk(system("")),
        talk(system(" "), user("")),
        talk(turn("group", "")),
    ],
    ids=[
        *("no turn", "no block", "empty", "blank", "empty prompt"),
        *("blank prompt", "role play"),
    ],
)
def test_a_conversation_with_nothing_left_is_refused(nothing: Conversation) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="conversation is empty"):
        repair(nothing)


# --- Turns of one role ---------------------------------------------------------------

RUNS: Table = {
    "people's": (
        talk(user("Hi"), user("there", IMAGE), user("!")),
        talk(user("Hi", "there", IMAGE, "!")),
    ),
    "replies": (
        talk(user("Hi"), assistant(Thinking("Hm.")), assistant("Hello"), user("Bye")),
        talk(user("Hi"), assistant(Thinking("Hm."), "Hello"), user("Bye")),
    ),
    "a reply and a call": (
        talk(assistant("I dig."), assistant(call()), user(result())),
        talk(assistant("I dig.", call()), user(result())),
    ),
    "words around results": (
        talk(
            *(user("Dig."), user("Now."), assistant(call()), user(result())),
            *(user("And?"), user("Well?")),
        ),
        talk(
            *(user("Dig.", "Now."), assistant(call()), user(result())),
            user("And?", "Well?"),
        ),
    ),
    "role play": (
        talk(turn("group", "a"), turn("group", "b"), turn("user_system", "c")),
        talk(turn("group", "a"), turn("group", "b"), turn("user_system", "c")),
    ),
    "words of both sides of a role": (
        talk(user("a"), turn("group", "b"), user("c"), user("d")),
        talk(user("a"), turn("group", "b"), user("c", "d")),
    ),
}


@each_of(RUNS)
def test_turns_of_one_role_become_one(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


# --- Pictures ------------------------------------------------------------------------

PICTURES: Table = {
    "in a reply": (
        talk(user("Draw."), assistant("There:", IMAGE), user("Thanks.")),
        talk(
            user("Draw."),
            assistant("There:"),
            user('<message role="assistant">', IMAGE, "</message>", "Thanks."),
        ),
    ),
    "a reply of nothing else": (
        talk(user("Draw."), assistant(IMAGE)),
        talk(user("Draw.", '<message role="assistant">', IMAGE, "</message>")),
    ),
    "in a reply that calls": (
        talk(assistant("Look:", VIDEO, call()), user(result()), assistant("Nice.")),
        talk(
            assistant("Look:", call()),
            user(result()),
            user('<message role="assistant">', VIDEO, "</message>"),
            assistant("Nice."),
        ),
    ),
    "a video in a result": (
        talk(
            assistant(call()),
            user(result("c1", (Text("Look:"), VIDEO, IMAGE), name="dig")),
        ),
        talk(
            assistant(call()),
            user(result("c1", (Text("Look:"), IMAGE, CONTINUED), name="dig")),
            user('<tool_result id="c1" name="dig">', VIDEO, "</tool_result>"),
        ),
    ),
    "nothing but a video in a result": (
        talk(assistant(call()), user(result("c1", (VIDEO,))), user("And?")),
        talk(
            assistant(call()),
            user(result("c1", (CONTINUED,))),
            user('<tool_result id="c1">', VIDEO, "</tool_result>", "And?"),
        ),
    ),
    "videos in two results": (
        talk(
            assistant(call("c1"), call("c2")),
            user(result("c2", (VIDEO,)), result("c1", (VIDEO, SEARCH))),
        ),
        talk(
            assistant(call("c1"), call("c2")),
            user(result("c1", (CONTINUED,)), result("c2", (CONTINUED,))),
            user(
                *('<tool_result id="c1">', VIDEO, SEARCH, "</tool_result>"),
                *('<tool_result id="c2">', VIDEO, "</tool_result>"),
            ),
        ),
    ),
}


@each_of(PICTURES)
def test_pictures_stand_where_the_server_looks_at_them(
    before: Conversation, after: Conversation
) -> None:
    assert repair(before) == after


# --- Ids -----------------------------------------------------------------------------

LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def called(*ids: str) -> tuple[str, ...]:
    """What the ids of the calls of one turn become; each has a result of its own."""
    after = repair(
        talk(assistant(*map(call, ids)), user(*(result(id, id) for id in ids)))
    )
    calls, answers = after.turns
    said = tuple(call.id for call in calls.blocks if isinstance(call, ToolUse))
    assert said == tuple(
        each.tool_use_id for each in answers.blocks if isinstance(each, ToolResult)
    )
    return said


@pytest.mark.parametrize(
    ("id", "begins"),
    [
        ("", "call_"),
        ("functions.dig:0", "functions_dig_0_"),
        ("abc\n", "abc_"),
        ("\nabc", "abc_"),
        ("___", ""),
        ("c 1", "c_1_"),
        ("c/../1", "c_1_"),
        ("调用", "call_"),
        ("é1", "1_"),
        ("\ud83d", "call_"),
        ("a" * 65, "a" * 40 + "_"),
        ("x." * 5000, "x_x_"),
        ("c\0001", "c_1_"),
        ("٣", "call_"),
    ],
)
def test_an_id_that_the_server_does_not_take_is_replaced_by_one_that_says_as_much(
    id: str, begins: str
) -> None:
    (legal,) = called(id)
    assert LEGAL_ID.fullmatch(legal)
    assert legal.startswith(begins)
    assert (legal == id) == bool(LEGAL_ID.fullmatch(id))


@pytest.mark.parametrize("id", ["c", "toolu_01-x", "_", "-", "9", "a" * 64])
def test_an_id_that_the_server_takes_stays(id: str) -> None:
    assert called(id, "il.legal")[0] == id


ALIKE = (
    *("", " ", ".", "..", ":", "call", "调", "用", "\ud83d", "\udc00", "\n"),
    *("a.b", "a:b", "a..b", "a_b", "a b", "a.b\n", "A.b", ".a.b", "a.b."),
    *("a" * 64, "a" * 65, "a" * 66, "a" * 65 + "."),
)


def test_no_two_ids_become_one() -> None:
    legal = called(*ALIKE)
    assert len(set(legal)) == len(ALIKE)
    assert all(LEGAL_ID.fullmatch(id) for id in legal)


def test_an_id_becomes_the_same_in_every_conversation() -> None:
    alone = [called(id)[0] for id in ALIKE]
    assert alone == list(called(*ALIKE))
    assert alone == list(reversed(called(*reversed(ALIKE))))


def test_an_id_never_becomes_one_that_stands_there_already() -> None:
    (mapped,) = called("a.b")
    first, second = called("a.b", mapped)
    assert second == mapped
    assert first != mapped
    assert LEGAL_ID.fullmatch(first)
    assert called(mapped, "a.b") == (second, first)


def test_a_call_and_its_result_far_away_get_one_id() -> None:
    before = talk(
        *(user("Dig."), assistant(call("d:1")), user("Wait."), assistant("I wait.")),
        user(result("d:1")),
    )
    _, calls, answers, *_ = repair(before).turns
    assert isinstance(calls.blocks[0], ToolUse)
    assert answers == user(result(calls.blocks[0].id))


def test_the_id_of_a_result_without_a_call_is_shown_as_it_was() -> None:
    (shown,) = repair(talk(user(result("d:1")))).turns
    assert shown.blocks[0] == Text('<tool_result id="d:1">')


# --- All together --------------------------------------------------------------------

TOGETHER: Table = {
    "a thread of several agents": (
        talk(
            system("Be kind."),
            user(result("c0", "gone", name="dig")),
            user("Dig,", " ", "please."),
            assistant("\n\n", call("d:1", at=1), call("c2", "fill"), IMAGE),
            system("Be brief."),
            user("Wait!", result("c2", (Text("Look:"), VIDEO))),
            assistant(""),
            turn("group", "Hush."),
            assistant("Done?"),
            assistant(call("c2", "fill")),
        ),
        talk(
            user(
                *('<tool_result id="c0" name="dig">', "gone", "</tool_result>"),
                *("Dig,", "please."),
            ),
            assistant("\n\n", call(called("d:1")[0], at=1), call("c2", "fill")),
            user(
                stub(called("d:1")[0]),
                result("c2", (Text("Look:"), CONTINUED)),
            ),
            user(
                *('<tool_result id="c2">', VIDEO, "</tool_result>"),
                *('<message role="assistant">', IMAGE, "</message>"),
                *("<system>", "Be brief.", "</system>"),
                "Wait!",
            ),
            turn("group", "Hush."),
            assistant("Done?", call("c2", "fill")),
            user(stub("c2", "fill")),
            prompt=(Text("Be kind."),),
        ),
    ),
    "a thread cut at both ends": (
        talk(user(result("c0")), assistant("Sand.", call("c1"))),
        talk(
            user('<tool_result id="c0">', "sand", "</tool_result>"),
            assistant("Sand.", call("c1")),
            user(stub("c1")),
        ),
    ),
    "words between replies that vanish": (
        talk(user("a"), assistant(""), user("b"), assistant(" "), user("c")),
        talk(user("a", "b", "c")),
    ),
    "a later result of an id that was used again": (
        talk(
            *(assistant(call("c1", at=1)), user("Wait."), assistant(call("c1", at=2))),
            *(user(result("c1", "old")), user(result("c1", "new"))),
        ),
        talk(
            *(assistant(call("c1", at=1)), user(stub()), user("Wait.")),
            *(assistant(call("c1", at=2)), user(result("c1", "new"))),
            user(OLDER, "old", "</tool_result>"),
        ),
    ),
}


@each_of(TOGETHER)
def test_the_rules_go_together(before: Conversation, after: Conversation) -> None:
    assert repair(before) == after


ALL: Table = {
    f"{rule}: {name}": pair
    for rule, table in {
        "system": SYSTEM,
        "places": PLACES,
        "orphans": ORPHANS,
        "twice": TWICE,
        "unanswered": UNANSWERED_CALLS,
        "blank": BLANK,
        "runs": RUNS,
        "pictures": PICTURES,
        "together": TOGETHER,
    }.items()
    for name, pair in table.items()
}


@each_of(ALL)
def test_a_repaired_conversation_is_legal_and_stays_as_it_is(
    before: Conversation,
    after: Conversation,
    caplog: pytest.LogCaptureFixture,
) -> None:
    once = repair(before)
    with caplog.at_level(logging.DEBUG, "langchain_minimax._repair"):
        assert repair(once) == once == after
    assert caplog.messages == []


@each_of(ALL)
def test_what_was_given_is_not_touched(
    before: Conversation, after: Conversation
) -> None:
    kept = copy.deepcopy(before)
    assert repair(before) == after
    assert before == kept


# --- The log -------------------------------------------------------------------------

KINDS: dict[str, tuple[Conversation, str]] = {
    "system": (talk(user("Hi"), *2 * [system("Be kind.")]), "a later system message"),
    "system only": (talk(system("Be kind.")), "nothing but a system message"),
    "blank": (talk(user("", "Hi", "")), "empty or blank"),
    "orphan": (talk(user(result("c8"), result("c9"))), "a result without a call"),
    "older": (
        talk(assistant(call()), user(*(result("c1", each) for each in "123"))),
        "a newer one",
    ),
    "no result": (talk(assistant(call("c1"), call("c2"))), "a call without a result"),
    "order": (
        talk(
            *2 * [assistant(call()), user("Wait."), user(result())],
        ),
        "in the calls' order",
    ),
    "apart": (
        talk(assistant(call("c1"), call("c2")), user(result("c1")), user(result("c2"))),
        "stand alone behind their calls",
    ),
    "copies": (
        talk(assistant(call(), call(), call()), user(result())),
        "twice in one turn",
    ),
    "one id": (
        talk(assistant(*(call("c1", at=each) for each in range(3)))),
        "get an id each",
    ),
    "ids": (talk(assistant(call("c:1"), call("c:2"))), "made legal"),
    "runs": (talk(user("a"), user("b"), assistant("c"), user("d"), user("e")), "a row"),
    "empty result": (
        talk(
            assistant(call("c1"), call("c2")), user(result("c1", ""), result("c2", ""))
        ),
        "an empty result",
    ),
    "video": (
        talk(assistant(call()), user(result("c1", (VIDEO, VIDEO)))),
        "a video in a result",
    ),
    "picture": (talk(assistant(IMAGE), user("Hi"), assistant(IMAGE)), "the model show"),
    "call of a person's": (talk(user(call("c1"), call("c2"))), "no model made"),
    "thought of a person's": (
        talk(user(Thinking("a"), Thinking("b"))),
        "no model had",
    ),
}


@pytest.mark.parametrize(("before", "words"), KINDS.values(), ids=KINDS)
def test_each_kind_of_repair_is_noted_once(
    before: Conversation, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "langchain_minimax._repair"):
        repair(before)
    assert [words in message for message in caplog.messages].count(True) == 1
    assert len(set(caplog.messages)) == len(caplog.messages)
    assert {record.levelname for record in caplog.records} == {"DEBUG"}


def test_the_next_conversation_is_noted_again(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "langchain_minimax._repair"):
        for _ in range(2):
            repair(talk(user("", "Hi")))
    assert len(caplog.messages) == 2


def test_the_log_says_nothing_of_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "langchain_minimax._repair"):
        for before, _ in KINDS.values():
            repair(before)
    assert not re.search(r"Be kind|c[:\d]|sand|Wait", caplog.text)


# --- Thoughts without signatures -----------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            talk(user("Hi"), assistant(Thinking("Hm.", "5ig"), "Hello")),
            talk(user("Hi"), assistant(Thinking("Hm."), "Hello")),
        ),
        (
            talk(user("Hi"), assistant(Thinking("", "5ig"), "Hello")),
            talk(user("Hi"), assistant("Hello")),
        ),
        (
            talk(user("Hi"), assistant(Thinking("", "5ig"))),
            talk(user("Hi")),
        ),
        (
            talk(user("Hi"), assistant(Thinking("", "5ig"), "\n"), user("Hello?")),
            talk(user("Hi", "Hello?")),
        ),
        (
            talk(
                *(user("Dig."), assistant(Thinking("a", "1"), call()), user(result())),
                assistant(Thinking("b", "2"), SEARCH, Thinking("c", "3")),
                prompt=(Text("Be kind."),),
            ),
            talk(
                *(user("Dig."), assistant(Thinking("a"), call()), user(result())),
                assistant(Thinking("b"), SEARCH, Thinking("c")),
                prompt=(Text("Be kind."),),
            ),
        ),
    ],
    ids=[
        *("thought", "signature only", "nothing else", "a line end"),
        "all of them",
    ],
)
def test_a_thought_is_kept_when_its_signature_goes(
    before: Conversation, after: Conversation
) -> None:
    assert without_signatures(before) == after
    assert without_signatures(after) == after


@pytest.mark.parametrize("legal", LEGAL.values(), ids=LEGAL)
def test_what_is_not_signed_stays_as_it_is(legal: Conversation) -> None:
    unsigned = without_signatures(legal)
    assert [turn.role for turn in unsigned.turns] == [turn.role for turn in legal.turns]
    for was, now in zip(legal.turns, unsigned.turns, strict=True):
        assert [block for block in was.blocks if not isinstance(block, Thinking)] == [
            block for block in now.blocks if not isinstance(block, Thinking)
        ]


# --- Labels --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "opening"),
    [
        ({}, "<note>"),
        ({"id": "c1", "name": "dig"}, '<note id="c1" name="dig">'),
        ({"role": 'a "knight"'}, "<note role='a \"knight\"'>"),
        ({"role": "<b> & </b>"}, '<note role="&lt;b&gt; &amp; &lt;/b&gt;">'),
    ],
)
def test_a_label_stands_around_the_blocks(
    attributes: dict[str, str], opening: str
) -> None:
    said = list(labelled("note", [IMAGE, Text("a", MARK)], **attributes))
    assert said == [Text(opening), IMAGE, Text("a", MARK), Text("</note>")]
