"""Writes the trail (ledger/audit.py): what reveals or changes something before its answer leaves, counts within a second."""

import queue
import threading
from pathlib import Path
from typing import Any

from ledger import audit, chain
from ledger.access import Identity

EVERY_SECONDS = 1.0
MOST = 5000


class Trail:
    """Of one service process."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._ended = threading.Event()

    def now(self, event: dict[str, Any]) -> None:
        """Write an event down before going on. Raises LedgerRefused."""
        audit.write(self._home, [event])

    def soon(self, event: dict[str, Any]) -> None:
        """Write an event down within a second."""
        self._waiting.put(event)

    def flush(self) -> None:
        """Write down what waits. Raises LedgerRefused."""
        found: list[dict[str, Any]] = []
        while not self._waiting.empty() and len(found) < MOST:
            found.append(self._waiting.get())
        try:
            audit.write(self._home, found)
        except Exception:
            for event in found:
                self._waiting.put(event)
            raise

    def run(self) -> None:
        """Flush every second until `end`; for a thread of its own."""
        while not self._ended.wait(EVERY_SECONDS):
            try:
                self.flush()
            except Exception:
                continue

    def end(self) -> None:
        """Write the rest and let `run` return."""
        self._ended.set()
        self.flush()


def event(
    who: Identity | None, request_id: str, action: str, status: int, about: str | None = None, rows: int | None = None
) -> dict[str, Any]:
    """An event of the trail. about: an id or a hash; rows: how many were shown or delivered."""
    return {
        "request_id": request_id, "at": chain.now(), "access_id": who.access_id if who else None,
        "recipient_id": who.recipient_id if who else None, "role": who.role if who else None, "action": action,
        "about": about, "status": status, "rows": rows,
    }  # fmt: skip
