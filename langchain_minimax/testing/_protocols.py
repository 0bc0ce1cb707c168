"""The path of a request in, how its protocol is read and spoken out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from langchain_minimax.testing._chat import to_messages, to_turns
from langchain_minimax.testing._chat_strict import refuse_chat, stray_chat_keys
from langchain_minimax.testing._chat_wire import render_chat
from langchain_minimax.testing._faults import Answer, Fault
from langchain_minimax.testing._memory import Spelling, as_completion, as_message
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._records import RecordedRequest
from langchain_minimax.testing._replies import Json
from langchain_minimax.testing._strict import refuse_body, stray_keys
from langchain_minimax.testing._wire import Rendered, render

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"


@dataclass(frozen=True)
class Protocol:
    """What the two protocols do each in their own way.

    Attributes:
        refuse: A request in, the first thing wrong with its body out.
        stray_keys: A body in, the paths of keys that its schema does not know out.
        to_messages: A (valid) body in, the same in the Messages shape out.
        to_turns: A (valid) body in, its messages out, each in the Messages shape.
        spelling: What of a reply can come back over it.
        render: An answer to a body in, of which so many tokens were cached, what goes
            over the wire out.
    """

    refuse: Callable[[RecordedRequest, Quirks, Collection[int]], Fault | None]
    stray_keys: Callable[[Any], list[str]]
    to_messages: Callable[[Json], Json]
    to_turns: Callable[[Json], list[Json]]
    spelling: Spelling
    render: Callable[[Answer, Any, Quirks, int], Rendered]


_MESSAGES = Protocol(
    refuse_body,
    stray_keys,
    lambda body: body,
    lambda body: body["messages"],
    as_message,
    render,
)
_CHAT_COMPLETIONS = Protocol(
    refuse_chat, stray_chat_keys, to_messages, to_turns, as_completion, render_chat
)


def protocol_of(path: str) -> Protocol:
    """The protocol that is spoken on that path."""
    return _CHAT_COMPLETIONS if path in (CHAT, MODELS) else _MESSAGES
