from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import SecretStr, ValidationError

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxInvalidRequestError,
    MiniMaxToolChoiceError,
)
from support.play import playing
from support.samples import sample
from support.ways import CALLS, WAYS, Ask

KEY = "sk-api-of-nobody"
TEXT = sample("m2_7_whole_base_resp")

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)


class Server:
    """Answers every request with the same text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = json.loads(TEXT.body)
        asked = json.loads(request.content)
        return httpx.Response(200, json={**body, "model": asked["model"]})

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.requests[-1].content)

    def model(self, **fields: Any) -> ChatMiniMax:
        transport = httpx.MockTransport(self)
        return ChatMiniMax(
            **{
                "model": "MiniMax-M3",
                "api_key": KEY,
                "max_retries": 0,
                "http_client": httpx.Client(transport=transport),
                "http_async_client": httpx.AsyncClient(transport=transport),
                **fields,
            }
        )


@pytest.fixture
def server() -> Server:
    return Server()


# --- Construction --------------------------------------------------------------------


def test_every_argument_has_its_langchain_name_too() -> None:
    model = ChatMiniMax(
        model_name="MiniMax-M3",
        minimax_api_key=KEY,
        minimax_api_base="https://gateway.example",
        max_completion_tokens=10,
        reasoning_effort="low",
        stop_sequences=["END"],
        request_timeout=5,
    )

    assert model.model == "MiniMax-M3"
    assert model.api_key.get_secret_value() == KEY
    assert model.base_url == "https://gateway.example"
    assert (model.max_tokens, model.effort, model.stop) == (10, "low", ["END"])
    assert model.timeout == 5


SENSELESS = [0, -1, math.nan, math.inf, 1e308, 10**400, True, "soon", [5]]
"""What no time limit can be."""

NO_CONNECTION: list[tuple[dict[str, Any], str]] = [
    ({"api_key": ["sk-secret@"]}, "api_key"),
    ({"base_url": "ftp://files.example"}, "no address"),
    ({"base_url": "https://user:secret@host.example"}, "user name"),
    ({"base_url": "https://a..b"}, "no address"),
    ({"region": "mars"}, "region"),
    ({"max_retries": -1}, "max_retries"),
    ({"proxy": "nonsense"}, "proxy"),
    *(({"timeout": limit}, "timeout.*`None`") for limit in SENSELESS),
    *(({"stream_idle_timeout": limit}, "idle.*`None`") for limit in SENSELESS),
    *(
        ({"timeout": httpx.Timeout(5, **{part: limit})}, "timeout.*`None`")
        for part, limit in [("connect", 0), ("read", -1), ("write", True)]
    ),
    ({"timeout": httpx.Timeout(math.nan)}, "timeout.*`None`"),
    ({"http_client": 5}, "httpx.Client"),
    ({"http_client": httpx.AsyncClient()}, "given as `http_async_client`"),
    ({"http_async_client": httpx.Client()}, "given as `http_client`"),
    *(
        ({"default_headers": {name: "secret@"}}, "one word")
        for name in ("", "x y", " x", "x\n", "x:", "X-Größe", "x: secret@")
    ),
    *(
        ({"default_headers": {"x": text}}, "'x'.*characters")
        for text in ("secret@\n", "a\nb: secret@", "secret@…", " secret@", "secret@ ")
    ),
    *(
        ({"default_headers": {name: "secret@"}}, "leave it out")
        for name in ("Host", "connection", "Content-Length", "transfer-encoding")
    ),
    ({"default_headers": {"x": 5}}, "default_headers"),
    ({"default_headers": "secret@"}, "default_headers"),
]
"""What no field of a connection can be, and what is said of it."""


def test_an_unknown_argument_is_kept_and_its_nearest_is_named() -> None:
    theirs = {"top_k": 20}
    with pytest.warns(UserWarning, match=r"`temprature`.*Did you mean `temperature`"):
        model = ChatMiniMax(model="MiniMax-M3", temprature=1, model_kwargs=theirs)

    assert model.model_kwargs == {"top_k": 20, "temprature": 1}
    assert theirs == {"top_k": 20}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        *NO_CONNECTION,
        ({"temperature": 2.5}, "temperature.*0 to 2"),
        ({"top_p": -0.1}, "top_p.*0 to 1"),
        ({"max_tokens": 0}, "max_tokens.*at least 1"),
        ({"model_kwargs": {"temperature": 1}}, "argument of its own"),
        ({"model_kwargs": {"extra_headers": {"a": "b"}}}, "default_headers"),
        ({"protocol": "smtp"}, "protocol"),
        ({"thinking": "maybe"}, "thinking"),
        ({"anthropic_api_key": "sk-secret@"}, "looks like a secret"),
        ({"api_keey": "sk-secret@"}, "looks like a secret"),
        ({"defualt_headers": {"x": "secret@"}}, "looks like a secret"),
        ({"model_kwargs": {"auth": "secret@"}}, "looks like a secret"),
        ({"verify": False}, "as `http_client`"),
        ({"default_request_timeout": 5}, "as `timeout`"),
    ],
)
def test_what_cannot_be_is_refused_at_once(fields: dict, words: str) -> None:
    with pytest.raises((ValidationError, MiniMaxInvalidRequestError), match=words) as e:
        ChatMiniMax(model="MiniMax-M3", **fields)
    assert "secret@" not in str(e.value)


@pytest.mark.parametrize(("fields", "words"), NO_CONNECTION)
def test_nor_can_a_copy_or_an_assignment_be_so(fields: dict, words: str) -> None:
    model = ChatMiniMax(model="MiniMax-M3", api_key=KEY)
    twin = copy.copy(model)
    ((name, value),) = fields.items()
    for change in (
        lambda: model.model_copy(update=fields),
        lambda: setattr(model, name, value),
    ):
        with pytest.raises(ValidationError, match=words) as refused:
            change()
        assert "secret@" not in str(refused.value)
    assert model == twin


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout": None, "stream_idle_timeout": None},
        {"timeout": 0.001, "stream_idle_timeout": 1_000_000},
        {"timeout": httpx.Timeout(None)},
        {"timeout": httpx.Timeout(5, read=None)},
        {"default_headers": {"X-Team_1": "", "!#$%&'*+-.^_`|~": "a b"}},
        {"default_headers": None, "proxy": None},
        {"proxy": "socks5://proxy.example:1080"},
    ],
    ids=repr,
)
def test_what_can_be_a_connection_is_one(fields: dict) -> None:
    made = ChatMiniMax(model="MiniMax-M3", **fields)
    copied = ChatMiniMax(model="MiniMax-M3").model_copy(update=fields)
    for name, value in fields.items():
        assert getattr(made, name) == getattr(copied, name) == value


def test_an_empty_proxy_is_none() -> None:
    assert ChatMiniMax(model="MiniMax-M3", proxy="").proxy is None


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("global", "api.minimax.io"),
        ("io", "api.minimax.io"),
        ("china", "api.minimax.cn"),
        ("cn", "api.minimax.cn"),
    ],
)
def test_a_region_is_one_word(server: Server, said: str, host: str) -> None:
    server.model(region=said).invoke("Hi")
    assert str(server.requests[-1].url) == f"https://{host}/anthropic/v1/messages"


def test_a_model_shows_no_secret() -> None:
    model = ChatMiniMax(
        model="MiniMax-M3",
        api_key=KEY,
        default_headers={"x-secret": "hush"},
        proxy="http://me:hush@proxy.example",
    )
    shown = repr(model) + str(model) + str(model._identifying_params)
    shown += json.dumps(model.to_json(), default=str) + model._get_llm_string()

    assert "hush" not in shown
    assert KEY not in shown


# --- The key -------------------------------------------------------------------------


@every_way
def test_without_a_key_the_first_call_says_where_keys_are_made(
    server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    with pytest.raises(MiniMaxAuthenticationError, match="MINIMAX_API_KEY"):
        ask(server.model(api_key=None), "Hi")
    assert server.requests == []


def test_none_for_a_key_is_the_environments(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    server.model(api_key=None, base_url=None, region=None).invoke("Hi")
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@every_way
@pytest.mark.parametrize(
    "key",
    ["sk-abc…xyz", "sk-abc\nxyz", "Bearer sk-abc", '"sk-abc"', "'sk-abc'", "`sk-abc`"],
)
def test_a_key_with_foreign_characters_is_refused_and_not_shown(
    server: Server, ask: Ask, key: str
) -> None:
    with pytest.raises(MiniMaxAuthenticationError, match="characters") as caught:
        ask(server.model(api_key=key), "Hi")
    assert "abc" not in str(caught.value)
    assert server.requests == []


def test_a_line_break_around_the_key_is_not_part_of_it(server: Server) -> None:
    server.model(api_key=f"{KEY}\n").invoke("Hi")
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"


def test_other_hosts_need_no_key(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    model = server.model(api_key=None, base_url="http://localhost:8000")
    model.invoke("Hi")
    assert str(server.requests[-1].url) == "http://localhost:8000/v1/messages"
    assert "authorization" not in server.requests[-1].headers


@pytest.mark.parametrize("host", ["http://localhost:8000", "https://gate.example/v1"])
def test_an_empty_key_for_another_host_is_none(
    server: Server, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    server.model(api_key="", base_url=host).invoke("Hi")
    assert "authorization" not in server.requests[-1].headers


# --- What is sent --------------------------------------------------------------------


def test_a_bare_model_sends_little(server: Server) -> None:
    server.model().invoke([SystemMessage("Be brief."), HumanMessage("Hi")])
    assert server.body == {
        "model": "MiniMax-M3",
        "max_tokens": 131072,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "thinking": {"type": "disabled"},
        "stream": False,
    }


@every_way
@pytest.mark.parametrize(
    ("field", "at_first", "said", "key", "sent"),
    [
        ("model", "MiniMax-M3", "MiniMax-M2.7", "model", "MiniMax-M2.7"),
        ("max_tokens", 10, 20, "max_tokens", 20),
        ("temperature", 0.1, 0.9, "temperature", 0.9),
        ("top_p", 0.1, 0.9, "top_p", 0.9),
        ("thinking", False, True, "thinking", {"type": "adaptive"}),
        ("service_tier", "standard", "priority", "service_tier", "priority"),
        ("user_id", "ann", "bob", "metadata", {"user_id": "bob"}),
        ("temperature", 0.1, None, "temperature", None),
    ],
)
def test_what_the_call_says_wins(
    server: Server,
    ask: Ask,
    field: str,
    at_first: Any,
    said: Any,
    key: str,
    sent: Any,
) -> None:
    ask(server.model(**{field: at_first}), "Hi", **{field: said})
    assert server.body.get(key) == sent


def test_max_tokens_are_those_of_the_model_that_is_called(server: Server) -> None:
    server.model().invoke("Hi", model="MiniMax-M2.7")
    assert server.body["max_tokens"] == 65536


def test_an_unknown_argument_of_a_call_warns_and_is_sent(server: Server) -> None:
    with pytest.warns(UserWarning, match=r"`max_token`.*Did you mean `max_tokens`"):
        server.model().invoke("Hi", max_token=5)
    assert server.body["max_token"] == 5


def test_the_user_in_langchains_metadata_is_told_and_nothing_else(
    server: Server,
) -> None:
    server.model(metadata={"user_id": "ann", "team": "red"}).invoke("Hi")
    assert server.body["metadata"] == {"user_id": "ann"}


def test_tools_are_sent_and_none_is_no_list(server: Server) -> None:
    def get_weather(city: str) -> str:
        """Tell the weather."""
        return city

    model = server.model()
    model.bind_tools([get_weather], tool_choice="auto").invoke("Hi")
    assert server.body["tools"] == [
        {
            "name": "get_weather",
            "description": "Tell the weather.",
            "input_schema": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        }
    ]
    assert server.body["tool_choice"] == {"type": "auto"}

    for choice in ("auto", "none", None):
        model.bind_tools([], tool_choice=choice).invoke("Hi")
        assert "tools" not in server.body
        assert "tool_choice" not in server.body
    with pytest.raises(MiniMaxInvalidRequestError, match="none is bound"):
        model.bind_tools([], tool_choice="any")


@every_way
@pytest.mark.parametrize("choice", ["any", "required", True, "dig"])
def test_a_forced_choice_is_seen_to_and_not_sent(
    server: Server, ask: Ask, choice: Any
) -> None:
    tool = {"name": "dig", "input_schema": {"type": "object", "properties": {}}}
    model = server.model().bind_tools([tool], tool_choice=choice)
    with pytest.raises(MiniMaxToolChoiceError) as refused:  # it only ever writes text
        ask(model, "Hi")
    assert (refused.value.attempts, len(server.requests)) == (2, 2)
    bodies = [json.loads(request.content) for request in server.requests]
    assert [body["tool_choice"] for body in bodies] == [{"type": "auto"}] * 2
    assert ["`dig`" in json.dumps(body["messages"][-1]) for body in bodies] == [
        True
    ] * 2
    assert not {"validator", "response_format"} & {*bodies[0], *bodies[1]}


def test_headers_of_the_callers_win(server: Server) -> None:
    server.model(default_headers={"User-Agent": "mine/1", "X-Trace": "7"}).invoke("Hi")
    sent = server.requests[-1].headers
    assert (sent["user-agent"], sent["x-trace"]) == ("mine/1", "7")
    assert sent["anthropic-version"] == "2023-06-01"


@every_way
@pytest.mark.parametrize("messages", [[], [SystemMessage(" ")], [("user", "")]])
def test_an_empty_conversation_is_refused_before_anything_is_sent(
    server: Server, ask: Ask, messages: list
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="empty"):
        ask(server.model(), messages)
    assert server.requests == []


@every_way
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stop": 5}, "stop"),
        ({"model": None}, "model"),
        ({"thinking": "maybe"}, "thinking"),
        ({"timeout": 5}, "belongs to the model"),
        ({"base_url": "https://a.example"}, "belongs to the model"),
        *(
            ({name: 5}, "belongs to the model")
            for name in ("request_timeout", "max_retries", "http_client", "verify")
        ),
        ({"apikey": KEY}, "looks like a secret"),
        ({"api_keey": KEY}, "looks like a secret"),
        ({"system": "Be brief."}, "SystemMessage"),
    ],
)
def test_a_call_with_nonsense_is_refused_before_anything_is_sent(
    server: Server, ask: Ask, said: dict, words: str
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match=words) as caught:
        ask(server.model(), "Hi", **said)
    assert KEY not in str(caught.value)
    assert server.requests == []


@pytest.mark.filterwarnings("always")
def test_what_a_model_cannot_do_is_said_once_at_the_callers_line(
    server: Server,
) -> None:
    model = server.model(model="MiniMax-M2.7", thinking=False)
    with pytest.warns(UserWarning, match="cannot stop thinking") as warned:
        assert all(model.invoke("Hi").text for _ in range(3))
    assert [each.filename for each in warned] == [__file__]


# --- Stop sequences ------------------------------------------------------------------


@every_way
def test_a_stop_sequence_ends_the_text_in_every_way(ask: Ask) -> None:
    loop = sample("m3_stream_loop_answer")
    text = next(block["text"] for block in loop.content if block["type"] == "text")
    stop = text[len(text) // 2 :][:3]
    model = playing(loop)

    message = ask(model, "Hi", stop=[stop])
    assert message.text == text[: text.index(stop)]
    assert message.response_metadata["stop_reason"] == "stop_sequence"
    assert message.response_metadata["stop_sequence"] == stop
    assert message.usage_metadata["output_tokens"] == loop.usage["output_tokens"]
    assert ask(playing(loop, stop=[stop]), "Hi", stop=[]).text == text
    assert ask(playing(loop, stop=stop), "Hi").text == text[: text.index(stop)]


# --- Identity ------------------------------------------------------------------------


def test_traces_name_the_model_that_is_called() -> None:
    model = ChatMiniMax(model="MiniMax-M3", temperature=0.3, stop=["END"])
    assert model._get_ls_params() == {
        "ls_provider": "minimax",
        "ls_model_name": "MiniMax-M3",
        "ls_model_type": "chat",
        "ls_temperature": 0.3,
        "ls_stop": ["END"],
    }
    said = model._get_ls_params(stop=[], model="MiniMax-M2.7", max_tokens=9)
    assert (said["ls_model_name"], said["ls_max_tokens"]) == ("MiniMax-M2.7", 9)
    assert "ls_stop" not in said


def test_a_profile_with_unknown_keys_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="Unrecognized keys in model profile: .'odd'"):
        ChatMiniMax(model="MiniMax-M3", profile={"max_input_tokens": 5, "odd": 1})  # type: ignore[typeddict-unknown-key]


def test_what_was_not_given_is_not_set() -> None:
    assert "model_kwargs" not in ChatMiniMax(model="MiniMax-M3").model_fields_set
    given = ChatMiniMax(model="MiniMax-M3", model_kwargs={})
    assert "model_kwargs" in given.model_fields_set


def test_the_profile_is_that_of_the_model() -> None:
    model = ChatMiniMax(model="MiniMax-M3")
    assert model.profile["max_input_tokens"] == 1_000_000
    assert ChatMiniMax(model="somebody-elses").profile is None
    assert (
        model.model_copy(update={"model": "MiniMax-M2.7"}).profile["max_input_tokens"]
        == 204_800
    )
    own = ChatMiniMax(model="MiniMax-M3", profile={"max_input_tokens": 5})
    assert own.model_copy(update={"model": "MiniMax-M2.7"}).profile == {
        "max_input_tokens": 5
    }


def test_stream_usage_false_drops_the_usage_and_nothing_else() -> None:
    loop = sample("m3_stream_loop_answer")
    for model, said in [
        (playing(loop, stream_usage=False), {}),
        (playing(loop), {"stream_usage": False}),
    ]:
        last = list(model.stream("Hi", **said))[-1]
        assert last.usage_metadata is None
        assert last.response_metadata["model_name"] == "MiniMax-M3"
        assert last.response_metadata["stop_reason"] == "end_turn"
        assert last.chunk_position == "last"


# --- Copies --------------------------------------------------------------------------


def _used(model: ChatMiniMax) -> ChatMiniMax:
    with pytest.raises(Exception, match="No connection"):
        model.invoke("Hi")
    return model


@pytest.mark.parametrize("prepare", [lambda model: model, _used], ids=["new", "used"])
@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: model.model_copy(deep=True),
        lambda model: pickle.loads(pickle.dumps(model.bind_tools([]))).bound,
    ],
    ids=["copy", "deepcopy", "pickle", "model_copy", "bound"],
)
def test_a_model_can_be_copied_at_any_moment(
    prepare: Callable, duplicate: Callable
) -> None:
    nowhere = "http://127.0.0.1:9"  # the discard port: nobody listens
    model = ChatMiniMax(model="m", api_key=KEY, base_url=nowhere, max_retries=0)
    twin = duplicate(prepare(model))
    assert twin == model
    assert twin.api_key.get_secret_value() == KEY
    _used(twin)


def test_a_deep_copy_shares_what_is_there_to_be_shared(server: Server) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=10)
    model = server.model(rate_limiter=limiter)
    twin = copy.deepcopy(model)
    assert twin.http_client is model.http_client
    assert twin.rate_limiter is limiter
    assert twin.invoke("Hi").text


def test_a_bare_key_is_covered_up() -> None:
    model = ChatMiniMax(model="MiniMax-M3")
    other = model.model_copy(update={"api_key": KEY})
    model.api_key = KEY
    assert KEY not in repr([model, other]) + str(other.model_dump())
    assert other.api_key.get_secret_value() == KEY


@pytest.mark.parametrize(
    "fields",
    [
        {"default_headers": {"x-gateway": "hush\n"}},
        {"default_headers": {"x-gateway": "hush…"}},
        {"proxy": "http://me:hush/hush@proxy.example"},
    ],
)
def test_what_cannot_be_a_header_or_a_proxy_is_refused_and_not_shown(
    fields: dict,
) -> None:
    with pytest.raises(ValidationError) as caught:
        ChatMiniMax(model="MiniMax-M3", **fields)
    assert "hush" not in str(caught.value)


def test_what_a_call_holds_shows_no_secret(server: Server) -> None:
    model = server.model(default_headers={"x-gateway": "hush"}, proxy="http://a:hush@b")
    call = model._call([HumanMessage("Hi")], None, {}, stream=True)
    trip = next(call.trips)
    shown = repr([call, trip, model._transport, model._async_transport])
    assert KEY not in shown
    assert "hush" not in shown


@pytest.mark.filterwarnings("ignore:MiniMax")
def test_what_the_wire_does_not_know_of_tools_is_not_sent(server: Server) -> None:
    tool = {"name": "dig", "input_schema": {"type": "object", "properties": {}}}
    server.model().bind_tools([tool], strict=True, parallel_tool_calls=False).invoke(
        "x"
    )
    assert not {"strict", "parallel_tool_calls"} & server.body.keys()


def test_a_pickle_leaves_the_callers_clients_behind(server: Server) -> None:
    model = server.model()
    twin = pickle.loads(pickle.dumps(model))
    assert (twin.http_client, twin.http_async_client) == (None, None)
    assert model.http_client is not None
    assert model.invoke("Hi").text


@pytest.mark.parametrize("key", ["sk-api-of-another", SecretStr("sk-api-of-another")])
def test_a_copy_with_another_key_sends_that(server: Server, key: Any) -> None:
    server.model().model_copy(
        update={"api_key": key, "base_url": "https://gateway.example"}
    ).invoke("Hi")
    sent = server.requests[-1]
    assert sent.headers["authorization"] == "Bearer sk-api-of-another"
    assert sent.url.host == "gateway.example"


def test_a_copy_knows_every_name_of_the_constructor() -> None:
    model = ChatMiniMax(model="MiniMax-M3", api_key=KEY)
    names = {
        "model_name": "MiniMax-M2.7",
        "minimax_api_key": "sk-api-of-another",
        "minimax_api_base": "https://gateway.example",
        "max_completion_tokens": 10,
        "reasoning_effort": "low",
        "stop_sequences": ["END"],
        "request_timeout": 5,
        "tags": ["LangChain's"],
    }
    twin = model.model_copy(update=names)
    assert twin == ChatMiniMax(**names)
    assert twin.api_key.get_secret_value() == "sk-api-of-another"
    assert twin._get_llm_string() != model._get_llm_string()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("modle", "; did you mean `model`?"),
        ("api_kye", "; did you mean `api_key`?"),
        ("minimax_key", "; did you mean `minimax_api_key`?"),
        ("qqq", ""),
        ("_serialized", ""),
    ],
)
def test_a_copy_refuses_what_is_no_field(name: str, hint: str) -> None:
    model = ChatMiniMax(model="MiniMax-M3", api_key=KEY)
    with pytest.raises(ValueError, match=f"^`{name}` is no field") as refused:
        model.model_copy(update={name: "sk-api-of-another"})
    assert str(refused.value) == f"`{name}` is no field of ChatMiniMax{hint}"


def test_a_copy_without_a_key_has_not_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    model = ChatMiniMax(model="MiniMax-M3")
    with pytest.raises(MiniMaxAuthenticationError, match="There is no"):
        model.model_copy(update={"minimax_api_key": None}).invoke("Hi")


# --- LangChain's cache ---------------------------------------------------------------


def test_the_cache_does_not_answer_for_another_model(server: Server) -> None:
    model = server.model(cache=InMemoryCache())
    assert model.invoke("Hi").response_metadata["model_name"] == "MiniMax-M3"

    other = model.model_copy(update={"model": "MiniMax-M2.7"})
    assert other.invoke("Hi").response_metadata["model_name"] == "MiniMax-M2.7"
    model.temperature = 1.0
    model.invoke("Hi")
    assert len(server.requests) == 3


def test_a_cached_answer_is_a_message_of_its_own(server: Server) -> None:
    model = server.model(cache=InMemoryCache())
    first, second = model.invoke("Hi"), model.invoke("Hi")
    assert first.text == second.text
    assert first.id != second.id
    assert len(server.requests) == 1
    assert second.usage_metadata["total_cost"] == 0
    assert AIMessage.model_validate(second.model_dump()).text == first.text


# --- Callbacks -----------------------------------------------------------------------


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[str] = []

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.tokens.append(token)


@pytest.mark.parametrize("way", ["stream", "astream", "events", "aevents"])
def test_each_token_is_reported_once(way: str) -> None:
    loop = sample("m3_stream_loop_answer")
    tokens = Tokens()
    message = WAYS[way](playing(loop), "Hi", config={"callbacks": [tokens]})
    assert "".join(tokens.tokens) == message.text


def test_a_streaming_model_streams_behind_invoke() -> None:
    tokens = Tokens()
    model = playing(sample("m3_stream_loop_answer"), streaming=True)
    message = model.invoke("Hi", config={"callbacks": [tokens]})
    assert "".join(tokens.tokens) == message.text
    assert len(tokens.tokens) > 3


def test_all_calls_are_told_apart_by_name() -> None:
    assert CALLS.keys() < WAYS.keys()


# --- Imports -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import langchain_minimax", ["langchain_core", "pydantic", "httpx"]),
        (
            "import langchain_minimax as m; m.ChatMiniMax(model='M').bind_tools([])",
            ["httpx", "langchain", "langgraph", "starlette", "anthropic", "openai"],
        ),
        (
            "import langchain_minimax as m; m.ChatMiniMax(model='M').bind_tools([])",
            ["langchain_core.tools.base", "langchain_minimax._calls"],
        ),
        (
            "import langchain_minimax.testing",
            ["langchain_core", "httpx", "starlette", "uvicorn"],
        ),
    ],
)
def test_what_is_not_needed_is_not_imported(statement: str, absent: list[str]) -> None:
    check = f"import sys; {statement}; print(*set({absent!r}) & set(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_a_message_shows_its_thinking_before_any_call() -> None:
    """What was loaded from a store is looked at in a process that has asked nothing."""
    message = {
        "content": "Hi",
        "additional_kwargs": {
            "thinking_blocks": [{"thinking": "Hm", "type": "thinking"}]
        },
        "response_metadata": {"model_provider": "minimax"},
    }
    check = (
        "import langchain_minimax; langchain_minimax.ChatMiniMax\n"
        "from langchain_core.messages import AIMessage\n"
        f"for block in AIMessage(**{message!r}).content_blocks: print(block['type'])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["reasoning", "text"]
