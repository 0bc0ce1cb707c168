"""The table in `docs/guides/any_conversation.md`, row by row.

Each fault as others send it, which the emulator refuses in the words of the table; and
the same in a LangChain thread, which `ChatMiniMax` sends as the table says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator
from support.sent import as_sent, text, turns_of

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "any_conversation.md"
Json = dict[str, Any]


# --- Short words for both worlds -----------------------------------------------------


def calls(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "dig", "args": {}, "id": i} for i in ids])


def answer(id: str, content: Any = "A stone.") -> ToolMessage:
    return ToolMessage(content, tool_call_id=id)


def use(id: str, input: Any = None) -> Json:
    return {"type": "tool_use", "id": id, "name": "dig", "input": input or {}}


def result(id: str, content: Any = "A stone.", **more: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


DIG, WAIT = HumanMessage("Dig!"), HumanMessage("Wait.")
dig, wait = user(text("Dig!")), user(text("Wait."))
CLIP = {"type": "video", "url": "https://example.com/hole.mp4"}
BROKEN = AIMessage(
    "",
    invalid_tool_calls=[{"name": "dig", "args": '{"a', "id": "c1", "error": "cut"}],
)
NO_RESULT = "There is no result: this call was never answered."
ILLEGAL = "functions.dig:0"
LEGAL = "functions_dig_0_898d8ea0f907f25e"

# By the row's first words: the thread, how others send it (`None` where nothing is
# known to be refused), and what is sent.
Row = tuple[list[BaseMessage], list[Json] | None, list[Json]]
ROWS: dict[str, Row] = {
    "Something stands between": (
        [DIG, calls("c1"), WAIT, answer("c1")],
        [dig, assistant(use("c1")), wait, user(result("c1"))],
        [dig, assistant(use("c1")), user(result("c1")), wait],
    ),
    "Text stands beside": (
        [DIG, calls("c1"), HumanMessage([result("c1"), text("Wait.")])],
        [dig, assistant(use("c1")), user(result("c1"), text("Wait."))],
        [dig, assistant(use("c1")), user(result("c1")), wait],
    ),
    "Results come in another order": (
        [DIG, calls("c1", "c2"), answer("c2"), answer("c1")],
        None,
        [dig, assistant(use("c1"), use("c2")), user(result("c1"), result("c2"))],
    ),
    "A result comes before": (
        [DIG, answer("c1"), calls("c1")],
        [dig, user(result("c1")), assistant(use("c1"))],
        [dig, assistant(use("c1")), user(result("c1"))],
    ),
    "A result has no call": (
        [DIG, calls("c1"), answer("c1"), answer("call_9")],
        [dig, assistant(use("c1")), user(result("c1"), result("call_9"))],
        [
            dig,
            assistant(use("c1")),
            user(result("c1")),
            user(
                text('<tool_result id="call_9">'),
                text("A stone."),
                text("</tool_result>"),
            ),
        ],
    ),
    "A call has no result": (
        [DIG, calls("c1")],
        [dig, assistant(use("c1"))],
        [dig, assistant(use("c1")), user(result("c1", NO_RESULT, is_error=True))],
    ),
    "A call has two results": (
        [DIG, calls("c1"), answer("c1", "Old."), answer("c1", "New.")],
        [dig, assistant(use("c1")), user(result("c1", "Old."), result("c1", "New."))],
        [
            dig,
            assistant(use("c1")),
            user(result("c1", "New.")),
            user(
                text('<tool_result id="c1" superseded="true">'),
                text("Old."),
                text("</tool_result>"),
            ),
        ],
    ),
    "Two calls of one message": (
        [DIG, calls("c1", "c1"), answer("c1")],
        None,
        [dig, assistant(use("c1")), user(result("c1"))],
    ),
    "An id is another provider's": (
        [DIG, calls(ILLEGAL), answer(ILLEGAL)],
        [dig, assistant(use(ILLEGAL)), user(result(ILLEGAL))],
        [dig, assistant(use(LEGAL)), user(result(LEGAL))],
    ),
    "Arguments are no JSON": (
        [DIG, BROKEN, answer("c1")],
        [dig, assistant(use("c1", '{"a')), user(result("c1"))],
        [
            dig,
            assistant(use("c1", {"invalid_arguments": '{"a'})),
            user(result("c1")),
        ],
    ),
    "A system message comes late": (
        [DIG, SystemMessage("Be brief.")],
        [dig, {"role": "system", "content": "Be brief."}],
        [user(text("Dig!"), text("<system>"), text("Be brief."), text("</system>"))],
    ),
    "There is only a system": (
        [SystemMessage("Dig!")],
        [],
        [dig],
    ),
    "A message is empty": (
        [HumanMessage(" "), DIG, AIMessage("")],
        [user(text(" ")), dig, assistant()],
        [dig],
    ),
    "A tool put out nothing": (
        [DIG, calls("c1"), answer("c1", "")],
        None,
        [dig, assistant(use("c1")), user(result("c1", "(no output)"))],
    ),
    "Two messages of one role": (
        [DIG, WAIT],
        None,
        [user(text("Dig!"), text("Wait."))],
    ),
    "The role is unknown": (
        [ChatMessage("Too deep.", role="critic")],
        [{"role": "critic", "content": "Too deep."}],
        [user(text('<message role="critic">'), text("Too deep."), text("</message>"))],
    ),
    "A character is half": (
        [HumanMessage("Dig \ud83d or \ud83d\ude00!")],
        None,
        [user(text("Dig \ufffd or \U0001f600!"))],
    ),
    "A video in a tool's result": (
        [DIG, calls("c1"), answer("c1", [CLIP])],
        None,
        [
            dig,
            assistant(use("c1")),
            user(
                result(
                    "c1", [text("(The rest of this result is in the next message.)")]
                )
            ),
            user(
                text('<tool_result id="c1">'),
                {
                    "type": "video",
                    "source": {"type": "url", "url": "https://example.com/hole.mp4"},
                },
                text("</tool_result>"),
            ),
        ],
    ),
}


def rows() -> list[tuple[str, str]]:
    """Fault and the server's words of each row of the table."""
    page = GUIDE.read_text(encoding="utf-8")
    table = page.partition("<!-- faults: begin -->")[2].partition("<!-- faults: end")[0]
    cells = [line.split(" | ") for line in table.strip().splitlines()[2:]]
    return [(fault.removeprefix("| "), said) for fault, said, *_ in cells]


def test_every_row_is_tried_and_nothing_else() -> None:
    tried = [start for fault, _ in rows() for start in ROWS if fault.startswith(start)]
    assert tried == [*ROWS]
    assert len(rows()) == len(ROWS)


def row_of(fault: str) -> tuple[str, Row]:
    return next(each for each in ROWS.items() if fault.startswith(each[0]))


# Where Chat Completions says something else; `None` where it does not mind.
ON_CHAT: dict[str, str | None] = {
    # There the text is a message of its own.
    "Text stands beside": None,
    "A system message comes late": "invalid chat setting",
}


def on_chat(turn: Json) -> list[Json]:
    """The same as others send it over Chat Completions: a message for each result."""
    content = turn["content"]
    blocks = [text(content)] if isinstance(content, str) else content
    calls = [block for block in blocks if block["type"] == "tool_use"]
    results = [block for block in blocks if block["type"] == "tool_result"]
    words = "".join(block["text"] for block in blocks if block["type"] == "text")
    said = [
        {"role": "tool", "tool_call_id": each["tool_use_id"], "content": "A stone."}
        for each in results
    ]
    if calls:
        return [
            {"role": "assistant", "content": None, "tool_calls": [*map(call, calls)]}
        ]
    return [
        *said,
        *([{"role": turn["role"], "content": words}] if not said or words else []),
    ]


def call(use: Json) -> Json:
    given = use["input"]
    arguments = given if isinstance(given, str) else json.dumps(given)
    function = {"name": use["name"], "arguments": arguments}
    return {"id": use["id"], "type": "function", "function": function}


@pytest.mark.parametrize(("fault", "said"), rows(), ids=lambda cell: cell[:30])
def test_the_server_says_so(
    fault: str, said: str, protocol: str, serve: Callable[..., Emulator]
) -> None:
    start, (_, others, _) = row_of(fault)
    found = re.match(r"`(.+)`", said)
    words = found and found[1]
    if others is None:
        assert words is None
        return
    server = serve()
    url = f"{server.base_url}/v1/messages"
    if protocol == "openai":
        url = f"{server.url}/v1/chat/completions"
        others = [message for turn in others for message in on_chat(turn)]
        words = ON_CHAT.get(start, words)
    answer = httpx.post(
        url,
        headers={"authorization": f"Bearer {server.api_key}"},
        json={"model": "MiniMax-M3", "messages": others},
    )
    assert answer.status_code == (400 if words else 200)
    assert (words or "choices") in answer.text


@pytest.mark.parametrize(("fault", "said"), rows(), ids=lambda cell: cell[:30])
def test_this_is_sent_instead(
    fault: str,
    said: str,  # noqa: ARG001 - the row's other cell
    protocol: str,
    serve: Callable[..., Emulator],
    connect: Callable[..., ChatMiniMax],
) -> None:
    _, (thread, _, sent) = row_of(fault)
    server = serve()
    connect(server).invoke(thread)
    (request,) = server.requests
    assert request.status == 200
    assert request.stray_keys == []
    assert turns_of(request) == as_sent(protocol, sent)
