"""Erasure: everything of a person goes from every file, and only keys are left that keep them from coming back.

The order is what makes it safe to be killed anywhere. The keys go into the ledger first, so from then on no gate lets the
person through and no landing brings them back. Then files are rewritten one by one (each is old or new, never half), the
warehouse is built anew into a new file, a version is published and the older ones are removed; a scan of everything that is
left must find nothing. Until the certificate is written, what was to be done lies in `erasures/pending.json`, and the next call
goes on with it.

That file holds in clear what is being looked for. It says nothing that the lake did not, is readable by its owner alone, and is
overwritten and removed before the certificate is there.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from base.files import atomic_file, fsync, sweep, write_text
from ingest import lake, redact
from ingest.lake import Manifest
from ingest.needles import Needles, Person
from ledger import disclosures, objections, store
from ledger.subjects import Told
from ledger.tables import Correction, Judgement
from orchestration import settings
from orchestration.state import BuildState, Refused, writer
from orchestration.subject import scan
from orchestration.subject.find import Subject

FOLDER = "erasures"
PENDING = "pending.json"
STEPS = ("ledger", "archive", "raw", "inbox", "deliveries", "warehouse", "publication", "leftovers", "proof")
Progress = Callable[[str], None]


@dataclass
class Plan:
    """What is to be done, until it is done. people, keys, record_keys and mentions say whom it is about."""

    erasure_id: str
    kind: str
    evidence: str
    by_whom: str
    started_at: str
    people: list[Person]
    person_ids: list[str]
    keys: list[list[tuple[str, str]]]
    record_keys: list[str]
    mentions: list[str]
    former_ids: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    objection_ids: list[int] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)

    @property
    def needles(self) -> Needles:
        """Whom the files are searched for, to be rewritten."""
        return Needles(tuple(self.people), frozenset([*self.record_keys, *self.person_ids, *self.former_ids]))

    @property
    def in_clear(self) -> Needles:
        """Whom the proof searches for: ids stay where promises are kept."""
        return Needles(tuple(self.people), frozenset(self.record_keys))

    def write(self, home: Path) -> None:
        """Put it in place, for its owner's eyes only."""
        with atomic_file(home / FOLDER / PENDING) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(asdict(self), default=_plain), encoding="utf-8")

    @classmethod
    def read(cls, home: Path) -> "Plan | None":
        """What an earlier call has begun and not ended."""
        path = home / FOLDER / PENDING
        if not path.exists():
            return None
        told = json.loads(path.read_text(encoding="utf-8"))
        people = [
            Person(
                names=frozenset(frozenset(words) for words in one["names"]),
                birth_dates=frozenset(map(date.fromisoformat, one["birth_dates"])),
                **{key: frozenset(one[key]) for key in ("business_ids", "emails", "phones", "registers", "organisations")},
            )
            for one in told["people"]
        ]
        keys = [[(kind, key) for kind, key in one] for one in told["keys"]]
        return cls(**{**told, "people": people, "keys": keys})


@dataclass(frozen=True)
class Certificate:
    """What was done, for the file: nothing of the person is in it."""

    erasure_id: str
    kind: str
    evidence: str
    by_whom: str
    started_at: str
    finished_at: str
    persons: int
    objection_ids: list[int]
    ledger_head: str
    files: list[dict[str, Any]]
    version: str | None
    scanned: dict[str, Any]
    canaries: dict[str, int]
    findings: int
    recipients_to_tell: list[dict[str, Any]]


def erase(
    home: Path, subjects: Sequence[Subject], *, evidence: str, by_whom: str, safety: bool = False,
    progress: Progress = lambda step: None,
) -> Certificate:  # fmt: skip
    """Erase people from the whole lake; an erasure that was cut off is ended first. Returns the certificate of the last one.

    safety: somebody who must not be found (turvakielto); their addresses go from history too, which an erasure does anyway.
    Raises Refused when another erasure, build or publication is running, or the proof finds something (all else is then done,
    and the next call goes on), LedgerRefused.
    """
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / FOLDER / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Refused("another erasure is running") from None
    try:
        certificate = None
        if pending := Plan.read(home):
            certificate = _carry_out(home, pending, progress)
        if subjects:
            plan = _plan(home, subjects, evidence, by_whom, safety)
            plan.write(home)
            certificate = _carry_out(home, plan, progress)
        if certificate is None:
            raise Refused("nobody was named, and no erasure was cut off")
        return certificate
    finally:
        lock.release()


def is_pending(home: Path) -> bool:
    """Whether an erasure was cut off and waits to be ended."""
    return (home / FOLDER / PENDING).exists()


def _plan(home: Path, subjects: Sequence[Subject], evidence: str, by_whom: str, safety: bool) -> Plan:
    store.told(by_whom, evidence)
    moment = datetime.now(UTC)
    corrected = _corrected(home, subjects)
    return Plan(
        erasure_id=f"{moment:%Y%m%dT%H%M%S%fZ}",
        kind="safety" if safety else "erasure",
        evidence=evidence.strip(),
        by_whom=by_whom.strip(),
        started_at=moment.isoformat(timespec="seconds"),
        people=[_with(subject.person, corrected.get(subject.person_id, [])) for subject in subjects],
        person_ids=[subject.person_id for subject in subjects],
        keys=[subject.all_keys() for subject in subjects],
        record_keys=sorted(set().union(*(subject.record_keys for subject in subjects))),
        mentions=sorted(set().union(*(subject.mentions for subject in subjects))),
        former_ids=sorted(set().union(*(subject.former_ids for subject in subjects))),
    )


def _corrected(home: Path, subjects: Iterable[Subject]) -> dict[str, list[dict[str, Any]]]:
    """person_id -> the corrections made of them, by whatever id."""
    if not store.exists(home):
        return {}
    wanted, found = {one: subject.person_id for subject in subjects for one in subject.ids}, dict[str, list[dict[str, Any]]]()
    for row in store.rows(home, Correction):
        if row["person_id"] in wanted and row["value"]:
            found.setdefault(wanted[row["person_id"]], []).append(row)
    return found


def _with(person: Person, corrections: list[dict[str, Any]]) -> Person:
    """What somebody corrected is the person's as well."""
    from base.normalise import email, phone

    mails = {key for row in corrections if row["field"] == "email" and (key := email(row["value"]).key)}
    numbers = {number for row in corrections if row["field"] == "phone" and (number := phone(row["value"]).e164)}
    return replace(person, emails=person.emails | mails, phones=person.phones | numbers)


# --- the steps ------------------------------------------------------------------------------------------------------------


def _carry_out(home: Path, plan: Plan, progress: Progress) -> Certificate:
    steps: dict[str, Callable[[Path, Plan], None]] = {
        "ledger": _ledger, "archive": _archive, "raw": _raw, "inbox": _inbox, "deliveries": _deliveries,
        "warehouse": _warehouse, "publication": _publication, "leftovers": _leftovers,
    }  # fmt: skip
    canaries = scan.calibrate()
    _settle(home, plan)
    for name, step in steps.items():
        if name not in plan.done:
            progress(name)
            step(home, plan)
            plan.done.append(name)
            plan.write(home)
    progress("proof")
    started = datetime.fromisoformat(plan.started_at)
    report = scan.Scanner(plan.in_clear, older_than=started).folder(home, skip=_is_plan)
    if report.hits:
        plan.done = [step for step in plan.done if step != "leftovers"]
        plan.write(home)
        places = ", ".join(sorted({str(hit) for hit in report.hits})[:5])
        raise Refused(
            f"the erasure is not proven: something is left in {places}; mend that and run `kohde subject erase --resume`"
        )
    told = disclosures.of(home, [*plan.person_ids, *plan.former_ids])
    certificate = Certificate(
        erasure_id=plan.erasure_id,
        kind=plan.kind,
        evidence=plan.evidence,
        by_whom=plan.by_whom,
        started_at=plan.started_at,
        finished_at=lake.now(),
        persons=len(plan.people),
        objection_ids=plan.objection_ids,
        ledger_head=store.head(home).version,
        files=plan.files,
        version=_version(home),
        scanned={
            "files": report.files,
            "bytes": report.bytes,
            "decoded_bytes": dict(report.decoded),
            "undecoded": report.undecoded,
        },
        canaries=canaries,
        findings=0,
        recipients_to_tell=_recipients(told),
    )
    write_text(home / FOLDER / f"{plan.erasure_id}.json", json.dumps(asdict(certificate), indent=1, default=str) + "\n")
    write_text(home / FOLDER / f"{plan.erasure_id}.md", readable(certificate))
    _forget(home / FOLDER / PENDING)
    return certificate


def _ledger(home: Path, plan: Plan) -> None:
    """Keys that stay, then clear text that goes. The same evidence counts once, so doing it again adds nothing."""
    with writer(home):  # nobody builds or publishes while it becomes known
        plan.objection_ids = [
            objections.add(
                home, Told(person_id=person_id), kind=plan.kind, scope="person", purpose="all", origin="person",
                evidence=f"{plan.evidence} ({plan.erasure_id}/{number})", by_whom=plan.by_whom, extra_keys=keys,
            )
            for number, (person_id, keys) in enumerate(zip(plan.person_ids, plan.keys, strict=True), start=1)
        ]  # fmt: skip
        ids, mentions = {*plan.person_ids, *plan.former_ids}, set(plan.mentions)
        if numbers := [row["correction_id"] for row in store.rows(home, Correction) if row["person_id"] in ids and row["salt"]]:
            store.redact(home, Correction, numbers)
        judged = [
            row["judgement_id"] for row in store.rows(home, Judgement)
            if row["salt"] and {row["mention_a"], row["mention_b"]} & mentions
        ]  # fmt: skip
        if judged:
            store.redact(home, Judgement, judged)


def _archive(home: Path, plan: Plan) -> None:
    for path in sorted((home / "archive").rglob("*")):
        source = path.relative_to(home / "archive").parts[0]
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".sha256" and _concerns(source, path):
            _rewrite(home, plan, path, redact.subject_of(source))
    _renew_receipts(home, plan)


def _rewrite(home: Path, plan: Plan, path: Path, subject: redact.Subject) -> None:
    """Take the people out of one file. That it is about to be done is written down first, so that the record is whole."""
    if count := redact.file(path, plan.needles, subject, dry_run=True):
        about = {"path": str(path.relative_to(home)), "old_sha256": lake.sha256(path), "new_sha256": None, "records": count}
        plan.files.append(about)
        plan.write(home)
        redact.file(path, plan.needles, subject)
        _settle(home, plan)


def _settle(home: Path, plan: Plan) -> None:
    """Finish the record of a file that was about to be rewritten; one that was not is left for its step."""
    for about in [one for one in plan.files if one["new_sha256"] is None]:
        path = home / about["path"]
        new = lake.sha256(path)
        if new == about["old_sha256"]:
            plan.files.remove(about)
            continue
        zone = Path(about["path"]).parts[0]
        if zone == "archive":
            lake.write_checksum(path, new, list(dict.fromkeys([*lake.was(path), about["old_sha256"]])))
        elif zone in ("raw", "aside", "quarantine"):
            _note(home, path, plan, about["records"])
        about["new_sha256"] = new
        plan.write(home)


def _concerns(source: str, path: Path) -> bool:
    """The ledger's snapshots: only what tells of people in clear; ids stay, as they do in the ledger."""
    return source != "ledger" or path.name.startswith(("corrections", "judgements"))


def _raw(home: Path, plan: Plan) -> None:
    """Landed and refused rows. A dataset is locked while its files are rewritten, so no landing reads half of it."""
    for folder in sorted({*(home / "raw").glob("*/*"), *(home / "aside").glob("*/*"), *(home / "quarantine").glob("*/*")}):
        zone, source, dataset = folder.relative_to(home).parts
        if not folder.is_dir() or (source == "ledger" and dataset not in ("corrections", "judgements")):
            continue
        subject = "person" if zone == "quarantine" else scan.dataset_subject(source, dataset)
        with FileLock(home / "manifests" / f".{source}-{dataset}.lock", timeout=600):
            for path in sorted(folder.glob("load=*/**/*.parquet")):
                _rewrite(home, plan, path, subject)


def _inbox(home: Path, plan: Plan) -> None:
    """Files that people sent and that were answered. What still waits is screened when it lands."""
    for path in sorted((home / "inbox").glob("*/done/*")) + sorted((home / "inbox").glob("*/refused/*")):
        if path.is_file() and ".receipt." not in path.name:
            _rewrite(home, plan, path, redact.subject_of(path.parts[-3]))


def _deliveries(home: Path, plan: Plan) -> None:
    """Our copies of files that were handed on, and of lists that customers have lent us.

    What recipients hold themselves they are told to remove (recipients_to_tell).
    """
    for path in sorted({*(home / "deliveries").rglob("*"), *(home / "lists").rglob("*"), *(home / "uploads").rglob("*")}):
        if path.is_file() and redact.can(path) and path.name != "manifest.json":
            _rewrite(home, plan, path, "person")


def _warehouse(home: Path, plan: Plan) -> None:
    build_anew(home)


def _publication(home: Path, plan: Plan) -> None:
    publish_alone(home)


def renew(home: Path) -> None:
    """Make everything that is made from the landed files once more, and keep nothing of what was made before."""
    build_anew(home)
    publish_alone(home)


def build_anew(home: Path) -> None:
    """A new warehouse from cleaned input: DuckDB leaves deleted rows readable in freed blocks (measured)."""
    from orchestration import build

    if BuildState.read(home).status != "absent":
        build.build(home, full_refresh=True)


def publish_alone(home: Path) -> None:
    """A new version, and no older one."""
    from orchestration import publish

    published = home / "published"
    if not (published / "current").exists():
        return
    publish.publish(home)
    with writer(home):
        current = (published / "current").resolve().name
        for version in publish.versions(published):
            if version != current:
                shutil.rmtree(published / version)
        fsync(published)


def _leftovers(home: Path, plan: Plan) -> None:
    """What programs leave beside their work: logs, compiled SQL, temporary and spilled files, captured output of runs."""
    with writer(home):
        target = settings.dbt_target(home)
        # dbt's results hold the command line of whoever ran it.
        for path in [
            *target.glob("*.log*"),
            target / "run_results.json",
            *(target / "run").rglob("*"),
            *(target / "compiled").rglob("*"),
        ]:
            if path.is_file():
                path.unlink(missing_ok=True)
        storage = settings.dagster_home(home)
        for folder in (storage / "storage").glob("*/compute_logs"):
            shutil.rmtree(folder)
        for folder in {path.parent for path in home.rglob(".*.part")} | {path.parent for path in home.rglob(".spill*")}:
            sweep(folder, older_than_seconds=0)
            for spilled in folder.glob(".spill*"):
                shutil.rmtree(spilled) if spilled.is_dir() else spilled.unlink(missing_ok=True)
    if store.exists(home):
        store.scrub(home)


# --- receipts -------------------------------------------------------------------------------------------------------------


def _renew_receipts(home: Path, plan: Plan) -> None:
    """Receipts name their files by what these are now; what they were stays beside it. Told by the checksums in the archive."""
    current = {
        digest: path.with_suffix("")
        for path in (home / "archive").rglob("*.sha256")
        for digest in lake.was(path.with_suffix(""))
    }
    for path in _receipts(home):
        receipt = Manifest.from_dict(json.loads(path.read_text(encoding="utf-8")))
        changed = {file["sha256"]: current[file["sha256"]] for file in receipt.files if file["sha256"] in current}
        if changed:
            receipt.files = [
                lake.describe_file(changed[file["sha256"]]) if file["sha256"] in changed else file for file in receipt.files
            ]
            receipt.sha256 = lake.files_digest(receipt.files)
            write_text(path, json.dumps(receipt.to_dict(), ensure_ascii=False, indent=1))


def _receipts(home: Path) -> list[Path]:
    return [
        *sorted((home / "manifests").glob("*.json")),
        *sorted((home / "raw").glob("*/*/load=*/_manifest.json")),
        *sorted((home / "aside").glob("*/*/load=*/_manifest.json")),
    ]


def _note(home: Path, path: Path, plan: Plan, count: int) -> None:
    """Tell in the receipt of a load how many rows were taken out of it since: its counts stay what they were that day."""
    _, source, dataset, load, *_ = path.relative_to(home).parts
    load_id = load.removeprefix("load=")
    inside = [home / z / source / dataset / load / "_manifest.json" for z in ("raw", "aside")]
    for receipt_path in [home / "manifests" / f"{load_id}.json", *inside]:
        if receipt_path.exists():
            receipt = Manifest.from_dict(json.loads(receipt_path.read_text(encoding="utf-8")))
            about = {"erasure_id": plan.erasure_id, "file": str(path.relative_to(home)), "rows": count}
            if about not in [{key: one.get(key) for key in about} for one in receipt.erasures]:
                receipt.erasures.append({"at": lake.now(), **about})
                write_text(receipt_path, json.dumps(receipt.to_dict(), ensure_ascii=False, indent=1))


def _recipients(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whom to tell that somebody was erased (art. 19): recipient, delivery, file."""
    shown = ("recipient_id", "recipient_name", "recipient_business_id", "delivery_id", "file", "disclosed_at", "valid_until")
    found = [{key: str(row[key]) for key in shown if row.get(key)} for row in told]
    return [dict(pairs) for pairs in sorted({tuple(one.items()) for one in found})]


def _version(home: Path) -> str | None:
    pointer = home / "published" / "current"
    return pointer.resolve().name if pointer.exists() else None


def _is_plan(path: Path) -> bool:
    return path.name == PENDING and path.parent.name == FOLDER


def _forget(path: Path) -> None:
    """Overwrite and remove: what it held in clear is to be nowhere."""
    size = path.stat().st_size
    with path.open("r+b") as scratch:
        scratch.write(b"\0" * size)
        scratch.flush()
        os.fsync(scratch.fileno())
    path.unlink()
    fsync(path.parent)


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value, key=str) if not any(isinstance(v, frozenset) for v in value) else [sorted(v) for v in value]
    return str(value)


def readable(certificate: Certificate) -> str:
    """The certificate as a page for people."""
    scanned = certificate.scanned
    damaged = ", ".join(scanned["undecoded"]) or "none"
    decoders = ", ".join(f"{name} {size:,}" for name, size in sorted(scanned["decoded_bytes"].items()))
    lines = [
        f"# Certificate of erasure {certificate.erasure_id}\n",
        f"{certificate.persons} person(s), {certificate.kind}, on {certificate.evidence}, by {certificate.by_whom}.",
        f"Begun {certificate.started_at}, ended {certificate.finished_at}. Ledger {certificate.ledger_head}, objections "
        f"{', '.join(map(str, certificate.objection_ids))}. Published version {certificate.version}; no older one is kept.\n",
        f"The proof read {scanned['files']:,} files, {scanned['bytes']:,} bytes (decoded bytes: {decoders}) and found nothing.",
        f"Files that are damaged, so that only their bytes could be read: {damaged}.",
        f"Before, the scanner found all of {len(certificate.canaries)} kinds of file in which somebody made up was planted.\n",
        "| File | was | became | records |",
        "|---|---|---|---|",
        *(f"| {f['path']} | {f['old_sha256'][:12]} | {f['new_sha256'][:12]} | {f['records']} |" for f in certificate.files),
        "",
        "Recipients to be told (GDPR art. 19):",
        *([f"- {one}" for one in certificate.recipients_to_tell] or ["- none"]),
    ]
    return "\n".join(lines) + "\n"
