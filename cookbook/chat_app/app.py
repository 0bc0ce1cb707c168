"""A chat with a LangGraph agent in the browser: `python cookbook/chat_app/app.py`.

Without `MINIMAX_API_KEY` the agent talks to an emulated MiniMax on this machine; with a
key, to MiniMax itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from composer import Composer, Image
from langchain.agents import create_agent
from langchain_core.messages import BaseMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.constants import START
from nicegui import app, core, ui
from rendering import colours
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from tools import TOOLS
from turn import Turn

from langchain_minimax import ChatMiniMax, MiniMaxError
from langchain_minimax.testing import Emulator

MODEL = "MiniMax-M3"
HOSTS = ["127.0.0.1", "localhost"]
PROMPT = "Answer briefly, in Markdown. Use the tools where they help."
STYLE = Path(__file__).with_name("style.css").read_text("utf-8")
SUGGESTIONS = [
    'Calculate "(17 + 4) * 2.5".',
    "What time is it in Tokyo?",
    'Search the documentation for "signatures of thinking".',
]
EMULATED = (
    "MINIMAX_API_KEY is not set, so an emulated MiniMax on this machine answers. It "
    "calls the tools and reads their results, but it knows nothing."
)
REPAINT = 0.1  # seconds
# Markdown may name pictures on other servers, and asking for one would tell its server
# whatever the model was made to write into the address.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval'; img-src 'self' data: blob:; "
    "form-action 'none'; frame-ancestors 'none'"
)


class Chat:
    """One tab: its thread, the turns on the page, and the box to write into."""

    def __init__(self, agent: Any, memory: dict[str, Any], emulated: bool) -> None:
        self._agent = agent
        self._memory = memory
        self._emulated = emulated
        self._task: asyncio.Task[Any] | None = None
        self._header()
        with ui.element("main"):
            self._column = ui.element("div").classes("thread")
        self._composer = Composer(self.ask, self.stop)
        ui.context.client.on_disconnect(self.stop)  # nobody reads on

    # --- What is on the page

    def _header(self) -> None:
        with ui.element("header"):
            ui.label(f"Chat with {MODEL}").classes("title")
            if self._emulated:
                ui.label("emulated").classes("badge")
            button = ui.button("New chat", color=None, on_click=self.begin_anew)
            button.props("flat no-caps dense icon=add")

    async def show_thread(self) -> None:
        """Shows what was said before, or what could be asked first."""
        self._memory.setdefault("thread", uuid4().hex)
        messages = await self._messages()
        self._column.clear()
        with self._column:
            if not messages:
                self._welcome()
            for message in messages:
                if isinstance(message, HumanMessage):
                    turn = Turn(message)
                else:
                    turn.show(message)
                    turn.finish()

    def _welcome(self) -> None:
        with ui.element("div").classes("welcome"):
            ui.label("What would you like to know?").classes("title")
            if self._emulated:
                ui.label(EMULATED).classes("note")
            for words in SUGGESTIONS:
                ui.button(
                    words, color=None, on_click=lambda words=words: self.ask(words)
                ).props("outline no-caps")

    # --- What happens

    @property
    def _thread(self) -> Any:
        return {"configurable": {"thread_id": self._memory["thread"]}}

    async def ask(self, text: str, images: Sequence[Image] = ()) -> None:
        """Puts a question, and shows the answer as it comes."""
        if self._task or not (text.strip() or images):
            return
        self._task = asyncio.current_task()
        content = [*images, {"type": "text", "text": text.strip()}]
        question = HumanMessage(content, id=uuid4().hex)
        self._composer.fill_in("", ())
        self._composer.show_running(True)
        with self._column:
            turn = Turn(question)
            painter = ui.timer(REPAINT, turn.paint)
        try:
            async for piece, _ in self._agent.astream(
                {"messages": [question]}, self._thread, stream_mode="messages"
            ):
                turn.show(piece)
        except asyncio.CancelledError:
            turn.note("Stopped.")
            raise
        except Exception as error:
            turn.note(f"{type(error).__name__}: {error}", "error")
            await self._take_back(question)
            self._composer.fill_in(text, images)
            if not isinstance(error, MiniMaxError):
                raise  # into the log
        finally:
            turn.finish()
            painter.cancel()
            self._composer.show_running(False)
            self._task = None

    async def _messages(self) -> list[BaseMessage]:
        state = await self._agent.aget_state(self._thread)
        return state.values.get("messages", [])

    async def _take_back(self, question: BaseMessage) -> None:
        """Removes a question and what follows it: it might fail in every turn."""
        messages = await self._messages()
        asked = [message.id for message in messages].index(question.id)
        removals = [RemoveMessage(id=message.id) for message in messages[asked:]]
        await self._agent.aupdate_state(
            self._thread, {"messages": removals}, as_node=START
        )

    async def stop(self) -> None:
        """Breaks the answer off, and with it the connection to the model."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def begin_anew(self) -> None:
        """Begins another thread."""
        await self.stop()
        del self._memory["thread"]
        await self.show_thread()


@contextmanager
def somewhere() -> Iterator[tuple[ChatMiniMax, bool]]:
    """The model, and whether it is an emulated one."""
    if os.environ.get("MINIMAX_API_KEY"):
        yield ChatMiniMax(model=MODEL, thinking=True), False
        return
    with Emulator(stream_delay=0.03) as emulator:
        server = {"api_key": emulator.api_key, "base_url": emulator.base_url}
        yield ChatMiniMax(model=MODEL, thinking=True, **server), True


@app.middleware("http")
async def keep_to_this_server(request: Request, call_next: Any) -> Response:
    """Forbids the page to ask any other server for anything."""
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def answer_only_this_machine(port: int) -> None:
    """Refuses what another site sends through the browser of somebody at this machine.

    A name that its owner points at 127.0.0.1 would be a way around the same-origin
    policy; a web socket is not bound by that policy at all.
    """
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    # NiceGUI sets "*", and has no option for it.
    core.sio.eio.cors_allowed_origins = [f"http://{host}:{port}" for host in HOSTS]


def main() -> None:
    """Serves the chat on loopback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--no-browser", action="store_true", help="open none")
    options = parser.parse_args()
    answer_only_this_machine(options.port)
    with somewhere() as (model, emulated):
        agent = create_agent(
            model, TOOLS, system_prompt=PROMPT, checkpointer=InMemorySaver()
        )

        async def page() -> None:
            ui.add_css(STYLE + colours())
            client = ui.context.client
            await client.connected()
            if not client.has_socket_connection:
                return  # given up: curl and its like fetch the page and open no socket
            await Chat(agent, app.storage.tab, emulated).show_thread()

        ui.run(
            page,
            host=HOSTS[0],
            port=options.port,
            title=f"Chat with {MODEL}",
            language="en-US",
            dark=None,
            tailwind=False,
            reload=False,
            show=not options.no_browser,
        )


if __name__ == "__main__":
    main()
