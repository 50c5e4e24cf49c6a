"""Where the data sets of the benchmarks lie: below the folder that TELLAPART_DATA names."""

from __future__ import annotations

import os
from pathlib import Path


def find_set(name: str) -> Path | None:
    """The folder of a set, such as ``photos/animals_objects``; None, and a line that says so, where it is not there."""
    data = Path(os.environ.get("TELLAPART_DATA", "nowhere")) / name
    if data.is_dir():
        return data
    print(f"{data}: not there; set TELLAPART_DATA to the folder of the sets (nothing was measured)")
    return None
