"""LangChain's own unit suite for chat models."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_minimax import ChatMiniMax


class TestChatMiniMax(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[ChatMiniMax]:
        return ChatMiniMax

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "MiniMax-M3"}

    @property
    def init_from_env_params(self) -> tuple[dict, dict, dict]:
        return (
            {
                "MINIMAX_API_KEY": "sk-api-of-nobody",
                "MINIMAX_REGION": "china",
                "MINIMAX_BASE_URL": "https://gateway.example/minimax",
            },
            {"model": "MiniMax-M3"},
            {
                "api_key": "sk-api-of-nobody",
                "region": "china",
                "base_url": "https://gateway.example/minimax",
            },
        )

    @pytest.fixture(autouse=True)
    def _known_to_langchain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`load` of a package that LangChain does not list needs to be told of it."""
        load = importlib.import_module("langchain_core.load.load")
        path = tuple(ChatMiniMax.lc_id())
        monkeypatch.setitem(load.ALL_SERIALIZABLE_MAPPINGS, path, path)
        load._default_class_paths_cache.clear()
        yield
        load._default_class_paths_cache.clear()


class TestChatMiniMaxOverChatCompletions(TestChatMiniMax):
    """The same over MiniMax's other protocol."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "MiniMax-M3", "protocol": "openai"}

    @property
    def init_from_env_params(self) -> tuple[dict, dict, dict]:
        env, params, wanted = super().init_from_env_params
        return env, {**params, "protocol": "openai"}, {**wanted, "protocol": "openai"}


def test_a_saved_model_loads_without_being_listed() -> None:
    model = ChatMiniMax(model="MiniMax-M3", api_key="sk-api-of-nobody", temperature=0.5)
    saved = dumps(model)
    assert "sk-api-of-nobody" not in saved

    loaded = loads(
        saved,
        allowed_objects=[ChatMiniMax],
        valid_namespaces=["langchain_minimax"],
        secrets_map={"MINIMAX_API_KEY": "sk-api-of-nobody"},
    )
    assert loaded == model
