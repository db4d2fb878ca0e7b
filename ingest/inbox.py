"""The inbox: files that people send are taken when they are complete, landed, and answered row by row.

`inbox/<source>/` holds what waits. A file that has been taken lies in `done/` under it, one that was not in `refused/`, each
with `<name>.receipt.json` and `<name>.receipt.csv` beside it. The receipts tell row numbers, fields and reasons, never values.

A kill at any step heals by running again: the file leaves the inbox last, landing the same bytes again changes nothing, and
the answer is made from every load of these bytes, whichever run made it.
"""

import csv
import importlib
import json
import re
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from base.files import atomic_file, fsync, write_text
from ingest import tabular
from ingest.lake import LandingRefused, Manifest, archive_file, connect, literal, manifests, now, redacted, sha256, was
from ingest.source import Source

SETTLE_SECONDS = 10.0
"""A file that has not changed for so long is complete; who writes more slowly sends `<name>.part` and renames it."""

# What uploads are called while they last.
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".download", ".swp", "~")
RECEIPT = re.compile(r"\.receipt\.(json|csv)$")
OUTCOMES = ("taken", "unchanged", "partly", "refused")

Land = Callable[[str, Path], list[Manifest]]


@dataclass
class Receipt:
    """The answer to one file. `verdict`: taken, unchanged (nothing in it was new), or refused as a whole with `reason`.

    `rows` counts the file's rows by outcome; partly means that a part of the row was taken and another refused.
    """

    file: str
    source: str
    sha256: str
    bytes: int
    received_at: str
    verdict: str = "taken"
    reason: str | None = None
    message: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    loads: list[dict[str, Any]] = field(default_factory=list)
    path: str = ""


def folder(home: Path, source: str) -> Path:
    """Where files of a source are put."""
    return home / "inbox" / source


def prepare(home: Path) -> list[Source]:
    """Make the folders of all sources that take files from people, and give those sources."""
    sources = [source for source in map(Source.load, Source.names()) if source.layout]
    for source in sources:
        folder(home, source.name).mkdir(parents=True, exist_ok=True)
    return sources


def waiting(home: Path, settle_seconds: float = SETTLE_SECONDS, only: str | None = None) -> list[tuple[str, Path]]:
    """(source, file) of every complete file in the inbox, or of one source's there, the oldest first."""
    found = []
    for source in (source for source in prepare(home) if only in (None, source.name)):
        for path in folder(home, source.name).iterdir():
            if path.name.startswith(".") or path.name.lower().endswith(UNFINISHED) or RECEIPT.search(path.name):
                continue
            state = path.lstat()
            if stat.S_ISDIR(state.st_mode) or any(path.with_name(path.name + end).exists() for end in UNFINISHED):
                continue
            # The time of the last change of the entry itself too: a copy may bring its own time of modification.
            changed = max(state.st_mtime, state.st_ctime)
            if abs(time.time() - changed) >= settle_seconds:
                found.append((state.st_ctime, source.name, path))
    return [(source, path) for _, source, path in sorted(found)]


def run(home: Path, settle_seconds: float = SETTLE_SECONDS, land: Land | None = None, only: str | None = None) -> list[Receipt]:
    """Take every complete file, or those of one source. Raises LandingRefused busy when another run of the inbox is at it."""
    (home / "inbox").mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "inbox" / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LandingRefused("busy", "the inbox is being taken in by another run") from None
    try:
        receipts, failed = [], []
        for source, path in waiting(home, settle_seconds, only):
            try:
                receipt = take(home, source, path, land)
            except Exception as error:  # a defect met in one file must not keep the others waiting; it is told at the end
                failed.append(error)
                continue
            receipts += [receipt] if receipt else []
        if failed:
            raise failed[0]
        return receipts
    finally:
        lock.release()


def take(home: Path, source: str, path: Path, land: Land | None = None) -> Receipt | None:
    """Archive, land and answer one file, then move it out of the inbox. None when it is not complete after all.

    `land`: lands a file of a source; by default the source's own loader. What it refuses with `busy` stays for the next run.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        # Followed, a link would bring in any file of this machine.
        receipt = Receipt(
            path.name, source, "", 0, now(), "refused", "not_a_file", "is a link or a device, send the file itself"
        )
        return _answer(home, receipt, path, [])
    size, digest = path.stat().st_size, sha256(path)
    receipt = Receipt(path.name, source, digest, size, now())
    if (known := _taken_before(home, source, path, digest)) is not None:
        if known["file"] == path.name and not (home / known["path"]).exists():
            return _move(home, Receipt(**known), path)  # killed after the answer, before the move
        receipt.verdict, receipt.loads = "unchanged", known["loads"]
        receipt.message = f"the same bytes were taken as {known['file']} at {known['received_at']}"
        receipt.rows = {"unchanged": sum(known["rows"].values())}
        _leave_out(path, redacted(home, source, digest))
        return _answer(home, receipt, path, [])
    archived = archive_file(home, source, date.today(), path)
    if digest not in (sha256(archived), *was(archived)) or path.stat().st_size != size:
        return None  # still being written; its next state will be looked at
    try:
        (land or _loader(home))(source, archived)
    except LandingRefused as refusal:
        if refusal.reason == "busy":
            return None
        receipt.verdict, receipt.reason, receipt.message = "refused", refusal.reason, str(refusal)
    if digest in was(archived):
        _leave_out(path, archived)
    loads = _loads_of(home, source, digest)
    receipt.loads = [
        {"dataset": m.dataset, "load_id": m.load_id, "verdict": m.verdict, "reason": m.reason, "counts": vars(m.counts)}
        for m in loads
    ]
    answers = answer_rows(home, source, archived, loads)
    receipt.rows = {outcome: count for outcome in OUTCOMES if (count := sum(a["outcome"] == outcome for a in answers))}
    for answer in answers:
        for reason in answer["reasons"].split(", ") if answer["reasons"] else []:
            receipt.reasons[reason] = receipt.reasons.get(reason, 0) + 1
    if receipt.verdict == "taken" and not any(m.counts.landed + m.counts.quarantined + m.counts.disappeared for m in loads):
        receipt.verdict = "unchanged"
        receipt.message = "everything in it was known"
    return _answer(home, receipt, path, answers)


def answer_rows(home: Path, source: str, path: Path, loads: list[Manifest]) -> list[dict[str, Any]]:
    """Row number, outcome, fields and reasons of every row of a file, from what its loads left in the lake.

    A row of a load that was kept aside is refused with the load's reason `bounds`: nothing of it is in service.
    """
    taken: set[int] = set()
    wrong: dict[int, list[tuple[str, str]]] = {}
    noted: dict[int, list[str]] = {}
    with connect() as con:
        for load in loads:
            place = home / ("raw" if load.verdict == "accepted" else "aside") / source / load.dataset / f"load={load.load_id}"
            if list(place.glob("part-*.parquet")):
                parts = f"read_parquet({literal(place / 'part-*.parquet')})"
                columns = {row[0] for row in con.execute(f"describe select * from {parts}").fetchall()}
                flags = "flags" if "flags" in columns else "null"
                for position, told in con.execute(
                    f"select _position, {flags} from {parts} where _position is not null"
                ).fetchall():
                    row = position % tabular.FURTHER
                    if load.verdict == "accepted":
                        taken.add(row)
                    else:
                        wrong.setdefault(row, []).append(("", "bounds"))
                    noted.setdefault(row, []).extend((told or "").split())
            refused = home / "quarantine" / source / load.dataset / f"load={load.load_id}" / "part-00000.parquet"
            if refused.exists():
                for position, reason, where in con.execute(
                    f"select position, reason, path from read_parquet({literal(refused)})"
                ).fetchall():
                    wrong.setdefault(position % tabular.FURTHER, []).append((where or "", reason))
    answers = []
    for row in sorted({*taken, *wrong, *_row_numbers(source, path, loads)} - {0}):
        outcome = ("partly" if row in taken else "refused") if row in wrong else "taken" if row in taken else "unchanged"
        faults = list(dict.fromkeys(wrong.get(row, [])))
        answers.append(
            {
                "row": row,
                "outcome": outcome,
                "fields": ", ".join(dict.fromkeys(where for where, _ in faults if where)),
                "reasons": ", ".join(dict.fromkeys(reason for _, reason in faults)),
                "notes": ", ".join(dict.fromkeys(noted.get(row, []))),
            }
        )
    return answers


def _row_numbers(source: str, path: Path, loads: list[Manifest]) -> set[int]:
    """The rows of the file, for those the lake has no trace of because they were known. Of a file refused unread, none."""
    layout = Source.load(source).layout
    if layout is None or not loads:
        return set()
    table = tabular.read(path, layout)
    return {*table.rows["_position"], *table.refused["_position"]}


def _loader(home: Path) -> Land:
    def land(source: str, path: Path) -> list[Manifest]:
        receipts: list[Manifest] = importlib.import_module(f"ingest.sources.{source}.loader").land(path, None, home)
        return receipts

    return land


def _identity(source: str, path: Path, digest: str) -> str:
    """What makes two files the same to a source. A loader may know better than bytes: a list that is unchanged a week later,
    under the date of that week, has been checked anew."""
    module = importlib.import_module(f"ingest.sources.{source}.loader")
    return str(module.identity(path, digest)) if hasattr(module, "identity") else digest


def _taken_before(home: Path, source: str, path: Path, digest: str) -> dict[str, Any] | None:
    known = folder(home, source) / ".taken" / f"{_identity(source, path, digest)}.json"
    found: dict[str, Any] | None = json.loads(known.read_text(encoding="utf-8")) if known.exists() else None
    return found


def _loads_of(home: Path, source: str, digest: str) -> list[Manifest]:
    """The loads of these bytes that no earlier answer is about; of those kept aside only the last of a dataset, if none was
    accepted."""
    receipts = (json.loads(path.read_text(encoding="utf-8")) for path in (folder(home, source) / ".taken").glob("*.json"))
    answered = {load["load_id"] for receipt in receipts if receipt["sha256"] == digest for load in receipt["loads"]}
    found = [
        m
        for m in manifests(home, source)
        if m.load_id not in answered and any(digest in (file["sha256"], *file.get("was", ())) for file in m.files)
    ]
    accepted = {m.dataset for m in found if m.verdict == "accepted"}
    last = {m.dataset: m.load_id for m in found}
    return [m for m in found if m.verdict == "accepted" or (m.dataset not in accepted and m.load_id == last[m.dataset])]


def _answer(home: Path, receipt: Receipt, path: Path, answers: list[dict[str, Any]]) -> Receipt:
    """Write the receipts where the file will lie, remember it if it was taken, and move it there: in this order."""
    inbox = folder(home, receipt.source)
    target = inbox / ("refused" if receipt.verdict == "refused" else "done") / path.name
    number = 1
    while target.exists() or target.is_symlink():  # an earlier answer is not overwritten
        number += 1
        target = target.with_name(f"{path.stem}~{number}{path.suffix}")
    receipt.path = str(target.relative_to(home))
    with (
        atomic_file(target.with_name(target.name + ".receipt.csv")) as temporary,
        temporary.open("w", newline="", encoding="utf-8-sig") as file,
    ):
        writer = csv.DictWriter(file, ["row", "outcome", "fields", "reasons", "notes"], delimiter=";")
        writer.writeheader()
        writer.writerows(answers)
    text = json.dumps(asdict(receipt), ensure_ascii=False, indent=1)
    write_text(target.with_name(target.name + ".receipt.json"), text)
    if receipt.verdict != "refused":
        known = inbox / ".taken" / f"{_identity(receipt.source, path, receipt.sha256)}.json"
        if not known.exists():
            write_text(known, text)
    return _move(home, receipt, path)


def _leave_out(path: Path, kept: Path | None) -> None:
    """Of a file that tells of somebody erased, what was kept in the archive takes its place."""
    if kept is not None:
        with atomic_file(path) as temporary:
            shutil.copyfile(kept, temporary)


def _move(home: Path, receipt: Receipt, path: Path) -> Receipt:
    """The last step: nothing is written, so no temporary name is needed."""
    target = home / receipt.path
    path.replace(target)
    fsync(target.parent)
    fsync(path.parent)
    return receipt
