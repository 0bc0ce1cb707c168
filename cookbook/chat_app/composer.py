"""What a person types and attaches in, a text and image blocks out."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import events, ui
from turn import show_image

Image = dict[str, Any]
"""A block of LangChain's: type, base64 and mime_type."""

KINDS = {  # and how a file of each begins
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF.{4}WEBP",
}
LARGEST = 10_000_000  # bytes (MiniMax's OpenAPI, summer 2026)
MOST = 4  # images in a question: a request has at most 64 MB (same source)
LIMITS = f"PNG, JPEG, GIF or WEBP, up to 10 MB, and {MOST} images at most"

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
                on_rejected=lambda: ui.notify(LIMITS),
                multiple=True,
                auto_upload=True,
                max_file_size=LARGEST,
            ).props(f'accept="{",".join(KINDS)}"')
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
        """Takes an image, whatever the browser should have refused already."""
        kind = None
        if event.file.size() <= LARGEST:
            data = await event.file.read()
            kind = kind_of(data)
        if kind is None or len(self._images) >= MOST:
            ui.notify(LIMITS)
            return
        image = {
            "type": "image",
            "base64": base64.b64encode(data).decode(),
            "mime_type": kind,
        }
        self.fill_in(self._text.value, [*self._images, image])

    async def _send(self) -> None:
        await self._send_it(self._text.value, self._images)

    async def _send_or_stop(self) -> None:
        await (self._stop() if self._running else self._send())


def kind_of(data: bytes) -> str | None:
    """The kind of an image by its first bytes, whatever its name says."""
    for kind, beginning in KINDS.items():
        if re.match(beginning, data, re.DOTALL):
            return kind
    return None


def _icon(name: str, label: str, on_click: Any = None) -> ui.button:
    button = ui.button(icon=name, color=None, on_click=on_click)
    return button.props(f'flat round dense aria-label="{label}"')
