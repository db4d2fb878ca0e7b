"""A recipient's own lists: business ids and addresses to take or to leave out. Kept as files of theirs, by name."""

import re
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.csv

from base import files
from base.refused import Refused
from delivery import knowing

MOST = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def folder(home: Path, recipient_id: str) -> Path:
    """Where a recipient's lists lie."""
    return home / "lists" / recipient_id


def paths(home: Path, recipient_id: str) -> dict[str, Path]:
    """A recipient's lists by name."""
    return {path.stem: path for path in sorted(folder(home, recipient_id).glob("*.csv"))}


def every(home: Path, recipient_id: str) -> list[dict[str, Any]]:
    """Name, rows and time of each."""
    return [
        {"name": name, "rows": _rows(path), "saved_at": datetime.fromtimestamp(path.stat().st_mtime, UTC)}
        for name, path in paths(home, recipient_id).items()
    ]


def save(home: Path, recipient_id: str, name: str, uploaded: Path) -> int:
    """Keep business ids and addresses of an uploaded file, whatever else it holds; returns the rows. Raises Refused."""
    if not _NAME.fullmatch(name):
        raise Refused("a list's name is of small letters, digits and hyphens")
    known = paths(home, recipient_id)
    if name not in known and len(known) >= MOST:
        raise Refused(f"{MOST} lists are kept already: remove one first")
    table = knowing.own_list(uploaded)
    place = folder(home, recipient_id)
    place.mkdir(parents=True, exist_ok=True)
    with files.atomic_file(place / f"{name}.csv") as temporary:
        pyarrow.csv.write_csv(table, str(temporary))
    return int(table.num_rows)


def remove(home: Path, recipient_id: str, name: str) -> None:
    """Keep a list no longer. Raises Refused when there is none."""
    path = paths(home, recipient_id).get(name)
    if path is None:
        raise Refused(f"there is no list {name!r}")
    path.unlink(missing_ok=True)


def upload(home: Path, recipient_id: str, filename: str, content: BinaryIO) -> Path:
    """Keep a file as somebody sent it, in a folder of its own, its name made harmless. Raises Refused for another kind."""
    told = Path(filename.replace("\\", "/"))
    ending = told.suffix.lower()
    if ending not in (".csv", ".txt", ".xlsx"):
        raise Refused("a file is CSV (.csv, .txt) or a workbook (.xlsx)")
    # A file's name has at most 255 bytes: 40 letters of any script leave room for what we put around them.
    name = re.sub(r"[^\w-]+", "_", told.stem).strip("_")[:40] or "file"
    place = home / "uploads" / recipient_id / secrets.token_hex(8)
    place.mkdir(parents=True)
    try:
        with files.atomic_file(place / f"{name}{ending}") as temporary, temporary.open("wb") as kept:
            shutil.copyfileobj(content, kept)
    except OSError:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return place / f"{name}{ending}"


def discard(path: Path) -> None:
    """Forget an uploaded file."""
    shutil.rmtree(path.parent)


def _rows(path: Path) -> int:
    with path.open("rb") as file:
        return max(0, sum(1 for _ in file) - 1)
