"""MiniMax's own list of models: a native call out, `MiniMaxModel`s in. No I/O.

`/v1/models` as a real account got it (2026-09-01); vLLM and SGLang have it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from langchain_minimax._blocks import Json
from langchain_minimax._native import NativeCall, native_call, resolve_native_url
from langchain_minimax.catalogue import ModelCard, card
from langchain_minimax.errors import MiniMaxResponseError

_PATH = "/v1/models"


@dataclass(frozen=True, slots=True)
class MiniMaxModel:
    """A model that the server has.

    Attributes:
        id: Its name, as `ChatMiniMax` takes it.
        created_at: When it was released, in UTC; `None` if the server does not say.
        owned_by: Whose it is, in the server's words; empty if it does not say.
    """

    id: str
    created_at: datetime | None = None
    owned_by: str = ""

    @property
    def card(self) -> ModelCard | None:
        """What the catalogue knows of it: windows, limits, prices."""
        return card(self.id)


def listing_url(base_url: str | None, region: str) -> str:
    """Where models are listed, whichever protocol the calls are made in."""
    return resolve_native_url(base_url, region, _PATH)


def listing(
    url: str, *, secret: str | None, headers: Mapping[str, str]
) -> NativeCall[list[MiniMaxModel]]:
    """Asks for the list; `headers` are the caller's and win."""
    return native_call("GET", url, _listed, secret=secret, headers=headers)


def _listed(document: Json) -> list[MiniMaxModel]:
    models = document.get("data")
    if not isinstance(models, list) or not all(map(_is_model, models)):
        msg = (
            "The reply is no list of models. Check that `base_url` is a server that "
            f"has {_PATH}."
        )
        raise MiniMaxResponseError(msg)
    return [
        MiniMaxModel(
            id=said["id"],
            created_at=_when(said.get("created")),
            owned_by=str(said.get("owned_by") or ""),
        )
        for said in models
    ]


def _is_model(said: Any) -> bool:
    return isinstance(said, dict) and isinstance(said.get("id"), str)


def _when(said: Any) -> datetime | None:
    """A moment in seconds since 1970; `None` for what is none."""
    if type(said) is not int:
        return None
    try:
        return datetime.fromtimestamp(said, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
