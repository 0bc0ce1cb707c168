from __future__ import annotations

import pytest

from langchain_minimax._langchain.options import warn_once


@pytest.fixture(autouse=True)
def _nothing_was_warned_of_yet() -> None:
    """What is warned of once is warned of once in each test."""
    warn_once.cache_clear()
