"""Other packages' registries in, MiniMax in each of them out.

LangChain has a list of providers and no function to add one; deepagents looks for entry
points, which pyproject.toml declares. Neither is imported before it asks.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module
from typing import Any, TypeGuard

PROVIDER = "minimax"

_PACKAGE = "langchain_minimax"
_lock = threading.Lock()


def register_provider() -> None:
    """Makes `"minimax:…"` a name of a model to LangChain.

    `init_chat_model`, `create_agent` and all that takes such names find `ChatMiniMax`
    from then on, and `init_embeddings` finds `MiniMaxEmbeddings` unless LangChain has
    come to keep those in another way. Once is enough, and more do no harm.

    Example:
        ```python
        from langchain.chat_models import init_chat_model
        from langchain_minimax import register_provider

        register_provider()
        model = init_chat_model("minimax:MiniMax-M3", temperature=0.2)
        ```

    deepagents needs no such call: there the name works once this package is installed.
    A bare `"MiniMax-M3"` stays unknown; say `model_provider="minimax"` with it.

    Raises:
        ImportError: If LangChain is not installed.
        RuntimeError: If this version of LangChain keeps its providers in some other way
            than those that this package knows.
    """
    try:
        chats = _providers("langchain.chat_models.base")
    except ImportError as error:
        msg = (
            "`register_provider` teaches LangChain a name, and LangChain is not "
            'installed: pip install "langchain-minimax[langchain]"'
        )
        raise ImportError(msg) from error
    if not _register(chats, "ChatMiniMax"):
        msg = (
            "This version of LangChain keeps its providers in a way that "
            "langchain-minimax does not know, so `minimax:…` cannot be made a "
            "name. Pass the model itself, `ChatMiniMax(model=…)`, or look for a "
            "newer langchain-minimax."
        )
        raise RuntimeError(msg)
    with suppress(ImportError):
        _register(_providers("langchain.embeddings.base"), "MiniMaxEmbeddings")


def _providers(module: str) -> Any:
    # Private to LangChain, which has no other way (1.3 to 1.5).
    return getattr(import_module(module), "_BUILTIN_PROVIDERS", None)


def _register(providers: Any, name: str) -> bool:
    """Whether a class is among the providers now."""
    with _lock:
        if not _is_known_shape(providers):
            return False
        providers.setdefault(PROVIDER, (_PACKAGE, name, _create))
    return True


def _create(cls: Any, **fields: Any) -> Any:
    return cls(**fields)


def _is_known_shape(providers: Any) -> TypeGuard[dict[str, Any]]:
    """Whether each has a module, a class and a function that makes one."""
    if not isinstance(providers, dict):
        return False
    for entry in providers.values():
        match entry:
            case (str(), str(), create) if callable(create):
                continue
        return False
    return bool(providers)


def register_deepagents_provider() -> None:
    """For the entry point `deepagents.provider_profiles`, which calls it once."""
    deepagents = import_module("deepagents")
    profile = deepagents.ProviderProfile(pre_init=lambda _: register_provider())
    deepagents.register_provider_profile(PROVIDER, profile)


def register_deepagents_harness() -> None:
    """For the entry point `deepagents.harness_profiles`, likewise."""
    deepagents = import_module("deepagents")
    profile = deepagents.HarnessProfile(extra_middleware=_caching)
    deepagents.register_harness_profile(PROVIDER, profile)


def _caching() -> list[Any]:
    from langchain_minimax.middleware import (  # noqa: PLC0415 - needs LangChain
        MiniMaxPromptCachingMiddleware,
    )

    return [MiniMaxPromptCachingMiddleware()]
