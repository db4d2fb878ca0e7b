"""Files that customers open: the same rows as CSV, XLSX, JSON Lines or Parquet.

Same inputs, same bytes, however the rows were cut into batches. Columns are transformed as sets; a few thousand rows are in
memory at a time. Files are written into a draft folder that the caller commits (delivery protocol), each whole or not at all.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from delivery.render import csvfile, jsonlines, parquet, xlsx
from delivery.render.batches import frames
from delivery.render.model import About, Gate, Profile, RenderedFile

__all__ = ["About", "Gate", "Profile", "RenderedFile", "render"]

WRITERS: dict[str, Callable[..., list[RenderedFile]]] = {
    "csv": csvfile.write, "xlsx": xlsx.write, "jsonl": jsonlines.write, "parquet": parquet.write,
}  # fmt: skip


def render(rows: pa.Table | Iterator[pa.RecordBatch], profile: Profile, about: About, folder: Path) -> list[RenderedFile]:
    """Write the rows into `folder` as the profile says; returns the files, the data first.

    rows: in their final order; columns as columns.schema(...) gives them, columns that were not ordered may be absent.
    No rows: a file with its header. Raises Refused for a column or reason that is none, or a cell that no sheet can hold.
    """
    return WRITERS[profile.format](frames(rows, about), profile, about, folder)
