"""Every message on the page of troubleshooting can be seen: each is provoked here.

The page says a message as it begins or as far as it does not vary; `…` stands for what
does. What MiniMax says comes from the emulator, whose words are the captured ones.
"""

from __future__ import annotations

import asyncio
import base64
import ensurepip
import gc
import io
import json
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_anthropic import ChatAnthropic
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_openai import ChatOpenAI
from packaging.version import Version
from pydantic import BaseModel

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxEmbeddings,
    MiniMaxError,
    MiniMaxFiles,
    errors,
)
from langchain_minimax._langchain.options import warn_once
from langchain_minimax.costs import cost_of, cost_of_usage
from langchain_minimax.middleware import MiniMaxPromptCachingMiddleware
from langchain_minimax.testing import (
    Emulator,
    Fault,
    Raw,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
OFFICIAL = "https://api.minimax.io"

Provocation = Callable[[Emulator, Path], Any]


class Joke(BaseModel):
    """A joke to tell."""

    setup: str
    punchline: str


def look_up(word: str) -> str:
    """Looks a word up."""
    return word


# --- What the page says --------------------------------------------------------------

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_MESSAGE = re.compile(r"^(?:### |- )(`+)(.+?)\1(?::|$)", re.MULTILINE)
MINIMAX, OTHERS, SILENT = (
    "What MiniMax says",
    "What other clients and LangChain say",
    "Without a message",
)


def sections() -> dict[str, str]:
    """The text of each part of the page."""
    found = _SECTION.split(PAGE.read_text(encoding="utf-8"))[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def messages(*, of: Callable[[str], bool]) -> list[str]:
    return [
        found[2].strip()
        for name, text in sections().items()
        if of(name)
        for found in _MESSAGE.finditer(text)
    ]


def is_like(message: str, said: str) -> bool:
    """Whether what was said is that message, whatever stands for `…` in it."""
    parts = map(re.escape, message.split("…"))
    return bool(re.search(".+?".join(parts), said, re.DOTALL))


# --- What ChatMiniMax says -----------------------------------------------------------


def chat(server: Emulator, *replies: Any, **fields: Any) -> ChatMiniMax:
    server.script(*replies)
    known = {
        "model": "MiniMax-M3",
        "api_key": server.api_key,
        "base_url": server.base_url,
        "max_retries": 0,
    }
    return ChatMiniMax(**{**known, **fields})


def ask(*content: Any, replies: Any = (), **options: Any) -> Provocation:
    """One call, with these parts of a message and these options."""
    parts = list(content) or "Hello"
    return lambda server, _: chat(server, *replies).invoke(
        [HumanMessage(parts)], **options
    )


def make(**fields: Any) -> Provocation:
    """A model that is made, and asked."""
    return lambda server, _: chat(server, **fields).invoke("Hello")


def through(error: type[httpx.TransportError], **fields: Any) -> Provocation:
    """A call through a client of the caller's whose network fails so."""

    def fail(request: httpx.Request) -> httpx.Response:
        words = "no luck"
        raise error(words, request=request)

    def provoke(server: Emulator, _: Path) -> None:
        with httpx.Client(transport=httpx.MockTransport(fail)) as client:
            chat(server, http_client=client, **fields).invoke("Hello")

    return provoke


def closed_client(server: Emulator, _: Path) -> None:
    client = httpx.Client()
    client.close()
    chat(server, http_client=client).invoke("Hello")


def streamed(*replies: Any, **fields: Any) -> Provocation:
    return lambda server, _: list(chat(server, *replies, **fields).stream("Hello"))


def upload(file: Any, **named: Any) -> Provocation:
    def provoke(server: Emulator, folder: Path) -> None:
        files = MiniMaxFiles(api_key=server.api_key, base_url=server.base_url)
        files.upload(folder / file if isinstance(file, str) else file(folder), **named)

    return provoke


def video(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42")
    return path


def empty_video(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def other_video(folder: Path) -> Path:
    path = folder / "clip.webm"
    path.write_bytes(b"a")
    return path


def huge_video(folder: Path) -> Path:
    path = folder / "huge.mp4"
    with path.open("wb") as file:
        file.truncate(513 * 2**20)  # a hole, which takes no room
    return path


def broken_upload(server: Emulator, folder: Path) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        words = "no luck"
        raise httpx.WriteError(words, request=request)

    with httpx.Client(transport=httpx.MockTransport(fail)) as client:
        MiniMaxFiles(
            api_key=server.api_key,
            base_url=server.base_url,
            http_client=client,
            max_retries=0,
        ).upload(video(folder))


async def progress(sent: int, total: int) -> None:
    """A wrong one: it would have to be awaited."""


def without(package: str, code: str) -> Provocation:
    """In a Python that has everything but this."""
    blocked = f"import sys; sys.modules[{package!r}] = None; {code}"
    return lambda _server, _folder: told_by(blocked)


def without_packages(code: str, path: Path) -> Provocation:
    """In a Python that has no packages but those in one folder."""
    code = f"import sys; sys.path = [{str(path)!r}, *sys.path[1:]]; {code}"
    return lambda _server, _folder: told_by(code, "-I", "-S")


def told_by(code: str, *options: str) -> None:
    done = subprocess.run(
        [sys.executable, *options, "-W", "ignore", "-c", code],
        check=False,
        capture_output=True,
        text=True,
    )
    raise RuntimeError(done.stderr)


def agent_marks(model: str) -> Provocation:
    caching = MiniMaxPromptCachingMiddleware(unsupported_model_behavior="raise")
    return lambda server, _: create_agent(
        chat(server, model=model), [], middleware=[caching]
    ).invoke({"messages": [("human", "Hello")]})


def structured(*replies: Any, **options: Any) -> Provocation:
    return lambda server, _: (
        chat(server, *replies)
        .with_structured_output(**{"schema": Joke, **options})
        .invoke("A joke, please.")
    )


TOKENS = UsageMetadata(input_tokens=20, output_tokens=5, total_tokens=25)


def embed(texts: Any) -> Provocation:
    return lambda server, _: MiniMaxEmbeddings(
        api_key=server.api_key, base_url=server.base_url
    ).embed_documents(texts)


def foreign_vectors(_server: Emulator, _folder: Path) -> None:
    """Asks a server whose embeddings have OpenAI's form."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [{"embedding": [0.1]}]})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        MiniMaxEmbeddings(
            api_key="k", base_url="http://127.0.0.1:9", http_client=client
        ).embed_documents(["Hello", "there"])


def priced(model: str, *, service_tier: str = "standard", **told: Any) -> Provocation:
    tokens = UsageMetadata(**{**TOKENS, **told})
    return lambda _server, _folder: cost_of_usage(
        tokens, model, service_tier=service_tier
    )


def an_older_pip(_server: Emulator, _folder: Path) -> None:
    """The pip that Python brings, as a new virtual environment has it."""
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    wheel = next(bundled.glob("pip-*.whl"), None)
    if wheel is None or Version(wheel.name.split("-")[1]) >= Version("25.1"):
        pytest.skip("this Python brings a pip that knows --group, or none")
    told_by(
        f"import runpy, sys; sys.path.insert(0, {str(wheel)!r})\n"
        "sys.argv = ['pip', 'install', '--no-index', '--group', 'batch']\n"
        "runpy.run_module('pip', run_name='__main__')"
    )


def image(**said: Any) -> dict[str, Any]:
    return {"type": "image", **said}


STALL = Fault.stall(at_byte=0, seconds=2)
LONG = "Once upon a time there was a king. " * 20
BEGINNING = 'event: ping\ndata: {"type": "ping"}\n\n'
SOCKS = (
    "from langchain_minimax import ChatMiniMax;"
    "ChatMiniMax(model='MiniMax-M3', api_key='k', proxy='socks5://127.0.0.1:9',"
    " max_retries=0).invoke('Hello')"
)
PNG = base64.b64encode(b"\x89PNG\r\n").decode()
SERVER_TOOL = {"type": "web_search_20250305", "name": "web_search"}

OURS: dict[str, Provocation] = {
    # The key and the address
    "There is no MiniMax API key": make(api_key="", base_url=OFFICIAL),
    "The MiniMax API key holds characters that no key has": make(api_key="Bearer sk"),
    "`base_url` is no address": make(base_url="ftp://host"),
    "`base_url` holds a user name": make(base_url="https://me:pw@example.com"),
    "`proxy` is an address such as http://host:port": make(proxy="host"),
    "a header's name is one word": make(default_headers={"a b": "c"}),
    "the header … is written by the client": make(default_headers={"Host": "a"}),
    "the header … holds characters that no header may have": make(
        default_headers={"a": "b\n"}
    ),
    "`http_client` takes an `httpx.Client`": make(http_client="httpx"),
    "The client given as `http_client` is closed": closed_client,
    # The network and time
    "No connection to …, or none that lasted": make(base_url="http://127.0.0.1:9"),
    "… was not reached in time": through(httpx.ConnectTimeout),
    "The call took longer than its … s": lambda server, _: chat(
        server, STALL, timeout=0.2
    ).invoke("Hello"),
    "… did not answer within the limits of `timeout`": lambda server, _: chat(
        server, STALL, timeout=httpx.Timeout(5, read=0.2)
    ).invoke("Hello"),
    "… did not take the request within the limits of `timeout`": through(
        httpx.WriteTimeout
    ),
    "… was silent for … s; `stream_idle_timeout` says how long is too long": streamed(
        STALL, stream_idle_timeout=0.2
    ),
    "The reply broke off before its end: the connection closed without a stop reason": (
        streamed(Raw(BEGINNING, content_type="text/event-stream"))
    ),
    "The reply of … broke off before its end": streamed(
        Fault.reset(at_byte=900, reply=LONG)
    ),
    "This is no reply of MiniMax's": ask(
        replies=[Raw("<html>", content_type="text/html")]
    ),
    "The stream holds something that is no event": streamed(
        Raw("data: Hello\n\n", content_type="text/event-stream")
    ),
    "MiniMax reported an error in the stream": streamed(
        Raw("event: error\ndata: {}\n\n", content_type="text/event-stream")
    ),
    "…, which no reply of MiniMax's is or has; it was not read on": ask(
        replies=[Raw(" " * 33 * 2**20)]
    ),
    "MiniMax's content filter ended the reply": ask(
        replies=[Reply([Text("Well")], stop_reason="content_filter")], protocol="openai"
    ),
    "The server gave the reply up (finish reason …)": ask(
        replies=[Reply([Text("Well")], stop_reason="abort")], protocol="openai"
    ),
    "a SOCKS proxy needs `pip install httpx[socks]`": without("socksio", SOCKS),
    "The reply has no message": ask(replies=[Raw('{"id": "1"}')], protocol="openai"),
    "The reply has no content array": ask(replies=[Raw('{"id": "1"}')]),
    "`timeout` is a number of seconds": make(timeout=0),
    "`stream_idle_timeout` is a number of seconds": make(stream_idle_timeout=-1),
    # Messages, images and files
    "The conversation is empty": lambda server, _: chat(server).invoke(
        [HumanMessage("")]
    ),
    "… cannot see, and the conversation has an image in it": lambda server, _: chat(
        server, model="MiniMax-M2.1"
    ).invoke([HumanMessage([image(url="https://a.io/b.png")])]),
    "An image of … MB is more than the 10 MB that MiniMax takes in a message": ask(
        image(base64=PNG + "A" * 2**24, mime_type="image/png")
    ),
    "The request has … MB, and MiniMax takes 64": lambda server, _: chat(
        server, base_url=OFFICIAL
    ).invoke("a" * 65 * 2**20),
    "MiniMax's chat models take no audio": ask({"type": "audio", "base64": PNG}),
    "MiniMax's chat models take no documents": ask({"type": "file", "file_id": "1"}),
    "MiniMax cannot fetch the image from …": ask(image(url="file:///tmp/a.png")),
    "This image says neither where it is nor what": ask(image()),
    "The `base64` of this image is no base64 text": ask(
        image(base64="…", mime_type="image/png")
    ),
    "MiniMax reads images in …, and this one is …": ask(
        image(base64=PNG, mime_type="image/tiff")
    ),
    "The file … is not one of MiniMax's": ask(image(file_id="file-abc")),
    "MiniMax's Files API holds videos to look at, no images": ask(
        image(url="mm_file://1")
    ),
    "`fps` is for videos": ask(image(url="https://a.io/b.png", fps=1)),
    "`detail` of an image or video is …": ask(
        image(url="https://a.io/b.png", detail="most")
    ),
    "A message of the type … says nothing to a model": lambda server, _: chat(
        server
    ).invoke([RemoveMessage(id="1")]),
    "The request holds something that is no JSON": ask(model_kwargs={"a": object()}),
    "MiniMax looks at MP4, MOV, AVI and MKV": upload(other_video),
    "There is no file …": upload("clip.mp4"),
    "There is nothing in …": upload(empty_video),
    "… MB, and MiniMax takes files of up to 512 MB": upload(huge_video),
    "This file has no name that says its format": upload(lambda _: io.BytesIO(b"a")),
    "What is to be uploaded is a path or a file that is open in binary mode": upload(
        lambda _: b"bytes"
    ),
    "`progress` is called, not awaited": upload(video, progress=progress),
    "The upload to … broke off": broken_upload,
    "A file's id is a number, and this is …": lambda server, _: MiniMaxFiles(
        api_key=server.api_key, base_url=server.base_url
    ).delete("lecture"),
    # Options and tools
    "`temperature` is …; MiniMax takes 0 to 2": ask(temperature=3),
    "`max_tokens` is …; it has to be at least 1": ask(max_tokens=0),
    "`temperature` is …; it has to be of type …": ask(temperature="hot"),
    "`stop` is …; it has to be strings": ask(stop=[1]),
    "`thinking` is …; say …": ask(thinking="hard"),
    "`effort` is …; MiniMax-M3.1-Flash has …": ask(
        model="MiniMax-M3.1-Flash", effort="huge"
    ),
    "`protocol` is …; say 'anthropic' or 'openai'": ask(protocol="grpc"),
    "`timeout` cannot be set this way: it belongs to the model": ask(timeout=5),
    "… is no option of ChatMiniMax, and it is not sent since it looks like a secret": (
        ask(auth_token="secret")
    ),
    "… is an argument of its own; take it out of `model_kwargs`": make(
        model_kwargs={"temperature": 1}
    ),
    "Field required": lambda _server, _folder: ChatMiniMax(),
    "Input should be 'anthropic' or 'openai'": make(protocol="grpc"),
    "Input should be a valid number": make(temperature="hot"),
    "Extra inputs are not permitted": lambda _server, _folder: MiniMaxEmbeddings(
        minimax_group_id="1"
    ),
    "… is no field of ChatMiniMax": lambda server, _: chat(server).model_copy(
        update={"modl": "MiniMax-M3"}
    ),
    "This is no tool": ask(tools=[42]),
    "A tool needs a name": ask(tools=[{"name": "", "description": "b"}]),
    "This is no JSON schema, or it is nested too deep": ask(
        tools=[{"name": "a", "description": "b", "parameters": "text"}]
    ),
    "There is no tool choice …": lambda server, _: chat(server).bind_tools(
        [look_up], tool_choice="look_down"
    ),
    "The server tool … exists only in the Messages API": ask(
        protocol="openai", tools=[SERVER_TOOL]
    ),
    # Structured output and forced tools
    "… was asked twice to call `look_up`, and did not": lambda server, _: (
        chat(server, "No.", "Never.")
        .bind_tools([look_up], tool_choice="look_up")
        .invoke("Hello")
    ),
    "… was asked twice to answer with JSON, and did not": (
        structured("No.", "Never.", method="json_schema")
    ),
    "… was asked once to …, and did not. The reply was cut by `max_tokens`": structured(
        Reply([ToolUse("Joke", '{"setup": "W')], stop_reason="max_tokens")
    ),
    "This is no schema": structured(schema=42),
    "There is no method …": structured(method="yaml"),
    "`with_structured_output` knows no …": structured(colour="red"),
    "There is no response format …": ask(response_format={"type": "yaml"}),
    "The model called … instead of answering": structured(
        Reply([ToolUse("look_up", {"word": "joke"})]), tools=[look_up]
    ),
    # Embeddings and costs
    "`embed_documents` takes a list of texts, and this is of type …": embed("Hello"),
    "What is embedded is text, and this is of type …": embed([Document("Hello")]),
    "… vectors for … texts": foreign_vectors,
    "… is not in the catalogue. Say what it costs with …": priced("MiniMax-M9"),
    "A reply of … does not tell its tokens": lambda _server, _folder: cost_of(
        AIMessage("Hello", response_metadata={"model_name": "MiniMax-M3"})
    ),
    "… is not MiniMax's own service, whose prices are in the catalogue": (
        lambda _server, _folder: cost_of(
            AIMessage(
                "Hello",
                usage_metadata=TOKENS,
                response_metadata={"model_name": "gpt-5", "model_provider": "openai"},
            )
        )
    ),
    "… comes with a plan and has no price per token": priced(
        "MiniMax-M3.1-Flash-Preview"
    ),
    "What … charges for writing to the cache is not known": priced(
        "MiniMax-M3", input_token_details={"cache_creation": 10}
    ),
    "What the service tier … costs is not known": priced(
        "MiniMax-M3", service_tier="express"
    ),
    # Packages and agents
    "no such option: --group": an_older_pip,
    "Cannot listen on port": lambda server, _: told_by(
        "import runpy, sys\n"
        f"sys.argv = ['', '--port', '{urlsplit(server.url).port}']\n"
        "runpy.run_module('langchain_minimax.testing', run_name='__main__')"
    ),
    "No module named 'langchain_minimax'": without_packages(
        "import langchain_minimax", PAGE
    ),
    "The emulator needs: pip install": without_packages(
        "from langchain_minimax.testing import Emulator; Emulator().start()", ROOT
    ),
    "`register_provider` teaches LangChain a name, and LangChain is not installed": (
        without("langchain", "import langchain_minimax as m; m.register_provider()")
    ),
    "MiniMaxPromptCachingMiddleware is for LangChain's agents, and LangChain is not "
    "installed": without("langchain", "import langchain_minimax.middleware"),
    "… is not known to honour prompt caching marks": agent_marks("MiniMax-M3"),
    # Warnings
    "… is no option of ChatMiniMax; it goes into the request as it is": ask(
        temprature=1
    ),
    "MiniMax-M2.1 cannot stop thinking": ask(model="MiniMax-M2.1", thinking=False),
    "… knows no levels of effort; `effort` only turns thinking on": ask(effort="low"),
    "MiniMax has no thinking budget; `budget_tokens` is not sent": lambda server, _: (
        chat(
            server,
            base_url=OFFICIAL,
            proxy="http://127.0.0.1:9",
            thinking={"type": "enabled", "budget_tokens": 1000},
        ).invoke("Hello")
    ),
    "`max_tokens` … is more than … can write": ask(max_tokens=10**7),
    "MiniMax knows no part of a message of the type …": ask({"type": "poem"}),
    "Chat Completions has no field for `user_id`": ask(protocol="openai", user_id="u1"),
    "MiniMax keeps to no schema strictly; `strict` is not sent": lambda server, _: chat(
        server
    ).bind_tools([look_up], strict=True),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def said(provoke: Provocation, server: Emulator, folder: Path) -> list[str]:
    """The error that comes of it, and the warnings."""
    server.clear()
    warn_once.cache_clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            provoke(server, folder)
        except Exception as error:  # noqa: BLE001 - whatever it is, its words are compared
            return [str(error), *(str(each.message) for each in warned)]
    return [str(each.message) for each in warned]


def is_ours(section: str) -> bool:
    return section not in {MINIMAX, OTHERS, SILENT}


def test_the_page_has_our_messages_and_no_others() -> None:
    assert sorted(messages(of=is_ours)) == sorted(OURS)


@pytest.mark.parametrize("message", OURS)
def test_we_say_it(message: str, server: Emulator, tmp_path: Path) -> None:
    words = said(OURS[message], server, tmp_path)
    assert any(is_like(message, each) for each in words), words


# --- What MiniMax says ---------------------------------------------------------------

MESSAGES, COMPLETIONS = "/anthropic/v1/messages", "/v1/chat/completions"
CALL = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": "a"}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def turns(*messages: Any, **fields: Any) -> Provocation:
    return sent(MESSAGES, messages=list(messages), **fields)


def completions(*messages: Any, **fields: Any) -> Provocation:
    said = messages or ({"role": "user", "content": "Hello"},)
    return sent(COMPLETIONS, messages=list(said), **fields)


def sent(path: str, **body: Any) -> Provocation:
    """What the emulator answers to a body, as an error."""
    return posted(path, json.dumps({"model": "MiniMax-M3", **body}))


def posted(path: str, text: str) -> Provocation:
    def provoke(server: Emulator, _: Path) -> None:
        key = {"authorization": f"Bearer {server.api_key}"}
        reply = httpx.post(server.url + path, content=text, headers=key)
        raise errors.failure(reply.status_code, {}, reply.content)

    return provoke


def refused(code: int) -> Provocation:
    """With a code of MiniMax's."""
    return ask(replies=[Fault.error(code, resets_at="2026-12-01T15:00:00Z")])


HELLO = {"type": "text", "text": "Hello"}
CHAT_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "f", "arguments": '{"a": '},
        }
    ],
}

THEIRS: dict[str, Provocation] = {
    "login fail: Please carry the API secret key in the …": refused(1004),
    "invalid api key": refused(2049),
    "insufficient balance (1008)": refused(1008),
    "your current token plan not support model, … (2061)": refused(2061),
    "usage limit exceeded, … resets at … (2056)": refused(2056),
    "rate limit exceeded(RPM) (1002)": refused(1002),
    "connection limit (1041)": refused(1041),
    "rate growth limit (2045)": refused(2045),
    "The server cluster is currently under high load. … (2064)": refused(2064),
    "unknown error, … (1000)": refused(1000),
    "input new_sensitive (1026)": refused(1026),
    "output new_sensitive (1027)": refused(1027),
    "token limit (1039)": refused(1039),
    "404 page not found": posted("/v1/messages", "{}"),
    "unknown model '…'": sent(COMPLETIONS, model="MiniMax-M9", messages=[user(HELLO)]),
    "context window exceeds limit": turns(
        user({"type": "text", "text": "a b c d " * 500_000}), model="MiniMax-M2.1"
    ),
    "model[…] does not support max tokens > …": turns(user(HELLO), max_tokens=10**6),
    'model "…" requires adaptive thinking': turns(
        user(HELLO), model="MiniMax-M3.1-Flash", thinking={"type": "disabled"}
    ),
    'invalid thinking.type: "enabled" (allowed: adaptive, disabled)': completions(
        thinking={"type": "enabled"}
    ),
    "Mismatch type … with value bool": completions(thinking=True),
    "tool call result does not follow tool call": turns(
        user(HELLO), {"role": "assistant", "content": [CALL]}, user(RESULT, HELLO)
    ),
    "tool result's tool id(…) not found": turns(
        user(HELLO),
        {"role": "assistant", "content": [CALL]},
        user({**RESULT, "tool_use_id": "call_9"}),
    ),
    "tool call and result not match": turns(
        user(HELLO),
        {"role": "assistant", "content": [CALL, {**CALL, "id": "call_2"}]},
        user(RESULT),
    ),
    "tool call id is invalid": turns(
        user(HELLO), {"role": "assistant", "content": [{**CALL, "id": "functions.f:0"}]}
    ),
    "invalid function arguments json string": completions(
        {"role": "user", "content": "Hello"},
        CHAT_CALL,
        {"role": "tool", "tool_call_id": "call_1", "content": "a"},
    ),
    "chat content is empty": turns(),
    "chat content has invalid message role: system": turns(
        user(HELLO), {"role": "system", "content": "Be brief."}, user(HELLO)
    ),
    "invalid chat setting": completions(
        {"role": "user", "content": "Hello"}, {"role": "system", "content": "Be brief."}
    ),
    "user name must be consistent": completions(
        {"role": "user", "name": "Ann", "content": "Hello"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "name": "Bob", "content": "Hello"},
    ),
    "function name is empty": turns(
        user(HELLO), tools=[{"name": "", "input_schema": {}}]
    ),
    "function parameters is empty": completions(
        tools=[{"type": "function", "function": {"name": "f"}}]
    ),
    "invalid tool type": completions(tools=[{"function": {"name": "f"}}]),
    "unsupported content type '…'": turns(user({"type": "poem"})),
    "binding: expr_path=…, cause=missing required parameter": sent(MESSAGES),
    "Syntax error at index …": posted(MESSAGES, '{"model": '),
}


def lines() -> dict[str, str]:
    """What the page says first of each of MiniMax's messages."""
    text = sections()[MINIMAX]
    return {
        found[2]: text[found.end() :].lstrip("\n").partition("\n")[0]
        for found in _MESSAGE.finditer(text)
    }


def test_the_page_has_these_of_minimax_and_no_others() -> None:
    assert sorted(messages(of=MINIMAX.__eq__)) == sorted(THEIRS)


@pytest.mark.parametrize("message", THEIRS)
def test_minimax_says_it(message: str, server: Emulator, tmp_path: Path) -> None:
    server.clear()
    with pytest.raises(MiniMaxError) as caught:
        THEIRS[message](server, tmp_path)
    assert is_like(message, str(caught.value)), caught.value
    assert f"`{type(caught.value).__name__}`" in lines()[message]


# --- What others say -----------------------------------------------------------------


def claude(server: Emulator, *replies: Any, **fields: Any) -> ChatAnthropic:
    server.script(*replies)
    return ChatAnthropic(
        model="MiniMax-M3",
        api_key=server.api_key,
        base_url=server.base_url,
        max_retries=0,
        **fields,
    )


def gpt(server: Emulator, *replies: Any, **fields: Any) -> ChatOpenAI:
    server.script(*replies)
    return ChatOpenAI(
        model="MiniMax-M3",
        api_key=server.api_key,
        base_url=server.url + "/v1",
        max_retries=0,
        **fields,
    )


def in_two_loops(make: Callable[[Emulator], Any]) -> Provocation:
    def provoke(server: Emulator, _: Path) -> None:
        model = make(server)
        asyncio.run(model.ainvoke("Hello"))
        asyncio.run(model.ainvoke("Hello"))

    return provoke


def pickled(server: Emulator, _: Path) -> None:
    model = claude(server)
    model.invoke("Hello")
    pickle.dumps(model)


def interrupted(server: Emulator, _: Path) -> None:
    call = {"name": "f", "args": {}, "id": "call_1"}
    claude(server).invoke(
        [
            HumanMessage("Look it up."),
            AIMessage("", tool_calls=[call]),
            ToolMessage("a", tool_call_id="call_1"),
            HumanMessage("And?"),
        ]
    )


def looping(server: Emulator, _: Path) -> None:
    model = claude(server, *["A text."] * 20)
    agent = create_agent(model, [], response_format=ToolStrategy(Joke))
    agent.invoke({"messages": [("human", "A joke.")]}, {"recursion_limit": 6})


FOREIGN: dict[str, Provocation] = {
    "TypeError: 'NoneType' object is not iterable": lambda server, _: claude(
        server, Fault.ok_with_base_resp(1008)
    ).invoke("Hello"),
    "Block of type video is not supported": lambda server, _: claude(server).invoke(
        [HumanMessage([{"type": "video", "url": "https://a.io/b.mp4"}])]
    ),
    "Received multiple non-consecutive system messages": lambda server, _: claude(
        server
    ).invoke([SystemMessage("a"), HumanMessage("b"), SystemMessage("c")]),
    "Error code: 400 - … tool call result does not follow tool call (2013)": (
        interrupted
    ),
    "cannot pickle '_thread.RLock' object": pickled,
    "Connection error.": in_two_loops(claude),
    "Event loop is closed": in_two_loops(gpt),
    "Invalid JSON: expected value at line 1 column 1 …<think>": lambda server, _: (
        gpt(server, Reply([Thinking("Well."), {"type": "text", "text": "{}"}]))
        .with_structured_output(Joke)
        .invoke("A joke.")
    ),
    "got an unexpected keyword argument 'thinking'": lambda server, _: gpt(
        server
    ).invoke("Hello", thinking={"type": "adaptive"}),
    "Recursion limit of … reached without hitting a stop condition": looping,
    "Model profile information is required to use fractional token limits": (
        lambda server, _: SummarizationMiddleware(
            claude(server), trigger=("fraction", 0.5)
        )
    ),
    "Unable to infer model provider for model='…'": lambda _server, _folder: told_by(
        "from langchain.chat_models import init_chat_model as make\n"
        "make('minimax:MiniMax-M3')"
    ),
    "Provider 'minimax' is not supported": lambda _server, _folder: told_by(
        "from langchain.embeddings import init_embeddings as make\n"
        "make('minimax:embo-01')"
    ),
}


def test_the_page_has_these_of_others_and_no_more() -> None:
    assert sorted(messages(of=OTHERS.__eq__)) == sorted(FOREIGN)


# Their clients are left open, which is what some of these messages come from.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("message", FOREIGN)
def test_others_say_it(message: str, server: Emulator, tmp_path: Path) -> None:
    words = said(FOREIGN[message], server, tmp_path)
    gc.collect()  # what was left open is gone before the next test
    plain = message.removeprefix("TypeError: ")
    assert any(is_like(plain, each) for each in words), words
