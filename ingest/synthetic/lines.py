"""Text files of the generator, written slice by slice: memory stays bounded, and a text is never handled row by row."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from base.files import atomic_file

BOM = b"\xef\xbb\xbf"


def texts(connection: duckdb.DuckDBPyConnection, query: str, slices: Iterable[tuple[int, int]]) -> Iterator[memoryview]:
    """The texts of the only column of `query`, which takes $first and $last, slice after slice and as runs of UTF-8 bytes."""
    for first, last in slices:
        table = connection.sql(query, params={"first": first, "last": last}).to_arrow_table()
        for chunk in table.column(0).chunks:
            if len(chunk):
                yield run_of(chunk)


def run_of(strings: pa.StringArray) -> memoryview:
    """All strings of an Arrow array as one run of bytes, without copying: they lie one after the other in its buffer."""
    _, offsets, data = strings.buffers()
    ends = memoryview(offsets).cast("i")
    return memoryview(data)[ends[strings.offset] : ends[strings.offset + len(strings)]]


def write_texts(path: Path, runs: Iterable[memoryview], header: str = "", encoding: str = "utf-8") -> None:
    """A text file of a header and runs. Encoding utf-8, utf-8-sig (with a mark) or latin-1, where what it lacks becomes `?`."""
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        file.write(header.encode(encoding, "replace"))
        for run in runs:
            file.write(run if encoding.startswith("utf-8") else bytes(run).decode().encode(encoding, "replace"))


def write_gzip(path: Path, runs: Iterable[memoryview]) -> None:
    """The same, compressed. Neither name nor time is in the file: the same text gives the same bytes."""
    with (
        atomic_file(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as file,
    ):
        for run in runs:
            file.write(run)
