"""Poiminta: choose, see the number move, look at who it is."""

from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import Response

from base.refused import Refused
from delivery import group
from delivery.counting import MOBILE
from delivery.group import Rank, TargetGroup
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
        refused = str(refusal)
        pairs, wanted, context = _mended(request, house, who, pairs)
    language = language_of(request)
    named = picking.names(house.shelf, language)
    sought = request.query_params.get("q", "").strip()[:100]
    ranges, flags = picking.ranges(wanted.unit), picking.flags(wanted.unit)
    more = [*(one.code + end for one in ranges for end in (form.MIN, form.MAX)), *(one.code for one in flags)]
    shown_keys = [*picking.dimensions(wanted.unit), *picking.OF_THEIR_OWN, *more]
    context |= {
        "refused": refused, "pairs": pairs, "query": form.query(pairs), "sought": sought,
        "found": _found(house, sought, pairs, named) if sought else [],
        "facets": picking.facets(context["look"], pairs, named, picking.dimensions(wanted.unit)),
        "chips": picking.chips(wanted, pairs, named), "tiles": picking.tiles(context["look"], pairs, named),
        "profile": picking.profile(context["look"], named), "values": dict(pairs), "months": picking.MONTHS,
        "own_lists": list(lists.paths(house.home, tenant(who))), "least": picking.LEAST, "mobile": MOBILE,
        "areas": [(code, named.of("area", code)) for code in named.valid["area"] if code != "UNCLASSIFIED"],
        "topic_areas": form.query([*form.without(pairs, "about"), *(("about", v) for k, v in pairs if k == "area")]),
        "ranges": ranges, "flags": flags, "strata": picking.strata(wanted.unit, named), "ranks": get_args(Rank),
        "kept": picking.kept(pairs, shown_keys, named), "blocks": picking.blocks(pairs, named),
        "deeper": picking.deeper(pairs, named), "more_chosen": sum(key in more for key, _ in pairs),
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


def _mended(request: Request, house: Told, who: Identity, pairs: form.Pairs) -> tuple[form.Pairs, TargetGroup, dict[str, Any]]:
    """What is left of a wrong address without the one key that is wrong, so that nobody loses all that they chose."""
    for key in reversed(dict(pairs)):
        try:
            wanted = form.read(form.without(pairs, key))
            return form.write(wanted), wanted, shown(request, house, who, wanted)
        except Refused:
            continue
    wanted = form.read([])
    return [], wanted, shown(request, house, who, wanted)


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
