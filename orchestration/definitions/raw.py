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
ON_DEMAND = "on demand"
# The daily run is at 05:30: one that is missed warns by breakfast time and has failed by the evening.
FRESH = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(hours=36))
FRESH_WEEKLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=8), fail_window=timedelta(days=15))
FRESH_BY_CADENCE = {"daily": FRESH, "weekly": FRESH_WEEKLY}


class Landing(dg.Config):
    """What a run may be told; by default a source's own address (or KOHDE_<SOURCE>_URL) and the day the data says."""

    origin: str | None = None
    as_of: str | None = None


def raw_assets(source: Source) -> dg.AssetsDefinition:
    """The regular datasets of one source, landed by one call of its loader, each with the check `bounds`."""
    specs = {name: spec(source, name) for name, dataset in source.datasets.items() if dataset.cadence != ON_DEMAND}
    keys = {name: found.key for name, found in specs.items()}

    @dg.multi_asset(
        name=f"land_{source.name}",
        specs=list(specs.values()),
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
                if receipt.load_id not in before and receipt.dataset in keys:
                    yield from told(keys[receipt.dataset], receipt)
            raise dg.Failure(str(refusal), allow_retries=refusal.reason != "bounds") from refusal
        for receipt in receipts:
            for warning in [*receipt.warnings, *unknowns(receipt)]:
                context.log.warning(f"{receipt.load_id}: {warning}")
            if receipt.dataset in keys:
                yield from told(keys[receipt.dataset], receipt)
        for name in keys.keys() - {receipt.dataset for receipt in receipts}:
            last = lake.newest(home, source.name, name)
            yield bounds_result(keys[name], last) if last else never_landed(keys[name])

    return land


def spec(source: Source, dataset: str) -> dg.AssetSpec:
    """What the fact sheet says of a dataset, as Dagster shows it. The dbt source has the same key: [source, dataset]."""
    described = source.datasets[dataset]
    return dg.AssetSpec(
        dg.AssetKey([source.name, dataset]),
        group_name=source.name,
        description=described.description,
        skippable=True,
        kinds={"parquet"},
        freshness_policy=FRESH_BY_CADENCE.get(described.cadence),
        metadata={"publisher": source.publisher, "licence": source.licence, "cadence": described.cadence},
    )


def on_demand(source: Source) -> list[dg.AssetSpec]:
    """Datasets that only a person asks for (`kohde land`): in the graph, but nothing Dagster could run."""
    return [spec(source, name) for name, dataset in source.datasets.items() if dataset.cadence == ON_DEMAND]


def told(key: dg.AssetKey, receipt: lake.Manifest) -> Iterator[Any]:
    """A load as Dagster's events: what is in service is a materialisation, its bounds a check either way."""
    if receipt.verdict == "accepted":
        yield materialisation(key, receipt)
    yield bounds_result(key, receipt)


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


def never_landed(key: dg.AssetKey) -> dg.AssetCheckResult:
    """A dataset of which the loader brought nothing and the lake has nothing."""
    return dg.AssetCheckResult(check_name=BOUNDS, asset_key=key, passed=False, description="has never landed")


def unknowns(receipt: lake.Manifest) -> list[str]:
    """Fields and codes nobody has told us about, each with how often."""
    return [
        f"unknown {kind} {name} ({times} times), kept in _extra"
        for kind, found in (("field", receipt.unknown_fields), ("code", receipt.unknown_codes))
        for name, times in found.items()
    ]
