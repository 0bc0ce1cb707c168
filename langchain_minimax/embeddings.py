"""`MiniMaxEmbeddings`: texts in, vectors out, by MiniMax's embeddings API.

The endpoint, its fields and its refusals: a probe of api.minimax.io, 2026-04-29 and
2026-08-04. MiniMax has no page on it any more (looked for in summer 2026).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import iscoroutinefunction
from math import isfinite
from threading import Event
from typing import Any, Literal

from langchain_core.embeddings import Embeddings
from pydantic import AliasChoices, ConfigDict, Field, field_validator
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_any,
    stop_before_delay,
    stop_when_event_set,
    wait_exponential,
)

from langchain_minimax._blocks import Json
from langchain_minimax._connection import Connection
from langchain_minimax._json import excerpt
from langchain_minimax._native import NativeCall, native_call, resolve_native_url
from langchain_minimax.errors import (
    MiniMaxInvalidRequestError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
)

Vectors = list[list[float]]
Progress = Callable[[int, int], object]
"""Is told the texts embedded so far, and the texts in all."""

_log = logging.getLogger(__name__)

_PATH = "/v1/embeddings"
_NO_VECTORS = "The reply's vectors are not lists of numbers, all of one length."
_EXCERPT = 80  # characters of what is no text
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds, between two tries at the quota


class MiniMaxEmbeddings(Connection, Embeddings):
    """Embeds texts with MiniMax's `embo-01`: a list of 1,536 numbers for each.

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
    """The model that embeds; MiniMax has only this one."""

    batch_size: int = Field(default=32, ge=1)
    """Texts of one request, at most.

    MiniMax publishes no limit; LangChain.js has one of 4,096 (CLAIMED).
    """

    max_concurrency: int = Field(default=1, ge=1)
    """Requests of one call that are on their way at once."""

    rate_limit_timeout: float = Field(default=300.0, ge=0, allow_inf_nan=False)
    """Seconds that a request is tried again while MiniMax says 1002, its rate limit.

    The pauses between grow from 1 s to 30 s. `timeout` is the limit of each try.
    """

    progress: Progress | None = Field(default=None, exclude=True, repr=False)
    """Called with the texts embedded so far and the texts in all, on long work.

    It is a plain function, and runs where `embed_documents` was called, after each
    request.
    """

    @field_validator("progress")
    @classmethod
    def _check_progress(cls, value: Progress | None) -> Progress | None:
        if iscoroutinefunction(value):
            raise ValueError("`progress` is called, not awaited: give a plain function")
        return value

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
        calls = self._calls(texts)
        told = self._teller(len(texts))
        threads, over = ThreadPoolExecutor(self.max_concurrency), Event()
        each = threads.map if self.max_concurrency > 1 else map
        try:
            answers = each(partial(self._ask, over=over), calls)
            return [vector for some in answers for vector in told(some)]
        finally:
            over.set()
            threads.shutdown(cancel_futures=True)

    async def aembed_documents(self, texts: list[str]) -> Vectors:
        """The same as `embed_documents`, awaited."""
        calls = self._calls(texts)
        told = self._teller(len(texts))
        gate = asyncio.Semaphore(self.max_concurrency)

        async def ask(call: NativeCall[Vectors]) -> Vectors:
            async with gate:
                return await self._aask(call)

        tasks = [asyncio.ensure_future(ask(call)) for call in calls]
        try:
            return [vector for task in tasks for vector in told(await task)]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def embed_query(self, text: str) -> list[float]:
        """Embeds a text that is to find others (MiniMax's type `query`)."""
        (vector,) = self._ask(self._call([text], "query"), over=Event())
        return vector

    async def aembed_query(self, text: str) -> list[float]:
        """The same as `embed_query`, awaited."""
        (vector,) = await self._aask(self._call([text], "query"))
        return vector

    # --- What is asked ---------------------------------------------------------------

    def _calls(self, texts: Any) -> list[NativeCall[Vectors]]:
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            msg = (
                "What is embedded is a list of texts, and this is a "
                f"{type(texts).__name__}: pass [text], or use `embed_query`."
            )
            raise MiniMaxInvalidRequestError(msg)
        starts = range(0, len(texts), self.batch_size)
        batches = [texts[start : start + self.batch_size] for start in starts]
        return [self._call(batch, "db") for batch in batches]

    def _call(
        self, texts: Sequence[Any], kind: Literal["db", "query"]
    ) -> NativeCall[Vectors]:
        for text in texts:
            if not isinstance(text, str):
                raise _no_text(text)
        url = resolve_native_url(self.base_url, self.region, _PATH)
        return native_call(
            "POST",
            url,
            partial(_vectors, count=len(texts)),
            secret=self._key(url),
            headers=self._headers(),
            body={"model": self.model, "texts": list(texts), "type": kind},
            remedy="set a smaller `batch_size`",
        )

    def _ask(self, call: NativeCall[Vectors], *, over: Event) -> Vectors:
        """The answer to one request; nobody waits for the quota once it is over."""
        patience = self._patience
        stop = stop_any(patience.pop("stop"), stop_when_event_set(over))
        retrying = Retrying(**patience, stop=stop, sleep=sleep_using_event(over))
        return retrying(self._transport.ask, call)

    async def _aask(self, call: NativeCall[Vectors]) -> Vectors:
        return await AsyncRetrying(**self._patience)(self._async_transport.ask, call)

    @property
    def _patience(self) -> dict[str, Any]:
        """How tenacity is to wait for the quota, beyond the retries of each call."""
        return {
            "retry": retry_if_exception(_is_limited),
            "wait": wait_exponential(_FIRST_PAUSE, max=_LONGEST_PAUSE),
            "stop": stop_before_delay(self.rate_limit_timeout),
            "before_sleep": _log_pause,
            "reraise": True,
        }

    def _teller(self, total: int) -> Callable[[Vectors], Vectors]:
        """What passes vectors on, and tells the progress."""
        done = 0

        def told(vectors: Vectors) -> Vectors:
            nonlocal done
            done += len(vectors)
            if self.progress is not None:
                self.progress(done, total)
            return vectors

        return told


def _no_text(given: object) -> MiniMaxInvalidRequestError:
    return MiniMaxInvalidRequestError(
        f"What is embedded is text, and this is a {type(given).__name__}: "
        f"{excerpt(repr(given), _EXCERPT)}. Pass a document's `page_content`."
    )


def _is_limited(error: BaseException) -> bool:
    """Whether it is the rate limit, which passes, and not a plan that is used up."""
    return isinstance(error, MiniMaxRateLimitError) and error.is_retryable


def _log_pause(state: RetryCallState) -> None:
    _log.info(
        "MiniMax's rate limit for embeddings is exceeded; the next try comes in %.0f s",
        state.upcoming_sleep,
    )


# --- What is answered ----------------------------------------------------------------


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
        vectors = [[float(number) for number in vector] for vector in said]
    except (TypeError, ValueError) as error:
        raise MiniMaxResponseError(_NO_VECTORS) from error
    lengths = {len(vector) for vector in vectors}
    if 0 in lengths or len(lengths) > 1 or not all(map(isfinite, map(sum, vectors))):
        raise MiniMaxResponseError(_NO_VECTORS)
    return vectors
