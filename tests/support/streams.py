"""The least that a stream says, in each protocol's own words."""

from __future__ import annotations

SAID = {
    "anthropic": (
        'data: {"type":"message_start","message":{"id":"1","model":"MiniMax-M3"}}\n\n'
        'data: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"text_delta","text":"%s"}}\n\n'
    ),
    "openai": (
        'data: {"id":"1","model":"MiniMax-M3",'
        '"choices":[{"index":0,"delta":{"role":"assistant","content":"%s"}}]}\n\n'
    ),
}
"""How it begins, with a place for the text."""

STOPPED = {
    "anthropic": (
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    ),
    "openai": (
        'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    ),
}
"""How it goes on to its stop reason."""
