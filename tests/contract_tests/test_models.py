"""The list of models over loopback, whichever protocol the model speaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from langchain_minimax import ChatMiniMax, MiniMaxAuthenticationError
from langchain_minimax.catalogue import CARDS
from langchain_minimax.testing import Emulator, Quirks

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]


async def test_the_server_s_models_have_cards(serve: Serve, connect: Connect) -> None:
    server = serve()
    model = connect(server)
    listed = model.list_models()
    assert await model.alist_models() == listed
    assert {each.card for each in listed} == set(CARDS)
    assert [request.path for request in server.requests] == ["/v1/models"] * 2


def test_an_engine_of_one_s_own_is_asked_likewise(serve: Serve, connect: Connect):
    server = serve(quirks=Quirks(self_hosted="reasoning"))
    assert connect(server, api_key="").list_models()


def test_a_wrong_key(serve: Serve, connect: Connect) -> None:
    with pytest.raises(MiniMaxAuthenticationError):
        connect(serve(), api_key="sk-api-of-another").list_models()
