"""A request to `/v1/embeddings` in, vectors out: like texts lie close together.

Fields and the refusal of a missing one were recorded on 2026-04-29, the path and a good
reply on 2026-08-04. 1536 numbers are what LangChain's community package expected of
`embo-01` (CLAIMED).
"""

import hashlib
import math
import re
import struct
from collections.abc import Iterator
from typing import Any

from langchain_minimax.testing._arguments import CJK
from langchain_minimax.testing._native import OK, Refused, answer_of, invalid, required
from langchain_minimax.testing._records import RecordedRequest
from langchain_minimax.testing._replies import Json, Raw

EMBEDDINGS = "/v1/embeddings"

_MODEL = "embo-01"
_SIZE = 1536
_TYPES = ("db", "query")
_PLACES = 8  # of the numbers that a word has a say in
_DIGITS = 6

_WORD = re.compile(rf"{CJK[:-1]}|\w+")  # a sign each where words are not spaced


class Embedder:
    """The endpoint, and how often it is still going to refuse."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals

    def answer(self, record: RecordedRequest, api_key: str) -> Raw:
        """The answer to a request: vectors, or what is wrong with it."""
        return answer_of(record, api_key, lambda: self._embed(record), vectors=None)

    def _embed(self, record: RecordedRequest) -> Json:
        body = record.body if isinstance(record.body, dict) else {}
        texts = _texts(body)
        if self._refusals:
            self._refusals -= 1
            raise Refused(1002, "rate limit exceeded(RPM)")
        return {
            "vectors": [_vector(text) for text in texts],
            "total_tokens": sum(len(text) // 4 + 1 for text in texts),
            "base_resp": OK,
        }


def _texts(body: Json) -> list[str]:
    """The texts of a request; all refusals but that of a missing field are ours."""
    model, texts = required(body, "model"), required(body, "texts")
    if model != _MODEL:
        raise invalid(f"unknown model '{model}'")
    if not texts or not isinstance(texts, list) or not _are_strings(texts):
        raise invalid("texts must be a list of strings")
    if body.get("type", "db") not in _TYPES:  # it may be missing: 2026-08-04
        raise invalid("type must be db or query")
    return texts


def _are_strings(texts: list[Any]) -> bool:
    return all(isinstance(text, str) for text in texts)


def _vector(text: str) -> list[float]:
    """The sum of what its words say, of length 1."""
    numbers = [0.0] * _SIZE
    for word in _WORD.findall(text.lower()) or [""]:
        for place, sign in _said_by(word):
            numbers[place] += sign
    length = math.hypot(*numbers) or 1.0
    return [round(number / length, _DIGITS) for number in numbers]


def _said_by(word: str) -> Iterator[tuple[int, int]]:
    """The few places of a vector in which a word has a say, and what it says there."""
    digest = hashlib.shake_128(word.encode("utf-8", "replace")).digest(2 * _PLACES)
    for (number,) in struct.iter_unpack("<H", digest):
        place, odd = divmod(number, 2)
        yield place % _SIZE, 1 if odd else -1
