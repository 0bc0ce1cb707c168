"""One agent over MiniMax's two protocols: a thread that changes, and a way out.

Without `MINIMAX_API_KEY` it talks to the emulated MiniMax on this machine, whose
Messages API breaks down in the middle; with a key, to MiniMax itself.
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from somewhere import show_record, somewhere

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator, Fault


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{15 + len(city)} degrees and sunny in {city}"


def ask(model: ChatMiniMax, emulator: Emulator | None = None) -> None:
    """Asks about three cities in one thread; the second time over the other API."""
    other = model.model_copy(update={"protocol": "openai"})
    saver = InMemorySaver()
    agents = [
        create_agent(
            each,
            [get_weather],
            checkpointer=saver,
            middleware=[ModelFallbackMiddleware(other)],
        )
        for each in (model, other, model)
    ]
    thread = {"configurable": {"thread_id": "two protocols"}}
    for number, (agent, city) in enumerate(
        zip(agents, ["Paris", "Tokyo", "Lima"], strict=True), 1
    ):
        if emulator is not None and number == len(agents):
            print("\nThe Messages API breaks down.")
            emulator.script(Fault(503))
        question = f"What is the weather in {city}?"
        state = agent.invoke({"messages": [("human", question)]}, thread)
        print(f"\n> {question}\n  {state['messages'][-1].text}")


def main() -> None:
    """Asks MiniMax, or the emulator and then for its record."""
    with somewhere(max_retries=0) as (model, emulator):
        ask(model, emulator)
        show_record(emulator)


if __name__ == "__main__":
    main()
