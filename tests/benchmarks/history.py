"""How long a long history takes to prepare: a table; fails if it is not linear.

Two histories, one twice as long as the other, measured in turns within one run: the
best CPU time of several rounds each, from LangChain messages to the bytes of the body.
"""

from __future__ import annotations

import sys

from clock import in_turns
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_minimax._blocks import ChatRequest
from langchain_minimax._dialects import anthropic
from langchain_minimax._json import encoded
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._repair import repair

ROUNDS = 15
MOST = 2.3  # times as long for twice the history


def legal(count: int) -> list[BaseMessage]:
    """A thread in which every fourth message is a tool's, and nothing is wrong."""
    thread: list[BaseMessage] = []
    for turn in range(count // 4):
        call = {"name": "dig", "args": {"depth": turn}, "id": f"call_{turn}"}
        thought = {
            "type": "thinking",
            "thinking": f"Dig {turn} deep. " * 10,
            "signature": f"{turn:064x}",
            "index": f"lc_{turn}_0",
        }
        thread += [
            HumanMessage(f"How deep is the {turn}th hole? " * 5),
            AIMessage(
                "",
                tool_calls=[call],
                additional_kwargs={"thinking_blocks": [thought]},
                response_metadata={"model_provider": "minimax"},
            ),
            ToolMessage(f"It is {turn} metres deep. " * 20, tool_call_id=call["id"]),
            AIMessage(
                f"The hole is {turn} metres deep. " * 10,
                response_metadata={"model_provider": "minimax"},
            ),
        ]
    return thread


def broken(count: int) -> list[BaseMessage]:
    """The same with foreign ids, late system messages, orphans and calls unanswered."""
    thread = legal(count)
    for place in range(0, count, 20):
        for each in thread[place : place + 4]:
            if isinstance(each, AIMessage):
                for call in each.tool_calls:
                    call["id"] = f"functions.dig:{place}"
        thread[place + 6] = SystemMessage("Dig slower from here on.")
        thread[place + 12] = HumanMessage("Never mind.")
    return thread


def prepare(thread: list[BaseMessage]) -> bytes:
    """The body of the request that continues a thread."""
    conversation = repair(to_conversation(thread))
    request = ChatRequest("MiniMax-M3", conversation, 1024, stream=True)
    return encoded(anthropic.encode(request))


def main() -> int:
    """Measures, and says whether preparing is linear."""
    worst = 0.0
    print("| history | 1,000 messages | 2,000 messages | ratio |")
    print("|---|--:|--:|--:|")
    for thread in (legal, broken):
        shorter, longer = thread(1000), thread(2000)
        best = in_turns(
            lambda messages=shorter: prepare(messages),
            lambda messages=longer: prepare(messages),
            rounds=ROUNDS,
        )
        ratio = best[1] / best[0]
        worst = max(worst, ratio)
        short, long = (f"{1000 * taken:.1f} ms" for taken in best)
        print(f"| {thread.__name__} | {short} | {long} | {ratio:.2f} |")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
