"""The manifest of a delivery: what was asked, what came of it at each gate, under which promises, and the hash of each file.

Published as docs/schemas/delivery-manifest-1.json. A delivery without licence, assessment or suppression version has none and
is therefore none.
"""

import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from base import files
from base.refused import Refused
from delivery import terms as published_terms
from delivery.columns import LANGUAGES, Column, Language
from delivery.render import Profile, RenderedFile
from delivery.render.model import About

SCHEMA_ID = "delivery-manifest-1"
Text = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Channel = Literal["email", "phone", "post"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Part):
    """The same in three languages."""

    fi: Text
    sv: Text
    en: Text


class RecipientEntry(_Part):
    """Who receives it."""

    recipient_id: Text
    name: Text
    business_id: str | None = None


class ColumnEntry(_Part):
    """A column of the data file. code: the same in every language and delivery."""

    code: Text
    header: Text
    kind: Literal["text", "list", "date", "number", "boolean"]
    is_personal: bool
    channel: Channel | None = None
    description: Words


class FileEntry(_Part):
    """A file of the delivery. text_columns: to be read as text, or a spreadsheet eats zeros and plus signs.

    guard: what stands before a text that a spreadsheet would execute; a telephone number ^\\+[0-9]{7,15}$ has none.
    unencodable: characters that the encoding lacks; each is listed in the file of kind report.
    """

    name: Text
    kind: Literal["data", "report"]
    format: Literal["csv", "xlsx", "jsonl", "parquet"]
    sha256: Sha256
    bytes: Count
    rows: Count
    encoding: str | None
    dialect: dict[str, str | bool] | None
    guard: str
    text_columns: list[str]
    unencodable: Count


class Criteria(_Part):
    """What was asked, as canonical JSON, and its hash."""

    canonical: Text
    sha256: Sha256

    @model_validator(mode="after")
    def _hashed(self) -> "Criteria":
        if hashlib.sha256(self.canonical.encode()).hexdigest() != self.sha256:
            raise ValueError("sha256 is not that of canonical")
        return self


class GateEntry(_Part):
    """How many fell at a gate; POPULATION begins and RESULT ends the list."""

    gate: Text
    count: Count


class Versions(_Part):
    """What the rows were made of. as_of: the last day that the data speaks of."""

    published: Text
    as_of: date
    taxonomy: Text
    classifier: Text
    contract: Text


class Suppression(_Part):
    """The state of the ledger that every row was proven against, and when."""

    version: Text
    proven_at: AwareDatetime


class Licence(_Part):
    """The terms of use: version, the three texts, and their hash."""

    version: Text
    text: Words
    sha256: Sha256


class Accepted(_Part):
    """Who accepted the terms and the rules of business marketing, which version, when."""

    by_whom: Text
    at: AwareDatetime
    version: Text


class Assessment(_Part):
    """The legitimate interest assessment that the delivery rests on."""

    version: Text
    sha256: Sha256


class PriceLine(_Part):
    """A line of the price; decoys cost nothing."""

    what: Text
    quantity: Count
    unit_price_eur: Decimal
    total_eur: Decimal

    @model_validator(mode="after")
    def _adds_up(self) -> "PriceLine":
        if self.quantity * self.unit_price_eur != self.total_eur:
            raise ValueError("total_eur is not quantity times unit_price_eur")
        return self


class Decoys(_Part):
    """How many synthetic contacts are among the rows of the files; which ones, nobody is told."""

    count: Count


class Objections(_Part):
    """Where somebody says no, and the sentence for the marketer's message."""

    contact: Text
    how_to_object: Words


class Campaign(_Part):
    """What the message is about, and to whose areas of responsibility that belongs."""

    topic: Text
    areas: list[str]
    override_reason: str | None = None


class Manifest(_Part):
    """manifest.json of a delivery. rows: those that were selected and are paid for, without decoys."""

    manifest: Literal["delivery-manifest-1"] = "delivery-manifest-1"
    delivery_id: Text
    order_id: Text
    recipient: RecipientEntry
    kind: Literal["full", "delta", "recall"]
    purpose: Literal["marketing", "maintenance"]
    unit: Literal["person", "organisation"]
    created_at: AwareDatetime
    valid_until: date
    rows: Count
    columns: Annotated[list[ColumnEntry], Field(min_length=1)]
    files: Annotated[list[FileEntry], Field(min_length=1)]
    criteria: Criteria
    versions: Versions
    waterfall: Annotated[list[GateEntry], Field(min_length=2)]
    matching: list[GateEntry] = []
    suppression_version: Text
    suppression: Suppression
    licence: Licence
    accepted: Accepted
    legitimate_interest: Assessment
    address_source: Words
    prices: list[PriceLine] = []
    decoys: Decoys
    expected_bounce: dict[Channel, Share] = {}
    objections: Objections
    campaign: Campaign | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "Manifest":
        for name, gates in (("waterfall", self.waterfall), ("matching", self.matching)):
            if gates and (gates[0].gate, gates[-1].gate) != ("POPULATION", "RESULT"):
                raise ValueError(f"{name} runs from POPULATION to RESULT")
            if gates and gates[0].count != sum(gate.count for gate in gates[1:]):
                raise ValueError(f"{name} does not add up to its population")
        if self.kind == "full" and self.waterfall[-1].count != self.rows:
            raise ValueError(f"the waterfall ends at {self.waterfall[-1].count} rows and {self.rows} are delivered")
        if sum(file.rows for file in self.files if file.kind == "data") != self.rows + self.decoys.count:
            raise ValueError("the rows of the files are not the rows delivered and the decoys")
        if self.suppression.version != self.suppression_version:
            raise ValueError("suppression_version is not that of suppression")
        if self.accepted.version != self.licence.version:
            raise ValueError(f"version {self.accepted.version} of the terms was accepted, {self.licence.version} is in force")
        if self.purpose == "marketing" and self.valid_until < self.created_at.date():
            raise ValueError("valid_until is before the delivery")
        return self


def column_entries(columns: list[Column], language: Language) -> list[dict[str, Any]]:
    """The columns of a file, for `columns`."""
    return [
        {
            "code": column.code, "header": column.headers[language], "kind": column.kind, "is_personal": column.is_personal,
            "channel": column.channel, "description": column.descriptions,
        }
        for column in columns
    ]  # fmt: skip


def file_entries(rendered: list[RenderedFile]) -> list[dict[str, Any]]:
    """The files that were written, for `files`."""
    return [
        {
            "name": file.name, "kind": file.kind, "format": file.format, "sha256": file.sha256, "bytes": file.bytes,
            "rows": file.rows, "encoding": file.encoding, "dialect": file.dialect, "guard": file.guard,
            "text_columns": list(file.text_columns), "unencodable": file.unencodable,
        }
        for file in rendered
    ]  # fmt: skip


def promises(sources: list[str], contact: str, version: str | None) -> dict[str, Any]:
    """licence, legitimate_interest, address_source and objections, from what is published in delivery/terms.

    version: of the terms; None for a recipient without a licence. Raises Refused.
    """
    if not version:
        raise Refused("nothing is delivered without a licence: no version of the terms of use is accepted")
    terms, (_, digest) = published_terms.terms(version), published_terms.assessment()
    return {
        "licence": {"version": terms.version, "text": terms.texts, "sha256": terms.sha256},
        "legitimate_interest": {"version": published_terms.LIA, "sha256": digest},
        "address_source": {language: published_terms.address_source(sources, language) for language in LANGUAGES},
        "objections": {
            "contact": contact,
            "how_to_object": {language: published_terms.how_to_object(contact, language) for language in LANGUAGES},
        },
    }


def build(about: About, profile: Profile, rendered: list[RenderedFile], **given: Any) -> Manifest:
    """A manifest of what was rendered; given: the fields that neither `about` nor the files tell. Raises Refused.

    Refused names the first field that is missing or wrong: licence, legitimate_interest, suppression_version ...
    """
    known = {
        "delivery_id": about.file_id, "unit": about.unit, "valid_until": about.valid_until,
        "purpose": "maintenance" if about.maintenance else "marketing",
        "columns": column_entries(about.columns, profile.header_language), "files": file_entries(rendered),
        "waterfall": [{"gate": gate.gate, "count": gate.count} for gate in about.waterfall],
        "matching": [{"gate": gate.gate, "count": gate.count} for gate in about.matching],
    }  # fmt: skip
    try:
        return Manifest.model_validate(known | given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise Refused(f"the delivery has no valid manifest: {field}: {first['msg']}") from error


def text(manifest: Manifest) -> str:
    """manifest.json: sorted keys, so that the same delivery is the same bytes."""
    return json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def write(manifest: Manifest, folder: Path, name: str = "manifest.json") -> Path:
    """Write it into the delivery's draft folder."""
    path = folder / name
    files.write_text(path, text(manifest))
    return path


def read(path: Path) -> Manifest:
    """A manifest from its file. Raises Refused for one that is none."""
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise Refused(f"{path.name} is no manifest of a delivery") from error


def schema() -> dict[str, Any]:
    """The JSON Schema as it is published."""
    made = Manifest.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **made}


def schema_text() -> str:
    """docs/schemas/delivery-manifest-1.json; a test holds it current."""
    return json.dumps(schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    files.write_text(Path("docs", "schemas", f"{SCHEMA_ID}.json"), schema_text())
