from __future__ import annotations

from typing import get_type_hints

import pytest
from langchain_core.language_models import ModelProfile

from langchain_minimax._langchain.profiles import profile
from langchain_minimax.catalogue import CARDS, ModelCard

M3 = next(row for row in CARDS if row.id == "MiniMax-M3")
M3_1 = next(row for row in CARDS if row.id == "MiniMax-M3.1-Flash")
M2_1 = next(row for row in CARDS if row.id == "MiniMax-M2.1")

UNSOURCED = {"last_updated", "open_weights"}
EFFORTS = {"reasoning_effort_levels", "reasoning_effort_default"}


@pytest.mark.parametrize("row", CARDS, ids=lambda row: row.id)
def test_nothing_that_langchain_asks_is_left_open(row: ModelCard):
    asked = set(get_type_hints(ModelProfile)) - UNSOURCED
    assert set(profile(row)) == (asked if row.efforts else asked - EFFORTS)


def test_figures_and_abilities_are_the_cards():
    assert profile(M3) == {
        "name": "MiniMax-M3",
        "status": "active",
        "release_date": "2026-06-01",
        "max_input_tokens": 1_000_000,
        "max_output_tokens": 524_288,
        "text_inputs": True,
        "image_inputs": True,
        "image_url_inputs": True,
        "pdf_inputs": False,
        "audio_inputs": False,
        "video_inputs": True,
        "image_tool_message": True,
        "pdf_tool_message": False,
        "reasoning_output": True,
        "text_outputs": True,
        "image_outputs": False,
        "audio_outputs": False,
        "video_outputs": False,
        "tool_calling": True,
        "tool_choice": True,
        "tool_call_streaming": True,
        "mid_conversation_system_messages": False,
        "mid_conversation_tools": False,
        "structured_output": False,
        "attachment": False,
        "temperature": True,
    }


SEEING = ("image_inputs", "image_url_inputs", "image_tool_message", "video_inputs")


@pytest.mark.parametrize("row", CARDS, ids=lambda row: row.id)
def test_what_a_model_sees_is_what_the_client_lets_through(row: ModelCard):
    found = profile(row)
    assert {found[key] for key in SEEING} == {{"image", "video"} <= row.inputs}
    assert not any(
        found[key]
        for key in found
        if key.startswith(("pdf", "audio")) or key.endswith("_outputs")
        if key != "text_outputs"
    )


def test_a_model_that_only_reads_says_so_in_as_many_words():
    found = profile(M2_1)
    assert [found[key] for key in SEEING] == [False] * 4
    assert found["text_inputs"] is True


def test_efforts_are_listed_with_the_servers_default():
    found = profile(M3_1)
    assert found["reasoning_effort_levels"] == ["low", "medium", "high", "xhigh", "max"]
    assert found["reasoning_effort_default"] == "max"


def test_an_ended_model_is_deprecated():
    ended = next(row for row in CARDS if row.status == "retired")
    assert profile(ended)["status"] == "deprecated"


def test_each_profile_belongs_to_its_caller():
    profile(M3_1)["reasoning_effort_levels"].clear()
    profile(M3_1)["name"] = "mine"
    assert profile(M3_1)["name"] == "MiniMax-M3.1-Flash"
    assert profile(M3_1)["reasoning_effort_levels"]
