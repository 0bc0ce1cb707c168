"""The captured oddities of the wire, each behind a switch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Quirks:
    """What the server does oddly; the defaults are the recordings of 2026-09-29.

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
            accepted).
        refuse_missing_thinking: 400 for thinking that does not come back. Never seen:
            MiniMax only answers worse. For proving that a client keeps it.
        refuse_signatures: 400 for any signed thinking block. Never seen: for proving
            that a client tries again without.
        unknown_model: 404 as documented, or the 400 (2013) seen on `/v1`.
        enforce_alternation: 400 for two turns of one role in a row; official for M3 as
            a rule, never seen as a refusal.
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
