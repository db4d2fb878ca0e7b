"""Land a made-up Finland as its users would: registers over HTTP, files from the folder of the day."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from ingest.lake import Manifest
from ingest.synthetic.server import RegistryServer
from orchestration import landing

SERVED = ["ytj", "ptv", "prh_notices"]
# What comes as files. Registers lie there in the morning. What people send comes when the day's register has landed, since it
# speaks of organisations the lake has to know.
REGISTER_FILES = ["prh_officers", "ytj_extract", "associations", "foundations", "vero", "statfi_business"]
PEOPLES_FILES = ["survey", "bounces", "external_lists"]
SMALLER = "a made-up world is smaller than Finland"


def land_day(folder: Path, day: date, home: Path, sources: Iterable[str] | None = None) -> list[Manifest]:
    """All sources of one day (or those named), what people send last. What no folder bears a day of is landed on any day."""
    wanted = set(sources or [*SERVED, *REGISTER_FILES, *PEOPLES_FILES])
    receipts: list[Manifest] = []
    with RegistryServer(folder, day=day) as server:
        for name in (name for name in SERVED if name in wanted and (folder / name).exists()):
            receipts += landing.land(name, server.urls[name], day, home, accept_bounds=SMALLER)
    return receipts + land_files(
        [name for name in REGISTER_FILES + PEOPLES_FILES if name in wanted], folder, day, home, SMALLER
    )


def land_files(names: Iterable[str], folder: Path, day: date, home: Path, accept_bounds: str | None = None) -> list[Manifest]:
    """What came as files on a day, source by source; a source that has nothing for the day is left out."""
    options: dict[str, Any] = {"accept_bounds": accept_bounds} if accept_bounds else {}
    found = {name: file_of(folder / name, day) for name in names}
    return [receipt for name, path in found.items() if path for receipt in landing.land(name, str(path), day, home, **options)]


def file_of(folder: Path, day: date) -> Path | None:
    """What a source has for a day: its file or folder; the whole folder where nothing in it bears a day; else nothing."""
    # 2026-01-staff.csv speaks of a month, not of a day.
    dated = [path for path in sorted(folder.glob("*")) if re.match(r"20\d\d-\d\d-\d\d", path.name)]
    whole = folder if folder.exists() else None
    return next((path for path in dated if path.stem == day.isoformat()), None) if dated else whole
