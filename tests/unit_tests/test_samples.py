from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter

import pytest

from support.samples import ROOT, Sample, sample, samples

EVERY = samples() + samples(errors=True)
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
EXTRAS = {"error", "broken_tool_calls"}
BLOCKS = {
    "thinking": ({"thinking"}, {"signature"}),
    "text": ({"text"}, set()),
    "tool_use": ({"id", "name", "input"}, set()),
    "server_tool_use": ({"id", "name", "input"}, set()),
    "web_search_tool_result": ({"tool_use_id", "content"}, set()),
}
UNIQUE = re.compile(
    rb'"(?:id|request_id|signature)":\s*"([0-9a-f]{32}|[0-9a-f]{64}|call_\w+)"'
)

each_sample = pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)


def events(one: Sample) -> list[dict[str, object]]:
    lines = one.body.replace(b"\r\n", b"\n").split(b"\n")
    data = [line[5:] for line in lines if line.startswith(b"data:")]
    return [json.loads(each) for each in data]


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
    assert told["wire"] == "anthropic"


@each_sample
def test_a_sample_means_something_definite(one: Sample):
    assert (one.error is None) == (one.stop_reason is not None)
    assert (one.error is None) == (one.usage is not None)
    for block in one.content:
        must, may = BLOCKS[block["type"]]
        assert must <= set(block) - {"type"} <= must | may


@pytest.mark.parametrize("one", [s for s in EVERY if s.stream], ids=lambda s: s.name)
def test_a_stream_is_made_of_named_events(one: Sample):
    assert all(event["type"] for event in events(one))
    assert one.body.endswith((b"\n\n", b"\r\n\r\n"))
    assert b": \n" not in one.body


@pytest.mark.parametrize(
    "one", [s for s in EVERY if not s.stream], ids=lambda s: s.name
)
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


def test_samples_come_by_kind():
    assert {one.stream for one in samples(stream=True)} == {True}
    assert {one.stream for one in samples(stream=False)} == {False}
    assert all(one.error for one in samples(errors=True))
    assert not any(one.error for one in samples())
