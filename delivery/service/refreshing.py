"""Refreshes of a customer's register in the background: a job is a file beside the upload, so that it outlives the service."""

import json
import logging
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from base import files
from base.refused import LandingRefused, Refused
from delivery import published
from delivery.deliver import Republish, prove, proven
from delivery.refresh.refreshing import STEPS, refresh
from delivery.service.faults import Fault, line, where
from delivery.service.shelf import Shelf
from ledger import disclosures
from ledger.store import LedgerRefused

JOB = "job.json"
ENDED = ("done", "failed", "interrupted")
STAGES = ("waiting", *STEPS, "done")
AT_ONCE = 3
"""Refreshes of one recipient that wait or run."""
ABANDONED_SECONDS = 3600
"""An upload that became no job within so long was left behind by a killed process."""
_log = logging.getLogger(__name__)


@dataclass
class Refreshes:
    """Runs them one at a time."""

    home: Path
    shelf: Shelf
    republish: Republish
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "refreshes"))
    _running: set[str] = field(default_factory=set)

    def take(self, recipient_id: str, path: Path, language: str) -> dict[str, Any]:
        """Begin with an uploaded file; returns the job. Raises Fault 429."""
        if sum(job["stage"] not in ENDED for job in self.every(recipient_id)) >= AT_ONCE:
            shutil.rmtree(path.parent)
            raise Fault(429, f"{AT_ONCE} refreshes at once are enough: wait for them", {"Retry-After": "60"})
        job_id = path.parent.name
        job: dict[str, Any] = {
            "job_id": job_id, "file": path.name, "language": language, "stage": "waiting", "why": None, "delivery_id": None,
            "files": [], "summary": None, "began_at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        self._write(path.parent, job)
        self._running.add(job_id)
        self._pool.submit(self._run, recipient_id, path, job)
        return job

    def resume(self) -> None:
        """What an earlier process left: jobs that it did not finish are interrupted, and no upload is kept."""
        for folder in (self.home / "uploads").glob("*/*"):
            if (folder / JOB).is_file():
                job = self._read(folder)
                if job["stage"] == "interrupted":
                    (folder / str(job["file"])).unlink(missing_ok=True)
                    self._write(folder, job)
            elif folder.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def every(self, recipient_id: str) -> list[dict[str, Any]]:
        """Jobs of a recipient, the newest first."""
        found = [self._read(path.parent) for path in (self.home / "uploads" / recipient_id).glob(f"*/{JOB}")]
        return sorted(found, key=lambda job: str(job["began_at"]), reverse=True)

    def one(self, recipient_id: str, job_id: str) -> dict[str, Any]:
        """A job; its stage is `interrupted` when the service ended meanwhile. Raises Fault 404."""
        folder = self.home / "uploads" / recipient_id / job_id
        if not re.fullmatch(r"[0-9a-f]{16}", job_id) or not (folder / JOB).is_file():
            raise Fault(404, "there is no such refresh")
        return self._read(folder)

    def file(self, recipient_id: str, job_id: str, name: str) -> Path:
        """A file of an answer, proven against the ledger of this moment: it may have waited since it was made.

        Raises Fault: 404 when there is none, 410 when it is no longer kept, 409 when it tells of somebody who has objected
        since; Refused when nobody can say.
        """
        job = self.one(recipient_id, job_id)
        if name not in job["files"]:
            raise Fault(404, "there is no such file")
        path = self.home / "deliveries" / recipient_id / str(job["delivery_id"]) / name
        if not path.is_file():
            raise Fault(410, "the answer is no longer kept: refresh anew")
        if self._tells_of_objectors(job):
            raise Fault(409, "this answer may not be used any more as it was made: refresh anew")
        return path

    def _tells_of_objectors(self, job: dict[str, Any]) -> bool:
        prove(self.home, self.republish)
        if job["summary"]["suppression_version"] == proven(self.home):
            return False
        # Whoever had objected before it was made is in it as `kielto`, and nothing was told of them.
        told = disclosures.persons_of(self.home, str(job["delivery_id"]))
        with published.desk(self.home) as db:
            ((count,),) = db.execute(
                """
                select count(*) from (select unnest($1::varchar[]) as person_id) as told
                left join registry.restricted.person_redirects as redirects on told.person_id = redirects.former_person_id
                semi join registry.withheld_persons as withheld
                    on coalesce(redirects.person_id, told.person_id) = withheld.person_id""",
                [told],
            ).fetchall()
        return bool(count)

    def end(self) -> None:
        """Finish the one that runs."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, recipient_id: str, path: Path, job: dict[str, Any]) -> None:
        def progress(stage: str) -> None:
            job["stage"] = stage
            self._write(path.parent, job)

        try:
            # Somebody may have objected since: the customer's file is not refused for that.
            prove(self.home, self.republish)
            made = refresh(self.home, path, recipient_id, language=job["language"], progress=progress)
            job |= {"delivery_id": made.folder.name, "files": made.files, "summary": asdict(made.summary), "stage": "done"}
        except (Refused, LandingRefused, LedgerRefused) as refused:
            job |= {"stage": "failed", "why": line(refused, self.home)}
        except Exception as error:
            job |= {"stage": "failed", "why": f"a fault of ours ({type(error).__name__})"}
            _log.error("refresh %s: %s", job["job_id"], where(error))
        path.unlink(missing_ok=True)
        self._write(path.parent, job)
        self._running.discard(job["job_id"])
        self.shelf.forget()

    def _write(self, folder: Path, job: dict[str, Any]) -> None:
        files.write_text(folder / JOB, json.dumps(job, ensure_ascii=False, default=str))

    def _read(self, folder: Path) -> dict[str, Any]:
        job: dict[str, Any] = json.loads((folder / JOB).read_text(encoding="utf-8"))
        if job["stage"] not in ENDED and job["job_id"] not in self._running:
            job["stage"] = "interrupted"
        return job
