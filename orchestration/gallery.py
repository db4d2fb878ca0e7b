"""What the notebooks in `notebooks/` share: the way to the published files, small counts, Finland as tiles, one look.

A notebook asks one question of the version in service, read-only, and shows one picture. It names no person, and
where it parts those who said no by more than their gate, a count below `FEWEST` is not told.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from base.refused import Refused
from delivery.service import page
from orchestration import publish

FEWEST = 5
"""A count of people below this could be about somebody whom the reader knows."""
COLOUR, SECOND = "#0b5c7a", "#b3541e"

Ask = Callable[..., pl.DataFrame]


def connect(file: str = "analyst") -> Ask:
    """A function from SQL to a frame, over a file of the version in service.

    Raises MarimoStopError where the file may not be opened: the notebook ends with one line that says so.
    """
    import marimo

    try:
        db = publish.connect(file=file)
    except Refused as refused:
        marimo.stop(True, marimo.md(f"**{refused}**"))

    def ask(sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        found = pl.DataFrame(pl.from_arrow(db.sql(sql, params=parameters or []).to_arrow_table()))
        # DuckDB's sums are decimals to others, and no chart draws a decimal.
        return found.with_columns(pl.col(pl.Decimal).cast(pl.Float64))

    return ask


def today(ask: Ask) -> str:
    """The last day that the data speaks of, as SQL: made-up companies do not live in the present."""
    (day,) = ask("select max(in_service_as_of) from source_health where source_name <> 'ledger'").row(0)
    return f"date '{day}'"


def tiles() -> pl.DataFrame:
    """Region code -> row and column of a map of tiles, laid out like the country; the page of Poimintapalvelu has the same."""
    with Path(page.__file__).with_name("regions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return pl.DataFrame(rows).with_columns(pl.col("row", "column").cast(pl.Int64))


def map_of_regions(frame: pl.DataFrame, value: str, title: str, form: str = ",d") -> Any:
    """A chart: `frame` has region_code, region_name and `value`. form: of the numbers, as d3 writes them."""
    import altair as alt

    shown = tiles().join(frame, on="region_code", how="left")
    base = alt.Chart(shown, title=title).encode(alt.X("column:O", axis=None), alt.Y("row:O", axis=None))
    colour = alt.Color(f"{value}:Q", scale=alt.Scale(scheme="teals"), legend=None)
    values = shown[value].drop_nulls().to_list() or [0]
    middle = f"datum.{value} > {(min(values) + max(values)) / 2}"
    text = alt.condition(middle, alt.value("white"), alt.value("#222"))
    return alt.layer(
        base.mark_rect(cornerRadius=4, stroke="white", strokeWidth=2).encode(colour, tooltip=["region_name:N", f"{value}:Q"]),
        base.mark_text(dy=-7, fontSize=9, limit=62).encode(text="region_name:N", color=text),
        base.mark_text(dy=7, fontSize=12, fontWeight="bold").encode(alt.Text(f"{value}:Q", format=form), color=text),
    ).properties(width=330, height=330)


def look() -> None:
    """The look of every picture of the gallery."""
    import altair as alt

    def kohde() -> alt.theme.ThemeConfig:
        return {
            "config": {
                "view": {"stroke": None},
                "background": "white",
                "title": {"anchor": "start", "fontSize": 13},
                "axis": {"gridColor": "#e6eaed", "domain": False, "tickColor": "#c5ccd1"},
                "range": {"category": [COLOUR, SECOND, "#5b8c3e", "#7a5195", "#c9a227", "#4c4c4c"]},
            }
        }

    alt.theme.register("kohde", enable=True)(kohde)
