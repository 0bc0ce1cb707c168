"""The public names, pinned: a new one is a decision, a lost one a broken promise."""

from __future__ import annotations

import inspect

import pytest

import langchain_minimax
from langchain_minimax import errors


def test_the_public_names() -> None:
    assert set(langchain_minimax.__all__) == {
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
    }


def test_every_public_name_is_there_and_explained() -> None:
    assert set(langchain_minimax.__all__) <= set(dir(langchain_minimax))
    for name in langchain_minimax.__all__:
        value = getattr(langchain_minimax, name)
        assert isinstance(value, str) or inspect.getdoc(value)


def test_every_error_is_public() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.MiniMaxError)
    }
    assert found <= set(langchain_minimax.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="ChatMinimax"):
        langchain_minimax.ChatMinimax  # noqa: B018
