"""A deep agent by its name alone: it writes a file, and has another read it.

Installing `langchain-minimax` beside `deepagents` is all that `minimax:…` needs.
"""

from __future__ import annotations

import os
import sys

from langchain_minimax.testing import Emulator, Reply, Text, Thinking, ToolUse

QUESTION = "Write a short report on the tides to /tides.md, and have it proofread."
REPORT = "# Tides\n\nThe moon pulls at the sea, twice a day.\n"
PROOFREAD = {
    "description": "Proofread /tides.md.",
    "subagent_type": "general-purpose",
}
SCRIPT = [
    Reply(
        [
            Thinking("The file first."),
            ToolUse("write_file", {"file_path": "/tides.md", "content": REPORT}),
        ]
    ),
    Reply([Thinking("Another pair of eyes."), ToolUse("task", PROOFREAD)]),
    Reply([ToolUse("read_file", {"file_path": "/tides.md"})]),
    Reply([Text("Not a word to change.")]),
    Reply([Text("The report is in /tides.md. It was proofread: nothing to change.")]),
]


def run() -> None:
    """Builds the agent and asks it; key and host come from the environment."""
    from deepagents import create_deep_agent  # noqa: PLC0415 - not on Python 3.10

    agent = create_deep_agent(model="minimax:MiniMax-M3")
    state = agent.invoke({"messages": [("human", QUESTION)]})
    print(f"\n> {QUESTION}\n  {state['messages'][-1].text}")
    for path, file in state["files"].items():
        print(f"\n{path}:\n{file['content']}")


def main() -> None:
    """Runs it against MiniMax with a key, else against the emulator."""
    if sys.version_info < (3, 11):
        print("deepagents needs Python 3.11.")
        return
    if os.environ.get("MINIMAX_API_KEY"):
        run()
        return
    with Emulator(replies=SCRIPT) as emulator:
        print(f"MINIMAX_API_KEY is not set: talking to an emulator, {emulator.url}.")
        os.environ["MINIMAX_API_KEY"] = emulator.api_key
        os.environ["MINIMAX_BASE_URL"] = emulator.base_url
        run()
        print("What the server wrote down:")
        print(emulator.report())


if __name__ == "__main__":
    main()
