"""The lake: where things lie, how original bytes are archived, what a receipt says. Landing itself is in ingest/load.py."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import duckdb

from base.files import atomic_file, sweep, write_text
from base.refused import LandingRefused as LandingRefused
from ingest.source import Dataset, Source

Progress = Callable[[str, int, int | None], None]
"""Told (what, done so far, total or None) as work goes on."""

# Columns every raw row carries beside what its source says.
SYSTEM_COLUMNS = {
    "_key": "VARCHAR",
    "_op": "VARCHAR",
    "_load_id": "VARCHAR",
    "_as_of": "DATE",
    "_record_hash": "VARCHAR",
    "_raw_hash": "UBIGINT",
    "_position": "BIGINT",
    "_extra": "VARCHAR",
}
# Bounds the working set of a landing whatever the size of the register; the rest spills to the load's own folder.
MEMORY_LIMIT = "500MB"
INSERTED, CHANGED, DISAPPEARED = "I", "U", "D"
# In a checksum beside an archived file: what the file was before people were taken out of it (ingest/redact.py).
WAS = "# was "


def quiet(what: str, done: int, total: int | None) -> None:
    """The progress listener that says nothing."""


def home() -> Path:
    """The lake's folder: KOHDE_HOME, by default ./lake."""
    return Path(os.environ.get("KOHDE_HOME", "lake")).resolve()


def literal(value: object) -> str:
    """A text as an SQL literal, for the few places (COPY targets) where a parameter cannot be bound."""
    return "'" + str(value).replace("'", "''") + "'"


def connect(temporary: Path | None = None, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """A private in-memory DuckDB for parsing and comparing, bounded in memory, spilling into `temporary` only."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if temporary:
        config["temp_directory"] = str(temporary)
    return duckdb.connect(":memory:", config=config)


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def archive_folder(home: Path, source: str, as_of: date) -> Path:
    """Where the original bytes of a source's day lie."""
    return home / "archive" / source / as_of.isoformat()


def archive_file(home: Path, source: str, as_of: date, origin: Path, name: str | None = None) -> Path:
    """Copy a local file into the archive, with its checksum beside it, and return the archived path.

    The same bytes again are the same archived file; other bytes under a taken name get a name of their own, because
    what was once received is never overwritten. Bytes that somebody was erased from stay what they became.
    """
    folder, digest = archive_folder(home, source, as_of), sha256(origin)
    sweep(folder, older_than_seconds=86_400)
    if kept := redacted(home, source, digest):
        name, origin, digest = name or origin.name, kept, sha256(kept)
    target = folder / (name or origin.name)
    if target.exists() and sha256(target) != digest:
        target = target.with_name(f"{target.stem}.{digest[:12]}{target.suffix}")
    if origin.resolve() != target.resolve() and not target.exists():
        with atomic_file(target) as temporary:
            shutil.copyfile(origin, temporary)
    write_checksum(target, digest, list(dict.fromkeys([*was(target), *was(origin)])))
    return target


def write_checksum(path: Path, digest: str, earlier: list[str]) -> None:
    """The checksum beside an archived file, and those it had before people were taken out of it."""
    lines = [f"{digest}  {path.name}", *(f"{WAS}{before}" for before in earlier)]
    write_text(path.with_name(path.name + ".sha256"), "\n".join(lines) + "\n")


def was(path: Path) -> list[str]:
    """The checksums an archived file had before people were taken out of it, oldest first."""
    sidecar = path.with_name(path.name + ".sha256")
    lines = sidecar.read_text(encoding="utf-8").splitlines() if sidecar.exists() else []
    return [line.removeprefix(WAS) for line in lines if line.startswith(WAS)]


def redacted(home: Path, source: str, digest: str) -> Path | None:
    """The archived file that these bytes became when people were taken out of them."""
    sidecars = (home / "archive" / source).rglob("*.sha256")
    return next((s.with_suffix("") for s in sorted(sidecars) if f"{WAS}{digest}\n" in s.read_text(encoding="utf-8")), None)


@dataclass
class Counts:
    """The accounting law: read = landed + unchanged + quarantined. `disappeared` rows land too but were not read;
    `withheld` keys are missing from a full dump, but a record of it that could not be identified may be one of them.
    """

    read: int = 0
    landed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    inserted: int = 0
    updated: int = 0
    disappeared: int = 0
    duplicates: int = 0
    withheld: int = 0

    def balanced(self) -> bool:
        """Whether every record read is accounted for exactly once."""
        return self.read == self.landed + self.unchanged + self.quarantined and self.landed == self.inserted + self.updated


@dataclass
class Manifest:
    """The receipt of one load. `verdict` is accepted or rejected; `reason` says which bound, in words."""

    source: str
    dataset: str
    load_id: str
    as_of: str
    mode: str
    files: list[dict[str, Any]]
    sha256: str
    counts: Counts = field(default_factory=Counts)
    schema_fingerprint: str = ""
    unknown_fields: dict[str, int] = field(default_factory=dict)
    unknown_codes: dict[str, int] = field(default_factory=dict)
    bounds: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    # What was taken out of the load since, or while it landed: when, how many rows, which files were and became what.
    erasures: list[dict[str, Any]] = field(default_factory=list)
    verdict: str = "accepted"
    reason: str | None = None
    code_version: str = ""
    started_at: str = ""
    finished_at: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of to_dict."""
        return cls(**{**values, "counts": Counts(**values["counts"])})


def manifests(home: Path, source: str | None = None, dataset: str | None = None) -> list[Manifest]:
    """Every receipt of the lake, oldest first within a dataset."""
    found = (Manifest.from_dict(json.loads(p.read_text())) for p in sorted((home / "manifests").glob("*.json")))
    return [m for m in found if source in (None, m.source) and dataset in (None, m.dataset)]


def prepare(home: Path) -> None:
    """Give every dataset of every source its zero-row schema file, so that readers work before the first load."""
    for source in map(Source.load, Source.names()):
        for name, dataset in source.datasets.items():
            write_schema(home / "raw" / source.name / name, dataset)


def write_schema(folder: Path, dataset: Dataset) -> None:
    columns = {**SYSTEM_COLUMNS, **dataset.columns}
    file, about = folder / "load=schema" / "empty.parquet", folder / "load=schema" / "columns.json"
    if about.exists() and json.loads(about.read_text()) == columns:
        return
    selected = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
    with connect() as con, atomic_file(file) as temporary:
        con.execute(f"copy (select {selected} where false) to {literal(temporary)} (format parquet)")
    write_text(about, json.dumps(columns, indent=1))


def newest(home: Path, source: str, dataset: str) -> Manifest | None:
    """The last accepted load of a dataset."""
    accepted = [m for m in manifests(home, source, dataset) if m.verdict == "accepted"]
    return accepted[-1] if accepted else None


def digest(*texts: object) -> str:
    return hashlib.sha256("\n".join(map(str, texts)).encode()).hexdigest()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_file(path: Path) -> dict[str, Any]:
    """Name, SHA-256 and size of a file, as a receipt holds them; `was`: its checksums before people were taken out of it."""
    about = {"name": path.name, "sha256": sha256(path), "bytes": path.stat().st_size}
    return about | ({"was": earlier} if (earlier := was(path)) else {})


def files_digest(described: list[dict[str, Any]]) -> str:
    """One digest for the files of a load: of a single file its own SHA-256."""
    return str(described[0]["sha256"]) if len(described) == 1 else digest(*(f["sha256"] for f in described))
