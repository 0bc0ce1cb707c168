"""A model's card in, its LangChain `ModelProfile` out."""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from langchain_minimax.catalogue import ModelCard

# models.dev, where LangChain's own profiles come from, knows no third word.
_STATUS = {"active": "active", "retiring": "deprecated", "retired": "deprecated"}


def profile(card: ModelCard) -> ModelProfile:
    """What a model can do, in the words that LangChain's middleware reads.

    Nothing is left out for being false: deepagents strips media from a conversation
    only where a profile says so in as many words.

    Args:
        card: The model's row in the catalogue.

    Returns:
        A profile of the caller's own, to change at will.
    """
    found = ModelProfile(
        name=card.id,
        status=_STATUS[card.status],
        release_date=card.released,
        max_input_tokens=card.context_window,
        max_output_tokens=card.max_output_tokens,
        text_inputs="text" in card.inputs,
        image_inputs="image" in card.inputs,
        image_url_inputs="image" in card.inputs,
        pdf_inputs=False,
        audio_inputs=False,
        video_inputs="video" in card.inputs,
        image_tool_message="image" in card.inputs,
        pdf_tool_message=False,
        reasoning_output=True,
        text_outputs=True,
        image_outputs=False,
        audio_outputs=False,
        video_outputs=False,
        tool_calling=True,
        # The wire knows "auto" and "none"; the client sees to the others.
        tool_choice=True,
        tool_call_streaming=True,
        mid_conversation_system_messages=False,
        mid_conversation_tools=False,
        # True would have `create_agent` ask for JSON in the text, and not for a call,
        # whose arguments come as they are written and are asked for once more.
        structured_output=False,
        attachment=False,
        temperature=True,
    )
    if card.efforts:
        found["reasoning_effort_levels"] = list(card.efforts)
        found["reasoning_effort_default"] = card.efforts[-1]
    return found
