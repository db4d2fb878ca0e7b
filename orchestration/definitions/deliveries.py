"""Standing orders in Dagster: a partition for each delivery. A sensor, switched on by hand, asks what is due.

An asset check reads the delivered file again: its checksums, its rows, and that the ledger knows of it.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dagster as dg

from base import files
from base.refused import Refused
from delivery import manifest, orders, recall
from delivery.deliver import deliver
from ledger import disclosures
from orchestration import settings
from orchestration.definitions.marts import WRITER
from orchestration.publish import publish

PARTITIONS = dg.DynamicPartitionsDefinition(name="deliveries")
SEPARATOR = "@"
"""Between the order and its period in the name of a partition: `uutiskirje@2026-01-05T06:00`."""
EVERY_SECONDS = 15 * 60


@dg.asset(
    key=["delivery", "files"], deps=[dg.AssetKey(["published", "current"])], partitions_def=PARTITIONS, group_name="delivery",
    pool=WRITER,
)  # fmt: skip
def delivered_files(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The files of one delivery of a standing order, with its recipient."""
    home, (order_id, period) = settings.export(), context.partition_key.split(SEPARATOR)
    told = deliver(home, orders.one(home, order_id), period, republish=partial(publish, home))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": told.rows,
            "sha256": told.sha256,
            "suppression_version": told.suppression_version,
            "delivery": told.delivery_id,
            "recipient": told.recipient_id,
            "folder": dg.MetadataValue.path(told.folder),
            "sent_to": told.sent_to or "fetched by the recipient",
            "valid_until": told.valid_until.isoformat(),
        }
    )


@dg.asset_check(asset=delivered_files, blocking=True)
def delivered_file_reads_back(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Our copy of the last delivery: every checksum holds, the manifest is valid, the disclosures are as many as its rows."""
    event = context.instance.get_latest_materialization_event(dg.AssetKey(["delivery", "files"]))
    assert event and event.asset_materialization
    folder = Path(str(event.asset_materialization.metadata["folder"].value))
    faults = check_delivery(settings.home(), folder)
    return dg.AssetCheckResult(passed=not faults, metadata={"delivery": folder.name, "faults": faults})


def check_delivery(home: Path, folder: Path) -> list[str]:
    """What is wrong with a delivered folder, in words; nothing when all is as it was sent."""
    try:
        told = manifest.read(folder / "manifest.json")
    except Refused as refused:
        return [str(refused)]
    faults = [
        f"{file.name} is not as it was sent"
        for file in told.files
        if not (folder / file.name).exists() or files.sha256(folder / file.name) != file.sha256
    ]
    written = disclosures.rows_of(home, told.delivery_id)
    if told.kind == "full" and written != told.rows:
        faults.append(f"{told.rows} rows were delivered and {written} are written down")
    return faults


@dg.asset(key=["delivery", "recalls"], deps=[dg.AssetKey(["published", "current"])], group_name="delivery", pool=WRITER)
def recalls() -> dg.MaterializeResult[None]:
    """What recipients were told today of data that they may no longer use."""
    home = settings.export()
    found = recall.recall(home, republish=partial(publish, home))
    waiting = recall.unconfirmed(home)
    return dg.MaterializeResult(
        metadata={"files": len(found), "rows": sum(one.rows for one in found), "unconfirmed": len(waiting)}
    )


delivery_job = dg.define_asset_job("delivery", selection=[delivered_files], partitions_def=PARTITIONS)


@dg.sensor(job=delivery_job, minimum_interval_seconds=EVERY_SECONDS)
def due_orders(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """A run for each delivery that a standing order owes; the partition's name is its idempotency key."""
    found = orders.due(settings.home(), datetime.now(UTC))
    keys = [f"{order.order_id}{SEPARATOR}{period}" for order, period in found]
    if not keys:
        return dg.SkipReason("nothing is due")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=key, partition_key=key) for key in keys],
        dynamic_partitions_requests=[PARTITIONS.build_add_request(keys)],
    )
