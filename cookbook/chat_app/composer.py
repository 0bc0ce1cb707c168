"""What a person types and attaches in, a text and image blocks out."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import events, ui
from turn import show_image

Image = dict[str, Any]
"""A block of LangChain's: type, base64 and mime_type."""

KINDS = "image/png,image/jpeg,image/gif,image/webp"
LARGEST = 10_000_000  # bytes (MiniMax's OpenAPI, summer 2026)

_ENTER = """(event) => {
  if (event.shiftKey || event.isComposing) return;
  event.preventDefault();
  emit();
}"""
_ADD_FILES = """(event) => {
  if (!event.%s.files.length) return;
  event.preventDefault();
  getElement(%d).addFiles(event.%s.files);
}"""


class Composer:
    """The box to write into, with a button that sends or stops."""

    def __init__(
        self,
        send: Callable[[str, Sequence[Image]], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._send_it = send
        self._stop = stop
        self._images: Sequence[Image] = ()
        self._running = False
        with ui.element("footer"), ui.element("div").classes("composer") as box:
            self._thumbnails = ui.element("div").classes("thumbnails")
            upload = ui.upload(
                on_upload=self._attach,
                on_rejected=lambda: ui.notify("PNG, JPEG, GIF or WEBP, up to 10 MB"),
                multiple=True,
                auto_upload=True,
                max_file_size=LARGEST,
            ).props(f'accept="{KINDS}"')
            with ui.element("div").classes("line"):
                _icon("image", "Attach an image").on(
                    "click", js_handler=f"() => getElement({upload.id}).pickFiles()"
                )
                self._text = ui.textarea(placeholder="Ask something").props(
                    'autogrow borderless dense autofocus aria-label="Message"'
                )
                self._button = _icon("arrow_upward", "Send", self._send_or_stop)
        self._text.on("keydown.enter", self._send, js_handler=_ENTER)
        for event, files in (("paste", "clipboardData"), ("drop", "dataTransfer")):
            box.on(event, js_handler=_ADD_FILES % (files, upload.id, files))

    def fill_in(self, text: str, images: Sequence[Image]) -> None:
        """Puts these into the box instead of what is there."""
        self._text.value, self._images = text, images
        self._thumbnails.clear()
        with self._thumbnails:
            for image in images:
                show_image(image)

    def show_running(self, running: bool) -> None:
        """Makes the button one that stops, or that sends."""
        self._running = running
        icon, label = ("stop", "Stop") if running else ("arrow_upward", "Send")
        self._button.props(f"icon={icon} aria-label={label}")

    async def _attach(self, event: events.UploadEventArguments) -> None:
        data = base64.b64encode(await event.file.read()).decode()
        image = {"type": "image", "base64": data, "mime_type": event.file.content_type}
        self.fill_in(self._text.value, [*self._images, image])

    async def _send(self) -> None:
        await self._send_it(self._text.value, self._images)

    async def _send_or_stop(self) -> None:
        await (self._stop() if self._running else self._send())


def _icon(name: str, label: str, on_click: Any = None) -> ui.button:
    button = ui.button(icon=name, color=None, on_click=on_click)
    return button.props(f'flat round dense aria-label="{label}"')
