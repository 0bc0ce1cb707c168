"""The emulated embeddings over HTTP."""

import math

import httpx
import pytest

from langchain_minimax.testing import Emulator, Quirks

ASK = {"model": "embo-01", "texts": ["Cork grows inland."], "type": "db"}
MISSING = "invalid params, binding: expr_path={}, cause=missing required parameter"


@pytest.fixture
def ask():
    with Emulator(quirks=Quirks(limited_embeddings=0)) as server:
        headers = {"authorization": f"Bearer {server.api_key}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=20) as client:
            yield lambda body, **more: client.post("/v1/embeddings", json=body, **more)


def test_vectors_have_length_one_and_depend_on_the_words_alone(ask):
    texts = ["Cork grows inland.", "inland grows cork", "潮水四点涨", "", "   "]
    said = ask({**ASK, "texts": texts}).json()
    assert said["base_resp"] == {"status_code": 0, "status_msg": "success"}
    assert said["total_tokens"] > len(texts)
    one, same, chinese, nothing, blank = said["vectors"]
    assert len(one) == 1536
    assert one == same
    assert nothing == blank
    assert len({tuple(vector) for vector in (one, chinese, nothing)}) == 3
    for vector in said["vectors"]:
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-3)


def test_chinese_texts_of_like_words_are_alike(ask):
    texts = ["潮水四点涨", "四点涨潮", "软木长在内陆"]
    near, question, far = ask({**ASK, "texts": texts}).json()["vectors"]
    assert math.dist(near, question) < math.dist(far, question)


def test_the_type_may_be_missing(ask):
    body = {"model": "embo-01", "texts": ["Cork"]}
    assert len(ask(body).json()["vectors"]) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"texts": None}, MISSING.format("texts")),
        ({"model": ""}, MISSING.format("model")),
        ({"model": "embo-99"}, "embo-99"),
        ({"texts": []}, "list of strings"),
        ({"texts": "Cork"}, "list of strings"),
        ({"texts": ["Cork", 7]}, "list of strings"),
        ({"type": "document"}, "db or query"),
    ],
)
def test_what_is_wrong_is_said_with_http_200(ask, change, words):
    response = ask({**ASK, **change})
    assert response.status_code == 200
    said = response.json()
    assert said["vectors"] is None
    assert said["base_resp"]["status_code"] == 2013
    assert words in said["base_resp"]["status_msg"]


@pytest.mark.parametrize(
    ("header", "code"), [("", 1004), ("Bearer sk-api-of-another", 2049)]
)
def test_the_key_is_looked_at_first(ask, header, code):
    said = ask({}, headers={"authorization": header}).json()
    assert said["vectors"] is None
    assert said["base_resp"]["status_code"] == code


def test_the_other_spelling_of_the_path_is_not_found():
    with Emulator() as server:
        assert httpx.post(f"{server.url}/v1/embedding", json=ASK).status_code == 404


def test_the_quota_opens_after_so_many_refusals():
    with Emulator(quirks=Quirks(limited_embeddings=2)) as server:
        headers = {"authorization": f"Bearer {server.api_key}"}
        url = f"{server.url}/v1/embeddings"
        said = [httpx.post(url, json=ASK, headers=headers).json() for _ in range(3)]
    codes = [each["base_resp"]["status_code"] for each in said]
    assert codes == [1002, 1002, 0]
    assert said[0]["base_resp"]["status_msg"] == "rate limit exceeded(RPM)"
