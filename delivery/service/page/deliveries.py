"""Deliveries, the inbox of recalls, and what a recipient passes on: somebody says no."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import ValidationError

from base.refused import Refused
from delivery.service import fetching
from delivery.service.api import deliveries as api
from delivery.service.api import promises
from delivery.service.api.common import Told
from delivery.service.page.rendering import go, show
from delivery.service.roles import may, tenant
from ledger.access import Identity
from ledger.store import LedgerRefused

router = APIRouter()
May = may("deliveries")
Text = Annotated[str, Form(max_length=320)]


@router.get("/deliveries")
def list_deliveries(request: Request, house: Told, who: Identity = May) -> Response:
    """Recalls that wait, then all deliveries."""
    context = _inbox(house, who)
    return show(request, "deliveries.html", **context, said=None, number=None)


@router.get("/deliveries/{delivery_id}")
def read(request: Request, house: Told, delivery_id: str, who: Identity = May) -> Response:
    """One of them, with its files."""
    return show(request, "delivery.html", one=api.read_delivery(request, house, delivery_id, who), checked=None)


@router.post("/deliveries/{delivery_id}/confirm")
def confirm(
    request: Request, house: Told, delivery_id: str, what: Annotated[Literal["recalled", "destroyed"], Form()],
    who: Identity = May,
) -> Response:  # fmt: skip
    """Confirm that it was done."""
    api.confirm(request, house, delivery_id, api.Confirmation(what=what), who)
    return go("/deliveries" if what == "recalled" else f"/deliveries/{delivery_id}")


@router.post("/deliveries/{delivery_id}/check")
def check(request: Request, house: Told, delivery_id: str, who: Identity = May) -> Response:
    """Which rows may not be used as they are, at this moment."""
    checked = api.check_delivery(request, house, delivery_id, who)
    return show(request, "delivery.html", one=fetching.one(house.home, tenant(who), delivery_id), checked=checked)


@router.post("/objections")
def object_(
    request: Request, house: Told, reference: Text, email: Text = "", phone: Text = "", name: Text = "", business_id: Text = "",
    channel: Text = "", who: Identity = may("feedback"),
) -> Response:  # fmt: skip
    """Pass on that somebody has said no."""
    given: dict[str, Any] = {"email": email, "phone": phone, "name": name, "business_id": business_id, "channel": channel}
    try:
        body = promises.ObjectionBody(
            reference=reference, **{key: value.strip() for key, value in given.items() if value.strip()}
        )
        number = promises.object_(request, house, body, who)["objection_id"]
    except ValidationError:
        return show(request, "deliveries.html", 422, **_inbox(house, who), said="objection_needs", number=None)
    except (Refused, LedgerRefused):
        return show(request, "deliveries.html", 422, **_inbox(house, who), said="objection_needs", number=None)
    return show(request, "deliveries.html", **_inbox(house, who), said=None, number=number)


def _inbox(house: Told, who: Identity) -> dict[str, Any]:
    return {"rows": api.list_deliveries(house, who), "recalls": api.list_recalls(house, who)}
