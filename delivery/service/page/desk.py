"""Tietosuoja: a person who asks, objects, is put right, restricted or erased; look-alikes, notices, recalls, the trail."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from base.refused import Refused
from delivery.service.api import desk as api
from delivery.service.api.common import Told
from delivery.service.faults import Fault
from delivery.service.page.rendering import go, language_of, show
from delivery.service.roles import may
from ledger import recipients
from ledger.access import Identity
from ledger.store import PERSON_FIELDS, LedgerRefused

router = APIRouter(prefix="/desk")
Subjects = may("subjects")
Text = Annotated[str, Form(max_length=320)]
Reason = Annotated[str, Form(max_length=500)]
SOUGHT = ("email", "phone", "name", "business_id", "birth_date")
MOST = 200
"""Lines of a long list that are shown."""


@router.get("")
def front(request: Request, house: Told, who: Identity = Subjects) -> Response:
    """Search a person; write an objection down."""
    return _front(request, house, {})


@router.post("/find")
def find(
    request: Request, house: Told, email: Text = "", phone: Text = "", name: Text = "", business_id: Text = "",
    birth_date: Text = "", who: Identity = Subjects,
) -> Response:  # fmt: skip
    """The one person meant. In the body, since addresses do not belong into a URL."""
    told = _given(email=email, phone=phone, name=name, business_id=business_id, birth_date=birth_date)
    try:
        found = api.find(request, house, api.SoughtBody(**told), who)
    except ValidationError:
        return _front(request, house, told, "tell")
    except (Refused, LedgerRefused) as refused:
        return _front(request, house, told, said=str(refused))
    return go(f"/desk/subjects/{found['person_id']}")


@router.get("/subjects/{person_id}")
def subject(request: Request, house: Told, person_id: str, who: Identity = Subjects) -> Response:
    """What is held of a person, and what can be done."""
    return _subject(request, house, person_id, who)


@router.get("/subjects/{person_id}/report")
def report(request: Request, house: Told, person_id: str, who: Identity = Subjects) -> Response:
    """The access report as a page to print or to send."""
    return api.report_page(request, house, person_id, language_of(request), who)


@router.get("/subjects/{person_id}/report.json")
def report_json(request: Request, house: Told, person_id: str, who: Identity = Subjects) -> Response:
    """The same for programs."""
    told = api.report(request, house, person_id, language_of(request), who)
    name = f"attachment; filename=report-{told['person_id']}.json"
    return JSONResponse(_plain(told), headers={"Content-Disposition": name})


@router.post("/objections")
def object_(
    request: Request, house: Told, evidence: Reason, email: Text = "", phone: Text = "", name: Text = "",
    business_id: Text = "", birth_date: Text = "", domain: Text = "", purpose: Text = "marketing", channel: Text = "",
    recipient_id: Text = "", scope: Text = "person", who: Identity = Subjects,
) -> Response:  # fmt: skip
    """Write down what somebody forbids."""
    told = _given(
        email=email, phone=phone, name=name, business_id=business_id, birth_date=birth_date, domain=domain, purpose=purpose,
        channel=channel, recipient_id=recipient_id, scope=scope,
    )  # fmt: skip
    try:
        answer = api.object_(request, house, api.ObjectionBody(evidence=evidence, **told), who)
    except ValidationError:
        return _front(request, house, told, "tell")
    except (Refused, LedgerRefused) as refused:
        return _front(request, house, told, said=str(refused))
    return show(request, "desk_done.html", what="object", answer=answer, person_id=None)


@router.post("/subjects/{person_id}/correct")
def correct(
    request: Request, house: Told, person_id: str, field: Text, reason: Reason, value: Reason = "", business_id: Text = "",
    who: Identity = Subjects,
) -> Response:  # fmt: skip
    """Put a value right."""

    def done() -> Any:
        body = api.CorrectionBody(
            field=field, value=value.strip() or None, business_id=business_id.strip() or None, reason=reason
        )
        return api.correct(request, house, person_id, body, who)

    return _done(request, house, person_id, who, "correct", done)


@router.post("/subjects/{person_id}/restrict")
def restrict(request: Request, house: Told, person_id: str, evidence: Reason, who: Identity = Subjects) -> Response:
    """Let nothing leave."""
    return _done(
        request, house, person_id, who, "restrict",
        lambda: api.restrict(request, house, person_id, api.EvidenceBody(evidence=evidence), who),
    )  # fmt: skip


@router.post("/subjects/{person_id}/erase")
def erase(request: Request, house: Told, person_id: str, evidence: Reason, confirm: Text, who: Identity = Subjects) -> Response:
    """Erase, once the id was typed."""
    return _done(
        request, house, person_id, who, "erase",
        lambda: api.erase(request, house, person_id, api.ErasureBody(evidence=evidence, confirm=confirm.strip()), who),
    )  # fmt: skip


@router.get("/reviews")
def reviews(request: Request, house: Told, who: Identity = may("reviews")) -> Response:
    """Look-alikes of objectors that wait."""
    return show(request, "reviews.html", rows=api.list_reviews(house, who)[:MOST], said=None)


@router.post("/reviews")
def decide(
    request: Request, house: Told, objection_id: Annotated[int, Form()], person_id: Text, reason: Reason,
    verdict: Annotated[Literal["same", "not_same"], Form()], who: Identity = may("reviews"),
) -> Response:  # fmt: skip
    """Decide on one of them."""
    try:
        body = api.ReviewBody(objection_id=objection_id, person_id=person_id, verdict=verdict, reason=reason)
        api.decide(request, house, body, who)
    except (ValidationError, Refused, LedgerRefused) as refused:
        said = "reason" if isinstance(refused, ValidationError) else str(refused)
        return show(request, "reviews.html", 422, rows=api.list_reviews(house, who)[:MOST], said=said)
    return go("/desk/reviews")


@router.get("/notices")
def notices(request: Request, house: Told, who: Identity = may("notices")) -> Response:
    """Who is to be told that their data is held."""
    return show(request, "notices.html", told=api.list_notices(house, MOST, who))


@router.get("/recalls")
def recalls(request: Request, house: Told, who: Identity = may("recalls")) -> Response:
    """Which recipients have not confirmed."""
    return show(request, "recalls.html", rows=api.list_recalls(house, who))


@router.get("/trail")
def trail(request: Request, house: Told, who: Identity = may("trail")) -> Response:
    """What was asked of the service."""
    return show(request, "trail.html", rows=api.read_trail(house, MOST, who))


def _front(
    request: Request, house: Told, told: dict[str, str], refused: str | None = None, said: str | None = None
) -> Response:
    status = 422 if refused or said else 200
    known = [one["recipient_id"] for one in recipients.every(house.home)]
    return show(request, "desk.html", status, told=told, refused=refused, said=said, sought=SOUGHT, recipients=known)


def _subject(request: Request, house: Told, person_id: str, who: Identity, said: str | None = None) -> Response:
    told = api.report(request, house, person_id, language_of(request), who)
    return show(
        request, "subject.html", 422 if said else 200, report=told, person_id=person_id, said=said, fields=PERSON_FIELDS,
        recipients=[one["recipient_id"] for one in recipients.every(house.home)],
    )  # fmt: skip


def _done(request: Request, house: Told, person_id: str, who: Identity, what: str, done: Callable[[], Any]) -> Response:
    """Do it and show what came of it; what cannot be done is told on the person's page."""
    try:
        answer = done()
    except ValidationError:
        return _subject(request, house, person_id, who, "reason")
    except (Refused, LedgerRefused, Fault) as refused:
        try:
            return _subject(request, house, person_id, who, str(refused))
        except Refused:
            # An erasure that stopped half-way has nobody left to show: what it says is what counts.
            raise refused from None
    return show(request, "desk_done.html", what=what, answer=answer, person_id=None if what == "erase" else person_id)


def _given(**told: str) -> dict[str, Any]:
    return {key: value.strip() for key, value in told.items() if value.strip()}


def _plain(told: Any) -> Any:
    """As JSON has it: days and moments as texts."""
    if isinstance(told, dict):
        return {key: _plain(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told if isinstance(told, str | int | float | bool | None) else str(told)
