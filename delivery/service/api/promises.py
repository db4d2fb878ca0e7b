"""What a recipient hears from the people they reach: somebody says no."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, Field, model_validator

from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, Strict, Told, about
from delivery.service.roles import may, tenant
from ledger import recipients
from ledger.access import Identity
from ledger.objections import Saying
from ledger.subjects import Told as Subject

router = APIRouter(tags=["feedback"], responses=RESPONSES)
Text = Annotated[str, Field(min_length=1, max_length=320)]


class ObjectionBody(Strict):
    """Who has said no to you: an address, a telephone number, or a name with the organisation. It counts at once, everywhere.

    reference: where you keep it, never what it says. channel: only this one. purpose: what is forbidden.
    """

    reference: Annotated[str, Field(min_length=1, max_length=200)]
    email: Text | None = None
    phone: Text | None = None
    name: Text | None = None
    business_id: Text | None = None
    channel: Literal["email", "phone", "post"] | None = None
    purpose: Literal["marketing", "survey", "profiling", "all"] = "marketing"
    received_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _about_somebody(self) -> "ObjectionBody":
        if not (self.email or self.phone or (self.name and self.business_id)):
            raise ValueError("tell an address, a telephone number, or a name with a business id")
        return self


@router.post("/objections", status_code=201, response_model=answers.ObjectionTaken)
def object_(request: Request, house: Told, body: ObjectionBody, who: Identity = may("feedback")) -> dict[str, int]:
    """Pass an objection on. The answer is its number: whom it finds is nobody's to know but ours."""
    recipient = tenant(who)
    named = next(one["name"] for one in recipients.every(house.home) if one["recipient_id"] == recipient)
    saying = Saying(
        Subject(email=body.email, phone=body.phone, name=body.name, business_id=body.business_id),
        evidence=f"{recipient}: {body.reference}", by_whom=who.access_id, purpose=body.purpose, channel=body.channel,
        origin="customer", party=named, received_at=_utc(body.received_at),
    )  # fmt: skip
    number = int(house.office.object(saying)["objection_id"])
    about(request, f"objection {number}")
    return {"objection_id": number}


def _utc(moment: AwareDatetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None
