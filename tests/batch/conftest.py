"""The batch run of the cookbook is a folder of scripts: its modules are found here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "cookbook" / "batch"))
