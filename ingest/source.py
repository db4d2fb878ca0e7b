"""A source's fact sheet (`ingest/sources/<name>/source.yml`) as a typed object: facts to review, limits the lake enforces."""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

SOURCES = Path(__file__).parent / "sources"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Strict):
    """What a load of one dataset may look like; a load outside is kept aside and the previous one stays in service.

    floor, ceiling: records read, promises about the publisher's own register (not applied to a file somebody hands us).
    shrink, grow: largest share by which the records read may differ from the last accepted full load.
    quarantined: largest share of records read that may be refused; `quarantined_allowance` records always may.
    unmapped: largest share of landed records that may carry a code no code list knows.
    """

    floor: int = 1
    ceiling: int | None = None
    shrink: float = 0.02
    grow: float = 0.10
    quarantined: float = 0.005
    quarantined_allowance: int = 20
    unmapped: float = 0.01


Personal = Literal[
    "name", "birth_date", "register_id", "email", "phone", "contact", "address", "title", "free_text", "attribute",
    "pseudonym", "organisation_name", "staff",
]  # fmt: skip
"""What of a person a column may hold. contact: e-mail or telephone, in one column; attribute: what is said of somebody whom
other columns name; pseudonym: a number that leads to somebody through another table; organisation_name: a sole trader's is a
person's; staff: who of ours did it."""

ABOUT_PEOPLE: dict[str, Personal] = {"_key": "register_id", "_extra": "free_text"}
"""System columns that may hold something of a person in datasets whose records are about one."""


class Dataset(_Strict):
    """One table of a source: natural key, payload columns (DuckDB types), bounds and cadence.

    header: of a delimited file or spreadsheet, our column -> the spellings its header may use, the documented one first.
    subject: what a record is about. One about a person goes when that person is erased; of one about an organisation only the
    values go. personal: the columns that may hold something of a person, or in parts of a list a person.
    """

    description: str
    key: list[str] = Field(default_factory=list)
    columns: dict[str, str] = Field(default_factory=dict)
    header: dict[str, list[str]] = Field(default_factory=dict)
    subject: Literal["person", "organisation"] = "organisation"
    personal: dict[str, Personal] = Field(default_factory=dict)
    # Columns whose day retention counts from, the first that is told: the last look at the person, never the load's day.
    clock: list[str] = Field(default_factory=list)
    bounds: Bounds = Bounds()
    cadence: str = "daily"
    # Older than this, what the dataset says must not be relied on; `required`: neither may its absence.
    max_age_days: int | None = None
    required: bool = False

    @model_validator(mode="after")
    def _personal_columns_exist(self) -> Self:
        named = {*self.personal, *self.clock}
        if unknown := sorted(c for c in named if c not in self.columns and not c.startswith("_")):
            raise ValueError(f"personal, clock: no column {', '.join(unknown)}")
        return self

    def personal_columns(self) -> dict[str, Personal]:
        """Every column that may hold something of a person: where a record is about one, all of them do."""
        if self.subject == "organisation":
            return dict(self.personal)
        return {**ABOUT_PEOPLE, **dict.fromkeys(self.columns, "attribute"), **self.personal}


class Layout(_Strict):
    """What people call the columns of a file they send (ingest/tabular.py). Case, accents, spaces and marks do not count.

    columns: our name -> the other names it goes by (fi, sv, en). required: without these a row of names is no header.
    ignored: columns that are known and not taken. digits: columns whose text is digits, so that a number cell lost its zeros.
    values: column -> what we call a value -> the other ways it is said.
    limits: what one file may hold of something, beyond the bounds of a load.
    """

    columns: dict[str, list[str]]
    required: list[str]
    ignored: list[str] = Field(default_factory=list)
    digits: list[str] = Field(default_factory=list)
    values: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
    limits: dict[str, int] = Field(default_factory=dict)


class Source(_Strict):
    """The fact sheet of one source. `Source.load("ytj")` reads and checks it; an unknown key is an error."""

    name: str
    publisher: str
    licence: str
    attribution: str
    url: str
    documentation: str | None = None
    cadence: str
    legal_basis: str
    fields_taken: list[str] | dict[str, str] = Field(default_factory=list)
    fields_refused: dict[str, str] = Field(default_factory=dict)
    retention_days: int
    quirks: list[str] = Field(default_factory=list)
    http: dict[str, float] = Field(default_factory=dict)
    # Only sources of files that people send: these have a folder in the inbox.
    layout: Layout | None = None
    datasets: dict[str, Dataset]

    @classmethod
    def load(cls, name: str) -> Self:
        """Read the fact sheet of `name`. Raises FileNotFoundError for an unknown source, ValidationError for a bad sheet."""
        return cls(**yaml.safe_load((SOURCES / name / "source.yml").read_text(encoding="utf-8")))

    @staticmethod
    def names() -> list[str]:
        """Every source there is, by its folder."""
        return sorted(sheet.parent.name for sheet in SOURCES.glob("*/source.yml"))
