"""A model's fields and a call's keyword arguments in, one chat request out.

What the call says wins over the field; what a model cannot do is said in a warning or
an error, before anything is sent.
"""

from __future__ import annotations

import difflib
import inspect
import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from langchain_minimax._blocks import (
    ChatRequest,
    Check,
    Conversation,
    Json,
    Opaque,
    Tool,
    ToolChoice,
)
from langchain_minimax._json import shown
from langchain_minimax._langchain.media import check_media
from langchain_minimax._langchain.tools import to_answer, to_tool, to_tool_choice
from langchain_minimax.catalogue import ModelCard, card
from langchain_minimax.errors import MiniMaxInvalidRequestError

ALIASES = {
    "model_name": "model",
    "max_completion_tokens": "max_tokens",
    "reasoning_effort": "effort",
    "stop_sequences": "stop",
}
"""Other spellings of a field, of the constructor's and of a call's."""

PROTOCOLS = ("anthropic", "openai")

_RANGES = {"temperature": (0.0, 2.0), "top_p": (0.0, 1.0)}
_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "max_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "effort": (str,),
    "stop": (str, list, tuple),
    "service_tier": (str,),
    "user_id": (str,),
    "parallel_tool_calls": (bool,),
    "tools": (Sequence,),
}
_SECRET = re.compile(
    "api[-_]?key|secret|password|proxy|authorization|(auth|access)[-_]?token"
    "|credential|bearer|^(auth|token|key)$"
)
_SECRETS = ("api_key", "minimax_api_key", "proxy", "default_headers")
_ALIKE = 0.8  # a slip of the keys away; `priority`, which vLLM knows, is no `proxy`
_ELSEWHERE = {
    "messages": "pass the messages as the input",
    "system": "pass a SystemMessage",
    "stream": "call `stream` or `astream`",
    "default_query": "write it into `base_url`",
    **dict.fromkeys(
        ("extra_headers", "headers"), "use `default_headers`, which stay out of traces"
    ),
    **dict.fromkeys(
        (
            *("api_key", "region", "base_url", "proxy", "default_headers"),
            *("timeout", "stream_idle_timeout", "max_retries", "output_version"),
            *("http_client", "http_async_client", "rate_limiter", "streaming"),
            *("token_counting", "request_timeout", "minimax_api_base"),
        ),
        "it belongs to the model, `model.model_copy(update=…)` changes it",
    ),
    **dict.fromkeys(
        ("default_request_timeout", "connect_timeout", "read_timeout"),
        "it belongs to the model, as `timeout`: seconds or an `httpx.Timeout`",
    ),
    **dict.fromkeys(
        ("verify", "cert", "trust_env"),
        "it belongs to the model, as `http_client` and `http_async_client`: make your "
        "own with it",
    ),
}
_ELSEWHERE_CALLED = {
    **dict.fromkeys(("api_base", "openai_api_base", "anthropic_api_url"), "base_url"),
    **dict.fromkeys(("url", "endpoint", "minimax_api_host"), "base_url"),
    "reasoning": "thinking",
    **dict.fromkeys(("extra_body", "extra_args"), "model_kwargs"),
}
"""What other clients call an argument that is not spelled alike here."""

_INNER = (
    "langchain_minimax.",
    "langchain_core.",
    "langchain.",
    "langgraph.",
    "pydantic.",
)
_DEFAULT_MAX_TOKENS = 65536  # for models without a card: Messages API page, 2026-05-30
_THINK: Json = {"type": "adaptive"}
_DO_NOT_THINK: Json = {"type": "disabled"}
_WORDS_FOR_THINKING: dict[object, Json] = {
    True: _THINK,
    False: _DO_NOT_THINK,
    "adaptive": _THINK,
    "enabled": _THINK,
    "disabled": _DO_NOT_THINK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a call says besides its messages."""

    model: str
    protocol: str = "anthropic"
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    thinking: bool | str | Mapping[str, Any] | None = None
    effort: str | None = None
    stop: str | Sequence[str] | None = None
    service_tier: str | None = None
    user_id: str | None = None
    stream_usage: bool = True
    tools: Sequence[Any] = ()
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    response_format: Any = None
    validator: Check | None = None
    model_kwargs: Mapping[str, Any] | None = None

    def called_with(self, stop: Sequence[str] | None, said: Json) -> Options:
        """These options under a call's own arguments.

        Args:
            stop: The call's stop sequences; `[]` clears, `None` says nothing.
            said: The call's keyword arguments. Unknown ones go into the body.
        """
        if stop is None and not said:
            return self
        body = said.get("model_kwargs") or {}
        named = {
            ALIASES.get(name, name): value
            for name, value in {**said, **body}.items()
            if name != "model_kwargs"
        }
        given = {name: value for name, value in named.items() if name in _KNOWN}
        extra = {name: value for name, value in named.items() if name not in _KNOWN}
        if stop is not None:
            given["stop"] = stop
        return replace(
            self, **given, model_kwargs={**(self.model_kwargs or {}), **extra}
        )

    def stop_sequences(self) -> tuple[str, ...]:
        """The stop sequences that can occur."""
        if not self.stop:
            return ()
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        said = stop if isinstance(stop, list | tuple) else ()
        return tuple(sequence for sequence in said if sequence)

    def request(
        self, conversation: Conversation, *, stream: bool, official: bool
    ) -> ChatRequest:
        """The request that says all this.

        Args:
            conversation: What has been said so far.
            stream: Whether the reply is to come as a stream.
            official: Whether it goes to one of MiniMax's own hosts, whose words for
                thinking are known.

        Raises:
            MiniMaxInvalidRequestError: If an option has no meaning.
        """
        self.check()
        model = card(self.model)
        check_media(conversation, self.model, model)
        if self.user_id and self.protocol == "openai":
            warn_once(
                "Chat Completions has no field for `user_id`; it is not sent. The "
                'Messages API has: `protocol="anthropic"`.'
            )
        thinking = _thinking(self.thinking, self.effort, model, official=official)
        tools = tuple(to_tool(tool) for tool in self.tools or ())
        return ChatRequest(
            model=self.model,
            conversation=conversation,
            max_tokens=self._max_tokens(model, official=official),
            stream=stream,
            tools=tools,
            tool_choice=self._tool_choice(tools),
            parallel_tool_calls=self._in_parallel(),
            answer=to_answer(self.response_format, self.validator),
            temperature=self.temperature,
            top_p=self.top_p,
            thinking=thinking,
            effort=_effort(self.effort, model),
            service_tier=self.service_tier,
            user_id=self.user_id,
            stream_usage=self.stream_usage,
            official=official,
            extra=self.model_kwargs,
        )

    def _in_parallel(self) -> bool:
        """Whether several calls may be made; Anthropic says so in the choice."""
        choice = self.tool_choice if isinstance(self.tool_choice, Mapping) else {}
        one = self.parallel_tool_calls is False
        return not (one or choice.get("disable_parallel_tool_use"))

    def _max_tokens(self, model: ModelCard | None, *, official: bool) -> int | None:
        # vLLM refuses a prompt that leaves no room for as much; where the protocol does
        # not ask for a limit, an engine's own is the right one.
        if self.max_tokens is None and self.protocol == "openai" and not official:
            return None
        return _max_tokens(self.max_tokens, model)

    def _tool_choice(self, tools: Sequence[Tool | Opaque]) -> ToolChoice | None:
        choice = to_tool_choice(self.tool_choice, tools)
        return choice and replace(choice, check=self.validator)

    def check(self) -> None:
        """Refuses values that MiniMax would refuse.

        Raises:
            MiniMaxInvalidRequestError: If a value is of the wrong type, out of range
                or out of place.
        """
        for name, wanted in _TYPES.items():
            value = getattr(self, name)
            if value is None and name != "model":
                continue
            if not isinstance(value, wanted):
                words = " or ".join(each.__name__ for each in wanted)
                msg = f"`{name}` is {shown(value)}; it has to be of type {words}."
                raise MiniMaxInvalidRequestError(msg)
        _check_protocol(self.protocol)
        _wanted(self.thinking, self.effort, official=False)
        if not all(isinstance(sequence, str) for sequence in self.stop_sequences()):
            msg = f"`stop` is {shown(self.stop)}; it has to be strings."
            raise MiniMaxInvalidRequestError(msg)
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                msg = f"`{name}` is {shown(value)}; MiniMax takes {low:g} to {high:g}."
                raise MiniMaxInvalidRequestError(msg)
        if self.max_tokens is not None and self.max_tokens < 1:
            msg = f"`max_tokens` is {shown(self.max_tokens)}; it has to be at least 1."
            raise MiniMaxInvalidRequestError(msg)
        self.check_names()

    def check_names(self) -> None:
        """Refuses what is out of place, before a tracer sees it.

        Raises:
            MiniMaxInvalidRequestError: If it belongs to the model, or is named like a
                secret.
        """
        for name in self.model_kwargs or ():
            if name in _ELSEWHERE:
                msg = f"`{name}` cannot be set this way: {_ELSEWHERE[name]}."
                raise MiniMaxInvalidRequestError(msg)
            _refuse_secret(name)


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        msg = f"`protocol` is {protocol!r}; say {' or '.join(map(repr, PROTOCOLS))}."
        raise MiniMaxInvalidRequestError(msg)


_KNOWN = frozenset(field.name for field in fields(Options)) - {"model_kwargs"}
_BODY = frozenset({"metadata", "model_kwargs"})  # known, but no options


_CALLED_WITH = _KNOWN | _BODY


def warn_unknown(said: Iterable[str], known: Collection[str] = _CALLED_WITH) -> None:
    """Warns of each argument that is unknown, and names the nearest that is known.

    Raises:
        MiniMaxInvalidRequestError: If it is named like a secret, which would then be
            sent and show up in traces.
    """
    for name in said:
        if name in known or name in ALIASES or name in _ELSEWHERE:
            continue
        _refuse_secret(name)
        _warn(
            f"`{name}` is no option of ChatMiniMax; it goes into the request as it "
            f"is.{_hint(name, known)}"
        )


def _hint(name: str, known: Collection[str]) -> str:
    """What was probably meant."""
    if name in _KNOWN:
        return f" Say it to a call: `bind({name}=…)`."
    known_as = _ELSEWHERE_CALLED.get(name)
    near = difflib.get_close_matches(name, {*known, *ALIASES}, n=1)
    meant = [known_as] if known_as else near
    return f" Did you mean `{meant[0]}`?" if meant else ""


@lru_cache(maxsize=1024)
def _is_like_a_secret(name: str) -> bool:
    """Whether a name is that of a secret, or one with a slip in it."""
    slip = difflib.get_close_matches(name, _SECRETS, n=1, cutoff=_ALIKE)
    return bool(_SECRET.search(name) or slip)


def _refuse_secret(name: str) -> None:
    if _is_like_a_secret(name.lower()):
        msg = (
            f"`{name}` is no option of ChatMiniMax, and it is not sent since it looks "
            "like a secret. Give the model its key as `api_key`, a proxy as `proxy`, "
            "anything else as `default_headers`."
        )
        raise MiniMaxInvalidRequestError(msg)


def _warn(text: str) -> None:
    """Warns at the line of the caller's that led here, past all libraries."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_INNER):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


@lru_cache(maxsize=1024)
def warn_once(text: str) -> None:
    """Warns of what a model cannot do, the first time that it is asked for."""
    _warn(text)


def _max_tokens(asked: int | None, model: ModelCard | None) -> int:
    if model is None:
        return asked or _DEFAULT_MAX_TOKENS
    if asked is None:
        return model.default_max_tokens
    if asked > model.max_output_tokens:
        warn_once(
            f"`max_tokens` {shown(asked)} is more than {model.id} can write; "
            f"{model.max_output_tokens} is sent."
        )
    return min(asked, model.max_output_tokens)


def _thinking(
    asked: bool | str | Mapping[str, Any] | None,
    effort: str | None,
    model: ModelCard | None,
    *,
    official: bool,
) -> Json | None:
    wanted = _wanted(asked, effort, official=official)
    if model is None:
        return wanted
    if model.thinking == "always":
        if wanted is not None and wanted.get("type") == "disabled":
            warn_once(f"{model.id} cannot stop thinking.")
            return None
        return wanted
    # The two protocols differ in what they do unasked, so M3 is always told.
    return wanted or _DO_NOT_THINK


def _wanted(
    asked: bool | str | Mapping[str, Any] | None,
    effort: str | None,
    *,
    official: bool,
) -> Json | None:
    if asked is None:
        if effort is None:
            return None
        return _DO_NOT_THINK if effort == "none" else _THINK
    if isinstance(asked, Mapping):
        return _translated(dict(asked)) if official else dict(asked)
    if isinstance(asked, bool | str) and asked in _WORDS_FOR_THINKING:
        return _WORDS_FOR_THINKING[asked]
    msg = (
        f"`thinking` is {shown(asked)}; say True, False, 'adaptive', 'disabled' or "
        '{"type": …}.'
    )
    raise MiniMaxInvalidRequestError(msg)


def _translated(asked: Json) -> Json:
    """Claude's `enabled` with a budget, in MiniMax's words: it has no budget."""
    if asked.get("type") != "enabled":
        return asked
    if "budget_tokens" in asked:
        warn_once("MiniMax has no thinking budget; `budget_tokens` is not sent.")
    return _THINK


def _effort(asked: str | None, model: ModelCard | None) -> str | None:
    if asked is None or asked == "none" or model is None:
        return None if asked == "none" else asked
    if not model.efforts:
        warn_once(
            f"{model.id} knows no levels of effort; `effort` only turns thinking on."
        )
        return None
    level = "low" if asked == "minimal" else asked
    if level not in model.efforts:
        msg = f"`effort` is {asked!r}; {model.id} has {', '.join(model.efforts)}."
        raise MiniMaxInvalidRequestError(msg)
    return level
