"""The search API (/companies), page by page, resumable and sure to have seen everything once.

Traps (SAW): 100 a page; an absent or out-of-range page silently is page 1; no order is promised, so data moves while one
reads. Hence: never ask beyond the last page, keep each page as received, and be done only when the distinct business ids
number as many as the register says there are.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from base.files import write_text
from ingest.http import Registry, Retryable
from ingest.lake import LandingRefused, Progress, quiet

PAGE_SIZE = 100
MAX_PASSES = 3


def query_folder(folder: Path, query: Mapping[str, str]) -> Path:
    """Where the pages of one query are kept: the same query on the same day resumes where it was cut off."""
    canonical = json.dumps(dict(sorted(query.items())), ensure_ascii=False)
    return folder / f"search-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def fetch_pages(registry: Registry, query: Mapping[str, str], folder: Path, progress: Progress = quiet) -> list[Path]:
    """Fetch every page of `query` into `folder` (pages already there are not asked again) and return them in order.

    Raises LandingRefused paging_unstable when after MAX_PASSES the pages still do not hold every company once.
    """
    for _ in range(MAX_PASSES):
        pages, total = _pass(registry, query, folder, progress)
        ids = [i for page in pages for i in business_ids(page)]
        if len(set(ids)) == total == len(ids) and _total(pages[-1]) == total:
            return pages
        for page in pages:
            page.unlink()
    raise LandingRefused("paging_unstable", f"the search moved under us: {len(set(ids))} companies seen of {total}")


def _pass(registry: Registry, query: Mapping[str, str], folder: Path, progress: Progress) -> tuple[list[Path], int]:
    first = _page(registry, query, folder, 1)
    total = _total(first)
    count = max(1, math.ceil(total / PAGE_SIZE))
    pages = [first]
    for number in range(2, count + 1):
        pages.append(_page(registry, query, folder, number))
        progress("searching companies", number, count)
    return pages, total


def _page(registry: Registry, query: Mapping[str, str], folder: Path, number: int) -> Path:
    path = folder / f"page-{number:05d}.json"
    if not path.exists():
        content = registry.get("companies", {**query, "page": number}, check=_whole)
        write_text(path, content.decode("utf-8"))
    return path


def _whole(content: bytes) -> None:
    """A page is whole when it is JSON to its last byte and has the envelope's two fields."""
    try:
        page = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise Retryable("truncated_json" if content.lstrip()[:1] == b"{" else "not_json") from None
    if (
        not isinstance(page, dict)
        or not isinstance(page.get("companies"), list)
        or not isinstance(page.get("totalResults"), int)
    ):
        raise Retryable("not_json: no totalResults and companies")


def _total(page: Path) -> int:
    return int(json.loads(page.read_text(encoding="utf-8"))["totalResults"])


def business_ids(page: Path) -> list[str]:
    """The business ids of a page as told, a record without one by its position."""
    companies = json.loads(page.read_text(encoding="utf-8"))["companies"]
    told = (c.get("businessId") if isinstance(c, dict) else None for c in companies)
    return [str(t.get("value")) if isinstance(t, dict) else f"{page.name}#{i}" for i, t in enumerate(told)]
