"""Tunnukset: the keys and people of a recipient, for its administrator."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import ValidationError

from delivery.service.api import keys as api
from delivery.service.api.common import Told
from delivery.service.faults import Fault
from delivery.service.page.rendering import go, show
from delivery.service.roles import may, tenant
from ledger import audit, chain
from ledger.access import Identity

router = APIRouter()
May = may("keys")
DAYS = (30, 90, 365, 730)
"""How long a key may be good for."""


@router.get("/keys")
def list_keys(request: Request, house: Told, who: Identity = May) -> Response:
    """Who and what may use the service for this recipient."""
    return _list(request, house, who)


@router.post("/keys")
def make(
    request: Request, house: Told, label: Annotated[str, Form(max_length=200)], days: Annotated[int, Form()],
    role: Annotated[Literal["user", "admin"], Form()], who: Identity = May,
) -> Response:  # fmt: skip
    """Make a key; the answer shows it, and nothing ever does again."""
    try:
        made = api.make_key(request, house, api.KeyBody(label=label.strip(), role=role, days=days), who)
    except ValidationError:
        return _list(request, house, who, said="label")
    except Fault as refused:
        return _list(request, house, who, said=refused.detail)
    return _list(request, house, who, made=made | {"label": label.strip()})


@router.post("/keys/{access_id}/end")
def end(request: Request, house: Told, access_id: str, who: Identity = May) -> Response:
    """Let nobody in by it any more."""
    api.end_key(request, house, access_id, who)
    return go("/keys")


def _list(
    request: Request, house: Told, who: Identity, said: str | None = None, made: dict[str, str] | None = None
) -> Response:
    used = audit.last_used(house.home, tenant(who))
    rows = [
        row | {"used_at": used.get(row["access_id"])}
        # Nobody writes down that a key has run out by itself.
        | ({"state": "ended"} if row["expires_at"] and row["expires_at"] <= chain.now() else {})
        for row in api.list_keys(house, who)
    ]  # fmt: skip
    rows.sort(key=lambda row: (row["state"] != "active", -row["added_at"].timestamp()))
    return show(request, "keys.html", 422 if said else 200, rows=rows, said=said, made=made, mine=who.access_id, days=DAYS)
