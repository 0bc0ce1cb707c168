"""A prompt in, how many of its tokens an earlier prompt began with out.

This is MiniMax's passive cache, which needs no marks, as far as it is known. How long
MiniMax keeps a prompt depends on its load; here nothing is ever forgotten. That both
protocols share a cache is an assumption.
"""

from collections.abc import Iterator
from hashlib import blake2b

from langchain_minimax.testing._message import (
    CHARACTERS_PER_TOKEN,
    HIDDEN_PROMPT,
    prompt_tokens,
    spoken,
)
from langchain_minimax.testing._replies import Json

_SHORTEST = 512  # passive cache page, 2026
# Hits of 443 and 891 tokens lie 7 * 64 apart (terrylica/cc-skills, live, 2026-04 to
# 06); that the step is 64 is derived from no more than that.
_STEP = 64


class Cache:
    """The prompts so far, by the digests of their beginnings."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def read(self, body: Json) -> int:
        """How many tokens of a prompt are in the cache.

        Args:
            body: A valid request in the Messages shape.
        """
        return _STEP * sum(digest in self._known for digest in _beginnings(body))

    def keep(self, body: Json) -> None:
        """Puts all of a prompt into it, since the prompt was answered."""
        self._known.update(_beginnings(body))


def _beginnings(body: Json) -> Iterator[bytes]:
    """The digests of a prompt up to each step."""
    if prompt_tokens(body) < _SHORTEST:
        return
    digest = blake2b(body["model"].encode(), digest_size=16)
    room = (_STEP - HIDDEN_PROMPT) * CHARACTERS_PER_TOKEN
    for text in _in_order(body):
        rest = text
        while len(rest) >= room:
            digest.update(rest[:room].encode(errors="surrogatepass"))
            yield digest.digest()
            rest, room = rest[room:], _STEP * CHARACTERS_PER_TOKEN
        digest.update(rest.encode(errors="surrogatepass"))
        room -= len(rest)


def _in_order(body: Json) -> Iterator[str]:
    # Explicit cache page, 2026: tools, then the system prompt, then the messages.
    for part in ("tools", "system", "messages"):
        yield from spoken(body.get(part) or "")
