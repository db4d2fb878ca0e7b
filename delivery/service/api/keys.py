"""Keys of a recipient's own programs, looked after by its administrators."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, Strict, Told, about
from delivery.service.faults import Fault
from delivery.service.roles import may, tenant
from ledger import access
from ledger.access import Identity

router = APIRouter(tags=["keys"], responses=RESPONSES)
May = may("keys")
MOST = 100
"""Accesses of a recipient that are open."""


class KeyBody(Strict):
    """label: what it is for. It ends by itself after so many days."""

    label: Annotated[str, Field(min_length=2, max_length=100)]
    role: Literal["user", "admin"] = "user"
    days: Annotated[int, Field(ge=1, le=730)] = 365


@router.get("/keys", response_model=list[answers.Key])
def list_keys(house: Told, who: Identity = May) -> list[dict[str, Any]]:
    """Everybody and everything that may use the service for this recipient."""
    return [row for row in access.every(house.home) if row["recipient_id"] == tenant(who)]


@router.post("/keys", status_code=201, response_model=answers.NewKey)
def make_key(request: Request, house: Told, body: KeyBody, who: Identity = May) -> dict[str, str]:
    """Make a key; it is shown this once."""
    until = (datetime.now(UTC) + timedelta(days=body.days)).replace(tzinfo=None)
    known = [row for row in access.every(house.home) if row["recipient_id"] == tenant(who)]
    if sum(row["state"] == "active" for row in known) >= MOST:
        raise Fault(422, f"{MOST} accesses are open already: end one first")
    key = access.add_key(house.home, body.role, body.label, recipient_id=tenant(who), expires_at=until, by_whom=who.access_id)
    about(request, key.split("_")[1])
    return {"access_id": key.split("_")[1], "key": key}


@router.delete("/keys/{access_id}", status_code=204)
def end_key(request: Request, house: Told, access_id: Annotated[str, Path(max_length=40)], who: Identity = May) -> None:
    """Let nobody in by it any more."""
    about(request, access_id)
    if access_id not in {row["access_id"] for row in access.every(house.home) if row["recipient_id"] == tenant(who)}:
        raise Fault(404, "there is no such key")
    access.end(house.home, access_id, by_whom=who.access_id)
    house.door.forget()
