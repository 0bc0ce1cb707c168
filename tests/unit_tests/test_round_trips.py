"""A request is sent until it is answered as it has to be, or cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
)
from langchain_minimax._blocks import (
    ChatRequest,
    Conversation,
    Json,
    JsonAnswer,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
)
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    Started,
    Stopped,
    TextDelta,
    Usage,
)
from langchain_minimax._round_trips import Draft, round_trips
from langchain_minimax.errors import MiniMaxOutputError, MiniMaxToolChoiceError
from support.samples import sample
from support.ways import WAYS, Ask

STREAM, WHOLE = sample("m3_stream_loop_answer"), sample("m2_7_whole_base_resp")
SIGNED = [
    HumanMessage("Hi"),
    AIMessage(
        "Hello",
        additional_kwargs={
            "thinking_blocks": [
                {"type": "thinking", "thinking": "The user greets.", "signature": "5ig"}
            ]
        },
    ),
    HumanMessage("Go on."),
]
REFUSED = "invalid params, messages.1: Invalid `Signature` in `thinking` block (2013)"

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

Answer = Callable[[Json], httpx.Response]


def ok(asked: Json) -> httpx.Response:
    one = STREAM if asked["stream"] else WHOLE
    kind = "text/event-stream" if asked["stream"] else "application/json"
    return httpx.Response(200, headers={"content-type": kind}, content=one.body)


def refusal(
    words: str = REFUSED, status: int = 400, kind: str = "invalid_request_error"
) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": words}}
    return lambda _: httpx.Response(status, json=body)


def overloaded(asked: Json) -> httpx.Response:
    response = refusal("high load (2064)", 529, "overloaded_error")(asked)
    response.headers["retry-after"] = "0"
    return response


def events(*said: Json) -> Answer:
    lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in said]
    return lambda _: httpx.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content="".join(lines).encode(),
    )


class Server:
    """Answers as the script says, and remembers what it was asked."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.asked: list[Json] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        return self.script.pop(0)(self.asked[-1])

    def model(self, **fields: Any) -> ChatMiniMax:
        transport = httpx.MockTransport(self)
        return ChatMiniMax(
            **{
                "model": "MiniMax-M3",
                "api_key": "sk-api-of-nobody",
                "max_retries": 0,
                "http_client": httpx.Client(transport=transport),
                "http_async_client": httpx.AsyncClient(transport=transport),
                **fields,
            }
        )


def thoughts(asked: Json) -> list[Json]:
    return [
        block
        for message in asked["messages"]
        for block in message["content"]
        if block["type"] == "thinking"
    ]


# --- A signature that is refused -----------------------------------------------------


@every_way
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_a_refused_signature_is_left_out_and_the_reply_says_so(
    ask: Ask, output_version: str
) -> None:
    server = Server(refusal(), ok)
    reply = ask(server.model(output_version=output_version), SIGNED)

    first, second = server.asked
    assert [block.get("signature") for block in thoughts(first)] == ["5ig"]
    assert thoughts(second) == [{"type": "thinking", "thinking": "The user greets."}]
    for block in thoughts(first):
        del block["signature"]
    assert first == second
    assert reply.response_metadata["signatures_refused"] is True
    assert reply.response_metadata["model_name"]
    assert reply.response_metadata["stop_reason"]
    assert reply.text in [
        "".join(block["text"] for block in one.content if block["type"] == "text")
        for one in (STREAM, WHOLE)
    ]


@every_way
def test_what_was_not_refused_notes_nothing(ask: Ask) -> None:
    server = Server(ok)
    reply = ask(server.model(), SIGNED)
    assert "signatures_refused" not in reply.response_metadata
    assert [block["signature"] for block in thoughts(*server.asked)] == ["5ig"]


def test_only_the_last_chunk_has_the_note() -> None:
    chunks = list(Server(refusal(), ok).model().stream(SIGNED))
    noted = ["signatures_refused" in chunk.response_metadata for chunk in chunks]
    assert noted == [*[False] * (len(chunks) - 1), True]


def test_every_call_begins_with_the_signatures_again() -> None:
    server = Server(refusal(), ok, ok)
    model = server.model()
    model.invoke(SIGNED)
    reply = model.invoke(SIGNED)
    assert [bool(block.get("signature")) for block in thoughts(server.asked[2])] == [
        True
    ]
    assert "signatures_refused" not in reply.response_metadata


@every_way
def test_a_thought_of_nothing_but_a_signature_goes_with_it(ask: Ask) -> None:
    thought = {"type": "thinking", "thinking": "", "signature": "5ig"}
    server = Server(refusal(), ok)
    ask(server.model(), ["Hi", AIMessage([thought]), HumanMessage("Go on.")])
    first, second = server.asked
    assert [message["role"] for message in first["messages"]] == [
        *("user", "assistant", "user"),
    ]
    assert [message["role"] for message in second["messages"]] == ["user"]
    assert thoughts(second) == []


@every_way
def test_the_messages_of_the_caller_stay_signed(ask: Ask) -> None:
    before = [message.model_copy(deep=True) for message in SIGNED]
    ask(Server(refusal(), ok).model(), SIGNED)
    assert before == SIGNED


def test_stop_sequences_hold_in_the_second_exchange_too() -> None:
    whole = Server(ok).model().invoke(SIGNED).text
    stop = whole[len(whole) // 2 :][:3]
    reply = Server(refusal(), ok).model(stop=[stop]).invoke(SIGNED)
    assert reply.text == whole[: whole.index(stop)]
    assert reply.response_metadata["stop_reason"] == "stop_sequence"
    assert reply.response_metadata["signatures_refused"] is True


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_refusal_within_a_200_counts_too(way: str) -> None:
    body = {"base_resp": {"status_code": 2013, "status_msg": REFUSED}}
    server = Server(lambda _: httpx.Response(200, json=body), ok)
    reply = WAYS[way](server.model(), SIGNED)
    assert reply.response_metadata["signatures_refused"] is True


STREAMS = ["stream", "astream", "events", "aevents"]
START = {"type": "message_start", "message": {"id": "r1", "model": "MiniMax-M3"}}
ERROR = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": REFUSED},
}


@pytest.mark.parametrize("way", STREAMS)
def test_a_refusal_as_the_first_event_of_a_stream_counts_too(way: str) -> None:
    server = Server(events(ERROR), ok)
    reply = WAYS[way](server.model(), SIGNED)
    assert len(server.asked) == 2
    assert reply.response_metadata["signatures_refused"] is True


@pytest.mark.parametrize("way", STREAMS)
def test_once_something_was_heard_nothing_is_tried_again(way: str) -> None:
    words = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Well"},
    }
    server = Server(events(START, words, ERROR), ok)
    with pytest.raises(MiniMaxInvalidRequestError, match="Signature") as caught:
        WAYS[way](server.model(), SIGNED)
    assert len(server.asked) == 1
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Well"


# --- Refusals that come out ----------------------------------------------------------


@every_way
def test_a_second_refusal_comes_out(ask: Ask) -> None:
    server = Server(refusal(), refusal("invalid params, signature is missing (2013)"))
    with pytest.raises(MiniMaxInvalidRequestError, match="signature is missing"):
        ask(server.model(), SIGNED)
    assert len(server.asked) == 2


@every_way
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal("invalid params, chat content is empty (2013)"), None),
        (refusal("no such signature", 401, "authentication_error"), "authentication"),
        (
            refusal("signature service: high load", 529, "overloaded_error"),
            "overloaded",
        ),
    ],
    ids=["another reason", "another kind", "overloaded"],
)
def test_another_refusal_comes_out_at_once(
    ask: Ask, answer: Answer, error: str | None
) -> None:
    kinds: dict[str | None, type[MiniMaxError]] = {
        None: MiniMaxInvalidRequestError,
        "authentication": MiniMaxAuthenticationError,
        "overloaded": MiniMaxOverloadedError,
    }
    server = Server(answer, ok)
    with pytest.raises(MiniMaxError) as caught:
        ask(server.model(), SIGNED)
    assert type(caught.value) is kinds[error]
    assert len(server.asked) == 1


@every_way
@pytest.mark.parametrize(
    "messages",
    [
        [HumanMessage("What is a signature?")],
        [
            HumanMessage("Hi"),
            AIMessage([{"type": "thinking", "thinking": "Hm."}, "Hi"]),
        ],
        [
            HumanMessage("Dig."),
            AIMessage("", tool_calls=[{"id": "c1", "name": "dig", "args": {}}]),
            ToolMessage("sand", tool_call_id="c1"),
        ],
    ],
    ids=["no thought", "unsigned", "a loop without thoughts"],
)
def test_where_nothing_is_signed_nothing_is_tried_again(
    ask: Ask, messages: list[BaseMessage]
) -> None:
    server = Server(refusal(), ok)
    with pytest.raises(MiniMaxInvalidRequestError, match="Signature"):
        ask(server.model(), messages)
    assert len(server.asked) == 1


@every_way
def test_where_nothing_is_left_without_the_signature_the_refusal_comes_out(
    ask: Ask,
) -> None:
    thought = {"type": "thinking", "thinking": "", "signature": "5ig"}
    server = Server(refusal(), ok)
    with pytest.raises(MiniMaxInvalidRequestError):
        ask(server.model(), [AIMessage([thought])])
    assert len(server.asked) == 1


# --- Retries and the rate limiter ----------------------------------------------------


class Counting(BaseRateLimiter):
    """Lets everything through, and counts."""

    def __init__(self) -> None:
        self.acquired = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        assert blocking
        self.acquired += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire(blocking=blocking)


class Retries(BaseCallbackHandler):
    def __init__(self) -> None:
        self.told = 0

    def on_retry(self, *_: Any, **__: Any) -> None:
        self.told += 1


@every_way
def test_the_rate_limiter_is_asked_before_each_exchange(ask: Ask) -> None:
    limiter = Counting()
    ask(Server(refusal(), ok).model(rate_limiter=limiter), SIGNED)
    assert limiter.acquired == 2


@every_way
def test_each_exchange_has_its_own_retries(ask: Ask) -> None:
    limiter = Counting()
    server = Server(overloaded, refusal(), overloaded, ok)
    reply = ask(server.model(max_retries=1, rate_limiter=limiter), SIGNED)
    assert reply.response_metadata["signatures_refused"] is True
    signed = [bool(thoughts(asked)[0].get("signature")) for asked in server.asked]
    assert signed == [True, True, False, False]
    assert limiter.acquired == 4


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "events", "aevents"])
def test_the_second_exchange_is_no_retry_of_the_first(way: str) -> None:
    """`stream` is missing: there LangChain does not say whom to tell."""
    retries = Retries()
    server = Server(overloaded, refusal(), overloaded, ok)
    model = server.model(max_retries=1)
    WAYS[way](model, SIGNED, config={"callbacks": [retries]})
    assert retries.told == 2


@every_way
def test_a_refusal_is_not_retried_within_its_exchange(ask: Ask) -> None:
    server = Server(refusal(), refusal())
    with pytest.raises(MiniMaxInvalidRequestError):
        ask(server.model(max_retries=5), SIGNED)
    assert len(server.asked) == 2


# --- The exchanges by themselves -----------------------------------------------------

CONVERSATION = Conversation(
    (Text("Be kind."),),
    (
        Turn("user", (Text("Hi"),)),
        Turn("assistant", (Thinking("Hm.", "5ig"), Text("Hello"))),
        Turn("user", (Text("Go on."),)),
    ),
)
REQUEST = ChatRequest("MiniMax-M3", CONVERSATION, 100, stream=True, temperature=0.5)


BEGUN, END = Started("r1", "MiniMax-M3"), Stopped("end_turn", Usage(10, 5))


def write(draft: Draft) -> Any:
    """The exchange is the draft itself."""
    return draft


def through(draft: Draft, said: Sequence[Delta]) -> list[Delta]:
    """A reply as the filters of its draft let it through."""
    for make in draft.filters:
        stage = make()
        said = [passed for delta in said for passed in stage.feed(delta)]
    return list(said)


def notes(draft: Draft) -> Json:
    (end,) = through(draft, [END])
    assert isinstance(end, Stopped)
    return end.notes


def test_the_first_exchange_is_the_request_as_it_is() -> None:
    trips = round_trips(REQUEST, write)
    assert next(trips) == Draft(REQUEST)
    with pytest.raises(StopIteration):
        trips.send([BEGUN, END])


def test_the_second_is_the_same_but_for_the_signatures() -> None:
    trips = round_trips(REQUEST, write)
    next(trips)
    draft = trips.throw(MiniMaxInvalidRequestError("bad SIGNATURE"))
    assert notes(draft) == {"signatures_refused": True}
    again = draft.request
    assert again.conversation.turns[1].blocks == (Thinking("Hm."), Text("Hello"))
    assert again.conversation.system == CONVERSATION.system
    assert (again.model, again.stream, again.temperature) == ("MiniMax-M3", True, 0.5)


@pytest.mark.parametrize(
    "refusals",
    [
        [MiniMaxInvalidRequestError("chat content is empty")],
        [MiniMaxAuthenticationError("bad signature")],
        [MiniMaxInvalidRequestError("signature"), MiniMaxOverloadedError("load")],
        [
            MiniMaxInvalidRequestError("signature"),
            MiniMaxInvalidRequestError("signature"),
        ],
    ],
    ids=["another reason", "another kind", "overloaded then", "refused twice"],
)
@pytest.mark.parametrize("forced", [False, True], ids=["free", "forced"])
def test_a_refusal_comes_out_as_it_went_in(
    forced: bool, refusals: list[MiniMaxError]
) -> None:
    trips = round_trips(FORCED if forced else REQUEST, write)
    next(trips)
    *others, last = refusals
    for refusal in others:
        trips.throw(refusal)
    with pytest.raises(type(last)) as caught:
        trips.throw(last)
    assert caught.value is last


# --- A demand ------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"depth": {"type": "integer"}},
    "required": ["depth"],
}
FORCED = replace(
    REQUEST,
    tools=(Tool("dig", None, SCHEMA),),
    tool_choice=ToolChoice("tool", "dig"),
)
ANSWERED = replace(REQUEST, answer=JsonAnswer(SCHEMA))
JSON, PROSE = '{"depth": 3}', "You should dig."
CUT = Stopped("max_tokens", Usage(10, 5))


def words(text: str, end: Stopped = END) -> list[Delta]:
    said = [TextDelta(0, text), BlockStopped(0)] if text else []
    return [BEGUN, *said, end]


def spoken(draft: Draft) -> str:
    """The words of the last turn of a request."""
    last = draft.request.conversation.turns[-1]
    return "".join(block.text for block in last.blocks if isinstance(block, Text))


demanding = pytest.mark.parametrize(
    ("request_", "kind"),
    [(FORCED, MiniMaxToolChoiceError), (ANSWERED, MiniMaxOutputError)],
    ids=["a call", "an answer"],
)


@pytest.mark.parametrize("request_", [FORCED, ANSWERED], ids=["call", "answer"])
def test_a_reply_that_meets_the_demand_is_the_last(
    request_: ChatRequest,
) -> None:
    trips = round_trips(request_, write)
    draft = next(trips)
    assert "Your reply" in spoken(draft) or "your reply" in spoken(draft)
    assert replace(draft.request, conversation=CONVERSATION) == request_
    with pytest.raises(StopIteration):
        trips.send(through(draft, words(JSON)))


@pytest.mark.parametrize("request_", [FORCED, ANSWERED], ids=["call", "answer"])
def test_one_that_does_not_is_asked_for_once_more(
    request_: ChatRequest,
) -> None:
    trips = round_trips(request_, write)
    first = next(trips)
    second = trips.send(through(first, words(PROSE)))
    *_, reply, _ = second.request.conversation.turns
    assert (reply.role, reply.blocks) == ("assistant", (Text(PROSE),))
    assert "The reply was" in spoken(second)
    *_, end = heard = through(second, words(JSON))
    assert isinstance(end, Stopped)
    assert end.notes == {"attempts": 2}
    assert end.usage == Usage(20, 10)
    with pytest.raises(StopIteration):
        trips.send(heard)


@demanding
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (words(""), "empty"),
        (words(PROSE), "prose"),
        (words('{"depth": "x"}'), "invalid"),
        (words(PROSE, CUT), "cut"),
    ],
    ids=["empty", "prose", "invalid", "cut"],
)
def test_a_second_one_that_does_not_is_an_error(
    request_: ChatRequest,
    kind: type[MiniMaxOutputError],
    said: list[Delta],
    reason: str,
) -> None:
    trips = round_trips(request_, write)
    second = trips.send(through(next(trips), words(PROSE)))
    heard = through(second, said)
    with pytest.raises(MiniMaxOutputError) as caught:
        trips.send(heard)
    assert type(caught.value) is kind
    assert (caught.value.reason, caught.value.attempts) == (reason, 2)


@demanding
def test_a_reply_that_was_cut_is_not_asked_for_again(
    request_: ChatRequest, kind: type[MiniMaxOutputError]
) -> None:
    trips = round_trips(request_, write)
    draft = next(trips)
    with pytest.raises(kind) as caught:
        trips.send(through(draft, words(PROSE, CUT)))
    assert (caught.value.reason, caught.value.attempts) == ("cut", 1)


def test_a_refused_signature_is_no_attempt() -> None:
    trips = round_trips(FORCED, write)
    first = next(trips)
    unsigned = trips.throw(MiniMaxInvalidRequestError("bad signature"))
    assert spoken(unsigned) == spoken(first)
    assert unsigned.request.conversation.turns[1].blocks[0] == Thinking("Hm.")
    second = trips.send(through(unsigned, words(PROSE)))
    *_, end = through(second, words(JSON))
    assert isinstance(end, Stopped)
    assert end.notes["attempts"] == 2
    again = trips.throw(MiniMaxInvalidRequestError("bad signature"))
    *_, end = through(again, words(JSON))
    assert isinstance(end, Stopped)
    assert end.notes == {"attempts": 2, "signatures_refused": True}


def test_a_demand_that_nothing_was_heard_of_is_no_loop() -> None:
    trips = round_trips(FORCED, write)
    next(trips)
    with pytest.raises(StopIteration):
        trips.send([])
