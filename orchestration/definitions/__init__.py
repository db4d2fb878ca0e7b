"""Dagster's view of Kohde: raw datasets -> dbt -> published files. Thin: every asset calls one function that stands
without Dagster.
"""

import dagster as dg

from ingest.source import Source
from orchestration.definitions.daily import daily_job, daily_schedule
from orchestration.definitions.deliveries import delivered_file_reads_back, delivered_files, delivery_job, due_orders, recalls
from orchestration.definitions.inbox import inbox_job, inbox_sensor
from orchestration.definitions.marts import dbt_resource, marts
from orchestration.definitions.publication import published_asset
from orchestration.definitions.raw import ON_DEMAND, on_demand, raw_assets

SOURCES = [Source.load(name) for name in Source.names()]
RAW = [raw_assets(source) for source in SOURCES if not all(d.cadence == ON_DEMAND for d in source.datasets.values())]
PUBLISHED = published_asset(key for key, group in marts.group_names_by_key.items() if group in ("marts", "restricted"))
# Written by every load, read by source_health: without it the graph would not say that the one waits for the other.
RECEIPTS = dg.AssetSpec(
    ["lake", "manifests"],
    group_name="lake",
    description="The receipt of every load, accepted or rejected.",
    deps=sorted(key for raw in RAW for key in raw.keys),
)
DAILY = daily_job([source.name for source in SOURCES if source.cadence == "daily"], marts, PUBLISHED, recalls)
DELIVERY = [delivered_files, recalls]

defs = dg.Definitions(
    assets=[*RAW, *(spec for source in SOURCES for spec in on_demand(source)), RECEIPTS, marts, PUBLISHED, *DELIVERY],
    asset_checks=[delivered_file_reads_back],
    jobs=[DAILY, inbox_job, delivery_job],  # type: ignore[list-item]
    schedules=[daily_schedule(DAILY)],
    sensors=[inbox_sensor, due_orders],
    resources={"dbt": dbt_resource()},
    executor=dg.in_process_executor,
)
