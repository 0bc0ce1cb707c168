"""The captured oddities of the wire, each behind a switch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Quirks:
    """What the server does oddly; the defaults are the recordings of September 2026.

    Names with `chat_` are of `/v1/chat/completions` alone.

    Attributes:
        ids: Ids of 32 random hex digits (2026-09), or with the seconds since 2023 as
            their first 8 (captures to 2026-08).
        tool_ids: `call_` + 24 hex digits (2026-09), or `call_function_` + 12 letters
            and digits + `_` + the call's ordinal (captures of 2026-03 to 07).
        ping: A `ping` after `message_start`; missing in a gateway capture of 2026-07.
        message_stop: The closing event; its absence is claimed (MiniMax-M2 #109).
        leading_newlines: Text after thinking begins with two line ends (M2.5, 2026-03).
        start_usage: The usage in `message_start`: zeros and the service tier (2026-09),
            the whole prompt called cached (official M3 stream, 2026-05), or the truth.
        delta_usage_details: `service_tier` and `thinking_tokens` in the usage (2026-09)
            instead of the four older keys.
        signature_in_stream: A `signature_delta`; missing in a capture of 2026-07.
        empty_first_json_delta: Tool input opens with an empty delta (M2.5, 2026-03).
        fine_deltas: Deltas of a few words (2026-09), or of 50 to 100 characters
            (captures of 2026-03 to 05).
        xml_tool_leak: Tool calls come as XML in the text (MiniMax-M2.5 #10, 2026-03).
        empty_content: A model that does not think answers nothing at all (claimed of
            M3, openclaw PR #90138).
        base_resp_on_success: `base_resp` in a good reply (official M2.7 example).
        summary_event: The whole message once more at the end (claimed, one-api #2406).
        refuse_altered_thinking: 400 for thinking that comes back with another
            signature than its own (one claim, hermes PR #75779; two experiments saw it
            accepted), or in other words where it has no signature (never seen).
        refuse_missing_thinking: 400 for thinking that does not come back. Never seen:
            MiniMax only answers worse. For proving that a client keeps it.
        refuse_signatures: 400 for any signed thinking block. Never seen: for proving
            that a client tries again without.
        unknown_model: 404 as documented, or the 400 (2013) seen on `/v1`, where it is
            always that.
        enforce_alternation: 400 for two turns of one role in a row on the Messages
            path; official for M3 as a rule, never seen as a refusal.
        self_hosted: Both protocols as vLLM and SGLang serve MiniMax's models: the paths
            without `/anthropic`, no Files API, any key or none, other ids, nothing of
            MiniMax's own in the body, and `[DONE]` (vLLM's source at 0561ec4). Thinking
            stands in `reasoning`, on the Messages path in an unsigned block (vLLM's
            page on interleaved thinking, 0.17), or in the text as `<think>` (guide of
            MiniMax-M2; anthropic-sdk-python #1109, 2025-12) or `<mm:think>` (vLLM's
            parser for M3, 2026-08). What MiniMax refuses is refused all the same.
        limited_embeddings: How many requests for embeddings are refused with 1002
            before one is served (2026-04; still limited after 160 s).
        chat_usage: Where a stream says the usage it is asked for: in a chunk of its own
            (2026-09), with the `finish_reason` (never captured), or nowhere (`null` to
            the end in captures of 2026-04 and 05, which may not have asked).
        chat_summary: A last event with the whole message and the usage, of which all
            chunks before it say zero (2026-07).
        chat_done: `data: [DONE]` at the end (2026-04).
        chat_envelope: `name` and `audio_content` in each message and delta, and the
            flags of sensitive content around them (2026-04 to 07).
        chat_empty_role: A first chunk without id and with an empty role (M2.5,
            2026-02).
        chat_snapshots: Each delta repeats all thinking and text so far (claimed of the
            global host, dbx #5921, 2026-08).
        chat_thinks_twice: Thinking in its fields and in the text at once (pi #5605,
            2026-06).
        chat_stray_close: Thinking in its fields ends with a `</think>` that is cut over
            two deltas (claimed, vellum #34556, 2026-06).
        chat_same_index: All calls of a stream have index 0 (M2.7; ml-intern #340,
            2026-06).
        chat_fragments: Arguments in one piece (2026-09), in pieces of which the first
            has the id and the name (2026-05 to 07), or so that the others have no index
            either (never captured).
        chat_empty_arguments: A call without arguments has an empty string for them
            (dynamo #10983, 2026-06).
    """

    ids: Literal["random", "clock"] = "random"
    tool_ids: Literal["call_", "call_function_"] = "call_"
    ping: bool = True
    message_stop: bool = True
    leading_newlines: bool = False
    start_usage: Literal["zeros", "bogus", "truth"] = "zeros"
    delta_usage_details: bool = True
    signature_in_stream: bool = True
    empty_first_json_delta: bool = False
    fine_deltas: bool = True
    xml_tool_leak: bool = False
    empty_content: bool = False
    base_resp_on_success: bool = False
    summary_event: bool = False
    refuse_altered_thinking: bool = False
    refuse_missing_thinking: bool = False
    refuse_signatures: bool = False
    unknown_model: Literal["404", "2013"] = "404"
    enforce_alternation: bool = False
    self_hosted: Literal["reasoning", "append_think", "append_mm_think"] | None = None
    limited_embeddings: int = 0
    chat_usage: Literal["own chunk", "last chunk", "none"] = "own chunk"
    chat_summary: bool = False
    chat_done: bool = False
    chat_envelope: bool = False
    chat_empty_role: bool = False
    chat_snapshots: bool = False
    chat_thinks_twice: bool = False
    chat_stray_close: bool = False
    chat_same_index: bool = False
    chat_fragments: Literal["whole", "indexed", "bare"] = "whole"
    chat_empty_arguments: bool = False
