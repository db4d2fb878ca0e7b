"""The published version that the service counts over: opened once, taken anew when another is published.

Bitmaps take seconds at a million organisations, so a new version is read beside the one in use and then takes its place.
"""

import gc
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from base.refused import Refused
from delivery import knowing, published
from delivery.counting import Context
from delivery.group import TargetGroup
from delivery.picker import Picker

_log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
CONTEXT_SECONDS = 10.0
"""For so long a recipient's past deliveries are taken as known: counts may lag behind a delivery by that."""
CONTEXTS = 40
"""That are kept: each may hold every person of a customer's past deliveries."""


@dataclass
class Version:
    """A published version, open. One thread at a time: `lock`."""

    folder: Path
    db: duckdb.DuckDBPyConnection
    picker: Picker
    lock: threading.RLock = field(default_factory=threading.RLock)
    wholes: dict[str, Any] = field(default_factory=dict)
    """What counts.py remembers of the whole population of this version."""
    names: dict[str, Any] = field(default_factory=dict)
    """What pages call its codes, by language."""

    @classmethod
    def open(cls, home: Path, folder: Path) -> "Version":
        """Read a version, with the indexes that nearly every count needs."""
        db = published.desk(home, folder)
        picker = Picker(db)
        for unit in ("person", "organisation"):
            picker.index(unit)
        return cls(folder, db, picker)


def settle() -> None:
    """Spare the garbage collector all that stays: walking a large version halts every request for a sixth of a second."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Shelf:
    """Holds the version in service. Raises Refused at first use when nothing has been published."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._held: Version | None = None
        self._opening = threading.Lock()
        self._contexts: dict[tuple[object, ...], tuple[float, Context]] = {}
        self._ended = threading.Event()

    @contextmanager
    def version(self) -> Iterator[Version]:
        """The version in service, for this thread alone meanwhile."""
        held = self.held
        with held.lock:
            yield held

    @property
    def held(self) -> Version:
        """The version in service; its database and picker only within `version`."""
        return self._held or self.renew()

    def renew(self) -> Version:
        """Take the version that is current now. Raises Refused when nothing is published."""
        with self._opening:
            folder = published.current(self.home)
            if self._held is None or self._held.folder != folder:
                self._held = Version.open(self.home, folder)
                self._contexts.clear()
                settle()
            return self._held

    def watch(self) -> None:
        """Renew whenever another version is published; until `end`. For a thread of its own."""
        while not self._ended.wait(LOOK_SECONDS):
            try:
                self.renew()
            except Exception as error:
                # What is served stays the version before; that it is not the newest is told.
                _log.error("the published version cannot be taken: %s", type(error).__name__)

    def end(self) -> None:
        """Let `watch` return."""
        self._ended.set()

    def context(self, recipient_id: str, group: TargetGroup, lists: dict[str, Path]) -> Context:
        """What is known of a recipient; a list or a delivery of the last seconds may be missing in what is kept."""
        try:
            stamps = tuple((name, str(path), path.stat().st_mtime_ns) for name, path in sorted(lists.items()))
        except FileNotFoundError:
            raise Refused("a list was removed meanwhile: count again") from None
        key = (recipient_id, group.not_delivered_months, stamps)
        known = self._contexts.get(key)
        if known is None or known[0] < time.monotonic():
            if len(self._contexts) >= CONTEXTS:
                self._contexts.clear()
            known = (time.monotonic() + CONTEXT_SECONDS, knowing.context(self.home, group, recipient_id, lists))
            self._contexts[key] = known
        return known[1]

    def forget(self) -> None:
        """Ask anew what recipients were given: something was delivered."""
        self._contexts.clear()
