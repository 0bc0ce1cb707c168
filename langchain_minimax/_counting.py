"""A chat request in, the native call that has MiniMax count its tokens out. No I/O.

`/v1/messages/count_tokens` was seen to answer (2xx, probed 2026-08-04), and the
Messages API page (summer 2026) names it as the way to count media. Its reply is not
published: UNVERIFIED, and DERIVED from Anthropic's, whose protocol it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from langchain_minimax._address import resolve_url
from langchain_minimax._blocks import ChatRequest, Json
from langchain_minimax._dialects import anthropic
from langchain_minimax._json import count_in, dumped, excerpt
from langchain_minimax._native import NativeCall, native_call
from langchain_minimax.errors import MiniMaxResponseError

_PATH = "/count_tokens"

# What can make a difference. Anthropic's own endpoint refuses all other fields.
_COUNTED = ("model", "system", "messages", "tools", "tool_choice", "thinking")


def counting_url(base_url: str | None, region: str) -> str:
    """Where tokens are counted, whichever protocol the model itself speaks.

    Raises:
        ValueError: If `base_url` is no address.
    """
    address, mark, query = resolve_url(base_url, region, anthropic).partition("?")
    return f"{address}{_PATH}{mark}{query}"


def counting(
    request: ChatRequest,
    url: str,
    *,
    secret: str | None,
    headers: Mapping[str, str],
) -> NativeCall[int]:
    """Asks how many tokens a request has; `headers` are the caller's and win.

    Raises:
        MiniMaxInvalidRequestError: If something in the request is no JSON.
    """
    body = anthropic.encode(request)
    return native_call(
        "POST",
        url,
        _counted,
        secret=secret,
        headers={**anthropic.headers, **headers},
        body={key: body[key] for key in _COUNTED if key in body},
        remedy='count locally with `token_counting="local"`',
    )


def _counted(document: Json) -> int:
    count = count_in(document, "input_tokens")
    if count is None:
        msg = (
            "The reply to a count of tokens has no `input_tokens`: "
            f"{excerpt(dumped(document), 200)}. Count locally with "
            '`token_counting="local"`.'
        )
        raise MiniMaxResponseError(msg)
    return count
