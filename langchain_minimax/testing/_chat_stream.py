"""A completion in, the chunks of its stream out."""

from collections.abc import Iterator
from itertools import islice, zip_longest

from langchain_minimax.testing._completion import STRAY, Completion
from langchain_minimax.testing._replies import Json
from langchain_minimax.testing._wire import slices, streamed

_CHUNK = "chat.completion.chunk"
_NO_USAGE = {"total_tokens": 0, "total_characters": 0}
_FRAGMENT = 8  # characters of arguments in one delta


def chunks(said: Completion, *, counted: bool) -> Iterator[Json]:
    """Every event, with the usage if it is to be counted."""
    deltas = [{}, *_stages(said)]
    if said.quirks.chat_snapshots:
        deltas = list(_snapshots(said, deltas))
    choices: list[Json] = [{"index": 0, "delta": said.ordered(d)} for d in deltas]
    *others, last = choices
    usage = _NO_USAGE if said.quirks.chat_summary else None
    if said.quirks.chat_empty_role:
        yield _nobody(said)
    for choice in others:
        yield said.enveloped([choice], _CHUNK, usage)
    yield from _ending(said, {"finish_reason": said.finish_reason, **last}, counted)


def _nobody(said: Completion) -> Json:
    """A chunk of nobody's that says nothing (MiniMax-M2.5 #2, 2026-02-16)."""
    return {
        "choices": [{"index": 0, "delta": {"role": "", "reasoning_content": ""}}],
        "created": said.created,
        "object": _CHUNK,
        "usage": _NO_USAGE,
        "input_sensitive": False,
        "output_sensitive": False,
    }


def beginning(said: Completion, *, spoken: bool) -> Iterator[Json]:
    """The events up to the first that says something, or with that one."""
    silent = 1 + said.quirks.chat_empty_role
    for chunk in islice(chunks(said, counted=False), silent + spoken):
        [choice] = chunk["choices"]
        choice.pop("finish_reason", None)
        yield chunk


def _ending(said: Completion, last: Json, counted: bool) -> Iterator[Json]:
    place = said.quirks.chat_usage
    usage = said.usage if counted and place != "none" else None
    result = said.result if usage or said.failed else {}
    if said.quirks.chat_summary:
        yield said.enveloped([last], _CHUNK, _NO_USAGE)
        yield said.whole
    elif place == "last chunk":
        yield {**said.enveloped([last], _CHUNK, usage), **result}
    else:
        yield said.enveloped([last], _CHUNK, None)
        if usage or result:
            yield {**said.enveloped([], _CHUNK, usage), **result}


def _stages(said: Completion) -> list[Json]:
    """What each chunk says, after the first, which says nothing."""
    thoughts = [said.reasoned(piece) for piece in _thoughts(said)]
    rest: list[Json] = [{"content": piece} for piece in _said(said)]
    calls = [{"tool_calls": [p]} for call in said.calls for p in _pieces(said, call)]
    if said.split and said.marks:
        none: Json = {}
        pairs = zip_longest(thoughts, rest, fillvalue=none)
        return [*({**text, **thought} for thought, text in pairs), *calls]
    rest += calls
    if thoughts:
        # As recorded: the last thought has an empty content and the call beside it.
        beside = rest.pop(0) if rest and "tool_calls" in rest[0] else {}
        thoughts[-1] = {"content": "", **beside, **thoughts[-1]}
    return [*thoughts, *rest] or [{"content": ""}]


def _thoughts(said: Completion) -> list[str]:
    if not said.reasoning:
        return []
    pieces = streamed(said.thinking, said.message.delta_size, said.quirks)
    return [*pieces, *(STRAY if said.quirks.chat_stray_close else ())]


def _said(said: Completion) -> Iterator[str]:
    size = said.message.delta_size
    if size or said.marks is None or not said.thinking:
        yield from streamed(said.content, size, said.quirks)
        return
    # The marks come whole and not alone, as in the official example.
    for mark, text in zip(said.marks, (said.thinking, said.text), strict=True):
        first, *more = list(streamed(text, size, said.quirks)) or [""]
        yield mark + first
        yield from more


def _pieces(said: Completion, call: Json) -> Iterator[Json]:
    """A call with the first of its arguments, then the others."""
    quirks, whole = said.quirks, call["function"]["arguments"]
    size = len(whole) if quirks.chat_fragments == "whole" else _FRAGMENT
    first, *others = list(slices(whole, said.message.delta_size or size)) or [""]
    place = {"index": 0 if quirks.chat_same_index else call["index"]}
    yield {**call, **place, "function": {**call["function"], "arguments": first}}
    for piece in others:
        known = {} if quirks.chat_fragments == "bare" else place
        yield {"function": {"arguments": piece}, **known}


def _snapshots(said: Completion, deltas: list[Json]) -> Iterator[Json]:
    """Each delta with all that came before it in the same field."""
    so_far = {"content": "", "reasoning_content": "", "reasoning": ""}
    for delta in deltas:
        so_far |= {name: so_far[name] + delta[name] for name in so_far if name in delta}
        grown = {name: so_far[name] for name in so_far if name in delta}
        if "reasoning_details" in delta:
            grown |= said.reasoned(so_far["reasoning_content"])
        yield {**delta, **grown}
