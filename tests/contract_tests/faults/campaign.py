"""Everything that can happen to a call, in every way of calling; who says what of it.

`share` is what the test suite runs: each row of the table, each kind on both protocols.
`everything` is every way of calling, each fault lasting and passing, over TCP and TLS,
and at many places in the reply; see `report.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import cycle, product
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import httpx
from langchain_core.messages import AIMessage

from contract_tests.faults.proxy import Door, Proxy
from contract_tests.faults.table import TABLE, Outcome, Row
from langchain_minimax import ChatMiniMax, MiniMaxError
from langchain_minimax.testing import Emulator, Reply, Text, Thinking, ToolUse
from support.certificates import Certificates
from support.ways import WAYS

KEY = "sk-api-0123456789-of-the-campaign"
THOUGHT = "They ask for the weather. A tool knows."
TEXT = "Let me look that up for you."
CALL = {"name": "get_weather", "args": {"city": "Paris", "days": 3}, "id": "call_1"}
REPLY = Reply(
    [
        Thinking(THOUGHT, "0123456789abcdef"),
        Text(TEXT),
        ToolUse(CALL["name"], CALL["args"], CALL["id"]),
    ],
    delta_size=6,
)

PROTOCOLS = ("anthropic", "openai")
STREAMING = ("stream", "astream", "events", "aevents")
BATCHES = ("batch", "abatch")
_BOUND = 30.0  # seconds after which whoever still waits hangs for good
_PLACES = (0.0, 0.33, 0.66, 0.99)

Result = AIMessage | BaseException


def _batch(model: Any, prompt: str) -> list[Result]:
    return model.batch([f"{prompt} 1", f"{prompt} 2"], return_exceptions=True)


def _abatch(model: Any, prompt: str) -> list[Result]:
    asked = model.abatch([f"{prompt} 1", f"{prompt} 2"], return_exceptions=True)
    return asyncio.run(asked)


def _one(way: str) -> Callable[[Any, str], list[Result]]:
    def ask(model: Any, prompt: str) -> list[Result]:
        try:
            return [WAYS[way](model, prompt)]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            return [error]

    return ask


ASK = {**{way: _one(way) for way in WAYS}, "batch": _batch, "abatch": _abatch}


class Case(NamedTuple):
    """A row of the table, tried in one way."""

    row: Row
    protocol: str
    way: str
    lasting: bool
    tls: bool
    spot: float

    @property
    def expected(self) -> Outcome:
        """What must come out."""
        streaming = self.way in STREAMING
        outcome = self.row.stream if streaming else self.row.whole
        assert outcome is not None
        passes = not self.lasting and outcome.requests > 1
        return Outcome(None, requests=outcome.requests) if passes else outcome

    @property
    def applies(self) -> bool:
        """Whether there is such a case."""
        outcome = self.row.stream if self.way in STREAMING else self.row.whole
        if outcome is None or self.lasting:
            return outcome is not None
        # Who has not read a request cannot tell one of a batch from another.
        blind = self.row.harm.at != "request"
        return not self.row.is_lasting and not (blind and self.way in BATCHES)

    def __str__(self) -> str:
        how = [self.row.stage, self.row.kind, self.row.detail, self.protocol, self.way]
        how += ["lasting" if self.lasting else "passing", "tls" if self.tls else "tcp"]
        return f"{' / '.join(how)} @ {self.spot:.2f}"


class Found(NamedTuple):
    """What came out.

    Attributes:
        results: A message or an error for each call.
        attempts: The requests that the server saw.
        overdue: Whether it had to be ended.
    """

    results: Sequence[Result]
    attempts: int
    overdue: bool


def share() -> list[Case]:
    """Each row, and each kind on both protocols, in ways that take turns."""
    return [*_in_turns(_rows())]


def _rows() -> Iterator[tuple[Row, str]]:
    known: set[tuple[str, str]] = set()
    for row, protocol in zip(TABLE, cycle(PROTOCOLS), strict=False):
        is_first = (row.stage, row.kind) not in known
        known.add((row.stage, row.kind))
        for each in PROTOCOLS if is_first else [protocol]:
            yield row, each


def _in_turns(rows: Iterable[tuple[Row, str]]) -> Iterator[Case]:
    turns = cycle(product((*WAYS, *BATCHES), (True, False)))
    for number, (row, protocol) in enumerate(rows):
        spot = number * 0.618 % 1
        tried = (
            Case(row, protocol, way, lasting, number % 5 == 0, spot)
            for way, lasting in turns
        )
        yield next(case for case in tried if case.applies)


def everything() -> list[Case]:
    """Each row in each way, lasting and passing, at each of several places."""
    cases = []
    for number, (row, protocol, way, lasting) in enumerate(
        product(TABLE, PROTOCOLS, ASK, (True, False))
    ):
        cases += [
            Case(row, protocol, way, lasting, number % 3 == 0, spot)
            for spot in (_PLACES if row.is_everywhere else (0.5,))
        ]
    return [case for case in cases if case.applies]


# --- Running -------------------------------------------------------------------------

MakeModel = Callable[[Case, Door], Any]


def chat_minimax(case: Case, door: Door, **fields: Any) -> ChatMiniMax:
    row = case.row
    return ChatMiniMax(
        **{
            "model": "MiniMax-M3",
            "protocol": case.protocol,
            "api_key": KEY,
            "base_url": f"{door.url}/anthropic",
            "max_retries": 1,
            "timeout": row.call or httpx.Timeout(row.wait),
            **fields,
        }
    )


def with_own_clients(case: Case, door: Door) -> ChatMiniMax:
    """The same in a process that has made up its mind whom to trust."""
    if not door.url.startswith("https"):
        return chat_minimax(case, door)
    settings = {
        "verify": ssl.create_default_context(cafile=door.certificates.bundle),
        # Nothing is left that would have to be closed.
        "limits": httpx.Limits(max_keepalive_connections=0),
    }
    return chat_minimax(
        case,
        door,
        http_client=httpx.Client(**settings),
        http_async_client=httpx.AsyncClient(**settings),
    )


@contextlib.contextmanager
def proxy() -> Iterator[Proxy]:
    """A proxy in front of an emulator that always says the same."""
    with tempfile.TemporaryDirectory() as folder, Emulator(api_key=KEY) as emulator:
        certificates = Certificates(Path(folder))
        opened = Proxy(emulator.url, certificates, lambda: emulator.script(REPLY))
        try:
            yield opened
        finally:
            opened.close()


def tried(
    cases: Iterable[Case],
    through: Proxy,
    make: MakeModel = with_own_clients,
    together: int = 24,
) -> list[tuple[Case, Found]]:
    """What came out of each case; those that wait longest begin first."""
    ordered = sorted(cases, key=lambda case: (case.row.wait, not case.row.call))
    with ThreadPoolExecutor(together) as pool:
        found = pool.map(lambda case: try_one(case, through, make), ordered)
        return list(zip(ordered, found, strict=True))


def try_one(case: Case, through: Proxy, make: MakeModel = with_own_clients) -> Found:
    with through.door(
        case.row.harm, tls=case.tls, lasting=case.lasting, spot=case.spot
    ) as door:
        answered: Future[list[Result]] = Future()

        def ask() -> None:
            answered.set_result(ASK[case.way](make(case, door), case.row.prompt))

        # A thread of its own: it may never end.
        Thread(target=ask, daemon=True).start()
        wait([answered], _BOUND)
        results = answered.result() if answered.done() else []
        for result in results:
            if isinstance(result, BaseException):
                result.__traceback__ = result.__cause__ = result.__context__ = None
        return Found(results, door.attempts, not answered.done())


# --- Judging -------------------------------------------------------------------------


def complaints(case: Case, found: Found) -> list[str]:
    """What is not as the table says."""
    expected = case.expected
    wanted = expected.requests * len(found.results)
    said = [
        words for result in found.results for words in _complaints(result, expected)
    ]
    if found.overdue:
        said.append("it hung")
    if found.attempts != wanted:
        said.append(f"{found.attempts} requests instead of {wanted}")
    return [f"{case}: {words}" for words in said]


def _complaints(result: Result, expected: Outcome) -> Iterator[str]:
    if isinstance(result, AIMessage):
        if expected.error is not None:
            yield f"a message instead of {expected.error.__name__}"
        if not is_right(result):
            yield f"not the right message: {result!r}"
        return
    wanted = expected.error or AIMessage
    if type(result) is not wanted:
        yield f"{result!r} instead of {wanted.__name__}"
        return
    assert isinstance(result, MiniMaxError)
    if result.is_retryable is not expected.retryable:
        yield f"is_retryable is {result.is_retryable}"
    if not is_part(result.partial):
        yield f"not a part of the right message: {result.partial!r}"
    if KEY in f"{result!r}{result.response!r}":
        yield "the key is told"


def is_right(message: AIMessage) -> bool:
    """Whether it is what the emulator said, thinking included."""
    return says_it_all(message) and _thought(message).strip() == THOUGHT


def says_it_all(message: AIMessage) -> bool:
    """Whether text and calls are what the emulator said."""
    return (
        message.text.strip().endswith(TEXT)
        and _calls(message) == [CALL]
        and not message.invalid_tool_calls
    )


def is_part(message: AIMessage | None) -> bool:
    """Whether what had arrived is part of what the emulator said."""
    return message is None or (
        TEXT.startswith(message.text.strip())
        and THOUGHT.startswith(_thought(message).strip())
        and _calls(message) in ([], [CALL])
    )


def _thought(message: AIMessage) -> str:
    return "".join(
        block.get("reasoning", "")
        for block in message.content_blocks
        if block["type"] == "reasoning"
    )


def _calls(message: AIMessage) -> list[dict[str, Any]]:
    return [{key: call[key] for key in CALL} for call in message.tool_calls]
