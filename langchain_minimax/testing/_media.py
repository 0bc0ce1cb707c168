"""The source of an image or a video in, what is wrong with it out.

What is allowed is the official schema's (protocol.md 2.3), as are the limits; all words
but those of the unknown file are ours, for no refusal of a source was ever captured.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from langchain_minimax.testing._faults import Fault
from langchain_minimax.testing._refusals import bad, mismatch, missing
from langchain_minimax.testing._replies import Json

# A MOV is `video/mov` here; `video/quicktime` is for servers that a URL leads to.
MEDIA_TYPES = {
    "image": ("image/jpeg", "image/png", "image/gif", "image/webp"),
    "video": (
        "video/mp4",
        "video/mov",
        "video/avi",
        "video/x-msvideo",
        "video/x-matroska",
    ),
}

# In base64, 50 MB are more than the 64 MB of a body, so that limit is met first.
_LIMITS = {"image": 10 * 2**20, "video": 50 * 2**20}
_KEYS = {"url": {"url"}, "base64": {"media_type", "data"}}
_OPTIONS = {
    "image": {"detail", "max_long_side_pixel"},
    "video": {"detail", "max_long_side_pixel", "fps"},
}
_FITS: dict[str, Callable[[Any], bool]] = {
    "detail": lambda value: value in ("low", "default", "high"),
    "fps": lambda value: type(value) in (int, float) and 0.2 <= value <= 5,  # noqa: PLR2004 - the documented bounds
    "max_long_side_pixel": lambda value: type(value) is int and value >= 1,
}

_WEB = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_FILE = "mm_file://"


def source_problems(
    kind: str, source: Json, videos: Collection[int]
) -> Iterator[Fault]:
    """What is wrong with the `source` of an `image` or `video` block.

    Args:
        kind: The block's type.
        source: The block's source.
        videos: The ids of the files uploaded to be understood.
    """
    given = {key: value for key, value in source.items() if value is not None}
    way = given.get("type")
    if way not in tuple(_KEYS):
        yield bad(f"invalid source.type: '{way}' (allowed: url, base64)")
    else:
        unknown = given.keys() - {"type"} - _KEYS[way] - _OPTIONS[kind]
        if unknown:
            yield bad(f"{kind} source has no field {', '.join(sorted(unknown))}")
        if way == "url":
            yield from url_problems(kind, given.get("url"), videos)
        else:
            yield from _encoded_problems(kind, given)
        yield from option_problems(given)


def url_problems(kind: str, url: Any, videos: Collection[int]) -> Iterator[Fault]:
    """What is wrong with an address: it leads to the web or to an uploaded video."""
    if not isinstance(url, str):
        yield missing("url")
    elif url.startswith(_FILE):
        if kind != "video":
            yield bad(f"{_FILE} is for videos only")
        if url.removeprefix(_FILE) not in map(str, videos):
            # The words were seen where a voice is cloned, of an id of no file.
            yield bad("file_id not exist")
    elif not _WEB.fullmatch(url):
        yield bad("source.url must begin with http://, https:// or mm_file://")


def _encoded_problems(kind: str, source: Json) -> Iterator[Fault]:
    for name in ("media_type", "data"):
        if name not in source:
            yield missing(name)
        if not isinstance(source[name], str):
            yield mismatch(f"{name} string", source[name])
    yield from data_problems(kind, source["media_type"], source["data"])


def data_problems(kind: str, media_type: str, data: str) -> Iterator[Fault]:
    """What is wrong with base64 data of that media type."""
    if media_type not in MEDIA_TYPES[kind]:
        yield bad(f"unsupported {kind} media_type '{media_type}'")
    limit = _LIMITS[kind]
    if len(data) * 3 // 4 - data[-2:].count("=") > limit:
        yield Fault(413, message=f"{kind} exceeds {limit // 2**20} MB")
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        yield bad(f"{kind} data is not valid base64")


def option_problems(options: Json) -> Iterator[Fault]:
    """What is wrong with how an image or a video is to be looked at."""
    for name, fits in _FITS.items():
        if options.get(name) is not None and not fits(options[name]):
            yield bad(f"invalid {name}: {options[name]!r}")
