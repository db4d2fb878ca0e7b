"""Word lists of the normal forms: one word a line, with what it is; whoever misses one adds a line."""

import csv
from functools import cache
from pathlib import Path


@cache
def words(name: str) -> frozenset[str]:
    """The first column of data/<name>.csv."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row[0] for row in list(csv.reader(file))[1:])
