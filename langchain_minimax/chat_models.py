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
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

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
from pydantic import AliasChoices, Field, model_validator
from typing_extensions import Self, override

from langchain_minimax._address import is_official, resolve_url
from langchain_minimax._connection import Connection, field_names
from langchain_minimax._langchain import content_blocks  # noqa: F401 - registers itself
from langchain_minimax._langchain.options import Options, warn_once, warn_unknown
from langchain_minimax._langchain.profiles import profile
from langchain_minimax._langchain.tools import to_json, to_tool, to_tool_choice
from langchain_minimax._version import __version__
from langchain_minimax.catalogue import card
from langchain_minimax.errors import MiniMaxError

if TYPE_CHECKING:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForLLMRun,
        CallbackManagerForLLMRun,
    )
    from langchain_core.tools import BaseTool
    from langchain_protocol.protocol import MessagesData
    from tenacity import RetryCallState

    from langchain_minimax._calls import Call
    from langchain_minimax._deltas import Delta
    from langchain_minimax._exchange import Exchange
    from langchain_minimax._native import NativeCall
    from langchain_minimax.models import MiniMaxModel


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

    token_counting: Literal["local", "api"] = "local"  # noqa: S105 - no secret
    """Who counts the tokens of messages: we do, roughly and at once, or MiniMax does.

    Trimming a history and editing a context count again and again: `"api"` makes a call
    each time.
    """

    # --- Construction and identity ---------------------------------------------------

    @model_validator(mode="before")
    @classmethod
    def _sort_arguments(cls, values: Any) -> Any:
        """Unknown arguments go to `model_kwargs`, whose dict stays the caller's."""
        if not isinstance(values, dict):
            return values
        known = field_names(cls)
        extra = dict(values.get("model_kwargs") or {})
        sorted_values: dict[str, Any] = {}
        for name in known.keys() & extra.keys():
            msg = f"`{name}` is an argument of its own; take it out of `model_kwargs`."
            raise ValueError(msg)
        warn_unknown(values, known)
        for name, value in values.items():
            (sorted_values if name in known else extra)[name] = value
        if extra or "model_kwargs" in values:
            sorted_values["model_kwargs"] = extra
        return sorted_values

    @model_validator(mode="after")
    def _check_minimax_options(self) -> Self:
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
        kwargs.pop("stream", None)  # as in `_call`
        options = self._options().called_with(stop, kwargs)
        options.check_names()
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

    # --- Tokens ----------------------------------------------------------------------

    @override
    def get_num_tokens(self, text: str) -> int:
        """About how many tokens a text has by itself.

        Counted locally, whatever `token_counting` says: MiniMax counts whole requests.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens(text)
        from langchain_minimax._langchain.tokens import count_text  # noqa: PLC0415

        return count_text(text)

    @override
    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """How many tokens a request with these messages is billed for.

        The local estimate was within 8 % of the usage that MiniMax reported, preamble
        and tools included. What an image or a video costs depends on what is in it:
        there the estimate is rough.

        Args:
            messages: The conversation. It may be cut anywhere.
            tools: What `bind_tools` takes.

        Raises:
            MiniMaxError: If a message cannot be sent at all; with
                `token_counting="api"`, whatever went wrong.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(messages, tools)
        from langchain_minimax._counting import counting, counting_url  # noqa: PLC0415
        from langchain_minimax._langchain.messages import (  # noqa: PLC0415
            to_conversation,
        )
        from langchain_minimax._langchain.tokens import estimate  # noqa: PLC0415
        from langchain_minimax._repair import repair  # noqa: PLC0415

        conversation = to_conversation(messages)
        if self.token_counting == "local":  # noqa: S105
            known = [to_tool(tool) for tool in tools or ()]
            return estimate(conversation, known, self.model)
        url = counting_url(self.base_url, self.region)
        # It is part of the Messages API, whichever protocol the calls are made in.
        options = replace(self._options(), protocol="anthropic", tools=tools or ())
        request = options.request(
            repair(conversation), stream=False, official=is_official(url)
        )
        secret, headers = self._key(url), self._headers()
        return self._transport.ask(
            counting(request, url, secret=secret, headers=headers)
        )

    # --- Models ----------------------------------------------------------------------

    def list_models(self) -> list[MiniMaxModel]:
        """Asks the server which models it has.

        Example:
            ```python
            from langchain_minimax import ChatMiniMax

            model = ChatMiniMax(model="MiniMax-M3")
            for each in model.list_models():
                print(each.id, each.card.context_window if each.card else "unknown")
            ```

        Returns:
            Each with its `id`, and the catalogue's `card` if it has one, in the
            server's order.

        Raises:
            MiniMaxError: Whatever went wrong.
        """
        return self._transport.ask(self._listing())

    async def alist_models(self) -> list[MiniMaxModel]:
        """The same as `list_models`, awaited."""
        return await self._async_transport.ask(self._listing())

    def _listing(self) -> NativeCall[list[MiniMaxModel]]:
        from langchain_minimax.models import listing, listing_url  # noqa: PLC0415

        url = listing_url(self.base_url, self.region)
        return listing(url, secret=self._key(url), headers=self._headers())

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
            tool_choice: `"auto"`, `"none"`, `"any"`, `"required"`, `True`, a tool's
                name, or the dict of Anthropic or OpenAI. MiniMax cannot be forced to
                call a tool, so this model sees to it, and asks twice at the most.
            strict: LangChain's; MiniMax has no such thing, and it is not sent.
            parallel_tool_calls: `False` has all calls of a reply but the first left
                out.
            **kwargs: Further arguments of every call.

        Raises:
            MiniMaxInvalidRequestError: If something is no tool, or the choice names
                none of them.
        """
        if strict:
            warn_once("MiniMax keeps to no schema strictly; `strict` is not sent.")
        known = [to_tool(tool) for tool in tools]
        choice = to_tool_choice(tool_choice, known)
        if choice is not None:
            kwargs["tool_choice"] = tool_choice
        if choice is not None and choice.is_forced:
            from langchain_minimax._langchain.structured_output import (  # noqa: PLC0415
                validator_of,
            )

            checks = validator_of(tools)
            if checks is not None:
                kwargs.setdefault("validator", checks)
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(tools=[to_json(tool) for tool in known], **kwargs)

    @override
    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal[
            "function_calling", "json_schema", "json_mode"
        ] = "function_calling",
        strict: bool | None = None,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] = (),
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answers with what fits a schema, or raises an error that says why not.

        Args:
            schema: A Pydantic class (of version 1 or 2), a `TypedDict`, a JSON schema
                with a title, or a tool dict.
            include_raw: Whether to answer with a dict: `raw` is the message, `parsed`
                what it was parsed to, `parsing_error` the error, which is then not
                raised.
            method: `"function_calling"`: the schema is a tool that the model has to
                call, and a stream yields what has come of it. `"json_schema"`: the
                model is told to answer with JSON that fits. `"json_mode"`: likewise,
                and your prompt says which JSON.
            strict: LangChain's; replies are checked against the schema in any case.
            tools: Further tools, which the model may call instead of answering; then
                say `include_raw=True`.
            **kwargs: None: what is unknown is refused.

        Returns:
            A runnable that takes what the model takes. It answers with a Pydantic
            object for a Pydantic class, else with a dict, and never with `None`.

        Raises:
            MiniMaxOutputError: When run, if the model was asked twice and does not
                answer so. It is LangChain's `OutputParserException` too.
            ValueError: For keyword arguments that it does not know.
            MiniMaxInvalidRequestError: If there is no such method, or it is no schema.
        """
        del strict
        if kwargs:
            msg = f"`with_structured_output` knows no {', '.join(sorted(kwargs))}."
            raise ValueError(msg)
        from langchain_minimax._langchain.structured_output import (  # noqa: PLC0415
            structured,
        )

        return structured(
            self, schema, method=method, include_raw=include_raw, tools=tools
        )

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._call(messages, stop, kwargs, stream=False)
        return call.result([*chain.from_iterable(self._reply(call, run_manager))])

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._call(messages, stop, kwargs, stream=False)
        reply = self._areply(call, run_manager)
        return call.result([delta async for batch in reply for delta in batch])

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call = self._call(messages, stop, kwargs, stream=True)
        with closing(self._reply(call, run_manager)) as reply:
            for chunk in call.shown(reply):
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
        async for chunk in call.ashown(self._areply(call, run_manager)):
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
        from langchain_minimax._deltas import TextDelta  # noqa: PLC0415

        call = self._call(messages, stop, kwargs, stream=True)
        events = call.events()
        with closing(self._reply(call, run_manager)) as reply:
            for delta in chain.from_iterable(reply):
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
        from langchain_minimax._deltas import TextDelta  # noqa: PLC0415

        call = self._call(messages, stop, kwargs, stream=True)
        events = call.events()
        async for batch in self._areply(call, run_manager):
            for delta in batch:
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
    ) -> Call:
        """Writes the request; nothing has been sent when this refuses."""
        # Imported late: most of the package is needed for calls, and for calls only.
        from langchain_minimax._calls import (  # noqa: PLC0415
            DIALECTS,
            Address,
            Call,
            trips_of,
        )
        from langchain_minimax._exchange import Exchange  # noqa: PLC0415

        said.pop("stream", None)  # LangChain's way of asking for `_stream`
        warn_unknown(said)
        options = self._options().called_with(stop, said)
        options.check()
        url = resolve_url(self.base_url, self.region, DIALECTS[options.protocol])
        to = Address(url, self._key(url), self._headers())
        return Call(
            trips_of(options, messages, to, stream=stream),
            self._timeouts.deadline(Exchange.remedy),
            model=options.model,
            v1=self.output_version == "v1",
            usage=options.stream_usage,
        )

    def _reply(
        self, call: Call, run_manager: CallbackManagerForLLMRun | None
    ) -> Generator[Sequence[Delta], None, None]:
        again = partial(self._before_retry, run_manager)
        trip: Exchange | None = next(call.trips)
        while trip is not None:
            heard: list[Delta] = []
            refusal: MiniMaxError | None = None
            try:
                run = self._transport.run(trip, again, call.deadline)
                with closing(run) as batches:
                    for batch in batches:
                        heard += batch
                        yield batch
            except MiniMaxError as error:
                refusal = error
            trip = call.next_trip(heard, refusal)
            if trip is not None:
                self._before_retry(run_manager)

    async def _areply(
        self, call: Call, run_manager: AsyncCallbackManagerForLLMRun | None
    ) -> AsyncGenerator[Sequence[Delta], None]:
        again = partial(self._abefore_retry, run_manager)
        trip: Exchange | None = next(call.trips)
        while trip is not None:
            heard: list[Delta] = []
            refusal: MiniMaxError | None = None
            try:
                run = self._async_transport.run
                async for batch in run(trip, again, call.deadline):
                    heard += batch
                    yield batch
            except MiniMaxError as error:
                refusal = error
            trip = call.next_trip(heard, refusal)
            if trip is not None:
                await self._abefore_retry(run_manager)

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
