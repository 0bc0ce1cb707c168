"""An agent that asks before it deletes: one call is approved, one is rejected."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from somewhere import show_record, somewhere

from langchain_minimax.testing import Reply, Text, Thinking, ToolUse

DECISIONS = [
    {"type": "approve"},
    {"type": "reject", "message": "Not that one: it holds the backups."},
]
SCRIPT = [
    Reply(
        [
            Thinking("The user wants the folder gone. I need delete_path."),
            Text("I would delete the cache."),
            ToolUse("delete_path", {"path": "/srv/cache"}),
        ]
    ),
    Reply(
        [
            Thinking("That worked. Now the other one."),
            ToolUse("delete_path", {"path": "/srv/old"}),
        ]
    ),
    Reply(
        [
            Thinking("They do not want that one deleted."),
            Text("The cache is gone. /srv/old is still there, as you wished."),
        ]
    ),
]


def delete_path(path: str) -> str:
    """Delete a file or a folder."""
    return f"{path} is deleted (not really: this is an example)."


def main() -> None:
    """Runs the agent from one interrupt to the next."""
    with somewhere(*SCRIPT) as (model, emulator):
        agent = create_agent(
            model,
            [delete_path],
            middleware=[HumanInTheLoopMiddleware({"delete_path": True})],
            checkpointer=InMemorySaver(),
        )
        thread = {"configurable": {"thread_id": "clean up"}}
        question = "Delete /srv/cache, and then /srv/old. Use the tool."
        state = agent.invoke({"messages": [("human", question)]}, thread)
        for decision in DECISIONS:
            for interrupt in state.get("__interrupt__", ()):
                for request in interrupt.value["action_requests"]:
                    print(f"\nIt wants to {request['name']} {request['args']}")
                print(f"We say: {decision['type']}")
                resumed = Command(resume={"decisions": [decision]})
                state = agent.invoke(resumed, thread)
        print(f"\n{state['messages'][-1].text}")
        show_record(emulator)


if __name__ == "__main__":
    main()
