"""How the house is: for operators, and for load balancers that need to know whether it answers."""

from typing import Any

from fastapi import APIRouter

from delivery import published
from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, Told
from delivery.service.roles import may
from ledger import orders as ledger
from ledger.access import Identity

router = APIRouter(tags=["operator"], responses=RESPONSES)


@router.get("/alive", response_model=answers.Alive)
def alive() -> dict[str, str]:
    """That the process answers; tells nothing else, and asks for no key."""
    return {"status": "alive"}


@router.get("/operator/health")
def health(house: Told, who: Identity = may("health")) -> dict[str, Any]:
    """Loads of each dataset, the build, coverage of the survey, calibration."""
    return house.office.health() | {"in_service": published.current(house.home).name}


@router.get("/operator/deliveries", response_model=list[answers.DeliveryEvent])
def deliveries(house: Told, most: int = 100, who: Identity = may("health")) -> list[dict[str, Any]]:
    """What became of deliveries lately, the newest first."""
    shown = ("delivery_id", "order_id", "recipient_id", "what", "at")
    found = ledger.history(house.home)[-min(max(most, 1), 1000) :]
    return [{name: row[name] for name in shown} | {"why": row["detail"].get("why")} for row in reversed(found)]
