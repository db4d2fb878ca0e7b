"""Coming in and going out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from delivery.service.api.common import Told
from delivery.service.faults import Fault
from delivery.service.page.rendering import NAV, go, show
from delivery.service.roles import capabilities
from delivery.service.signing_in import local

router = APIRouter()
Next = Annotated[str, Query(max_length=8000)]


@router.get("/")
def front(request: Request) -> Response:
    """The first page that whoever is here may see."""
    who = request.state.who()
    return go(next((address for _, address, needs in NAV if who and who.role in capabilities()[needs].roles), "/sign-in"))


@router.get("/sign-in")
def ask(request: Request, house: Told, next: Next = "/") -> Response:
    """Where people say who they are."""
    return show(request, "sign_in.html", after=local(next), has_provider=house.signing_in.has_provider, wrong=None)


@router.post("/sign-in")
def sign_in(
    request: Request, house: Told, key: Annotated[str, Form(max_length=200)], next: Annotated[str, Form(max_length=8000)] = "/"
) -> Response:
    """With a key of one's own."""
    try:
        house.signing_in.with_key(request, key)
    except Fault as fault:
        return show(
            request, "sign_in.html", fault.status, after=local(next), has_provider=house.signing_in.has_provider,
            wrong=fault.detail,
        )  # fmt: skip
    return go(local(next))


@router.get("/sign-in/provider")
async def leave(request: Request, house: Told, next: Next = "/") -> Response:
    """On to the provider."""
    return await house.signing_in.leave_for_provider(request, next)


@router.get("/sign-in/return")
async def back(request: Request, house: Told) -> Response:
    """Back from the provider."""
    return await house.signing_in.back_from_provider(request)


@router.post("/sign-out")
def sign_out(request: Request, house: Told) -> Response:
    """End the session."""
    house.signing_in.sign_out(request)
    return go("/sign-in")
