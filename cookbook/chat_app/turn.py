"""The messages of an agent's stream in, a turn on the page out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.messages.ai import add_usage
from nicegui import ui
from rendering import to_html

from langchain_minimax.costs import Cost, UnknownCostError, cost_of


def usage_line(replies: list[AIMessage]) -> str:
    """The tokens of a turn's calls in words, and their price where it is known."""
    usage = None
    for reply in replies:
        usage = add_usage(usage, reply.usage_metadata)
    if usage is None:
        return ""
    cached = usage.get("input_token_details", {}).get("cache_read", 0)
    thought = usage.get("output_token_details", {}).get("reasoning", 0)
    line = (
        f"{usage['input_tokens']:,} tokens in ({cached:,} from the cache) · "
        f"{usage['output_tokens']:,} out ({thought:,} thinking)"
    )
    try:
        return f"{line} · {sum(map(cost_of, replies), Cost())} at list price"
    except UnknownCostError:
        return line


def show_image(block: Any) -> None:
    """Shows an image of a message."""
    source = f"data:{block['mime_type']};base64,{block['base64']}"
    ui.image(source).classes("picture").props("no-transition no-spinner")


def _nothing(*_: Any) -> None:
    pass


@dataclass
class _Step:
    """Text that grows, until it ends."""

    kind: str = ""
    paint: Callable[[str], object] = _nothing
    end: Callable[[], object] = _nothing
    text: str = ""


class Turn:
    """A question and what follows: thoughts, tool calls, an answer, and their usage."""

    def __init__(self, question: BaseMessage) -> None:
        with ui.element("div").classes("question"):
            for block in question.content_blocks:
                if block["type"] == "image":
                    show_image(block)
            if question.text:
                ui.label(question.text).classes("bubble")
        with ui.element("section").classes("turn"):
            self._steps = ui.element("div").classes("steps").props("aria-live=polite")
            self._usage = ui.label().classes("usage")
        self._step = _Step()
        self._calls: dict[str | None, ui.element] = {}
        self._replies: list[AIMessage] = []

    def show(self, message: BaseMessage) -> None:
        """Takes a piece of a reply, a whole one, or the result of a tool."""
        if isinstance(message, ToolMessage):
            self._result(message)
            return
        for block in message.content_blocks:
            match block:
                case {"type": "reasoning", "reasoning": str(text)}:
                    self._grow("thought", text)
                case {"type": "text", "text": str(text)}:
                    self._grow("answer", text)
                case {"type": "tool_call_chunk" | "tool_call"}:
                    self._call(**block)
        if isinstance(message, AIMessage) and message.usage_metadata:
            self._replies.append(message)
            self._usage.text = usage_line(self._replies)

    def note(self, text: str, kind: str = "note") -> None:
        """Says what the model did not."""
        self.finish()
        with self._steps:
            ui.label(text).classes(kind)

    def paint(self) -> None:
        """Brings what has grown to the page."""
        self._step.paint(self._step.text)

    def finish(self) -> None:
        """Ends the step that was growing."""
        self._begin(_Step())

    def _begin(self, step: _Step) -> None:
        self.paint()
        self._step.end()
        self._step = step

    def _grow(self, kind: str, text: str) -> None:
        if not text:
            return
        if kind != self._step.kind:
            with self._steps:
                self._begin(_OPEN[kind]())
        self._step.text += text

    def _call(
        self, name: str | None, args: Any, id: str | None = None, **_: Any
    ) -> None:
        if name:
            with self._steps:
                self._calls[id] = ui.element("div").classes("call")
            with self._calls[id], ui.element("div").classes("request"):
                ui.icon("build")
                ui.label(name).classes("name")
                arguments = ui.label().classes("arguments")
            self._begin(_Step("call", arguments.set_text))
        if isinstance(args, dict):  # a whole call
            args = json.dumps(args, ensure_ascii=False, separators=(",", ":"))
        self._step.text += args or ""

    def _result(self, message: ToolMessage) -> None:
        self.finish()
        with self._calls[message.tool_call_id]:
            ui.label(message.text).classes(f"result {message.status}")


def _thought() -> _Step:
    with ui.element("details").props("open").classes("thought") as box:
        with ui.element("summary"):
            ui.icon("psychology")
            title = ui.label("Thinking …")
        label = ui.label().classes("words")

    def end() -> None:
        title.text = "Thought"
        box.props(remove="open")

    return _Step("thought", label.set_text, end)


def _answer() -> _Step:
    html = ui.html().classes("nicegui-markdown answer")
    return _Step("answer", lambda text: html.set_content(to_html(text)))


_OPEN = {"thought": _thought, "answer": _answer}
