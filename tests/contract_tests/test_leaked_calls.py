"""Calls that the server left in the text are calls here, and agents run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from pydantic import BaseModel

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator, Quirks, Reply, Text, Thinking, ToolUse
from support.ways import WAYS, Ask

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)


def plan_trip(city: str, days: int, tags: list[str], indoors: bool = False) -> str:
    """Plan a trip to a city."""
    return f"{days} days in {city} with {len(tags)} tags, {indoors}"


ARGUMENTS = {"city": "007", "days": 3, "tags": ["sea", "<b>"], "indoors": True}

M2 = """\
<minimax:tool_call>
<invoke name="plan_trip">
<parameter name="city">007</parameter>
<parameter name="days">3</parameter>
<parameter name="tags">["sea", "<b>"]</parameter>
<parameter name="indoors">True</parameter>
</invoke>
</minimax:tool_call>"""

MARK = "]<]minimax[>["
M3 = (
    f'{MARK}<tool_call>\n{MARK}<invoke name="plan_trip">{MARK}<city>007{MARK}</city>'
    f"{MARK}<days>3{MARK}</days>{MARK}<tags>{MARK}<item>sea{MARK}</item>{MARK}<item><b>{MARK}</item>"
    f"{MARK}</tags>{MARK}<indoors>true{MARK}</indoors>{MARK}</invoke>\n{MARK}</tool_call>"
)
FORMS = {"M2": M2, "M3": M3}
every_form = pytest.mark.parametrize("markup", FORMS.values(), ids=FORMS)


@every_form
@every_way
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_markup_in_the_text_is_a_call_in_every_way(
    serve: Serve, connect: Connect, markup: str, ask: Ask, output_version: str
) -> None:
    reply = Reply([Thinking("A trip."), Text(f"I will plan.\n\n{markup}")])
    model = connect(serve(reply), thinking=True, output_version=output_version)
    message = ask(model.bind_tools([plan_trip]), "Plan a trip.")

    (call,) = message.tool_calls
    assert (call["name"], call["args"]) == ("plan_trip", ARGUMENTS)
    assert message.invalid_tool_calls == []
    assert message.text.strip() == "I will plan."
    assert message.response_metadata["stop_reason"] == "tool_use"
    assert message.response_metadata["rescued_tool_calls"] == 1


@every_form
@every_way
@pytest.mark.parametrize("choice", ["any", "plan_trip"])
def test_it_counts_where_a_call_is_forced(
    serve: Serve, connect: Connect, markup: str, ask: Ask, choice: str
) -> None:
    server = serve(markup)
    model = connect(server).bind_tools([plan_trip], tool_choice=choice)
    message = ask(model, "Plan a trip.")
    assert [call["args"] for call in message.tool_calls] == [ARGUMENTS]
    assert message.response_metadata["attempts"] == 1
    assert len(server.requests) == 1


class Trip(BaseModel):
    """A trip."""

    city: str
    days: int


def test_it_counts_as_structured_output(serve: Serve, connect: Connect) -> None:
    leaks = Quirks(xml_tool_leak=True)
    server = serve(Reply([ToolUse("Trip", {"city": "42", "days": 3})]), quirks=leaks)
    chain = connect(server).with_structured_output(Trip)
    assert chain.invoke("Plan a trip.") == Trip(city="42", days=3)
    assert len(server.requests) == 1


@every_form
@every_way
@pytest.mark.parametrize(
    "said",
    ["```xml\n{}\n```", "Write `{}`.", "{}"],
    ids=["in a fence", "in a span", "undeclared"],
)
def test_what_is_quoted_or_not_declared_stays_text(
    serve: Serve, connect: Connect, markup: str, ask: Ask, said: str
) -> None:
    line = markup.replace("\n", "")
    if said == "{}":
        line = line.replace("plan_trip", "burn_house")
    text = said.format(line)
    message = ask(connect(serve(text)).bind_tools([plan_trip]), "How does it look?")
    assert message.tool_calls == []
    assert message.text == text
    assert "rescued_tool_calls" not in message.response_metadata


@every_way
def test_half_a_call_is_none(serve: Serve, connect: Connect, ask: Ask) -> None:
    half = M2[: M2.index('<parameter name="tags')]
    model = connect(serve(Reply([Text(half)], "max_tokens"))).bind_tools([plan_trip])
    message = ask(model, "Plan a trip.")
    assert message.tool_calls == []
    assert message.text.strip() == half.strip()


@every_form
@pytest.mark.parametrize("way", ["invoke", "stream", "events"])
def test_an_agent_runs_it_and_the_thread_goes_on(
    serve: Serve, connect: Connect, markup: str, way: str
) -> None:
    server = serve(Reply([Thinking("A trip."), Text(markup)]), "Have fun.")
    agent = create_agent(connect(server, thinking=True), [plan_trip])
    question: Any = {"messages": [("human", "Plan a trip.")]}
    match way:
        case "invoke":
            messages = agent.invoke(question)["messages"]
        case "stream":
            *_, (_, state) = agent.stream(question, stream_mode=["messages", "values"])
            messages = state["messages"]
        case _:
            messages = agent.stream_events(question, version="v3").output["messages"]
    assert [each.text for each in messages[2:]] == [
        "3 days in 007 with 2 tags, True",
        "Have fun.",
    ]
    assert [request.status for request in server.requests] == [200, 200]
    assert server.requests[1].stray_keys == []
