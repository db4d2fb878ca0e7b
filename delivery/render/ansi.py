"""cp1252, which Excel takes a CSV for that says nothing: what it cannot hold is transliterated and listed, never a `?`.

It holds Finnish, Swedish and Š, Ž; not Ł, Č, Đ, nor any Cyrillic or Greek name.
"""

import io
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from base import files
from delivery.render.model import About, Profile, RenderedFile, rendered

CHARSET = "cp1252"
LETTERS = dict(zip("ŁłĐđĦħĿŀŊŋŦŧıĸƏəȺⱥȻȼɃƀɆɇǤǥɈɉƵƶ", "LlDdHhLlNnTtikEeAaCcBbEeGgJjZz", strict=True))
# Cyrillic as the Finnish standard SFS 4900 writes it, without its diacritics that cp1252 lacks.
LETTERS |= dict(
    zip(
        "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁІЇЄҐ",
        ["A", "B", "V", "G", "D", "E", "Ž", "Z", "I", "I", "K", "L", "M", "N", "O", "P", "R", "S", "T", "U", "F", "H", "Ts",
         "Tš", "Š", "Štš", "", "Y", "", "E", "Ju", "Ja", "Jo", "I", "Ji", "Je", "G"],
        strict=True,
    )
)  # fmt: skip
LETTERS |= dict(
    zip(
        "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
        [
            "A",
            "V",
            "G",
            "D",
            "E",
            "Z",
            "I",
            "Th",
            "I",
            "K",
            "L",
            "M",
            "N",
            "X",
            "O",
            "P",
            "R",
            "S",
            "T",
            "Y",
            "F",
            "Ch",
            "Ps",
            "O",
        ],
        strict=True,
    )
)
LETTERS |= {letter.lower(): text.lower() for letter, text in LETTERS.items()} | {"ς": "s"}
LETTERS |= {"‐": "-", "‑": "-", "‒": "-", "―": "-", "−": "-", "′": "'", "″": '"', "№": "No", "\u2009": " ", "\u202f": " "}
UNENCODABLE = "[^" + "".join(
    f"\\x{{{ord(bytes([byte]).decode(CHARSET)):x}}}" for byte in range(256) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
) + "]"  # fmt: skip


@cache
def transliterated(character: str) -> str:
    """What stands for a character in cp1252: a base letter, its romanisation, nothing for a mere mark, else `[U+4E2D]`."""
    for text in (LETTERS.get(character), unicodedata.normalize("NFKC", character), _base(character)):
        if text is not None and text != character:
            try:
                text.encode(CHARSET)
            except UnicodeEncodeError:
                continue
            return text
    return "" if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc") else f"[U+{ord(character):04X}]"


def _base(character: str) -> str | None:
    parts = unicodedata.normalize("NFKD", character)
    letters = "".join(LETTERS.get(part, part) for part in parts if not unicodedata.combining(part))
    return letters or None


@dataclass
class Report:
    """What was replaced so far: row, column and character, never the rest of a value."""

    count: int = 0
    parts: list[pl.DataFrame] = field(default_factory=list)

    def encodable(self, cells: pl.DataFrame, first_row: int) -> pl.DataFrame:
        """The cells with nothing that cp1252 cannot hold; what was replaced is added to the report.

        first_row: the number of the first of them in the file, from 1. Letters with loose marks are put together first.
        """
        cells = cells.with_columns(pl.col(pl.String).str.normalize("NFC"))
        found = (
            cells.lazy()
            .with_row_index("row", offset=first_row)
            .unpivot(index="row", variable_name="column", value_name="value")
            .filter(pl.col("value").str.contains(UNENCODABLE))
            .select("row", "column", pl.col("value").str.extract_all(UNENCODABLE).alias("character"))
            .explode("character")
            .group_by("row", "column", "character", maintain_order=True)
            .agg(pl.len().alias("times"))
            .collect()
        )
        if not len(found):
            return cells
        self.count += int(found["times"].sum())
        self.parts.append(found)
        characters = found["character"].unique().sort().to_list()
        replaced = [transliterated(character) for character in characters]
        return cells.with_columns(pl.col(pl.String).str.replace_many(characters, replaced))

    def write(self, folder: Path, about: About, profile: Profile) -> RenderedFile:
        """`<stem>_cp1252.csv`: UTF-8, for it holds what cp1252 cannot."""
        path = folder / f"{about.stem}_cp1252.csv"
        columns = {column.code: column.headers[profile.header_language] for column in about.columns}
        order = {code: number for number, code in enumerate(columns)}
        listed = pl.concat(self.parts).sort("row", pl.col("column").replace_strict(order), "character")
        names = {character: f"U+{ord(character):04X}" for character in listed["character"].unique()}
        shown = listed.select(
            "row", pl.col("column").replace_strict(columns), "character",
            pl.col("character").replace_strict(names).alias("code_point"),
            pl.col("character").replace_strict({c: transliterated(c) for c in names}).alias("replaced_by"), "times",
        )  # fmt: skip
        buffer = io.BytesIO()
        shown.write_csv(
            buffer, separator=";", line_terminator="\r\n", quote_style="non_numeric", include_bom=True
        )  # through memory: the writer of polars does not sync
        with files.atomic_file(path) as temporary:
            temporary.write_bytes(buffer.getvalue())
        dialect = {"delimiter": ";", "lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True, "header": True}
        headers = tuple(shown.columns)
        more = {"headers": headers, "text_columns": headers[1:5], "encoding": "utf-8-sig", "dialect": dialect}
        return rendered(path, "report", len(shown), about, profile, **more)
