"""Objections that came with sources become objections of the ledger, each exactly once, before anything is built of them.

Interviews (`survey/objections`), and what customers were told by those they wrote to (`bounces/events`, disposition OPT).
Nothing that names somebody is kept of them but keys; the evidence is the record they landed as. That a later load lacks one
changes nothing: an objection of the ledger ends only when who made it says so.

The extract of YTJ that there is (source ytj_extract) has no flag of a ban on direct marketing. A source that has one becomes a
dataset of SAID, with the origin `registry`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from base.normalise.email import is_role
from ingest.lake import DISAPPEARED, connect, literal
from ledger import objections
from ledger.objections import Saying
from ledger.subjects import Told

Record = dict[str, Any]
HELSINKI = ZoneInfo("Europe/Helsinki")


@dataclass
class Taken:
    """What came in: new objections by dataset, and those that nobody can be found by (their evidence), for a person to mend."""

    new: dict[str, int] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)


def take(home: Path) -> Taken:
    """Write down what has landed and is not in the ledger yet; one append per dataset. Raises store.LedgerRefused."""
    taken = Taken()
    for dataset, (columns, condition, said) in SAID.items():
        landed = {f"{dataset}:{record['_key']}": record for record in _landed(home, dataset, columns, condition)}
        sayings = []
        for evidence in objections.untold(home, list(landed)):
            usable = [saying for saying in said(landed[evidence], evidence) if objections.fault(saying) is None]
            sayings += usable[:1]
            taken.unusable += [] if usable else [evidence]
        if new := objections.add_all(home, sayings):
            taken.new[dataset] = new
    return taken


def _of_survey(record: Record, evidence: str) -> Iterator[Saying]:
    """The person who said it; where nobody can be found by what was told, the organisation, rather than nobody."""
    name = record["name"] or " ".join(filter(None, [record["first_name"], record["last_name"]])) or None
    told = Told(
        email=record["email"] or record["email_told"],
        phone=record["phone_e164"] or record["phone_told"],
        name=name,
        business_id=record["business_id"],
    )
    of_person = Saying(
        told,
        evidence,
        "intake",
        purpose="survey" if record["purpose"] == "survey_contact" else "marketing",
        received_at=_utc(record["objected_at"]),
        reference=evidence,
    )
    if record["scope"] != "organisation":
        yield of_person
    yield replace(of_person, told=Told(business_id=record["business_id"]), scope="organisation", origin="organisation")


def _of_bounces(record: Record, evidence: str) -> Iterator[Saying]:
    """Whose address or number it is; of a desk's address (info@) that address, of an organisation the organisation."""
    kind, contact = record["contact_kind"], record["contact"]
    local, _, domain = (contact or "").partition("@")
    told = (
        Told(business_id=contact) if kind == "organisation" else Told(**{kind: contact, "business_id": record["business_id"]})
    )
    scope = "organisation" if kind == "organisation" else "email" if kind == "email" and is_role(local, domain) else "person"
    yield Saying(
        told,
        evidence,
        "intake",
        scope=scope,
        origin="customer",
        party=record["customer_id"],
        received_at=_utc(record["occurred_at"]),
        reference=evidence,
    )


Said = Callable[[Record, str], Iterator[Saying]]
SAID: dict[str, tuple[Sequence[str], str, Said]] = {
    "survey:objections": (
        ("scope", "purpose", "business_id", "first_name", "last_name", "name", "email", "phone_e164", "email_told",
         "phone_told", "objected_at"),
        "true",
        _of_survey,
    ),
    "bounces:events": (
        ("contact_kind", "contact", "business_id", "customer_id", "occurred_at"), "disposition = 'OPT'", _of_bounces,
    ),
}  # fmt: skip
"""Dataset -> the columns it is told by, which of its rows are objections, what each says (the first that can be used)."""


def _landed(home: Path, dataset: str, columns: Sequence[str], condition: str) -> list[Record]:
    """Every record that has ever said it, in its last words: also one that a later load has no more."""
    files = home / "raw" / dataset.replace(":", "/") / "load=*" / "*.parquet"
    if not any(files.parent.parent.glob("load=*/*.parquet")):
        return []
    names = ["_key", *columns]
    with connect() as con:
        found = con.execute(f"""
            select {", ".join(f'"{name}"' for name in names)}
            from read_parquet({literal(files)}, union_by_name=true, hive_partitioning=false)
            where _op <> '{DISAPPEARED}' and {condition}
            qualify row_number() over (partition by _key order by _load_id desc) = 1
            order by _key
        """).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def _utc(local: datetime | None) -> datetime | None:
    """Sources tell the time of Finland."""
    return local and local.replace(tzinfo=HELSINKI).astimezone(UTC).replace(tzinfo=None)
