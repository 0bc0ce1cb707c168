"""MiniMax for LangChain. Importing this costs nearly nothing: names load when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_minimax._version import __version__

if TYPE_CHECKING:
    from langchain_minimax._doors import register_provider
    from langchain_minimax.chat_models import ChatMiniMax
    from langchain_minimax.embeddings import MiniMaxEmbeddings
    from langchain_minimax.errors import (
        MiniMaxAPIError,
        MiniMaxAuthenticationError,
        MiniMaxConnectionError,
        MiniMaxContentFilterError,
        MiniMaxContextOverflowError,
        MiniMaxError,
        MiniMaxInsufficientBalanceError,
        MiniMaxInvalidRequestError,
        MiniMaxModelNotFoundError,
        MiniMaxOutputError,
        MiniMaxOverloadedError,
        MiniMaxPermissionDeniedError,
        MiniMaxQuotaExceededError,
        MiniMaxRateLimitError,
        MiniMaxResponseError,
        MiniMaxStreamTruncatedError,
        MiniMaxTimeoutError,
        MiniMaxToolChoiceError,
    )
    from langchain_minimax.files import MiniMaxFile, MiniMaxFiles
    from langchain_minimax.models import MiniMaxModel

__all__ = [
    "ChatMiniMax",
    "MiniMaxAPIError",
    "MiniMaxAuthenticationError",
    "MiniMaxConnectionError",
    "MiniMaxContentFilterError",
    "MiniMaxContextOverflowError",
    "MiniMaxEmbeddings",
    "MiniMaxError",
    "MiniMaxFile",
    "MiniMaxFiles",
    "MiniMaxInsufficientBalanceError",
    "MiniMaxInvalidRequestError",
    "MiniMaxModel",
    "MiniMaxModelNotFoundError",
    "MiniMaxOutputError",
    "MiniMaxOverloadedError",
    "MiniMaxPermissionDeniedError",
    "MiniMaxQuotaExceededError",
    "MiniMaxRateLimitError",
    "MiniMaxResponseError",
    "MiniMaxStreamTruncatedError",
    "MiniMaxTimeoutError",
    "MiniMaxToolChoiceError",
    "__version__",
    "register_provider",
]

_ROOMS = {
    "ChatMiniMax": "chat_models",
    "MiniMaxEmbeddings": "embeddings",
    "MiniMaxFile": "files",
    "MiniMaxFiles": "files",
    "MiniMaxModel": "models",
    "register_provider": "_doors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    room = _ROOMS.get(name, "errors")
    return getattr(import_module(f"{__name__}.{room}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
