"""An agent's call of its model in, the same call with marks for the cache out.

Needs LangChain: `pip install "langchain-minimax[langchain]"`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
from typing import Any, Literal, TypeVar, get_args
from warnings import warn

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool

from langchain_minimax.catalogue import card
from langchain_minimax.errors import MiniMaxInvalidRequestError

try:
    from langchain.agents.middleware.types import (
        AgentMiddleware,
        ModelCallResult,
        ModelRequest,
        ModelResponse,
    )
except ImportError as error:
    msg = (
        "MiniMaxPromptCachingMiddleware is for LangChain's agents, and LangChain is "
        'not installed: pip install "langchain-minimax[langchain]"'
    )
    raise ImportError(msg) from error

_KEY = "cache_control"
# Explicit cache page, 2026: five minutes, refreshed by each hit; there is no `ttl`.
_MARK = {"type": "ephemeral"}
_MARKS = 4  # explicit cache page, 2026: of more, only the last four count
_MARKABLE = frozenset({"text", "image", "image_url", "video", "video_url"})

Behavior = Literal["ignore", "warn", "raise"]
AnyTool = BaseTool | dict[str, Any]
Message = TypeVar("Message", bound=BaseMessage)
Thing = TypeVar("Thing")


class MiniMaxPromptCachingMiddleware(AgentMiddleware[Any, Any, Any]):
    """Lets MiniMax cache what an agent says again with every call.

    Marks the end of the system prompt, of the tools, and of the conversation, now and
    as it was at the call before: at most four marks, the caller's own included. What
    was read up to a mark costs a tenth to a fifth the next time, within five minutes,
    and a quarter more the first time.

    Only models that honour such marks get them: M2.x. M3 caches without, and what it is
    sent stays as it is. Chat Completions has no place for marks on tools.

    Example:
        ```python
        from langchain.agents import create_agent
        from langchain_minimax import ChatMiniMax
        from langchain_minimax.middleware import MiniMaxPromptCachingMiddleware

        agent = create_agent(
            ChatMiniMax(model="MiniMax-M2.1"),
            tools=[],
            system_prompt="You are a patient teacher of mathematics.",
            middleware=[MiniMaxPromptCachingMiddleware()],
        )
        ```

    Neither the messages nor the tools of the agent are changed: the marks are only on
    what is sent.
    """

    def __init__(
        self,
        *,
        min_messages_to_cache: int = 0,
        unsupported_model_behavior: Behavior = "ignore",
    ) -> None:
        """Says when to mark.

        Args:
            min_messages_to_cache: Messages that there have to be, the system prompt
                included.
            unsupported_model_behavior: What to do about a model that honours no marks:
                nothing, warn, or raise `MiniMaxInvalidRequestError`.

        Raises:
            ValueError: If that is none of the three.
        """
        super().__init__()
        if unsupported_model_behavior not in get_args(Behavior):
            msg = (
                "`unsupported_model_behavior` is 'ignore', 'warn' or 'raise', and not "
                f"{unsupported_model_behavior!r}."
            )
            raise ValueError(msg)
        self.min_messages_to_cache = min_messages_to_cache
        self.unsupported_model_behavior = unsupported_model_behavior

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelCallResult[Any]:
        """Calls the model with marks.

        Raises:
            MiniMaxInvalidRequestError: If the model honours none, and this was to be
                an error.
        """
        return handler(self._request(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelCallResult[Any]:
        """The same, awaited."""
        return await handler(self._request(request))

    def _request(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        refusal = _refusal(request)
        if refusal:
            self._tell(refusal)
            return request
        prompt = request.system_message
        if len(request.messages) + (prompt is not None) < self.min_messages_to_cache:
            return request
        return _with_marks(request)

    def _tell(self, refusal: str) -> None:
        if self.unsupported_model_behavior == "raise":
            raise MiniMaxInvalidRequestError(refusal)
        if self.unsupported_model_behavior == "warn":
            warn(refusal, stacklevel=4)


def _refusal(request: ModelRequest[Any]) -> str | None:
    """Why a model gets no marks, if it gets none.

    LangChain tells models by `_llm_type` too: a configurable or bound model answers for
    the one inside.
    """
    model = request.model
    if getattr(model, "_llm_type", None) != "minimax-chat":
        return f"Prompt caching marks are for ChatMiniMax, not for {type(model)}."
    name = _model_name(request)
    known = card(name)
    if known is not None and known.explicit_cache:
        return None
    return f"{name} is not known to honour prompt caching marks; none are sent."


def _model_name(request: ModelRequest[Any]) -> str:
    return str(_said(request, "model") or _said(request, "model_name") or "")


def _said(request: ModelRequest[Any], name: str) -> object:
    """What is said under a name: by the call, by a binding, or by the model itself."""
    bound = getattr(request.model, "kwargs", None)
    for said in (request.model_settings, bound if isinstance(bound, dict) else {}):
        if said.get(name):
            return said[name]
    return getattr(request.model, name, None)


# --- Marks ---------------------------------------------------------------------------


class _Marks:
    """The marks that are left to be set."""

    def __init__(self, left: int) -> None:
        self._left = left

    def on(self, thing: Thing, marked: Callable[[Thing], Thing | None]) -> Thing:
        """The thing with a mark on it, if one is left and it takes one."""
        found = marked(thing) if self._left > 0 else None
        if found is None:
            return thing
        self._left -= 1
        return found


def _with_marks(request: ModelRequest[Any]) -> ModelRequest[Any]:
    """The request with as many marks as are left, the most useful ones first."""
    in_chat = _said(request, "protocol") == "openai"
    marked = _marked_in_chat if in_chat else _marked
    marks = _Marks(_MARKS - _count(request))
    messages: list[AnyMessage] = list(request.messages)
    ends = [*_ends(messages)]
    for place in ends[-1:]:
        messages[place] = marks.on(messages[place], marked)
    prompt = request.system_message
    if prompt is not None:
        prompt = marks.on(prompt, _marked_inside)
    tools = list(request.tools)
    if not in_chat:
        tools = marks.on(tools, _marked_tools)
    for place in ends[-2:-1]:  # a long step is looked back over by no more than 20
        messages[place] = marks.on(messages[place], marked)
    return request.override(system_message=prompt, messages=messages, tools=tools)


def _ends(messages: Sequence[AnyMessage]) -> Iterator[int]:
    """Where the conversation ended, each time that the model was called.

    The model's own words carry no mark: they go back as they came.
    """
    for place, message in enumerate(messages):
        following = messages[place + 1 : place + 2]
        ends = not following or isinstance(following[0], AIMessage)
        if ends and not isinstance(message, AIMessage):
            yield place


def _marked(message: AnyMessage) -> AnyMessage | None:
    """The message with a mark at its end, or `None` if it takes none."""
    if not isinstance(message, ToolMessage):
        return _marked_inside(message, _MARKABLE)
    if _KEY in message.additional_kwargs:
        return None
    said = {**message.additional_kwargs, _KEY: {**_MARK}}
    return message.model_copy(update={"additional_kwargs": said})


def _marked_in_chat(message: AnyMessage) -> AnyMessage | None:
    """The same for Chat Completions, where only words can carry one."""
    return _marked_inside(message)


def _marked_inside(
    message: Message, kinds: Container[object] = ("text",)
) -> Message | None:
    content = message.content
    parts: list[Any] = [content] if isinstance(content, str) else list(content)
    for place in reversed(range(len(parts))):
        part = parts[place]
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        blank = not str(part.get("text", part)).strip()
        if part.get("type") in kinds and not blank:
            if _has_mark(part):
                return None
            parts[place] = {**part, _KEY: {**_MARK}}
            return message.model_copy(update={"content": parts})
    return None


def _marked_tools(tools: list[AnyTool]) -> list[AnyTool] | None:
    """The tools with a mark on the last; MiniMax's own, server tools, take none."""
    for place in reversed(range(len(tools))):
        tool = tools[place]
        if isinstance(tool, BaseTool):
            extras = tool.extras or {}
            if _KEY in extras:
                return None
            said = {"extras": {**extras, _KEY: {**_MARK}}}
            return [*tools[:place], tool.model_copy(update=said), *tools[place + 1 :]]
        if tool.get("type", "function") in ("function", "custom"):
            if _KEY in tool:
                return None
            marked = {**tool, _KEY: {**_MARK}}
            return [*tools[:place], marked, *tools[place + 1 :]]
    return None


def _count(request: ModelRequest[Any]) -> int:
    """The marks that are there already."""
    prompt = request.system_message
    messages = [*([prompt] if prompt else []), *request.messages]
    inside = sum(
        _has_mark(part)
        for message in messages
        for part in ([] if isinstance(message.content, str) else message.content)
    )
    beside = sum(_KEY in message.additional_kwargs for message in messages)
    on_tools = sum(
        _KEY in ((tool.extras or {}) if isinstance(tool, BaseTool) else tool)
        for tool in request.tools
    )
    return inside + beside + on_tools


def _has_mark(part: object) -> bool:
    if not isinstance(part, dict):
        return False
    extras = part.get("extras")
    return _KEY in part or (isinstance(extras, dict) and _KEY in extras)
