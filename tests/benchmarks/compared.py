"""What each way from LangChain to MiniMax makes of the same replies: a table.

Each probe asks each client once, on an emulator of its own. A cell says what came out,
not whether it is good. Clients whose packages are missing are left out.

    python tests/benchmarks/compared.py [--table tests/figures/compared.md]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from langchain.agents import create_agent
from langchain_core.exceptions import LangChainException
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import BaseModel

from langchain_minimax.testing import (
    Emulator,
    Fault,
    Raw,
    RecordedRequest,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from support.ways import CALLS

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would be fetched

# --- The clients, each as its manual has it ------------------------------------------


def _minimax(server: Emulator, **fields: Any) -> Any:
    from langchain_minimax import ChatMiniMax  # noqa: PLC0415 - may be missing, below

    return ChatMiniMax(
        model="MiniMax-M3",
        thinking=True,
        api_key=server.api_key,
        base_url=server.base_url,
        **fields,
    )


def _minimax_chat(server: Emulator) -> Any:
    return _minimax(server, protocol="openai")


def _anthropic(server: Emulator) -> Any:
    from langchain_anthropic import ChatAnthropic  # noqa: PLC0415

    return ChatAnthropic(
        model="MiniMax-M3",
        thinking={"type": "enabled", "budget_tokens": 2000},
        api_key=server.api_key,
        base_url=server.base_url,
    )


def _openai(server: Emulator) -> Any:
    from langchain_openai import ChatOpenAI  # noqa: PLC0415

    url = f"{server.url}/v1"
    return ChatOpenAI(model="MiniMax-M3", api_key=server.api_key, base_url=url)


def _litellm(server: Emulator) -> Any:
    import litellm  # noqa: PLC0415
    from langchain_litellm import ChatLiteLLM  # noqa: PLC0415

    litellm.suppress_debug_info = True  # it goes to stdout
    return ChatLiteLLM(
        model="minimax/MiniMax-M3",
        api_key=server.api_key,
        api_base=f"{server.url}/v1",
    )


def _community(server: Emulator) -> Any:
    from langchain_community.chat_models import MiniMaxChat  # noqa: PLC0415

    return MiniMaxChat(
        model="MiniMax-M3",
        api_key=server.api_key,
        base_url=f"{server.url}/v1/chat/completions",
    )


CLIENTS: dict[str, tuple[Callable[[Emulator], Any], tuple[str, ...]]] = {
    "ChatMiniMax": (_minimax, ("langchain-minimax",)),
    "ChatMiniMax, `openai`": (_minimax_chat, ("langchain-minimax",)),
    "ChatAnthropic": (_anthropic, ("langchain-anthropic", "anthropic")),
    "ChatOpenAI": (_openai, ("langchain-openai", "openai")),
    "ChatLiteLLM": (_litellm, ("langchain-litellm", "litellm")),
    "MiniMaxChat": (_community, ("langchain-community",)),
}


# --- The probes ----------------------------------------------------------------------

Ask = Callable[[Any, Emulator], str]


@dataclass(frozen=True)
class Probe:
    """What the server says, what is asked, and how the outcome is called."""

    words: str
    ask: Ask
    replies: Sequence[Any] = ()


class Joke(BaseModel):
    """A joke to tell."""

    setup: str
    punchline: str


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"18 degrees and sunny in {city}"


def remove(path: str) -> str:
    """Remove a folder."""
    return path


def requests(server: Emulator) -> str:
    number = len(server.requests)
    return f"{number} request{'s' * (number != 1)}"


def where_the_thought_is(way: str) -> Ask:
    def ask(client: Any, _: Emulator) -> str:
        message = CALLS[way](client, "Hello")
        if "A greeting" in message.text:
            return "in the text"
        blocks = message.content_blocks
        apart = any("A greeting" in block.get("reasoning", "") for block in blocks)
        return "apart" if apart else "lost"

    return ask


def how_a_thought_comes_back(way: str) -> Ask:
    def ask(client: Any, server: Emulator) -> str:
        agent = create_agent(client, [get_weather])
        asked = {"messages": [("human", "What is the weather in Paris?")]}
        if way == "invoke":
            agent.invoke(asked)
        else:
            list(agent.stream(asked, stream_mode="messages"))
        (replay,) = server.requests[-1].replayed
        return replay.verdict.replace("_", " ")

    return ask


def answered(*thread: BaseMessage) -> Ask:
    def ask(client: Any, _: Emulator) -> str:
        client.invoke(list(thread))
        return "answered"

    return ask


def structured(**options: Any) -> Ask:
    def ask(client: Any, server: Emulator) -> str:
        result = client.with_structured_output(Joke, **options).invoke("Tell a joke.")
        name = "a `Joke`" if isinstance(result, Joke) else f"`{result}`"
        return f"{name}, {requests(server)}"

    return ask


def taken(client: Any, _: Emulator) -> str:
    message = CALLS["stream"](client, "How many?")
    return f'"…{message.text[-9:]}"'


def called(client: Any, _: Emulator) -> str:
    message = CALLS["stream"](client.bind_tools([remove]), "Remove it.")
    ready = [call["args"] for call in message.tool_calls]
    return f"to be called: `{ready[0]}`" if ready else "no call to make"


def tried(way: str) -> Ask:
    def ask(client: Any, server: Emulator) -> str:
        try:
            text = CALLS[way](client, "Hello").text
        except Exception as error:  # noqa: BLE001 - the table names it
            return f"{outcome(error)}, {requests(server)}"
        return f"answered, {requests(server)}" if text else "nothing"

    return ask


def stopped(client: Any, _: Emulator) -> str:
    text = client.invoke("Go on.", stop=["Observation:"]).text
    return "not heeded" if "Observation" in text else "heeded"


def usage(client: Any, _: Emulator) -> str:
    return "yes" if CALLS["stream"](client, "Hello").usage_metadata else "no"


def loops(client: Any, server: Emulator) -> str:
    fine = 0
    for _number in range(4):
        try:
            asyncio.run(client.ainvoke("Hello"))
        except Exception:  # noqa: BLE001 - only counted
            continue
        fine += 1
    return f"{fine} answers, {requests(server)}"


def pickled(client: Any, _: Emulator) -> str:
    client.invoke("Hello")
    return "yes" if pickle.dumps(client) else "no"


def window(client: Any, _: Emulator) -> str:
    profile = client.profile or {}
    return f"{profile.get('max_input_tokens', 0):,}" if profile else "not known"


def limit(client: Any, server: Emulator) -> str:
    client.invoke("Hello")
    body = server.requests[0].body
    said = body.get("max_tokens") or body.get("max_completion_tokens")
    return f"{said:,}" if said else "not sent"


def half(request: RecordedRequest) -> Raw:
    """A stream that ends in good order after its first words."""
    text = "Take two, but never"
    if request.path.endswith("/messages"):
        base = {"id": "m", "type": "message", "role": "assistant", "content": []}
        base |= {"model": "MiniMax-M3", "usage": {"input_tokens": 9}}
        opening = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": text}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": base},
            {"type": "content_block_start", "index": 0, "content_block": opening},
            {"type": "content_block_delta", "index": 0, "delta": delta},
        ]
        return Raw("".join(f"event: {e['type']}\n{_data(e)}" for e in events))
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1}
    return Raw(_data({**chunk, "model": "MiniMax-M3", "choices": [choice]}))


def _data(event: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(event)}\n\n"


ASKED = HumanMessage("What is the weather in Paris?")
CALL = {"name": "get_weather", "args": {"city": "Paris"}, "id": "call_1"}
CALLED = AIMessage("", tool_calls=[CALL])
RESULT = ToolMessage("18 degrees", tool_call_id="call_1")
MORE = HumanMessage("In Fahrenheit, please.")
BROKEN = {"name": "get_weather", "args": '{"city": "Pa', "id": "call_1", "error": None}
HELLO = Reply([Thinking("A greeting."), Text("Hello!")])
CUT = Reply([ToolUse("remove", '{"path": "/srv/a')], stop_reason="max_tokens")
STORY = "Once upon a time there was a king who had it all. " * 10
PROSE = "Why do cats purr? They can."
JOKE = Reply([ToolUse("Joke", {"setup": "Why?", "punchline": "They can."})])
JSON = Reply([Thinking("Hm."), Text('{"setup": "Why?", "punchline": "They can."}')])
BUSY = Fault.error(2064, retry_after=0)
IMAGE = {"type": "image", "url": "https://example.com/harbour.png"}
VIDEO = {"type": "video", "url": "https://example.com/harbour.mp4"}
LOOK = {"type": "text", "text": "What is this?"}

PROBES = (
    Probe("Where a thought is, `invoke`", where_the_thought_is("invoke"), [HELLO]),
    Probe("Where a thought is, `stream`", where_the_thought_is("stream"), [HELLO]),
    Probe("How an agent sends it back, `invoke`", how_a_thought_comes_back("invoke")),
    Probe("How an agent sends it back, `stream`", how_a_thought_comes_back("stream")),
    Probe(
        "A person speaks behind a tool's result", answered(ASKED, CALLED, RESULT, MORE)
    ),
    Probe(
        "A person speaks before a tool's result", answered(ASKED, CALLED, MORE, RESULT)
    ),
    Probe("A result without its call", answered(RESULT, MORE)),
    Probe("A call without its result", answered(ASKED, CALLED, MORE)),
    Probe(
        "A call whose arguments are no JSON",
        answered(ASKED, AIMessage("", invalid_tool_calls=[BROKEN]), RESULT, MORE),
    ),
    Probe(
        "A system message in the middle",
        answered(ASKED, AIMessage("Sunny."), SystemMessage("Be brief."), MORE),
    ),
    Probe(
        "A second one",
        answered(
            SystemMessage("Be kind."),
            ASKED,
            AIMessage("Sunny."),
            SystemMessage("Be brief."),
            MORE,
        ),
    ),
    Probe("Half an emoji in the text", answered(HumanMessage("Hello \ud83d"))),
    Probe("Structured output, the model talks", structured(), [PROSE, JOKE]),
    Probe("It talks twice", structured(), [PROSE, PROSE]),
    Probe("`json_schema`, a thought before", structured(method="json_schema"), [JSON]),
    Probe("A stream ends early, in good order", taken, [half]),
    Probe("Its connection is reset", taken, [Fault.reset(1500, STORY)]),
    Probe("A call is cut by `max_tokens`, `stream`", called, [CUT]),
    Probe(
        "HTTP 200 with an empty wallet (1008)",
        tried("invoke"),
        [Fault.ok_with_base_resp(1008)] * 9,
    ),
    Probe("HTTP 429 with an empty wallet", tried("invoke"), [Fault(429, 1008)] * 9),
    Probe("HTTP 529 once", tried("invoke"), [BUSY]),
    Probe("The same, inside a stream", tried("stream"), [Fault.error_event("start")]),
    Probe("`stop`", stopped, ["one Observation: two"]),
    Probe("Usage of a stream", usage),
    Probe("Four times `asyncio.run`", loops),
    Probe("Pickled after a call", pickled),
    Probe("Window in `profile`", window),
    Probe("`max_tokens` by default", limit),
    Probe("LangChain's image block", answered(HumanMessage([LOOK, IMAGE]))),
    Probe("LangChain's video block", answered(HumanMessage([LOOK, VIDEO]))),
)


# --- The table -----------------------------------------------------------------------

_ABREAST = 4  # clients that fit beside each other on a page; the others come below


def outcome(error: Exception) -> str:
    """An error in a few words; `*` marks those that are none of LangChain's."""
    said = str(error)
    if isinstance(error, httpx.HTTPStatusError):
        said += error.response.text  # httpx does not say it
    if "2013" in said:
        return "refused (2013)"
    kind = type(error)
    name = kind.__name__
    return f"`{name}`" if isinstance(error, LangChainException) else f"`{name}`\\*"


def cell(make: Callable[[Emulator], Any], probe: Probe) -> str:
    with Emulator(replies=probe.replies) as server:
        try:
            return probe.ask(make(server), server)
        except Exception as error:  # noqa: BLE001 - the table names it
            return outcome(error)


def _versions(packages: Sequence[str]) -> str | None:
    try:
        return ", ".join(f"{package} {version(package)}" for package in packages)
    except PackageNotFoundError:
        return None


def _columns(names: Sequence[str], rows: Mapping[str, Mapping[str, str]]) -> list[str]:
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for words, cells in rows.items():
        lines.append(f"| {words} | {' | '.join(cells[name] for name in names)} |")
    return lines


def table(today: date) -> str:
    installed = {
        name: (make, versions)
        for name, (make, packages) in CLIENTS.items()
        if (versions := _versions(packages))
    }
    rows: dict[str, dict[str, str]] = {}
    for probe in PROBES:
        sys.stderr.write(f"{probe.words}\n")
        asked = {name: cell(make, probe) for name, (make, _) in installed.items()}
        rows[probe.words] = asked
    names = list(installed)
    lines = [*_columns(names[:_ABREAST], rows), "", *_columns(names[_ABREAST:], rows)]
    used = dict.fromkeys(versions for _, versions in installed.values())
    core = _versions(["langchain-core", "langchain"])
    lines += ["", f"{', '.join(used)}; {core}; {today}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the table, or writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="where to write it")
    to = parser.parse_args().table
    warnings.simplefilter("ignore")
    logging.disable()
    text = table(datetime.now(timezone.utc).date())
    if to is None:
        sys.stdout.write(text)
    else:
        to.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
