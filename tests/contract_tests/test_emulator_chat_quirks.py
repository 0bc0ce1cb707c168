"""The quirks of the emulator's `/v1/chat/completions` as the `openai` SDK hears them.

The SDK knows nothing of MiniMax: what it can read is the wire it was made for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from langchain_minimax.testing import Emulator, Quirks, Reply, Text, Thinking, ToolUse

ANSWER = Reply([Thinking("A greeting."), Text("Hello, how are you today?")])
PARALLEL = Reply(
    [
        Thinking("Both."),
        ToolUse("rain", {"city": "Oslo"}, "c1"),
        ToolUse("now", {}, "c2"),
    ]
)


@pytest.fixture
def hear(serve: Callable[..., Emulator]) -> Callable[..., list[Any]]:
    """The chunks of one reply as the SDK has them."""

    def chunks(reply: Any, **quirks: Any) -> list[Any]:
        server = serve(reply, quirks=Quirks(**quirks))
        key = server.api_key
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key) as client:
            heard = list(
                client.chat.completions.create(
                    model="MiniMax-M3",
                    messages=[{"role": "user", "content": "Hello"}],
                    stream=True,
                    stream_options={"include_usage": True},
                    extra_body={"reasoning_split": True},
                )
            )
        [request] = server.requests
        assert request.completed
        return heard

    return chunks


def deltas(chunks: list[Any]) -> list[Any]:
    said = (getattr(c, "delta", None) for chunk in chunks for c in chunk.choices)
    return [delta for delta in said if delta is not None]


def told(chunks: list[Any], field: str) -> list[str]:
    said = (getattr(delta, field, None) for delta in deltas(chunks))
    return [piece for piece in said if piece]


def fragments(chunks: list[Any]) -> list[Any]:
    return [call for delta in deltas(chunks) for call in delta.tool_calls or ()]


@pytest.mark.parametrize(
    "quirks",
    [
        {},
        {"chat_done": True},
        {"chat_envelope": True},
        {"chat_empty_role": True},
        {"chat_usage": "last chunk"},
        {"ids": "clock", "tool_ids": "call_function_", "fine_deltas": False},
    ],
    ids=str,
)
def test_these_change_nothing_of_what_is_said(hear, quirks):
    chunks = hear(ANSWER, **quirks)

    assert "".join(told(chunks, "content")) == "Hello, how are you today?"
    assert "".join(told(chunks, "reasoning_content")) == "A greeting."
    reasons = [c.finish_reason for chunk in chunks for c in chunk.choices]
    assert reasons[-1] == "stop"
    assert {*reasons[:-1]} == {None}
    assert chunks[-1].usage.total_tokens > 0
    calls = fragments(hear(PARALLEL, **quirks))
    assert [(c.index, c.id, c.function.name) for c in calls] == [
        (0, "c1", "rain"),
        (1, "c2", "now"),
    ]


def test_usage_may_come_beside_the_end_or_never(hear):
    assert not hear(ANSWER)[-1].choices
    assert hear(ANSWER, chat_usage="last chunk")[-1].choices
    assert all(chunk.usage is None for chunk in hear(ANSWER, chat_usage="none"))


def test_a_summary_is_one_chunk_more_that_has_all(hear):
    *chunks, summary = hear(ANSWER, chat_summary=True)

    assert all(chunk.usage.total_tokens == 0 for chunk in chunks)
    assert summary.object == "chat.completion"
    [choice] = summary.choices
    assert choice.message["content"] == "".join(told(chunks, "content"))
    assert summary.usage.total_tokens > 0


def test_the_envelope_names_the_speaker(hear):
    for chunk in hear(ANSWER, chat_envelope=True):
        assert chunk.output_sensitive is False
        assert [choice.delta.name for choice in chunk.choices] in ([], ["MiniMax AI"])


def test_a_chunk_of_nobody_comes_first(hear):
    nobody, second, *_ = hear(ANSWER, chat_empty_role=True)

    assert getattr(nobody, "id", None) is None
    assert nobody.choices[0].delta.role == ""
    assert second.choices[0].delta.role == "assistant"


def test_snapshots_grow(hear):
    pieces = told(hear(ANSWER, chat_snapshots=True), "content")

    assert pieces == ["Hello, how are", "Hello, how are you today?"]


def test_thinking_is_said_twice(hear):
    chunks = hear(ANSWER, chat_thinks_twice=True)

    assert "".join(told(chunks, "reasoning_content")) == "A greeting."
    assert "".join(told(chunks, "content")).startswith("<think>\nA greeting.\n</think>")


def test_thinking_ends_with_a_stray_mark(hear):
    chunks = hear(ANSWER, chat_stray_close=True)

    assert told(chunks, "reasoning_content")[-2:] == ["\n</th", "ink>"]
    assert told(chunks, "reasoning_details")[-1][0]["text"] == "ink>"


def test_calls_share_an_index(hear):
    calls = fragments(hear(PARALLEL, chat_same_index=True))

    assert [(call.index, call.id) for call in calls] == [(0, "c1"), (0, "c2")]


@pytest.mark.parametrize(("kind", "place"), [("indexed", 0), ("bare", None)])
def test_arguments_come_in_fragments(hear, kind, place):
    first, second, last = fragments(hear(PARALLEL, chat_fragments=kind))

    assert (first.id, first.index, first.function.arguments) == ("c1", 0, '{"city":')
    assert (second.id, second.function.arguments) == (None, '"Oslo"}')
    assert second.index == place
    assert (last.id, last.function.arguments) == ("c2", "{}")


def test_no_arguments_are_an_empty_string(hear):
    _, second = fragments(hear(PARALLEL, chat_empty_arguments=True))

    assert second.function.arguments == ""
