from __future__ import annotations

import datetime as dt

import pytest

from langchain_minimax.catalogue import CARDS, ModelCard, card


def known(model: str) -> ModelCard:
    found = card(model)
    assert found is not None
    return found


@pytest.mark.parametrize("row", CARDS, ids=lambda row: row.id)
def test_every_row_is_sourced_and_consistent(row: ModelCard):
    assert "20" in row.source
    assert dt.date.fromisoformat(row.released) <= dt.date(2026, 11, 22)
    assert 0 < row.default_max_tokens <= row.max_output_tokens <= row.context_window
    assert "text" in row.inputs <= {"text", "image", "video"}
    assert (row.status == "active") == (not row.note)


@pytest.mark.parametrize("row", CARDS, ids=lambda row: row.id)
def test_prices_make_sense(row: ModelCard):
    for price in row.prices:
        assert 0 < price.cache_read < price.input < price.output
    assert [price.above for price in row.prices][:1] in ([], [None])


def test_marks_for_the_cache_are_the_m2_familys():
    marked = {row.id for row in CARDS if row.explicit_cache}
    assert marked == {row.id for row in CARDS if "M2" in row.id}


def test_names_are_unique():
    names = [name.lower() for row in CARDS for name in (row.id, *row.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "name",
    [
        "MiniMax-M2.1",
        "minimax-m2.1",
        "MINIMAX-M2.1",
        "MiniMaxAI/MiniMax-M2.1",
        "minimax/minimax-m2.1",
        "/models/MiniMaxAI/MiniMax-M2.1",
    ],
)
def test_a_card_is_found_under_every_spelling(name: str):
    assert known(name).id == "MiniMax-M2.1"


def test_an_old_name_leads_to_its_model():
    assert known("MiniMax-M2.1-lightning").id == "MiniMax-M2.1-highspeed"


@pytest.mark.parametrize(
    "name", ["", "/", "gpt-5", "MiniMax-M3-highspeed", "MiniMax-M3.1", "MiniMax-M3/"]
)
def test_an_unknown_model_has_no_card(name: str):
    assert card(name) is None


@pytest.mark.parametrize(
    ("name", "window", "most", "default", "thinking"),
    [
        ("MiniMax-M2", 204_800, 204_800, 65_536, "always"),
        ("MiniMax-M2.7-highspeed", 204_800, 204_800, 65_536, "always"),
        ("MiniMax-M3", 1_000_000, 524_288, 131_072, "optional"),
        ("MiniMax-M3.1-Flash", 1_000_000, 524_288, 131_072, "always"),
    ],
)
def test_limits(name: str, window: int, most: int, default: int, thinking: str):
    row = known(name)
    assert (row.context_window, row.max_output_tokens) == (window, most)
    assert (row.default_max_tokens, row.thinking) == (default, thinking)


def test_only_m3_1_has_efforts():
    tunable = {row.id for row in CARDS if row.efforts}
    assert tunable == {"MiniMax-M3.1-Flash", "MiniMax-M3.1-Flash-Preview"}


def test_only_the_third_generation_sees():
    seeing = {row.id for row in CARDS if "image" in row.inputs}
    assert seeing == {row.id for row in CARDS if row.id.startswith("MiniMax-M3")}


def test_m3_costs_double_beyond_half_a_million_tokens():
    short, long = known("MiniMax-M3").prices
    assert (short.above, long.above) == (None, 512_000)
    assert (long.input, long.output) == (2 * short.input, 2 * short.output)
    assert long.cache_read == 2 * short.cache_read


def test_which_models_ended():
    assert {row.id for row in CARDS if row.status == "retired"} == {
        "MiniMax-M3.1-Flash-Preview",
        "MiniMax-M2.7",
        "MiniMax-M2.7-highspeed",
        "MiniMax-M2.5",
        "MiniMax-M2.5-highspeed",
    }
