"""`MiniMaxEmbeddings`: texts in, vectors out, by MiniMax's embeddings API.

The endpoint, its fields and its refusals: a probe of api.minimax.io, 2026-04-29 and
2026-08-04. MiniMax has no page on it any more (looked for in summer 2026).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from inspect import iscoroutinefunction
from itertools import chain
from threading import Event
from typing import Annotated, Any, Literal

from langchain_core.embeddings import Embeddings
from pydantic import (
    AliasChoices,
    ConfigDict,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from tenacity import AsyncRetrying, RetryCallState, Retrying
from typing_extensions import Self, override

from langchain_minimax._blocks import Json
from langchain_minimax._connection import Connection
from langchain_minimax._json import shown
from langchain_minimax._native import NativeCall, native_call, resolve_native_url
from langchain_minimax._retry import LONGEST_RETRY_AFTER, pause, retry_after
from langchain_minimax.errors import (
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
)

Vectors = list[list[float]]
Kind = Literal["db", "query"]
Progress = Callable[[int, int], object]
"""Is told the texts embedded so far, and the texts in all."""

_log = logging.getLogger(__name__)

_PATH = "/v1/embeddings"
_NO_VECTORS = "The reply's vectors are not lists of numbers, all of one length."
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # seconds, between two tries at the quota
_LONG_WAIT = 4.0  # seconds


class MiniMaxEmbeddings(Connection, Embeddings):
    """Embeds texts with MiniMax's `embo-01`: a list of numbers for each.

    It takes the same key, region, host and limits as `ChatMiniMax`, under the same
    names. Long work is cut into requests of `batch_size` texts each.

    Example: Embed documents and a question
        ```python
        from langchain_minimax import MiniMaxEmbeddings

        embeddings = MiniMaxEmbeddings(model="embo-01")
        vectors = embeddings.embed_documents(["The sky is blue.", "Grass is green."])
        question = embeddings.embed_query("What colour is the sky?")
        ```

    Example: Search
        ```python
        from langchain_core.vectorstores import InMemoryVectorStore

        store = InMemoryVectorStore(embeddings)
        store.add_texts(["The sky is blue.", "Grass is green."])
        store.similarity_search("What colour is the sky?", k=1)
        ```

    Both methods have awaitable twins: `aembed_documents` and `aembed_query`.

    Note:
        MiniMax embeds few texts a minute: a request was refused with code 1002 (`rate
        limit exceeded(RPM)`) for more than 160 s on end (probe of 2026-04-29; the
        quota itself is not published). Such requests are tried again for
        `rate_limit_timeout` seconds. For more than some hundred texts take embeddings
        that run on your own machine; see the guide.

    Raises:
        MiniMaxError: From every call, one of its subclasses that says what to do; see
            `langchain_minimax.errors`.
    """

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        default="embo-01",
        min_length=1,
        validation_alias=AliasChoices("model", "model_name"),
    )
    """The model that embeds; no other is known."""

    batch_size: int = Field(default=32, ge=1)
    """Texts of one request, at most.

    MiniMax publishes no limit; LangChain.js has one of 4,096 (CLAIMED).
    """

    max_concurrency: int = Field(default=1, ge=1)
    """Requests of one call that are on their way at once."""

    rate_limit_timeout: float = Field(default=300.0, ge=0, allow_inf_nan=False)
    """Seconds that a request waits in all for the rate limit, 1002, to let it through.

    The pauses grow from 1 s to 30 s, or are what the server asks for. 0 does not wait.
    Other failures are tried again `max_retries` times.
    """

    progress: Progress | None = Field(default=None, exclude=True, repr=False)
    """Called with the texts embedded so far and the texts in all, on long work.

    It is a plain function, and runs where `embed_documents` was called, after each
    request.
    """

    timeout: Any = Field(
        default=60.0, validation_alias=AliasChoices("timeout", "request_timeout")
    )
    """Seconds for one try at a request, or an `httpx.Timeout`."""

    @field_validator("progress")
    @classmethod
    def _check_progress(cls, value: Progress | None) -> Progress | None:
        if iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__):
            raise ValueError("`progress` is called, not awaited: give a plain function")
        return value

    @classmethod
    @override
    def _checker(cls) -> type[Connection]:
        return cls

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copies all but what is there to be shared: clients, and the progress."""
        memo = {} if memo is None else memo
        memo[id(self.progress)] = self.progress
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Pickles what a connection does, and no progress."""
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "progress": None}}

    def embed_documents(self, texts: list[str]) -> Vectors:
        """Embeds texts that are to be found (MiniMax's type `db`).

        Args:
            texts: The texts, in any number.

        Returns:
            A vector for each text, in their order.

        Raises:
            MiniMaxInvalidRequestError: For what is no list of strings. Nothing has been
                sent then.
        """
        batches = _batches(texts, self.batch_size)
        vectors: list[Vectors] = [[]] * len(batches)
        told = self._teller(len(texts))
        with _Crew(min(self.max_concurrency, len(batches))) as crew:
            for at, some in crew.each(partial(self._ask, kind="db"), batches):
                vectors[at] = some
                told(some)
        return list(chain.from_iterable(vectors))

    async def aembed_documents(self, texts: list[str]) -> Vectors:
        """The same as `embed_documents`, awaited."""
        batches = _batches(texts, self.batch_size)
        told = self._teller(len(texts))
        gate = asyncio.Semaphore(self.max_concurrency)

        async def ask(batch: Sequence[str]) -> Vectors:
            await gate.acquire()
            some = await self._aask(batch, kind="db")
            told(some)
            gate.release()  # after a failure nothing more is asked
            return some

        tasks = [asyncio.ensure_future(ask(batch)) for batch in batches]
        try:
            vectors = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return list(chain.from_iterable(vectors))

    def embed_query(self, text: str) -> list[float]:
        """Embeds a text that is to find others (MiniMax's type `query`)."""
        (vector,) = self._ask(_texts([text]), kind="query")
        return vector

    async def aembed_query(self, text: str) -> list[float]:
        """The same as `embed_query`, awaited."""
        (vector,) = await self._aask(_texts([text]), kind="query")
        return vector

    # --- What is asked ---------------------------------------------------------------

    def _ask(
        self,
        texts: Sequence[str],
        *,
        kind: Kind,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Vectors:
        transport = replace(self._transport, max_retries=0)
        retrying = Retrying(**self._patience.options(), sleep=sleep)
        return retrying(transport.ask, self._call(texts, kind))

    async def _aask(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        transport = replace(self._async_transport, max_retries=0)
        retrying = AsyncRetrying(**self._patience.options())
        return await retrying(transport.ask, self._call(texts, kind))

    @property
    def _patience(self) -> _Patience:
        return _Patience(self.max_retries, self.rate_limit_timeout)

    def _call(self, texts: Sequence[str], kind: Kind) -> NativeCall[Vectors]:
        url = resolve_native_url(self.base_url, self.region, _PATH)
        return native_call(
            "POST",
            url,
            partial(_vectors, count=len(texts)),
            secret=self._key(url),
            headers=self._headers(),
            body={"model": self.model, "texts": texts, "type": kind},
            remedy="set a smaller `batch_size`",
        )

    def _teller(self, total: int) -> Callable[[Vectors], None]:
        """What tells the progress."""
        done = 0

        def told(vectors: Vectors) -> None:
            nonlocal done
            done += len(vectors)
            if self.progress is not None:
                self.progress(done, total)

        return told


def _batches(given: Any, size: int) -> list[list[str]]:
    texts = _texts(given)
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def _texts(given: Any) -> list[str]:
    """The texts, or an error that says why they are none."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        msg = (
            "`embed_documents` takes a list of texts, and this is of type "
            f"{type(given).__name__}. Pass `[text]` for one text, `list(texts)` for "
            "what is no list yet."
        )
        raise MiniMaxInvalidRequestError(msg)
    for text in given:
        if not isinstance(text, str):
            msg = (
                f"What is embedded is text, and this is of type {type(text).__name__}: "
                f"{shown(text)}. Of a document pass the `page_content`; lists of texts "
                "go to `embed_documents`."
            )
            raise MiniMaxInvalidRequestError(msg)
    return list(given)


# --- How it is asked -----------------------------------------------------------------


class _Patience:
    """Whether a request is tried again, and when: one loop for quota and failures."""

    def __init__(self, max_retries: int, rate_limit_timeout: float) -> None:
        self._retries_left = max_retries
        self._wait_left = rate_limit_timeout
        self._failures = 0
        self._next_wait = _FIRST_WAIT
        self._pause = 0.0

    def options(self) -> dict[str, Any]:
        """What tenacity's `Retrying` and `AsyncRetrying` are to be made with."""
        return {
            "retry": self._worthwhile,
            "wait": lambda _: self._pause,
            "before_sleep": self._told,
            "reraise": True,
        }

    def _worthwhile(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, MiniMaxError) or not error.is_retryable:
            return False
        if isinstance(error, MiniMaxRateLimitError):
            return self._may_wait(retry_after(error))
        self._failures += 1
        self._pause = pause(error, self._failures)
        return (
            self._failures <= self._retries_left and self._pause <= LONGEST_RETRY_AFTER
        )

    def _may_wait(self, asked: float | None) -> bool:
        self._pause = self._next_wait if asked is None else asked
        self._next_wait = min(2 * self._next_wait, _LONGEST_WAIT)
        self._wait_left -= self._pause
        return self._wait_left >= 0

    def _told(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        # A long wait would be taken for a program that hangs.
        level = logging.WARNING if self._pause >= _LONG_WAIT else logging.INFO
        _log.log(level, "The next try comes in %.1f s: %s", self._pause, error)


class _Crew:
    """Threads that do the same to each batch, and stop at the first failure."""

    def __init__(self, size: int) -> None:
        self._over = Event()
        self._threads = ThreadPoolExecutor(size) if size > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._threads is not None:
            # Whoever still waits for a reply is not waited for.
            self._threads.shutdown(wait=False, cancel_futures=True)

    def each(
        self, ask: Callable[..., Vectors], batches: Sequence[list[str]]
    ) -> Iterator[tuple[int, Vectors]]:
        """What comes of each, with its place, as it comes."""
        if self._threads is None:
            yield from enumerate(map(ask, batches))
            return
        futures = {
            self._threads.submit(self._do, ask, batch): at
            for at, batch in enumerate(batches)
        }
        for future in as_completed(futures):
            # Whom another's failure called off says nothing of that failure.
            if not isinstance(future.exception(), CancelledError):
                yield futures[future], future.result()

    def _do(self, ask: Callable[..., Vectors], batch: list[str]) -> Vectors:
        self._sleep(0)
        try:
            return ask(batch, sleep=self._sleep)
        except BaseException:
            self._over.set()
            raise

    def _sleep(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise CancelledError


# --- What is answered ----------------------------------------------------------------

_NUMBERS: TypeAdapter[Vectors] = TypeAdapter(
    list[Annotated[list[FiniteFloat], Field(min_length=1)]]
)


def _vectors(document: Json, *, count: int) -> Vectors:
    """The vectors of a reply, one for each of the texts that were sent."""
    said = document.get("vectors")
    if not isinstance(said, list) or len(said) != count:
        found = len(said) if isinstance(said, list) else "no"
        msg = (
            f"The reply has {found} vectors for {count} texts. Check that `base_url` "
            "is a server with MiniMax's embeddings API."
        )
        raise MiniMaxResponseError(msg)
    try:
        vectors = _NUMBERS.validate_python(said, strict=True)
    except ValidationError:
        raise MiniMaxResponseError(_NO_VECTORS) from None
    if len({len(vector) for vector in vectors}) > 1:
        raise MiniMaxResponseError(_NO_VECTORS)
    return vectors
