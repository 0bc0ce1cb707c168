"""What the server knows of its models."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal


@dataclass(frozen=True)
class Model:
    """A model as the server knows it (official model pages, 2026).

    Attributes:
        id: The official spelling; requests may use any case.
        created: The day it was released.
        thinks: Whatever is asked, only when asked, or refusing not to.
        max_tokens: The most it writes in one reply.
        context: The most tokens a prompt may have.
        media: Whether it sees images and videos.
    """

    id: str
    created: str
    thinks: Literal["always", "when asked", "must"] = "always"
    max_tokens: int = 204_800
    context: int = 204_800
    media: bool = False


MODELS = (
    Model("MiniMax-M3.1-Flash", "2026-10-19", "must", 524_288, 1_000_000, media=True),
    Model(
        "MiniMax-M3.1-Flash-Preview",
        "2026-09-25",
        "must",
        524_288,
        1_000_000,
        media=True,
    ),
    Model("MiniMax-M3", "2026-06-01", "when asked", 524_288, 1_000_000, media=True),
    Model("MiniMax-M2.7", "2026-03-18"),
    Model("MiniMax-M2.7-highspeed", "2026-03-18"),
    Model("MiniMax-M2.5", "2026-02-13"),
    Model("MiniMax-M2.5-highspeed", "2026-02-13"),
    Model("MiniMax-M2.1", "2025-12-23"),
    Model("MiniMax-M2.1-highspeed", "2025-12-23"),
    Model("MiniMax-M2", "2025-10-27"),
)

_BY_NAME = {model.id.lower(): model for model in MODELS}


_HUB = "minimaxai/"
"""What Hugging Face puts before the names, and engines after it."""


def find_model(name: str, *, hosted: bool = False) -> Model | None:
    """The model of that name in any case; of an engine's names too if it is one."""
    name = name.lower()
    return _BY_NAME.get(name.removeprefix(_HUB) if hosted else name)


def model_of(body: dict[str, Any]) -> Model:
    """The model of a (valid) request."""
    return _BY_NAME[body["model"].lower().removeprefix(_HUB)]


def thinks(body: dict[str, Any]) -> bool:
    """Whether the model of this (valid) request thinks before it answers."""
    asked = (body.get("thinking") or {}).get("type") in ("adaptive", "enabled")
    return asked or model_of(body).thinks != "when asked"


def models_list() -> dict[str, Any]:
    """The list of `/v1/models` (2026-09-01)."""
    data = [
        {
            "id": model.id,
            "object": "model",
            "created": _seconds(model),
            "owned_by": "minimax",
        }
        for model in MODELS
    ]
    return {"object": "list", "data": data}


def _seconds(model: Model) -> int:
    # As recorded: M3 was made at midnight, all before it at two.
    hour = 2 if model.id.startswith("MiniMax-M2") else 0
    day = datetime.fromisoformat(model.created).replace(hour=hour, tzinfo=timezone.utc)
    return int(day.timestamp())


def models_page() -> dict[str, Any]:
    """The list of `/anthropic/v1/models`."""
    data = [
        {
            "id": model.id,
            "created_at": f"{model.created}T00:00:00Z",
            "display_name": model.id,
            "type": "model",
        }
        for model in MODELS
    ]
    first, last = MODELS[0].id, MODELS[-1].id
    return {"data": data, "first_id": first, "has_more": False, "last_id": last}
