"""Land the Business Information System: the bulk dump, search answers, code lists and post codes."""

import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from ingest.http import Registry, Retryable
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, archive_folder, literal, quiet
from ingest.load import Load, already_landed, land_table
from ingest.paging import fetch_pages, query_folder
from ingest.prh import code_list_rows
from ingest.source import Source
from ingest.sources.ytj import code_lists, framing
from ingest.sources.ytj.parsing import RecordParser
from ingest.sources.ytj.search import SEARCH

SOURCE = "ytj"
T = TypeVar("T")


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    datasets: Iterable[str] = ("companies", "code_lists", "post_codes"),
    query: Mapping[str, str] | None = None,
    accept_bounds: str | None = None,
    limits: Mapping[str, float] | None = None,
) -> list[Manifest]:
    """Land what `origin` gives and return the receipts.

    origin: None for the register itself, another base URL, or a local all_companies.zip.
    as_of: the day the data speaks of; by default the date in the dump's own member name, for the rest today.
    datasets: companies, code_lists, post_codes; or companies_search with `query` (parameters of /companies).
    limits: overrides of the fact sheet's `http` part (tests).

    Raises LandingRefused in one clear line; whatever was published or landed before stays as it was.
    """
    source = Source.load(SOURCE)
    if origin is not None and not str(origin).startswith(("http://", "https://")):
        if not (path := Path(origin)).is_file():
            raise LandingRefused("no_such_file", f"{path} is not a file")
        if "companies" not in datasets:
            raise LandingRefused("no_such_dataset", f"a local file is the bulk dump, not {', '.join(datasets)}")
        return [_land_bulk(source, path, as_of, home, progress, official=False, accept_bounds=accept_bounds)]
    options: dict[str, Any] = {"official": origin is None, "accept_bounds": accept_bounds}
    done = []
    with Registry(str(origin or source.url), {**source.http, **(limits or {})}) as registry:
        for dataset in datasets:
            if dataset == "companies":
                done.append(_fetch_bulk(source, registry, as_of, home, progress, options))
            elif dataset == "companies_search":
                done.append(_land_search(source, registry, query or {}, as_of or date.today(), home, progress, options))
            elif dataset in source.datasets:
                done.append(_land_codes(source, dataset, registry, as_of or date.today(), home, options))
            else:
                raise LandingRefused("no_such_dataset", f"ytj has no dataset {dataset}, it has {', '.join(source.datasets)}")
    return done


def _fetch_bulk(
    source: Source, registry: Registry, as_of: date | None, home: Path, progress: Progress, options: dict[str, Any]
) -> Manifest:
    """Download beside the archive, then archive and land; what has been archived can be landed again without a network."""

    def whole(file: Path) -> None:
        try:
            framing.open_member(file)[0].close()
        except LandingRefused as refusal:
            if refusal.reason in ("bad_zip", "empty_body"):
                raise Retryable(refusal.reason) from None
            message = str(refusal).removeprefix(f"{refusal.reason}: ").replace(file.name, "all_companies.zip")
            raise LandingRefused(refusal.reason, message) from None

    incoming = home / "archive" / source.name / "incoming" / f"all_companies.{uuid.uuid4().hex[:12]}.zip"
    registry.download("all_companies", incoming, progress, check=whole)
    try:
        return _land_bulk(source, incoming, as_of, home, progress, **options)
    finally:
        incoming.unlink(missing_ok=True)


def _land_bulk(source: Source, path: Path, as_of: date | None, home: Path, progress: Progress, **options: Any) -> Manifest:
    archive, member = framing.open_member(path)
    with archive:
        day = as_of or _day_of(member)
        kept = archive_file(home, source.name, day, path, name="all_companies.zip")
        if known := already_landed(home, source.name, "companies", day, [kept]):
            return known
        with Load(source, "companies", day, files=[kept], home=home, **options) as load:
            parser = RecordParser(load)
            pieces = _with_progress(framing.chunks(archive, member), progress, member.file_size)
            for texts in _ahead(framing.records(pieces)):
                parser.add(texts)
    return load.manifest


def _day_of(member: zipfile.ZipInfo) -> date:
    """The member is named data_YYYYMMDD.json; a dump without its date could be of any day, so it needs one given."""
    if found := re.search(r"(\d{4})(\d{2})(\d{2})\.json$", member.filename):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            pass
    raise LandingRefused("no_date", f"{member.filename} does not tell its day; give it with --date")


def _land_search(
    source: Source,
    registry: Registry,
    query: Mapping[str, str],
    as_of: date,
    home: Path,
    progress: Progress,
    options: dict[str, Any],
) -> Manifest:
    folder = query_folder(archive_folder(home, source.name, as_of), query)
    pages = fetch_pages(registry, SEARCH, query, folder, progress)
    if known := already_landed(home, source.name, "companies_search", as_of, pages):
        return known
    with Load(source, "companies_search", as_of, files=pages, home=home, mode="partial", **options) as load:
        parser = RecordParser(load)
        texts = load.con.execute(f"""
            select unnest(from_json(content, '{{"companies":["JSON"]}}').companies)::varchar
            from read_text({literal(folder / "page-*.json")}) order by filename
        """).fetchall()
        parser.add([text.encode() for (text,) in texts])
    return load.manifest


def _land_codes(source: Source, dataset: str, registry: Registry, as_of: date, home: Path, options: dict[str, Any]) -> Manifest:
    files = code_lists.fetch(registry, archive_folder(home, source.name, as_of))
    prefix, rows = ("description-", code_list_rows) if dataset == "code_lists" else ("post_codes", code_lists.post_code_rows)
    files = [f for f in files if f.name.startswith(prefix)]
    return land_table(source, dataset, rows(files), as_of, files=files, home=home, **options)


def _with_progress(pieces: Iterator[bytes], progress: Progress, total: int) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        progress("landing companies", done := done + len(piece), total)


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next one being made (inflated and cut, outside the GIL) while the last is worked on."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
