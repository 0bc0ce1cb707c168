"""How LangChain and deepagents find MiniMax by name, and what that rests on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.chat_models import base, init_chat_model
from langchain.embeddings import base as embedders
from langchain.embeddings import init_embeddings

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxEmbeddings,
    _doors,
    register_provider,
)
from langchain_minimax.middleware import MiniMaxPromptCachingMiddleware

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KEY = "sk-api-of-nobody"


@pytest.fixture(autouse=True)
def unregistered(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain as it is installed, whatever was registered before."""
    plain = {
        name: entry
        for name, entry in base._BUILTIN_PROVIDERS.items()
        if name != "minimax"
    }
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", plain)
    base._get_chat_model_creator.cache_clear()
    plain = {
        name: entry
        for name, entry in embedders._BUILTIN_PROVIDERS.items()
        if name != "minimax"
    }
    monkeypatch.setattr(embedders, "_BUILTIN_PROVIDERS", plain)
    embedders._get_embeddings_class_creator.cache_clear()


# --- LangChain -----------------------------------------------------------------------


def test_langchain_keeps_its_providers_as_we_know_it():
    # Private: when this fails, `register_provider` needs a new way.
    assert isinstance(base._BUILTIN_PROVIDERS, dict)
    assert "minimax" not in base._BUILTIN_PROVIDERS
    module, name, create = base._BUILTIN_PROVIDERS["openai"]
    assert (module, name) == ("langchain_openai", "ChatOpenAI")
    assert create(SimpleNamespace, model="m").model == "m"
    assert base._parse_model("openai:m", None) == ("m", "openai")


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ("minimax:MiniMax-M3", {}),
        ("MiniMax-M3", {"model_provider": "minimax"}),
        ("minimax:MiniMaxAI/MiniMax-M2.1", {"temperature": 0.2, "max_tokens": 100}),
        (
            "minimax:MiniMax-M3",
            {"timeout": 5, "max_retries": 1, "base_url": "http://localhost:1"},
        ),
    ],
)
def test_a_model_is_made_by_its_name(spec: str, fields: dict[str, Any]):
    with pytest.raises(ValueError, match=r"(?i)provider"):
        init_chat_model(spec, api_key=KEY, **fields)
    register_provider()
    model = init_chat_model(spec, api_key=KEY, **fields)
    assert type(model) is ChatMiniMax
    assert model.model == spec.removeprefix("minimax:")
    told = {name: getattr(model, name) for name in fields if name != "model_provider"}
    assert told == {k: v for k, v in fields.items() if k != "model_provider"}


def test_an_agent_is_made_by_a_models_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    with pytest.raises(ValueError, match=r"(?i)provider"):
        create_agent("minimax:MiniMax-M3")
    register_provider()
    assert create_agent("minimax:MiniMax-M3", tools=[]).get_graph().nodes


def test_embeddings_are_made_by_their_name():
    with pytest.raises(ValueError, match=r"(?i)provider"):
        init_embeddings("minimax:embo-01", api_key=KEY)
    register_provider()
    made = init_embeddings("minimax:embo-01", api_key=KEY, batch_size=8)
    assert type(made) is MiniMaxEmbeddings
    assert (made.model, made.batch_size) == ("embo-01", 8)


def test_a_configurable_model_changes_into_ours():
    register_provider()
    model = init_chat_model("openai:gpt-x", configurable_fields="any", api_key=KEY)
    config = {"configurable": {"model": "minimax:MiniMax-M3"}}
    assert isinstance(model._model(config), ChatMiniMax)


def test_registering_again_changes_nothing():
    register_provider()
    before = dict(base._BUILTIN_PROVIDERS)
    register_provider()
    assert before == base._BUILTIN_PROVIDERS


def test_a_langchain_that_knows_minimax_keeps_its_own_entry():
    entry = ("langchain_minimax.chat_models", "ChatMiniMax", lambda cls, **_: cls)
    base._BUILTIN_PROVIDERS["minimax"] = entry
    register_provider()
    assert base._BUILTIN_PROVIDERS["minimax"] is entry


def test_many_threads_register_at_once():
    barrier = threading.Barrier(16)
    failed: list[BaseException] = []

    def register() -> None:
        barrier.wait()
        try:
            register_provider()
            init_chat_model("minimax:MiniMax-M3", api_key=KEY)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=register) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.parametrize(
    "providers",
    [
        None,
        [],
        {},
        {"openai": "langchain_openai:ChatOpenAI"},
        {"openai": ("langchain_openai", "ChatOpenAI")},
        {"openai": ("langchain_openai", "ChatOpenAI", "call")},
        {"openai": ("langchain_openai", "ChatOpenAI", print, "extra")},
    ],
    ids=str,
)
def test_an_unknown_langchain_is_left_alone(
    providers: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", providers)
    with pytest.raises(RuntimeError, match="ChatMiniMax"):
        register_provider()
    assert "minimax" not in (providers or ())


@pytest.mark.parametrize("providers", [None, {}, {"openai": "OpenAIEmbeddings"}])
def test_a_change_of_the_embeddings_leaves_the_chat_models_alone(
    providers: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedders, "_BUILTIN_PROVIDERS", providers)
    register_provider()
    assert type(init_chat_model("minimax:MiniMax-M3", api_key=KEY)) is ChatMiniMax
    assert "minimax" not in (providers or ())


def test_a_langchain_without_embeddings_has_chat_models(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(sys.modules, "langchain.embeddings.base", None)
    register_provider()
    assert type(init_chat_model("minimax:MiniMax-M3", api_key=KEY)) is ChatMiniMax


def test_a_langchain_without_such_a_list_is_told_of(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(base, "_BUILTIN_PROVIDERS")
    with pytest.raises(RuntimeError, match="newer langchain-minimax"):
        register_provider()


def test_without_langchain_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "langchain.chat_models.base", None)
    with pytest.raises(ImportError, match=r"langchain-minimax\[langchain\]"):
        register_provider()


# --- deepagents ----------------------------------------------------------------------


class FakeDeepagents(ModuleType):
    """What we use of deepagents, where it is not installed (Python 3.10)."""

    def __init__(self) -> None:
        super().__init__("deepagents")
        self.registered: dict[str, Any] = {}

    ProviderProfile = SimpleNamespace
    HarnessProfile = SimpleNamespace

    def register_provider_profile(self, key: str, profile: Any) -> None:
        self.registered["provider"] = (key, profile)

    def register_harness_profile(self, key: str, profile: Any) -> None:
        self.registered["harness"] = (key, profile)


@pytest.fixture
def deepagents(monkeypatch: pytest.MonkeyPatch) -> FakeDeepagents:
    fake = FakeDeepagents()
    monkeypatch.setitem(sys.modules, "deepagents", fake)
    return fake


def entry_points() -> Iterator[EntryPoint]:
    """Those of pyproject.toml."""
    group = ""
    for line in PYPROJECT.read_text().splitlines():
        if line.startswith("["):
            group = line.removeprefix('[project.entry-points."').removesuffix('"]')
        elif group.startswith("deepagents.") and line:
            name, value = line.split(" = ")
            yield EntryPoint(name=name, value=value.strip('"'), group=group)


def test_the_package_declares_both_of_deepagents_doors(deepagents: FakeDeepagents):
    found = {point.group: point.load() for point in entry_points()}
    assert found == {
        "deepagents.provider_profiles": _doors.register_deepagents_provider,
        "deepagents.harness_profiles": _doors.register_deepagents_harness,
    }
    for register in found.values():
        register()
    assert {key for key, _ in deepagents.registered.values()} == {"minimax"}


def test_the_provider_is_registered_when_deepagents_asks(deepagents: FakeDeepagents):
    _doors.register_deepagents_provider()
    assert "minimax" not in base._BUILTIN_PROVIDERS
    _, profile = deepagents.registered["provider"]
    profile.pre_init("minimax:MiniMax-M3")
    assert "minimax" in base._BUILTIN_PROVIDERS


def test_each_deep_agent_gets_a_caching_middleware_of_its_own(
    deepagents: FakeDeepagents,
):
    _doors.register_deepagents_harness()
    _, profile = deepagents.registered["harness"]
    first, second = profile.extra_middleware(), profile.extra_middleware()
    assert [type(each) for each in first] == [MiniMaxPromptCachingMiddleware]
    assert first[0] is not second[0]


def test_neither_is_imported_before_it_asks():
    code = (
        "import sys, langchain_minimax; langchain_minimax.register_provider; "
        "sys.exit(any(name in sys.modules for name in ('langchain', 'deepagents')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
