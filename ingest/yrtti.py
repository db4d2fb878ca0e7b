"""YRTTI's BasicInfoResponse, the shape of the registers of associations and of foundations.

The first line of an address holds a private person's name (SAW). It is not landed, nor is a street line that may hold one.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from base.normalise import columns
from ingest import delimited, jsonlines, records
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, connect, quiet
from ingest.load import Batch, Load, land_batches
from ingest.source import Source

RESPONSE = {
    "RegistrationNumber": "VARCHAR",
    "BusinessId": "VARCHAR",
    "AssociationNameInfo": 'STRUCT("Type" VARCHAR, "Name" VARCHAR, "Language" VARCHAR, Status VARCHAR, StartDate VARCHAR)[]',
    "Domicile": "VARCHAR",
    "Address": "STRUCT(AddressTypeCode VARCHAR, StreetName VARCHAR, PostCode VARCHAR, City VARCHAR, AddressLine1 VARCHAR)[]",
    "ContactInfo": "STRUCT(Email VARCHAR, Phone VARCHAR)",
    "RegistryDate": "VARCHAR",
    "AssociationStatus": "VARCHAR",
    "PurposeClassMain": "VARCHAR",
}
LISTS = ("AssociationNameInfo", "Address")
STATUS = {"R", "VE"}


def land(
    name: str,
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    mode: str = "full",
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land source `name` (associations, foundations): a file, or the files of a folder as one load, the whole register.

    as_of: by default the date in the file's or folder's name, else today. mode: "partial" for an excerpt.
    Raises LandingRefused in one line; bad records are quarantined.
    """
    if origin is None:
        raise LandingRefused("not_there", f"{name} is asked for under your own contract: say where the answers are")
    source = Source.load(name)
    paths = delimited.files_of(origin, r".*\.(json|jsonl|ndjson)")
    as_of = as_of or delimited.day_of(paths[0]) or date.today()
    kept = [archive_file(home, source.name, as_of, path) for path in paths]
    withheld: Counter[str] = Counter()

    def batches() -> Iterator[Batch]:
        done = 0
        with connect() as con:
            jsonlines.prepare(con)
            for number, path in enumerate(kept):
                for found in _records(path, number * delimited.FILE_LINES):
                    rows, refused, streets = parse(con, found, source)
                    withheld["street withheld"] += streets
                    done += len(found)
                    progress(f"{name} {name}", done, None)
                    yield rows.to_arrow(), refused.to_arrow()

    def after(load: Load) -> None:
        load.manifest.warnings = [f"{what}: {times} row(s)" for what, times in withheld.items() if times]
        found = load.con.execute(
            "select status_code, count(*) from fresh where status_code is not null group by all"
        ).fetchall()
        load.unknown_codes.update({f"status_code={code}": times for code, times in found if code not in STATUS})

    options = {"mode": mode, "accept_bounds": accept_bounds}
    return [land_batches(source, name, batches(), as_of, files=kept, home=home, after=after, **options)]


def _records(path: Path, first_position: int) -> Iterator[list[jsonlines.Record]]:
    """Lines of JSON lines counted from 1, else elements of the file's array."""
    if path.suffix.lower() != ".json":
        yield from jsonlines.read(path, first_position)
        return
    texts = records.read_records(path)
    yield [jsonlines.record(first_position + n, text.encode()) for n, text in enumerate(texts, start=1)]


def parse(
    con: duckdb.DuckDBPyConnection, found: list[jsonlines.Record], source: Source
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """(rows, refused records, street lines withheld) of a batch; every record is in exactly one of the first two."""
    jsonlines.unpack(con, found, RESPONSE, required=["RegistrationNumber"], refused=source.fields_refused, lists=LISTS)
    con.execute("""
        create or replace temp table checked as
        select * exclude (_original),
               -- The first line is looked at, to find the person in the street line, and goes no further.
               Address[1] as place,
               list_sort(list_transform(AssociationNameInfo, lambda n: {
                   name: trim(n."Name"), language: n."Language", status: n.Status, started_on: n.StartDate
               })) as names,
               coalesce(
                   list_filter(AssociationNameInfo, lambda n: n.Status = 'R' and n."Type" = 'P')[1]."Name",
                   list_filter(AssociationNameInfo, lambda n: n.Status = 'R')[1]."Name",
                   AssociationNameInfo[1]."Name") as "name",
               case
                   when _refusal is not null then _refusal
                   when not regexp_full_match(RegistrationNumber, '[0-9]{1,3}(\\.?[0-9]{3})*')
                       then ['bad_code', 'RegistrationNumber']
                   when coalesce(BusinessId, '') <> '' and business_id_fault(BusinessId) is not null
                       then [business_id_fault(BusinessId), 'BusinessId']
                   when coalesce(trim("name"), '') = '' then ['missing_name', 'AssociationNameInfo']
                   when not is_day(RegistryDate) then ['date_invalid', 'RegistryDate']
                   when len(list_filter(AssociationNameInfo, lambda n: not is_day(n.StartDate))) > 0
                       then ['date_invalid', 'AssociationNameInfo[].StartDate']
                   when not regexp_full_match(coalesce(Domicile, '000'), '[0-9]{3}') then ['bad_code', 'Domicile']
               end as refusal,
               _original as told
        from unpacked
    """)
    rows = con.sql("""
        select _position, _extra, replace(RegistrationNumber, '.', '') as registration_number,
               business_id(BusinessId) as business_id, trim("name") as "name", names, Domicile as municipality_code,
               nullif(trim(place.StreetName), '') as street, place.PostCode as postcode, place.City as town,
               place.AddressLine1 as person,
               nullif(trim(ContactInfo.Email), '') as email_told, nullif(trim(ContactInfo.Phone), '') as phone_told,
               nullif(RegistryDate, '') as registered_on, AssociationStatus as status_code, PurposeClassMain as purpose_class
        from checked where refusal is null order by _position
    """).pl()
    bad = con.sql("""
        select _position, if(refusal[2] = 'RegistrationNumber', null, replace(RegistrationNumber, '.', '')) as _key,
               refusal[1] as _reason, refusal[2] as _path,
               -- What would have been taken, but no address: nobody has looked through it for a person.
               if(starts_with(told, 'withheld'), told, to_json(struct_pack(
                   RegistrationNumber := RegistrationNumber, BusinessId := BusinessId, names := names, Domicile := Domicile,
                   RegistryDate := RegistryDate, AssociationStatus := AssociationStatus))::varchar) as _original
        from checked where refusal is not null
    """).pl()
    emails, phones = columns.emails(rows["email_told"]), columns.phones(rows["phone_told"])
    is_street = _is_street(rows)
    return (
        rows.with_columns(
            street=pl.when(is_street).then("street"),
            email=emails["address"],
            email_kind=emails["kind"],
            phone_e164=phones["e164"],
            phone_kind=phones["kind"],
        ).drop("person"),
        bad,
        int((~is_street & rows["street"].is_not_null()).sum()),
    )


def _is_street(rows: pl.DataFrame) -> pl.Series:
    """Whether a street line has the form of one and nothing of the person: proof is asked for, since a name has no form."""
    parts = columns.addresses(rows["street"])
    has_form = (parts["street"].is_not_null() & parts["number"].is_not_null()) | parts["box"].is_not_null()
    clean = (
        ~parts["has_care_of"].fill_null(False)
        & parts["rest"].is_null()
        & ~rows["street"].str.contains("[,\n/]|℅").fill_null(True)
    )
    words = rows.select(
        pl.col("person")
        .str.to_lowercase()
        .str.extract_all(r"[\pL]{3,}")
        .fill_null([])
        .list.set_intersection(pl.col("street").str.to_lowercase().str.extract_all(r"[\pL]{3,}").fill_null([]))
        .list.len()
    ).to_series()
    return (has_form & clean & (words == 0)).fill_null(False)
