"""An emulated MiniMax on loopback, for tests of agents that must run offline.

```python
from langchain_minimax.testing import Emulator, Reply, Thinking, ToolUse

call = Reply([Thinking("The user wants rain."), ToolUse("rain", {"mm": 3})])
with Emulator(replies=[call, "It rained 3 mm."]) as server:
    ...  # point an Anthropic-style client at `server.base_url`
    ...  # and an OpenAI-style one at `server.url + "/v1"`
    print(server.report())
```

Needs the extra: `pip install "langchain-minimax[testing]"`.
"""

from langchain_minimax.testing._emulator import Emulator
from langchain_minimax.testing._faults import Answer, Cut, ErrorEvent, Fault
from langchain_minimax.testing._files import StoredFile
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._records import RecordedRequest, Replay, Verdict
from langchain_minimax.testing._replies import (
    Block,
    Raw,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

__all__ = [
    "Answer",
    "Block",
    "Cut",
    "Emulator",
    "ErrorEvent",
    "Fault",
    "Quirks",
    "Raw",
    "RecordedRequest",
    "Replay",
    "Reply",
    "StoredFile",
    "Text",
    "Thinking",
    "ToolUse",
    "Verdict",
]
