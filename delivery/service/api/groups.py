"""Target groups and own lists that a recipient keeps."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Path, Request, UploadFile

from delivery import group
from delivery.service import lists
from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, GroupBody, Told, about
from delivery.service.roles import may, tenant
from ledger import groups
from ledger.access import Identity

router = APIRouter(tags=["groups"], responses=RESPONSES)
May = may("groups")
GroupId = Annotated[str, Path(max_length=40)]
ListName = Annotated[str, Path(max_length=70, description="Small letters, digits and hyphens.")]


@router.get("/groups", response_model=list[answers.Group])
def list_groups(house: Told, who: Identity = May) -> list[dict[str, Any]]:
    """Those kept, the last saved first."""
    return [_told(row) for row in groups.every(house.home, tenant(who))]


@router.post("/groups", status_code=201, response_model=answers.GroupId)
def save_group(request: Request, house: Told, body: GroupBody, who: Identity = May) -> dict[str, str]:
    """Keep a group."""
    wanted = body.parsed()
    about(request, group.digest(wanted))
    return {"group_id": groups.save(house.home, tenant(who), wanted.model_dump_json(), by_whom=who.access_id)}


@router.get("/groups/{group_id}", response_model=answers.Group)
def read_group(house: Told, group_id: GroupId, who: Identity = May) -> dict[str, Any]:
    """One of them."""
    return _told(groups.one(house.home, tenant(who), group_id))


@router.put("/groups/{group_id}", status_code=204)
def change_group(request: Request, house: Told, group_id: GroupId, body: GroupBody, who: Identity = May) -> None:
    """Word one anew."""
    about(request, group_id)
    groups.save(house.home, tenant(who), body.parsed().model_dump_json(), group_id=group_id, by_whom=who.access_id)


@router.delete("/groups/{group_id}", status_code=204)
def remove_group(request: Request, house: Told, group_id: GroupId, who: Identity = May) -> None:
    """Keep one no longer."""
    about(request, group_id)
    groups.remove(house.home, tenant(who), group_id, by_whom=who.access_id)


@router.get("/lists", response_model=list[answers.OwnList])
def list_lists(house: Told, who: Identity = May) -> list[dict[str, Any]]:
    """Own lists of business ids and addresses."""
    return lists.every(house.home, tenant(who))


@router.put("/lists/{name}", response_model=answers.ListSaved)
def save_list(
    request: Request, house: Told, name: ListName, file: Annotated[UploadFile, File()], who: Identity = May
) -> dict[str, Any]:
    """Upload a list (CSV or XLSX, however its columns are called); business ids and addresses of it are kept."""
    path = lists.upload(house.home, tenant(who), file.filename or "list.csv", file.file)
    try:
        rows = lists.save(house.home, tenant(who), name, path)
    finally:
        lists.discard(path)
    about(request, name, rows)
    return {"name": name, "rows": rows}


@router.delete("/lists/{name}", status_code=204)
def remove_list(request: Request, house: Told, name: ListName, who: Identity = May) -> None:
    """Keep a list no longer."""
    about(request, name)
    lists.remove(house.home, tenant(who), name)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {"group_id": row["group_id"], "group": json.loads(row["spec"]), "saved_at": row["saved_at"]}
