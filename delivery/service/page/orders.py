"""Orders: what, in which form, how often, under which terms."""

import json
import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import ValidationError

from base.refused import Refused
from delivery import group, terms
from delivery.group import TargetGroup
from delivery.render import Profile
from delivery.service import counts, lists
from delivery.service.api import groups as kept
from delivery.service.api import orders as api
from delivery.service.api.common import Told
from delivery.service.faults import Fault
from delivery.service.ordering import Acceptance, Wanted
from delivery.service.page import form
from delivery.service.page.rendering import go, language_of, show
from delivery.service.roles import may, tenant
from ledger.access import Identity

router = APIRouter()
SCHEDULES = {"once": None, "daily": "0 6 * * *", "weekly": "0 6 * * 1", "monthly": "0 6 1 * *"}
Text = Annotated[str, Form(max_length=200)]


@router.get("/order")
def ask(request: Request, house: Told, group_id: str | None = None, who: Identity = may("order")) -> Response:
    """The form, of a group that is kept or of the address."""
    if group_id:
        wanted = group.parse(kept.read_group(house, group_id, who)["group"])
    else:
        wanted = form.read(request.query_params.multi_items())
    return _form(request, house, who, wanted, {"key": secrets.token_urlsafe(16)})


@router.post("/order")
def take(
    request: Request, house: Told, group_json: Annotated[str, Form(max_length=900_000)], name: Text, key: Text,
    format: Literal["xlsx", "csv", "jsonl", "parquet"] = Form(), language: Literal["fi", "sv", "en"] = Form(),
    mode: Literal["full", "delta"] = Form(), schedule: Literal["once", "daily", "weekly", "monthly"] = Form(),
    by: Text = "", accepted: Annotated[str, Form()] = "", version: Text = "", who: Identity = may("order"),
) -> Response:  # fmt: skip
    """Take an order. Sent twice by the same page it is one."""
    wanted = group.parse(_json(group_json)).model_copy(update={"name": name.strip() or form.NAME})
    told = {"key": key, "format": format, "language": language, "mode": mode, "schedule": schedule, "by": by}
    if accepted != "yes":
        return _form(request, house, who, wanted, told, refused="accept")
    try:
        ordered = Wanted(
            group=json.loads(wanted.model_dump_json()), mode=mode, schedule=SCHEDULES[schedule],
            file=Profile(format=format, header_language=language, value_language=language),
            accepted=Acceptance(version=version, by=by.strip()),
        )  # fmt: skip
        # An answer of its own: the route of the API sets its status there.
        api.take_order(request, Response(), house, ordered, key, who)
    except ValidationError:
        return _form(request, house, who, wanted, told, refused="name")
    except (Refused, Fault) as refused:
        return _form(request, house, who, wanted, told, said=str(refused))
    return go("/orders")


@router.get("/orders")
def list_orders(request: Request, house: Told, who: Identity = may("orders")) -> Response:
    """All of them, the newest first."""
    rows = sorted(api.list_orders(house, who), key=lambda row: row["added_at"], reverse=True)
    waits = any(row["state"] == "waiting" for row in rows)
    return show(request, "orders.html", rows=rows, waits=waits, schedules={line: name for name, line in SCHEDULES.items()})


@router.post("/orders/{order_id}/state")
def change(
    request: Request, house: Told, order_id: str, state: Annotated[Literal["active", "paused", "ended"], Form()],
    who: Identity = may("order"),
) -> Response:  # fmt: skip
    """Pause an order, let it go on, end it."""
    api.change_state(request, house, order_id, api.StateBody(state=state), who)
    return go("/orders")


def _form(
    request: Request, house: Told, who: Identity, wanted: TargetGroup, told: dict[str, Any], refused: str | None = None,
    said: str | None = None,
) -> Response:  # fmt: skip
    counted = counts.count(house.shelf, wanted, tenant(who), lists.paths(house.home, tenant(who)))
    language = language_of(request)
    text = terms.terms()
    usual = {"format": "xlsx", "language": language, "mode": "full", "schedule": "once", "by": ""}
    return show(
        request, "order.html", 422 if refused or said else 200, wanted=wanted, group_json=wanted.model_dump_json(),
        counted=counted, told=usual | told, refused=refused, said=said, version=text.version, schedules=list(SCHEDULES),
        terms=[line for line in text.texts[language].splitlines() if line.strip()],
        rules=[rule[language] for rule in terms.rules().values()],
    )  # fmt: skip


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused("the group cannot be read") from None
