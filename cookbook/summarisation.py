"""A long thread that is summed up once it fills a share of the model's window."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from somewhere import show_record, somewhere

WINDOW = 4_000
"""Tokens; as few as this so that an example fills it. M3's own are a million."""

CITIES = ["Paris", "Tokyo", "Lima", "Oslo", "Cairo", "Quito"]


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{15 + len(city)} degrees and sunny in {city}. " + "The wind is calm. " * 60


def main() -> None:
    """Asks about one city after the other, and shows how long the thread gets."""
    with somewhere() as (model, emulator):
        model.profile = {**model.profile, "max_input_tokens": WINDOW}
        agent = create_agent(
            model,
            [get_weather],
            middleware=[
                SummarizationMiddleware(
                    model, trigger=("fraction", 0.5), keep=("messages", 4)
                )
            ],
            checkpointer=InMemorySaver(),
        )
        thread = {"configurable": {"thread_id": "a long one"}}
        lengths = []
        for city in CITIES:
            question = f"What is the weather in {city}?"
            state = agent.invoke({"messages": [("human", question)]}, thread)
            lengths.append(len(state["messages"]))
            tokens = model.get_num_tokens_from_messages(state["messages"])
            print(f"{city}: {lengths[-1]} messages, about {tokens} tokens")
        if max(lengths) == lengths[-1]:
            raise SystemExit("nothing was summed up.")
        show_record(emulator)


if __name__ == "__main__":
    main()
