"""Target groups and own lists that a recipient keeps; groups side by side."""

import json
import re
import unicodedata
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import Response

from base.refused import Refused
from delivery import group
from delivery.group import TargetGroup
from delivery.service import counts, lists
from delivery.service.api import groups as api
from delivery.service.api.common import GroupBody, Told
from delivery.service.page import form, picking
from delivery.service.page.pick import shown
from delivery.service.page.rendering import go, show
from delivery.service.roles import may, tenant
from ledger.access import Identity

router = APIRouter()
May = may("groups")
MOST_COUNTED = 50
"""So many of the groups listed are counted."""
COMPARED = range(2, 5)
MAX_BYTES = 200_000
"""Of a group as a file: YAML is read slowly, 2 MB of it in half a minute. Longer lists of codes are own lists."""


@router.get("/groups")
def list_groups(request: Request, house: Told, who: Identity = May) -> Response:
    """Those kept, and the one of the address to keep."""
    return _list(request, house, who)


def _list(request: Request, house: Told, who: Identity, text: str = "", said: str | None = None) -> Response:
    own = lists.paths(house.home, tenant(who))
    rows: list[dict[str, Any]] = []
    for row in api.list_groups(house, who):
        wanted = group.parse(row["group"])
        result, why = None, None
        if len(rows) < MOST_COUNTED:
            try:
                result = counts.count(house.shelf, wanted, tenant(who), own)["result"]
            except Refused as refused:
                why = str(refused)
        rows.append(row | {"wanted": wanted, "result": result, "why": why, "query": _query(wanted)})
    told = [] if said else [pair for pair in request.query_params.multi_items() if pair[0] not in form.BESIDE]
    to_keep = form.read(told) if told else None
    return show(
        request, "groups.html", 422 if said else 200, text=text, said=said, rows=rows, wanted=to_keep,
        query=form.query(form.write(to_keep)) if to_keep else "",
        is_saved=request.query_params.get("saved") == "yes", compared=COMPARED,
    )  # fmt: skip


@router.post("/groups")
def save(
    request: Request, house: Told, name: Annotated[str, Form(max_length=200)], query: Annotated[str, Form(max_length=100_000)],
    who: Identity = May,
) -> Response:  # fmt: skip
    """Keep a group under a name."""
    wanted = form.read(form.parsed(query)).model_copy(update={"name": name.strip() or form.NAME})
    api.save_group(request, house, body(wanted), who)
    return go("/groups?saved=yes")


@router.get("/groups/file")
def write(request: Request, house: Told, group_id: str | None = None, who: Identity = May) -> Response:
    """A group, of those kept or of the address, as a file to change and to bring back."""
    if group_id:
        wanted = group.parse(api.read_group(house, group_id, who)["group"])
    else:
        wanted = form.read(request.query_params.multi_items())
    name = re.sub(r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", wanted.name).encode("ascii", "ignore").decode().lower())
    headers = {"Content-Disposition": f'attachment; filename="{name.strip("-")[:60] or "group"}.yaml"'}
    return Response(group.dump(wanted), media_type="application/yaml", headers=headers)


@router.post("/groups/file")
def read(
    request: Request, house: Told, text: Annotated[str, Form(max_length=900_000)] = "",
    file: Annotated[UploadFile | None, File()] = None, keep: Annotated[str, Form()] = "", who: Identity = May,
) -> Response:  # fmt: skip
    """A group from a file or a text: opened on the picking page, or kept. Whatever is wrong is told beside what was sent."""
    try:
        sent = file.file.read(MAX_BYTES + 1) if file and file.filename else text.encode()
        if len(sent) > MAX_BYTES:
            raise Refused(f"too_large: YAML: the limit is {MAX_BYTES:,} bytes")
        wanted = group.read(sent, (file.filename if file else None) or "YAML")
        if keep:
            api.save_group(request, house, body(wanted), who)
            return go("/groups?saved=yes")
        return go(f"/pick?{form.query(form.write(wanted))}")
    except Refused as refused:
        return _list(request, house, who, text=text, said=str(refused))


@router.get("/groups/compare")
def compare(request: Request, house: Told, g: Annotated[list[str], Query()], who: Identity = may("count")) -> Response:
    """Two to four, side by side."""
    if len(g) not in COMPARED:
        raise Refused(f"compare {COMPARED.start} to {COMPARED.stop - 1} groups")
    sides = []
    for group_id in g:
        wanted = group.parse(api.read_group(house, group_id, who)["group"])
        side = shown(request, house, who, wanted)
        sides.append(side | {"profile": {one.code: one for one in picking.profile(side["look"], side["named"])}})
    codes = [code for code in sides[0]["profile"] if all(code in side["profile"] for side in sides)]
    return show(
        request, "compare.html", sides=sides, tables=[_beside([side["profile"][code] for side in sides]) for code in codes]
    )


@router.post("/groups/{group_id}/remove")
def remove(request: Request, house: Told, group_id: str, who: Identity = May) -> Response:
    """Keep one no longer."""
    api.remove_group(request, house, group_id, who)
    return go("/groups")


@router.get("/lists")
def list_lists(request: Request, house: Told, who: Identity = May) -> Response:
    """Own lists."""
    return show(request, "lists.html", rows=api.list_lists(house, who), refused=None)


@router.post("/lists")
def save_list(
    request: Request, house: Told, name: Annotated[str, Form(max_length=70)], file: Annotated[UploadFile, File()],
    who: Identity = May,
) -> Response:  # fmt: skip
    """Upload one."""
    try:
        api.save_list(request, house, name.strip().lower(), file, who)
    except Refused as refused:
        return show(request, "lists.html", 422, rows=api.list_lists(house, who), refused=str(refused))
    return go("/lists")


@router.post("/lists/{name}/remove")
def remove_list(request: Request, house: Told, name: str, who: Identity = May) -> Response:
    """Keep one no longer."""
    api.remove_list(request, house, name, who)
    return go("/lists")


def _beside(profiles: list[picking.Profile]) -> dict[str, Any]:
    """One dimension of several groups: a line for each name, with the share in each group."""
    lines = [{line.name: line for line in profile.lines} for profile in profiles]
    names = dict.fromkeys(name for side in lines for name in side)
    return {"title": profiles[0].title, "lines": {name: [side.get(name) for side in lines] for name in names}}


def body(wanted: TargetGroup) -> GroupBody:
    """A group as the API takes it."""
    told: dict[str, Any] = json.loads(wanted.model_dump_json())
    return GroupBody(group=told)


def _query(wanted: TargetGroup) -> str | None:
    """Its address on the picking page, where it has one."""
    try:
        return form.query(form.write(wanted))
    except Refused:
        return None
