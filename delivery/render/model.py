"""How a file is to look, what it is about, and what became of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from base import files
from delivery import columns
from delivery.columns import Column, Language

EXTENSIONS = {"csv": "csv", "xlsx": "xlsx", "jsonl": "jsonl", "parquet": "parquet"}


class Profile(BaseModel):
    """How the recipient wants the file. encoding and raw are of CSV.

    utf-8-sig: UTF-8 with a byte order mark, without which a Finnish Excel takes it for cp1252. raw: for machines: plain
    UTF-8 and no cell changed, so it must not be opened in a spreadsheet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["csv", "xlsx", "jsonl", "parquet"] = "xlsx"
    header_language: Language = "fi"
    value_language: Language = "fi"
    encoding: Literal["utf-8-sig", "utf-8", "cp1252"] | None = None
    raw: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Profile":
        if (self.raw or self.encoding) and self.format != "csv":
            raise ValueError("encoding and raw are choices of csv only")
        if self.raw and self.encoding not in (None, "utf-8"):
            raise ValueError("raw is plain utf-8")
        return self

    @property
    def charset(self) -> str:
        """The encoding that a CSV has by this profile."""
        return self.encoding or ("utf-8" if self.raw else "utf-8-sig")


@dataclass(frozen=True)
class Gate:
    """A line of a waterfall: how many fell here; POPULATION and RESULT stand at its ends."""

    gate: str
    count: int


@dataclass(frozen=True)
class About:
    """What a file is about. stem: its name without the extension. as_of: the day its data speaks of, and the only date in an
    XLSX's properties. fields: codes that were ordered, None for all. channels: that were ordered.
    """

    file_id: str
    stem: str
    contract_version: str
    as_of: datetime
    valid_until: date
    unit: columns.Unit
    channels: frozenset[str]
    fields: frozenset[str] | None = None
    delta: bool = False
    maintenance: bool = False
    has_topic: bool = True
    waterfall: tuple[Gate, ...] = ()
    matching: tuple[Gate, ...] = ()
    terms: tuple[str, ...] = ()

    @property
    def columns(self) -> list[Column]:
        """The columns of the file, `missing` included."""
        return columns.of(delta=self.delta, maintenance=self.maintenance)


@dataclass(frozen=True)
class RenderedFile:
    """A file that was written. kind: data, or report (what cp1252 could not hold). headers: of its columns.

    text_columns: that must be read as text, or 00100 becomes 100. unencodable: characters replaced, each in the report.
    """

    name: str
    kind: Literal["data", "report"]
    format: str
    rows: int
    bytes: int
    sha256: str
    headers: tuple[str, ...]
    text_columns: tuple[str, ...]
    encoding: str | None = None
    dialect: dict[str, str | bool] | None = None
    guard: str = ""
    unencodable: int = 0
    path: Path = field(default=Path(), compare=False)


def rendered(
    path: Path, kind: Literal["data", "report"], rows: int, about: About, profile: Profile, **more: object
) -> RenderedFile:
    """Account for a file that has been written."""
    digest = files.sha256(path)
    language = profile.header_language
    given: dict[str, object] = {
        "headers": tuple(column.headers[language] for column in about.columns),
        "text_columns": tuple(column.headers[language] for column in about.columns if column.is_text),
    }
    return RenderedFile(
        name=path.name, kind=kind, format=profile.format, rows=rows, bytes=path.stat().st_size, sha256=digest, path=path,
        **(given | more),  # type: ignore[arg-type]
    )  # fmt: skip
