"""Exports of the survey's interviewing systems (CATI, panel) -> raw `survey/objections, decision_makers, attempts, cases`.

Belongs here: what a row of such a file says, and which part of it cannot be taken. Does not belong here: reading the file
(ingest/tabular.py), what an outcome does to the data (downstream of seed dispositions).
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from base.normalise import name_fold
from ingest import people, tabular
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, quiet
from ingest.load import Batch, land_batches
from ingest.source import Layout, Source
from ingest.sources.linefile import Check

SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"
TICKED = [f"area_{n:02d}" for n in range(1, 17)]
BATCH = 20_000
OBJECTING, OF_SURVEYS, OF_ORGANISATIONS = ["OPT", "RFH", "RFO"], ["RFH", "RFO"], ["RFO"]
# Words that join two areas; the official names hold them too, so they part nothing before the whole has been looked up.
JOINTS = re.compile(r"\s+(?:ja|sekä|och|samt|and)\s+|\s*[&+]\s*")


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land one export, or all of a folder in the order of their names. `as_of`: the day it came, default today.

    Objections land before anything else of a file is judged. Raises LandingRefused as tabular.read and Load do.
    """
    source = Source.load("survey")
    receipts = []
    for path in tabular.files(origin, source):
        receipts += _land_file(source, path, as_of or date.today(), home, progress, accept_bounds)
    return receipts


def _land_file(
    source: Source, path: Path, as_of: date, home: Path, progress: Progress, accept_bounds: str | None
) -> list[Manifest]:
    assert source.layout is not None
    table = tabular.read(path, source.layout)
    archived = archive_file(home, source.name, as_of, path)
    rows = understand(table, source.layout, as_of)
    table.rows = table.rows.clear()
    strangers = people.unknown_organisations(home, rows["business_id"])
    rows = rows.with_columns(
        is_known=~pl.col("business_id").is_in(list(strangers)),
        people=pl.len().over("business_id"),
    )
    parts: dict[str, Callable[[], tuple[pl.DataFrame, pl.DataFrame]]] = {
        "objections": lambda: (objections(rows), table.refused.clear()),
        "decision_makers": partial(decision_makers, rows, source.layout),
        "attempts": partial(attempts, rows),
        "cases": partial(cases, rows, table),
    }
    receipts = []
    for dataset, part in parts.items():
        # Made one by one and landed in batches: a wave of a year holds 200,000 rows.
        good, refused = part()
        if dataset == "cases":
            refused = pl.concat([refused, table.refused])
        if good.is_empty() and refused.is_empty():
            continue
        good = good.select("_position", "_extra", *source.datasets[dataset].columns)
        receipts.append(
            land_batches(
                source, dataset, _batches(good, refused), as_of,
                files=[archived], home=home, mode="partial", accept_bounds=accept_bounds,
            )
        )  # fmt: skip
        progress(f"survey {dataset}", good.height, good.height + refused.height)
    if not receipts:
        raise LandingRefused("empty", f"{path.name}: no rows below its header")
    return receipts


def _batches(good: pl.DataFrame, refused: pl.DataFrame) -> Iterator[Batch]:
    yield good.clear().to_arrow(), refused.to_arrow()
    yield from ((batch.to_arrow(), None) for batch in good.iter_slices(BATCH))


def understand(table: tabular.Table, layout: Layout, today: date) -> pl.DataFrame:
    """The rows with normal forms: ids, contacts, moments, outcomes, areas; and what each row tells of."""
    told = ["first_name", "last_name", "name"]
    words = area_words(layout)
    areas = pl.DataFrame([_areas(row, words) for row in table.rows.select("areas", *TICKED).iter_rows()], _AREAS, orient="row")
    outcomes = tabular.said_as(layout, "disposition") | _dispositions()
    rows = table.rows.hstack(areas).with_columns(
        pl.col("case_id", "wave_id", "interviewer_id", *told, "title", "language").str.strip_chars(),
        areas_told=pl.concat_str("areas", *(pl.when(pl.col(c).is_not_null()).then(pl.lit(c)) for c in TICKED),
                                 separator=" ", ignore_nulls=True).replace("", None),
        outcome=_mapped("disposition", outcomes),
        staff_number=pl.col("staff").str.extract(r"^\s*(\d+)").cast(pl.Int64, strict=False),
        **{f"{column}_parsed": people.moment(column, today) for column in
           ("invited_on", "attempted_at", "appointment_at", "consent_on", "notice_on", "reported_at")},
        has_consent=people.yes("consent"),
        self_report=people.yes("is_self_report"),
        refuses=people.yes("objection").fill_null(True) & pl.col("objection").is_not_null(),
    )  # fmt: skip
    rows = people.with_contacts(people.with_business_ids(rows))
    rows = rows.with_columns(
        has_objected=pl.col("refuses") | pl.col("outcome").is_in(OBJECTING).fill_null(False),
        names_person=pl.any_horizontal(pl.col(c).is_not_null() for c in told),
        noticed_on=pl.coalesce(
            pl.col("notice_on_parsed"),
            pl.col("consent_on_parsed"),
            # A box ticked for consent was ticked when the row was written.
            pl.when(pl.col("has_consent").fill_null(False)).then(pl.col("reported_at_parsed")),
        ).dt.date(),
        _person=pl.struct("case_id", *told, "title").map_elements(_person, return_dtype=pl.String),
    )
    reasons = {"email_reason": "email", "phone_reason": "phone"}
    rows = rows.with_columns(
        # Nothing told is nothing odd.
        email_reason=pl.when(pl.col("email_told").is_not_null()).then("email_reason"),
        phone_reason=pl.when(pl.col("phone_told").is_not_null()).then("phone_reason"),
    )
    return people.with_flags(rows, table, reasons)


def objections(rows: pl.DataFrame) -> pl.DataFrame:
    """Who objected, to what; whatever is wrong with the rest of the row."""
    is_organisation = pl.col("outcome").is_in(OF_ORGANISATIONS).fill_null(False) | ~pl.col("names_person")
    only_surveys = pl.col("outcome").is_in(OF_SURVEYS).fill_null(False) & ~pl.col("refuses")
    found = rows.filter("has_objected").with_columns(
        scope=pl.when(is_organisation).then(pl.lit("organisation")).otherwise(pl.lit("person")),
        purpose=pl.when(only_surveys).then(pl.lit("survey_contact")).otherwise(pl.lit("marketing")),
        objected_at=pl.coalesce("attempted_at_parsed", "reported_at_parsed"),
    )
    key = pl.concat_str(
        "_person", "scope", "purpose", pl.col("email_told", "phone_told", "business_id").fill_null(""), separator="|"
    )
    return found.with_columns(objection_id=key.map_elements(_hashed, return_dtype=pl.String))


def decision_makers(rows: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The people reported, and those who cannot be taken, each with the reason."""
    reported = rows.filter("names_person").with_columns(
        people=pl.len().over("business_id"), report_id=pl.col("_person").map_elements(_hashed, return_dtype=pl.String)
    )
    most, least = layout.limits["people_per_organisation"], layout.limits["least_staff"]
    good, refused = tabular.sift(
        reported,
        ["report_id"],
        [
            Check("case_missing", "case_id", pl.col("case_id").is_not_null(), identifies=True),
            *_organisation_checks(),
            Check("survey_scope", "staff", pl.col("staff_number").is_null() | (pl.col("staff_number") >= least)),
            Check("too_many_people", "business_id", pl.col("people") <= most),
            Check("area_unknown", "areas", pl.col("areas_known")),
            *(_date_check(column) for column in ("notice_on", "consent_on", "reported_at")),
            Check("notice_missing", "notice_on", pl.col("noticed_on").is_not_null() | pl.col("has_objected")),
        ],
    )
    return good.with_columns(
        notice_on=pl.col("notice_on_parsed").dt.date(),
        consent_on=pl.coalesce(
            "consent_on_parsed", pl.when(pl.col("has_consent").fill_null(False)).then(pl.col("reported_at_parsed"))
        ).dt.date(),
        reported_at=pl.coalesce("reported_at_parsed", "attempted_at_parsed"),
        is_self_report=pl.col("self_report"),
        disposition=pl.col("outcome"),
    ), refused


def attempts(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The contact attempts. An outcome nobody knows is refused: what it means for the person is not to be guessed."""
    made = rows.filter(pl.col("disposition").is_not_null() | pl.col("attempted_at").is_not_null())
    good, refused = tabular.sift(
        made,
        ["case_id"],
        [
            Check("case_missing", "case_id", pl.col("case_id").is_not_null(), identifies=True),
            Check("disposition_unknown", "disposition", pl.col("outcome").is_not_null()),
            Check("date_missing", "attempted_at", pl.col("attempted_at").is_not_null()),
            _date_check("attempted_at"),
            _date_check("appointment_at"),
        ],
    )
    return good.with_columns(
        pl.col("attempt_no", "duration_s").str.extract(r"^\s*(\d{1,9})\s*$").cast(pl.Int32),
        attempted_at=pl.col("attempted_at_parsed"),
        appointment_at=pl.col("appointment_at_parsed"),
        disposition=pl.col("outcome"),
    ), refused


def cases(rows: pl.DataFrame, table: tabular.Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The organisations asked; only of files that say which organisation a case is about."""
    asked = rows if table.has("business_id") else rows.clear()
    good, refused = tabular.sift(
        asked,
        ["case_id"],
        [
            Check("case_missing", "case_id", pl.col("case_id").is_not_null(), identifies=True),
            *_organisation_checks(),
            _date_check("invited_on"),
        ],
    )
    return good.with_columns(invited_on=pl.col("invited_on_parsed").dt.date(), staff_told=pl.col("staff")), refused


def _organisation_checks() -> list[Check]:
    faults = ("bid_missing", "bid_shape", "bid_checksum")
    found = [Check(fault, "business_id", pl.col("business_id_reason").fill_null("") != fault) for fault in faults]
    return [*found, Check("org_unknown", "business_id", pl.col("is_known"))]


def _date_check(column: str) -> Check:
    return Check("bad_date", column, pl.col(column).is_null() | pl.col(f"{column}_parsed").is_not_null())


def _mapped(column: str, said: dict[str, str]) -> pl.Expr:
    return pl.col(column).map_elements(lambda text: said.get(tabular.fold(text)), return_dtype=pl.String)


def _hashed(text: str) -> str:
    """A key that says nothing of the person to who reads it by chance; it is no protection of the name."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _person(row: dict[str, str | None]) -> str:
    names = " ".join(row[part] or "" for part in ("first_name", "last_name", "name")).strip()
    # Without a name (an organisation's objection) the title is the only thing to tell two apart by.
    return f"{row['case_id'] or ''}|{name_fold(names) if names else 'title ' + (row['title'] or '')}"


# --- areas and outcomes ---------------------------------------------------------------------------------------------------

_AREAS: dict[str, Any] = {"area_codes": pl.List(pl.String), "areas_known": pl.Boolean}


def _areas(row: tuple[str | None, ...], said: dict[str, str]) -> tuple[list[str], bool]:
    """(codes in the order of the list, whether all that was said is an area) of the text column and the sixteen ticked ones."""
    codes, known = areas_of(row[0] or "", said)
    for number, tick in enumerate(row[1:], start=1):
        mark = (tick or "").strip().lower().replace("ä", "a")
        if mark in people.YES:
            codes.add(said[str(number)])
        elif tick is not None and mark not in (*people.NO, ""):
            known = False
    order = list(dict.fromkeys(said.values()))
    return sorted(codes, key=order.index), known


def areas_of(text: str, said: dict[str, str]) -> tuple[set[str], bool]:
    """(codes, whether every part was understood) of `1,5,10`, `IT; talous` or an official name with its own commas."""
    found: set[str] = set()
    known = True
    for part in re.split(r"[;|\n]|\s/\s", text):
        pieces = part.split(",")
        while pieces:
            # The longest run of pieces that is a name: `Riskienhallinta, vakuutukset ja lakiasiat` is one area.
            for length in range(len(pieces), 0, -1):
                if codes := _one_area(",".join(pieces[:length]), said):
                    break
            if not codes and tabular.fold(pieces[0]):
                known = False
            found |= codes
            pieces = pieces[max(length, 1) :]
    return found, known


def _one_area(text: str, said: dict[str, str]) -> set[str]:
    if (code := said.get(tabular.fold(text))) is not None:
        return {code}
    head, dot, finer = text.strip().partition(".")
    if dot and head.isupper() and finer.strip() and (code := said.get(tabular.fold(head))):
        return {code}  # HANKINTA.autot: a finer function of a customer's own list
    parts = [said.get(tabular.fold(part)) for part in JOINTS.split(text)]
    return {part for part in parts if part} if len(parts) > 1 and all(parts) else set()


@cache
def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def area_words(layout: Layout) -> dict[str, str]:
    """Every folded way to say an area: its number, code and three names, and the layout's own."""
    words: dict[str, str] = {}
    for area in _seed("areas_of_responsibility"):
        ways = (area["number"], f"{int(area['number']):02d}", area["code"], area["name_fi"], area["name_sv"], area["name_en"])
        words |= {tabular.fold(way): area["code"] for way in ways}
    return words | tabular.said_as(layout, "areas")


def _dispositions() -> dict[str, str]:
    return {tabular.fold(row[way]): row["code"] for row in _seed("dispositions") for way in ("code", "name_fi", "name_en")}
