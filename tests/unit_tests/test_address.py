"""Where requests go, however an address is spelled."""

from __future__ import annotations

import traceback
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_minimax._address import is_official, resolve_url
from langchain_minimax._dialects import anthropic

CHAT: Any = SimpleNamespace(path="/v1/chat/completions", official_prefix="", headers={})
GLOBAL = "https://api.minimax.io/anthropic/v1/messages"


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("global", GLOBAL),
        ("china", "https://api.minimax.cn/anthropic/v1/messages"),
    ],
)
@pytest.mark.parametrize("unset", [None, ""])
def test_a_region_has_its_host(region: str, url: str, unset: str | None):
    assert resolve_url(unset, region, anthropic) == url


@pytest.mark.parametrize(
    "given",
    [
        "https://api.minimax.io",
        "https://api.minimax.io/",
        "https://api.minimax.io/anthropic",
        "https://api.minimax.io/anthropic/",
        "https://api.minimax.io/anthropic/v1",
        "https://api.minimax.io/anthropic/v1/",
        "https://api.minimax.io/anthropic/v1/messages",
        "https://api.minimax.io/anthropic/v1/messages/",
        "https://api.minimax.io/anthropic/v1/messages?beta=true",
        "https://api.minimax.io/v1",
        "https://api.minimax.io/v1/messages",
        "https://api.minimax.io/v1/chat/completions",
        "https://api.minimax.io/v1/text/chatcompletion_v2",
        " https://api.minimax.io\n",
        "api.minimax.io",
        "api.minimax.io/v1",
    ],
)
def test_every_spelling_of_minimaxs_own_address_will_do(given: str):
    assert resolve_url(given, "china", anthropic) == GLOBAL
    assert resolve_url(given, "china", CHAT) == (
        "https://api.minimax.io/v1/chat/completions"
    )


@pytest.mark.parametrize(
    "host",
    [
        "api.minimax.io",
        "api.minimax.cn",
        "api.minimaxi.com",
        "api.minimax.chat",
        "api.minimaxi.chat",
        "api-uw.minimax.io",
    ],
)
def test_every_host_of_minimaxs_own_is_completed(host: str):
    assert is_official(f"https://{host}/v1")
    assert resolve_url(host, "global", anthropic) == (
        f"https://{host}/anthropic/v1/messages"
    )


def test_scheme_and_port_of_an_own_host_are_kept():
    assert resolve_url("http://API.MiniMax.io:8080/v1", "global", anthropic) == (
        "http://API.MiniMax.io:8080/anthropic/v1/messages"
    )


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/v1/", "http://localhost:8000"),
        ("http://localhost:8000/v1/messages", "http://localhost:8000"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000"),
        ("localhost", "http://localhost"),
        ("localhost:8000", "http://localhost:8000"),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
        ("llm.example.com", "https://llm.example.com"),
        ("localhost.example.com", "https://localhost.example.com"),
        ("gate.example.com.", "https://gate.example.com."),
        ("http://my_engine:8000", "http://my_engine:8000"),
        ("http://[fe80::1%25eth0]:8000", "http://[fe80::1%25eth0]:8000"),
        ("https://हिन्दी.example", "https://हिन्दी.example"),
        ("a" * 63 + ".example", "https://" + "a" * 63 + ".example"),
        ("127.example.com", "https://127.example.com"),
        ("https://gate.example.com/minimax", "https://gate.example.com/minimax"),
        ("https://gate.example.com/minimax/v1", "https://gate.example.com/minimax"),
        ("https://gate.example.com/v1/m2", "https://gate.example.com/v1/m2"),
        (
            "https://agent.minimax.cn/mavis/api/v1/llm/v1/messages",
            "https://agent.minimax.cn/mavis/api/v1/llm",
        ),
        ("https://api.minimax.io.example.com", "https://api.minimax.io.example.com"),
    ],
)
def test_another_server_is_asked_below_the_path_that_was_given(given: str, root: str):
    assert not is_official(given)
    assert resolve_url(given, "global", anthropic) == f"{root}/v1/messages"
    assert resolve_url(given, "global", CHAT) == f"{root}/v1/chat/completions"


@pytest.mark.parametrize(
    ("given", "dialect"),
    [
        ("https://gate.example.com/openai/chat/completions", CHAT),
        ("https://gate.example.com/m3/chat/completions?api-version=7", CHAT),
        ("http://localhost:8000/chat/completions", CHAT),
        ("https://gate.example.com/claude/messages", anthropic),
        ("https://gate.example.com/anthropic/v1/messages?beta=true", anthropic),
    ],
)
def test_another_servers_whole_address_is_used_as_it_stands(given: str, dialect: Any):
    assert resolve_url(given, "global", dialect) == given


@pytest.mark.parametrize(
    ("given", "dialect", "url"),
    [
        ("gate.example.com/m3/chat/completions", anthropic, "m3/v1/messages"),
        ("gate.example.com/m3/messages", CHAT, "m3/v1/chat/completions"),
    ],
)
def test_the_address_of_the_other_protocol_is_none_of_it(
    given: str, dialect: Any, url: str
):
    assert resolve_url(given, "global", dialect) == f"https://gate.example.com/{url}"


def test_another_servers_query_is_kept():
    given = "https://gate.example.com/v1/?team=7"
    assert resolve_url(given, "global", anthropic) == (
        "https://gate.example.com/v1/messages?team=7"
    )


@pytest.mark.parametrize(
    "given",
    [
        "ftp://api.minimax.io",
        "file:///v1",
        "https://",
        "https:///v1",
        "/v1",
        "   ",
        "http://[::1",
        "https://api.minimax.io:port",
        "https://api.minimax.io:99999",
        "https://api.minimax.io:0",
        "http//gate.example.com/v1",
        "https//api.minimax.io",
        "https://http//gate.example.com",
        "http:8000",
        "https",
        "http://a..b/",
        "http://.a.b/",
        "http://a b/",
        "http://a%20b/",
        "https://" + "a" * 64 + ".example.com",
        "a" * 300,
        ".".join(["a" * 63] * 4),
        "https://gate.example.com/\ud800",
        "https://gate\ud800.example.com",
        "https://gate.exa\nmple.com",
        "https://gate.example.com/a\tb",
        "https://gate.example.com\x00",
        "https://gate.example.com/" + "a" * 2000,
    ],
)
def test_what_is_no_address_is_refused(given: str):
    assert not is_official(given)
    with pytest.raises(ValueError, match="no address"):
        resolve_url(given, "global", anthropic)


@pytest.mark.parametrize(
    "given",
    [
        "https://user:hunter2@api.minimax.io",
        "https://hunter2@api.minimax.io",
        "https://:hunter2@gate.example.com/v1",
        "user:hunter2@gate.example.com",
        "https://user:/hunter2@gate.example.com",
        "https://user:#hunter2@gate.example.com",
        "https://user:hunter2\uff0f@gate.example.com",
    ],
)
def test_credentials_in_the_address_are_refused_and_not_repeated(given: str):
    with pytest.raises(ValueError, match="base_url") as raised:
        resolve_url(given, "global", anthropic)
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))
