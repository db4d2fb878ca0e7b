"""What the warehouse holds: the receipt of the last build, and the lock that makes one writer at a time.

The receipt (`build_state.json`) says more than "built": while a build runs it says `building`, so that a killed one is
known for what it is. Only a warehouse whose receipt says `built` is ever published.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from base import files
from base.refused import Refused as Refused

WAREHOUSE = "warehouse.duckdb"
BUILD_STATE = "build_state.json"
BUILD_LOCK = ".build.lock"

Status = Literal["absent", "building", "built", "failed"]


@dataclass(frozen=True)
class BuildState:
    """Receipt of a build. `loads`: dataset -> last load id that the last *successful* build had seen (the watermarks
    of the next one). `key`: check letters of the key its ids were made with.
    """

    status: Status = "absent"
    fingerprint: str = ""
    loads: dict[str, str] = field(default_factory=dict)
    invocation_id: str = ""
    built_at: str = ""
    reason: str = ""
    key: str = ""

    @classmethod
    def read(cls, home: Path) -> "BuildState":
        """The receipt of the lake; status `absent` when there is none or it cannot be read (then everything is
        rebuilt).
        """
        try:
            return cls(**json.loads((home / BUILD_STATE).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return cls()

    def write(self, home: Path) -> None:
        """Put the receipt in place, whole or not at all."""
        files.write_text(home / BUILD_STATE, json.dumps(asdict(self), indent=2) + "\n")


@contextmanager
def writer(home: Path) -> Iterator[None]:
    """Be the only builder or publisher of this lake; a second one is refused at once. The kernel frees the lock of a
    killed process.
    """
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / BUILD_LOCK, timeout=0):
            yield
    except Timeout:
        raise Refused(f"another build or publication of {home} is running") from None
