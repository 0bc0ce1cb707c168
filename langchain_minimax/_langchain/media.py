"""LangChain's, OpenAI's and Anthropic's image and video parts in, `Media` out.

Formats and limits: official OpenAPI of the Messages API, summer 2026; the media types
are the wire's own, which calls a MOV `video/mov`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from string import ascii_letters, digits
from typing import Any, Literal

from langchain_minimax._blocks import Conversation, Json, Media, ToolResult
from langchain_minimax._json import excerpt
from langchain_minimax.catalogue import CARDS, ModelCard
from langchain_minimax.errors import MiniMaxInvalidRequestError

Kind = Literal["image", "video"]

_KINDS: dict[str, Kind] = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "video": "video",
    "video_url": "video",
    "input_video": "video",
}
_REFUSED = {
    "audio": "audio",
    "input_audio": "audio",
    "file": "documents",
    "media": "documents",
    "input_file": "documents",
    "document": "documents",
    "text-plain": "documents",
}

MEDIA = frozenset(_KINDS)
"""The types of parts that are images or videos."""

UNSUPPORTED = frozenset(_REFUSED)
"""The types of parts that MiniMax has no input for."""

# What people call a type, and what the wire calls it.
_TYPES: dict[Kind, dict[str, str]] = {
    "image": {
        "image/jpeg": "image/jpeg",
        "image/jpg": "image/jpeg",
        "image/png": "image/png",
        "image/gif": "image/gif",
        "image/webp": "image/webp",
    },
    "video": {
        "video/mp4": "video/mp4",
        "video/mov": "video/mov",
        "video/quicktime": "video/mov",
        "video/avi": "video/avi",
        "video/x-msvideo": "video/x-msvideo",
        "video/x-matroska": "video/x-matroska",
        "video/matroska": "video/x-matroska",
        "video/mkv": "video/x-matroska",
    },
}
_FORMATS = {"image": "JPEG, PNG, GIF or WEBP", "video": "MP4, MOV, AVI or MKV"}
_LIMITS = {"image": 10, "video": 50}  # MB

_LARGE = {
    "image": "Make it smaller, or give a URL.",
    "video": "Upload it with `MiniMaxFiles`, which takes up to 512 MB.",
}
_A = {"image": "an image", "video": "a video"}

# How files of these types begin.
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG"), "image/png"),
    (re.compile(rb"GIF8"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftypqt", re.DOTALL), "video/mov"),
    (re.compile(rb"....ftyp", re.DOTALL), "video/mp4"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "video/avi"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "video/x-matroska"),
)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OPTIONS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "detail": (lambda v: v in ("low", "default", "high"), "low, default or high"),
    "fps": (
        lambda v: _is_number(v) and 0.2 <= v <= 5,  # noqa: PLR2004 - the official range
        "a number of frames a second from 0.2 to 5",
    ),
    "max_long_side_pixel": (
        lambda v: isinstance(v, int) and _is_number(v) and v >= 1,
        "a whole number of pixels, at least 1",
    ),
}
_OPENAI = {"auto": "default", "original": "high"}  # values of its `detail`
_ADDRESS = frozenset({"type", "url", "data", "media_type", "file_id", "cache_control"})
_ADDRESSES = frozenset(
    {
        *("url", "base64", "data", "file_id", "source", "source_type"),
        *("image_url", "video_url", "input_audio", "file", "text", "file_data"),
    }
)
_DATA_URL = re.compile(
    r"\s{0,8}data:(?P<type>[^;,]{0,80})[^,]{0,160};base64,", re.IGNORECASE
)
_BASE64 = (ascii_letters + digits + "+/").encode()
_PIECE = 2**16  # characters of base64 that are looked at at once
_WEB_SAFE = str.maketrans("-_", "+/")
_PADDING = 2
_HEAD = 32  # characters of base64 that tell a format
_REACHABLE = ("http:", "https:")
_UPLOADED = "mm_file://"


def to_media(part: Json) -> Media | None:
    """The image or video that a part of a message is, or `None` if it is neither.

    Understood are LangChain's standard blocks and their older form (`source_type`),
    OpenAI's `image_url` and `video_url` (a string or a dict), and Anthropic's
    `source`. The options `detail` (`low`, `default`, `high`), `fps` (0.2 to 5, for
    videos) and `max_long_side_pixel` (at least 1) may stand beside the address, in
    the part or in its `extras`.

    Raises:
        MiniMaxInvalidRequestError: If MiniMax has no such input, or cannot read it.
    """
    kind = part.get("type")
    if kind in ("media", "file"):  # Google's and LangChain's, for whatever it is
        kind = str(part.get("mime_type")).partition("/")[0]
        kind = kind if kind in ("image", "video") else "file"
    if not isinstance(kind, str):
        return None
    if kind in _REFUSED:
        msg = (
            f"MiniMax's chat models take no {_REFUSED[kind]} (a part of type "
            f"{part['type']!r}). Send the words in it as text, or a picture of it."
        )
        raise MiniMaxInvalidRequestError(msg)
    if kind not in _KINDS:
        return None
    return _media(_KINDS[kind], _flat(_KINDS[kind], part), part)


def check_media(conversation: Conversation, model: str, card: ModelCard | None) -> None:
    """Refuses what a model cannot see, or is too large for it.

    Args:
        conversation: What is to be sent.
        model: The model's name.
        card: Its card; without one nothing is known, and everything passes.

    Raises:
        MiniMaxInvalidRequestError: If the model cannot see, or a file is too large.
    """
    if card is None:
        return
    for media in _all_media(conversation):
        if media.kind not in card.inputs:
            seeing = (row.id for row in CARDS if _sees(row, media.kind))
            msg = (
                f"{model} cannot see, and the conversation has {_A[media.kind]} in "
                f"it. These models can: {', '.join(seeing)}."
            )
            raise MiniMaxInvalidRequestError(msg)
        size = _size(media.data or "")
        if size > _LIMITS[media.kind] * 2**20:
            msg = (
                f"{_A[media.kind].capitalize()} of {size / 2**20:.1f} MB is more than "
                f"the "
                f"{_LIMITS[media.kind]} MB that MiniMax takes in a message. "
                f"{_LARGE[media.kind]}"
            )
            raise MiniMaxInvalidRequestError(msg)


def _all_media(conversation: Conversation) -> Iterator[Media]:
    for turn in conversation.turns:
        for block in turn.blocks:
            if isinstance(block, Media):
                yield block
            elif isinstance(block, ToolResult) and not isinstance(block.content, str):
                yield from (part for part in block.content if isinstance(part, Media))


def _size(data: str) -> int:
    return len(data) * 3 // 4 - data.count("=", -2)


def _sees(card: ModelCard, kind: Kind) -> bool:
    return kind in card.inputs and card.status == "active"


# --- One part ------------------------------------------------------------------------


def _flat(kind: Kind, part: Json) -> Json:
    """All that a part says, wherever it says it, under one name each."""
    extras, source, named = (part.get(k) for k in ("extras", "source", f"{kind}_url"))
    said: Json = {}
    for place in (extras, part, named, source):
        if isinstance(place, dict):
            said |= {key: value for key, value in place.items() if value is not None}
    if isinstance(named, str):
        said["url"] = named
    if said.get("source_type") == "id":
        said["file_id"] = said.get("id")
    if "file_uri" in said:
        said["url"] = said["file_uri"]
    return said


def document_words(part: Json) -> str | None:
    """The words of a document that is nothing but words."""
    source = part.get("source")
    match source if isinstance(source, dict) else part:
        case {"type": "text", "data": str(words)} | {"text": str(words)}:
            return words
        case {"type": "content", "content": str(words)}:
            return words
        case {"type": "content", "content": list(parts)} if parts:
            texts = [each.get("text") for each in parts if isinstance(each, dict)]
            said = [text for text in texts if isinstance(text, str)]
            return "\n\n".join(said) if len(said) == len(parts) else None
        case _:
            return None


def shows(part: Json) -> bool:
    """Whether a part says where something is or what: a name alone is only data."""
    return not _ADDRESSES.isdisjoint(part)


def _media(kind: Kind, said: Json, part: Json) -> Media:
    url, data = said.get("url"), said.get("base64", said.get("data"))
    media_type = said.get("mime_type", said.get("media_type"))
    if url is None and data is None and said.get("file_id"):
        url = _uploaded(str(said["file_id"]))
    embedded = data if data is not None else url
    if isinstance(embedded, str) and (found := _DATA_URL.match(embedded)):
        url, data = None, embedded[found.end() :]
        media_type = found["type"] or media_type
    options, mark = _options(kind, said, part), said.get("cache_control")
    if data is None:
        return Media(kind, url=_url(kind, url), options=options, cache_control=mark)
    data = _base64(kind, data)
    media_type = _media_type(kind, media_type, data)
    return Media(
        kind, data=data, media_type=media_type, options=options, cache_control=mark
    )


def _uploaded(file_id: str) -> str:
    digits = file_id.removeprefix(_UPLOADED)
    if digits.isdecimal():
        return f"{_UPLOADED}{digits}"
    msg = (
        f"The file {excerpt(file_id, 80)!r} is not one of MiniMax's, whose ids are "
        "numbers: give what it shows by `url` or `base64`, or upload it with "
        "`MiniMaxFiles`."
    )
    raise MiniMaxInvalidRequestError(msg)


def _url(kind: Kind, url: object) -> str:
    if isinstance(url, str):
        url = url.strip()
        scheme = url.partition("//")[0].lower()
        if scheme in _REACHABLE or (url.startswith(_UPLOADED) and kind == "video"):
            return url
    if isinstance(url, str) and url.startswith(_UPLOADED):
        msg = (
            "MiniMax's Files API holds videos to look at, no images. Give the image "
            "as a URL or as base64."
        )
    elif url is None:
        msg = (
            f"This {kind} says neither where it is nor what: give `url`, or `base64` "
            "and `mime_type`."
        )
    else:
        msg = (
            f"MiniMax cannot fetch the {kind} from {excerpt(repr(url), 80)}: give an "
            "http(s) URL that it can reach, or the file as `base64` and `mime_type`; "
            "a large video as the block of `MiniMaxFiles.upload`."
        )
    raise MiniMaxInvalidRequestError(msg)


def _base64(kind: Kind, data: object) -> str:
    text = data if isinstance(data, str) else ""
    is_plain = _is_base64(text)
    if not is_plain:
        text = "".join(text.split()).translate(_WEB_SAFE)
        is_plain = _is_base64(text)
    if is_plain and (padding := -len(text) % 4) <= _PADDING:
        return text + "=" * padding
    msg = (
        f"The `base64` of this {kind} is no base64 text: make it with "
        "`base64.b64encode(…).decode()`."
    )
    raise MiniMaxInvalidRequestError(msg)


def _is_base64(text: str) -> bool:
    """Whether a text is nothing else; it may be long, and is not copied as a whole."""
    end = len(text) - text.count("=", -_PADDING)
    pieces = (text[at : min(at + _PIECE, end)] for at in range(0, end, _PIECE))
    return (
        end > 0
        and text.isascii()
        and not any(piece.encode().translate(None, _BASE64) for piece in pieces)
    )


def _media_type(kind: Kind, said: object, data: str) -> str:
    """The wire's word for a type; the file's own beginning if none was said."""
    given = said.partition(";")[0].strip().lower() if isinstance(said, str) else ""
    name = given or _sniffed(data)
    if name in _TYPES[kind]:
        return _TYPES[kind][name]
    msg = (
        f"MiniMax reads {kind}s in {_FORMATS[kind]}, and this one is "
        f"{name or 'of unknown type: say its `mime_type`'}."
    )
    raise MiniMaxInvalidRequestError(msg)


def _sniffed(data: str) -> str | None:
    try:
        head = base64.b64decode(data[:_HEAD])
    except ValueError:
        return None
    return next((name for pattern, name in _BEGINNINGS if pattern.match(head)), None)


# --- Options -------------------------------------------------------------------------


def _options(kind: Kind, said: Json, part: Json) -> Json:
    """The wire's options; whatever else an Anthropic `source` says goes along."""
    source = part.get("source")
    more = source if isinstance(source, dict) else {}
    options = {key: value for key, value in more.items() if key not in _ADDRESS}
    for name, (holds, words) in _OPTIONS.items():
        if name not in said:
            continue
        value = _OPENAI.get(str(said[name]), said[name])
        if not holds(value):
            msg = f"`{name}` of an image or video is {words}, not {said[name]!r}."
            raise MiniMaxInvalidRequestError(msg)
        options[name] = value
    if kind == "image" and "fps" in options:
        raise MiniMaxInvalidRequestError("`fps` is for videos; an image has none.")
    return options
