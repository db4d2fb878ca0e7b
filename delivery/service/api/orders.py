"""Orders of extract files."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Request, Response

from delivery import group
from delivery import orders as ordered
from delivery.orders import Order
from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, Strict, Told, about
from delivery.service.faults import Fault
from delivery.service.ordering import Wanted
from delivery.service.roles import may, tenant
from ledger import orders as ledger
from ledger.access import Identity

router = APIRouter(tags=["orders"], responses=RESPONSES)
OrderId = Annotated[str, Path(max_length=70)]
Key = Annotated[
    str, Header(min_length=8, max_length=200, description="The same key is the same order, however often it is sent.")
]


class StateBody(Strict):
    """What has ended stays so."""

    state: Literal["active", "paused", "ended"]


@router.get("/orders", response_model=list[answers.Order])
def list_orders(house: Told, who: Identity = may("orders")) -> list[dict[str, Any]]:
    """All of the recipient's orders as they are now."""
    sent = _sent(house)
    return [_told(house, one, sent) for one in ordered.every(house.home) if one.recipient_id == tenant(who)]


@router.post("/orders", status_code=202, response_model=answers.Order)
def take_order(
    request: Request, response: Response, house: Told, body: Wanted, idempotency_key: Key, who: Identity = may("order")
) -> dict[str, Any]:
    """Order a file, once or on a schedule. 202: taken; 200: taken before by the same key."""
    wanted = group.parse(body.group)
    about(request, group.digest(wanted))
    order, is_new = house.orders.take(who, tenant(who), body, wanted, idempotency_key)
    about(request, order.order_id)
    response.status_code = 202 if is_new else 200
    return _told(house, order, _sent(house))


@router.get("/orders/{order_id}", response_model=answers.Order)
def read_order(house: Told, order_id: OrderId, who: Identity = may("orders")) -> dict[str, Any]:
    """One of them: waiting, made, failed and why, standing, paused or ended."""
    return _told(house, _own(house, order_id, who), _sent(house))


@router.put("/orders/{order_id}/state", response_model=answers.Order)
def change_state(
    request: Request, house: Told, order_id: OrderId, body: StateBody, who: Identity = may("order")
) -> dict[str, Any]:
    """Pause an order, let it go on, end it."""
    about(request, order_id)
    _own(house, order_id, who)
    ledger.set_state(house.home, order_id, body.state, by_whom=who.access_id)
    order = _own(house, order_id, who)
    house.orders.submit(order)
    return _told(house, order, _sent(house))


def _own(house: Told, order_id: str, who: Identity) -> Order:
    found = next((one for one in ordered.every(house.home) if one.order_id == order_id), None)
    if found is None or found.recipient_id != tenant(who):
        raise Fault(404, "there is no such order")
    return found


def _sent(house: Told) -> set[str]:
    return {row["order_id"] for row in ledger.history(house.home, what=["sent"])}


def _told(house: Told, order: Order, sent: set[str]) -> dict[str, Any]:
    state, why = house.orders.state(order, sent)
    return {
        "order_id": order.order_id, "name": order.spec.group.name, "state": state, "why": why, "mode": order.spec.mode,
        "format": order.spec.file.format, "schedule": order.spec.schedule, "licence_days": order.spec.licence_days,
        "accepted": {"version": order.accepted.terms, "by": order.accepted.by, "at": order.accepted.at},
        "added_at": order.added_at,
    }  # fmt: skip
