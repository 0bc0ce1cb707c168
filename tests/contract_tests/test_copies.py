"""Copies of a model, made at any moment; and copies with another key, host or proxy."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from pydantic import BaseModel, SecretStr

from langchain_minimax import ChatMiniMax, MiniMaxError, MiniMaxFiles
from langchain_minimax.testing import Emulator, RecordedRequest, Reply, Text, ToolUse
from support.lifetimes import STORY
from support.ways import CALLS, Ask

Copy = Callable[[Any], Any]
every_call = pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)

# --- What is copied ------------------------------------------------------------------


class Hole(BaseModel):
    """A hole in the ground."""

    depth: int


def dig(depth: int) -> str:
    """Digs a hole."""
    return f"{depth} deep"


def _shout(text: str) -> str:
    return text.upper()


CALL = Reply([ToolUse("dig", {"depth": 3})])
HOLE = Reply([ToolUse("Hole", {"depth": 3})])
JSON = Reply([Text('{"depth": 3}')])
PROMPT = ChatPromptTemplate.from_messages([("human", "{input}")])

CHAINS: dict[str, tuple[Callable[[ChatMiniMax], Runnable], Any, Any]] = {
    "model": (lambda model: model, "Hello.", "Hello."),
    "configured": (
        lambda model: model.bind(temperature=0.5).with_config(tags=["t"]),
        "Hello.",
        "Hello.",
    ),
    "tools": (lambda model: model.bind_tools([dig]), CALL, {"depth": 3}),
    "function_calling": (
        lambda model: model.with_structured_output(Hole),
        HOLE,
        Hole(depth=3),
    ),
    "include_raw": (
        lambda model: model.with_structured_output(Hole, include_raw=True),
        HOLE,
        Hole(depth=3),
    ),
    "json_mode": (
        lambda model: model.with_structured_output(Hole, method="json_mode"),
        JSON,
        Hole(depth=3),
    ),
    "json_schema": (
        lambda model: model.with_structured_output(
            Hole.model_json_schema(), method="json_schema"
        ),
        JSON,
        {"depth": 3},
    ),
    "sequence": (
        lambda model: PROMPT | model | StrOutputParser() | _shout,
        "Hello.",
        "HELLO.",
    ),
    "retrying": (
        lambda model: model.with_retry(stop_after_attempt=2),
        "Hello.",
        "Hello.",
    ),
    "fallbacks": (lambda model: model.with_fallbacks([model]), "Hello.", "Hello."),
}


def _gist(answer: Any) -> Any:
    """What was asked for, whatever is around it."""
    match answer:
        case {"parsed": parsed}:
            return parsed
        case dict() | str() | Hole():
            return answer
        case _:
            return answer.tool_calls[0]["args"] if answer.tool_calls else answer.text


# --- How, and when -------------------------------------------------------------------

COPIES: dict[str, Copy] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "cloudpickle": lambda thing: pickle.loads(cloudpickle.dumps(thing)),
}
every_copy = pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)


def _unused(_: ChatMiniMax, make: Callable[[], Any]) -> Any:
    return make()


def _used(model: ChatMiniMax, make: Callable[[], Any]) -> Any:
    model.invoke("Hello")
    asyncio.run(model.ainvoke("Hello"))
    return make()


def _while_it_streams(model: ChatMiniMax, make: Callable[[], Any]) -> Any:
    """The stream is half-way when the copy is made, and goes on unharmed."""
    stream = model.stream("Tell")
    said = next(stream).text
    made = make()
    assert said + "".join(chunk.text for chunk in stream) == STORY.blocks[0].text
    return made


def _while_it_streams_in_a_loop(model: ChatMiniMax, make: Callable[[], Any]) -> Any:
    async def tell() -> Any:
        stream = model.astream("Tell")
        said = (await anext(stream)).text
        made = make()
        said += "".join([chunk.text async for chunk in stream])
        assert said == STORY.blocks[0].text
        return made

    return asyncio.run(tell())


def _told(request: RecordedRequest) -> Reply | str:
    return STORY if "Tell" in str(request.body["messages"]) else "Hello."


MOMENTS = [_unused, _used, _while_it_streams, _while_it_streams_in_a_loop]


@every_copy
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_copy_of_a_model_is_as_good_at_any_moment(
    moment: Callable[..., Any], duplicate: Copy, serve: Any, connect: Any
) -> None:
    model = connect(serve(*[_told] * 4), temperature=0.5)
    twin = moment(model, lambda: duplicate(model))
    assert twin == model
    assert twin.invoke("Hello").text == "Hello."
    assert asyncio.run(twin.ainvoke("Hello")).text == "Hello."


@every_copy
@pytest.mark.parametrize("name", CHAINS)
def test_so_is_a_copy_of_a_chain(
    name: str, duplicate: Copy, serve: Any, connect: Any
) -> None:
    make, reply, gist = CHAINS[name]
    chain = make(connect(serve(*[reply] * 3)))
    first = chain.invoke("Hello")
    twin = duplicate(chain)
    answers = [first, twin.invoke("Hello"), asyncio.run(twin.ainvoke("Hello"))]
    assert [_gist(answer) for answer in answers] == [gist] * 3


# --- Another key, host, proxy --------------------------------------------------------


def _key_sent(server: Emulator) -> str:
    return server.requests[-1].headers["authorization"]


@every_call
@pytest.mark.parametrize("key", ["sk-other", SecretStr("sk-other")], ids=type)
@pytest.mark.parametrize(
    ("key_name", "host_name"),
    [("api_key", "base_url"), ("minimax_api_key", "minimax_api_base")],
)
def test_a_copy_sends_its_own_key(
    key_name: str, host_name: str, key: Any, ask: Ask, serve: Any, connect: Any
) -> None:
    one, other = serve(), serve(api_key="sk-other")
    model = connect(one)
    ask(model, "Hello")
    twin = model.model_copy(update={key_name: key, host_name: other.base_url})
    assert ask(twin, "Hello").text
    assert _key_sent(other) == "Bearer sk-other"
    assert ask(model, "Hello").text
    assert (_key_sent(one), len(one.requests)) == (f"Bearer {one.api_key}", 2)


@every_call
def test_a_copy_sends_its_own_headers(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server, default_headers={"x-team": "search"})
    ask(model, "Hello")
    ask(model.model_copy(update={"default_headers": {"x-team": "chat"}}), "Hello")
    ask(model, "Hello")
    teams = [each.headers["x-team"] for each in server.requests]
    assert teams == ["search", "chat", "search"]


@every_call
def test_a_copy_goes_through_its_own_proxy(ask: Ask, serve: Any, connect: Any) -> None:
    """The proxy is seen by the whole address that it is asked for, and knows none."""
    server, proxy = serve(), serve()
    model = connect(server)
    twin = model.model_copy(
        update={"base_url": "http://minimax.invalid", "proxy": proxy.url}
    )
    with pytest.raises(MiniMaxError):
        ask(twin, "Hello")
    assert proxy.requests[-1].path.startswith("http://minimax.invalid/")
    assert ask(model, "Hello").text
    assert len(server.requests) == len(proxy.requests) == 1


# --- A pickle and the key ------------------------------------------------------------

KEY = "sk-api-of-the-environment"
PICKLES = pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
KINDS = pytest.mark.parametrize(
    "make", [lambda **given: ChatMiniMax(model="MiniMax-M3", **given), MiniMaxFiles]
)


@PICKLES
@KINDS
def test_a_pickle_has_no_key_of_the_environment(
    make: Callable[..., Any], dumps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    model = make()
    pickled = dumps(model)
    assert KEY.encode() not in pickled
    assert pickle.loads(pickled) == model
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-api-of-another-process")
    there = pickle.loads(pickled)
    assert there.api_key.get_secret_value() == "sk-api-of-another-process"
    again = pickle.loads(dumps(there))
    assert again.api_key == there.api_key
    monkeypatch.delenv("MINIMAX_API_KEY")
    assert pickle.loads(pickled).api_key is None
    assert model.api_key.get_secret_value() == KEY


def _assigned(model: Any) -> Any:
    model.api_key = "sk-api-that-was-given"
    return model


GIVEN: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "argument": lambda make: make(api_key="sk-api-that-was-given"),
    "alias": lambda make: make(minimax_api_key="sk-api-that-was-given"),
    "assigned": lambda make: _assigned(make()),
    "updated": lambda make: make().model_copy(
        update={"api_key": "sk-api-that-was-given"}
    ),
}


@PICKLES
@KINDS
@pytest.mark.parametrize("give", GIVEN.values(), ids=GIVEN)
def test_a_pickle_has_the_key_that_was_given(
    give: Any, make: Any, dumps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    pickled = dumps(give(make))
    assert KEY.encode() not in pickled
    there = pickle.loads(pickled)
    assert there.api_key.get_secret_value() == "sk-api-that-was-given"


@PICKLES
def test_a_key_that_is_none_on_purpose_stays_so(
    dumps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    there = pickle.loads(dumps(ChatMiniMax(model="m", api_key="")))
    assert there.api_key.get_secret_value() == ""


@PICKLES
def test_nor_has_a_pickled_chain_the_environments_key(
    dumps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    model = ChatMiniMax(model="MiniMax-M3")
    for make, _, _ in CHAINS.values():
        assert KEY.encode() not in dumps(make(model))


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, ChatMiniMax.model_copy]
)
def test_other_copies_keep_it(duplicate: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    model = ChatMiniMax(model="MiniMax-M3")
    monkeypatch.delenv("MINIMAX_API_KEY")
    assert duplicate(model).api_key.get_secret_value() == KEY
