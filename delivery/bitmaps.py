"""Roaring bitmaps from numpy, the fast ways.

Measured of 1.5 M rows: from a mask 0.7 ms; from 100,000 row numbers as an array of numpy 4.7 ms, as one of Python's 0.6 ms when
they are sorted, 9 ms when not, by way of a mask 1.1 ms.
"""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

Rows = npt.NDArray[np.uint32]
FEW = 20_000
"""Up to so many row numbers sorting is cheaper than a mask of all rows."""
CHUNK, MOST_IN_ARRAY, COOKIE = 65_536, 4_096, 12_346


def of_mask(mask: npt.NDArray[Any]) -> BitMap:
    """The rows where a mask is true: written as the portable format of roaring bitmaps has it, without runs, and read by it."""
    chunks = -(-len(mask) // CHUNK)
    padded: npt.NDArray[Any] = np.zeros((chunks, CHUNK), dtype=np.bool_)
    padded.reshape(-1)[: len(mask)] = mask
    sizes = padded.sum(axis=1)
    used = np.flatnonzero(sizes)
    parts = [
        np.packbits(padded[at], bitorder="little").tobytes()
        if sizes[at] > MOST_IN_ARRAY
        else np.flatnonzero(padded[at]).astype("<u2").tobytes()
        for at in used
    ]
    head = (
        np.array([COOKIE, len(used)], dtype="<u4").tobytes() + np.stack([used, sizes[used] - 1], axis=1).astype("<u2").tobytes()
    )
    starts = len(head) + 4 * len(used) + np.cumsum([0, *map(len, parts)])[:-1]
    return BitMap.deserialize(head + starts.astype("<u4").tobytes() + b"".join(parts))


def of_rows(rows: Rows, size: int) -> BitMap:
    """Row numbers in any order, each once; size: of all rows."""
    if len(rows) <= FEW:
        return BitMap(array("I", np.sort(rows).astype(np.uint32).tobytes()))
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return of_mask(mask)


def union(maps: Sequence[BitMap]) -> BitMap:
    """The rows that are in any of these; of one it is that one, which nobody may change."""
    return BitMap.union(*maps) if len(maps) > 1 else maps[0] if maps else BitMap()


def met(rows: BitMap, others: Sequence[BitMap]) -> BitMap:
    """The rows in all of these, the smallest first."""
    for other in sorted(others, key=len):
        rows = rows & other
    return rows
