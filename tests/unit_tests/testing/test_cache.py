"""How much of a prompt the emulated cache has."""

from typing import Any

import httpx
import pytest

from langchain_minimax.testing import Emulator, Fault
from langchain_minimax.testing._cache import Cache
from langchain_minimax.testing._message import prompt_tokens

MARK = {"cache_control": {"type": "ephemeral"}}
HANDBOOK = "Handle with care. " * 200
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def prompt(
    question: str = "Why?", system: str = HANDBOOK, **fields: Any
) -> dict[str, Any]:
    return {
        "model": "MiniMax-M3",
        "system": [{"type": "text", "text": system}],
        "messages": [said(question)],
        **fields,
    }


def said(*texts: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": text, **fields} for text in texts]
    return {"role": role, "content": blocks}


def answered(cache: Cache, body: dict[str, Any]) -> int:
    """A request that is answered: what of it was cached."""
    cached = cache.read(body)
    cache.keep(body)
    return cached


def test_a_prompt_is_new_once() -> None:
    cache, body = Cache(), prompt()

    assert answered(cache, body) == 0
    # All of it but what fills no step.
    assert prompt_tokens(body) - 64 < answered(cache, body) <= prompt_tokens(body)


def test_what_two_prompts_begin_with_is_cached() -> None:
    cache = Cache()
    answered(cache, prompt("Why?" * 200))
    system = prompt_tokens(prompt(""))

    assert system - 64 < answered(cache, prompt("How?" * 200)) <= system


def test_a_conversation_is_cached_up_to_its_new_turns() -> None:
    cache, turns = Cache(), [said("Why?" * 200)]
    for _ in range(3):
        before = answered(cache, prompt(messages=turns))
        whole = prompt_tokens(prompt(messages=turns))
        turns += [said("Because. " * 100, role="assistant"), said("Why? " * 50)]
        assert before < whole
        assert whole - 64 < answered(cache, prompt(messages=turns)) <= whole


@pytest.mark.parametrize(
    "other",
    [
        prompt(system="Now " + HANDBOOK),
        prompt(tools=[TOOL]),
        prompt(model="MiniMax-M2.7"),
        prompt("Hi", system=""),
    ],
    ids=["another beginning", "tools, which come first", "another model", "short"],
)
def test_what_does_not_begin_alike_is_not_cached(other: dict[str, Any]) -> None:
    cache = Cache()
    answered(cache, prompt())

    assert answered(cache, other) == 0


def test_a_short_prompt_is_not_cached() -> None:
    cache, short = Cache(), prompt(system="")

    assert [answered(cache, short), answered(cache, short)] == [0, 0]


def test_a_mark_is_no_part_of_the_prompt() -> None:
    cache = Cache()
    answered(cache, prompt(messages=[said("Why?" * 200, **MARK)]))

    assert answered(cache, prompt("Why?" * 200)) == answered(
        cache, prompt("Why?" * 200)
    )
    assert prompt_tokens(prompt(messages=[said("Why?", **MARK)])) == prompt_tokens(
        prompt("Why?")
    )


def test_another_picture_is_another_prompt() -> None:
    def seen(data: str) -> dict[str, Any]:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        picture = {"type": "image", "source": source}
        turn = {"role": "user", "content": [picture, *said(HANDBOOK)["content"]]}
        return prompt(system="", messages=[turn])

    cache = Cache()
    answered(cache, seen("AAAA"))

    assert answered(cache, seen("BBBB")) == 0
    assert answered(cache, seen("AAAA")) > 512


def ask(server: Emulator, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    reply = httpx.post(server.url + path, json=body, headers=headers)
    usage: dict[str, Any] = reply.json().get("usage", {})
    return usage


def test_both_protocols_say_what_was_cached() -> None:
    messages = "/anthropic/v1/messages"
    body = prompt(max_tokens=100)
    turns = [{"role": "system", "content": HANDBOOK}, *body["messages"]]
    chat = {"model": "MiniMax-M3", "messages": turns}
    with Emulator(replies=[Fault(500), "a", "b", "c", "d"]) as server:
        fresh, again = [ask(server, messages, body) for _ in range(3)][1:]
        ask(server, "/v1/chat/completions", chat)
        counted = ask(server, "/v1/chat/completions", chat)

    whole = prompt_tokens(body)
    cached = again["cache_read_input_tokens"]
    assert whole - 64 < cached <= whole
    assert again["input_tokens"] == whole - cached
    assert fresh["input_tokens"] + fresh["cache_read_input_tokens"] == whole
    assert counted["prompt_tokens_details"]["cached_tokens"] > whole - 64
    assert server.requests[2].cached_tokens == cached


def test_what_was_refused_is_not_cached() -> None:
    with Emulator([Fault(529), Fault(529), "Fine."]) as server:
        headers = {"authorization": f"Bearer {server.api_key}"}
        url = f"{server.base_url}/v1/messages"
        for _ in range(4):
            httpx.post(url, json=prompt(max_tokens=9), headers=headers)
        *unanswered, last = [request.cached_tokens for request in server.requests]
    assert unanswered == [0, 0, 0]
    assert last > 0
