"""What the open APIs of PRH have in common: the paged envelope of companies, and code lists as text.

Traps (SAW): an absent or out-of-range page silently is page 1; no order is promised; /description answers 200 with an
empty body for what is no code set (READ).
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from ingest.http import Registry, Retryable
from ingest.paging import Paged, capture

ENVELOPE = {"totalResults": int, "companies": list}


def companies_paged(path: str, page_size: int, what: str) -> Paged:
    """The paged answer {totalResults, companies[]}: whole when it holds as many companies as the register says there are."""

    def flaw(pages: list[dict[str, Any]]) -> str | None:
        seen, totals = sum(len(business_ids(page)) for page in pages), {page["totalResults"] for page in pages}
        return None if totals == {seen} else f"{seen} companies seen of {' or '.join(map(str, sorted(totals)))}"

    return Paged(path, what, ENVELOPE, lambda page: math.ceil(page["totalResults"] / page_size), business_ids, flaw)


def business_ids(page: dict[str, Any]) -> list[str | None]:
    """The business ids of a page as told."""
    told = (c.get("businessId") if isinstance(c, dict) else None for c in page["companies"])
    return [str(t.get("value")) if isinstance(t, dict) else None for t in told]


def fetch_code_lists(registry: Registry, folder: Path, code_sets: Iterable[str], languages: Iterable[str]) -> list[Path]:
    """Fetch every code set in every language into `folder`; what is there already is kept."""
    files = {(c, lang): folder / f"description-{c}.{lang}.txt" for c in code_sets for lang in languages}
    for (code, language), file in files.items():
        capture(registry, "description", {"code": code, "lang": language}, file, _has_codes)
    return list(files.values())


def _has_codes(content: bytes) -> None:
    """An empty 200 means that the name was no code set (READ); a line without a tab that this is no code list."""
    if not content.strip() or any(b"\t" not in line for line in content.strip().splitlines()):
        raise Retryable("not_a_code_list")


def code_list_rows(files: Iterable[Path]) -> pa.Table:
    """code_set, code, language (lower case), description of the fetched text files."""
    tables = []
    for file in files:
        name, language, _ = file.name.removeprefix("description-").rsplit(".", 2)
        lines = pl.Series("line", file.read_text(encoding="utf-8").splitlines(), dtype=pl.String).str.strip_chars("\r")
        parts = lines.str.splitn("\t", 2).struct.rename_fields(["code", "description"]).struct.unnest()
        tables.append(
            parts.filter(pl.col("description").is_not_null()).select(
                pl.lit(name).alias("code_set"), "code", pl.lit(language.lower()).alias("language"), "description"
            )
        )
    return (
        pl.concat(tables).unique(["code_set", "code", "language"], maintain_order=True).with_row_index("_position").to_arrow()
    )
