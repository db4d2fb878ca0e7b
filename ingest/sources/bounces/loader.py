"""Customers' feedback on contacts they had from us -> raw `bounces/events`.

Belongs here: which contact point a row is about and what happened to it. Does not belong here: what follows from it (three
soft bounces, a review of who has left, the opt-out ledger).
"""

import hashlib
from datetime import date
from pathlib import Path

import polars as pl

from ingest import people, tabular
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, quiet
from ingest.load import land_table
from ingest.source import Layout, Source
from ingest.sources.linefile import Check

OBJECTION = pl.col("disposition") == "OPT"
SMTP = r"\b([245])\.(\d{1,3})\.(\d{1,3})\b"


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land one file, or all of a folder in the order of their names. `as_of`: the day it came, default today.

    Raises LandingRefused as tabular.read and Load do.
    """
    source = Source.load("bounces")
    assert source.layout is not None
    receipts = []
    for path in tabular.files(origin, source):
        day = as_of or date.today()
        table = tabular.read(path, source.layout)
        if table.rows.is_empty() and table.refused.is_empty():
            raise LandingRefused("empty", f"{path.name}: no rows below its header")
        archived = archive_file(home, source.name, day, path)
        events, refused = understand(table, source.layout, day)
        columns = ["_position", "_extra", *source.datasets["events"].columns]
        receipts.append(
            land_table(
                source, "events", events.select(columns).to_arrow(), day, files=[archived], home=home, mode="partial",
                refused=pl.concat([refused, table.refused]).to_arrow(), accept_bounds=accept_bounds,
            )
        )  # fmt: skip
        progress("bounces events", events.height, events.height + refused.height)
    return receipts


def understand(table: tabular.Table, layout: Layout, today: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(events, refused). A row about several contact points is several events; a row with none that can be used is refused."""
    said, left = tabular.said_as(layout, "event"), [way.lower() for way in layout.values["message"]["left"]]
    code = pl.col("smtp_code").str.extract_groups(SMTP)
    rows = people.with_contacts(people.with_business_ids(table.rows)).with_columns(
        pl.col("customer_id", "delivery_id").str.strip_chars(),
        told=pl.col("event").map_elements(lambda text: said.get(tabular.fold(text)), return_dtype=pl.String),
        by_code=code.struct.field("1").replace_strict({"5": "EBH", "4": "EBS"}, default=None, return_dtype=pl.String),
        smtp_code=pl.when(code.struct.field("1").is_not_null()).then(
            pl.format("{}.{}.{}", *(code.struct.field(str(n)) for n in (1, 2, 3)))
        ),
        says_left=pl.col("message").str.to_lowercase().str.contains_any(left).fill_null(False),
        occurred=people.moment("occurred_at", today),
        returns=people.moment("returns_on", today),
    )
    rows = rows.with_columns(
        # What the customer says goes before what the server said; a code alone is enough.
        disposition=pl.when(pl.col("event").is_null()).then(pl.col("by_code")).otherwise(pl.col("told")),
        contacts=pl.concat_list(
            pl.concat_list(
                pl.format("email|{}", pl.col("email")),
                pl.col("email_more").list.eval(pl.format("email|{}", pl.element())).fill_null([]),
            ),
            pl.concat_list(
                pl.format("phone|{}", pl.col("phone_e164")),
                pl.col("phone_more").list.eval(pl.format("phone|{}", pl.element())).fill_null([]),
            ),
        ).list.drop_nulls(),
    )
    no_contact = pl.col("contacts").list.len() == 0
    rows = rows.with_columns(
        contacts=pl.when(
            no_contact & pl.col("business_id").is_not_null() & pl.col("email_told").is_null() & pl.col("phone_told").is_null()
        )
        .then(pl.concat_list(pl.format("organisation|{}", pl.col("business_id"))))
        .otherwise("contacts")
    )
    told_anything = pl.col("email_told").is_not_null() | pl.col("phone_told").is_not_null()
    good, refused = tabular.sift(
        rows.with_columns(_key=pl.lit(None, pl.String)),
        ["_key"],
        [
            Check("customer_missing", "customer_id", pl.col("customer_id").is_not_null()),
            Check("event_unknown", "event", pl.col("disposition").is_not_null()),
            Check("contact_missing", "email", told_anything | pl.col("business_id").is_not_null()),
            *(
                Check(reason, "email", (pl.col("contacts").list.len() > 0) | (pl.col("email_reason").fill_null("") != reason))
                for reason in ("email_shape", "email_pattern", "too_long")
            ),
            Check("phone", "phone", pl.col("contacts").list.len() > 0),
            Check("bad_date", "occurred_at", pl.col("occurred_at").is_null() | pl.col("occurred").is_not_null() | OBJECTION),
            Check("date_missing", "occurred_at", pl.col("occurred_at").is_not_null() | OBJECTION),
        ],
    )  # fmt: skip
    reasons = {"email_flag": "email", "phone_flag": "phone"}
    good = people.with_flags(
        good.with_columns(
            email_flag=pl.when(pl.col("email_told").is_not_null()).then("email_reason"),
            phone_flag=pl.when(pl.col("phone_told").is_not_null()).then("phone_reason"),
        ),
        table,
        reasons,
    )
    events = tabular.one_each(good, "contacts").with_columns(
        contact_kind=pl.col("contacts").str.split_exact("|", 1).struct.field("field_0"),
        contact=pl.col("contacts").str.split_exact("|", 1).struct.field("field_1"),
        occurred_at=pl.col("occurred"),
        returns_on=pl.col("returns").dt.date(),
    )
    parts = [pl.col(c).cast(pl.String).fill_null("") for c in ("customer_id", "contacts", "disposition", "occurred_at")]
    hashed = pl.concat_str(parts, separator="|").map_elements(
        lambda text: hashlib.sha256(text.encode()).hexdigest()[:24], return_dtype=pl.String
    )
    return events.with_columns(event_id=hashed), refused
