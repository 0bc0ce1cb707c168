"""An agent that thinks, calls tools and streams, over three turns of one thread.

Without `MINIMAX_API_KEY` it talks to the emulated MiniMax on this machine; with a key,
to MiniMax itself.
"""

from __future__ import annotations

from datetime import datetime, timezone

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from somewhere import show_record, somewhere

QUESTIONS = [
    "What is the weather in Paris?",
    "And what is the time in Tokyo, and the weather in Tokyo?",
    "Thank you. In one sentence: where would you rather be?",
]


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{15 + len(city)} degrees and sunny in {city}"


def get_time(city: str) -> str:
    """Tell the time in a city."""
    return f"{datetime.now(timezone.utc):%H:%M} UTC, whatever the clocks of {city} say"


def show(chunk: AIMessageChunk | ToolMessage, before: str) -> str:
    """Prints a piece of the stream; answers with what kind of piece it was."""
    if isinstance(chunk, ToolMessage):
        print(f"\n  result    {chunk.text}", end="")
        return "result"
    for block in chunk.content_blocks:
        kind = block["type"]
        if kind in ("tool_call", "tool_call_chunk"):
            name = block.get("name")
            print(f"\n  call      {name} " if name else "", end="")
            print(block.get("args") or "", end="")
        elif kind in ("reasoning", "text"):
            label = {"reasoning": "thinking", "text": "answer"}[kind]
            print(f"\n  {label:<9} " if kind != before else "", end="")
            print(block.get(kind, ""), end="", flush=True)
        before = kind
    return before


def usage(message: AIMessage) -> str:
    """The tokens of one call, in words."""
    tokens = message.usage_metadata
    if tokens is None:
        return "no usage"
    cached = tokens.get("input_token_details", {}).get("cache_read", 0)
    thought = tokens.get("output_token_details", {}).get("reasoning", 0)
    return (
        f"{tokens['input_tokens']} in ({cached} cached), "
        f"{tokens['output_tokens']} out ({thought} thinking)"
    )


def main() -> None:
    """Asks the questions one after the other, in one thread."""
    with somewhere() as (model, emulator):
        agent = create_agent(
            model, [get_weather, get_time], checkpointer=InMemorySaver()
        )
        thread = {"configurable": {"thread_id": "demo"}}
        known = 0
        for question in QUESTIONS:
            print(f"\n> {question}", end="")
            kind = ""
            for chunk, _ in agent.stream(
                {"messages": [("human", question)]}, thread, stream_mode="messages"
            ):
                kind = show(chunk, kind)
            messages = agent.get_state(thread).values["messages"]
            for message in messages[known:]:
                if isinstance(message, AIMessage):
                    print(f"\n  usage     {usage(message)}", end="")
            known = len(messages)
            print()
        show_record(emulator)


if __name__ == "__main__":
    main()
