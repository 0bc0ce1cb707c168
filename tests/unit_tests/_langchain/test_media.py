from __future__ import annotations

import base64
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.content import (
    create_audio_block,
    create_file_block,
    create_image_block,
    create_plaintext_block,
    create_video_block,
)

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Json,
    Media,
    Text,
    ToolResult,
    Turn,
)
from langchain_minimax._dialects import anthropic
from langchain_minimax._langchain.media import (
    MEDIA,
    UNSUPPORTED,
    check_media,
    to_media,
)
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._langchain.options import Options
from langchain_minimax._repair import repair
from langchain_minimax.catalogue import CARDS, ModelCard, card
from langchain_minimax.errors import MiniMaxInvalidRequestError

MARK = {"type": "ephemeral"}
PAGE = "https://example.com/a.png"
FILM = "https://example.com/a.mp4"

BEGINNINGS = {
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\n\n\x00\x00WEBPVP8 ",
    "video/mp4": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00",
    "video/mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00",
    "video/avi": b"RIFF\n\n\x00\x00AVI LIST",
    "video/x-matroska": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81",
}


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = base64_of(BEGINNINGS["image/png"])
MP4 = base64_of(BEGINNINGS["video/mp4"])


def media(**part: Any) -> Media:
    made = to_media(part)
    assert made is not None
    return made


def source(**part: Any) -> Json:
    """What the wire says of a part."""
    return anthropic._block(media(**part))["source"]


def refused(words: str, **part: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match=words):
        to_media(part)


# --- Where it is, or what, in everybody's words --------------------------------------

URLS: dict[str, Json] = {
    "LangChain": {"type": "image", "url": PAGE},
    "LangChain's maker": dict(create_image_block(url=PAGE)),
    "LangChain before 1.0": {"type": "image", "source_type": "url", "url": PAGE},
    "OpenAI": {"type": "image_url", "image_url": {"url": PAGE}},
    "OpenAI, short": {"type": "image_url", "image_url": PAGE},
    "OpenAI's Responses": {"type": "input_image", "image_url": PAGE},
    "Anthropic": {"type": "image", "source": {"type": "url", "url": PAGE}},
    "with blanks around": {"type": "image", "url": f" {PAGE}\n"},
    "nothing beside it": {
        "type": "image",
        "url": PAGE,
        "base64": None,
        "file_id": None,
    },
    "of a chunk": {"type": "image", "url": PAGE, "index": 3, "id": "lc_1"},
}


@pytest.mark.parametrize("part", URLS.values(), ids=URLS)
def test_an_image_may_be_at_an_address(part: Json) -> None:
    assert media(**part) == Media("image", url=PAGE)
    assert source(**part) == {"type": "url", "url": PAGE}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video", "url": FILM},
        dict(create_video_block(url=FILM)),
        {"type": "video", "source_type": "url", "url": FILM},
        {"type": "video_url", "video_url": {"url": FILM}},
        {"type": "video_url", "video_url": FILM},
        {"type": "input_video", "video_url": FILM},
        {"type": "video", "source": {"type": "url", "url": FILM}},
    ],
    ids=[
        *("LangChain", "its maker", "before 1.0", "OpenAI", "OpenAI, short"),
        *("Responses", "Anthropic"),
    ],
)
def test_a_video_may_be_at_an_address(part: Json) -> None:
    assert media(**part) == Media("video", url=FILM)


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS", "Http"])
def test_an_address_is_of_the_web_however_it_is_spelled(scheme: str) -> None:
    url = f"{scheme}://example.com/a.png"
    assert media(type="image", url=url) == Media("image", url=url)


DATA: dict[str, Json] = {
    "LangChain": {"type": "image", "base64": PNG, "mime_type": "image/png"},
    "LangChain's maker": dict(create_image_block(base64=PNG, mime_type="image/png")),
    "LangChain before 1.0": {
        "type": "image",
        "source_type": "base64",
        "data": PNG,
        "mime_type": "image/png",
    },
    "OpenAI": {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{PNG}"},
    },
    "OpenAI, short": {
        "type": "image_url",
        "image_url": f"data:image/png;base64,{PNG}",
    },
    "OpenAI's Responses": {
        "type": "input_image",
        "image_url": f"data:image/png;base64,{PNG}",
    },
    "Anthropic": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
    },
    "a data: URL": {"type": "image", "url": f"data:image/png;base64,{PNG}"},
    "a data: URL in the data": {
        "type": "image",
        "base64": f"data:image/png;base64,{PNG}",
        "mime_type": "image/jpeg",
    },
    "a data: URL in capitals": {
        "type": "image",
        "url": f"DATA:IMAGE/PNG;BASE64,{PNG}",
    },
    "a data: URL with more to say": {
        "type": "image",
        "url": f"data:image/png;charset=utf-8;name=a.png;base64,{PNG}",
    },
    "a data: URL without a type": {
        "type": "image",
        "url": f"data:;base64,{PNG}",
        "mime_type": "image/png",
    },
    "a data: URL that says nothing": {"type": "image", "url": f"data:;base64,{PNG}"},
    "a data: URL after a blank": {
        "type": "image",
        "url": f" data:image/png;base64,{PNG}",
    },
    "line breaks": {
        "type": "image",
        "base64": f" {PNG[:4]}\r\n{PNG[4:12]}\n{PNG[12:]}\n",
        "mime_type": "image/png",
    },
    "both": {"type": "image", "base64": PNG, "url": PAGE, "mime_type": "image/png"},
    "without a type": {"type": "image", "base64": PNG},
    "an empty type": {"type": "image", "base64": PNG, "mime_type": ""},
    "a type in capitals": {"type": "image", "base64": PNG, "mime_type": "IMAGE/PNG"},
    "a type with more to say": {
        "type": "image",
        "base64": PNG,
        "mime_type": "image/png; charset=binary",
    },
}


@pytest.mark.parametrize("part", DATA.values(), ids=DATA)
def test_an_image_may_be_there_itself(part: Json) -> None:
    assert media(**part) == Media("image", data=PNG, media_type="image/png")
    assert source(**part) == {
        "type": "base64",
        "media_type": "image/png",
        "data": PNG,
    }


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video", "base64": MP4, "mime_type": "video/mp4"},
        {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{MP4}"}},
        {"type": "video", "source": {"type": "base64", "data": MP4}},
    ],
    ids=["LangChain", "OpenAI", "Anthropic"],
)
def test_a_video_may_be_there_itself(part: Json) -> None:
    assert media(**part) == Media("video", data=MP4, media_type="video/mp4")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video", "file_id": "7"},
        {"type": "video", "file_id": 7},
        {"type": "video", "file_id": "mm_file://7"},
        dict(create_video_block(file_id="7")),
        {"type": "video", "source_type": "id", "id": "7"},
        {"type": "video", "url": "mm_file://7"},
        {"type": "video_url", "video_url": "mm_file://7"},
        {"type": "video_url", "video_url": {"url": "mm_file://7"}},
        {"type": "video", "source": {"type": "url", "url": "mm_file://7"}},
        {"type": "video", "source": {"type": "file", "file_id": "7"}},
    ],
    ids=[
        *("id", "number", "whole", "LangChain's maker", "before 1.0", "address"),
        *("OpenAI, short", "OpenAI", "Anthropic's address", "Anthropic's file"),
    ],
)
def test_a_video_may_have_been_uploaded(part: Json) -> None:
    assert media(**part) == Media("video", url="mm_file://7")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "file_id": "7"},
        dict(create_image_block(file_id="7")),
        {"type": "image", "source_type": "id", "id": "7"},
        {"type": "input_image", "file_id": "7"},
        {"type": "image_url", "image_url": {"url": "mm_file://7"}},
        {"type": "image", "source": {"type": "file", "file_id": "7"}},
    ],
    ids=["id", "LangChain's maker", "before 1.0", "Responses", "OpenAI", "Anthropic"],
)
def test_an_image_cannot_have_been_uploaded(part: Json) -> None:
    refused("videos to look at, no images", **part)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"url": None},
        {"image_url": None},
        {"image_url": {}},
        {"image_url": {"detail": "low"}},
        {"source": {"type": "base64", "media_type": "image/png"}},
        {"source": "https"},
        {"source_type": "id"},
        {"file_id": ""},
        {"file_id": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_is_nowhere_is_refused(part: Json, kind: str) -> None:
    refused(f"This {kind} says neither where it is nor what", type=kind, **part)


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/a.png",
        "/srv/a.png",
        "a.png",
        "ftp://example.com/a.png",
        "gs://bucket/a.png",
        "s3://bucket/a.png",
        "blob:https://example.com/1",
        "about:https://example.com",
        "data:image/png;base64",
        f"data:image/png,{PNG}",
        "//example.com/a.png",
        "https:example.com",
        "",
        " ",
        5,
        ["https://example.com"],
    ],
)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_minimax_cannot_fetch_is_refused(url: Any, kind: str) -> None:
    refused(f"cannot fetch the {kind} from .*base64", type=kind, url=url)


def test_a_long_address_is_not_repeated_whole() -> None:
    with pytest.raises(MiniMaxInvalidRequestError) as caught:
        to_media({"type": "image", "url": "x" * 100_000})
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("broken", ["A", ";"])
def test_a_broken_address_of_any_length_is_refused(broken: str) -> None:
    """How long that takes is measured in tests/benchmarks/tokens.py."""
    refused("cannot fetch", type="image", url="data:" + broken * 200_000)


@pytest.mark.parametrize(
    "data",
    ["", " \n", b"\x89PNG", 5, "€", "!!!!", "====", f"data:image/png;base64,{''}"],
)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_is_no_base64_is_refused(data: Any, kind: str) -> None:
    refused(f"`base64` of this {kind}", type=kind, base64=data, mime_type="image/png")


# --- Types ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("image/jpeg", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/gif", "image/gif"),
        ("image/webp", "image/webp"),
        ("video/mp4", "video/mp4"),
        ("video/mov", "video/mov"),
        ("video/quicktime", "video/mov"),
        ("VIDEO/QuickTime", "video/mov"),
        ("video/avi", "video/avi"),
        ("video/x-msvideo", "video/x-msvideo"),
        ("video/x-matroska", "video/x-matroska"),
        ("video/matroska", "video/x-matroska"),
        ("video/mkv", "video/x-matroska"),
    ],
)
@pytest.mark.parametrize("key", ["mime_type", "media_type"])
def test_a_type_goes_by_the_wires_own_word(said: str, sent: str, key: str) -> None:
    kind = said.partition("/")[0].lower()
    part = {"type": kind, "base64": "AAAA", key: said}
    assert source(**part) == {"type": "base64", "media_type": sent, "data": "AAAA"}
    url = f"data:{said};base64,AAAA"
    assert source(type=kind, url=url)["media_type"] == sent


@pytest.mark.parametrize(
    ("name", "beginning"), BEGINNINGS.items(), ids=BEGINNINGS.keys()
)
def test_a_file_of_which_nothing_was_said_speaks_for_itself(
    name: str, beginning: bytes
) -> None:
    kind = name.partition("/")[0]
    for rest in (b"", b"\x00", b"\n" * 1000):
        data = base64_of(beginning + rest)
        assert media(type=kind, base64=data).media_type == name
    assert media(type=kind, base64=f"\n{data}", mime_type=None).media_type == name


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "image", "base64": "AAAA", "mime_type": "image/bmp"}, "image/bmp"),
        ({"type": "image", "base64": "AAAA", "mime_type": "png"}, "is png"),
        ({"type": "image", "url": "data:image/svg+xml;base64,AAAA"}, "svg"),
        ({"type": "image", "base64": PNG, "mime_type": "video/mp4"}, "is video/mp4"),
        ({"type": "image", "base64": MP4}, "JPEG, PNG, GIF or WEBP.*is video/mp4"),
        ({"type": "video", "base64": PNG}, "MP4, MOV, AVI or MKV.*is image/png"),
        ({"type": "video", "base64": "AAAA", "mime_type": "video/webm"}, "video/webm"),
        ({"type": "image", "base64": "AAAA"}, "unknown type: say its `mime_type`"),
        ({"type": "image", "base64": "A"}, "no base64 text"),
        ({"type": "video", "base64": base64_of(b"RIFF\x00\x00\x00\x00WAVE")}, "unkno"),
    ],
)
def test_what_minimax_cannot_read_is_refused(part: Json, words: str) -> None:
    refused(words, **part)


@pytest.mark.parametrize("length", [2**16 - 4, 2**16, 2**17])
def test_a_long_base64_text_is_looked_at_to_its_end(length: int) -> None:
    for end in ("AA==", "AAA=", "AAAA", "AA-A", "AAA\nA"):
        data = length * "A" + end
        found = media(type="image", base64=data, mime_type="image/png").data
        assert found == data.replace("-", "+").replace("\n", "")
    for end in ("AA=A", "A===", "AAAé", "AAA,", ",AAA", "AAA\udcff", "AAAA,"):
        with pytest.raises(MiniMaxInvalidRequestError, match="no base64 text"):
            media(type="image", base64=length * "A" + end, mime_type="image/png")


# --- Options -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "url": PAGE, "detail": "high"},
        {"type": "image", "url": PAGE, "extras": {"detail": "high"}},
        {"type": "image", "url": PAGE, "extras": {"detail": "low"}, "detail": "high"},
        {"type": "image_url", "image_url": {"url": PAGE, "detail": "high"}},
        {"type": "image_url", "image_url": PAGE, "detail": "high"},
        {"type": "input_image", "image_url": PAGE, "detail": "high"},
        {"type": "image", "source": {"type": "url", "url": PAGE, "detail": "high"}},
        {"type": "image", "source": {"type": "url", "url": PAGE}, "detail": "high"},
        dict(create_image_block(url=PAGE, detail="high")),
    ],
    ids=[
        *("beside", "extras", "in both", "OpenAI", "beside OpenAI's", "Responses"),
        *("in the source", "beside the source", "LangChain's maker"),
    ],
)
def test_an_option_may_stand_anywhere(part: Json) -> None:
    assert source(**part) == {"type": "url", "url": PAGE, "detail": "high"}


def test_all_options_go_along() -> None:
    options = {"detail": "low", "fps": 2.5, "max_long_side_pixel": 512}
    assert media(type="video", url=FILM, **options).options == options
    assert source(type="video", base64=MP4, extras=options) == {
        "type": "base64",
        "media_type": "video/mp4",
        "data": MP4,
        **options,
    }


def test_what_else_an_anthropic_source_says_goes_along() -> None:
    said = {"type": "base64", "media_type": "image/png", "data": PNG, "quality": 7}
    assert source(type="image", source=said) == said


def test_what_else_a_part_says_does_not() -> None:
    said = {"id": "lc_1", "index": 0, "alt": "A dune.", "title": "Dune", "extras": {}}
    assert source(type="image", url=PAGE, **said) == {"type": "url", "url": PAGE}


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("detail", "low", "low"),
        ("detail", "default", "default"),
        ("detail", "high", "high"),
        ("detail", "auto", "default"),
        ("fps", 0.2, 0.2),
        ("fps", 1, 1),
        ("fps", 5, 5),
        ("max_long_side_pixel", 1, 1),
        ("max_long_side_pixel", 10_000, 10_000),
    ],
)
def test_an_option_within_its_range_is_sent(name: str, value: Any, sent: Any) -> None:
    assert media(type="video", url=FILM, **{name: value}).options == {name: sent}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("detail", "medium"),
        ("detail", "LOW"),
        ("detail", ""),
        ("detail", 1),
        ("detail", ["low"]),
        ("fps", 0.19),
        ("fps", 5.01),
        ("fps", 0),
        ("fps", -1),
        ("fps", True),
        ("fps", "1"),
        ("fps", "auto"),
        ("fps", float("nan")),
        ("fps", float("inf")),
        ("max_long_side_pixel", 0),
        ("max_long_side_pixel", -5),
        ("max_long_side_pixel", True),
        ("max_long_side_pixel", 512.0),
        ("max_long_side_pixel", "512"),
    ],
)
def test_an_option_beyond_its_range_is_refused_by_name(name: str, value: Any) -> None:
    refused(
        f"`{name}` of an image or video is", type="video", url=FILM, **{name: value}
    )
    refused(
        f"`{name}` of an image or video is",
        type="video",
        source={"type": "url", "url": FILM, name: value},
    )


def test_an_option_of_none_is_none() -> None:
    part = {"url": PAGE, "detail": None}
    assert media(type="image_url", image_url=part).options == {}


def test_an_image_has_no_frames() -> None:
    refused("`fps` is for videos", type="image", url=PAGE, fps=1)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "url": PAGE, "cache_control": MARK},
        {"type": "image", "url": PAGE, "extras": {"cache_control": MARK}},
        {"type": "image_url", "image_url": {"url": PAGE}, "cache_control": MARK},
        {
            "type": "image",
            "source": {"type": "url", "url": PAGE},
            "cache_control": MARK,
        },
    ],
    ids=["beside", "extras", "OpenAI", "Anthropic"],
)
def test_a_cache_mark_is_the_blocks_own(part: Json) -> None:
    assert anthropic._block(media(**part)) == {
        "type": "image",
        "source": {"type": "url", "url": PAGE},
        "cache_control": MARK,
    }


def test_a_part_stays_as_it_is() -> None:
    part = {"type": "image", "source": {"type": "url", "url": PAGE}, "detail": "auto"}
    made = media(**part)
    assert part == {
        "type": "image",
        "source": {"type": "url", "url": PAGE},
        "detail": "auto",
    }
    assert made.options is not part["source"]


# --- What MiniMax has no input for ---------------------------------------------------

FOREIGN: dict[str, tuple[Json, str]] = {
    "audio": (dict(create_audio_block(url="https://example.com/a.wav")), "no audio"),
    "OpenAI's audio": (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        "no audio",
    ),
    "file": (dict(create_file_block(url="https://example.com/a.pdf")), "no documents"),
    "OpenAI's file": (
        {"type": "file", "file": {"file_data": "AAAA", "filename": "a.pdf"}},
        "no documents",
    ),
    "Responses' file": (
        {"type": "input_file", "file_data": "AAAA", "filename": "a.pdf"},
        "no documents",
    ),
    "Anthropic's document": (
        {"type": "document", "source": {"type": "url", "url": "https://a.example"}},
        "no documents",
    ),
    "plain text": (
        {"type": "text-plain", "url": "https://example.com/a.txt"},
        "no documents",
    ),
    "Google's": (
        {"type": "media", "mime_type": "application/pdf", "data": "AAAA"},
        "no documents",
    ),
    "older audio": (
        {"type": "audio", "source_type": "base64", "data": "AAAA"},
        "no audio",
    ),
}


@pytest.mark.parametrize(("part", "words"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    "message",
    [
        lambda part: HumanMessage(["Look:", part]),
        lambda part: SystemMessage([part]),
        lambda part: ToolMessage(["There:", part], tool_call_id="c1"),
        lambda part: HumanMessage([{"type": "non_standard", "value": part}]),
        lambda part: HumanMessage(
            [{"type": "tool_result", "tool_use_id": "c1", "content": [part]}]
        ),
    ],
    ids=["human", "system", "tool", "non-standard", "Anthropic's result"],
)
def test_what_minimax_has_no_input_for_is_refused_by_name(
    part: Json, words: str, message: Any
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match=f"{words}.*'{part['type']}'"):
        to_conversation([message(part)])


def test_all_that_is_refused_is_tried() -> None:
    assert {part["type"] for part, _ in FOREIGN.values()} == UNSUPPORTED


@pytest.mark.parametrize("kind", ["text", "tool_use", "magic", "web_search_call"])
def test_everything_else_is_no_media(kind: str) -> None:
    assert kind not in MEDIA | UNSUPPORTED
    assert to_media({"type": kind, "url": PAGE}) is None


# --- Where it stands -----------------------------------------------------------------

IMAGE = {"type": "image", "url": PAGE}


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        (HumanMessage(["Look:", IMAGE]), (Text("Look:"), Media("image", url=PAGE))),
        (SystemMessage([IMAGE]), (Media("image", url=PAGE),)),
        (AIMessage(["Look:", IMAGE]), (Text("Look:"), Media("image", url=PAGE))),
        (
            ToolMessage(["Look:", IMAGE], tool_call_id="c1"),
            (ToolResult("c1", (Text("Look:"), Media("image", url=PAGE))),),
        ),
        (
            HumanMessage(
                [{"type": "tool_result", "tool_use_id": "c1", "content": [IMAGE]}]
            ),
            (ToolResult("c1", (Media("image", url=PAGE),)),),
        ),
    ],
    ids=["human", "system", "ai", "tool", "Anthropic's result"],
)
def test_pictures_may_stand_in_every_message(
    message: BaseMessage, blocks: tuple[Block, ...]
) -> None:
    (turn,) = to_conversation([message]).turns
    assert turn.blocks == blocks


@pytest.mark.parametrize("provider", ["openai", "google_genai", "minimax", None])
@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ],
    ids=["LangChain", "OpenAI"],
)
def test_what_a_model_drew_is_kept_whoever_it_was(
    provider: str | None, part: Json
) -> None:
    said = {"model_provider": provider} if provider else {}
    message = AIMessage(["Look:", part], response_metadata=said)
    assert repair(to_conversation([HumanMessage("Draw."), message])).turns[1:] == (
        Turn("assistant", (Text("Look:"),)),
        Turn(
            "user",
            (
                Text('<message role="assistant">'),
                Media("image", data=PNG, media_type="image/png"),
                Text("</message>"),
            ),
        ),
    )


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "url": "gs://bucket/a.png"},
        {"type": "image", "file_id": "file-1"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/bmp"},
        {"type": "image"},
        {"type": "video", "url": FILM, "fps": 60},
    ],
    ids=["unreachable", "uploaded elsewhere", "unreadable", "nowhere", "out of range"],
)
def test_what_a_model_drew_and_cannot_be_shown_is_no_error_in_every_later_turn(
    part: Json,
) -> None:
    message = AIMessage(["Look:", part], response_metadata={"model_provider": "google"})
    (turn,) = to_conversation([message]).turns
    assert turn.blocks == (
        Text("Look:"),
        Text(f"({part['type']}: not available any more)"),
    )


@pytest.mark.parametrize("provider", ["openai", None])
@pytest.mark.parametrize(
    "part", [part for part, _ in FOREIGN.values()], ids=FOREIGN.keys()
)
def test_what_else_a_model_made_is_mentioned(part: Json, provider: str | None) -> None:
    said = {"model_provider": provider} if provider else {}
    message = AIMessage(["Listen:", part], response_metadata=said)
    (turn,) = to_conversation([message]).turns
    mention = Text(f"({part['type']}: not available any more)")
    assert turn.blocks == (Text("Listen:"), mention)


@pytest.mark.parametrize(
    ("part", "label"),
    [
        (dict(create_plaintext_block("Hi")), "<document>"),
        (
            dict(create_plaintext_block("Hi", title="A & B")),
            '<document title="A &amp; B">',
        ),
        ({"type": "document", "text": "Hi"}, "<document>"),
        (
            {
                "type": "document",
                "title": "News",
                "source": {"type": "text", "media_type": "text/plain", "data": "Hi"},
            },
            '<document title="News">',
        ),
    ],
    ids=["LangChain's", "with a title", "a retriever's", "Anthropic's"],
)
@pytest.mark.parametrize(
    "message",
    [
        lambda part: HumanMessage([part]),
        lambda part: AIMessage([part]),
        lambda part: AIMessage([part], response_metadata={"model_provider": "openai"}),
    ],
    ids=["human", "ours", "foreign"],
)
def test_a_document_of_words_is_words(part: Json, label: str, message: Any) -> None:
    (turn,) = to_conversation([message(part)]).turns
    assert turn.blocks == (Text(label), Text("Hi"), Text("</document>"))


@pytest.mark.parametrize(
    ("part", "kind", "where"),
    [
        ({"mime_type": "image/png", "data": PNG}, "image", {"data": PNG}),
        ({"mime_type": "video/mp4", "file_uri": FILM}, "video", {"url": FILM}),
    ],
    ids=["image", "video"],
)
@pytest.mark.parametrize("type", ["media", "file"])
def test_files_are_what_their_type_says(
    type: str, part: Json, kind: str, where: Json
) -> None:
    media = to_media({"type": type, **part})
    assert media is not None
    assert media.kind == kind
    assert {key: getattr(media, key) for key in where} == where


# --- What a model can see ------------------------------------------------------------


def showing(*blocks: Block) -> Conversation:
    return Conversation((), (Turn("user", (Text("Look:"), *blocks)),))


PICTURE = Media("image", url=PAGE)
MOVIE = Media("video", url=FILM)
BLIND = [row for row in CARDS if "image" not in row.inputs]
SEEING = [row for row in CARDS if "image" in row.inputs]


@pytest.mark.parametrize("row", BLIND, ids=lambda row: row.id)
@pytest.mark.parametrize(
    ("conversation", "words"),
    [
        (showing(PICTURE), "an image"),
        (showing(MOVIE), "a video"),
        (showing(ToolResult("c1", (Text("There:"), PICTURE))), "an image"),
    ],
    ids=["image", "video", "in a result"],
)
def test_a_model_that_cannot_see_is_named_with_those_that_can(
    row: ModelCard, conversation: Conversation, words: str
) -> None:
    with pytest.raises(
        MiniMaxInvalidRequestError, match=f"{row.id} cannot see.*{words}"
    ) as caught:
        check_media(conversation, row.id, row)
    named = str(caught.value).partition("These models can: ")[2]
    assert named == "MiniMax-M3.1-Flash, MiniMax-M3."


@pytest.mark.parametrize("row", SEEING, ids=lambda row: row.id)
def test_a_model_that_sees_is_shown_all(row: ModelCard) -> None:
    check_media(showing(PICTURE, MOVIE), row.id, row)


@pytest.mark.parametrize("row", CARDS, ids=lambda row: row.id)
def test_every_model_reads(row: ModelCard) -> None:
    check_media(showing(ToolResult("c1", "sand")), row.id, row)


def test_of_an_unknown_model_nothing_is_known() -> None:
    large = Media("image", data="A" * 15_000_000, media_type="image/png")
    check_media(showing(PICTURE, MOVIE, large), "somebody-elses", None)


def test_the_model_of_the_request_is_asked() -> None:
    options = {"stream": False, "official": True}
    request = Options(model="MiniMax-M3").request(showing(PICTURE), **options)
    assert request.conversation == showing(PICTURE)
    with pytest.raises(MiniMaxInvalidRequestError, match=r"M2\.7 cannot see"):
        Options(model="MiniMax-M2.7").request(showing(PICTURE), **options)
    Options(model="somebody-elses").request(showing(PICTURE), **options)


M3 = card("MiniMax-M3")


@pytest.mark.parametrize("over", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "limit", "words"),
    [
        ("image", 10, r"An image of 10\.0 MB is more than the 10 MB .* or give a URL"),
        ("video", 50, r"A video of 50\.0 MB is more than the 50 MB .*`MiniMaxFiles`"),
    ],
)
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(
    kind: Any, limit: int, words: str, over: int
) -> None:
    size = limit * 2**20
    fits = Media(kind, data=base64_of(bytes(size - over)), media_type="any")
    check_media(showing(fits), "MiniMax-M3", M3)
    large = Media(kind, data=base64_of(bytes(size + over + 1)), media_type="any")
    with pytest.raises(MiniMaxInvalidRequestError, match=words):
        check_media(showing(large), "MiniMax-M3", M3)
    with pytest.raises(MiniMaxInvalidRequestError, match=words):
        check_media(showing(ToolResult("c1", (large,))), "MiniMax-M3", M3)


def test_what_is_at_an_address_may_be_of_any_size() -> None:
    media = Media("video", url=f"{FILM}?{'x' * 100_000}")
    check_media(showing(media), "MiniMax-M3", M3)
