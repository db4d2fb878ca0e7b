"""Parquet: zstd, the columns in their order, codes as they are. Nobody's data in its footer: no smallest e-mail address."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from base import files
from delivery.columns import MISSING, arrow_type
from delivery.render.batches import missing
from delivery.render.model import EXTENSIONS, About, Profile, RenderedFile, rendered


def write(batches: Iterator[pl.DataFrame], profile: Profile, about: About, folder: Path) -> list[RenderedFile]:
    """One file; a row group for each batch. Its metadata names the file, the contract's version and the last day of use."""
    path = folder / f"{about.stem}.{EXTENSIONS['parquet']}"
    language = profile.header_language
    metadata = {
        "file_id": about.file_id, "contract_version": about.contract_version, "valid_until": about.valid_until.isoformat(),
    }  # fmt: skip
    schema = pa.schema([(column.headers[language], arrow_type(column)) for column in about.columns])
    impersonal = [column.headers[language] for column in about.columns if not column.is_personal and column.kind != "list"]
    rows = 0
    with (
        files.atomic_file(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression="zstd", use_dictionary=True, write_statistics=impersonal, store_schema=False
        ) as writer,
    ):
        for frame in batches:
            shown = frame.select(
                *(pl.col(column.code) for column in about.columns if column.code != MISSING), missing(about, None, language)
            )
            shown.columns = [column.headers[language] for column in about.columns]
            writer.write_table(shown.to_arrow().cast(schema))
            rows += len(frame)
        writer.add_key_value_metadata(metadata)
    return [rendered(path, "data", rows, about, profile, text_columns=())]
