"""The emulated Files API over HTTP."""

import time

import httpx
import pytest

from langchain_minimax.testing import Emulator, StoredFile

OK = {"status_code": 0, "status_msg": "success"}
MOVIE = bytes(range(256)) * 5
NOT_THERE = "invalid params, file_id not exist"
MISSING = "invalid params, binding: expr_path={}, cause=missing required parameter"


@pytest.fixture
def server():
    with Emulator(["I see it."]) as running:
        yield running


@pytest.fixture
def http(server):
    headers = {"authorization": f"Bearer {server.api_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=20) as client:
        yield client


def upload(http, name="v.mp4", purpose="video_understanding"):
    response = http.post(
        "/v1/files/upload",
        data={"purpose": purpose},
        files={"file": (name, MOVIE, "video/mp4")},
    )
    assert response.status_code == 200
    return response.json()


def test_a_file_is_uploaded_listed_retrieved_and_deleted(server, http):
    before = int(time.time())
    said = upload(http)
    file = said["file"]
    file_id = file["file_id"]
    upload(http, "a.mp3", "voice_clone")

    assert said == {"file": file, "base_resp": OK}
    assert type(file_id) is int
    assert len(str(file_id)) == 15
    assert before <= file["created_at"] <= time.time()
    assert file == {
        "file_id": file_id,
        "bytes": len(MOVIE),
        "created_at": file["created_at"],
        "filename": "v.mp4",
        "purpose": "video_understanding",
    }
    assert server.files[file_id] == StoredFile(
        file_id, "v.mp4", "video_understanding", MOVIE, file["created_at"]
    )

    listed = http.get("/v1/files/list", params={"purpose": "video_understanding"})
    assert listed.json() == {"files": [file], "base_resp": OK}

    found = http.get("/v1/files/retrieve", params={"file_id": file_id}).json()
    address = found["file"].pop("download_url")
    assert address.endswith("/v.mp4")
    assert found == {"file": file, "base_resp": OK}

    asked = {"file_id": file_id, "purpose": "video_understanding"}
    gone = http.post("/v1/files/delete", json=asked)
    assert gone.json() == {"file_id": file_id, "base_resp": OK}
    assert [stored.purpose for stored in server.files.values()] == ["voice_clone"]
    assert http.post("/v1/files/delete", json=asked).json() == {
        "base_resp": {"status_code": 2013, "status_msg": NOT_THERE}
    }


def test_requests_are_written_down(server, http):
    upload(http)
    http.get("/v1/files/list?purpose=voice_clone&purpose=prompt_audio&x=%E9%9B%A8")
    http.post("/v1/files/delete", json={"file_id": 7, "purpose": "voice_clone"})

    sent, listed, deleted = server.requests
    assert MOVIE in sent.raw
    assert (sent.body, sent.query, sent.status) == (None, {}, 200)
    assert listed.path == "/v1/files/list"
    assert listed.query == {"purpose": "prompt_audio", "x": "雨"}
    assert deleted.body == {"file_id": 7, "purpose": "voice_clone"}
    assert "POST /v1/files/upload -> 200" in server.report()


@pytest.mark.parametrize(
    ("method", "path", "options", "words"),
    [
        ("POST", "upload", {"json": {}}, "the body is no multipart/form-data"),
        ("GET", "list", {}, MISSING.format("purpose")),
        ("GET", "list?purpose=", {}, MISSING.format("purpose")),
        ("GET", "list?purpose=fine-tune", {}, "invalid purpose: fine-tune"),
        ("GET", "retrieve", {}, MISSING.format("file_id")),
        ("GET", "retrieve?file_id=seven", {}, "file_id must be an integer"),
        ("GET", "retrieve?file_id=7", {}, NOT_THERE),
        ("POST", "delete", {"content": b"{"}, MISSING.format("file_id")),
        ("POST", "delete", {"json": []}, MISSING.format("file_id")),
        ("POST", "delete", {"json": {"file_id": 7}}, MISSING.format("purpose")),
        (
            "POST",
            "delete",
            {"json": {"file_id": "7", "purpose": "voice_clone"}},
            "file_id must be an integer",
        ),
        (
            "POST",
            "delete",
            {"json": {"file_id": 7, "purpose": ["x"]}},
            "invalid purpose",
        ),
        (
            "POST",
            "delete",
            {"json": {"file_id": 7, "purpose": "video_generation"}},
            NOT_THERE,
        ),
    ],
)
def test_refuses_in_a_base_resp(http, method, path, options, words):
    response = http.request(method, f"/v1/files/{path}", **options)

    assert response.status_code == 200
    [(key, answer)] = response.json().items()
    assert (key, answer["status_code"]) == ("base_resp", 2013)
    assert words in answer["status_msg"]


def test_a_file_is_deleted_only_for_its_own_purpose(server, http):
    file_id = upload(http)["file"]["file_id"]

    asked = {"file_id": file_id, "purpose": "voice_clone"}
    said = http.post("/v1/files/delete", json=asked).json()

    assert said["base_resp"]["status_msg"] == NOT_THERE
    assert file_id in server.files


@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [
        (
            {},
            1004,
            "login fail: Please carry the API secret key in the 'Authorization'",
        ),
        ({"x-api-key": "sk-api-emulated"}, 1004, "login fail: "),
        ({"authorization": "sk-api-emulated"}, 1004, "login fail: "),
        ({"authorization": "Bearer wrong"}, 2049, "invalid api key"),
    ],
)
@pytest.mark.parametrize("path", ["upload", "list", "retrieve", "delete"])
def test_keys_are_refused_with_status_200(server, path, headers, code, words):
    method = "POST" if path in ("upload", "delete") else "GET"
    response = httpx.request(method, f"{server.url}/v1/files/{path}", headers=headers)

    said = response.json()["base_resp"]
    assert response.status_code == 200
    assert said["status_code"] == code
    assert said["status_msg"].startswith(words)


def test_wrong_paths_stay_a_404(http):
    for path in ("/v1/files", "/v1/files/upload", "/anthropic/v1/files"):
        assert http.get(path).text == "404 page not found"


def ask_about(http, server, url):
    video = {"type": "video", "source": {"type": "url", "url": url}}
    text = {"type": "text", "text": "What is this?"}
    body = {
        "model": "MiniMax-M3",
        "messages": [{"role": "user", "content": [video, text]}],
    }
    return [
        http.post(f"{server.base_url}/v1/messages{path}", json=body)
        for path in ("/count_tokens", "")
    ]


def test_a_message_may_name_a_video_as_long_as_it_is_stored(server, http):
    movie = upload(http)["file"]["file_id"]
    voice = upload(http, "a.wav", "voice_clone")["file"]["file_id"]

    refused = [
        *ask_about(http, server, f"mm_file://{voice}"),
        *ask_about(http, server, "mm_file://7"),
    ]
    taken = ask_about(http, server, f"mm_file://{movie}")
    http.post(
        "/v1/files/delete", json={"file_id": movie, "purpose": "video_understanding"}
    )
    refused += ask_about(http, server, f"mm_file://{movie}")

    assert [answer.status_code for answer in taken] == [200, 200]
    assert taken[1].json()["content"][0]["text"] == "I see it."
    for answer in refused:
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == f"{NOT_THERE} (2013)"


def test_uploads_outlast_forgotten_requests_and_take_no_answer(server, http):
    file_id = upload(http)["file"]["file_id"]
    server.clear()

    assert list(server.files) == [file_id]
    [_, answer] = ask_about(http, server, f"mm_file://{file_id}")
    assert answer.json()["content"][0]["text"] == "I see it."
