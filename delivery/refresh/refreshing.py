"""Refresh a customer's register: read, match, see what has changed, answer; a disclosure is written down before it is there."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock

from base import files
from base.refused import Refused
from delivery import published
from delivery.refresh import answer, changes, columns, matching, persons, reading
from ledger import disclosures, recipients, store

FILLED = ("street", "postcode", "town", "phone", "email", "website", "person_email", "person_phone")
TOLD = ("title", "email", "phone", "address")
STEPS = ("reading", "matching", "persons", "changes", "writing")
Progress = Callable[[str], None]
# Persons still there, and organisations whose own contacts were filled in: a trader's are a person's too.
ABOUT = """
    select person_id, business_id from answer where person = 'present'
    union select null, business_id from answer where coalesce(street, phone, email) is not null order by all"""


@dataclass
class Summary:
    """What came of a register. marketable: rows with a channel that may be used, their share of all, and by channel."""

    recipient: str
    file: str
    rows: int
    columns: dict[str, str]
    results: dict[str, int]
    changes: dict[str, int]
    kielto: int
    duplicates: int
    filled_in: dict[str, int]
    marketable: dict[str, Any]
    unread: list[tuple[int, str]]
    warnings: list[str]
    published_version: str
    suppression_version: str


@dataclass
class Refreshed:
    """Where the answer lies, and its summary."""

    folder: Path
    files: list[str]
    summary: Summary


def refresh(
    home: Path, file: Path, recipient: str, out: Path | None = None, language: str = "fi",
    progress: Progress = lambda step: None,
) -> Refreshed:  # fmt: skip
    """Answer a customer's register in a new folder below `out` (default: deliveries/<recipient> of the lake).

    The folder is named by what went in (file, recipient, language, published version), so the same answer is made once.
    progress: is told each step as it begins (STEPS). Raises Refused (unknown recipient or language, nothing published, the
    ledger has moved since) and LandingRefused (the file).
    """
    if language not in answer.LANGUAGES:
        raise Refused(f"no language {language!r}; there is {', '.join(answer.LANGUAGES)}")
    if recipient not in {one["recipient_id"] for one in recipients.every(home)}:
        raise Refused(f"there is no recipient {recipient!r}: `kohde recipient add` first")
    progress("reading")
    register = reading.read(file)
    found = columns.find(register.headers, register.rows)
    published.check_lists(home, datetime.now(UTC))
    version = published.current(home)
    named = "|".join([files.sha256(file), file.stem, recipient, language, version.name])
    delivery_id = f"refresh-{hashlib.sha256(named.encode()).hexdigest()[:12]}"
    folder = (out or home / "deliveries" / recipient) / delivery_id
    with published.desk(home, version) as db:
        ((proven, built_at),) = db.execute("select suppression_version, built_at from marketing.about").fetchall()
        _still(home, proven)
        progress("matching")
        matching.match(db, register.rows, found)
        progress("persons")
        persons.find(db)
        progress("changes")
        changes.make(db)
        summary = _summary(db, register, found, recipient, file.name, version.name, proven)
        told = answer.table(db, register, language)
        about = db.execute(ABOUT).fetchall()
    progress("writing")
    names = [f"{file.stem}-refreshed.csv", f"{file.stem}-refreshed.xlsx"]
    ours = home / "deliveries" / recipient
    ours.mkdir(parents=True, exist_ok=True)
    with FileLock(ours / ".refresh.lock"):
        files.sweep(folder.parent, "refresh-")  # what a killed refresh has left
        _write(home, folder, told, names, summary, built_at, about)
    return Refreshed(folder, [*names, "summary.json"], summary)


def _write(
    home: Path, folder: Path, told: pl.DataFrame, names: list[str], summary: Summary, built_at: datetime,
    about: list[tuple[str | None, str]],
) -> None:  # fmt: skip
    """Put the answer in its place, and down whom it tells of, unless both are done."""
    with files.draft_folder(folder) as draft:
        answer.write(told, draft, names[0].removesuffix(".csv"), built_at)
        files.write_text(draft / "summary.json", json.dumps(asdict(summary), ensure_ascii=False, indent=1))
        digest = files.sha256(draft / names[0])
        with store.holding(home):
            _still(home, summary.suppression_version)
            # Also of an answer that is there: who was killed before the ledger let go had written nothing down.
            _record(home, folder.name, summary.recipient, names[0], digest, about)
            if not folder.exists():
                files.commit_folder(draft, folder)


def _still(home: Path, proven: str) -> None:
    """Raises Refused when somebody may have objected since what is published was proven."""
    if store.suppression_head(home).version != proven:
        raise Refused("the ledger has moved since what is published was proven: run `kohde publish` first")


def _record(home: Path, delivery_id: str, recipient: str, file: str, digest: str, about: list[tuple[str | None, str]]) -> None:
    """Write down whom the answer tells of; once, also when an earlier attempt was killed after it."""
    if about and not disclosures.rows_of(home, delivery_id):
        delivery = disclosures.Delivery(delivery_id, recipient, file, digest, TOLD, "maintenance")
        disclosures.record(home, delivery, about)


def _summary(
    db: duckdb.DuckDBPyConnection,
    register: reading.Register,
    found: dict[str, str],
    recipient: str,
    name: str,
    version: str,
    proven: str,
) -> Summary:
    told = pl.DataFrame(db.sql("from answer order by row_id").to_arrow_table())
    rows = register.rows.height
    results, channels = Counter(told["status"].to_list()), Counter(told["channels"].explode().drop_nulls().to_list())
    may = told.filter(pl.col("channels").list.len() > 0).height
    return Summary(
        recipient, name, rows, {role: register.headers[int(column[1:])] for role, column in found.items()},
        {status: results[status] for status in ("matched", "ambiguous", "not_found")},
        dict(sorted(Counter(told["changes"].explode().drop_nulls().to_list()).items())),
        int(told["is_closed"].sum()), told["first_row"].count(),
        {"business_id": int(told["fills_id"].sum())} | {field: told[field].count() for field in FILLED},
        {"rows": may, "share": round(may / rows, 4), "channels": dict(sorted(channels.items()))},
        register.unread, register.warnings, version, proven,
    )  # fmt: skip
