from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from email import message_from_bytes
from typing import Any

import pytest

from langchain_minimax._native import (
    FilePart,
    Form,
    NativeReader,
    native_call,
    resolve_native_url,
)
from langchain_minimax.errors import (
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
)

SECRET = "sk-api-0123456789abcdefghijklmnop"
LIST = "/v1/files/list"
JSON = {"content-type": "application/json; charset=utf-8", "trace-id": "0697"}

# --- Where to ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "host"),
    [("global", "https://api.minimax.io"), ("china", "https://api.minimax.cn")],
)
def test_a_region_has_its_host(region: str, host: str):
    assert resolve_native_url(None, region, LIST) == f"{host}/v1/files/list"


@pytest.mark.parametrize(
    "given",
    [
        "https://api.minimax.io",
        "https://api.minimax.io/",
        "https://api.minimax.io/anthropic",
        "https://api.minimax.io/anthropic/",
        "https://api.minimax.io/anthropic/v1/messages?beta=true",
        "https://api.minimax.io/v1",
        "https://api.minimax.io/v1/chat/completions",
        "https://api.minimax.io/v1/files/upload",
        "https://api.minimax.io/v1/text/chatcompletion_v2",
        " https://api.minimax.io\n",
        "api.minimax.io",
    ],
)
def test_every_spelling_of_minimaxs_own_address_will_do(given: str):
    assert resolve_native_url(given, "china", LIST) == (
        "https://api.minimax.io/v1/files/list"
    )


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("localhost:8000/", "http://localhost:8000"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/anthropic", "http://localhost:8000"),
        ("http://localhost:8000/anthropic/", "http://localhost:8000"),
        ("http://localhost:8000/anthropic/v1", "http://localhost:8000"),
        ("http://localhost:8000/anthropic/v1/messages", "http://localhost:8000"),
        ("http://localhost:8000/v1/messages", "http://localhost:8000"),
        ("http://localhost:8000/v1/chat/completions/", "http://localhost:8000"),
        ("http://localhost:8000/v1/files", "http://localhost:8000"),
        ("http://localhost:8000/v1/files/upload", "http://localhost:8000"),
        ("http://localhost:8000/v1/embeddings", "http://localhost:8000"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("https://gate.example.com/minimax/v1", "https://gate.example.com/minimax"),
        ("https://gate.example.com/v1/team/m2", "https://gate.example.com/v1/team/m2"),
        ("https://gate.example.com/files", "https://gate.example.com"),
        ("https://gate.example.com/anthropics", "https://gate.example.com/anthropics"),
    ],
)
def test_another_server_is_asked_below_the_path_that_was_given(given: str, root: str):
    assert resolve_native_url(given, "global", LIST) == f"{root}/v1/files/list"


def test_another_servers_query_is_kept_beside_the_parameters():
    url = resolve_native_url("https://gate.example.com/v1?team=7", "global", LIST)
    call = native_call(
        "GET", url, dict, secret=None, headers={}, params={"purpose": "a b&c"}
    )
    assert call.url == ("https://gate.example.com/v1/files/list?team=7&purpose=a+b%26c")


@pytest.mark.parametrize("given", ["ftp://api.minimax.io", "https://u:p@example.com"])
def test_what_is_no_address_is_refused(given: str):
    with pytest.raises(ValueError, match="`base_url`"):
        resolve_native_url(given, "global", LIST)


# --- What is asked -------------------------------------------------------------------


def test_a_request_without_a_body():
    call = native_call("GET", "https://x/v1", dict, secret=SECRET, headers={"X-A": "1"})
    assert call.body == b""
    assert call.headers == {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "authorization": f"Bearer {SECRET}",
        "x-a": "1",
    }


def test_a_request_with_json():
    call = native_call(
        "POST", "https://x", dict, secret=None, headers={}, body={"file_id": 2**62}
    )
    assert isinstance(call.body, bytes)
    assert json.loads(call.body) == {"file_id": 2**62}
    assert call.headers["content-type"] == "application/json"
    assert "authorization" not in call.headers


def test_what_is_no_json_is_refused():
    with pytest.raises(MiniMaxInvalidRequestError, match="no JSON"):
        native_call(
            "POST", "https://x", dict, secret=None, headers={}, body={"a": object()}
        )


def test_the_callers_headers_win():
    headers = {"Authorization": "Bearer theirs-12345", "Accept": "*/*"}
    call = native_call("GET", "https://x", dict, secret=SECRET, headers=headers)
    assert call.headers["authorization"] == "Bearer theirs-12345"
    assert call.headers["accept"] == "*/*"
    assert {SECRET, "Bearer theirs-12345", "theirs-12345"} <= set(call.secrets)


def test_a_request_can_be_shown_without_its_secrets():
    call = native_call(
        "POST", "https://x", dict, secret=SECRET, headers={"x": "y"}, body={"a": "b"}
    )
    assert SECRET not in repr(call)


# --- Forms ---------------------------------------------------------------------------


def form(filename: str = "cat.mp4", **fields: str) -> Form:
    part = FilePart(filename, "video/mp4", 4, lambda: nullcontext(bytes), bool)
    return Form(fields or {"purpose": "video_understanding"}, part)


def parsed(given: Form, content: bytes = b"data") -> list[Any]:
    """What Python's own MIME parser reads in it."""
    head = f"content-type: {given.headers['content-type']}\r\n\r\n".encode()
    return message_from_bytes(head + given.head + content + given.tail).get_payload()


def test_a_form_says_what_it_holds():
    purpose, file = parsed(form(), b"da\r\n--ta")
    assert purpose.get_param("name", header="content-disposition") == "purpose"
    assert purpose.get_payload() == "video_understanding"
    assert file.get_param("name", header="content-disposition") == "file"
    assert file.get_filename() == "cat.mp4"
    assert file.get_content_type() == "video/mp4"
    assert file.get_payload(decode=True) == b"da\r\n--ta"


def test_a_form_knows_its_length():
    given = form("Übung 猫.mp4")
    whole = given.head + b"data" + given.tail
    assert given.headers["content-length"] == str(len(whole))
    assert 'filename="Übung 猫.mp4"'.encode() in given.head


def test_no_name_breaks_out_of_its_header():
    head = form('a"b\r\nx: y\udcff.mp4').head
    assert b'filename="a%22b%0D%0Ax: y?.mp4"' in head


def test_no_two_forms_have_one_boundary():
    assert form().boundary != form().boundary


def test_the_callers_content_type_does_not_break_a_form():
    given = form()
    call = native_call(
        "POST",
        "https://x",
        dict,
        secret=None,
        headers={"Content-Type": "application/json"},
        body=given,
    )
    assert call.headers["content-type"].endswith(given.boundary)


# --- What is answered ----------------------------------------------------------------


def answer(
    body: bytes, status: int = 200, headers: Mapping[str, str] = JSON
) -> dict[str, Any]:
    reader = NativeReader(dict, [SECRET])
    assert not reader.begun
    reader.begin(status, headers)
    assert reader.begun
    for cut in range(0, len(body), 7):
        assert reader.feed(body[cut : cut + 7]) == ()
    (document,) = reader.finish()
    return document


def test_an_answer():
    body = b'{"files": [], "base_resp": {"status_code": 0, "status_msg": "success"}}'
    assert answer(body)["files"] == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, MiniMaxAPIError),
        (1002, MiniMaxRateLimitError),
        (1004, MiniMaxAuthenticationError),
        ("1004", MiniMaxAuthenticationError),
        (2013, MiniMaxInvalidRequestError),
        (2049, MiniMaxAuthenticationError),
    ],
)
def test_a_failure_that_is_called_success(code: object, kind: type[MiniMaxError]):
    base = {"status_code": code, "status_msg": f"no, {SECRET}"}
    with pytest.raises(kind) as caught:
        answer(json.dumps({"file": None, "base_resp": base}).encode())
    assert caught.value.code == int(str(code))
    assert caught.value.status_code == 200
    assert caught.value.request_id == "0697"
    assert SECRET not in str(caught.value)
    assert caught.value.response is not None
    assert SECRET not in caught.value.response.text


def test_a_failure_with_a_status():
    with pytest.raises(MiniMaxInvalidRequestError, match="nothing at this address"):
        answer(b"404 page not found", 404, {"content-type": "text/plain"})


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b"[]", b'{"file":'])
def test_what_is_no_reply_of_minimaxs(body: bytes):
    with pytest.raises(MiniMaxResponseError, match="no reply of MiniMax's"):
        answer(body, headers={"content-type": "text/html"})


def test_an_answer_that_cannot_be_read_is_an_error_of_the_reply():
    def read(_: dict[str, Any]) -> None:
        raise MiniMaxResponseError(f"{SECRET} is no answer")

    reader = NativeReader(read, [SECRET])
    reader.begin(200, JSON)
    reader.feed(b"{}")
    with pytest.raises(MiniMaxResponseError, match=r"^\*\*\* is no answer") as caught:
        reader.finish()
    assert caught.value.request_id == "0697"
