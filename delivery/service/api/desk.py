"""The data-protection desk: persons, objections, look-alikes, notices, recalls, the trail. Nothing of it is for recipients."""

from datetime import UTC, date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, Field, model_validator

from delivery import recall
from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, Lang, Strict, Told, about
from delivery.service.faults import Fault
from delivery.service.office import Sought
from delivery.service.roles import may
from ledger import audit, objections
from ledger.access import Identity
from ledger.objections import Saying
from ledger.subjects import Told as Subject

router = APIRouter(prefix="/desk", tags=["desk"], responses=RESPONSES)
Subjects = may("subjects")
Text = Annotated[str, Field(min_length=1, max_length=320)]
Reason = Annotated[str, Field(min_length=3, max_length=500)]
PersonId = Annotated[str, Path(pattern="^p_[0-9]{1,3}[a-z2-7]{24}$", description="As `find` answers it.")]


class SoughtBody(Strict):
    """What somebody tells of a person; in a body, since addresses do not belong into a URL."""

    email: Text | None = None
    phone: Text | None = None
    name: Text | None = None
    business_id: Text | None = None
    birth_date: date | None = None

    @model_validator(mode="after")
    def _told(self) -> "SoughtBody":
        if not any(self.model_dump().values()):
            raise ValueError("tell something of the person")
        return self


class ObjectionBody(SoughtBody):
    """evidence: where it is kept, never what it says. domain, address: of an organisation or a place, by scope."""

    evidence: Reason
    domain: Text | None = None
    address: Text | None = None
    postcode: Text | None = None
    scope: Literal["person", "organisation", "domain", "phone", "address", "channel"] = "person"
    purpose: Literal["marketing", "survey", "profiling", "all"] = "marketing"
    channel: Literal["email", "phone", "post"] | None = None
    recipient_id: Text | None = None
    received_at: AwareDatetime | None = None


class CorrectionBody(Strict):
    """A value that somebody knows better; null: there is none. business_id: of the person's place there only."""

    field: Text
    value: Annotated[str, Field(max_length=500)] | None
    business_id: Text | None = None
    reason: Reason


class EvidenceBody(Strict):
    """evidence: where the request is kept, never what it says."""

    evidence: Reason


class ErasureBody(EvidenceBody):
    """confirm: the id once more; what is erased does not come back."""

    confirm: Text


class ReviewBody(Strict):
    """Whether the person is the one who objected."""

    objection_id: Annotated[int, Field(ge=1, lt=2**53)]
    person_id: Text
    verdict: Literal["same", "not_same"]
    reason: Reason


@router.post("/subjects/find", response_model=answers.Person)
def find(request: Request, house: Told, body: SoughtBody, who: Identity = Subjects) -> dict[str, str]:
    """The id of the one person meant."""
    found = house.office.find(Sought(**body.model_dump()))
    about(request, found)
    return {"person_id": found}


@router.get("/subjects/{person_id}/report")
def report(
    request: Request, house: Told, person_id: PersonId, language: Lang = "fi", who: Identity = Subjects
) -> dict[str, Any]:
    """All that is held of a person: values with their sources, reasons, objections, named recipients (GDPR art. 15)."""
    about(request, person_id)
    return house.office.report(person_id, language)


@router.get("/subjects/{person_id}/report.html", response_class=HTMLResponse)
def report_page(
    request: Request, house: Told, person_id: PersonId, language: Lang = "fi", who: Identity = Subjects
) -> HTMLResponse:
    """The same as a page to print or to send."""
    about(request, person_id)
    # The page is one file: its few lines of style stand in it.
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    page = house.office.page(house.office.report(person_id, language))
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


@router.post("/subjects/{person_id}/corrections", status_code=201)
def correct(
    request: Request, house: Told, person_id: PersonId, body: CorrectionBody, who: Identity = Subjects
) -> dict[str, Any]:
    """Put a value right (art. 16); names the recipients who may still use what they were given."""
    about(request, person_id)
    return house.office.correct(person_id, body.field, body.value, body.business_id, who.access_id, body.reason)


@router.post("/subjects/{person_id}/restrictions", status_code=201)
def restrict(
    request: Request, house: Told, person_id: PersonId, body: EvidenceBody, who: Identity = Subjects
) -> dict[str, Any]:
    """Let nothing of a person leave for any purpose (art. 18)."""
    about(request, person_id)
    return house.office.restrict(person_id, body.evidence, who.access_id)


@router.post("/subjects/{person_id}/erasures", status_code=201)
def erase(request: Request, house: Told, person_id: PersonId, body: ErasureBody, who: Identity = Subjects) -> dict[str, Any]:
    """Erase a person from every file (art. 17), prove it; answers the certificate. Takes minutes in a large lake."""
    about(request, person_id)
    if body.confirm != person_id:
        raise Fault(409, "confirm with the id of the person: what is erased does not come back")
    return house.office.erase(person_id, body.evidence, who.access_id)


@router.get("/objections", response_model=list[answers.ObjectionListed])
def list_objections(house: Told, who: Identity = Subjects) -> list[dict[str, Any]]:
    """What stands and what was revoked; nobody can read from it whom it is about."""
    shown = ("objection_id", "kind", "scope", "purpose", "channel", "origin", "received_at", "effective_at", "revoked_at")
    return [{name: row[name] for name in shown} for row in objections.every(house.home)]


@router.post("/objections", status_code=201)
def object_(request: Request, house: Told, body: ObjectionBody, who: Identity = Subjects) -> dict[str, Any]:
    """Write down what somebody forbids; it counts at once. Answers whom it found, counted, and who has their data, by name."""
    told = Subject(
        email=body.email, phone=body.phone, name=body.name, business_id=body.business_id, birth_date=body.birth_date,
        domain=body.domain, address=body.address, postcode=body.postcode,
    )  # fmt: skip
    received = body.received_at.astimezone(UTC).replace(tzinfo=None) if body.received_at else None
    answer = house.office.object(
        Saying(
            told, evidence=body.evidence, by_whom=who.access_id, scope=body.scope, purpose=body.purpose,
            channel=body.channel, recipient=body.recipient_id, received_at=received,
        )
    )  # fmt: skip
    about(request, f"objection {answer['objection_id']}")
    return answer


@router.get("/reviews")
def list_reviews(house: Told, who: Identity = may("reviews")) -> list[dict[str, Any]]:
    """Persons who look like an objector at another employer, and wait."""
    return house.office.reviews()


@router.post("/reviews", status_code=201, response_model=answers.ReviewTaken)
def decide(request: Request, house: Told, body: ReviewBody, who: Identity = may("reviews")) -> dict[str, int]:
    """Decide on one of them; the last decision counts."""
    about(request, body.person_id)
    number = house.office.decide(body.objection_id, body.person_id, body.verdict, who.access_id, body.reason)
    return {"review_id": number}


@router.get("/notices", response_model=answers.Notices)
def list_notices(
    house: Told, most: Annotated[int, Query(ge=1, le=10_000)] = 1000, who: Identity = may("notices")
) -> dict[str, Any]:
    """Who is to be told that we hold their data, the most urgent first, and how many there are."""
    due = house.office.notices()
    return {"due": len(due), "late": sum(row["days_left"] < 0 for row in due), "persons": due[:most]}


@router.get("/recalls", response_model=list[answers.Recall])
def list_recalls(house: Told, who: Identity = may("recalls")) -> list[dict[str, Any]]:
    """Which recipients have not confirmed a recall."""
    return [one.to_dict() for one in recall.unconfirmed(house.home)]


@router.get("/trail", response_model=list[answers.Event])
def read_trail(
    house: Told, most: Annotated[int, Query(ge=1, le=5000)] = 200, who: Identity = may("trail")
) -> list[dict[str, Any]]:
    """What was asked of the service, the newest first."""
    house.trail.flush()
    return audit.last(house.home, most)
