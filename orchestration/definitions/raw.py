"""One asset per raw dataset, made from the sources' fact sheets: a new source folder is a new group, without a line
here.

No `from __future__ import annotations` in this package: Dagster reads the annotations of the context.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg

from ingest import lake
from ingest.source import Source
from orchestration import landing, settings

BOUNDS = "bounds"
# The daily run is at 05:30: one that is missed warns by breakfast time and has failed by the evening.
FRESH = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(hours=36))
FRESH_WEEKLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=8), fail_window=timedelta(days=15))
FRESH_BY_CADENCE = {"daily": FRESH, "weekly": FRESH_WEEKLY}


class Landing(dg.Config):
    """What a run may be told; by default a source's own address (or KOHDE_<SOURCE>_URL) and the day the data says."""

    origin: str | None = None
    as_of: str | None = None


def raw_assets(source: Source) -> dg.AssetsDefinition:
    """The datasets of one source, landed by one call of its loader, each with the check `bounds`."""
    keys = {name: dg.AssetKey([source.name, name]) for name in source.datasets}

    @dg.multi_asset(
        name=f"land_{source.name}",
        specs=[
            dg.AssetSpec(
                key,
                group_name=source.name,
                description=source.datasets[name].description,
                skippable=True,
                kinds={"parquet"},
                freshness_policy=FRESH_BY_CADENCE.get(source.datasets[name].cadence),
                metadata={
                    "publisher": source.publisher,
                    "licence": source.licence,
                    "cadence": source.datasets[name].cadence,
                },
            )
            for name, key in keys.items()
        ],
        check_specs=[
            dg.AssetCheckSpec(BOUNDS, asset=key, description="Floor, ceiling, shrinkage, quarantined and unmapped shares.")
            for key in keys.values()
        ],
    )
    def land(context: dg.AssetExecutionContext, config: Landing) -> Iterator[Any]:
        home = settings.export()
        before = {receipt.load_id for receipt in lake.manifests(home, source.name)}
        as_of = date.fromisoformat(config.as_of) if config.as_of else None
        try:
            receipts = landing.land(source.name, config.origin, as_of, home)
        except lake.LandingRefused as refusal:
            # The verdict of the load that was kept aside belongs on its asset, before the run fails.
            for receipt in lake.manifests(home, source.name):
                if receipt.load_id not in before:
                    yield bounds_result(keys[receipt.dataset], receipt)
                    if receipt.verdict == "accepted":
                        yield materialisation(keys[receipt.dataset], receipt)
            raise dg.Failure(str(refusal), allow_retries=refusal.reason != "bounds") from refusal
        for receipt in receipts:
            for warning in [*receipt.warnings, *unknowns(receipt)]:
                context.log.warning(f"{receipt.load_id}: {warning}")
            yield materialisation(keys[receipt.dataset], receipt)
            yield bounds_result(keys[receipt.dataset], receipt)

    return land


def materialisation(key: dg.AssetKey, receipt: lake.Manifest) -> dg.MaterializeResult[Any]:
    """The receipt of a load as Dagster shows it."""
    counts = receipt.counts
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "load_id": receipt.load_id,
            "as_of": receipt.as_of,
            "dagster/row_count": counts.landed + counts.disappeared,
            **vars(counts),
            "sha256": receipt.sha256,
            "unknown_fields": receipt.unknown_fields,
            "unknown_codes": receipt.unknown_codes,
        },
    )


def bounds_result(key: dg.AssetKey, receipt: lake.Manifest) -> dg.AssetCheckResult:
    """The bounds of a load: passed, or failed with the bound, its limit and the value."""
    return dg.AssetCheckResult(
        check_name=BOUNDS,
        asset_key=key,
        passed=receipt.verdict == "accepted",
        description=receipt.reason or f"{len(receipt.bounds)} bounds hold",
        metadata={
            "load_id": receipt.load_id,
            **{f"bound/{bound['bound']}": f"{bound['value']} (limit {bound['limit']})" for bound in receipt.bounds},
            **vars(receipt.counts),
        },
    )


def unknowns(receipt: lake.Manifest) -> list[str]:
    """Fields and codes nobody has told us about, each with how often."""
    return [
        f"unknown {kind} {name} ({times} times), kept in _extra"
        for kind, found in (("field", receipt.unknown_fields), ("code", receipt.unknown_codes))
        for name, times in found.items()
    ]
