"""Requests to `/v1/chat/completions`, as the other wire would have them."""

from typing import Any

import pytest

from langchain_minimax.testing._chat import to_messages, to_turns

USER = {"role": "user", "content": "Rain?"}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "rain", "arguments": '{"mm": 3}'},
}
USE = {"type": "tool_use", "id": "c1", "name": "rain", "input": {"mm": 3}}
DETAIL = {"type": "reasoning.text", "id": "reasoning-text-1", "index": 0}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def thinking(words: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": words}


def request(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "MiniMax-M3", "messages": list(messages or [USER]), **fields}


def blocks_of(message: Any, **fields: Any) -> list[Any]:
    [turn] = to_turns(request(message, **fields))
    assert turn["role"] == message["role"]
    content: list[Any] = turn["content"]
    return content


def test_the_settings():
    assert to_messages(request(stream=True, temperature=0, top_p=1)) == {
        "model": "MiniMax-M3",
        "stream": True,
        "temperature": 0,
        "top_p": 1,
        "messages": [{"role": "user", "content": [text("Rain?")]}],
        "system": None,
        "max_tokens": None,
        "thinking": {"type": "adaptive"},
        "tools": None,
        "tool_choice": None,
    }


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"max_completion_tokens": 5}, 5),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 5, "max_tokens": 7}, 5),
        ({"max_completion_tokens": 0, "max_tokens": 7}, 0),
        ({"max_completion_tokens": None, "max_tokens": 7}, 7),
    ],
)
def test_the_older_name_of_the_limit_stands_back(fields, limit):
    assert to_messages(request(**fields))["max_tokens"] == limit


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", {"type": "none"}),
        ("auto", None),
        ("required", None),
        ({"type": "function", "function": {"name": "rain"}}, None),
    ],
)
def test_of_the_choice_of_a_tool_only_none_is_heard(choice, expected):
    assert to_messages(request(tool_choice=choice))["tool_choice"] == expected


def test_tools_and_system():
    schema = {"type": "object", "properties": {}}
    function = {"name": "rain", "description": "Tell.", "parameters": schema}
    asked = to_messages(
        request(
            {"role": "system", "content": "Be brief."},
            USER,
            tools=[{"type": "function", "function": function}],
        )
    )

    assert asked["system"] == [text("Be brief.")]
    assert [turn["role"] for turn in asked["messages"]] == ["user"]
    assert asked["tools"] == [
        {"name": "rain", "description": "Tell.", "input_schema": schema}
    ]


def test_results_that_stand_together_become_one_turn():
    second = {**CALL, "id": "c2"}
    replied = {"role": "assistant", "content": None, "tool_calls": [CALL, second]}
    results = [
        {"role": "tool", "tool_call_id": id, "content": f"{id}!"} for id in ("c1", "c2")
    ]

    _, turn, after = to_messages(request(replied, *results, USER))["messages"]
    assert turn == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": id, "content": [text(f"{id}!")]}
            for id in ("c1", "c2")
        ],
    }
    assert after["content"] == [text("Rain?")]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"content": "Hi."}, [text("Hi.")]),
        ({"content": None, "tool_calls": [CALL]}, [USE]),
        ({"content": "Hi.", "tool_calls": [CALL]}, [text("Hi."), USE]),
        (
            {"content": "Hi.", "reasoning_content": "Hm."},
            [thinking("Hm."), text("Hi.")],
        ),
        ({"content": "Hi.", "reasoning": "Hm."}, [thinking("Hm."), text("Hi.")]),
        (
            # Of two fields, that counts which MiniMax reads.
            {
                "content": "Hi.",
                "reasoning_content": "Old.",
                "reasoning_details": [
                    {**DETAIL, "text": "A"},
                    {**DETAIL, "text": "B"},
                ],
            },
            [thinking("AB"), text("Hi.")],
        ),
        (
            {"content": "Hi.", "reasoning_content": "Hm.", "reasoning_details": []},
            [thinking("Hm."), text("Hi.")],
        ),
        ({"content": "<think>\nHm.\n</think>\n\nHi."}, [thinking("Hm."), text("Hi.")]),
        ({"content": "<think>\nHm.\n</think>\n"}, [thinking("Hm.")]),
        (
            # What came twice was said twice.
            {"content": "<think>\nHm.\n</think>\nHi.", "reasoning_content": "Hm."},
            [thinking("Hm."), text("Hi.")],
        ),
        ({"content": [text("A"), text(" \n"), text("B")]}, [text("A"), text("B")]),
        (
            {"content": "", "tool_calls": [{**CALL, "function": {"arguments": "{"}}]},
            [{**USE, "name": None, "input": None}],
        ),
    ],
)
def test_replies_that_come_back(reply, expected):
    assert blocks_of({"role": "assistant", **reply}) == expected


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://e.org/i", {"type": "url", "url": "https://e.org/i"}),
        ("mm_file://17", {"type": "url", "url": "mm_file://17"}),
        (
            "data:image/png;base64,aGk=",
            {"type": "base64", "media_type": "image/png", "data": "aGk="},
        ),
    ],
)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_pictures_and_films(url, source, kind):
    part = {"type": f"{kind}_url", f"{kind}_url": {"url": url, "detail": "low"}}
    message = {"role": "user", "content": [text("Look:"), part]}

    seen = {"type": kind, "source": {"detail": "low", **source}}
    assert blocks_of(message) == [text("Look:"), seen]
    # Models that cannot see them drop them in silence.
    assert blocks_of(message, model="MiniMax-M2.7") == [text("Look:")]
