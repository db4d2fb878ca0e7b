"""The register's code lists (/description) and post codes (/post_codes), small tables in three languages."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa

from base.files import write_text
from ingest.http import Registry, Retryable

# SAW in the OpenAPI file; SELTILA, SANE and KONK come together under one name.
CODE_SETS = [
    "YRMU",
    "REK_KDI",
    "TLAJI",
    "REK",
    "VIRANOM",
    "TLAHDE",
    "KIELI",
    "TOIMI3",
    "TOIMI4",
    "STATUS3",
    "SELTILA,SANE,KONK",
]
LANGUAGES = ["fi", "sv", "en"]


def fetch(registry: Registry, folder: Path) -> list[Path]:
    """Fetch every code set and the post codes in three languages into `folder`; what is there already is kept."""
    jobs = [
        (f"description-{code}.{lang}.txt", "description", {"code": code, "lang": lang}, _has_codes)
        for code in CODE_SETS
        for lang in LANGUAGES
    ]
    jobs += [(f"post_codes.{lang}.json", "post_codes", {"lang": lang}, _is_list) for lang in LANGUAGES]
    for name, path, parameters, check in jobs:
        if not (folder / name).exists():
            write_text(folder / name, registry.get(path, parameters, check=check).decode("utf-8"))
    return [folder / name for name, *_ in jobs]


def _has_codes(content: bytes) -> None:
    """An empty 200 means that the name was no code set (READ); a line without a tab that this is no code list."""
    if not content.strip() or any(b"\t" not in line for line in content.strip().splitlines()):
        raise Retryable("not_a_code_list")


def _is_list(content: bytes) -> None:
    try:
        whole = isinstance(json.loads(content), list)
    except ValueError:
        whole = False
    if not whole:
        raise Retryable("truncated_json")


def code_list_rows(files: list[Path]) -> pa.Table:
    """code_set, code, language, description of the fetched text files."""
    tables = []
    for file in files:
        name, language, _ = file.name.removeprefix("description-").rsplit(".", 2)
        lines = pl.Series("line", file.read_text(encoding="utf-8").splitlines(), dtype=pl.String).str.strip_chars("\r")
        parts = lines.str.splitn("\t", 2).struct.rename_fields(["code", "description"]).struct.unnest()
        tables.append(
            parts.filter(pl.col("description").is_not_null()).select(
                pl.lit(name).alias("code_set"), "code", pl.lit(language).alias("language"), "description"
            )
        )
    return (
        pl.concat(tables).unique(["code_set", "code", "language"], maintain_order=True).with_row_index("_position").to_arrow()
    )


def post_code_rows(files: list[Path]) -> pa.Table:
    """postCode, city, active, languageCode, municipalityCode; the three files repeat each other, so each pair once."""
    schema = {
        "postCode": pl.String,
        "city": pl.String,
        "active": pl.Boolean,
        "languageCode": pl.String,
        "municipalityCode": pl.String,
    }
    rows = pl.concat(pl.DataFrame(json.loads(f.read_text(encoding="utf-8")), schema=schema) for f in files)
    return rows.unique(["postCode", "languageCode"], maintain_order=True).with_row_index("_position").to_arrow()
