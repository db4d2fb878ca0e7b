"""The normal forms of a whole column: each distinct value is worked out once and joined back.

Every function takes a polars Series of texts and gives a DataFrame of as many rows in the same order; a null gives nulls.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import duckdb
import polars as pl

from base.normalise.address import address, address_key, street_line, town_key
from base.normalise.email import emails as emails_of
from base.normalise.name import name_fold, name_keys
from base.normalise.phone import phones as phones_of
from base.normalise.sql import register

PHONE = {
    "e164": pl.String, "kind": pl.String, "national": pl.String, "extension": pl.String, "reason": pl.String,
    "more": pl.List(pl.String),
}  # fmt: skip
EMAIL = {
    "address": pl.String, "kind": pl.String, "domain": pl.String, "tag": pl.String, "key": pl.String, "reason": pl.String,
    "more": pl.List(pl.String),
}  # fmt: skip
NAME = {"fold": pl.String, "keys": pl.List(pl.String)}
ADDRESS = {
    "street": pl.String, "number": pl.String, "entrance": pl.String, "flat": pl.String, "box": pl.String,
    "postcode": pl.String, "town": pl.String, "rest": pl.String, "has_care_of": pl.Boolean, "line": pl.String, "key": pl.String,
}  # fmt: skip
TOWN = {"town": pl.String}


def business_ids(values: pl.Series) -> pl.DataFrame:
    """`business_id` and, where there is none, the `reason`; also for null (bid_missing). Done by the SQL macros."""
    given = {"row": pl.Series(range(len(values))), "v": values.cast(pl.String)}
    with duckdb.connect() as con:
        register(con)
        con.register("told", pl.DataFrame(given).to_arrow())
        made = con.sql("select business_id(v) as business_id, business_id_fault(v) as reason from told order by row")
        return pl.DataFrame(pl.from_arrow(made.to_arrow_table()))


def phones(values: pl.Series, region: str = "FI", prefixes: pl.Series | None = None) -> pl.DataFrame:
    """`phone` of each value: e164, kind, national, extension, reason; `more` are the other usable numbers (E.164) of the text.

    `prefixes`: the country codes, where the source keeps them in a column of their own (PTV).
    """

    def normal(text: str, prefix: str | None = None) -> dict[str, Any]:
        first, *rest = phones_of(text, region, prefix)
        return asdict(first) | {"more": [other.e164 for other in rest if other.e164]}

    return _distinct([values] if prefixes is None else [values, prefixes], normal, PHONE)


def emails(values: pl.Series) -> pl.DataFrame:
    """`email` of each value: address, kind, domain, tag, key, reason; `more` are the other usable addresses of the text."""

    def normal(text: str) -> dict[str, Any]:
        first, *rest = emails_of(text)
        return asdict(first) | {"more": [other.address for other in rest if other.address]}

    return _distinct([values], normal, EMAIL)


def names(values: pl.Series) -> pl.DataFrame:
    """`fold` and `keys` (sorted) of each name, see base.normalise.name."""
    return _distinct([values], lambda text: {"fold": name_fold(text), "keys": sorted(name_keys(text))}, NAME)


def addresses(values: pl.Series) -> pl.DataFrame:
    """The parts of each address, its street `line` and its `key`."""

    def normal(text: str) -> dict[str, Any]:
        parts = address(text)
        return asdict(parts) | {"line": street_line(parts), "key": address_key(parts)}

    return _distinct([values], normal, ADDRESS)


def towns(values: pl.Series) -> pl.DataFrame:
    """The Finnish post `town` of each town."""
    return _distinct([values], lambda text: {"town": town_key(text)}, TOWN)


def _distinct(given: list[pl.Series], normal: Callable[..., dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    """`normal` of each distinct row of the given columns whose first is not null, joined back to all rows."""
    frame = pl.DataFrame([series.cast(pl.String).alias(f"_given_{i}") for i, series in enumerate(given)])
    distinct = frame.unique().filter(pl.nth(0).is_not_null())
    results = pl.DataFrame([normal(*row) for row in distinct.iter_rows()], schema=schema)
    joined = frame.join(distinct.hstack(results), on=frame.columns, how="left", nulls_equal=True, maintain_order="left")
    return joined.select(list(schema))
