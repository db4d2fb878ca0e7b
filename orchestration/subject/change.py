"""Rectification and restriction (GDPR art. 16, 18, 19): what is wrong is put right, or nothing more is done with it.

Whoever was given it and may still use it is named, to be told.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ledger import disclosures, objections, store
from ledger.subjects import Told
from orchestration.subject.find import Subject


@dataclass(frozen=True)
class Changed:
    """What was written down, and the recipients who may still use what they were given: they get the row as a MUUTOS."""

    number: int
    tell: list[dict[str, Any]]


def correct(
    home: Path, subject: Subject, field: str, value: str | None, *, by_whom: str, reason: str, business_id: str | None = None,
    today: date | None = None,
) -> Changed:  # fmt: skip
    """Put a value right; it outranks the sources until they agree. business_id: of the person's place there only.

    Raises LedgerRefused for a field that nobody can correct.
    """
    number = store.correct(home, field, value, by_whom, reason, business_id=business_id, person_id=subject.person_id)
    return Changed(number, told_within_term(home, subject.ids, today))


def restrict(home: Path, subject: Subject, *, evidence: str, by_whom: str, today: date | None = None) -> Changed:
    """Freeze a person everywhere: nothing of them leaves for any purpose until the restriction is revoked."""
    number = objections.add(
        home, Told(person_id=subject.person_id), kind="restriction", purpose="all", evidence=evidence, by_whom=by_whom,
        extra_keys=subject.all_keys(),
    )  # fmt: skip
    return Changed(number, told_within_term(home, subject.ids, today))


def told_within_term(home: Path, person_ids: list[str], today: date | None = None) -> list[dict[str, Any]]:
    """Deliveries with this person that their recipients may still use, with the recipient's name."""
    today = today or datetime.now(UTC).date()
    shown = ("recipient_id", "recipient_name", "recipient_business_id", "delivery_id", "file", "valid_until")
    return [
        {key: row[key] for key in shown}
        for row in disclosures.of(home, person_ids)
        if row["valid_until"] is None or row["valid_until"] >= today
    ]
