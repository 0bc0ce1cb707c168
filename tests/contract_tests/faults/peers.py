"""The same faults for the clients of others; what counts as what.

They get the same time limits and the same number of retries. A new client each time,
since theirs keep what belongs to one event loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import anthropic
import openai
from langchain_anthropic import ChatAnthropic
from langchain_core.exceptions import LangChainException
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from contract_tests.faults.campaign import (
    ASK,
    KEY,
    PROTOCOLS,
    Case,
    Found,
    MakeModel,
    Result,
    chat_minimax,
    says_it_all,
)
from contract_tests.faults.proxy import Door
from contract_tests.faults.table import TABLE
from langchain_minimax import MiniMaxError

VERDICTS = ("right answer", "typed error", "untyped error", "silent loss", "hang")
"""From good to bad. A typed error is of the client's own tree or LangChain's."""


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever is tried.

    Attributes:
        name: With its version.
        make: Makes one.
        protocols: What it speaks.
        errors: The roots of its own tree of errors, and LangChain's.
    """

    name: str
    make: MakeModel
    protocols: tuple[str, ...]
    errors: tuple[type[Exception], ...]

    def key_in(self, headers: Mapping[str, str]) -> bool:
        """Whether a request told the key."""
        return any(KEY in value for value in headers.values())


def chat_anthropic(case: Case, door: Door) -> ChatAnthropic:
    return ChatAnthropic(
        model="MiniMax-M3",
        api_key=KEY,
        base_url=f"{door.url}/anthropic",
        max_retries=1,
        timeout=case.row.call or case.row.wait,
    )


def chat_openai(case: Case, door: Door) -> ChatOpenAI:
    return ChatOpenAI(
        model="MiniMax-M3",
        api_key=KEY,
        base_url=f"{door.url}/v1",
        max_retries=1,
        timeout=case.row.call or case.row.wait,
    )


def _named(name: str, *packages: str) -> str:
    from importlib.metadata import version  # noqa: PLC0415 - of what was installed

    return f"{name} ({', '.join(f'{each} {version(each)}' for each in packages)})"


CLIENTS = (
    Client(
        _named("ChatMiniMax", "langchain-minimax"),
        chat_minimax,
        PROTOCOLS,
        (MiniMaxError, LangChainException),
    ),
    Client(
        _named("ChatAnthropic", "langchain-anthropic", "anthropic"),
        chat_anthropic,
        ("anthropic",),
        (anthropic.AnthropicError, LangChainException),
    ),
    Client(
        _named("ChatOpenAI", "langchain-openai", "openai"),
        chat_openai,
        ("openai",),
        (openai.OpenAIError, LangChainException),
    ),
)


def beside(client: Client) -> list[Case]:
    """Every third of: each row in each way, mostly lasting."""
    every = product(TABLE, PROTOCOLS, ASK)
    cases = [
        Case(row, protocol, way, number % 4 != 0, number % 5 == 0, number * 0.618 % 1)
        for number, (row, protocol, way) in enumerate(every)
        if number % 3 == 0
    ]
    return [
        case for case in cases if case.applies and case.protocol in client.protocols
    ]


def verdict(tried: tuple[Case, Found], client: Client) -> str:
    """The worst of what came out."""
    _, found = tried
    if found.overdue:
        return "hang"
    return max(
        (_verdict(result, client) for result in found.results), key=VERDICTS.index
    )


def _verdict(result: Result, client: Client) -> str:
    if isinstance(result, AIMessage):
        return "right answer" if says_it_all(result) else "silent loss"
    return "typed error" if isinstance(result, client.errors) else "untyped error"
