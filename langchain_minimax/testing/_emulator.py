"""The emulated MiniMax itself: requests in, answers of the script or the brain out."""

import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_minimax.testing._brain import think_up
from langchain_minimax.testing._cache import Cache
from langchain_minimax.testing._embeddings import EMBEDDINGS, Embedder
from langchain_minimax.testing._faults import Answer, Cut, ErrorEvent, Fault
from langchain_minimax.testing._files import StoredFile, serve_file, videos
from langchain_minimax.testing._memory import Memory
from langchain_minimax.testing._message import prompt_tokens
from langchain_minimax.testing._models import models_list, models_page
from langchain_minimax.testing._protocols import CHAT, MODELS, protocol_of
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._records import RecordedRequest
from langchain_minimax.testing._replies import Raw, Reply
from langchain_minimax.testing._report import describe, report
from langchain_minimax.testing._strict import refuse_key, refuse_replay
from langchain_minimax.testing._wire import JSON, Rendered

if TYPE_CHECKING:
    from typing_extensions import Self

    from langchain_minimax.testing._server import Server

Script = Answer | Callable[[RecordedRequest], Any]
_ANSWERS = (str, Reply, Raw, Fault, Cut, ErrorEvent)

_NOT_FOUND = Raw("404 page not found", 404, content_type="text/plain")

# The paths of vLLM and SGLang, by what MiniMax calls the same.
_HOSTED = {
    "/v1/messages": "/anthropic/v1/messages",
    "/v1/messages/count_tokens": "/anthropic/v1/messages/count_tokens",
    MODELS: MODELS,
    CHAT: CHAT,
}

_log = logging.getLogger("langchain_minimax.testing")


class Emulator:
    """A MiniMax server on loopback, speaking its two protocols.

    They are the Anthropic-compatible one and `/v1/chat/completions`; besides, there is
    the Files API. It knows its replies again whichever way they come back.

    It refuses what MiniMax refuses, remembers what it said, and writes down every
    request. Valid requests of either protocol take one answer of the script each, in
    the order in which they arrive; afterwards, or without a script, a small
    deterministic brain answers: it calls the offered tools and reads their results.

    Attributes:
        requests: Every request so far.
        api_key: The only key it accepts.
        files: The files uploaded to it and not deleted, as `StoredFile`s by their id.

    Args:
        replies: The script: strings, `Reply`, `Raw`, `Fault`, what `Fault`'s methods
            make, or functions of the `RecordedRequest` that return one of these. Such a
            function runs on the server's thread and must be quick.
        api_key: The only key to accept.
        quirks: What to do oddly.
        port: The port; 0 takes a free one.
        host: The address to listen on.
        stream_delay: Seconds between two pieces of a stream.

    Raises:
        ImportError: If the extra `testing` is not installed.
    """

    def __init__(
        self,
        replies: Iterable[Script] | None = None,
        *,
        api_key: str = "sk-api-emulated",
        quirks: Quirks | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        stream_delay: float = 0.0,
    ) -> None:
        try:
            from langchain_minimax.testing import _server  # noqa: PLC0415 - an extra
        except ImportError as error:
            msg = 'The emulator needs: pip install "langchain-minimax[testing]"'
            raise ImportError(msg) from error
        self.requests: list[RecordedRequest] = []
        self.api_key = api_key
        self.files: dict[int, StoredFile] = {}
        self._quirks = quirks or Quirks()
        self._address = (host, port)
        self._delay = stream_delay
        self._script: deque[Script] = deque()
        self.script(*_items(replies))
        self._memory = Memory()
        self._embedder = Embedder(self._quirks.limited_embeddings)
        self._cache = Cache()
        self._make_server = _server.Server
        self._server: Server | None = None

    def __enter__(self) -> "Self":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and serve, on a thread of its own.

        Raises:
            RuntimeError: If it is running already.
            OSError: If the port is taken.
        """
        if self._server is not None:
            raise RuntimeError("The emulator is already running.")
        self._server = self._make_server(self._answer, self._address, self._delay)

    def stop(self) -> None:
        """Stop serving at once; open streams break off."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def url(self) -> str:
        """The root of the server."""
        host = self._address[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self._running.port}"

    @property
    def base_url(self) -> str:
        """What an Anthropic-style client takes as its base URL.

        An OpenAI-style one takes `url` with `/v1` behind it.
        """
        return self.url if self._quirks.self_hosted else f"{self.url}/anthropic"

    @property
    def connections(self) -> int:
        """How many connections were opened to it since it started."""
        return self._running.opened

    @property
    def busy(self) -> bool:
        """Whether a request is still being answered."""
        return self._running.busy

    @property
    def _running(self) -> "Server":
        if self._server is None:
            msg = "The emulator is not running: start() it, or use `with`."
            raise RuntimeError(msg)
        return self._server

    def script(self, *replies: Script) -> None:
        """Add answers to the end of the script.

        Raises:
            TypeError: For what is no answer.
        """
        given: tuple[object, ...] = replies
        for reply in given:
            if not isinstance(reply, _ANSWERS) and not callable(reply):
                msg = (
                    f"{reply!r} is no answer: give a string, a `Reply`, a `Raw`, a "
                    "`Fault`, or a function of the request that returns one of these."
                )
                raise TypeError(msg)
        self._script.extend(replies)

    def clear(self) -> None:
        """Forget the recorded requests, though not what was said or uploaded."""
        self.requests.clear()

    def report(self) -> str:
        """One line per request: what it held, and how earlier thinking came back."""
        return report(self.requests, self._memory)

    def _answer(self, record: RecordedRequest) -> Rendered:
        """Write the request down, answer it, and write that down too."""
        with contextlib.suppress(ValueError):
            record.body = json.loads(record.raw)
        protocol = protocol_of(record.path)
        record.stray_keys = protocol.stray_keys(record.body)
        self.requests.append(record)
        answer = self._decide(record)
        rendered = protocol.render(
            answer, record.body, self._quirks, record.cached_tokens
        )
        if rendered.content is not None:
            self._memory.remember(rendered.id, rendered.content)
        record.status = rendered.status
        record.reply_content = rendered.content
        _log.debug("%s", describe(record, self._memory))
        return rendered

    def _decide(self, record: RecordedRequest) -> Answer:
        path, wrong_key = record.path, refuse_key(record, self.api_key)
        if self._quirks.self_hosted:
            path, wrong_key = _HOSTED.get(path, ""), None
        match record.method, path:
            case "POST", "/anthropic/v1/messages" | "/v1/chat/completions":
                return wrong_key or self._refusal(record) or self._next(record)
            case "POST", "/anthropic/v1/messages/count_tokens":
                return wrong_key or self._unfit(record) or _count(record)
            case "GET", "/anthropic/v1/models":
                return wrong_key or Raw(json.dumps(models_page()), content_type=JSON)
            case "GET", "/v1/models":
                return wrong_key or Raw(json.dumps(models_list()), content_type=JSON)
            case "POST", path if path == EMBEDDINGS:
                return self._embedder.answer(record, self.api_key)
            case _:
                served = serve_file(record, self.files, self.api_key) if path else None
                return served or _NOT_FOUND

    def _unfit(self, record: RecordedRequest) -> Fault | None:
        refuse = protocol_of(record.path).refuse
        return refuse(record, self._quirks, videos(self.files))

    def _refusal(self, record: RecordedRequest) -> Fault | None:
        refused = self._unfit(record)
        if refused is None:
            protocol = protocol_of(record.path)
            turns = protocol.to_turns(record.body)
            record.replayed = self._memory.review(turns, protocol.spelling)
            return refuse_replay(record.replayed, self._quirks)
        return refused

    def _next(self, record: RecordedRequest) -> Answer:
        """The next answer of the script, or else the brain's."""
        body = protocol_of(record.path).to_messages(record.body)
        record.cached_tokens = self._cache.read(body)
        answer = self._scripted(record) or think_up(body)
        if isinstance(answer, Cut | ErrorEvent) and answer.reply is None:
            answer = replace(answer, reply=think_up(body))
        if not isinstance(answer, Fault):
            self._cache.keep(body)
        return answer

    def _scripted(self, record: RecordedRequest) -> Answer | None:
        item: Any = self._script.popleft() if self._script else None
        try:
            while callable(item):
                item = item(record)
        except Exception as error:  # noqa: BLE001 - the client shall see it
            return _mistake(f"raised {error!r}")
        if item is None or isinstance(item, _ANSWERS):
            return item
        return _mistake(f"answers with {item!r}")


def _items(replies: Iterable[Script] | None) -> Iterable[Script]:
    if isinstance(replies, str):
        msg = f"`replies` is a list of answers: say [{replies!r}]."
        raise TypeError(msg)
    return replies or ()


def _mistake(words: str) -> Fault:
    """An error that no client tries again, so that a test cannot pass over it."""
    return Fault(400, message=f"a function of the emulator's script {words}")


def _count(record: RecordedRequest) -> Raw:
    # The path was seen to answer; that its body is Anthropic's is an assumption.
    body = {"input_tokens": prompt_tokens(record.body)}
    return Raw(json.dumps(body), content_type=JSON)
