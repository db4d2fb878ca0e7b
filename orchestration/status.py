"""How the lake is: the last load of each dataset, the last build, what is published, where it lies."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest import lake
from ingest.source import Source
from orchestration import settings
from orchestration.publish import PublishedVersion, current
from orchestration.state import WAREHOUSE, BuildState, Refused


@dataclass(frozen=True)
class DatasetStatus:
    """The last load of one dataset, accepted or not. `age_hours` counts from the last *accepted* one: how old our
    data is.
    """

    dataset: str
    load_id: str
    verdict: str
    read: int
    landed: int
    disappeared: int
    unchanged: int
    quarantined: int
    age_hours: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Status:
    """All of it; `to_dict` is what `kohde status --json` prints."""

    home: str
    is_demo: bool
    datasets: list[DatasetStatus]
    never_landed: list[str]
    build: BuildState
    published: PublishedVersion | None
    paths: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


def status(home: Path, now: datetime | None = None) -> Status:
    """Look at the lake; nothing is written and no database is opened, so it may be asked at any time."""
    now = now or datetime.now(UTC)
    last: dict[tuple[str, str], lake.Manifest] = {}
    accepted: dict[tuple[str, str], lake.Manifest] = {}
    for receipt in lake.manifests(home):
        last[receipt.source, receipt.dataset] = receipt
        if receipt.verdict == "accepted":
            accepted[receipt.source, receipt.dataset] = receipt
    declared = {(source, dataset) for source in Source.names() for dataset in Source.load(source).datasets}
    try:
        published = PublishedVersion.read(current(home))
    except Refused:
        published = None
    return Status(
        home=str(home),
        is_demo=settings.is_demo(home),
        datasets=[_dataset(receipt, accepted.get(name), now) for name, receipt in sorted(last.items())],
        never_landed=sorted(f"{source}.{dataset}" for source, dataset in declared - last.keys()),
        build=BuildState.read(home),
        published=published,
        paths={
            "raw": str(home / "raw"),
            "warehouse": str(home / WAREHOUSE),
            "published": str(home / "published" / "current"),
            "dagster": str(settings.dagster_home(home)),
        },
    )


def _dataset(receipt: lake.Manifest, accepted: lake.Manifest | None, now: datetime) -> DatasetStatus:
    counts = receipt.counts
    age = (now - datetime.fromisoformat(accepted.finished_at)).total_seconds() / 3600 if accepted else None
    return DatasetStatus(
        dataset=f"{receipt.source}.{receipt.dataset}",
        load_id=receipt.load_id,
        verdict=receipt.verdict,
        read=counts.read,
        landed=counts.landed,
        disappeared=counts.disappeared,
        unchanged=counts.unchanged,
        quarantined=counts.quarantined,
        age_hours=None if age is None else round(age, 1),
        reason=receipt.reason,
    )
