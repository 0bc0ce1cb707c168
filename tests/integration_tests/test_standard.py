"""LangChain's own integration suite: against the emulator, or MiniMax with a key."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
)
from langchain_tests.integration_tests import chat_models as suite

from langchain_minimax import ChatMiniMax, MiniMaxEmbeddings
from langchain_minimax.testing import Emulator

KEY = os.environ.get("MINIMAX_API_KEY")


SERVER: dict[str, str] = {}
"""Where the models of this module go; empty means: to MiniMax."""


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    if KEY:
        yield
        return
    with Emulator() as emulator:
        SERVER.update(api_key=emulator.api_key, base_url=emulator.base_url)
        yield


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def _downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's pictures come from the internet; here each is one pixel."""
    if not KEY:
        picture = httpx.Response(200, content=PNG)
        monkeypatch.setattr(suite.httpx, "get", lambda *_, **__: picture)


class TestChatMiniMax(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatMiniMax

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "MiniMax-M3", **SERVER}

    @property
    def model_override_value(self) -> str:
        return "MiniMax-M2.7"

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_video_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[str, list[str]]:
        return {
            "invoke": ["reasoning_output", "cache_read_input"],
            "stream": ["reasoning_output", "cache_read_input"],
        }

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._ask("Which is larger, 9.11 or 9.9?", stream=stream, thinking=True)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        long = "Water is wet. " * 500
        self._ask(long, stream=stream)
        return self._ask(long, stream=stream)

    def _ask(self, text: str, *, stream: bool, **fields: Any) -> AIMessage:
        model = ChatMiniMax(**{**self.chat_model_params, **fields})
        if not stream:
            return model.invoke([HumanMessage(text)])
        chunks = list(model.stream([HumanMessage(text)]))
        return chunks[0] + chunks[1:]


class TestChatMiniMaxOverChatCompletions(TestChatMiniMax):
    """The same over MiniMax's other protocol."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "protocol": "openai"}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        # M3 was recorded there thinking without saying how much.
        return self._ask("Which is larger?", stream=stream, model="MiniMax-M2.7")


class TestMiniMaxEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return MiniMaxEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "embo-01", **SERVER}
