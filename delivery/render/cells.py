"""Cells for a spreadsheet: words for codes, lists joined, and nothing that a spreadsheet would execute.

A text that begins with = + - @ or with TAB, CR or NUL is a formula to some spreadsheet (ASVS 5.0 1.2.10, CWE-1236), also after
blanks, and in the full-width letters of East Asian input. It gets a leading apostrophe. A telephone number `+358...` of digits
only is exempt: it cannot call anything, and guarding it would break every one of them.
"""

from collections.abc import Callable

import polars as pl

from delivery import columns
from delivery.columns import MISSING, Column
from delivery.render.batches import missing
from delivery.render.model import About, Profile

FORMULA = r"^'*(?:[\t\r\n\x00]|[\s\x{feff}\x{200b}-\x{200f}\x{2060}]*[=+\-@＝＋－＠﹦﹢﹣﹫])"
"""Also what already begins with apostrophes: so one taken off again always gives the text back."""
NUMBER = r"^\+[0-9]{7,15}$"
CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{84}\x{86}-\x{9f}\x{fffe}\x{ffff}]"
"""What no XML and few readers of CSV can hold. TAB, LF and CR stay: they are text."""
SEPARATOR = "|"
GUARD = "'"


def text_cells(
    frame: pl.DataFrame, about: About, profile: Profile, through: Callable[[pl.DataFrame], pl.DataFrame] = lambda cells: cells
) -> pl.DataFrame:
    """Every column as text by code, `missing` included; numbers with a point and no guard. raw: words for codes, no more.

    through: what else is done to clean cells, before they are guarded.
    """
    listed = [_text(column, profile) for column in about.columns if column.code != MISSING]
    shown = frame.select(*listed, missing(about, profile.value_language, profile.header_language))
    if profile.raw:
        return shown
    texts = [column.code for column in about.columns if column.is_text]
    # The guard comes last: a transliterated `−1` begins with a hyphen that it did not begin with before.
    return through(shown.with_columns(cleaned(pl.col(texts)))).with_columns(guarded(pl.col(code)) for code in texts)


def _text(column: Column, profile: Profile) -> pl.Expr:
    value = pl.col(column.code)
    if column.kind == "list":
        escaped = pl.element().str.replace_all("\\", "\\\\", literal=True).str.replace_all(SEPARATOR, "\\|", literal=True)
        return value.list.eval(escaped).list.join(SEPARATOR).alias(column.code)
    if column.kind == "date":
        return value.dt.to_string("%Y-%m-%d").alias(column.code)
    shown = value.cast(pl.String)
    known = columns.values().get("boolean" if column.kind == "boolean" else column.code)
    # An operation is a command for a machine, and a reason beside it: the same code in every language.
    if known and column.part != "delta":
        shown = shown.replace({code: words[profile.value_language] for code, words in known.items()})
    return shown.alias(column.code)


def cleaned(text: pl.Expr) -> pl.Expr:
    """Without control characters."""
    return text.str.replace_all(CONTROLS, "")


def guarded(text: pl.Expr) -> pl.Expr:
    """With an apostrophe before what a spreadsheet would execute."""
    executes = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
    return pl.when(executes).then(pl.concat_str(pl.lit(GUARD), text)).otherwise(text).name.keep()
