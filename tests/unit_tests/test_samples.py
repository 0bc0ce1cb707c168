from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from typing import Any

import pytest

from support.samples import ROOT, Sample, sample, samples

ANY = {"wire": None, "self_hosted": None}
EVERY = samples(**ANY) + samples(errors=True, **ANY)
STREAMS = [one for one in EVERY if one.stream]
KEYS = {
    "source",
    "date",
    "model",
    "wire",
    "status",
    "stream",
    "content",
    "usage",
    "stop_reason",
}
EXTRAS = {"error", "broken_tool_calls", "message", "self_hosted"}
BLOCKS = {
    "thinking": ({"thinking"}, {"signature"}),
    "text": ({"text"}, set()),
    "tool_use": ({"id", "name", "input"}, set()),
    "server_tool_use": ({"id", "name", "input"}, set()),
    "web_search_tool_result": ({"tool_use_id", "content"}, set()),
}
UNIQUE = re.compile(
    rb'"(?:id|request_id|signature)":\s*'
    rb'"([0-9a-f]{32}|[0-9a-f]{64}|(?:call_|chatcmpl-)[\w-]+)"'
)
COUNTED = re.compile(rb'"(?:output|completion)_tokens":\s*[1-9]')
TAGGED = re.compile(r"<think>\n?(.*?)\n?</think>\n{0,2}", re.DOTALL)
REASONING = ("reasoning_details", "reasoning_content", "reasoning")
PLAIN = [*REASONING[1:]]


def named(ones: list[Sample]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("one", ones, ids=lambda one: one.name)


each_sample = named(EVERY)


def events(one: Sample) -> list[dict[str, Any]]:
    lines = one.body.replace(b"\r\n", b"\n").split(b"\n")
    data = [line[5:].strip() for line in lines if line.startswith(b"data:")]
    return [json.loads(each) for each in data if each != b"[DONE]"]


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fields_of(message: dict[str, Any]) -> list[str]:
    """The fields that hold its thoughts."""
    return [field for field in REASONING if field in message]


def shown(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks that a reader sees of a message."""
    content = message["content"] or ""
    if isinstance(content, list):
        content = "".join(block["text"] for block in content)
    tagged = TAGGED.match(content)
    thinking = [tagged[1]] if tagged else []
    for field in fields_of(message)[:1]:
        said = message[field]
        items = [{"text": said}] if isinstance(said, str) else said
        thinking += [re.sub(r"\n*</think>$", "", item["text"]) for item in items]
    text = content[tagged.end() :] if tagged else content
    return [
        *({"type": "thinking", "thinking": each} for each in thinking),
        *([{"type": "text", "text": text}] if text else []),
        *(
            {
                "type": "tool_use",
                "id": call["id"],
                "name": call["function"]["name"],
                "input": json.loads(call["function"]["arguments"]),
            }
            for call in message.get("tool_calls", [])
        ),
    ]


def test_every_directory_is_a_sample():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert folders == {one.name for one in EVERY}
    assert len(EVERY) == len(folders)


@each_sample
def test_a_sample_says_where_it_comes_from(one: Sample):
    told = json.loads((ROOT / one.name / "sample.json").read_bytes())
    assert KEYS <= set(told) <= KEYS | EXTRAS
    assert one.source
    assert dt.date.fromisoformat(one.date)
    assert one.wire in ("anthropic", "openai")
    assert one.name.startswith("chat_") == (one.wire == "openai")


@each_sample
def test_a_sample_means_something_definite(one: Sample):
    assert (one.error is None) == (one.stop_reason is not None)
    ends_well = one.error is None
    assert (one.usage is not None) == (ends_well and bool(COUNTED.search(one.body)))
    is_told_otherwise = one.wire == "openai" or one.self_hosted
    assert (one.message is not None) == (ends_well and is_told_otherwise)
    for block in one.content:
        must, may = BLOCKS[block["type"]]
        assert must <= set(block) - {"type"} <= must | may


@named([one for one in STREAMS if one.wire == "anthropic"])
def test_a_stream_is_made_of_named_events(one: Sample):
    assert all(event["type"] for event in events(one))
    assert one.body.endswith((b"\n\n", b"\r\n\r\n"))
    assert b": \n" not in one.body


@named([one for one in STREAMS if one.wire == "openai"])
def test_a_chat_stream_is_made_of_nameless_chunks(one: Sample):
    *chunks, end = one.body.split(b"\n\n")
    assert end == b""
    assert all(chunk.startswith(b"data: ") for chunk in chunks)
    assert not any(b"\n" in chunk for chunk in chunks)
    assert b"data: [DONE]" not in chunks[:-1]
    assert all("choices" in event or "error" in event for event in events(one))


@named([one for one in EVERY if not one.stream])
def test_a_whole_body_is_json_unless_the_path_was_wrong(one: Sample):
    if one.name == "error_404_path":
        assert one.body == b"404 page not found"
    else:
        assert isinstance(json.loads(one.body), dict)


def test_no_two_samples_share_an_id_or_a_signature():
    seen = Counter(value for one in EVERY for value in set(UNIQUE.findall(one.body)))
    assert [value for value, times in seen.items() if times > 1] == []


def test_the_carriage_returns_are_still_there():
    body = sample("m3_stream_crlf").body
    assert body.count(b"\n") == body.count(b"\r\n") > 0


def test_the_tool_loop_sends_back_what_was_said():
    request = sample("m3_stream_loop_answer").request
    assert request is not None
    assert request["messages"][1] == {
        "role": "assistant",
        "content": sample("m3_stream_loop_call").content,
    }


def test_the_chat_tool_loop_sends_back_what_was_said():
    request = sample("chat_m3_stream_loop_answer").request
    message = sample("chat_m3_stream_loop_call").message
    assert request is not None
    assert message is not None
    (detail,) = message["reasoning_details"]
    # The recorded client sent the thought in both fields.
    assert request["messages"][1] == message | {"reasoning_content": detail["text"]}


@named([one for one in EVERY if one.message is not None])
def test_a_message_says_what_its_blocks_say(one: Sample):
    assert one.message is not None
    assert shown(one.message) == one.content
    assert one.message["role"] == "assistant"
    assert one.message["content"] != ""
    fields = fields_of(one.message)
    if one.self_hosted:  # which of the two an engine reads, none can tell
        assert fields in ([], PLAIN)
        assert len({one.message[field] for field in fields}) <= 1
    else:
        assert fields in ([], ["reasoning_details"], ["reasoning_content"])
    for call in one.message.get("tool_calls", []):
        arguments = call["function"]["arguments"]
        assert arguments == compact(json.loads(arguments))
        assert call["type"] == "function"


def test_samples_come_by_kind():
    assert {one.stream for one in samples(stream=True)} == {True}
    assert {one.stream for one in samples(stream=False)} == {False}
    assert all(one.error for one in samples(errors=True))
    assert not any(one.error for one in samples())
    assert {one.wire for one in samples()} == {"anthropic"}
    assert {one.wire for one in samples(wire="openai")} == {"openai"}
    assert not any(one.self_hosted for one in samples(wire=None))
    assert all(one.self_hosted for one in samples(wire=None, self_hosted=True))
