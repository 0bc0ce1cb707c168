"""A fixture with a running emulator.

Name it in your top `conftest.py`:

```python
pytest_plugins = ["langchain_minimax.testing.pytest_plugin"]
```
"""

from collections.abc import Iterator

import pytest

from langchain_minimax.testing import Emulator


@pytest.fixture
def minimax_emulator() -> Iterator[Emulator]:
    """A running `Emulator`, stopped after the test.

    Its brain answers, or what the test gives to `minimax_emulator.script(…)`.
    """
    with Emulator() as server:
        yield server
