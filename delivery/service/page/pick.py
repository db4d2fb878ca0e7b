"""Poiminta: choose, see the number move, look at who it is."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from base.refused import Refused
from delivery import group
from delivery.counting import MOBILE
from delivery.group import TargetGroup
from delivery.service import counts, lists
from delivery.service.api.common import Told, about
from delivery.service.page import form, picking
from delivery.service.page.rendering import language_of, show
from delivery.service.roles import may, tenant
from ledger.access import Identity

router = APIRouter()
FOUND = 12
"""Codes of each kind that a search shows."""


@router.get("/pick")
def pick(request: Request, house: Told, who: Identity = may("count")) -> Response:
    """The page. A wrong criterion in the address is told in its place; the rest of the page stands."""
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in form.BESIDE and pair[1].strip()]
    refused = None
    try:
        wanted = form.read(pairs)
        context = shown(request, house, who, wanted)
        pairs = form.write(wanted)
    except Refused as refusal:
        refused, pairs, wanted = str(refusal), [], form.read([])
        context = shown(request, house, who, wanted)
    language = language_of(request)
    named = picking.names(house.shelf, language)
    sought = request.query_params.get("q", "").strip()[:100]
    context |= {
        "refused": refused, "pairs": pairs, "query": form.query(pairs), "sought": sought,
        "found": _found(house, sought, pairs, named) if sought else [],
        "facets": picking.facets(context["look"], pairs, named, picking.dimensions(wanted.unit)),
        "chips": picking.chips(wanted, pairs, named), "tiles": picking.tiles(context["look"], pairs, named),
        "profile": picking.profile(context["look"], named), "values": dict(pairs), "months": picking.MONTHS,
        "own_lists": list(lists.paths(house.home, tenant(who))), "least": picking.LEAST, "mobile": MOBILE,
        "areas": [(code, named.of("area", code)) for code in named.valid["area"] if code != "UNCLASSIFIED"],
        "topic_areas": form.query([*form.without(pairs, "about"), *(("about", v) for k, v in pairs if k == "area")]),
        "chosen_codes": [
            (key, value, picking.chips(wanted, [(key, value)], named)[0])
            for key, value in pairs if key.removeprefix(form.NOT) in picking.SEARCHED or key.startswith(form.NOT)
        ],
    }  # fmt: skip
    return show(request, "pick.html", 422 if refused else 200, **context)


@router.get("/preview")
def preview(request: Request, house: Told, who: Identity = may("preview")) -> Response:
    """A few of those available, masked until they are ordered."""
    wanted, language = form.read(request.query_params.multi_items()), language_of(request)
    rows = counts.preview(house.shelf, wanted, tenant(who), lists.paths(house.home, tenant(who)), language, 10)
    about(request, group.digest(wanted), len(rows))
    named = picking.names(house.shelf, language)
    return show(request, "preview.html", rows=rows, named=named, wanted=wanted, query=form.query(form.write(wanted)))


def shown(request: Request, house: Told, who: Identity, wanted: TargetGroup) -> dict[str, Any]:
    """Number and waterfall of a group, as every page that shows one has them. Raises Refused."""
    own = lists.paths(house.home, tenant(who))
    look = counts.look(house.shelf, wanted, tenant(who), own, picking.dimensions(wanted.unit))
    about(request, look.told["criteria_hash"], look.told["result"])
    named = picking.names(house.shelf, language_of(request))
    return {
        "wanted": wanted, "look": look, "told": look.told, "named": named,
        "matching": picking.steps(look.told["matching"], named), "waterfall": picking.steps(look.told["waterfall"], named),
    }  # fmt: skip


def _found(house: Told, sought: str, pairs: form.Pairs, named: picking.Names) -> list[dict[str, Any]]:
    """Industries, municipalities, postcodes and legal forms by a text, each with the addresses that take it or leave it out."""
    found = []
    for criterion in picking.SEARCHED:
        for row in counts.codes(house.shelf, criterion, sought, FOUND):
            code = row["code"]
            taken, left_out = (criterion, code), (form.NOT + criterion, code)
            bare = [pair for pair in pairs if pair not in (taken, left_out)]
            found.append({
                "criterion": criterion, "code": code, "name": named.of(criterion, code), "is_taken": taken in pairs,
                "is_left_out": left_out in pairs,
                "take": form.query([*bare, taken, ("q", sought)] if taken not in pairs else [*bare, ("q", sought)]),
                "leave": form.query([*bare, left_out, ("q", sought)] if left_out not in pairs else [*bare, ("q", sought)]),
            })  # fmt: skip
    return found
