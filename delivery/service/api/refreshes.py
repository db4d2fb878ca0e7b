"""Refreshes of the recipient's own register, as jobs with progress."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Path, Request, UploadFile
from fastapi.responses import FileResponse

from delivery.service import lists
from delivery.service.api import answers
from delivery.service.api.common import BYTES, FILE, RESPONSES, Lang, Told, about
from delivery.service.roles import may, tenant
from ledger.access import Identity

router = APIRouter(tags=["refresh"], responses=RESPONSES)
May = may("refresh")
JobId = Annotated[str, Path(max_length=40)]


@router.post("/refreshes", status_code=202, response_model=answers.Job)
def begin(
    request: Request, house: Told, file: Annotated[UploadFile, File()], language: Lang = "fi", who: Identity = May
) -> dict[str, Any]:
    """Upload a register (CSV or XLSX, as it is)."""
    path = lists.upload(house.home, tenant(who), file.filename or "register.csv", file.file)
    job = house.refreshes.take(tenant(who), path, language)
    about(request, job["job_id"])
    return job


@router.get("/refreshes", response_model=list[answers.Job])
def list_refreshes(house: Told, who: Identity = May) -> list[dict[str, Any]]:
    """The recipient's, the newest first."""
    return house.refreshes.every(tenant(who))


@router.get("/refreshes/{job_id}", response_model=answers.Job)
def read_refresh(house: Told, job_id: JobId, who: Identity = May) -> dict[str, Any]:
    """How far it is; at its end the summary and the names of the files."""
    return house.refreshes.one(tenant(who), job_id)


@router.get("/refreshes/{job_id}/files/{name}", response_class=FileResponse, responses=FILE)
def read_refreshed(
    request: Request, house: Told, job_id: JobId, name: Annotated[str, Path(max_length=200)], who: Identity = May
) -> FileResponse:
    """A file of the answer."""
    about(request, job_id)
    path = house.refreshes.file(tenant(who), job_id, name)
    return FileResponse(path, filename=path.name, media_type=BYTES, content_disposition_type="attachment")
