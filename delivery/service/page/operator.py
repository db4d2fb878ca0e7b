"""Ylläpito: how the house is."""

import os
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.service.api import operator as api
from delivery.service.api.common import Told
from delivery.service.page.rendering import show
from delivery.service.roles import may
from delivery.service.shelf import Version
from ledger.access import Identity

router = APIRouter()
DAGSTER = "http://127.0.0.1:3000"
MARTS = {
    "calibration": "from registry.calibration order by channel, probability_class",
    "decay_rates": "from registry.decay_rates where staff_band || industry_section || area_code = '***' order by channel",
    "survey_coverage": "from registry.survey_coverage limit 200",
}
"""What the house publishes of itself, where it does."""


@router.get("/operator")
def front(request: Request, house: Told, who: Identity = may("health")) -> Response:
    """Loads, the version in service, deliveries, calibration."""
    told = api.health(house, who)
    late = [row for row in told["datasets"] if row["verdict"] != "accepted"]
    with house.shelf.version() as version:
        marts = {name: _read(version, name, sql) for name, sql in MARTS.items()}
    return show(
        request, "operator.html", told=told, deliveries=api.deliveries(house, 30, who), marts=marts,
        dagster=os.environ.get("KOHDE_DAGSTER_URL", DAGSTER), late=late,
    )  # fmt: skip


def _read(version: Version, name: str, sql: str) -> list[dict[str, Any]]:
    """The rows of a mart; none when this version does not have it."""
    there = "select 1 from duckdb_tables() where database_name = 'registry' and schema_name = 'main' and table_name = ?"
    if not version.db.execute(there, [name]).fetchall():
        return []
    found = version.db.execute(sql)
    names = [column for column, *_ in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
