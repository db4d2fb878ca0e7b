"""Writes the trail (ledger/audit.py): what reveals or changes something before its answer leaves, counts within a second."""

import threading
from collections import deque
from pathlib import Path
from typing import Any

from ledger import audit, chain
from ledger.access import Identity
from ledger.store import LedgerClosed

EVERY_SECONDS = 1.0
MOST = 10_000
"""Events that may wait: when the ledger takes none for so long, nothing more is shown."""


class Trail:
    """Of one service process."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._waiting: deque[dict[str, Any]] = deque()
        self._flushing = threading.Lock()
        self._failed = False
        self._ended = threading.Event()

    def now(self, event: dict[str, Any]) -> None:
        """Write an event down before going on. Raises LedgerRefused."""
        audit.write(self._home, [event])

    def soon(self, event: dict[str, Any]) -> None:
        """Write an event down within a second. Raises LedgerClosed while those before it could not be."""
        if self._failed or len(self._waiting) >= MOST:
            raise LedgerClosed("the trail cannot be written")
        self._waiting.append(event)

    def flush(self) -> None:
        """Write down what waits. Raises LedgerRefused."""
        with self._flushing:
            found = list(self._waiting)
            try:
                audit.write(self._home, found)
            except Exception:
                self._failed = True
                raise
            self._failed = False
            for _ in found:
                self._waiting.popleft()

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
    who: Identity, request_id: str, action: str, status: int, about: str | None = None, rows: int | None = None
) -> dict[str, Any]:
    """An event of the trail. about: an id or a hash; rows: how many were shown or delivered."""
    return {
        "request_id": request_id, "at": chain.now(), "access_id": who.access_id, "recipient_id": who.recipient_id,
        "role": who.role, "action": action, "about": about, "status": status, "rows": rows,
    }  # fmt: skip
