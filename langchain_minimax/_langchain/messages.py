"""LangChain messages in, a neutral conversation out; the messages are never touched.

Whoever wrote a message, its words, calls and pictures are kept. What only its own
provider understands (thoughts, search results) is kept if that is MiniMax.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal, get_args

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Json,
    Opaque,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._json import dumped, parsed, shown
from langchain_minimax._langchain import PROVIDER
from langchain_minimax._langchain.content_blocks import standard_blocks
from langchain_minimax._langchain.media import (
    MEDIA,
    UNSUPPORTED,
    document_words,
    shows,
    to_media,
)
from langchain_minimax._langchain.options import warn_once
from langchain_minimax._repair import is_blank, labelled
from langchain_minimax.errors import MiniMaxInvalidRequestError

_log = logging.getLogger(__name__)

_ROLES: dict[str, Role] = {
    "developer": "system",
    "human": "user",
    "ai": "assistant",
    **{role: role for role in get_args(Role)},
}

_Origin = Literal["minimax", "perhaps", "foreign"]

_WORDS = frozenset({"text", "input_text", "output_text", "refusal"})
_CALLS = frozenset({"tool_call", "tool_use", "invalid_tool_call", "tool_result"})
_SHOWN = MEDIA | UNSUPPORTED
_EVERYBODYS = _WORDS | _SHOWN | _CALLS
"""What is kept of a reply, whoever wrote it."""

_SERVER_TOOLS = frozenset({"server_tool_use", "web_search_tool_result"})
_THOUGHTS = frozenset({"thinking", "reasoning"})
"""These two are kept too of a reply that another client had, maybe from MiniMax."""


def to_conversation(messages: Sequence[BaseMessage]) -> Conversation:
    """The turns that messages are, one for one, as they stand.

    Raises:
        MiniMaxInvalidRequestError: If a message has a kind of content that MiniMax does
            not know, or is nested by a thousand levels.
    """
    try:
        return Conversation((), tuple(_turn(message) for message in messages))
    except RecursionError:
        msg = "The content of a message is nested too deep to be read."
        raise MiniMaxInvalidRequestError(msg) from None


def _turn(message: BaseMessage) -> Turn:
    match message:
        case AIMessage():
            return Turn("assistant", _reply(message))
        case ToolMessage():
            return Turn("user", (_tool_result(message),))
        case FunctionMessage():
            return Turn("user", (_function_result(message),))
        case HumanMessage():
            return Turn("user", _parts(message))
        case SystemMessage():
            return Turn("system", _parts(message))
        case ChatMessage():
            return _chat_turn(message)
        case _:
            msg = (
                f"A message of the type {message.type!r} says nothing to a model: "
                "leave it out, or use one of LangChain's other message classes."
            )
            raise MiniMaxInvalidRequestError(msg)


def _chat_turn(message: ChatMessage) -> Turn:
    parts = _parts(message)
    role = _ROLES.get(message.role.strip().lower())
    if role is not None or all(is_blank(part) for part in parts):
        return Turn(role or "user", parts)
    return Turn("user", tuple(labelled("message", parts, role=message.role)))


# --- What people and programs say ----------------------------------------------------


def _parts(message: BaseMessage) -> tuple[Block, ...]:
    content = message.content
    if isinstance(content, str):
        return (Text(content),)
    return tuple(block for part in content for block in _part(part))


def _part(part: object) -> Sequence[Block]:
    """The block that a part of a message's content is."""
    if isinstance(part, str):
        return (Text(part),)
    if not isinstance(part, dict):
        msg = f"This is no part of a message: {shown(part)}."
        raise MiniMaxInvalidRequestError(msg)
    kind = _kind(part)
    return _read(part, kind) if isinstance(kind, str) else _other(part)


def _read(part: Json, kind: str) -> Sequence[Block]:
    """The block that a part of some type is."""
    return _READERS.get(kind, _other)(part)


def _text(part: Json) -> Sequence[Block]:
    return (Text(_words(part), _cache_control(part)),)


def _document(part: Json) -> Sequence[Block]:
    words = document_words(part)
    if words is None:
        return _other(part)
    about = {key: str(part[key]) for key in ("title", "context") if part.get(key)}
    said = [Text(words, _cache_control(part))]
    return tuple(labelled("document", said, **about))


def _other(part: Json) -> Sequence[Block]:
    kind = part.get("type")
    if kind == "mid_conv_system":  # in MiniMax's schema, in no shape that it gives
        return (Opaque(_wire(part)),)
    if media := to_media(part):
        return (media,)
    warn_once(
        f"MiniMax knows no part of a message of the type {kind!r}; its JSON is "
        "sent as text."
    )
    return (Text(dumped(part)),)


def _kind(part: Json) -> Any:
    """The type of a part; words alone need none (as Google's and Amazon's do)."""
    return part.get("type", "text" if "text" in part else None)


def _said(part: Json) -> Any:
    return part.get("refusal" if part.get("type") == "refusal" else "text")


def _words(part: Json) -> str:
    said = _said(part)
    if isinstance(said, str):
        return said
    if said is None:
        return ""
    msg = f"The text of this part is no text: {shown(part)}."
    raise MiniMaxInvalidRequestError(msg)


# --- What tools answer ---------------------------------------------------------------


def _tool_result(message: ToolMessage) -> ToolResult:
    return ToolResult(
        message.tool_call_id,
        _result_content(message.content),
        is_error=message.status == "error",
        name=message.name,
        cache_control=_cache_control(message.additional_kwargs),
    )


def _function_result(message: FunctionMessage) -> ToolResult:
    # OpenAI's function calls of 2023 had a name and no id.
    content = _result_content(message.content)
    return ToolResult(_function_id(message.name), content, name=message.name)


def _function_id(name: object) -> str:
    return f"function_{name or 'unknown'}"


def _tool_result_part(part: Json) -> Sequence[Block]:
    """An Anthropic tool result in a message of the user's."""
    result = ToolResult(
        _string(part.get("tool_use_id")),
        _result_content(part.get("content")),
        is_error=part.get("is_error") is True,
        cache_control=_cache_control(part),
    )
    return (result,)


def _result_content(content: object) -> str | tuple[Block, ...]:
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list | tuple) else [content]
    return tuple(block for part in parts for block in _result_part(part))


def _result_part(part: object) -> Sequence[Block]:
    """What a program put out: words and pictures as such, other data as JSON."""
    kind = _kind(part) if isinstance(part, dict) else None
    if isinstance(part, dict) and kind == "non_standard":
        return _result_part(part.get("value"))
    if isinstance(part, str) or _is_content(part, kind):
        return _part(part)
    return (Text(dumped(part)),)


def _is_content(part: object, kind: object) -> bool:
    if not isinstance(part, dict) or not isinstance(kind, str):
        return False
    if kind in _WORDS:
        return isinstance(_said(part), str)
    return kind in _SHOWN and shows(part)


# --- What the model said -------------------------------------------------------------


def _reply(message: AIMessage) -> tuple[Block, ...]:
    """The server's own blocks, in its order; of others', what everybody understands."""
    content, beside = message.content, message.additional_kwargs
    has_calls = bool(message.tool_calls or message.invalid_tool_calls)
    if isinstance(content, str) and not has_calls and not beside:
        return (Text(content),) if content else ()
    origin = _origin(message)
    blocks = standard_blocks(message)
    said: list[Block] = []
    if beside and origin != "foreign" and "reasoning" not in map(_type, blocks):
        said += _thoughts_beside(beside)
    for block in blocks:
        said += _reply_block(block, origin)
    if beside and not has_calls:
        said += _legacy_call(beside.get("function_call"))
    for text in _said_beside(beside) if beside else ():
        if text not in message.text:
            said.append(Text(text))
    return tuple(said)


_type = itemgetter("type")


def _thoughts_beside(kwargs: Mapping[str, Any]) -> Iterator[Block]:
    """What other clients keep of a thought that came over Chat Completions."""
    details = kwargs.get("reasoning_details")
    listed = details if isinstance(details, list) else ()
    items = [item for item in listed if isinstance(item, dict)]
    for item in items:
        kept = {key: value for key, value in item.items() if key != "text"}
        sent_as = {"field": "reasoning_details", "item": kept}
        yield from _thinking({"reasoning": item.get("text"), "sent_as": sent_as})
    for name in () if items else ("reasoning_content", "reasoning"):
        if kwargs.get(name):
            yield from _thinking({"reasoning": kwargs[name]})
            return


def _said_beside(kwargs: Mapping[str, Any]) -> Iterator[str]:
    """What Chat Completions says outside the content: refusals, and what was spoken."""
    audio = kwargs.get("audio")
    spoken = audio.get("transcript") if isinstance(audio, dict) else None
    for said in (kwargs.get("refusal"), spoken):
        if isinstance(said, str):
            yield said


def _origin(message: AIMessage) -> _Origin:
    """Who wrote a reply; another client may have asked MiniMax, or nobody says so."""
    said = message.response_metadata
    provider = said.get("model_provider")
    if provider == PROVIDER:
        return "minimax"
    model = said.get("model_name") or said.get("model")
    known = "minimax-" in str(model).lower() or not (provider or model)
    return "perhaps" if known else "foreign"


def _reply_block(block: Json, origin: _Origin) -> Sequence[Block]:
    value = block.get("value") if block["type"] == "non_standard" else block
    if not isinstance(value, dict) or not isinstance(kind := _kind(value), str):
        return ()
    if kind in _SERVER_TOOLS and origin != "foreign":
        return (Opaque(_wire(value)),)
    if kind in _EVERYBODYS or (origin != "foreign" and kind in _THOUGHTS):
        try:
            return _read(value, kind)
        except MiniMaxInvalidRequestError:
            return (_lost(value, kind),)
    if block is not value and origin == "minimax":
        return (Opaque(_wire(value)),)  # whatever it is, the server said it
    _log.debug("Only its own provider understands this, left out: %r.", kind)
    return ()


def _lost(part: Json, kind: str) -> Text:
    """What is left of what cannot be sent again; it must not end the thread."""
    is_shown = kind in _SHOWN
    return Text(f"({kind}: not available any more)" if is_shown else dumped(part))


def _thinking(part: Json) -> Sequence[Block]:
    extras = part.get("extras")
    kept = {**extras, **part} if isinstance(extras, dict) else part
    thinking = part.get("reasoning") or part.get("thinking") or ""
    signature, sent_as = kept.get("signature"), kept.get("sent_as")
    if not isinstance(thinking, str) or not (thinking or signature or sent_as):
        return ()
    thought = Thinking(
        thinking,
        signature if isinstance(signature, str) else None,
        sent_as if _is_sound(sent_as) else None,
    )
    return (thought,)


def _is_sound(sent_as: object) -> bool:
    """Whether it is what our own decoder wrote."""
    match sent_as:
        case {"field": str(), **rest}:
            tags = (rest.get("opening", ""), rest.get("closing", ""))
            is_whole = isinstance(rest.get("item", {}), dict)
            return is_whole and all(isinstance(tag, str) for tag in tags)
        case _:
            return False


def _call(part: Json) -> Sequence[Block]:
    return (_tool_use(part),)


def _tool_use(part: Json) -> ToolUse:
    """A call; whoever answers it needs it to be there, broken or not."""
    arguments = part.get("input" if part["type"] == "tool_use" else "args")
    if not isinstance(arguments, dict):
        # The server refuses what is no JSON object: 400 "invalid function arguments
        # json string" (2013), in every later turn (hermes-agent#12167).
        arguments = {"invalid_arguments": arguments} if arguments else {}
    name = _string(part.get("name")).strip() or "unknown"
    return ToolUse(_string(part.get("id")), name, arguments, _cache_control(part))


def _legacy_call(call: object) -> Iterator[ToolUse]:
    if isinstance(call, dict):
        name, said = call.get("name"), call.get("arguments") or {}
        if isinstance(said, str):
            known = parsed(said.encode("utf-8", "surrogatepass"))
            said = known if isinstance(known, dict) else said
        id = _function_id(name)
        yield _tool_use({"type": "tool_call", "id": id, "name": name, "args": said})


_READERS: dict[str, Callable[[Json], Sequence[Block]]] = {
    **dict.fromkeys(_WORDS, _text),
    **dict.fromkeys(("text-plain", "document"), _document),
    **dict.fromkeys(("thinking", "reasoning"), _thinking),
    **dict.fromkeys(("tool_use", "tool_call", "invalid_tool_call"), _call),
    "tool_result": _tool_result_part,
    "non_standard": lambda part: _part(part.get("value")),
}


# --- Keys ----------------------------------------------------------------------------


def _string(value: object) -> str:
    return "" if value is None else str(value)


def _cache_control(part: Mapping[str, Any]) -> Json | None:
    extras = part.get("extras")
    mark = part.get("cache_control")
    if mark is None and isinstance(extras, dict):
        mark = extras.get("cache_control")
    return mark


def _wire(block: Json) -> Json:
    """A block of the wire's own, without what LangChain's streams put beside it."""
    return {
        key: value
        for key, value in block.items()
        if key not in ("index", "partial_json")
    }
