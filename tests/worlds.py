"""Land a made-up Finland as its users would: registers over HTTP, files from the folder of the day."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from ingest.lake import Manifest
from ingest.synthetic.server import RegistryServer
from orchestration import landing
from orchestration.demo import PEOPLES_FILES, REGISTER_FILES

SERVED = ["ytj", "ptv", "prh_notices"]


def land_day(folder: Path, day: date, home: Path, sources: Iterable[str] | None = None) -> list[Manifest]:
    """All sources of one day (or those named), what people send last. What is not dated by days is landed on any day."""
    wanted = set(sources or [*SERVED, *REGISTER_FILES, *PEOPLES_FILES])
    receipts: list[Manifest] = []
    accept = {"accept_bounds": "a made-up world is smaller than Finland"}
    with RegistryServer(folder, day=day) as server:
        for name in (name for name in SERVED if name in wanted):
            receipts += landing.land(name, server.urls[name], day, home, **accept)
    for name in (name for name in REGISTER_FILES + PEOPLES_FILES if name in wanted):
        origin = file_of(folder / name, day)
        if origin:
            receipts += landing.land(name, str(origin), day, home, **accept)
    return receipts


def file_of(folder: Path, day: date) -> Path | None:
    """What a source has for a day: its file or folder; all of the folder where nothing in it bears a day; else nothing."""
    dated = [path for path in sorted(folder.glob("*")) if re.match(r"20\d\d-\d\d-\d\d", path.name)]
    return next((path for path in dated if path.stem == day.isoformat()), None) if dated else folder
