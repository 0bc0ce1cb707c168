"""What the native endpoints share: a request's key and fields in, refusals out.

Native is what speaks neither of the two chat protocols: files, embeddings. Every answer
is HTTP 200, and says in its `base_resp` whether it failed.
"""

import json
from collections.abc import Callable
from typing import Any

from langchain_minimax.testing._records import RecordedRequest, bearer_key
from langchain_minimax.testing._replies import Json, Raw

OK = {"status_code": 0, "status_msg": "success"}

_JSON = "application/json; charset=utf-8"

# Recorded on 2026-04-29; the native endpoints take no other header.
_NO_KEY = (
    "login fail: Please carry the API secret key in the 'Authorization' field "
    "of the request header"
)


class Refused(Exception):  # noqa: N818 - no error of ours, but an answer
    """What is wrong, as the `base_resp` says it."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.base_resp = {"status_code": code, "status_msg": words}


def invalid(words: str) -> Refused:
    """The refusal of something wrong in a request."""
    return Refused(2013, f"invalid params, {words}")


def required(given: Any, name: str) -> Any:
    """A field that has to be there."""
    if given.get(name) in (None, ""):
        words = f"binding: expr_path={name}, cause=missing required parameter"
        raise invalid(words)  # as recorded of the embeddings
    return given[name]


def answer_of(
    record: RecordedRequest, api_key: str, serve: Callable[[], Json], **nothing: None
) -> Raw:
    """What an endpoint says to a request.

    Args:
        record: The request.
        api_key: The only key to accept.
        serve: What answers if the key is right.
        nothing: What stands beside a refusal.
    """
    try:
        _check_key(bearer_key(record), api_key)
        body = serve()
    except Refused as refused:
        body = {**nothing, "base_resp": refused.base_resp}
    return Raw(json.dumps(body, ensure_ascii=False), content_type=_JSON)


def _check_key(key: str, api_key: str) -> None:
    if not key:
        raise Refused(1004, _NO_KEY)
    if key != api_key:
        raise Refused(2049, "invalid api key")
