"""Land answers of the authenticated YTJ service (X-Road GetCompany) that somebody with the contract has saved as JSON lines."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from base.normalise import columns
from ingest import delimited, jsonlines
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, connect, quiet
from ingest.load import Batch, Load, land_batches
from ingest.source import Source
from ingest.sources.ytj.parsing import known_codes

SOURCE, DATASET = "ytj_extract", "companies"
CODED = "STRUCT(PrimaryCode VARCHAR)"
ADDRESS = (
    "STRUCT(DomesticAddress STRUCT(Street VARCHAR, PostOfficeBox VARCHAR, BuildingNumber VARCHAR, Entrance VARCHAR,"
    " ApartmentNumber VARCHAR, ApartmentIDSuffix VARCHAR, PostalCode VARCHAR, City VARCHAR))"
)
COMPANY = f"""STRUCT(
    BusinessId VARCHAR, TradeName STRUCT("Name" VARCHAR, RegistrationDate VARCHAR), LegalForm {CODED}, Municipality {CODED},
    BusinessLine {CODED}, "Language" {CODED}, CompanyStatus STRUCT(BusinessIdStatus {CODED}, Status {CODED}),
    Bankruptcy BOOLEAN, CompanyReorganisation BOOLEAN, Liquidation BOOLEAN, BusinessInterruption BOOLEAN,
    RegisteredInPrepaymentRegister BOOLEAN, PostalAddress {ADDRESS}, StreetAddress {ADDRESS},
    ContactDetails STRUCT(ContactDetail STRUCT("Value" VARCHAR, Validity VARCHAR, "Type" {CODED})[]),
    RegistrationsInForce STRUCT(RegistryEntry STRUCT(Registry {CODED}, RegistrationDate VARCHAR)[]))"""
LISTS = ("ContactDetail", "RegistryEntry", "CodeDescription")
# YLAJI: seen but for 4.
PHONE, FAX, EMAIL, WWW, MOBILE = "1", "2", "3", "4", "5"
CONTACT = ("type_code", "told", "normal", "kind", "fault")


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land a file of JSON lines, or those of a folder as one load. An excerpt: nothing disappears by it.

    as_of: by default the date in the file's or folder's name, else today. Raises LandingRefused in one line.
    """
    if origin is None:
        raise LandingRefused("not_there", "ytj_extract is asked for under your own contract: say where the answers are")
    source = Source.load(SOURCE)
    paths = delimited.files_of(origin, r".*\.(jsonl|ndjson)")
    as_of = as_of or delimited.day_of(paths[0]) or date.today()
    kept = [archive_file(home, source.name, as_of, path) for path in paths]

    def batches() -> Iterator[Batch]:
        done = 0
        with connect() as con:
            jsonlines.prepare(con)
            for number, path in enumerate(kept):
                for found in jsonlines.read(path, first_position=number * delimited.FILE_LINES):
                    yield parse(con, found, source)
                    done += len(found)
                    progress("ytj_extract companies", done, None)

    return [
        land_batches(
            source,
            DATASET,
            batches(),
            as_of,
            files=kept,
            home=home,
            after=_count_codes,
            mode="partial",
            accept_bounds=accept_bounds,
        )
    ]


def parse(con: duckdb.DuckDBPyConnection, found: list[jsonlines.Record], source: Source) -> Batch:
    """(rows, refused records) of a batch; every record is in exactly one. `con` as jsonlines.prepare leaves it."""
    refused = source.fields_refused
    jsonlines.unpack(con, found, {"Company": COMPANY}, required=["Company"], refused=refused, lists=LISTS)
    con.execute("""
        create or replace temp table checked as
        select *, case
            when _refusal is not null then _refusal
            when business_id_fault(Company.BusinessId) is not null
                then [business_id_fault(Company.BusinessId), 'Company.BusinessId']
            when coalesce(trim(Company.TradeName."Name"), '') = '' then ['missing_name', 'Company.TradeName.Name']
            when not is_day(Company.TradeName.RegistrationDate) then ['date_invalid', 'Company.TradeName.RegistrationDate']
            when len(list_filter(Company.RegistrationsInForce.RegistryEntry, lambda e: not is_day(e.RegistrationDate))) > 0
                then ['date_invalid', 'Company.RegistrationsInForce.RegistryEntry[].RegistrationDate']
            when not coalesce(regexp_full_match(Company.Municipality.PrimaryCode, '[0-9]{3}'), true)
                then ['bad_code', 'Company.Municipality.PrimaryCode']
            end as refusal,
            business_id(Company.BusinessId) as business_id
        from unpacked
    """)
    rows = con.sql(f"""
        select _position, _extra, business_id, trim(Company.TradeName."Name") as name,
               nullif(Company.TradeName.RegistrationDate, '') as name_since,
               Company.LegalForm.PrimaryCode as legal_form_code, Company.Municipality.PrimaryCode as municipality_code,
               Company.BusinessLine.PrimaryCode as industry_code, Company."Language".PrimaryCode as language_code,
               Company.CompanyStatus.BusinessIdStatus.PrimaryCode as business_id_status,
               Company.CompanyStatus.Status.PrimaryCode as company_status,
               Company.Bankruptcy as is_bankrupt, Company.CompanyReorganisation as is_in_reorganisation,
               Company.Liquidation as is_in_liquidation, Company.BusinessInterruption as is_interrupted,
               Company.RegisteredInPrepaymentRegister as is_in_prepayment_register,
               {_address("PostalAddress")} as postal_address, {_address("StreetAddress")} as street_address,
               list_transform(Company.RegistrationsInForce.RegistryEntry,
                   lambda e: {{register_code: e.Registry.PrimaryCode, registered_on: e.RegistrationDate}}) as registrations
        from checked where refusal is null order by _position
    """).pl()
    told = con.sql("""
        select _position, c."Type".PrimaryCode as type_code, trim(c."Value") as told
        from (select _position, unnest(Company.ContactDetails.ContactDetail) as c from checked where refusal is null)
        where trim(c."Value") <> ''
    """).pl()
    bad = con.sql("""
        select _position, business_id as _key, refusal[1] as _reason, refusal[2] as _path, _original
        from checked where refusal is not null
    """).to_arrow_table()
    return rows.join(contacts(told), on="_position", how="left", maintain_order="left").to_arrow(), bad


def contacts(told: pl.DataFrame) -> pl.DataFrame:
    """`contacts` per _position of rows (_position, type_code, told): each with its normal form and kind, or why it has none."""
    is_phone = pl.col("type_code").is_in([PHONE, FAX, MOBILE]).fill_null(False)
    is_email = (pl.col("type_code") == EMAIL).fill_null(False)
    phones, emails = told.filter(is_phone), told.filter(is_email)
    normal_phones, normal_emails = columns.phones(phones["told"]), columns.emails(emails["told"])
    nothing = {"normal": pl.lit(None, pl.String), "kind": pl.lit(None, pl.String), "fault": pl.lit(None, pl.String)}
    every = pl.concat(
        [
            told.filter(~is_phone & ~is_email).with_columns(**nothing),
            phones.hstack(normal_phones.select(normal="e164", kind="kind", fault="reason")),
            emails.hstack(normal_emails.select(normal="address", kind="kind", fault="reason")),
        ]
    )
    # Their order in the answer means nothing, and an order is no change.
    ordered = every.unique().sort("_position", *CONTACT)
    return ordered.group_by("_position", maintain_order=True).agg(contacts=pl.struct(*CONTACT))


def _address(field: str) -> str:
    part = f"Company.{field}.DomesticAddress"
    names = {
        "street": "Street",
        "po_box": "PostOfficeBox",
        "building": "BuildingNumber",
        "entrance": "Entrance",
        "apartment": "ApartmentNumber",
        "postcode": "PostalCode",
        "town": "City",
    }
    pairs = [f"{ours}: {part}.{theirs}" for ours, theirs in names.items()]
    suffixed = f"nullif(concat({part}.ApartmentNumber, {part}.ApartmentIDSuffix), '')"
    pairs[4] = f"apartment: {suffixed}"
    return f"if({part} is null, null, {{{', '.join(pairs)}}})"


def _count_codes(load: Load) -> None:
    known = {
        "contact_type": {PHONE, FAX, EMAIL, WWW, MOBILE},
        "language_code": {"1", "2"},
        "legal_form_code": known_codes()["YRMU"],
    }
    told = {
        "contact_type": "unnest(contacts).type_code",
        "language_code": "language_code",
        "legal_form_code": "legal_form_code",
    }
    for name, expression in told.items():
        found = load.con.execute(
            f"select code, count(*) from (select {expression} as code from fresh) where code is not null group by all"
        )
        load.unknown_codes.update({f"{name}={code}": times for code, times in found.fetchall() if code not in known[name]})
