"""A conversation in the terminal: thoughts dim, the answer as Markdown, tokens counted.

    python cookbook/terminal.py              # asks for questions; an empty one ends it
    python cookbook/terminal.py "Why …?"     # asks these

Needs `pip install rich`. Without `MINIMAX_API_KEY` an emulator answers, from a script.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from langchain_core.messages import AIMessageChunk, AnyMessage, HumanMessage
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from langchain_minimax import ChatMiniMax, MiniMaxError
from langchain_minimax import testing as emulated

QUESTION = "How do I reverse a list in Python?"
REPLY = emulated.Reply(
    [
        emulated.Thinking(
            "They want to reverse a list. There are two ways: in place, and as a copy. "
            "I should say when to use which, and show both."
        ),
        emulated.Text(
            "There are **two ways**:\n\n"
            "- `items.reverse()` changes the list itself\n"
            "- `items[::-1]` makes a new one\n\n"
            "```python\n"
            "items = [1, 2, 3]\n"
            "items[::-1]  # [3, 2, 1]\n"
            "```\n\n"
            "Take the first unless you still need the old order."
        ),
    ]
)


class Answer:
    """What has come of a reply so far, as something that rich can draw."""

    def __init__(self, model: ChatMiniMax) -> None:
        self.thought = ""
        self.text = ""
        self._model = model
        self._usage: str | None = None

    def add(self, chunk: AIMessageChunk) -> None:
        for block in chunk.content_blocks:
            if block["type"] == "reasoning":
                self.thought += block.get("reasoning", "")
            elif block["type"] == "text":
                self.text += block["text"]
        if tokens := chunk.usage_metadata:
            thinking = tokens.get("output_token_details", {}).get("reasoning", 0)
            self._usage = (
                f"{tokens['input_tokens']} tokens in, "
                f"{tokens['output_tokens']} out, {thinking} of them thinking"
            )

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self.thought:
            thought = Text(self.thought, style="dim italic")
            parts.append(Panel(thought, title="thinking", border_style="dim"))
        if self.text:
            parts.append(Markdown(self.text))
        parts.append(Text(self._usage or self._estimate(), style="cyan"))
        return Group(*parts)

    def _estimate(self) -> str:
        """MiniMax tells the usage at the end; until then the client estimates."""
        tokens = self._model.get_num_tokens(self.thought + self.text)
        return f"about {tokens} tokens out …"


def converse(model: ChatMiniMax, questions: Iterable[str], console: Console) -> None:
    """Asks one question after the other, in one conversation."""
    messages: list[AnyMessage] = []
    for question in questions:
        messages.append(HumanMessage(question))
        try:
            messages.append(show(model, messages, console))
        except MiniMaxError as error:
            console.print(Text(str(error), style="red"))
            messages.pop()


def show(
    model: ChatMiniMax, messages: list[AnyMessage], console: Console
) -> AIMessageChunk:
    """Draws a reply while it comes; the whole of it."""
    answer, whole = Answer(model), AIMessageChunk("")
    with Live(answer, console=console, vertical_overflow="visible"):
        for chunk in model.stream(messages):
            answer.add(chunk)
            whole += chunk
    return whole


def asked(console: Console) -> Iterator[str]:
    """The arguments, or what a person types, or the one that the script answers."""
    if sys.argv[1:]:
        yield from sys.argv[1:]
    elif console.is_terminal:
        yield from iter(lambda: console.input("\n[bold]> [/bold]").strip(), "")
    else:
        yield QUESTION


@contextmanager
def model_to_talk_to() -> Iterator[ChatMiniMax]:
    if os.environ.get("MINIMAX_API_KEY"):
        yield ChatMiniMax(model="MiniMax-M3", thinking=True)
        return
    # The delay makes the emulator write about as fast as a model does.
    with emulated.Emulator(replies=[REPLY], stream_delay=0.05) as server:
        print(f"MINIMAX_API_KEY is not set: an emulator answers. Try: {QUESTION}")
        yield ChatMiniMax(
            model="MiniMax-M3",
            thinking=True,
            api_key=server.api_key,
            base_url=server.base_url,
        )


def main() -> None:
    console = Console()
    # Ctrl-D and Ctrl-C are ways to leave.
    with model_to_talk_to() as model, suppress(EOFError, KeyboardInterrupt):
        converse(model, asked(console), console)


if __name__ == "__main__":
    main()
