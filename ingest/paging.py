"""Reading an answer that comes in pages: each page kept as received, resumable, and sure to have seen everything once.

No registry promises an order, so data moves while one reads: a record may come twice, another never. Hence a reading is
believed only when its pages agree with each other, and is made again when they do not. How many pages there are is what
the first page says; none beyond the last is asked for, since some services answer that with page 1.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.files import write_text
from ingest.http import Registry, Retryable
from ingest.lake import LandingRefused, Progress, quiet

MAX_PASSES = 3


@dataclass(frozen=True)
class Paged:
    """What has to be known of a paged answer. `path` is asked with the query and `page`, counted from 1.

    fields: the envelope's fields and their types; without them an answer is no page.
    count: how many pages there are, by one page.
    ids: the records of a page, each by what tells it from all others, None for one that does not say.
    flaw: what shows that the pages do not belong to one state, in words; None when they may.
    """

    path: str
    what: str
    fields: Mapping[str, type]
    count: Callable[[dict[str, Any]], int]
    ids: Callable[[dict[str, Any]], list[str | None]]
    flaw: Callable[[list[dict[str, Any]]], str | None]


def query_folder(folder: Path, query: Mapping[str, str], prefix: str = "search") -> Path:
    """Where the pages of one query are kept: the same query on the same day resumes where it was cut off."""
    canonical = json.dumps(dict(sorted(query.items())), ensure_ascii=False)
    return folder / f"{prefix}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def fetch_pages(
    registry: Registry, paged: Paged, query: Mapping[str, str], folder: Path, progress: Progress = quiet
) -> list[Path]:
    """Fetch every page of `query` into `folder` (pages already there are not asked again) and return them in order.

    Raises LandingRefused paging_unstable when after MAX_PASSES the pages still do not hold every record once.
    """
    for _ in range(MAX_PASSES):
        files = _pass(registry, paged, query, folder, progress)
        pages = [read_page(file) for file in files]
        ids = [i for page in pages for i in paged.ids(page) if i is not None]
        flaw = paged.flaw(pages) or (None if len(set(ids)) == len(ids) else f"{len(ids) - len(set(ids))} came twice")
        if flaw is None:
            return files
        for file in files:
            file.unlink()
    raise LandingRefused("paging_unstable", f"{paged.what} moved under us: {flaw}")


def _pass(registry: Registry, paged: Paged, query: Mapping[str, str], folder: Path, progress: Progress) -> list[Path]:
    def page(number: int) -> Path:
        return capture(registry, paged.path, {**query, "page": number}, folder / f"page-{number:05d}.json", whole)

    def whole(content: bytes) -> None:
        check_page(content, paged.fields)

    files = [page(1)]
    count = max(1, paged.count(read_page(files[0])))
    for number in range(2, count + 1):
        files.append(page(number))
        progress(paged.what, number, count)
    return files


def capture(registry: Registry, path: str, query: Mapping[str, str | int], file: Path, check: Callable[[bytes], None]) -> Path:
    """One answer, kept in `file` as received; what is there already is not asked again. `check` raises Retryable."""
    if not file.exists():
        write_text(file, registry.get(path, query, check=check).decode("utf-8"))
    return file


def check_page(content: bytes, fields: Mapping[str, type]) -> dict[str, Any]:
    """A page is whole when it is JSON to its last byte and has the envelope's fields. Raises Retryable when it is not."""
    page = check_json(content)
    if not isinstance(page, dict) or any(type(page.get(name)) is not kind for name, kind in fields.items()):
        raise Retryable(f"not_json: no {' and '.join(fields)}")
    return page


def check_json(content: bytes) -> Any:
    """The value of an answer that is JSON to its last byte. Raises Retryable truncated_json or not_json when it is not."""
    try:
        # ValueError: bad UTF-8, bad JSON, and an integer of more digits than Python takes.
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Retryable("truncated_json" if content.lstrip()[:1] in (b"{", b"[") else "not_json") from None


def read_page(file: Path) -> dict[str, Any]:
    """A captured page as objects."""
    page: dict[str, Any] = json.loads(file.read_text(encoding="utf-8-sig"))
    return page
