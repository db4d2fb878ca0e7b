"""Deliveries: their files, what a recipient confirms, what they may no longer use."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse

from delivery.service import fetching
from delivery.service.api import answers
from delivery.service.api.common import BYTES, FILE, RESPONSES, Strict, Told, about
from delivery.service.roles import may, tenant
from ledger import disclosures
from ledger.access import Identity

router = APIRouter(tags=["deliveries"], responses=RESPONSES)
May = may("deliveries")
DeliveryId = Annotated[str, Path(max_length=120)]


class Confirmation(Strict):
    """fetched; recalled: what a recall asks for is done; destroyed: no copy is left."""

    what: Literal["fetched", "recalled", "destroyed"]


@router.get("/deliveries", response_model=list[answers.Delivery])
def list_deliveries(house: Told, who: Identity = May) -> list[dict[str, Any]]:
    """Those sent, the newest first."""
    return fetching.every(house.home, tenant(who))


@router.get("/recalls", response_model=list[answers.Recall])
def list_recalls(house: Told, who: Identity = May) -> list[dict[str, Any]]:
    """Recalls that wait for confirmation."""
    return fetching.recalls(house.home, tenant(who))


@router.get("/deliveries/{delivery_id}", response_model=answers.DeliveryWithFiles)
def read_delivery(request: Request, house: Told, delivery_id: DeliveryId, who: Identity = May) -> dict[str, Any]:
    """One of them, with the names of its files."""
    about(request, delivery_id)
    return fetching.one(house.home, tenant(who), delivery_id)


@router.get("/deliveries/{delivery_id}/files/{name}", response_class=FileResponse, responses=FILE)
def read_file(
    request: Request, house: Told, delivery_id: DeliveryId, name: Annotated[str, Path(max_length=200)], who: Identity = May
) -> FileResponse:
    """A file of it, while its licence runs. That it was fetched is written down."""
    about(request, delivery_id)
    path = fetching.file(house.home, tenant(who), delivery_id, name, house.office.republish)
    disclosures.acknowledge(house.home, delivery_id, tenant(who), "fetched")
    return FileResponse(path, filename=path.name, media_type=BYTES, content_disposition_type="attachment")


@router.post("/deliveries/{delivery_id}/check", response_model=answers.Check)
def check_delivery(request: Request, house: Told, delivery_id: DeliveryId, who: Identity = May) -> dict[str, Any]:
    """Which of the rows that the recipient holds by this order may not be used as they are, at this moment: row ids."""
    about(request, delivery_id)
    return fetching.check(house.home, tenant(who), delivery_id, house.office.republish)


@router.post("/deliveries/{delivery_id}/confirmations", status_code=204)
def confirm(request: Request, house: Told, delivery_id: DeliveryId, body: Confirmation, who: Identity = May) -> None:
    """Confirm something, once; again changes nothing."""
    about(request, delivery_id)
    fetching.one(house.home, tenant(who), delivery_id)
    disclosures.acknowledge(house.home, delivery_id, tenant(who), body.what)
