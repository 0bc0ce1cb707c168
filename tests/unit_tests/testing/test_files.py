"""What the Files API of the emulator makes of forms and files."""

import json

import pytest

from langchain_minimax.testing import RecordedRequest
from langchain_minimax.testing._files import Files, check_file, serve_file, videos

FORM = "multipart/form-data; boundary=cut"
PURPOSE = b'content-disposition: form-data; name="purpose"\r\n\r\nvoice_clone'
FILE = b'Content-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n\x00\xff'


def form(*parts: bytes) -> bytes:
    return b"".join(b"--cut\r\n" + part + b"\r\n" for part in parts) + b"--cut--\r\n"


def upload(raw: bytes, content_type: str = FORM) -> tuple[dict, Files]:
    files: Files = {}
    headers = {"authorization": "Bearer key", "content-type": content_type}
    record = RecordedRequest("POST", "/v1/files/upload", headers, raw)
    answer = serve_file(record, files, "key")
    assert answer is not None
    assert answer.status == 200
    return json.loads(answer.body), files


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff\xfe",
        b"\r\n",
        b"ends with a return\r",
        b"\r\n\r\nlooks like a head: really\r\n\r\n",
        b"not at the beginning of a line: --cut",
        b"behind half a line end:\n--cut",
    ],
)
def test_files_come_in_byte_for_byte(content):
    head, _, _ = FILE.partition(b"\r\n\r\n")

    said, files = upload(form(PURPOSE, head + b"\r\n\r\n" + content))

    [stored] = files.values()
    assert stored.bytes == content
    assert said["file"]["bytes"] == len(content)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="file"; filename="two words.MP3"', "two words.MP3"),
        ('filename="雨.mp3"; name="file"', "雨.mp3"),
        ("name=file; filename=bare.wav", "bare.wav"),
        ("name=\"file\"; filename*=utf-8''%E9%9B%A8.m4a", "雨.m4a"),
    ],
)
def test_file_names_come_in_however_they_are_spelled(disposition, name):
    head = f"Content-Type: audio/mpeg\r\nContent-Disposition: form-data; {disposition}"

    said, _ = upload(form(PURPOSE, head.encode() + b"\r\n\r\nx"))

    assert said["file"]["filename"] == name


def test_what_stands_around_the_form_is_nothing():
    raw = b"a preamble\r\n" + form(FILE, PURPOSE) + b"an epilogue\r\n\r\nwith a gap"

    said, _ = upload(raw, 'multipart/form-data; charset=utf-8; boundary="cut"')

    assert said["base_resp"] == {"status_code": 0, "status_msg": "success"}


@pytest.mark.parametrize(
    ("raw", "content_type", "words"),
    [
        (form(PURPOSE, FILE), "application/json", "the body is no multipart/form-data"),
        (form(PURPOSE, FILE), "multipart/form-data", "the body is no multipart"),
        (form(PURPOSE, FILE), "", "the body is no multipart/form-data"),
        (b"", FORM, "binding: expr_path=purpose, cause=missing required parameter"),
        (form(FILE), FORM, "binding: expr_path=purpose, cause=missing required"),
        (form(PURPOSE), FORM, "binding: expr_path=file, cause=missing required"),
        (form(PURPOSE + b"s", FILE), FORM, "invalid purpose: voice_clones"),
        (form(PURPOSE, FILE[:-2]), FORM, "file is empty"),
    ],
)
def test_refuses_forms(raw, content_type, words):
    said, files = upload(raw, content_type)

    assert said.keys() == {"base_resp"}
    assert said["base_resp"]["status_code"] == 2013
    assert said["base_resp"]["status_msg"].startswith(f"invalid params, {words}")
    assert not files


@pytest.mark.parametrize(
    ("purpose", "name", "size", "words"),
    [
        ("video_understanding", "v.webm", 1, "does not support .webm files"),
        ("video_understanding", "mp4", 512 * 2**20 + 1, "file exceeds 512 MB"),
        ("voice_clone", "v.mp4", 1, "does not support .mp4 files"),
        ("prompt_audio", "v.txt", 1, "does not support .txt files"),
        ("prompt_audio", "", 1, "does not support . files"),
        ("t2a_async_input", "t.txt", 0, "file is empty"),
    ],
)
def test_refuses_files(purpose, name, size, words):
    with pytest.raises(Exception, match=words):
        check_file(purpose, name, size)


@pytest.mark.parametrize("suffix", ["mp4", "AVI", "mov", "mkv"])
def test_accepts_videos_of_up_to_512_megabytes(suffix):
    check_file("video_understanding", f"a.b.{suffix}", 512 * 2**20)


def test_only_videos_can_be_named_in_a_message():
    _, files = upload(form(PURPOSE, FILE))

    assert not videos(files)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/files/upload"),
        ("DELETE", "/v1/files/delete"),
        ("GET", "/v1/files"),
        ("GET", "/anthropic/v1/files/list"),
    ],
)
def test_leaves_other_paths_alone(method, path):
    assert serve_file(RecordedRequest(method, path, {}), {}, "key") is None
