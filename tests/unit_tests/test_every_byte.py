"""A reply that ends after any of its bytes is the right answer, or a typed error with
what was whole by then: never a success that lacks something, never half a call.

Here a share of the bytes; all of them in `tests/benchmarks/every_byte.py`.
"""

from __future__ import annotations

import pytest

from support.cut_short import CUT_WAYS, ENDINGS, Cutter, check, meant, outcome
from support.samples import Sample, sample, samples
from support.slow_reader import said_in

SHARE = 401  # one byte of so many, in each way another

CUTS = [(way, ending) for way in CUT_WAYS for ending in ENDINGS]
REPLIES = [
    sample
    for errors in (False, True)
    for sample in samples(errors=errors, wire=None, self_hosted=None)
]


@pytest.mark.parametrize(
    "sample",
    samples(stream=True, wire=None, self_hosted=None),
    ids=lambda one: one.name,
)
def test_the_slow_reader_reads_what_a_person_did(sample: Sample) -> None:
    said = said_in(sample, sample.body)
    assert said.has_ended
    assert (said.text, said.thinking, said.calls) == meant(sample)


@pytest.mark.parametrize("sample", REPLIES, ids=lambda one: one.name)
async def test_a_reply_that_ends_anywhere_is_right_or_an_error(sample: Sample) -> None:
    cutter = Cutter(sample)
    for number, (way, ending) in enumerate(CUTS):
        first = number * SHARE // len(CUTS)
        for end in (*range(first, len(sample.body), SHARE), len(sample.body)):
            cutter.cut(end, ending)
            check(sample, end, ending, await outcome(CUT_WAYS[way], cutter.model))


RUN = {
    "name": "run",
    "input_schema": {"type": "object", "properties": {"program": {"type": "string"}}},
}


@pytest.mark.parametrize("way", ["invoke", "stream", "aevents"])
async def test_a_call_that_leaked_into_the_text_is_none_until_its_end(way: str) -> None:
    cutter = Cutter(sample("m2_5_stream_xml_leak"))
    model = cutter.model.bind_tools([RUN])
    body = cutter.sample.body
    for end in range(body.index(b"<mini"), body.index(b'"text":">"'), 7):
        cutter.cut(end, "breaks off")
        partial = (await outcome(CUT_WAYS[way], model)).error.partial
        assert partial.text.strip() in ("", "Let me check.")
        assert partial.tool_calls == partial.invalid_tool_calls == []
    cutter.cut(len(body), "breaks off")
    (call,) = (await outcome(CUT_WAYS[way], model)).message.tool_calls
    assert (call["name"], call["args"]) == ("run", {"program": "uptime"})
