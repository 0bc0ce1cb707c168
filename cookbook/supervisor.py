"""A supervisor whose tools are agents: each works in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable

from langchain.agents import create_agent
from somewhere import show_record, somewhere

from langchain_minimax import ChatMiniMax

QUESTION = "What is the weather in Lisbon, and what is the time in Lisbon?"


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{15 + len(city)} degrees and sunny in {city}"


def get_time(city: str) -> str:
    """Tell the time in a city."""
    return f"noon in {city}"


def hire(model: ChatMiniMax, tool: Callable[[str], str], trade: str) -> Callable:
    """An agent that knows one trade, as a tool of its supervisor."""
    agent = create_agent(model, [tool], system_prompt=f"You answer about {trade}.")

    def ask(city: str) -> str:
        question = f"What is the {trade} in {city}?"
        state = agent.invoke({"messages": [("human", question)]})
        print(f"  the {trade} agent: {state['messages'][-1].text}")
        return state["messages"][-1].text

    ask.__name__ = f"ask_about_{trade}"
    ask.__doc__ = f"Ask an agent about the {trade} in a city."
    return ask


def main() -> None:
    """Asks the supervisor something that takes both agents."""
    with somewhere() as (model, emulator):
        supervisor = create_agent(
            model,
            [
                hire(model, get_weather, "weather"),
                hire(model, get_time, "time"),
            ],
            system_prompt="You ask others and put together what they say.",
        )
        print(f"\n> {QUESTION}")
        state = supervisor.invoke({"messages": [("human", QUESTION)]})
        print(f"\n{state['messages'][-1].text}")
        show_record(emulator)


if __name__ == "__main__":
    main()
