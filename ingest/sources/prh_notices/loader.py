"""Land the trade register's notices: that a managing director or a board changed, and when; never who.

The service is asked for the days since the last landing only, so that a day costs a day.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from base.normalise import business_id
from base.normalise.sql import register
from ingest.http import Registry, Retryable
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, archive_folder, literal, newest, quiet
from ingest.load import Load, already_landed, land_table
from ingest.paging import capture, check_json, fetch_pages, query_folder
from ingest.prh import code_list_rows, companies_paged, fetch_code_lists
from ingest.records import read_batches, unpack
from ingest.source import Source

SOURCE = "prh_notices"
NOTICES = companies_paged("", 50, "reading notices")
CODE_SETS, LANGUAGES = ("EC", "NRT"), ("FI",)
# What is entered may be published some days later (INFERRED).
OVERLAP = timedelta(days=7)
FILES = ("*.jsonl", "*.jsonl.gz", "*.json")
COMPANY = {
    "businessId": 'STRUCT("value" VARCHAR)',
    "publicNotices": """
        STRUCT(registrationDate VARCHAR, recordNumber VARCHAR, typeOfRegistration VARCHAR, entryCodes VARCHAR[])[]""",
}
# Parts of businessId that say nothing here.
KNOWN = ("businessId.registrationDate", "businessId.source")


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    datasets: Iterable[str] = ("code_lists", "notices"),
    since: date | None = None,
    until: date | None = None,
    business_ids: Iterable[str] = (),
    accept_bounds: str | None = None,
    limits: Mapping[str, float] | None = None,
) -> list[Manifest]:
    """Land what `origin` gives and return the receipts.

    origin: None for the register itself, another base URL, or a local file or folder of answers (.json) or of companies
    (.jsonl, .jsonl.gz).
    since, until: the days of entry asked for; by default from a week before the last landing to `as_of`. The years behind are
    best read in ranges of some months: what is read for hours does not hold still.
    business_ids: ask for these companies, one by one, whatever the day of their notices.
    limits: overrides of the fact sheet's `http` part.

    Raises LandingRefused in one clear line; whatever was landed before stays as it was.
    """
    source, day = Source.load(SOURCE), as_of or date.today()
    options: dict[str, Any] = {"official": origin is None, "accept_bounds": accept_bounds}
    if origin is not None and not str(origin).startswith(("http://", "https://")):
        files = [archive_file(home, SOURCE, day, file) for file in _local_files(Path(origin))]
        return [_land_notices(source, files, day, home, progress, options)]
    folder, done = archive_folder(home, SOURCE, day), []
    with Registry(str(origin or source.url), {**source.http, **(limits or {})}) as registry:
        for dataset in datasets:
            if dataset == "code_lists":
                files = fetch_code_lists(registry, folder, CODE_SETS, LANGUAGES)
                rows = code_list_rows(files)
                done.append(land_table(source, dataset, rows, day, files=files, home=home, **options))
            elif dataset == "notices":
                wanted = list(business_ids)
                if wanted:
                    files = [_company(registry, wanted_id, folder) for wanted_id in wanted]
                else:
                    query = _range(home, since, until or day)
                    files = fetch_pages(registry, NOTICES, query, query_folder(folder, query, "notices"), progress)
                done.append(_land_notices(source, files, day, home, progress, options))
            else:
                known = ", ".join(source.datasets)
                raise LandingRefused("no_such_dataset", f"{SOURCE} has no dataset {dataset}, it has {known}")
    return done


def _local_files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(file for pattern in FILES for file in path.glob(pattern))
    if not files:
        raise LandingRefused("no_such_file", f"{path} is no file and no folder of .json or .jsonl files")
    return files


def _range(home: Path, since: date | None, until: date) -> dict[str, str]:
    """The days of entry to ask for."""
    last = newest(home, SOURCE, "notices")
    first = since or min(until, date.fromisoformat(last.as_of) if last else until) - OVERLAP
    return {"noticeRegistrationDateStart": first.isoformat(), "noticeRegistrationDateEnd": until.isoformat()}


def _company(registry: Registry, told: str, folder: Path) -> Path:
    """The captured answer about one company. Raises LandingRefused bid_checksum before asking for what is no business id."""
    found = business_id(told)
    if not found:
        raise LandingRefused("bid_checksum", f"{told} is no business id")

    def whole(content: bytes) -> None:
        if not isinstance(check_json(content), dict):
            raise Retryable("not_json: no company")

    return capture(registry, found, {}, folder / f"company-{found}.json", whole)


def _land_notices(
    source: Source, files: list[Path], day: date, home: Path, progress: Progress, options: dict[str, Any]
) -> Manifest:
    if known := already_landed(home, SOURCE, "notices", day, files):
        return known
    with Load(source, "notices", day, files=files, home=home, mode="partial", **options) as load:
        register(load.con)
        codes = _known_codes(load, home)
        if not codes["EC"]:
            load.manifest.warnings.append("no code list has landed: entry codes were not checked")
        first = 0
        for number, batch in enumerate(_batches(files), start=1):
            unpack(
                load.con,
                batch,
                COMPANY,
                first_position=first,
                required=("businessId",),
                refused=source.fields_refused,
                known=KNOWN,
            )
            first += len(batch)
            load.add_rows(*_notices(load))
            _count_codes(load, codes)
            progress("landing notices, files", min(number, len(files)), len(files))
    return load.manifest


def _batches(files: list[Path]) -> Iterator[list[str]]:
    for file in files:
        yield from (batch for batch in read_batches(file, "companies") if batch)


def _notices(load: Load) -> tuple[pa.Table, pa.Table]:
    """Of the table `unpacked` the notices, a row each, and what is refused: a whole company, or one notice of it.

    `_position` counts companies in the high digits and the company's notices in the low ones.
    """
    load.con.execute("""
        create or replace temp table told as
        with companies as (
            select *, business_id(businessId."value") as bid, business_id_fault(businessId."value") as fault from unpacked
        ),
        numbered as (
            select *, case when _refusal is not null then _refusal
                           when fault is not null then [fault, 'businessId.value'] end as company_refusal
            from companies
        ),
        notices as (
            select _position * 100000 + n as _position, bid, _extra, null::varchar as raw, null::varchar[] as company_refusal,
                   publicNotices[n] as notice
            from (select *, unnest(range(1, len(publicNotices) + 1)) as n from numbered where company_refusal is null)
            union all
            select _position * 100000, bid, null, raw, company_refusal, null from numbered where company_refusal is not null
        )
        select _position, bid as "businessId", trim(notice.registrationDate) as "registrationDate",
               trim(notice.recordNumber) as "recordNumber", nullif(trim(notice.typeOfRegistration), '') as "typeOfRegistration",
               -- A notice that comes twice may carry its codes in parts; and their order says nothing.
               list_sort(list_distinct(flatten(list(coalesce(notice.entryCodes, [])) over (
                   partition by bid, notice.registrationDate, notice.recordNumber)))) as "entryCodes",
               _extra, coalesce(raw, to_json(notice)::varchar) as original,
               case
                   when company_refusal is not null then company_refusal
                   when coalesce(trim(notice.recordNumber), '') = ''
                       then ['notice_number_missing', 'publicNotices[].recordNumber']
                   when not regexp_full_match(coalesce(trim(notice.registrationDate), ''), '[0-9]{4}-[0-9]{2}-[0-9]{2}')
                        or try_cast(notice.registrationDate as date) is null
                       then ['date_invalid', 'publicNotices[].registrationDate']
               end as refusal
        from notices
    """)
    rows = load.con.sql("select * exclude (original, refusal) from told where refusal is null").to_arrow_table()
    refused = load.con.sql("""
        select _position, if(raw_company, null, "businessId" || '|' || "registrationDate" || '|' || "recordNumber") as _key,
               refusal[1] as _reason, refusal[2] as _path, original as _original
        from (select *, _position % 100000 = 0 as raw_company from told where refusal is not null)
    """).to_arrow_table()
    return rows, refused


def _known_codes(load: Load, home: Path) -> dict[str, set[str]]:
    """The codes of the code lists as last landed."""
    parts = home / "raw" / SOURCE / "code_lists" / "load=*" / "*.parquet"
    if not newest(home, SOURCE, "code_lists"):
        return {name: set() for name in CODE_SETS}
    found = load.con.execute(f"select code_set, code from read_parquet({literal(parts)}, union_by_name=true)").fetchall()
    return {name: {code for code_set, code in found if code_set == name} for name in CODE_SETS}


def _count_codes(load: Load, known: Mapping[str, set[str]]) -> None:
    for code_set, field, sql in (
        ("EC", "entryCodes[]", "entryCodes"),
        ("NRT", "typeOfRegistration", "[typeOfRegistration]"),
    ):
        if known[code_set]:
            found = load.con.execute(f"select code, count(*) from (select unnest({sql}) as code from fresh) group by all")
            load.unknown_codes.update({f"{field}={c}": n for c, n in found.fetchall() if c and c not in known[code_set]})
