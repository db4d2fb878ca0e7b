"""Rows on their way into a file: cut evenly, checked, every column there, and the reason of each null worked out."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from base.refused import Refused
from delivery import columns
from delivery.columns import MISSING, NULL_REASONS, Column, Language
from delivery.render.model import About

ROWS = 16_384
"""Rows in memory at a time; also of a Parquet row group. Bytes of a file must not depend on how its rows were given."""
REASON = "reason of "
"""Prefix of the columns that hold why the column of that name is null."""
GIVEN = {"NOT_KNOWN", "NO_SOURCE", "NO_TOPIC", "WITHHELD", "NOT_APPLICABLE"}
"""What a row may say of itself. No reason tells why something is withheld: an objection is nobody's business."""


def frames(rows: pa.Table | Iterator[pa.RecordBatch], about: About) -> Iterator[pl.DataFrame]:
    """Frames of ROWS rows: the columns of the file by code without `missing`, and beside each its reasons.

    Raises Refused for a column, a type or a reason that no extract has.
    """
    given = iter(rows.to_batches()) if isinstance(rows, pa.Table) else rows
    return (_explained(_complete(frame, about), about) for frame in _even(given))


def _even(given: Iterator[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    kept: list[pa.RecordBatch] = []
    count = 0
    for batch in given:
        while batch.num_rows:
            part = batch.slice(0, ROWS - count)
            kept, count, batch = [*kept, part], count + part.num_rows, batch.slice(part.num_rows)
            if count == ROWS:
                yield _frame(kept)
                kept, count = [], 0
    if kept:
        yield _frame(kept)


def _frame(parts: list[pa.RecordBatch]) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_batches(parts))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _complete(frame: pl.DataFrame, about: About) -> pl.DataFrame:
    wanted = [column for column in about.columns if column.code != MISSING]
    if unknown := sorted(set(frame.columns) - {column.code for column in wanted} - {NULL_REASONS}):
        raise Refused(f"an extract of this kind has no column {unknown[0]!r}")
    try:
        shown = [_typed(column, about) if column.code in frame.columns else _empty(column) for column in wanted]
        complete = frame.select(*shown, *([pl.col(NULL_REASONS)] if NULL_REASONS in frame.columns else []))
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise Refused(f"a column of the rows has another type than the extract: {error}") from error
    # No end of what columns there may be: a code that is no column would otherwise go unseen.
    if NULL_REASONS in complete.columns:
        told = complete[NULL_REASONS].explode().drop_nulls()
        codes, reasons = (set(told.struct.field(name).unique()) for name in ("column", "reason"))
        if wrong := sorted(codes - {column.code for column in wanted}) + sorted(reasons - GIVEN):
            raise Refused(f"{wrong[0]!r} is no column, or no reason that a row may give")
    return complete


def _ordered(column: Column, about: About) -> bool:
    if column.channel is not None and column.channel not in about.channels:
        return False
    return about.fields is None or column.code in about.fields


def _typed(column: Column, about: About) -> pl.Expr:
    """The column in the extract's type; null where it was not ordered, whatever the rows hold."""
    kinds: dict[str, pl.DataType | type[pl.DataType]] = {
        "text": pl.String, "list": pl.List(pl.String), "date": pl.Date, "boolean": pl.Boolean,
        "number": pl.Int64 if column.decimals == 0 else pl.Decimal(18, column.decimals),
    }  # fmt: skip
    value = pl.col(column.code).cast(kinds[column.kind]) if _ordered(column, about) else _none(kinds[column.kind])
    if column.kind == "list":
        value = pl.when(value.list.len() > 0).then(value)
    return value.alias(column.code)


def _none(kind: pl.DataType | type[pl.DataType]) -> pl.Expr:
    return pl.lit(None, dtype=kind)


def _empty(column: Column) -> pl.Expr:
    return pl.lit(None, dtype=pl.from_arrow(pa.nulls(0, columns.arrow_type(column))).dtype).alias(column.code)  # type: ignore[union-attr]


def _explained(frame: pl.DataFrame, about: About) -> pl.DataFrame:
    """Beside each column why it is null: not of this unit, not ordered, told by the row, or the column's own rule."""
    told = NULL_REASONS in frame.columns
    made = [_reason(column, about, told).alias(REASON + column.code) for column in about.columns if column.code != MISSING]
    return frame.with_columns(made).drop(NULL_REASONS, strict=False)


def _reason(column: Column, about: About, told: bool) -> pl.Expr:
    if column.unit == "person" and about.unit == "organisation":
        reason = pl.lit("NOT_APPLICABLE")
    elif not _ordered(column, about):
        reason = pl.lit("NOT_ORDERED")
    else:
        rule = "NO_TOPIC" if column.code == "email" and about.unit == "person" and not about.has_topic else column.when_null
        reason = pl.lit(rule)
        if told:
            own = pl.col(NULL_REASONS).list.filter(pl.element().struct.field("column") == column.code)
            reason = pl.coalesce(own.list.first().struct.field("reason"), reason)
    if about.delta and column.code != "operation":
        # A row that goes is named by its ids; the rest is nobody's business any more, known or not.
        reason = pl.when(pl.col("operation").is_in(["POISTO", "YHDISTETTY"])).then(pl.lit("NOT_APPLICABLE")).otherwise(reason)
    return pl.when(pl.col(column.code).is_null()).then(reason)


def missing(about: About, language: Language | None, header: Language) -> pl.Expr:
    """`sahkoposti: ei tiedossa; puhelin: ei tilattu`: what is empty and why, in words or, without a language, in codes.

    What does not concern the row is not listed.
    """
    words = columns.values()["null_reason"]
    parts = []
    for column in about.columns:
        if column.code == MISSING:
            continue
        reason = pl.col(REASON + column.code)
        shown = reason.replace_strict({code: word[language] for code, word in words.items()}) if language else reason
        concerns = reason.is_not_null() & (reason != "NOT_APPLICABLE")
        parts.append(pl.when(concerns).then(pl.concat_str(pl.lit(f"{column.headers[header]}: "), shown)))
    text = pl.concat_str(parts, separator="; ", ignore_nulls=True)
    return pl.when(text != "").then(text).alias(MISSING)
