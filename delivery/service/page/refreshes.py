"""Refreshing the recipient's own register: give the file, see how far it is, take the answer."""

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import Response

from base.refused import Refused
from delivery.refresh.answer import words
from delivery.service.api import refreshes as api
from delivery.service.api.common import Told
from delivery.service.page.rendering import go, language_of, show
from delivery.service.refreshing import STAGES
from delivery.service.roles import may
from ledger.access import Identity

router = APIRouter()
May = may("refresh")


@router.get("/refresh")
def list_refreshes(request: Request, house: Told, who: Identity = May) -> Response:
    """Where a file is given, and those given before."""
    return show(request, "refresh.html", rows=api.list_refreshes(house, who), refused=None)


@router.post("/refresh")
def begin(request: Request, house: Told, file: Annotated[UploadFile, File()], who: Identity = May) -> Response:
    """Take a file."""
    try:
        job = api.begin(request, house, file, language_of(request), who)
    except Refused as refused:
        return show(request, "refresh.html", 422, rows=api.list_refreshes(house, who), refused=str(refused))
    return go(f"/refresh/{job['job_id']}")


@router.get("/refresh/{job_id}")
def read(request: Request, house: Told, job_id: str, who: Identity = May) -> Response:
    """How far it is; at its end what was found."""
    job = api.read_refresh(house, job_id, who)
    ended = job["stage"] in ("done", "failed", "interrupted")
    place = STAGES.index(job["stage"]) if job["stage"] in STAGES else 0
    said = words(language_of(request))
    return show(request, "job.html", job=job, stages=STAGES[:-1], place=place, ended=ended, said=said, summary=job["summary"])
