"""What the loggers under `langchain_minimax` tell, and what they never do."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from langchain_minimax.testing import Fault, Reply, ToolUse
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

PATHS = {"anthropic": "/anthropic/v1/messages", "openai": "/v1/chat/completions"}


def look(where: str) -> str:
    """Look at a place."""
    return where


def told(log: pytest.LogCaptureFixture, least: int) -> list[str]:
    """What was logged at a level or above, without what differs from run to run."""
    return [
        each.getMessage()
        for each in log.records
        if each.name.startswith("langchain_minimax._") and each.levelno >= least
    ]


@every_way
def test_a_call_can_be_followed(
    ask: Ask,
    protocol: str,
    serve: Any,
    connect: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(Fault.error(2064, retry_after=0), "At last.")
    ask(connect(server, max_retries=1), "Hello")

    refused, answered = server.requests
    sizes = [len(each.raw) for each in server.requests]
    where = f"POST {server.url}{PATHS[protocol]}"
    lines = told(caplog, logging.DEBUG)
    assert [line for line in lines if line.startswith("POST")] == [
        f"{where}, {size} bytes." for size in sizes
    ]
    heads = [line for line in lines if line.startswith("HTTP")]
    assert refused.status == 529
    assert heads[0].startswith("HTTP 529, application/json")
    assert heads[1].startswith("HTTP 200, ")
    assert answered.status == 200


@every_way
def test_each_retry_is_told_with_its_reason(
    ask: Ask, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = serve(*[Fault.error(2064, retry_after=0)] * 2, "At last.")
    ask(connect(server, max_retries=2), "Hello")

    first, second = told(caplog, logging.INFO)
    assert first.startswith("Attempt 1 of up to 3 failed, the next comes in 0.0 s: ")
    assert second.startswith("Attempt 2 of up to 3 failed")
    assert "HTTP 529" in first


@every_way
def test_good_calls_are_silent_above_debug(
    ask: Ask, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(connect(serve()), "Hello")
    assert told(caplog, logging.DEBUG)
    assert told(caplog, logging.DEBUG + 1) == []


@every_way
def test_nothing_that_was_said_is_logged_nor_any_key(
    ask: Ask, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve("It answers so.")
    model = connect(
        server,
        base_url=f"{server.base_url}?token=in-the-query",
        default_headers={"x-team": "header-value"},
    )
    ask(model, "They ask so.")

    lines = "\n".join(
        caplog.handler.format(each)
        for each in caplog.records
        if each.name.startswith("langchain_minimax")
    )
    assert "POST" in lines
    for secret in (server.api_key, "in-the-query", "header-value", "ask so", "answers"):
        assert secret not in lines


@every_way
def test_a_second_request_is_told_with_its_reason(
    ask: Ask, serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = serve("No.", Reply([ToolUse("look", {"where": "up"}, "c1")]))
    model = connect(server).bind_tools([look], tool_choice="look")
    assert ask(model, "Hello").tool_calls
    assert told(caplog, logging.INFO) == [
        "The reply is not what was demanded: prose. Once more."
    ]
