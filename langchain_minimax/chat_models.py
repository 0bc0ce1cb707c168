"""`ChatMiniMax`: MiniMax's chat models as a LangChain chat model."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import (
    BaseChatModel,
    LangSmithParams,
    LanguageModelInput,
    ModelProfile,
)
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    ChatResult,
    Generation,
)
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import AliasChoices, Field, model_validator
from typing_extensions import Self, override

from langchain_minimax._blocks import ChatRequest, Json
from langchain_minimax._connection import Connection
from langchain_minimax._deltas import Delta, TextDelta
from langchain_minimax._dialects import Dialect, anthropic, openai
from langchain_minimax._dialects.think_tags import ThinkTags
from langchain_minimax._exchange import Exchange, exchange, is_official, resolve_url
from langchain_minimax._filters import Noted, StopSequences
from langchain_minimax._langchain.chunks import Chunks, fold
from langchain_minimax._langchain.events import Events
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._langchain.options import Options, warn_once, warn_unknown
from langchain_minimax._langchain.profiles import profile
from langchain_minimax._langchain.tools import to_json, to_tool, to_tool_choice
from langchain_minimax._repair import repair
from langchain_minimax._round_trips import round_trips
from langchain_minimax._version import __version__
from langchain_minimax.catalogue import card
from langchain_minimax.errors import MiniMaxError

if TYPE_CHECKING:
    from langchain_protocol.protocol import MessagesData
    from tenacity import RetryCallState

    from langchain_minimax._http import Deadline


_DIALECTS: dict[str, Dialect] = {"anthropic": anthropic, "openai": openai}


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: what is sent, and how the reply is to look."""

    trips: Generator[Exchange, MiniMaxError, None] = field(repr=False)
    deadline: Deadline
    model: str
    v1: bool
    usage: bool

    def next_trip(self, refusal: MiniMaxError | None) -> Exchange:
        """The first exchange, or the one after a refusal, which else comes out."""
        return self.trips.throw(refusal) if refusal else next(self.trips)

    def told(self, error: MiniMaxError, heard: Sequence[Delta]) -> MiniMaxError:
        """A refusal; once something was heard it is none, and nothing can follow."""
        if heard:
            error.partial = self.message(heard)
            raise error
        return error

    def chunks(self) -> Chunks:
        return Chunks(self.model, v1=self.v1, usage=self.usage)

    def events(self) -> Events:
        return Events(self.model, usage=self.usage)

    def message(self, deltas: Sequence[Delta]) -> AIMessage:
        return fold(deltas, self.model, v1=self.v1)

    def result(self, deltas: Sequence[Delta]) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.message(deltas))])


class ChatMiniMax(Connection, BaseChatModel):
    """MiniMax chat models.

    Needs a key from [platform.minimax.io](https://platform.minimax.io) (or, with
    `region="china"`, from [platform.minimaxi.com](https://platform.minimaxi.com)) in
    `MINIMAX_API_KEY`.

    Example: Ask
        ```python
        from langchain_minimax import ChatMiniMax

        model = ChatMiniMax(model="MiniMax-M3", thinking=True)
        reply = model.invoke("Why is the sky blue?")
        reply.text  # the answer
        reply.content_blocks  # thinking and answer, as LangChain's standard blocks
        reply.usage_metadata  # tokens, cache and thinking included
        ```

    Example: Stream
        ```python
        for chunk in model.stream("Tell me a story."):
            print(chunk.text, end="", flush=True)
        ```

    Example: Call tools
        ```python
        from langchain.agents import create_agent


        def get_weather(city: str) -> str:
            "Tell the weather in a city."
            return "sunny"


        agent = create_agent(model, [get_weather])
        agent.invoke({"messages": [("human", "Weather in Paris?")]})
        ```

    What the model thought comes back to it, signatures included, as long as the
    messages are kept: it lives in `additional_kwargs["thinking_blocks"]`.

    `protocol="openai"` speaks MiniMax's Chat Completions API instead of its Messages
    API, with the same messages. `base_url` leads to gateways and servers of your own.

    Every argument that goes into the request may also be given per call, as in
    `model.invoke("Hi", temperature=0.2)`; the call wins, and `stop=[]` clears.

    Raises:
        MiniMaxError: From every call, one of its subclasses that says what to do; see
            `langchain_minimax.errors`.
    """

    model: str = Field(validation_alias=AliasChoices("model", "model_name"))
    """The model's id, such as `MiniMax-M3`; unknown ids are passed on."""

    protocol: Literal["anthropic", "openai"] = "anthropic"
    """Which of MiniMax's APIs to speak: Messages or Chat Completions.

    Messages and threads are the same on both, and a thread may change at any turn.
    """

    max_tokens: int | None = Field(
        default=None,
        validation_alias=AliasChoices("max_tokens", "max_completion_tokens"),
    )
    """Tokens that the reply may have, thinking included.

    By default what MiniMax recommends for the model of the call: 131,072 for M3,
    65,536 for M2.x.
    """

    temperature: float | None = None
    """0 to 2; the server's default is 1."""

    top_p: float | None = None
    """0 to 1; the server's default is 0.95 for M3 and 0.9 for M2.x."""

    thinking: bool | str | dict[str, Any] | None = None
    """Whether the model thinks first: `True` or `"adaptive"`, `False` or `"disabled"`.

    Unset, M3 does not think. M2.x and M3.1 always think. Claude's
    `{"type": "enabled", "budget_tokens": …}` is understood; there is no budget.
    """

    effort: str | None = Field(
        default=None, validation_alias=AliasChoices("effort", "reasoning_effort")
    )
    """How hard to think, on models that have levels (M3.1): `low` to `max`."""

    stop: list[str] | str | None = Field(
        default=None, validation_alias=AliasChoices("stop", "stop_sequences")
    )
    """Where to end the text. MiniMax ignores these, so we cut; never in thinking."""

    service_tier: str | None = None
    """`standard` or `priority`, which costs half as much again and queues first."""

    user_id: str | None = None
    """Your user, for MiniMax's limits and billing: `metadata.user_id` on the wire.

    Taken from `metadata["user_id"]` if unset. The rest of `metadata` is LangChain's
    and goes to traces, not to MiniMax.
    """

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Whatever else is to go into the body."""

    streaming: bool = False
    """Whether `invoke` is to stream behind the scenes."""

    stream_usage: bool = True
    """Whether the last chunk of a stream tells the usage."""

    # --- Construction and identity ---------------------------------------------------

    @model_validator(mode="before")
    @classmethod
    def _sort_arguments(cls, values: Any) -> Any:
        """Unknown arguments go to `model_kwargs`, whose dict stays the caller's."""
        if not isinstance(values, dict):
            return values
        known = {*cls.model_fields}
        for info in cls.model_fields.values():
            if isinstance(info.validation_alias, AliasChoices):
                known |= {str(choice) for choice in info.validation_alias.choices}
        extra = dict(values.get("model_kwargs") or {})
        sorted_values: dict[str, Any] = {}
        for name in known & extra.keys():
            msg = f"`{name}` is an argument of its own; take it out of `model_kwargs`."
            raise ValueError(msg)
        warn_unknown(values, known)
        for name, value in values.items():
            (sorted_values if name in known else extra)[name] = value
        return {**sorted_values, "model_kwargs": extra}

    @model_validator(mode="after")
    def _check_minimax_options(self) -> Self:
        resolve_url(self.base_url, self.region, _DIALECTS[self.protocol])
        self._options().check()
        return self

    @model_validator(mode="after")
    def _set_minimax_version(self) -> Self:
        self._add_version("langchain-minimax", __version__)
        return self

    @override
    def _resolve_model_profile(self) -> ModelProfile | None:
        known = card(self.model)
        return profile(known) if known else None

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the key is to be read from when a saved model is loaded."""
        return {"api_key": "MINIMAX_API_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether LangChain may save the model; its secrets are left out."""
        return True

    @property
    def _llm_type(self) -> str:
        return "minimax-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "protocol": self.protocol,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "thinking": self.thinking,
            "effort": self.effort,
            "stop": self.stop,
            "service_tier": self.service_tier,
            "model_kwargs": self.model_kwargs,
        }

    @override
    def _get_ls_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> LangSmithParams:
        options = self._options().called_with(stop, kwargs)
        params = LangSmithParams(
            ls_provider="minimax",
            ls_model_name=options.model,
            ls_model_type="chat",
            ls_temperature=options.temperature,
        )
        if options.max_tokens is not None:
            params["ls_max_tokens"] = options.max_tokens
        if options.stop_sequences():
            params["ls_stop"] = list(options.stop_sequences())
        return params

    # --- Copies ----------------------------------------------------------------------

    @override
    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Self:
        """Copies the model; another `model` brings its own profile along."""
        copy = super().model_copy(update=update, deep=deep)
        if self.profile == self._resolve_model_profile() and "profile" not in (
            update or ()
        ):
            copy.profile = copy._resolve_model_profile()  # noqa: SLF001
        return copy

    @override
    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        # LangChain caches this on the instance and would keep it over a copy or an
        # assignment: the cache would then answer for another model.
        self.__dict__.pop("_serialized", None)
        return super()._get_llm_string(stop=stop, **kwargs)

    @override
    def _convert_cached_generations(
        self, cache_val: list[Generation]
    ) -> list[ChatGeneration]:
        # A cached message keeps the id of the run that made it, and LangGraph would
        # let a second answer replace the first.
        generations = super()._convert_cached_generations(cache_val)
        for generation in generations:
            generation.message = generation.message.model_copy(update={"id": None})
        return generations

    # --- Calls -----------------------------------------------------------------------

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Lets the model call tools.

        Args:
            tools: Whatever LangChain calls a tool: `BaseTool`s, functions, Pydantic
                classes, `TypedDict`s, JSON schemas, OpenAI or Anthropic tool dicts.
                MiniMax's server tools are passed on as they are.
            tool_choice: `"auto"` or `"none"`. MiniMax cannot be forced to call a
                tool: `"any"`, `"required"`, `True` and a tool's name are sent as
                `"auto"`.
            strict: LangChain's; MiniMax has no such thing, and it is not sent.
            parallel_tool_calls: Likewise.
            **kwargs: Further arguments of every call.

        Raises:
            MiniMaxInvalidRequestError: If something is no tool, or the choice names
                none of them.
        """
        if strict:
            warn_once("MiniMax keeps to no schema strictly; `strict` is not sent.")
        if parallel_tool_calls is False:
            warn_once("MiniMax may call several tools at once, whatever it is told.")
        known = [to_tool(tool) for tool in tools]
        choice = to_tool_choice(tool_choice, known) if known else None
        if choice is not None:
            kwargs["tool_choice"] = tool_choice
            if choice.mode in ("any", "tool"):
                warn_once("MiniMax cannot be forced to call a tool; `auto` is sent.")
        return self.bind(tools=[to_json(tool) for tool in known], **kwargs)

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._call(messages, stop, kwargs, stream=False)
        return call.result(list(self._reply(call, run_manager)))

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._call(messages, stop, kwargs, stream=False)
        return call.result([delta async for delta in self._areply(call, run_manager)])

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call = self._call(messages, stop, kwargs, stream=True)
        chunks = call.chunks()
        with closing(self._reply(call, run_manager)) as reply:
            for delta in reply:
                message = chunks.feed(delta)
                if message is None:
                    continue
                chunk = ChatGenerationChunk(message=message)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call = self._call(messages, stop, kwargs, stream=True)
        chunks = call.chunks()
        async with aclosing(self._areply(call, run_manager)) as reply:
            async for delta in reply:
                message = chunks.feed(delta)
                if message is None:
                    continue
                chunk = ChatGenerationChunk(message=message)
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    def _stream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[MessagesData]:
        call = self._call(messages, stop, kwargs, stream=True)
        events = call.events()
        with closing(self._reply(call, run_manager)) as reply:
            for delta in reply:
                if run_manager and isinstance(delta, TextDelta):
                    run_manager.on_llm_new_token(delta.text)
                yield from events.feed(delta)

    async def _astream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[MessagesData]:
        call = self._call(messages, stop, kwargs, stream=True)
        events = call.events()
        async with aclosing(self._areply(call, run_manager)) as reply:
            async for delta in reply:
                if run_manager and isinstance(delta, TextDelta):
                    await run_manager.on_llm_new_token(delta.text)
                for event in events.feed(delta):
                    yield event

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        said: dict[str, Any],
        *,
        stream: bool,
    ) -> _Call:
        """Writes the request; nothing has been sent when this refuses."""
        said.pop("stream", None)  # LangChain's way of asking for `_stream`
        warn_unknown(said)
        options = self._options().called_with(stop, said)
        options.check()
        dialect = _DIALECTS[options.protocol]
        url = resolve_url(self.base_url, self.region, dialect)
        official = is_official(url)
        stops = options.stop_sequences()
        # Self-hosted servers may leave thinking in the text, on this protocol too.
        tagged = options.protocol == "anthropic" and not official
        secret, headers = self._key(url), self._headers()

        def write(request: ChatRequest, notes: Json) -> Exchange:
            return exchange(
                dialect,
                request,
                url=url,
                secret=secret,
                headers=headers,
                filters=lambda: [
                    *([ThinkTags()] if tagged else []),
                    *([StopSequences(stops)] if stops else []),
                    *([Noted(notes)] if notes else []),
                ],
            )

        request = options.request(
            repair(to_conversation(messages)),
            stream=stream,
            official=official,
        )
        return _Call(
            round_trips(request, write),
            self._timeouts.deadline(Exchange.remedy),
            model=options.model,
            v1=self.output_version == "v1",
            usage=options.stream_usage,
        )

    def _reply(
        self,
        call: _Call,
        run_manager: CallbackManagerForLLMRun | None,
        refusal: MiniMaxError | None = None,
    ) -> Generator[Delta, None, None]:
        trip = call.next_trip(refusal)
        if refusal:
            self._before_retry(run_manager)
        again = partial(self._before_retry, run_manager)
        heard: list[Delta] = []
        try:
            run = self._transport.run(trip, again, call.deadline)
            with closing(run) as batches:
                for batch in batches:
                    heard += batch
                    yield from batch
        except MiniMaxError as error:
            refusal = call.told(error, heard)
        else:
            return
        yield from self._reply(call, run_manager, refusal)

    async def _areply(
        self,
        call: _Call,
        run_manager: AsyncCallbackManagerForLLMRun | None,
        refusal: MiniMaxError | None = None,
    ) -> AsyncGenerator[Delta, None]:
        trip = call.next_trip(refusal)
        if refusal:
            await self._abefore_retry(run_manager)
        again = partial(self._abefore_retry, run_manager)
        heard: list[Delta] = []
        try:
            async with aclosing(
                self._async_transport.run(trip, again, call.deadline)
            ) as batches:
                async for batch in batches:
                    heard += batch
                    for delta in batch:
                        yield delta
        except MiniMaxError as error:
            refusal = call.told(error, heard)
        else:
            return
        async with aclosing(self._areply(call, run_manager, refusal)) as reply:
            async for delta in reply:
                yield delta

    def _before_retry(
        self,
        run_manager: CallbackManagerForLLMRun | None,
        failed: RetryCallState | None = None,
    ) -> None:
        if run_manager and failed:
            run_manager.on_retry(failed)
        if self.rate_limiter:
            self.rate_limiter.acquire(blocking=True)

    async def _abefore_retry(
        self,
        run_manager: AsyncCallbackManagerForLLMRun | None,
        failed: RetryCallState | None = None,
    ) -> None:
        if run_manager and failed:
            await run_manager.on_retry(failed)
        if self.rate_limiter:
            await self.rate_limiter.aacquire(blocking=True)

    def _options(self) -> Options:
        trace_metadata = self.metadata or {}
        return Options(
            model=self.model,
            protocol=self.protocol,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            thinking=self.thinking,
            effort=self.effort,
            stop=self.stop,
            service_tier=self.service_tier,
            user_id=self.user_id or trace_metadata.get("user_id"),
            stream_usage=self.stream_usage,
            model_kwargs=self.model_kwargs,
        )
