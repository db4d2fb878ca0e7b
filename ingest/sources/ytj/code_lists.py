"""The register's code lists (/description) and post codes (/post_codes), small tables in three languages."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa

from ingest.http import Registry, Retryable
from ingest.paging import capture, check_json
from ingest.prh import fetch_code_lists

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
    files = fetch_code_lists(registry, folder, CODE_SETS, LANGUAGES)
    for lang in LANGUAGES:
        files.append(capture(registry, "post_codes", {"lang": lang}, folder / f"post_codes.{lang}.json", _is_list))
    return files


def _is_list(content: bytes) -> None:
    if not isinstance(check_json(content), list):
        raise Retryable("not_json: no list")


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
