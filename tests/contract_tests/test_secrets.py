"""The key, a proxy's password and the values of headers show up nowhere but on the
wire, and there only at the address that was given."""

from __future__ import annotations

import json
import logging
import pickle
import pprint
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps
from langchain_core.runnables import ConfigurableField
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler

from langchain_minimax import ChatMiniMax, MiniMaxError, MiniMaxInvalidRequestError
from langchain_minimax.testing import Fault
from support.talker import Talker, head
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

KEY = "sk-api-Hush-0123456789"
HEADER = 'Hush/+"\\value=='
USER, PASSWORD = "Hush-the-user", "Hush-the-password"
SECRET = "hush"
"""What all of them have in common, in any case."""

HIDDEN: dict[str, Any] = {
    "model": "MiniMax-M3",
    "api_key": KEY,
    "default_headers": {"x-gateway": HEADER, "x-other": f"Bearer {HEADER}"},
    "proxy": f"http://{USER}:{PASSWORD}@127.0.0.1:9",
    "max_retries": 0,
}
PERSON = {"title": "Person", "type": "object", "properties": {"name": {}}}


def assert_hidden(shown: object) -> None:
    assert SECRET not in str(shown).lower()


# --- What shows a model --------------------------------------------------------------

SHOWN: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "pretty print": pprint.pformat,
    "dumps": dumps,
    "dumpd": dumpd,
}
OF_A_MODEL: dict[str, Callable[[ChatMiniMax], object]] = {
    **SHOWN,
    "model_dump": lambda model: model.model_dump(),
    "model_dump_json": lambda model: model.model_dump_json(),
    "asdict": lambda model: model.asdict(),
    "the cache's key": lambda model: model._get_llm_string(stop=["x"]),
    "identifying params": lambda model: model._identifying_params,
    "invocation params": lambda model: model._get_invocation_params(),
    "LangSmith's params": lambda model: model._get_ls_params(),
    "transport": lambda model: model._transport,
    "async transport": lambda model: model._async_transport,
    "graph": lambda model: model.get_graph().to_json(with_schemas=True),
}
MADE_OF_IT: dict[str, Callable[[ChatMiniMax], object]] = {
    "bound": lambda model: model.bind(stop=["x"]),
    "with tools": lambda model: model.bind_tools([PERSON]),
    "with fallbacks": lambda model: model.with_fallbacks([model]),
    "with retry": lambda model: model.with_retry(),
    "structured": lambda model: model.with_structured_output(PERSON),
    "configurable": lambda model: model.configurable_fields(
        api_key=ConfigurableField(id="key")
    ),
    "copied": lambda model: model.model_copy(update={"api_key": KEY}),
    "as a chain": lambda model: model | str,
}


@pytest.mark.parametrize("show", OF_A_MODEL.values(), ids=OF_A_MODEL)
def test_a_model_shows_no_secret(show: Callable[[Any], object]) -> None:
    assert_hidden(show(ChatMiniMax(**HIDDEN)))


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("make", MADE_OF_IT.values(), ids=MADE_OF_IT)
def test_what_is_made_of_a_model_shows_no_secret(
    make: Callable[[Any], object], show: Callable[[Any], object]
) -> None:
    assert_hidden(show(make(ChatMiniMax(**HIDDEN))))


WRONG: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": "hot"},
    "key": {"api_key": [KEY]},
    "proxy": {"proxy": f"ftp://{USER}:{PASSWORD}@host"},
    "kind of proxy": {"proxy": [PASSWORD]},
    "address": {"base_url": f"https://{USER}:{PASSWORD}@host"},
    "no address": {"base_url": f"ht!tp://{USER}:{PASSWORD}"},
    "headers": {"default_headers": HEADER},
    "header": {"default_headers": {"x-gateway": [HEADER]}},
    "line break": {"default_headers": {"x-gateway": f"{HEADER}\n"}},
    "client": {"http_client": KEY},
    "region": {"region": KEY},
    "two keys": {"apikey": KEY},
    "a line as a header's name": {"default_headers": {f"x-gateway: {HEADER}": ""}},
    "blanks": {"default_headers": {"x-gateway": f" {HEADER}"}},
    "framing": {"default_headers": {"connection": HEADER}},
    "a slip in the key": {"api_keey": KEY},
    "a slip in the body": {"model_kwargs": {"api_keey": KEY}},
    "another's key in the body": {"model_kwargs": {"auth": KEY}},
    "a key in the body": {"model_kwargs": {"api_key": KEY}},
    "a header in the body": {"model_kwargs": {"x-api-key": KEY}},
    "a token in the body": {"model_kwargs": {"token": KEY}},
    "headers in the body": {"model_kwargs": {"extra_headers": {"x-gateway": HEADER}}},
    "another's headers": {"headers": {"x-gateway": HEADER}},
    "our headers in the body": {"model_kwargs": {"default_headers": {"x": HEADER}}},
    "another's proxy": {"openai_proxy": f"http://{USER}:{PASSWORD}@host"},
    "another's query": {"default_query": {"key": KEY}},
}


OURS = {"api_key", "base_url", "region", "proxy", "default_headers", "http_client"}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_refused_shows_no_secret(wrong: dict[str, Any]) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises((ValueError, MiniMaxError)) as caught:
            ChatMiniMax(**{**HIDDEN, **wrong})
    assert_hidden([str(caught.value), repr(caught.value), *map(str, warned)])
    lines = traceback.format_exception_only(caught.value)
    assert_hidden(lines)


@pytest.mark.parametrize(
    "name", [name for name, each in WRONG.items() if OURS & {*each}]
)
def test_what_a_copy_refuses_shows_no_secret(name: str) -> None:
    model, ((field, value),) = ChatMiniMax(**HIDDEN), WRONG[name].items()
    with pytest.raises(ValueError, match=field) as copied:
        model.model_copy(update={field: value})
    with pytest.raises(ValueError, match=field) as assigned:
        setattr(model, field, value)
    for caught in (copied, assigned):
        assert_hidden(traceback.format_exception_only(caught.value))


def _assigned(model: ChatMiniMax, field: str, value: object) -> ChatMiniMax:
    setattr(model, field, value)
    return model


def _copied(model: ChatMiniMax, field: str, value: object) -> ChatMiniMax:
    return model.model_copy(update={field: value})


@pytest.mark.parametrize("change", [_assigned, _copied])
@pytest.mark.parametrize("name", ["proxy", "address", "no address"])
def test_nor_does_what_is_refused_later(
    name: str, change: Callable[..., ChatMiniMax]
) -> None:
    ((field, value),) = WRONG[name].items()
    with pytest.raises((ValueError, MiniMaxError)) as caught:
        change(ChatMiniMax(**HIDDEN), field, value).invoke("Hello")
    assert field in str(caught.value)
    assert_hidden([str(caught.value), repr(caught.value)])
    assert_hidden(traceback.format_exception_only(caught.value))


# --- What a call tells ---------------------------------------------------------------


class Recorder(BaseCallbackHandler):
    """Remembers all that LangChain tells a handler."""

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {}

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        told = self.told.setdefault(name, [])
        return lambda *args, **said: told.append(repr(args) + repr(said))


@every_way
def test_tracers_and_loggers_are_told_no_secret(
    ask: Ask, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echoes = Fault.error(2064, KEY, retry_after=0), Fault.error(1000, HEADER)
    server = serve(*echoes, api_key=KEY)
    recorder, collector = Recorder(), RunCollectorCallbackHandler()
    model = connect(server, **{**HIDDEN, "proxy": None, "max_retries": 1})
    with pytest.raises(MiniMaxError):
        ask(
            model.with_config(metadata={"user": "me"}),
            "Hello",
            config={"callbacks": [recorder, collector]},
        )

    assert len(server.requests) == 2
    assert {"on_chat_model_start", "on_llm_error"} <= recorder.told.keys()
    assert_hidden(recorder.told)
    assert_hidden([run.model_dump_json() for run in collector.traced_runs])
    assert_hidden(caplog.text)


OF_A_CALL: dict[str, Any] = {
    "api_key": KEY,
    "extra_headers": {"x-gateway": HEADER},
    "default_headers": {"x-gateway": HEADER},
    "proxy": f"http://{USER}:{PASSWORD}@host",
    "model_kwargs": {"authorization": KEY},
    "api_keey": KEY,
    "minimax_api_key": KEY,
    "auth": KEY,
}


@every_way
@pytest.mark.parametrize("name", OF_A_CALL)
def test_a_secret_in_a_call_is_refused_before_a_tracer_sees_it(
    ask: Ask, name: str, serve: Any, connect: Any
) -> None:
    server, recorder = serve(), Recorder()
    with pytest.raises(MiniMaxInvalidRequestError):
        ask(
            connect(server),
            "Hello",
            config={"callbacks": [recorder]},
            **{name: OF_A_CALL[name]},
        )
    assert_hidden(recorder.told)
    assert server.requests == []


# --- What a server repeats -----------------------------------------------------------

JSON, HTML = {"content_type": "application/json"}, {"content_type": "text/html"}
EVENTS = {"content_type": "text/event-stream"}
ALL = f"{KEY} {HEADER}"
COMPLAINT = {"type": "error", "error": {"type": "x_error", "message": ALL}}
EVENT = {"type": "error", "error": {"type": "overloaded_error", "message": ALL}}

ECHOES: dict[str, list[bytes]] = {
    "in a message": [head("400 No", **JSON), json.dumps(COMPLAINT).encode()],
    "in words": [head("401 No", **HTML), ALL.encode()],
    "in another case": [head("401 No", **HTML), ALL.upper().encode()],
    "in an address": [head("404 No", **HTML), quote(ALL, safe="").encode()],
    "in broken JSON": [head("400 No", **JSON), json.dumps({"": ALL}).encode()[:-1]],
    "in a page": [head(**HTML), f"<html>{ALL}".encode()],
    "cut by an excerpt": [head(**HTML), b"x" * 188 + KEY.encode()],
    "cut by the limit": [head("500 No", **HTML), b"x" * (2**20 - 18) + KEY.encode()],
    "in headers": [
        head("429 No", **HTML, x_echo=ALL, trace_id=KEY, retry_after=KEY),
        b"no",
    ],
    "as the type": [head(content_type=KEY), b"?"],
    "as the packing": [head(content_encoding=KEY), b"?"],
    "as an event": [head(**EVENTS), f"data: {json.dumps(EVENT)}\n\n".encode()],
    "as no event": [head(**EVENTS), f"data: {ALL}\n\n".encode()],
    "as a status": [f"{ALL}\r\n\r\n".encode()],
    "as a broken header": [f"HTTP/1.1 200 OK\r\n{KEY} : {HEADER}\r\n\r\n".encode()],
    "as a broken length": [head(transfer_encoding="chunked"), f"{KEY}\r\n".encode()],
    "as another place": [head("302 There", location=f"http://[{KEY}"), b""],
}


def led_to(error: BaseException) -> Iterator[BaseException]:
    """What came before it, whether or not Python would show that."""
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield other
            yield from led_to(other)


def everything(error: BaseException) -> Iterator[object]:
    """All that an error and what led to it show."""
    yield from (str(error), repr(error), error.args, vars(error))
    again = pickle.loads(pickle.dumps(error))
    yield from (str(again), vars(again))
    yield from traceback.format_exception(error)
    for other in led_to(error):
        yield from (str(other), repr(other), vars(other))


@every_way
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_what_a_server_repeats_is_not_passed_on(
    ask: Ask, echo: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="langchain_minimax")
    with Talker(lambda: echo) as server:
        fields = {**HIDDEN, "proxy": None, "base_url": f"http://{server.address}"}
        with pytest.raises(MiniMaxError) as caught:
            ask(ChatMiniMax(**fields), "Hello")
    assert_hidden([*everything(caught.value)])
    ours = [
        each for each in caplog.records if each.name.startswith("langchain_minimax")
    ]
    assert ours
    assert_hidden([caplog.handler.format(each) for each in ours])


@every_way
def test_what_a_proxy_repeats_is_not_passed_on(ask: Ask) -> None:
    login = httpx.BasicAuth(USER, PASSWORD)._auth_header
    words = f"{USER}, {PASSWORD}: {login}".encode()
    with Talker(lambda: [head("407 Who?", **HTML), words]) as proxy:
        fields = {
            **HIDDEN,
            "proxy": f"http://{USER}:{PASSWORD}@{proxy.address}",
            "base_url": "http://far.example",
        }
        with pytest.raises(MiniMaxError) as caught:
            ask(ChatMiniMax(**fields), "Hello")
    assert len(proxy.requests) == 1
    shown = [*everything(caught.value)]
    assert_hidden(shown)
    assert login.removeprefix("Basic ") not in str(shown)


# --- Where it goes -------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("theirs", [False, True], ids=["our client", "their client"])
def test_nothing_is_sent_to_another_place(ask: Ask, status: int, theirs: bool) -> None:
    """Not even by a client that follows; httpx would take all headers but one along."""
    with Talker(lambda: [head()]) as other:
        there = head(f"{status} There", location=f"http://{other.address}/v1/messages")
        with Talker(lambda: [there]) as server:
            fields = {**HIDDEN, "proxy": None, "base_url": f"http://{server.address}"}
            if theirs:
                fields |= {
                    "http_client": httpx.Client(follow_redirects=True),
                    "http_async_client": httpx.AsyncClient(follow_redirects=True),
                }
            with pytest.raises(MiniMaxInvalidRequestError, match="base_url"):
                ask(ChatMiniMax(**fields), "Hello")
        assert len(server.requests) == 1
    assert other.requests == []
