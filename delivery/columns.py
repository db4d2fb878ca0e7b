"""The columns of what a customer receives: one table (columns.csv) of code, headers in three languages, kind and meaning.

Every file has every column of its unit and part, in this order, whatever was ordered: what is empty says why
(DOMAIN 1.5: a field that is left out without a word is worse than one that says it was not ordered).
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pyarrow as pa

from base.refused import Refused

Language = Literal["fi", "sv", "en"]
Unit = Literal["person", "organisation"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")
CONTRACT_VERSION = "1.1.0"
"""Of this table: a code that goes or changes its kind is a new first number, a new column a new second one."""
MISSING = "missing"
"""The column that says which others are empty and why; made when a file is rendered, never given."""
NULL_REASONS = "null_reasons"
"""An optional column of the rows given: list of {column, reason} for what nobody can tell from the order alone."""


@dataclass(frozen=True)
class Column:
    """A column of an extract. decimals: of a number. channel: email, phone or post, that it comes with.

    unit: person when only rows about persons have it. part: delta or maintenance when only such files have it.
    when_null: the reason of a null that nothing else explains.
    """

    code: str
    kind: Literal["text", "list", "date", "number", "boolean"]
    decimals: int
    unit: Unit
    channel: str | None
    is_personal: bool
    part: Literal["always", "delta", "maintenance"]
    when_null: str
    width: int
    headers: dict[str, str]
    descriptions: dict[str, str]

    @property
    def is_text(self) -> bool:
        """Whether its cells are text in CSV and XLSX: everything but numbers, also dates and code lists."""
        return self.kind != "number"


def _rows(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def every() -> dict[str, Column]:
    """All columns by code, in the order of the files."""
    return {
        row["code"]: Column(
            code=row["code"],
            kind=row["kind"],  # type: ignore[arg-type]
            decimals=int(row["decimals"] or 0),
            unit=row["unit"],  # type: ignore[arg-type]
            channel=row["channel"] or None,
            is_personal=row["is_personal"] == "yes",
            part=row["part"],  # type: ignore[arg-type]
            when_null=row["when_null"],
            width=int(row["width"]),
            headers={language: row[language] for language in LANGUAGES},
            descriptions={language: row[f"description_{language}"] for language in LANGUAGES},
        )
        for row in _rows("columns.csv")
    }


@cache
def values() -> dict[str, dict[str, dict[str, str]]]:
    """What codes are called: column -> code -> language -> words. null_reason, boolean and source are no columns."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in _rows("values.csv"):
        found.setdefault(row["of"], {})[row["code"]] = {language: row[language] for language in LANGUAGES}
    return found


def of(*, delta: bool = False, maintenance: bool = False) -> list[Column]:
    """The columns of a file, in their order: `op` and its reason only in deltas, `rajoite` only for register maintenance."""
    parts = {"always"} | ({"delta"} if delta else set()) | ({"maintenance"} if maintenance else set())
    return [column for column in every().values() if column.part in parts]


def arrow_type(column: Column) -> pa.DataType:
    """How its values are given and written to Parquet."""
    number = pa.int64() if column.decimals == 0 else pa.decimal128(18, column.decimals)
    return {
        "text": pa.string(), "list": pa.list_(pa.string()), "date": pa.date32(), "number": number, "boolean": pa.bool_(),
    }[column.kind]  # fmt: skip


def schema(wanted: list[Column] | None = None, *, reasons: bool = True) -> pa.Schema:
    """What the renderer is given: the columns by code without `missing`, and `null_reasons` unless not `reasons`."""
    listed = of() if wanted is None else wanted
    fields = [pa.field(column.code, arrow_type(column)) for column in listed if column.code != MISSING]
    if reasons:
        one = pa.struct([("column", pa.string()), ("reason", pa.string())])
        fields.append(pa.field(NULL_REASONS, pa.list_(one)))
    return pa.schema(fields)


def header(code: str, language: Language) -> str:
    """The header of a column. Raises Refused for a code that is none."""
    if code not in every():
        raise Refused(f"there is no column {code!r} in an extract")
    return every()[code].headers[language]


def code_of(header: str, language: Language) -> str:
    """The code behind a header. Raises Refused for one that is none in this language."""
    for column in every().values():
        if column.headers[language] == header:
            return column.code
    raise Refused(f"no column of an extract is called {header!r} in {language}")


def reference() -> str:
    """The table of docs/reference/extract-files.md."""
    lines = ["| code | fi | sv | en | kind | channel | personal | what |", "|---|---|---|---|---|---|---|---|"]
    for column in every().values():
        names = " | ".join(f"`{column.headers[language]}`" for language in LANGUAGES)
        note = {"delta": " Deltas only.", "maintenance": " Register maintenance only.", "always": ""}[column.part]
        note += " Persons only." if column.unit == "person" else ""
        personal = "yes" if column.is_personal else ""
        what = f"{column.descriptions['en']}.{note}"
        lines.append(f"| `{column.code}` | {names} | {column.kind} | {column.channel or ''} | {personal} | {what} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
