"""A sample's name in, the wire as it was captured out, with what it means.

A sample is a directory of `tests/samples`:

- `sample.json`: where it comes from and what it means, written by hand;
- `reply.json` (a whole body), `reply.sse` (a stream's bytes) or `reply.txt`;
- `request.json`, where one was captured with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One reply of the server.

    Attributes:
        name: The directory.
        source: Who saw it where. "CLAIMED" is said without captured wire, "DERIVED"
            is constructed by us.
        date: ISO date of the source.
        model: The model that the reply names, or would.
        wire: The protocol: "anthropic" (Messages) or "openai" (Chat Completions).
        self_hosted: Whether vLLM or SGLang sent it, and not MiniMax.
        status: HTTP status.
        stream: Whether the body is a stream of server-sent events.
        request: The body it answers, if that was captured.
        body: The bytes as they arrive.
        content: The blocks the server sent, which a faithful client sends back in the
            next turn; after an error, what had arrived of them. Where there is a
            `message`, they are what a reader sees: thinking has no tags here.
        message: What a faithful client sends back over this wire, where that is not
            `content`: thinking where that server reads it, or between its tags.
        usage: The honest numbers, `input_tokens` including the cache; `None` for
            what the server did not say.
        stop_reason: As the Messages API spells it.
        error: What a client has to report: `code`, `type`, `message`, `request_id`.
        broken_tool_calls: Calls that were cut: `id`, `name`, `partial_json`. They are
            not part of `content`.
    """

    name: str
    source: str
    date: str
    model: str
    wire: str
    self_hosted: bool
    status: int
    stream: bool
    request: dict[str, Any] | None
    body: bytes
    content: list[dict[str, Any]]
    message: dict[str, Any] | None
    usage: dict[str, int | None] | None
    stop_reason: str | None
    error: dict[str, Any] | None
    broken_tool_calls: list[dict[str, str]]


def sample(name: str) -> Sample:
    """Reads the sample of that name."""
    folder = ROOT / name
    told = json.loads((folder / "sample.json").read_bytes())
    request = folder / "request.json"
    (reply,) = folder.glob("reply.*")
    return Sample(
        name=name,
        source=told["source"],
        date=told["date"],
        model=told["model"],
        wire=told["wire"],
        self_hosted=told.get("self_hosted", False),
        status=told["status"],
        stream=told["stream"],
        request=json.loads(request.read_bytes()) if request.exists() else None,
        body=reply.read_bytes(),
        content=told["content"],
        message=told.get("message"),
        usage=told["usage"],
        stop_reason=told["stop_reason"],
        error=told.get("error"),
        broken_tool_calls=told.get("broken_tool_calls", []),
    )


def samples(
    *,
    stream: bool | None = None,
    errors: bool = False,
    wire: str | None = "anthropic",
    self_hosted: bool | None = False,
) -> list[Sample]:
    """Reads all samples of a kind, by name.

    Args:
        stream: Only streams, or only whole bodies; both by default.
        errors: Those that end in an error, instead of those that end well.
        wire: Those of one protocol; of both if `None`.
        self_hosted: Those of vLLM and SGLang, or those of MiniMax; both if `None`.
    """
    found = map(sample, sorted(path.parent.name for path in ROOT.glob("*/sample.json")))
    return [
        each
        for each in found
        if (each.error is not None) == errors
        and stream in (None, each.stream)
        and wire in (None, each.wire)
        and self_hosted in (None, each.self_hosted)
    ]
