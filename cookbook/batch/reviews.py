"""A number in, a customer's review out, always the same; and the schema to fill in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

Topic = Literal["delivery", "quality", "price", "support"]
Sentiment = Literal["positive", "negative"]


class Verdict(BaseModel):
    """What one review says."""

    number: int = Field(description="The number in front of the review")
    order: str = Field(description="The order that it is about, such as K-03F9A2")
    topic: Topic
    sentiment: Sentiment
    wants_refund: bool


class Verdicts(BaseModel):
    """One verdict for every review, by its number."""

    verdicts: list[Verdict]


@dataclass(frozen=True)
class Review:
    """One record: what is asked about, and by which number it is known."""

    number: int
    text: str


SAID: dict[str, tuple[Topic, Sentiment]] = {
    "came three weeks late": ("delivery", "negative"),
    "never arrived": ("delivery", "negative"),
    "was here the next morning": ("delivery", "positive"),
    "came sooner than promised": ("delivery", "positive"),
    "broke on the second day": ("quality", "negative"),
    "feels like cardboard": ("quality", "negative"),
    "will outlive me": ("quality", "positive"),
    "is as solid as a rock": ("quality", "positive"),
    "costs half as much next door": ("price", "negative"),
    "is far too dear": ("price", "negative"),
    "was a bargain": ("price", "positive"),
    "is worth every cent": ("price", "positive"),
    "has a hotline that nobody answers": ("support", "negative"),
    "got me nothing but form letters": ("support", "negative"),
    "was exchanged without a question": ("support", "positive"),
    "comes with people who really help": ("support", "positive"),
}
WANTED_BACK = "I want my money back."
_THINGS = ("kettle", "lamp", "bicycle", "tent", "radio", "chair", "blender", "coat")
_ENDS = ("", WANTED_BACK, "My sister says the same.", "That is all.")


def review(number: int) -> Review:
    """The review of this number."""
    digest = hashlib.sha256(str(number).encode()).digest()
    thing = _THINGS[digest[0] % len(_THINGS)]
    said = list(SAID)[digest[1] % len(SAID)]
    end = _ENDS[digest[2] % len(_ENDS)]
    return Review(number, f"Order K-{number:06X}: the {thing} {said}. {end}".rstrip())


def meant(number: int) -> Verdict:
    """What the review of this number says, known from how it was made."""
    text = review(number).text
    topic, sentiment = next(meant for words, meant in SAID.items() if words in text)
    return Verdict(
        number=number,
        order=f"K-{number:06X}",
        topic=topic,
        sentiment=sentiment,
        wants_refund=WANTED_BACK in text,
    )


def prompt(reviews: Sequence[Review]) -> str:
    """What a model is asked about these reviews."""
    lines = "\n".join(f"[{each.number}] {each.text}" for each in reviews)
    return f"What does each of these customers say?\n\n{lines}"
